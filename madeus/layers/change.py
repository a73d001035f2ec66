"""What an operation does: a new catalog, and the steps on hosts that make it true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from madeus.layers.catalog import Catalog


class Verb(StrEnum):
    """What a host step does. Each may be done twice with the same effect as once."""

    CREATE = "create"
    """``layer``: an empty layer."""
    FREEZE = "freeze"
    """``layer``: read-only from now on."""
    SWITCH = "switch"
    """``stack`` (read-only, bottom to top), ``writable``, ``persistent``, ``services``, ``lingering`` (of what else was started
    in the present root: ``restart`` what belongs to services of its packages, ``end`` all, ``leave``), ``retire``: another
    root in place of the present one. Makes the writable layer where there is none, marks the others and those that it retires
    read-only. ``masks``: refused when other files are masked than those that were decided about, or they have changed.
    ``expects``: the stack that the machine has before, bottom to top; refused when it has another and not the wanted one."""
    DELETE = "delete"
    """``layers``."""
    MERGE = "merge"
    """``layers`` bottom to top, ``into``: one layer of the same contents, deletions kept."""
    RESOLVE = "resolve"
    """``into``, ``old``, ``new``, ``below``, ``decisions``: what is taken or merged of masked files is written into a layer."""
    SEED = "seed"
    """``layer``, ``from``: a base from the host's own system, or from what the controller sends."""
    FETCH = "fetch"
    """``layer``, ``holder``: a copy of what another machine holds."""
    MAKE = "make"
    """``role``, ``version``, ``layer``, ``stack``: what the role's definition says, done in a new version's layer."""


@dataclass(frozen=True, slots=True)
class HostStep:
    """One step on one machine."""

    machine: str
    verb: Verb
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """As JSON has them."""


@dataclass(frozen=True, slots=True)
class Change:
    """An operation that was found possible."""

    operation: str
    """Its name: ``assign``, ``upgrade``..."""
    summary: str
    """What it does, for people and the history."""
    catalog: Catalog
    """What is true when every step was done."""
    steps: tuple[HostStep, ...] = ()
    undo: tuple[HostStep, ...] = ()
    """What takes the steps back as long as none of them has switched a root."""
    machines: tuple[str, ...] = ()
    """Machines (and `role_lock` of roles) that no other operation may touch meanwhile; none: it needs the whole catalog for
    itself."""
