"""The host that another one is reached through."""

from __future__ import annotations

import re
from dataclasses import replace

from madeus.executor.errors import ConnectionFailed
from madeus.executor.inventory import Host

_JUMP = re.compile(r"(?:(?P<user>[^@]+)@)?(?P<address>\[[^\]]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")


def jump_host(host: Host, configured: object) -> Host | None:
    """The host to go through, of the inventory or of ssh_config."""
    if host.via is not None:
        return host.via
    text = host.jump or (configured if isinstance(configured, str) else None)
    if not text or text == "none":
        return None
    before, _, last = text.rpartition(",")
    match = _JUMP.fullmatch(last.strip())
    if not match or int(match["port"] or 22) > 65535:
        raise ConnectionFailed(host.name, host.address, f"`{text}` is no jump host", "write it as user@address:port")
    return replace(
        host,
        name=last.strip(),
        address=match["address"].strip("[]"),
        user=match["user"],
        port=int(match["port"]) if match["port"] else None,
        jump=before or "none",
        via=None,
        groups=(),
        variables=(),
    )
