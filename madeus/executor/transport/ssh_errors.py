"""Troubles with an SSH connection, each in its own words and with a way out."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

import asyncssh

from madeus.executor.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    ConnectionRefused,
    ConnectionTimeout,
    HostError,
    HostKeyChanged,
    HostKeyUnknown,
    IdentityUnusable,
    UnknownAddress,
)
from madeus.executor.inventory import Host


@dataclass(slots=True)
class Situation:
    """What was found out while a connection was made, for the message when it fails."""

    host: Host
    address: str
    """After ssh_config."""

    port: int
    user: str
    known_hosts: str
    """The file that would have to know the host's key."""

    fingerprint: str = ""
    """Of the key that the host showed, when it was not the expected one."""

    known_keys: bool = False
    """Whether known_hosts has a key of the host."""

    tried: tuple[str, ...] = ()
    """Keys that were offered."""

    connection: asyncssh.SSHClientConnection | None = None

    @property
    def refused_in_exchange(self) -> bool:
        """Whether the host said hello but no host key was agreed on: it has none of the kinds that are known."""
        made = self.connection
        return made is not None and bool(made.get_extra_info("server_version")) and made.get_server_host_key() is None

    @property
    def target(self) -> str:
        """``user@address:port``."""
        return f"{self.user}@{self.address}:{self.port}"

    @property
    def known_name(self) -> str:
        """How known_hosts names the host."""
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"


def explain(error: BaseException, at: Situation) -> HostError:
    """The exception of our tree for one of asyncssh, the operating system or asyncio."""
    name, target = at.host.name, at.target
    match error:
        case HostError():
            return error
        case socket.gaierror():
            return UnknownAddress(
                name,
                target,
                f"the name `{at.address}` does not resolve",
                f'check its spelling, or give the host an address: [hosts.{name}] address = "..."',
            )
        case TimeoutError():
            return ConnectionTimeout(
                name,
                target,
                f"no answer within {at.host.connect_timeout:g} s",
                "is the machine up, and is no firewall between? `connect_timeout` in the inventory gives it more time",
            )
        case ConnectionRefusedError():
            return ConnectionRefused(
                name,
                target,
                f"nothing listens on port {at.port}",
                "is sshd running there, on this port? `port` in the inventory sets it",
            )
        case _ if at.known_keys and (
            isinstance(error, asyncssh.HostKeyNotVerifiable | asyncssh.KeyExchangeFailed)
            or (isinstance(error, asyncssh.ConnectionLost | ConnectionError) and at.refused_in_exchange)
        ):
            return HostKeyChanged(
                name,
                target,
                "the host shows another key than the one known" + (f" ({at.fingerprint})" if at.fingerprint else ""),
                "somebody may be in between. When the machine was installed anew:"
                f" ssh-keygen -R '{at.known_name}' -f {at.known_hosts}, then add its new key",
            )
        case asyncssh.HostKeyNotVerifiable():
            return HostKeyUnknown(
                name,
                target,
                f"the host's key {at.fingerprint} is not known",
                f"compare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then:"
                f" ssh-keyscan -p {at.port} {at.address} >> {at.known_hosts}",
            )
        case asyncssh.PermissionDenied():
            tried = ", ".join(at.tried) or "no key at all"
            return AuthenticationFailed(
                name,
                target,
                f"the host does not let `{at.user}` in; tried: {tried}",
                f"give it a key: ssh-copy-id -p {at.port} {at.user}@{at.address};"
                " or name another `user` or `identity` in the inventory",
                at.tried,
            )
        case asyncssh.ConnectionLost() | ConnectionResetError():
            return ConnectionFailed(
                name,
                target,
                "the host closed the connection during the login",
                "its log (journalctl -u ssh) says why; MaxStartups is a usual reason",
            )
        case OSError() if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN):
            return ConnectionFailed(
                name, target, "there is no route to it", "check the address and the network of the controller"
            )
        case OSError():
            return ConnectionFailed(name, target, error.strerror or str(error))
        case _:
            return ConnectionFailed(name, target, str(error) or type(error).__name__)


def explain_options(error: BaseException, host: Host) -> HostError:
    """Something wrong in what the connection was to be made with: key, ssh_config, known_hosts."""
    target = host.address
    match error:
        # asyncssh has no type of its own for a key that wants a passphrase.
        case asyncssh.KeyImportError() | asyncssh.KeyEncryptionError() if "passphrase" in str(error).lower():
            return IdentityUnusable(
                host.name,
                target,
                f"the key {host.identity} is encrypted",
                "load it into an agent (ssh-add) and leave `identity` out",
            )
        case asyncssh.KeyImportError():
            return IdentityUnusable(
                host.name, target, f"{host.identity or 'a key of ssh_config'} is no usable private key: {error}"
            )
        case asyncssh.ConfigParseError():
            return ConnectionFailed(host.name, target, f"ssh_config: {error}")
        case OSError() if error.filename is not None and str(error.filename) == str(host.identity):
            return IdentityUnusable(
                host.name,
                target,
                f"the key {host.identity} cannot be read: {error.strerror}",
                "`identity` in the inventory names it",
            )
        case OSError():
            return ConnectionFailed(
                host.name, target, f"{error.filename or ''}: {error.strerror or error}".removeprefix(": ")
            )
        case _:
            return ConnectionFailed(host.name, target, f"its connection settings are not usable: {error}")
