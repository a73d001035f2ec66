"""A bed of test hosts from the outside: bring it up, break its hosts, take it down. Every call asks the bed's keeper."""

import fcntl
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from madeus.executor.testbed import lower as lower_layer
from madeus.executor.testbed import packages as package_files
from madeus.executor.testbed import prerequisites, registry, sshd, wire
from madeus.executor.testbed import systemd as with_systemd
from madeus.executor.testbed.errors import BadDirectory, BadHostName, KeeperFailed, NoSuchBed, NoSuchHost, TestbedError
from madeus.executor.testbed.inventory_file import inventory_text
from madeus.executor.testbed.registry import MARKER, BedFiles, BedRecord, HostRecord, Mode

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_RESERVED = frozenset({"local", "localhost"})


@dataclass(frozen=True, slots=True)
class Arrival:
    """What `Testbed.up` did."""

    made: tuple[str, ...]
    """Hosts that are new."""
    started: tuple[str, ...]
    """Hosts that were down and came back with their disks."""
    present: tuple[str, ...]
    """Hosts that were up already."""
    swept: int
    """Processes of an earlier bed at this place that a crash had left; they were killed."""


class Testbed:
    """A bed that is up. Get one from `Testbed.up` or `Testbed.at`; as a context manager it goes down at the end."""

    __test__ = False  # the name begins with Test: pytest must not collect it

    def __init__(self, files: BedFiles, arrival: Arrival, tie: socket.socket | None = None) -> None:
        self.files = files
        self.arrival = arrival
        self._tie = tie

    @classmethod
    def up(
        cls,
        hosts: Sequence[str] | int,
        directory: Path | None = None,
        *,
        name: str = "default",
        mode: Mode | None = None,
        root: str | None = None,
        packages: Sequence[str] = (),
        tied: bool = True,
        layers: bool = False,
        systemd: bool = False,
    ) -> Self:
        """Bring up `hosts` (names, or a number for h1, h2, ...) and write the inventory, known_hosts and ssh_config.

        A bed that is up gets the hosts it lacks. `mode` (default relay), `root` (default machine), `layers` (whether hosts
        can mount layered roots: the capability to mount, and a store on the bed's file system) and `systemd` (whether that is
        the hosts' PID 1, in place of sshd) are the bed's, set when it is made. `tied`: a bed that this call made goes down
        when this process ends, however it ends. Raises TestbedError.
        """
        names = host_names(hosts)
        place = (directory or registry.default_root() / name).absolute()
        prerequisites.check(mode or "relay")
        lower = lower_layer.find(root or "machine")
        fetched = package_files.fetch(packages, lower) if packages else package_files.NOTHING
        files = BedFiles(place.resolve())
        with _alone(files.directory):
            files.claim()
            before = files.read()
            kept = before is not None and before.keeper is None
            swept, fresh = _keeper_for(files, name, mode, lower, root, (layers, systemd))
            try:
                package_files.offer(fetched, files.packages)
                done = _ask(files, {"do": "add", "hosts": names})
            except BaseException:
                if fresh:
                    _take_down(files, keep_disks=kept)
                raise
            arrival = Arrival(
                tuple(done["made"]),
                tuple(done["started"]),
                tuple(each for each in names if each not in {*done["made"], *done["started"]}),
                swept,
            )
            bed = cls(files, arrival, _tie(files) if tied and fresh else None)
            bed._write_files()
        return bed

    @classmethod
    def at(cls, directory: Path) -> Self:
        """The bed that is up in `directory`. Raises NoSuchBed."""
        files = BedFiles(directory.resolve())
        record = files.read()
        if record is None or not registry.is_alive(record.keeper):
            raise NoSuchBed(str(files.directory))
        return cls(files, Arrival((), (), tuple(each.name for each in record.hosts), 0))

    @property
    def record(self) -> BedRecord:
        """The bed as it is now. Raises NoSuchBed."""
        record = self.files.read()
        if record is None:
            raise NoSuchBed(str(self.files.directory))
        return record

    @property
    def inventory(self) -> Path:
        """The inventory file, for `madeus run --inventory`."""
        return self.files.inventory

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`."""
        return self.files.ssh_config

    @property
    def known_hosts(self) -> Path:
        """The hosts' keys."""
        return self.files.known_hosts

    @property
    def prefix(self) -> tuple[str, ...]:
        """What a command that is to reach the hosts has to be run with: nothing, but in mode veth nsenter."""
        record = self.record
        return ("nsenter", f"--net={record.hub}") if record.mode == "veth" else ()

    @property
    def hosts(self) -> tuple["Host", ...]:
        """Every host of the bed, up or not."""
        return tuple(Host(self, each.name) for each in self.record.hosts)

    def host(self, name: str) -> "Host":
        """The host called `name`. Raises NoSuchHost."""
        record = self.record
        if record.host(name) is None:
            raise NoSuchHost(name, ", ".join(each.name for each in record.hosts))
        return Host(self, name)

    def offer_packages(self, names: Sequence[str], root: str | None = None) -> int:
        """Let every host install the packages `names`; returns how many package files that took. Raises PackagesFailed.

        `root`: with all they need beyond that root, as in `up`: what is installed in a layered root begins there.
        """
        fetched = package_files.fetch(names, lower_layer.find(root) if root else Path(self.record.lower))
        package_files.offer(fetched, self.files.packages)
        return len(fetched.files)

    def down(self, *, keep_disks: bool = False) -> None:
        """End every host and remove the bed's files; with `keep_disks` the next `up` there finds the hosts' disks."""
        if self._tie is not None:
            self._tie.close()
            self._tie = None
        take_down(self.files.directory, keep_disks=keep_disks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def _write_files(self) -> None:
        record = self.record
        files = self.files
        keys = [(each, (files.keys / f"{each.name}.pub").read_text(encoding="ascii")) for each in record.hosts]
        files.known_hosts.write_text(sshd.known_hosts(keys), encoding="ascii")
        config = sshd.client_config(record.hosts, files.identity, files.known_hosts)
        files.ssh_config.write_text(config, encoding="utf-8")
        files.inventory.write_text(inventory_text(record.name, record.hosts), encoding="utf-8")
        _hand_over(files)


@dataclass(frozen=True, slots=True)
class Host:
    """One host of a bed, up or not."""

    bed: Testbed
    name: str

    @property
    def record(self) -> HostRecord:
        """The host as it is now. Raises NoSuchHost."""
        record = self.bed.record
        found = record.host(self.name)
        if found is None:
            raise NoSuchHost(self.name, ", ".join(each.name for each in record.hosts))
        return found

    @property
    def address(self) -> str:
        """Where its sshd is reached."""
        return self.record.address

    @property
    def port(self) -> int:
        """The port of its sshd."""
        return self.record.port

    def kill(self) -> None:
        """End it as a power cut would; its disk stays. Connections to it are reset (after `partition`: stay silent)."""
        self._do("kill")

    def start(self) -> None:
        """Bring it back after `kill` with its disk."""
        self._do("start")

    def freeze(self) -> None:
        """Stop every process of it."""
        self._do("freeze")

    def thaw(self) -> None:
        """Undo `freeze`."""
        self._do("thaw")

    def partition(self) -> None:
        """Pull its cable: packets from and to it get lost without a sign; what runs on it goes on."""
        self._do("partition")

    def heal(self) -> None:
        """Undo `partition`."""
        self._do("heal")

    def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Run a command (a text goes to `sh -c`) as root, without SSH; returns its exit code and what it wrote.

        Output and errors come in one text. After `timeout` seconds the command is killed and TimeoutError raised.
        """
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        with tempfile.TemporaryFile() as output, Path(os.devnull).open("rb") as null:
            streams = (null.fileno(), output.fileno(), output.fileno())
            code = self.run(argv, streams, timeout=timeout, environment=environment)
            output.seek(0)
            return code, output.read().decode(errors="replace")

    def run(
        self,
        argv: Sequence[str],
        streams: tuple[int, int, int] = (0, 1, 2),
        *,
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Run `argv` on the given descriptors and return its exit code (128 + signal when one ended it)."""
        request = {"do": "execute", "host": self.name, "argv": list(argv), "environment": dict(environment or {})}
        return int(_ask(self.bed.files, request, streams, timeout))

    def _do(self, what: str) -> None:
        _ask(self.bed.files, {"do": what, "host": self.name})


def host_names(hosts: Sequence[str] | int) -> list[str]:
    """The names meant by `hosts`: 3 is h1, h2, h3. Raises BadHostName."""
    names = [f"h{number}" for number in range(1, hosts + 1)] if isinstance(hosts, int) else list(dict.fromkeys(hosts))
    for name in names:
        if _HOST_NAME.fullmatch(name) is None:
            raise BadHostName(name, "letters, digits and inner hyphens, at most 63")
        if name.lower() in _RESERVED:
            raise BadHostName(name, "it means this machine")
    return names


def take_down(directory: Path, *, keep_disks: bool = False) -> int:
    """Take down whatever is at `directory`, a living bed or what a crash left; returns how many lost processes it killed.

    Raises NoSuchBed when nothing is there at all.
    """
    files = BedFiles(directory.resolve())
    if not files.directory.is_dir():
        if swept := registry.sweep(files.directory):
            return swept
        raise NoSuchBed(str(files.directory))
    with _alone(files.directory):
        if not any((files.directory / name).exists() for name in BedFiles.OWN):
            raise NoSuchBed(str(files.directory))
        return _take_down(files, keep_disks)


def _take_down(files: BedFiles, keep_disks: bool) -> int:
    record = files.read()
    if record is not None and registry.is_alive(record.keeper):
        _stop(files, record)
    swept = registry.sweep(files.directory)
    if record is not None and keep_disks:
        files.write(record.down())
    files.remove(keep_disks=keep_disks)
    return swept


def _stop(files: BedFiles, record: BedRecord) -> None:
    try:
        _ask(files, {"do": "stop"}, timeout=60)
    except (KeeperFailed, NoSuchBed, TimeoutError):
        return  # the sweep that follows kills what does not answer
    deadline = time.monotonic() + 10
    while registry.is_alive(record.keeper) and time.monotonic() < deadline:
        time.sleep(0.005)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One `up` or `down` at a time beside `directory`: a lock on its parent, which nothing has to remove."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise BadDirectory(str(directory), error.strerror or str(error)) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _keeper_for(
    files: BedFiles, name: str, mode: Mode | None, lower: Path, root: str | None, extras: tuple[bool, bool]
) -> tuple[int, bool]:
    """See that the bed's keeper runs; returns how many lost processes were killed first, and whether it is a new one."""
    record = files.read()
    layers, systemd = extras
    if record is not None and registry.is_alive(record.keeper):
        for wanted, has, what in ((mode, record.mode, "in mode"), (root and str(lower), record.lower, "over")):
            if wanted is not None and wanted != has:
                reason = f"its bed is up {what} {has}; `madeus testbed down` it first"
                raise BadDirectory(str(files.directory), reason)
        for asked, had, what in ((layers, record.layers, "layers"), (systemd, record.systemd, "systemd")):
            if asked and not had:
                reason = f"its bed is up without {what}; `madeus testbed down` it first"
                raise BadDirectory(str(files.directory), reason)
        return 0, False
    swept = registry.sweep(files.directory)
    if record is None or record.keeper is not None:
        # A crash, not `down --keep-disks`: nobody asked for these disks to stay.
        files.remove()
        files.claim()
    elif root is not None and record.lower != str(lower):
        raise BadDirectory(str(files.directory), f"the disks kept there lie over {record.lower}")
    else:
        lower, layers = Path(record.lower), layers or record.layers
        systemd = systemd or record.systemd
    if not files.public_key.exists():
        files.identity.unlink(missing_ok=True)
        sshd.make_keys([files.identity], "madeus testbed")
    try:
        if systemd:
            with_systemd.check(lower)
        _start_keeper(files, name, mode or "relay", lower, (layers, systemd))
    except TestbedError:
        _take_down(files, keep_disks=record is not None and record.keeper is None)
        raise
    return swept, True


def _start_keeper(files: BedFiles, name: str, mode: Mode, lower: Path, extras: tuple[bool, bool]) -> None:
    command = [sys.executable, "-m", "madeus.executor.testbed.keeper", str(files.directory), name, mode, str(lower)]
    command += [word for word, wanted in zip(("layers", "systemd"), extras, strict=True) if wanted]
    environment = {**os.environ, MARKER: str(files.directory)}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    try:
        said = json.loads(done.stdout)
    except ValueError:
        detail = done.stderr.strip() or (files.log.read_text(encoding="utf-8") if files.log.exists() else "")
        raise KeeperFailed(str(files.directory), detail[-1000:] or "it said nothing") from None
    if "error" in said:
        raise wire.carried(said)


def _ask(files: BedFiles, request: wire.Message, streams: Sequence[int] = (), timeout: float | None = None) -> Any:
    with wire.connect(files.directory / "keeper.sock") as connection:
        connection.settimeout(timeout)
        wire.send(connection, request, streams)
        return wire.answer(connection, files.directory)


def _tie(files: BedFiles) -> socket.socket:
    connection = wire.connect(files.directory / "keeper.sock")
    wire.send(connection, {"do": "tie"})
    wire.answer(connection, files.directory)
    return connection


def _hand_over(files: BedFiles) -> None:
    """Under sudo, give the files that a login needs to the user behind it; the rest stays root's."""
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    files.directory.chmod(0o755)
    if user.isdecimal() and group.isdecimal():
        for path in (files.identity, files.known_hosts, files.ssh_config, files.inventory):
            os.chown(path, int(user), int(group))
