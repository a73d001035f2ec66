"""A whole model: what one ``.madeus`` file and its imports say, every name resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from madeus.model.assembly import Assembly
from madeus.model.component import ComponentType
from madeus.model.program import Program
from madeus.model.property import Verify
from madeus.model.rollout import Role, Rollout


@dataclass(frozen=True)
class Model:
    """Types, assemblies, programs and properties by name, in order of declaration."""

    types: Mapping[str, ComponentType] = field(default_factory=dict)
    assemblies: Mapping[str, Assembly] = field(default_factory=dict)
    programs: Mapping[str, Program] = field(default_factory=dict)
    verifications: tuple[Verify, ...] = ()
    rollouts: Mapping[str, Rollout] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
