"""The command line of an OpenSSH client that shares its connection to a host, with what the inventory says of the host.

It verifies the host's key against the same files as asyncssh does, asks for nothing, forwards nothing and runs nothing there.
"""

from __future__ import annotations

import re
from math import ceil
from pathlib import Path
from shlex import quote

from madeus.executor.inventory import Host
from madeus.executor.transport.jump import jump_host

_PLAIN = re.compile(r"[A-Za-z0-9_./+@:,=~ -]+")
"""What ssh takes as it is in quotes: no ``%``, ``$``, quote or backslash."""

_NEVER = (
    *("ForwardAgent", "ForwardX11", "PermitLocalCommand", "Tunnel", "UpdateHostKeys", "VerifyHostKeyDNS"),
    *("NoHostAuthenticationForLocalhost", "VisualHostKey", "ClearAllForwardings"),
)


class NotPlain(ValueError):
    """A path or an address that cannot be said on the command line."""


def sharing(host: Host, path: str, seconds: float) -> list[str]:
    """Words of a client that logs in to a host, goes to the background and shares the connection at a path.

    seconds: an idle connection is kept so long.

    Raises:
        NotPlain: see there.
        ConnectionFailed: the jump host is none.
    """
    shared = {"ControlMaster": "yes", "ControlPath": _quoted(path), "ControlPersist": str(max(1, ceil(seconds)))}
    return ["ssh", "-N", "-f", *_options(host, shared), "--", _plain(host.address)]


def settings(host: Host) -> list[str]:
    """Words of a client that only prints what it makes of the options and of ssh_config. Raises as `sharing`."""
    return ["ssh", "-G", *_options(host, {}), "--", _plain(host.address)]


def _options(host: Host, more: dict[str, str]) -> list[str]:
    options = {
        **{name: "yes" if name == "ClearAllForwardings" else "no" for name in _NEVER},
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "ConnectTimeout": str(max(1, ceil(host.connect_timeout / 2))),
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "RemoteCommand": "none",
        "LogLevel": "QUIET",
        "ControlPath": "none",
        **more,
    }
    if host.known_hosts is not None:
        options |= {"UserKnownHostsFile": _quoted(host.known_hosts), "GlobalKnownHostsFile": "none"}
    if host.identity is not None:
        options |= {"IdentityFile": _quoted(host.identity), "IdentitiesOnly": "yes"}
    if host.user is not None:
        options["User"] = _quoted(host.user)
    if host.port is not None:
        options["Port"] = str(host.port)
    jump = jump_host(host, None)
    if jump is not None:
        # ssh runs it with the user's shell, behind an `exec`, and puts the host in place of %h and %p.
        words = [*map(_escaped, _options(jump, {})), "-W", quote("[%h]:%p"), "--", _plain(jump.address)]
        options["ProxyCommand"] = " ".join(["ssh", *words])
    elif host.jump == "none":
        options["ProxyJump"] = "none"
    file = str(host.ssh_config or own_config() or "none")
    return ["-F", file, *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]


def own_config() -> Path | None:
    """The user's own ssh_config, where there is one: asyncssh does not read the system's."""
    own = Path("~/.ssh/config").expanduser()
    return own if own.is_file() else None


def _plain(text: str) -> str:
    if not _PLAIN.fullmatch(text) or text.startswith("-"):
        raise NotPlain(text)
    return text


def _quoted(value: str | Path) -> str:
    return f'"{_plain(str(value))}"'


def _escaped(word: str) -> str:
    return quote(word.replace("%", "%%"))
