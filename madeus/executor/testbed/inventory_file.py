"""Writes the inventory of a bed, the file that `madeus run --inventory` takes."""

import json
import re
from collections.abc import Sequence

from madeus.executor.testbed.registry import HostRecord

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def inventory_text(bed: str, hosts: Sequence[HostRecord]) -> str:
    """The TOML text; the paths in it are relative to the file's own directory."""
    lines = [
        f"# The test hosts of the bed {bed}. Written by `madeus testbed up`; it ends with `madeus testbed down`.",
        "[defaults]",
        'transport = "ssh"',
        'user = "root"',
        'known_hosts = "known_hosts"',
        'identity = "id_ed25519"',
    ]
    for host in hosts:
        lines += ["", f"[hosts.{_key(host.name)}]", f'address = "{host.address}"', f"port = {host.port}"]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else json.dumps(name)
