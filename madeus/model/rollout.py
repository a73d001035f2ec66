"""Rollouts and roles: what the language says of fleets, as values."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Role:
    """What a machine is, in strictly linear versions over a base layer."""

    name: str
    base: str
    versions: tuple[RoleVersion, ...] = ()
