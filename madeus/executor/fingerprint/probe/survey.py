"""The two questions that are asked of a host; each answer is a value for JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
import sys
import zlib

from madeus.executor.fingerprint.probe import chunks, dpkg, elf, facts, trace

MOST_FILES = 4000
"""Files of a configuration directory that are looked at, and of an include rule."""

MOST_SEEN = 200_000
"""Files that are gone through for an include rule."""

CONTENT = 1 << 20
"""Bytes of a file that is brought back."""


def survey(request: dict) -> dict:  # type: ignore[type-arg]  # JSON
    """What the application could depend on. request: application, start (or null), traces, seconds, facts (name: command),
    included (where to look, and the regular expression of the paths)."""
    packages = dpkg.installed()
    name = request["application"]
    if name not in packages:
        return {"missing": name}
    own, needed = dpkg.own(packages, name), dpkg.closure(packages, name)
    files: dict[str, dict] = {}  # type: ignore[type-arg]  # JSON
    programs: list[str] = []
    for one in own:
        _package_files(packages[one], files, programs)
    cut = [where for where, pattern in request["included"] if _included(where, re.compile(pattern, re.DOTALL), files)]
    processes, environment = _processes(programs)
    libraries = set(elf.loaded_by(programs)) | set(processes)
    traces = []
    if request.get("start") and trace.has_strace():
        traces = [trace.trace_start(request["start"], request["seconds"]) for _ in range(request["traces"])]
        traced = [path for one in traces for path, _ in one]
        libraries |= {os.path.realpath(path) for path in traced if os.path.isfile(path) and elf.is_elf(path)}
    paths = sorted(path for path in libraries if path not in files or not files[path].get("package"))
    owners = dpkg.owners(packages, paths + [path for one in traces for path, _ in one])
    return {
        "application": name,
        "packages": {one: packages[one].version for one in needed},
        "own": own,
        "installed": {one: packages[one].version for one in sorted(packages)},
        "dependents": dpkg.dependents(packages, own),
        "files": files,
        "cut": sorted(set(cut)),
        "libraries": {path: _library(path, packages, owners) for path in paths},
        "owners": owners,
        "environment": environment,
        "facts": facts.ask(request["facts"]),
        "traces": traces,
        "strace": trace.has_strace(),
        "links": {p: os.path.realpath(p) for one in traces for p, _ in one if os.path.realpath(p) != p},
    }


def _package_files(package: dpkg.Package, files: dict, programs: list[str]) -> None:  # type: ignore[type-arg]  # JSON
    sums = dpkg.checksums(package)
    for path in dpkg.files(package):
        fact = {"package": package.name}
        if os.path.islink(path):
            fact["link"] = os.readlink(path)
        elif path in package.conffiles:
            fact["conffile"] = "as packaged" if dpkg.md5(path) == package.conffiles[path] else "changed"
        elif path in sums:
            fact["content"] = "as packaged" if dpkg.md5(path) == sums[path] else "changed"
            if elf.is_elf(path):
                fact["elf"] = "yes"
                programs.append(path)
        files[path] = fact
    for folder in dpkg.directories(package):
        if any(folder == one or folder.startswith(one + "/") for one in SHARED):
            continue
        for path in _below(folder, files):
            fact = {"directory": folder, "package_of_directory": package.name}
            files.setdefault(path, _with_link(path, fact))


def _with_link(path: str, fact: dict[str, str]) -> dict[str, str]:
    """The fact, with where a link leads that leads to no file: nowhere, round in a circle, to a directory."""
    if os.path.islink(path) and not os.path.isfile(path):
        fact["link"] = os.readlink(path)
    return fact


def _included(where: str, pattern: re.Pattern[str], files: dict) -> bool:  # type: ignore[type-arg]  # JSON
    """Add the files below a directory that a rule's pattern names; links are not followed. Whether there were too many."""
    found = seen = 0
    if os.path.lexists(where) and (os.path.islink(where) or not os.path.isdir(where)):
        if pattern.fullmatch(where):
            files.setdefault(where, _with_link(where, {"rule": "include"}))
        return False
    for place, folders, names in os.walk(where, onerror=lambda error: _unlisted(error, files)):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in sorted(names + links):
            path = os.path.join(place, name)
            seen += 1
            if pattern.fullmatch(path) and path not in files:
                found += 1
                files[path] = _with_link(path, {"rule": "include"})
        if found > MOST_FILES or seen > MOST_SEEN:
            return True
    return False


def _unlisted(error: OSError, files: dict) -> None:  # type: ignore[type-arg]  # JSON
    """A directory that cannot be listed stands for what is in it, so that its reason tells."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        files.setdefault(str(error.filename), {"unlisted": error.strerror or str(error)})


SHARED = (
    *(
        "/etc/init.d",
        "/etc/default",
        "/etc/cron.d",
        "/etc/cron.daily",
        "/etc/logrotate.d",
        "/etc/pam.d",
        "/etc/profile.d",
    ),
    *("/etc/apparmor.d", "/etc/ufw", "/etc/systemd", "/etc/security", "/etc/bash_completion.d", "/etc/insserv.conf.d"),
    *("/etc/logcheck", "/etc/sysctl.d", "/etc/ld.so.conf.d", "/etc/xdg", "/etc/ssl", "/etc/alternatives", "/etc/perl"),
)
"""Directories that many packages share."""


def _below(folder: str, files: dict) -> list[str]:  # type: ignore[type-arg]  # JSON
    found: list[str] = []
    for place, folders, names in os.walk(folder, onerror=lambda error: _unlisted(error, files)):
        folders.sort()
        names += [name for name in folders if os.path.islink(os.path.join(place, name))]
        if place in SHARED:
            folders.clear()
            continue
        found += [os.path.join(place, name) for name in sorted(names)]
        if len(found) > MOST_FILES:
            break
    return found[:MOST_FILES]


def _library(path: str, packages: dict[str, dpkg.Package], owners: dict[str, str]) -> dict[str, str]:
    found = elf.read_elf(path)
    name = os.path.basename(path)
    tail = name.partition(".so.")[2]
    version = dpkg.upstream(packages[owners[path]].version) if path in owners else tail
    return {
        "soname": (found.soname if found else "") or name,
        "version": version,
        "build": (found.build if found else dpkg.md5(path))[:40],
        "package": owners.get(path, ""),
    }


def _processes(programs: list[str]) -> tuple[list[str], dict[str, str]]:
    """Libraries that the running programs have mapped, and the environment of the oldest of their processes."""
    inodes = {}
    for path in programs:
        try:
            facts = os.stat(path)
        except OSError:
            continue
        inodes[(facts.st_dev, facts.st_ino)] = path
    libraries: set[str] = set()
    environment: dict[str, str] = {}
    oldest = None
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            facts = os.stat(f"/proc/{pid}/exe")
            if (facts.st_dev, facts.st_ino) not in inodes or int(pid) == os.getpid():
                continue
            with open(f"/proc/{pid}/maps", errors="surrogateescape") as stream:
                paths = {line.split(None, 5)[-1].strip() for line in stream if "/" in line}
            with open(f"/proc/{pid}/stat") as stream:
                began = int(stream.read().rpartition(")")[2].split()[19])
            with open(f"/proc/{pid}/environ", "rb") as raw:
                variables = raw.read().decode(errors="replace").split("\0")
        except (OSError, ValueError, IndexError):
            continue
        libraries |= {path for path in paths if ".so" in path and os.path.exists(path)}
        if oldest is None or (began, int(pid)) < oldest:
            oldest = (began, int(pid))
            environment = dict(one.split("=", 1) for one in variables if "=" in one)
    return sorted(os.path.realpath(path) for path in libraries), environment


def read(request: dict) -> dict:  # type: ignore[type-arg]  # JSON
    """Files: those of ``content`` whole, of ``chunks`` as their chunks' SHA-256, of ``elf`` as what they say of themselves."""
    answer: dict = {"content": {}, "chunks": {}, "elf": {}, "unreadable": {}}  # type: ignore[type-arg]  # JSON
    for kind in ("content", "chunks", "elf"):
        for path in request[kind]:
            try:
                if kind == "elf":
                    answer[kind][path] = _library(path, {}, {})
                    continue
                data, hashed = _content(path)
            except OSError as error:
                answer["unreadable"][path] = error.strerror or str(error)
                continue
            if kind == "content" and not hashed and len(data) <= CONTENT:
                answer["content"][path] = base64.b64encode(data).decode()
            answer["chunks"][path] = (
                [hashed] if hashed else [hashlib.sha256(one).hexdigest() for one in chunks.cut(data)]
            )
    return answer


def _content(path: str) -> tuple[bytes, str]:
    """A regular file's bytes and nothing; of one that is too long to be cut nothing and its SHA-256. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(0, "it is no regular file")
    with open(handle, "rb") as stream:
        data = stream.read(chunks.WHOLE + 1)
        if len(data) <= chunks.WHOLE:
            return data, ""
        value = hashlib.sha256(data)
        for block in iter(lambda: stream.read(1 << 20), b""):
            value.update(block)
        return b"", value.hexdigest()


def main(request: dict) -> None:  # type: ignore[type-arg]  # JSON
    """Answer one request on standard output: Base64 of compressed JSON."""
    answer = {"survey": survey, "read": read}[request["verb"]](request)
    text = json.dumps(answer, sort_keys=True, ensure_ascii=True)
    sys.stdout.write(base64.b64encode(zlib.compress(text.encode())).decode())
