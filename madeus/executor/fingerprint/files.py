"""Fleet files: fingerprints of machines as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from madeus.executor.errors import InputError
from madeus.fleet.document import fleet_from, fleet_to
from madeus.fleet.fingerprint import Fleet


class BadFleetFile(InputError):
    """A fleet file that is missing, unreadable, or none, or that cannot be written."""

    def __init__(self, path: Path, reason: str, help: str = "`madeus fingerprint -o FILE` writes one") -> None:
        super().__init__(f"{path}: {reason}", help)
        self.path, self.reason = path, reason


def read_fleet(path: Path) -> Fleet:
    """Read a fleet file. Raises BadFleetFile."""
    try:
        return fleet_from(json.loads(path.read_bytes(), object_pairs_hook=_once))
    except OSError as error:
        raise BadFleetFile(path, error.strerror or str(error)) from None
    except RecursionError:
        raise BadFleetFile(path, "is nested too deeply") from None
    except ValueError as error:
        raise BadFleetFile(path, f"is no fleet file: {error}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: of two machines of one name one would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for place, (key, _) in enumerate(pairs) if any(key == other for other, _ in pairs[:place]))
        raise ValueError(f"`{twice}` comes twice")
    return found


def write_fleet(fleet: Fleet, path: Path) -> None:
    """Write a fleet file; the same fleet gives the same bytes. Raises BadFleetFile."""
    text = json.dumps(fleet_to(fleet), indent=None, separators=(",", ":"), ensure_ascii=True)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise BadFleetFile(path, f"cannot be written: {error.strerror or error}", "") from None


def check_writable(path: Path) -> None:
    """That a fleet file can be written, before machines are looked at. Raises BadFleetFile."""
    if not path.parent.is_dir():
        raise BadFleetFile(path, f"cannot be written: there is no directory {path.parent}", "")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise BadFleetFile(path, "cannot be written: permission denied", "")
