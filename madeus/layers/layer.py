"""A layer: a directory of files that stands in the stacks of machines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LayerKind(StrEnum):
    """What a layer is for; a stack has one base, then versions, then copies, bottom to top."""

    BASE = "base"
    """The system that everything stands on."""
    VERSION = "version"
    """What a version of a role adds to the one before it."""
    COPY = "copy"
    """Copy on write: what one machine has changed."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. What it holds is known to the hosts only; a frozen layer never changes again."""

    id: str
    """Also the name of its directory on the hosts: letters, digits, ``_ . -``."""
    kind: LayerKind
    frozen: bool = False
    """Read-only for good."""
    source: str = ""
    """Where the contents of a base come from: ``/`` for the host's own system, ``host:PATH`` for a directory or tar file
    that every host has, else one of the controller. Of a version: empty, or ``host:PATH``."""
    holders: frozenset[str] = frozenset()
    """Machines that have a copy of it; none: it has still to be made."""
