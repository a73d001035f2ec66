"""What is known of a bed of test hosts: its files, its record, and the processes that belong to it.

The keeper writes the record `bed.json`; everyone else reads it. A process is known by its pid *and* its start time, so that
a pid used again by a stranger is never taken for ours; and every process the bed starts carries the bed's directory in
its environment, so that a sweep finds those whose record a crash lost.
"""

import json
import os
import select
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from madeus.executor.testbed.errors import BadDirectory

MARKER = "MADEUS_TESTBED"
"""Environment variable of a bed's processes; its value is the bed's directory."""

Mode = Literal["relay", "veth", "lo"]
State = Literal["up", "frozen", "down"]


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    start: int
    """Clock ticks from boot to its start: /proc/PID/stat, field 22."""


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One host as its bed's record has it."""

    name: str
    number: int
    """0-based, unique in the bed, never used twice; the addresses follow from it."""
    address: str
    """Where sshd is reached: from the machine (relay, lo) or from the hub's network namespace (veth)."""
    port: int
    inner: str
    """The address that the other hosts see."""
    state: State
    partitioned: bool
    process: ProcessId | None
    """PID 1 of the host, as the machine numbers it; None when the host is down."""


@dataclass(frozen=True, slots=True)
class BedRecord:
    """One bed."""

    name: str
    mode: Mode
    lower: str
    """The directory that every host's root overlays."""
    keeper: ProcessId | None
    """None after `down --keep-disks`."""
    hub: str
    """Path of the hub's network namespace; empty in mode lo."""
    hosts: tuple[HostRecord, ...]
    layers: bool = False
    """Whether the hosts can mount: a store directory for layers, and the capabilities that stacking them takes."""
    systemd: bool = False
    """Whether PID 1 of the hosts is systemd; else it is sshd itself."""

    def host(self, name: str) -> HostRecord | None:
        """The host called `name`, or None."""
        return next((host for host in self.hosts if host.name == name), None)

    def down(self) -> "BedRecord":
        """The same bed with nothing running."""
        hosts = tuple(replace(host, state="down", partitioned=False, process=None) for host in self.hosts)
        return replace(self, keeper=None, hub="", hosts=hosts)


@dataclass(frozen=True, slots=True)
class BedFiles:
    """The files of a bed, all in one directory."""

    directory: Path

    OWN = (
        "bed.json",
        "bed.json.new",
        "keeper.sock",
        "keeper.log",
        "hosts",
        "common",
        "keys",
        "packages",
        "id_ed25519",
        "id_ed25519.pub",
        "known_hosts",
        "ssh_config",
        "inventory.toml",
    )

    @property
    def record(self) -> Path:
        """The bed's record."""
        return self.directory / "bed.json"

    @property
    def log(self) -> Path:
        """What the keeper said."""
        return self.directory / "keeper.log"

    @property
    def hosts(self) -> Path:
        """One directory a host: its disk (`upper`) and the mount points of its root."""
        return self.directory / "hosts"

    @property
    def common(self) -> Path:
        """Where the keeper mounts the layer that its hosts share; empty for everyone else."""
        return self.directory / "common"

    @property
    def keys(self) -> Path:
        """The hosts' own key pairs: `NAME`, `NAME.pub`."""
        return self.directory / "keys"

    @property
    def packages(self) -> Path:
        """The package repository that the hosts see."""
        return self.directory / "packages"

    @property
    def identity(self) -> Path:
        """The private key that opens every host."""
        return self.directory / "id_ed25519"

    @property
    def public_key(self) -> Path:
        """Its public half."""
        return self.directory / "id_ed25519.pub"

    @property
    def known_hosts(self) -> Path:
        """The hosts' own keys."""
        return self.directory / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`."""
        return self.directory / "ssh_config"

    @property
    def inventory(self) -> Path:
        """For `madeus run --inventory`."""
        return self.directory / "inventory.toml"

    def claim(self) -> None:
        """Make the directory, or accept one that is empty or already a bed's. Raises BadDirectory."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            names = {path.name for path in self.directory.iterdir()}
        except OSError as error:
            raise BadDirectory(str(self.directory), error.strerror or str(error)) from error
        if names and not names <= set(self.OWN):
            raise BadDirectory(str(self.directory), "it holds other files; name an empty or a new directory")

    def remove(self, keep_disks: bool = False) -> None:
        """Delete the bed's own files, and the directory if nothing else is in it."""
        kept = {"bed.json", "hosts", "keys", "id_ed25519", "id_ed25519.pub"} if keep_disks else set()
        for name in self.OWN:
            path = self.directory / name
            if name in kept or not (path.exists() or path.is_symlink()):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        if not keep_disks:
            with suppress(OSError):
                self.directory.rmdir()

    def read(self) -> BedRecord | None:
        """The record, or None when there is none (or a crash left half of one)."""
        try:
            data = json.loads(self.record.read_text(encoding="utf-8"))
            hosts = tuple(HostRecord(**{**host, "process": _process(host["process"])}) for host in data.pop("hosts"))
            return BedRecord(**{**data, "keeper": _process(data["keeper"]), "hosts": hosts})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, record: BedRecord) -> None:
        """Replace the record in one step."""
        fresh = self.directory / "bed.json.new"
        fresh.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
        fresh.replace(self.record)


def _process(data: dict[str, int] | None) -> ProcessId | None:
    return None if data is None else ProcessId(**data)


def default_root() -> Path:
    """The directory of the beds that were given no directory: `$XDG_STATE_HOME/madeus/testbed`."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "madeus" / "testbed"


def identify(pid: int) -> ProcessId:
    """The identity of the running process `pid`. Raises ProcessLookupError, for a zombie too."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ProcessLookupError(pid) from error
    # The second field, the name, may hold blanks and brackets.
    fields = stat[stat.rindex(")") + 2 :].split()
    if fields[0] in "ZX":
        raise ProcessLookupError(pid)
    return ProcessId(pid, int(fields[19]))


def is_alive(process: ProcessId | None) -> bool:
    """Whether that very process (not a later one with its pid) still runs."""
    if process is None:
        return False
    try:
        return identify(process.pid) == process
    except ProcessLookupError:
        return False


def marked_processes() -> Iterator[tuple[int, str]]:
    """(pid, bed directory) of every process on the machine that a bed started."""
    prefix = f"{MARKER}=".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        for variable in environment.split(b"\0"):
            if variable.startswith(prefix):
                yield int(entry.name), os.fsdecode(variable.removeprefix(prefix))


def sweep(directory: Path) -> int:
    """Kill what is left of the bed at `directory`, with its record or without; returns how many processes.

    The kill goes through a pidfd opened before the marker is read again: the pid cannot change hands in between.
    """
    killed = 0
    for pid, marked in list(marked_processes()):
        if marked != str(directory) or pid == os.getpid():
            continue
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            if os.fsencode(f"{MARKER}={directory}") in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                killed += 1
                _wait_for_end(handle)
        except OSError:
            continue
        finally:
            os.close(handle)
    return killed


def _wait_for_end(handle: int) -> None:
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    poller.poll(5000)


def beds() -> list[tuple[Path, BedRecord]]:
    """Every bed with a record: those under the default root, and those elsewhere whose keeper runs."""
    root = default_root()
    directories = {path.parent for path in root.glob("*/bed.json")} if root.is_dir() else set()
    directories |= {Path(marked) for _, marked in marked_processes()}
    found = ((directory, BedFiles(directory).read()) for directory in sorted(directories))
    return [(directory, record) for directory, record in found if record is not None]
