"""Debian packages of a host: which belong to an application, what they need, who needs them, their files."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess

INFO = "/var/lib/dpkg/info"
_FIELDS = ("Package", "Version", "Architecture", "source:Package", "Depends", "Pre-Depends", "Recommends", "Conffiles")
_SEPARATOR = "\x1e"
_NAME = re.compile(r"^\s*([a-z0-9][a-z0-9+.-]*)")


class Package:
    """An installed package."""

    def __init__(self, fields: list[str]) -> None:
        """fields: those of `_FIELDS`."""
        self.name, self.version, self.architecture, self.source, depends, predepends, recommends, conffiles = fields
        self.needs = _names(depends) + _names(predepends)
        self.recommends = _names(recommends)
        self.conffiles: dict[str, str] = {}
        for line in conffiles.splitlines():
            words = line.split()
            if len(words) >= 2:
                self.conffiles[words[0]] = words[1]


def _names(text: str) -> list[list[str]]:
    """Alternatives of each dependency."""
    found = []
    for clause in text.split(","):
        alternatives = [match.group(1) for match in (_NAME.match(one) for one in clause.split("|")) if match]
        if alternatives:
            found.append(alternatives)
    return found


def installed() -> dict[str, Package]:
    """Installed packages by name; empty where there is no dpkg."""
    form = _SEPARATOR.join(f"${{{field}}}" for field in _FIELDS) + _SEPARATOR + "${db:Status-Status}\x1d"
    try:
        done = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, check=False)
    except OSError:
        return {}
    found = {}
    for record in done.stdout.decode(errors="replace").split("\x1d"):
        parts = record.split(_SEPARATOR)
        if len(parts) == len(_FIELDS) + 1 and parts[-1] == "installed":
            found[parts[0]] = Package(parts[:-1])
    return found


def closure(packages: dict[str, Package], name: str) -> list[str]:
    """The package and all that it needs, as far as it is installed."""
    found, front = {name}, [name]
    while front:
        for alternatives in packages[front.pop()].needs:
            for one in alternatives:
                if one in packages and one not in found:
                    found.add(one)
                    front.append(one)
    return sorted(found)


def own(packages: dict[str, Package], name: str) -> list[str]:
    """Packages that are the application itself: those it needs out of the same source; of one without files, what it needs."""
    main = {name}
    front = [name]
    while front:
        package = packages[front.pop()]
        if any(not path.startswith("/usr/share/doc/") for path in files(package)):
            continue
        for alternatives in package.needs:
            for one in alternatives:
                if one in packages and one not in main:
                    main.add(one)
                    front.append(one)
    sources = {packages[one].source for one in main}
    return sorted(one for one in closure(packages, name) if one in main or packages[one].source in sources)


def dependents(packages: dict[str, Package], own_packages: list[str]) -> list[str]:
    """Packages outside of the application that need or recommend one of its packages; of libraries, those behind them."""
    mine = set(own_packages)
    sources = {packages[one].source for one in mine}
    front = mine | {name for name, package in packages.items() if package.source in sources}
    found = set()
    for name, package in packages.items():
        if package.source in sources:
            continue
        for alternatives in package.needs + package.recommends:
            if front.intersection(alternatives):
                found.add(name)
    return sorted(found)


def _info(package: Package, ending: str) -> list[str]:
    for stem in (package.name, f"{package.name}:{package.architecture}"):
        try:
            with open(os.path.join(INFO, stem + ending), errors="surrogateescape") as stream:
                return stream.read().splitlines()
        except OSError:
            continue
    return []


def files(package: Package) -> list[str]:
    """Regular files and links of a package that are there."""
    return [path for path in _info(package, ".list") if os.path.islink(path) or os.path.isfile(path)]


def directories(package: Package) -> list[str]:
    """Directories of a package below /etc that are its own: named by it, and not /etc itself."""
    return [path for path in _info(package, ".list") if path.startswith("/etc/") and os.path.isdir(path)]


def checksums(package: Package) -> dict[str, str]:
    """MD5 by path, as the package has it; without configuration files."""
    found = {}
    for line in _info(package, ".md5sums"):
        value, _, path = line.partition("  ")
        found["/" + path] = value
    return found


def md5(path: str) -> str:
    """MD5 of a file; empty when it cannot be read."""
    try:
        with open(path, "rb") as stream:
            value = hashlib.md5(usedforsecurity=False)
            for block in iter(lambda: stream.read(1 << 20), b""):
                value.update(block)
            return value.hexdigest()
    except OSError:
        return ""


def owners(packages: dict[str, Package], paths: list[str]) -> dict[str, str]:
    """Package of each path that has one. /lib and /usr/lib are one directory on merged systems."""
    wanted = {}
    for path in paths:
        wanted[path] = path
        if path.startswith("/usr/"):
            wanted[path[4:]] = path
        elif path.startswith(("/lib", "/bin/", "/sbin/")):
            wanted["/usr" + path] = path
    found = {}
    for name in sorted(packages):
        for line in _info(packages[name], ".list"):
            if line in wanted:
                found[wanted[line]] = name
    return found


def upstream(version: str) -> str:
    """A version without Debian's epoch and revision."""
    version = version.split(":", 1)[-1]
    return version.rsplit("-", 1)[0]
