"""Machines that announce themselves: an inventory of their own in the state directory."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from madeus.executor.inventory import parse_inventory
from madeus.executor.journal.store import state_directory

FILE = "announced.toml"


def announce(state: Path | None, name: str, address: str) -> Path:
    """Keep where a machine is; the inventory that has it. A machine that announces itself anew may have moved.

    Raises:
        InventoryError: name or address cannot stand in an inventory.
    """
    path = state_directory(state) / FILE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _written(path, {**_read(path), name: address})


def rename_announced(path: Path, old: str, new: str) -> None:
    """Give a machine of the file another name; nothing where it has none of that name."""
    _written(path, {new if one == old else one: where for one, where in _read(path).items()})


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    hosts = tomllib.loads(path.read_text("utf-8")).get("hosts", {})
    return {one: table["address"] for one, table in hosts.items()}


def _written(path: Path, known: Mapping[str, str]) -> Path:
    # JSON's strings are TOML's basic strings.
    text = "".join(f"[hosts.{json.dumps(one)}]\naddress = {json.dumps(where)}\n" for one, where in known.items())
    parse_inventory(text, path)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)
    return path
