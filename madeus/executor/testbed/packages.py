"""Debian packages for hosts that have no network: fetched once on the machine, offered as a local apt repository.

`fetch` asks apt on the machine for everything that the named packages need beyond what the hosts' root has installed, and
keeps the files in a cache; `offer` puts them, with an index, into the bed's repository, which every host sees read-only.
The hosts' apt knows no other source. Its package list is a link into the repository: nobody needs `apt-get update`.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from madeus.executor.testbed.errors import MissingPrerequisite, PackagesFailed
from madeus.executor.testbed.root import REPOSITORY, Seed

INDEX = "Packages"
LIST = f"var/lib/apt/lists/{('/' + REPOSITORY).replace('/', '_')}_._{INDEX}"
"""Where apt looks for the index of the repository after an `apt-get update`."""

_APT_CONF = """\
// This host has no network: its packages come from the local repository.
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "0";
"""
_URI = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fetched:
    """The package files that the hosts need."""

    files: tuple[Path, ...]


NOTHING = Fetched(())
"""No package files: a bed's repository has an index all the same."""


def cache_directory() -> Path:
    """`$XDG_CACHE_HOME/madeus/testbed`, made if missing."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(cache) / "madeus" / "testbed"
    path.mkdir(parents=True, exist_ok=True)
    return path


def roots_directory() -> Path:
    """Where the machine's minimal roots are kept, made if missing."""
    path = cache_directory() / "roots"
    path.mkdir(exist_ok=True)
    return path


def apt_seeds() -> list[Seed]:
    """What makes the local repository a host's only source of packages."""
    return [
        Seed("etc/apt/sources.list", f"deb [trusted=yes] file:/{REPOSITORY} ./\n".encode()),
        Seed("etc/apt/apt.conf.d/00madeus", _APT_CONF.encode()),
        Seed(LIST, f"/{REPOSITORY}/{INDEX}".encode(), link=True),
        *(Seed(f"etc/apt/{name}/.keep", b"") for name in ("preferences.d", "sources.list.d", "trusted.gpg.d")),
        Seed("etc/dpkg/dpkg.cfg.d/madeus", b"force-unsafe-io\n"),
    ]


class Apt:
    """apt-get as it sees a root: the machine's with the root's list of installed packages, or the root's own."""

    def __init__(self, lower: Path, cache: Path) -> None:
        self._own = str(lower) != "/"
        self._lower = lower
        self.archives = lower / "var/cache/apt/archives" if self._own else cache / "packages"
        self.lists = cache / "lists"
        self.archives.mkdir(parents=True, exist_ok=True)
        self._private_lists = False

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run apt-get. Raises MissingPrerequisite."""
        options = ["-q", "-y", "--no-install-recommends", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"]
        if self._own:
            command = ["chroot", str(self._lower), "apt-get", *options]
        else:
            command = ["apt-get", *options, "-o", f"Dir::Cache::archives={self.archives}/"]
            if self._private_lists:
                command += ["-o", f"Dir::State::lists={self.lists}/"]
        try:
            return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise MissingPrerequisite("apt-get", "apt") from error

    def renew_lists(self) -> None:
        """Fetch fresh package lists; the machine's own stay as they are. Raises PackagesFailed."""
        self._private_lists = True
        (self.lists / "partial").mkdir(parents=True, exist_ok=True)
        done = self.run("update")
        if done.returncode != 0:
            raise PackagesFailed("the lists of packages", "apt-get update", _last_lines(done))

    def closure(self, names: Sequence[str]) -> dict[str, int]:
        """Sizes by file name of what installing `names` would fetch. Raises PackagesFailed."""
        empty = "/nowhere/" if not self._own else "/var/cache/apt/nowhere/"
        done = self.run("-o", f"Dir::Cache::archives={empty}", "--print-uris", "install", *names)
        if done.returncode != 0:
            raise PackagesFailed(" ".join(names), "apt-get install", _last_lines(done))
        return {match["file"]: int(match["size"]) for match in _URI.finditer(done.stdout)}

    def has(self, files: dict[str, int]) -> bool:
        """Whether all of `files` are in the cache, whole."""
        return all(
            (self.archives / name).is_file() and (self.archives / name).stat().st_size == size
            for name, size in files.items()
        )


def fetch(names: Sequence[str], lower: Path) -> Fetched:
    """Fetch the packages `names` and everything they need that the root `lower` has not; from the cache when it can.

    Packages that can be installed together are resolved together; those that exclude each other, one by one. The
    machine's package lists are tried first, fresh ones when they lack something or name files that are gone. Raises
    PackagesFailed, MissingPrerequisite.
    """
    apt = Apt(lower, cache_directory())
    try:
        return _fetch(apt, names)
    except PackagesFailed:
        apt.renew_lists()
        return _fetch(apt, names)


def _fetch(apt: Apt, names: Sequence[str]) -> Fetched:
    try:
        groups: list[Sequence[str]] = [names]
        closures = [apt.closure(names)]
    except PackagesFailed:
        if len(names) == 1:
            raise
        groups = [[name] for name in names]
        closures = [apt.closure(group) for group in groups]
    files: set[str] = set()
    for group, closure in zip(groups, closures, strict=True):
        if not apt.has(closure):
            done = apt.run("--download-only", "install", *group)
            if done.returncode != 0 or not apt.has(closure):
                raise PackagesFailed(" ".join(group), "apt-get install --download-only", _last_lines(done))
        files |= closure.keys()
    return Fetched(tuple(apt.archives / name for name in sorted(files)))


def _last_lines(done: subprocess.CompletedProcess[str]) -> str:
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("E:", "W:", "Err:"))]
    return "\n".join((said or (done.stdout + done.stderr).splitlines())[-8:])


def offer(fetched: Fetched, repository: Path) -> None:
    """Put the files into the bed's repository, beside what is there, and renew its index in one step."""
    repository.mkdir(exist_ok=True)
    repository.chmod(0o755)
    for file in fetched.files:
        target = repository / file.name
        if target.exists():
            continue
        try:
            os.link(file, target)
        except OSError:
            shutil.copy2(file, target)
    index = repository / INDEX
    known = _stanzas(index)
    stanzas = [known.get(file.name) or _stanza(file) for file in sorted(repository.glob("*.deb"))]
    text = "\n".join(stanzas).encode()
    _replace(index, text)
    # Without it apt would ask for every compressed form of the index first, and complain.
    release = f"Date: {formatdate(usegmt=True)}\nSHA256:\n {hashlib.sha256(text).hexdigest()} {len(text)} {INDEX}\n"
    _replace(repository / "Release", release.encode())


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _stanzas(index: Path) -> dict[str, str]:
    with suppress(OSError):
        text = index.read_text(encoding="utf-8")
        stanzas = [part.strip("\n") + "\n" for part in text.split("\n\n") if part.strip()]
        return {_file_name(stanza): stanza for stanza in stanzas}
    return {}


def _file_name(stanza: str) -> str:
    match = re.search(r"^Filename: \./(.+)$", stanza, re.MULTILINE)
    return match[1] if match else ""


def _stanza(file: Path) -> str:
    """The entry of one package file in an apt index (deb-src(5), `Packages`): its control fields, place and checksum."""
    try:
        done = subprocess.run(["dpkg-deb", "-f", str(file)], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise MissingPrerequisite("dpkg-deb", "dpkg") from error
    if done.returncode != 0:
        raise PackagesFailed(file.name, "dpkg-deb", done.stderr)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"{done.stdout.rstrip()}\nFilename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n"
