"""Rollouts and roles: what the language says of fleets, as values."""

from __future__ import annotations

from dataclasses import dataclass

from madeus.model.action import Action
from madeus.model.value import Value


@dataclass(frozen=True, slots=True)
class Rollout:
    """``rollout r of program p over fleet { ... }``: a program brought to a fleet in stages."""

    name: str
    program: str
    fleet: str
    """Group of the inventory."""
    settings: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    """Each setting with its words, in order: ``("cluster", ("by", "fingerprint", "diameter", 2))``."""


@dataclass(frozen=True, slots=True)
class RoleVersion:
    """A version of a role."""

    name: str
    after: str = ""
    """Version it depends on; empty: the first of the chain."""
    package: str = ""
    """Machine that it was packaged from."""
    source: str = ""
    """Directory or tar file that holds what it adds; relative to the .madeus file."""
    actions: tuple[Action, ...] = ()
    """What is done in a root with its layer on top, to make it."""


@dataclass(frozen=True, slots=True)
class FilePolicy:
    """What is done with a file of a machine that hides one of a new version."""

    glob: str
    how: str
    """``keep``, ``take``, ``merge`` or ``ask``."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a machine is, in strictly linear versions over a base layer."""

    name: str
    base: str
    versions: tuple[RoleVersion, ...] = ()
    source: str = ""
    """Directory or tar file that the base is made from; relative to the .madeus file. Empty: the host's own system."""
    persistent: tuple[str, ...] = ()
    """Directories that no operation on layers changes."""
    services: tuple[str, ...] = ()
    """Stopped before the stack is replaced, in reverse, and started after it."""
    policies: tuple[FilePolicy, ...] = ()
    """The first one whose glob fits a file counts."""
    lingering: str = "restart"
    """Of what else runs in a stack at a checkpoint: ``restart`` the services of its packages, ``end`` all, ``leave``."""
