"""Hosts over SSH: one connection and one long-lived shell channel for each, by asyncssh.

Host keys are always verified. ssh_config, the SSH agent, identities and jump hosts work as they do with OpenSSH.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import cache
from pathlib import Path

import asyncssh
from typing_extensions import override

from madeus.executor.errors import AgentStartFailed, ConnectionFailed, HostError, HostKeyChanged, JumpHostFailed
from madeus.executor.inventory import Host
from madeus.executor.transport.agent import HELLO_TIMEOUT, AgentTransport
from madeus.executor.transport.jump import jump_host
from madeus.executor.transport.link import Link
from madeus.executor.transport.ssh_errors import Situation, explain, explain_options

HANDSHAKES = 16
"""Logins, and starts of agents, under way at one time: sshd refuses bursts, and each costs the controller some milliseconds."""

KEEPALIVE = 20.0
"""Seconds between signs of life on a silent connection; after three without an answer it counts as lost."""

WINDOW = 1 << 21
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
)
"""Cheapest for the controller first; whatever ssh_config says has precedence."""


class SshTransport(AgentTransport):
    """Jobs and files on a host that is reached over SSH."""

    def __init__(self, host: Host, run: str, connections: SshConnections, *, patience: float = 60.0) -> None:
        target = f"{host.user}@{host.address}" if host.user else host.address
        super().__init__(
            host.name, run, target=target, patience=patience, hello_timeout=max(HELLO_TIMEOUT, host.connect_timeout)
        )
        self._where = host
        self._connections = connections

    @override
    def _starting(self) -> contextlib.AbstractAsyncContextManager[object]:
        return self._connections.starting

    @override
    async def _open(self, command: str) -> Link:
        connection = await self._connections.connection(self._where)
        link = _SshLink(self._connections, self._where)
        try:
            await connection.create_session(
                lambda: _Session(link),
                command,
                encoding=None,
                request_pty=False,
                window=WINDOW,
                env=None,
                send_env=None,
            )
        except asyncssh.ChannelOpenError as error:
            broken = connection.is_closed()
            self._connections.drop(self._where)
            if broken:
                raise ConnectionFailed(self.host, self.target, f"the connection broke: {error.reason}") from None
            raise AgentStartFailed(
                self.host,
                self.target,
                f"the host opens no session: {error}",
                "MaxSessions in its sshd_config limits them",
            ) from None
        except (asyncssh.Error, OSError) as error:
            self._connections.drop(self._where)
            raise ConnectionFailed(self.host, self.target, f"the connection broke: {error}") from None
        return link


class SshConnections:
    """SSH connections by host, jump hosts included, each opened once."""

    def __init__(self, handshakes: int = HANDSHAKES) -> None:
        self._slots = asyncio.Semaphore(handshakes)
        self.starting = asyncio.Semaphore(handshakes)
        """Held while an agent starts."""

        self._open: dict[Host, asyncssh.SSHClientConnection] = {}
        self._locks: dict[Host, asyncio.Lock] = {}

    async def connection(self, host: Host, through: tuple[str, ...] = ()) -> asyncssh.SSHClientConnection:
        """The open connection to a host.

        Raises:
            HostError: of the kind that fits.
        """
        async with self._locks.setdefault(host, asyncio.Lock()):
            known = self._open.get(host)
            if known is not None and not known.is_closed():
                return known
            opened = await self._connect(host, through)
            self._open[host] = opened
            return opened

    def drop(self, host: Host) -> None:
        """Close the connection to a host without waiting."""
        connection = self._open.pop(host, None)
        if connection is not None:
            connection.abort()

    async def release(self, host: Host) -> None:
        """Close the connection to a host."""
        connection = self._open.pop(host, None)
        if connection is not None:
            connection.close()
            with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await connection.wait_closed()

    async def close(self) -> None:
        """Close all: those that others go through at last."""
        for host in reversed(list(self._open)):
            await self.release(host)

    async def _connect(self, host: Host, through: tuple[str, ...], again: bool = True) -> asyncssh.SSHClientConnection:
        try:
            options = await asyncssh.SSHClientConnectionOptions.construct(None, **_settings(host))
        except (asyncssh.Error, OSError, ValueError) as error:
            raise explain_options(error, host) from error
        situation = Situation(
            host,
            options.host,
            options.port or 22,
            options.username,
            _known_hosts_name(host, options),
            tried=_tried(options),
        )
        try:
            trusted = _trusted(tuple(_known_hosts_files(host, options)))
        except (OSError, ValueError) as error:
            raise ConnectionFailed(host.name, situation.target, f"known_hosts is not usable: {error}") from None
        jump = jump_host(host, options.tunnel)
        tunnel = await self._jump(host, jump, situation, (*through, host.name)) if jump else None

        def client() -> _Client:
            return _Client(situation, trusted)

        if options.known_hosts is None:  # `UserKnownHostsFile none`: the user's own explicit choice
            trusted = None
        async with self._slots:
            try:
                async with asyncio.timeout(host.connect_timeout):
                    sock = None if tunnel or options.proxy_command else await _dial(situation)
                    return await asyncssh.connect(
                        options=options,
                        config=None,
                        host=options.host,
                        port=situation.port,
                        sock=sock,
                        tunnel=tunnel or None,
                        client_factory=client,
                        known_hosts=trusted,
                    )
            except asyncssh.ChannelOpenError as error:
                raise JumpHostFailed(
                    host.name,
                    situation.target,
                    f"the jump host {jump.name if jump else ''} cannot reach it: {error.reason}",
                    "its sshd must allow forwarding (AllowTcpForwarding) and know the name",
                ) from None
            except (asyncssh.Error, OSError, ValueError) as error:
                found = explain(error, situation)
                if not (again and isinstance(found, HostKeyChanged) and not situation.fingerprint):
                    raise found from error
        # It broke off before a key was shown. A host that has no key of a known kind does so, and a connection that is cut.
        return await self._connect(host, through, again=False)

    async def _jump(
        self, host: Host, jump: Host, situation: Situation, through: tuple[str, ...]
    ) -> asyncssh.SSHClientConnection:
        if jump.name in through or len(through) > 8:
            raise JumpHostFailed(
                host.name, situation.target, f"the jump hosts {' -> '.join((*through, jump.name))} go in a circle"
            )
        try:
            return await self.connection(jump, through)
        except HostError as error:
            raise JumpHostFailed(
                host.name,
                situation.target,
                f"the jump host {jump.name} could not be reached: {error.reason} ({error.target})",
                error.help,
            ) from error


class _Client(asyncssh.SSHClient):
    """Remembers what the host showed, for the message when it is refused."""

    def __init__(self, situation: Situation, trusted: asyncssh.SSHKnownHosts | None) -> None:
        self._situation, self._trusted = situation, trusted

    @override
    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        at = self._situation
        at.connection = conn
        if self._trusted is not None:
            port = at.port if at.port != 22 else None
            keys, authorities, *_ = asyncssh.match_known_hosts(self._trusted, at.address, "", port)
            at.known_keys = bool(keys or authorities)

    @override
    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self._situation.fingerprint = f"{key.get_algorithm()} {key.get_fingerprint()}"
        return False


class _SshLink(Link):
    """A session channel."""

    def __init__(self, connections: SshConnections, host: Host) -> None:
        super().__init__()
        self._connections, self._host = connections, host
        self.channel: asyncssh.SSHClientChannel[bytes] | None = None

    @override
    def write(self, data: bytes) -> None:
        if self.channel is not None and not self.channel.is_closing():
            with contextlib.suppress(BrokenPipeError, OSError):
                self.channel.write(data)

    @override
    def close(self) -> None:
        self.silence()
        if self.channel is not None:
            self.channel.close()

    @override
    async def closed(self) -> None:
        await self._connections.release(self._host)


class _Session(asyncssh.SSHClientSession[bytes]):
    """asyncssh's end of the channel."""

    def __init__(self, link: _SshLink) -> None:
        self._link = link

    @override
    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._link.channel = chan

    @override
    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self._link.complained(data)
        else:
            self._link.fed(data)

    @override
    def pause_writing(self) -> None:
        self._link.hold(True)

    @override
    def resume_writing(self) -> None:
        self._link.hold(False)

    @override
    def eof_received(self) -> bool:
        self._link.ended("the agent has ended")
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._link.ended(str(exc) if exc else "the channel was closed", broken=exc is not None)


async def _dial(at: Situation) -> socket.socket:
    """A TCP connection; each address of the name is tried in turn."""
    loop = asyncio.get_running_loop()
    trouble: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(at.address, at.port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            trouble = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise trouble


def _settings(host: Host) -> dict[str, object]:
    """Options of asyncssh; what is left out comes from ssh_config."""
    settings: dict[str, object] = {
        "host": host.address,
        "keepalive_interval": KEEPALIVE,
        "keepalive_count_max": 3,
        "login_timeout": host.connect_timeout,
        "connect_timeout": None,
        "encryption_algs": [*_CIPHERS],
        "agent_forwarding": False,
    }
    if host.ssh_config is not None:
        settings["config"] = [str(host.ssh_config)]
    if host.user is not None:
        settings["username"] = host.user
    if host.port is not None:
        settings["port"] = host.port
    if host.identity is not None:
        settings["client_keys"] = [str(host.identity)]
    return settings


def _known_hosts_files(host: Host, options: asyncssh.SSHClientConnectionOptions) -> list[str]:
    if host.known_hosts is not None:
        files = [str(host.known_hosts)]
    else:
        configured = options.known_hosts
        own = [str(name) for name in configured] if isinstance(configured, list | tuple) else []
        files = own or ["~/.ssh/known_hosts"]
        files += ["/etc/ssh/ssh_known_hosts"]
    return [str(Path(name).expanduser()) for name in files]


def _known_hosts_name(host: Host, options: asyncssh.SSHClientConnectionOptions) -> str:
    return _known_hosts_files(host, options)[0]


def _trusted(files: tuple[str, ...]) -> asyncssh.SSHKnownHosts | None:
    """Known keys of all files that exist, read once."""
    stamps = tuple((name, Path(name).stat().st_mtime_ns) for name in files if Path(name).is_file())
    return _read_known_hosts(stamps)


@cache
def _read_known_hosts(stamps: tuple[tuple[str, int], ...]) -> asyncssh.SSHKnownHosts:
    return asyncssh.read_known_hosts([name for name, _ in stamps])


def _tried(options: asyncssh.SSHClientConnectionOptions) -> tuple[str, ...]:
    """The keys that will be offered, in words."""
    names = []
    for key in options.client_keys or ():
        file = key.get_filename() if hasattr(key, "get_filename") else None
        comment = file.decode(errors="replace") if file else key.get_comment()
        names.append(comment or key.get_algorithm())
    if options.agent_path:
        names.append(f"the keys of the SSH agent at {options.agent_path}")
    return tuple(names)
