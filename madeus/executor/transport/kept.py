"""Connections that outlive a command: the next one needs no login.

An OpenSSH client logs in, goes to the background and shares its connection through a socket (``ControlMaster``), until nothing
has used it for a while. The socket is named by a digest of all that the connection was made from: the entry of the inventory,
the known keys of hosts, the identity, what ssh_config says. Where any of it has changed nobody finds it any more, and the next
command for the host ends it.
Whatever goes wrong here ends in a connection of the command's own, which also says what is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from typing_extensions import override

from madeus.executor.errors import HostError
from madeus.executor.inventory import Host
from madeus.executor.transport import mux
from madeus.executor.transport.agent import HELLO_TIMEOUT, AgentTransport
from madeus.executor.transport.jump import jump_host
from madeus.executor.transport.kept_link import KeptLink
from madeus.executor.transport.link import Link
from madeus.executor.transport.mux import NotShared
from madeus.executor.transport.openssh import NotPlain, own_config, settings, sharing
from madeus.executor.transport.place import place

AGREEING = 3.0
"""Seconds that a host may take to open a session: a connection that is dead and does not know it yet is not waited for."""

LOGINS = 16
"""Under way at one time."""

_POLL = 0.02
_SAID = ("host", "inventory", "target", "since", "idle")
_KNOWN = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
_NAMING = ("userknownhostsfile", "globalknownhostsfile", "identityfile", "certificatefile")


@dataclass(frozen=True, slots=True)
class Connection:
    """One that is kept."""

    path: Path
    """Its socket."""
    host: str
    """Name in the inventory."""
    inventory: str
    target: str
    """``user@address:port``, as far as the inventory says it."""
    since: float
    """Seconds since the Unix epoch."""
    idle: float
    """It ends when nothing has used it for so many seconds."""
    process: int = 0
    """The OpenSSH client that holds it; 0: it was not asked."""


class KeptConnections:
    """Kept connections as one command uses them."""

    def __init__(self) -> None:
        self.starting = asyncio.Semaphore(LOGINS)
        """Held while an agent starts."""
        self._slots = asyncio.Semaphore(LOGINS)
        self._without: set[Host] = set()

    async def open(self, host: Host, command: str) -> Link | None:
        """Run a command on a host; None: not over a kept connection, also later on."""
        if host in self._without:
            return None
        try:
            return await KeptLink.over(await self._session(host, command))
        except (NotShared, NotPlain, HostError, OSError):
            self._without.add(host)
            return None

    async def _session(self, host: Host, command: str) -> mux.Session:
        where = place()
        if where is None:
            raise NotShared("there is no directory for it")
        path = where / await digest(host)
        try:
            return await mux.open_session(str(path), command, AGREEING)
        except mux.NoSession:
            raise
        except NotShared:
            async with self._slots:
                await _start(host, path)
        return await mux.open_session(str(path), command, AGREEING)


class KeptTransport(AgentTransport):
    """Jobs and files on a host over a kept connection, or over one of its own."""

    def __init__(
        self,
        host: Host,
        run: str,
        kept: KeptConnections,
        direct: Callable[[], AgentTransport],
        *,
        patience: float = 60.0,
    ) -> None:
        """direct: gives the transport that opens a connection of its own."""
        super().__init__(
            host.name,
            run,
            target=target(host),
            patience=patience,
            hello_timeout=max(HELLO_TIMEOUT, host.connect_timeout),
        )
        self._where, self._kept, self._direct = host, kept, direct

    @override
    def _starting(self) -> contextlib.AbstractAsyncContextManager[object]:
        return self._kept.starting

    @override
    async def _open(self, command: str) -> Link:
        link = await self._kept.open(self._where, command)
        return link if link is not None else await self._direct()._open(command)


def target(host: Host) -> str:
    """For messages."""
    return f"{host.user}@{host.address}" if host.user else host.address


async def kept() -> list[Connection]:
    """The connections that are kept now, the oldest first; what dead ones have left is cleared away."""
    found = []
    for one in _written():
        process = await mux.process_of(str(one.path))
        if process is None:
            await end({one.path}.__contains__)
        else:
            found.append(Connection(one.path, one.host, one.inventory, one.target, one.since, one.idle, process))
    return sorted(found, key=lambda one: one.since)


async def end(which: Callable[[Path], bool], seconds: float = 0.0) -> list[Connection]:
    """End kept connections, by their sockets; those that lived. What goes over them breaks off, and is taken up again as after
    any break.

    seconds: to wait for one that is just being made; after them it is left alone.
    """
    ended = []
    for one in _written():
        if which(one.path):
            with contextlib.suppress(OSError):
                async with _locked(one.path.with_suffix(".lock"), seconds):
                    if await mux.terminate(str(one.path)):
                        ended.append(one)
                    _clear(one.path)
    return ended


async def end_other(hosts: Iterable[Host], path: Path | None = None) -> None:
    """End the connections to hosts that were made from another entry than the present one, whose socket is `path`."""
    entries = {(_file(host), host.name) for host in hosts}
    stale = {one.path for one in _written() if (one.inventory, one.host) in entries and one.path != path}
    await end(stale.__contains__)


async def digest(host: Host) -> str:
    """Name of the connection to a host as it is described now: 16 hexadecimal digits. Raises NotPlain, HostError."""
    parts: list[bytes] = []
    at: Host | None = host
    while at is not None:
        said = (at.address, at.user, at.port, str(at.identity), str(at.known_hosts), str(at.ssh_config), at.jump)
        parts.append(json.dumps([*said, at.persist]).encode())
        files = {at.identity, *([at.known_hosts] if at.known_hosts else map(_home, _KNOWN))}
        config = at.ssh_config or own_config()
        if config is not None and _content(config):
            words = settings(at)
            done = await asyncio.to_thread(
                subprocess.run, words, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=_environment()
            )
            parts.append(done.stdout)
            files |= set(_named(done.stdout.decode(errors="replace")))
        for file in sorted(str(file) for file in files if file is not None):
            parts.append(f"{file}\0".encode() + _content(Path(file)))
        at = jump_host(at, None)
    return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()[:16]


async def _start(host: Host, path: Path) -> None:
    """See to it that a connection is shared at a path. Raises NotShared, NotPlain, HostError, OSError."""
    async with _locked(path.with_suffix(".lock"), host.connect_timeout):
        if await mux.process_of(str(path)) is not None:
            return
        await end_other([host], path)
        _clear(path)
        words = sharing(host, str(path), host.persist)
        said = dict(zip(_SAID, (host.name, _file(host), target(host), time.time(), host.persist), strict=True))
        path.with_suffix(".json").write_text(json.dumps(said))
        try:
            await _log_in(words, host.connect_timeout)
        except BaseException:
            _clear(path)
            raise


async def _log_in(words: list[str], seconds: float) -> None:
    """Run the client until it is in the background. It is in a session of its own: Ctrl-C is not for it."""
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *words, stdin=nowhere, stdout=nowhere, stderr=nowhere, cwd="/", start_new_session=True, env=_environment()
    )
    try:
        async with asyncio.timeout(seconds):
            code = await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    if code:
        raise NotShared("ssh gives no connection")


@asynccontextmanager
async def _locked(path: Path, seconds: float) -> AsyncIterator[None]:
    """Alone among the processes of this user. Raises OSError."""
    # Never deleted: who waits for the lock of a deleted file is alone with it.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_POLL)
        yield
    finally:
        os.close(descriptor)


def _written() -> Iterator[Connection]:
    where = place(make=False)
    for file in sorted(where.glob("*.json")) if where else ():
        try:
            said = json.loads(file.read_text())
            name, inventory, at, since, idle = (said[key] for key in _SAID)
            yield Connection(file.with_suffix(""), str(name), str(inventory), str(at), float(since), float(idle))
        except (OSError, ValueError, KeyError, TypeError):
            file.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    for one in (path, path.with_suffix(".json")):
        with contextlib.suppress(OSError):
            one.unlink()


def _named(settings: str) -> Iterator[Path]:
    """Files that ``ssh -G`` names."""
    for line in settings.splitlines():
        key, _, names = line.partition(" ")
        if key in _NAMING:
            yield from map(_home, names.split())


def _environment() -> dict[str, str]:
    """Of a process that stays: values of secrets are not for it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MADEUS_")}


def _file(host: Host) -> str:
    return str(host.inventory.absolute()) if host.inventory else ""


def _home(name: str) -> Path:
    return Path(name).expanduser()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
