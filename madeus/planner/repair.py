"""Repairs: from where the components of an assembly really are back to where they shall be."""

from __future__ import annotations

from collections.abc import Mapping

from madeus.checker import Budget
from madeus.model import Assembly, ComponentType
from madeus.planner.life import Lives, Places
from madeus.planner.plan import Plan, plan
from madeus.planner.target import Target
from madeus.semantics import Configuration

NAME = "repair"
"""Name of the program that repairs."""


class Roads:
    """Whether behaviors of a type lead from some places to others."""

    def __init__(self, types: Mapping[str, ComponentType]) -> None:
        self._lives = Lives(Assembly("", types, (), ()))
        self._found: dict[tuple[str, Places], set[Places]] = {}

    def lead(self, kind: str, source: Places, target: Places) -> bool:
        """Whether they do, ports aside."""
        key = (kind, source)
        if key not in self._found:
            self._found[key] = self._lives.reachable(*key)
        return target in self._found[key]


def repair(
    assembly: Assembly, now: Configuration, wanted: Mapping[str, frozenset[str]], budget: Budget | None = None
) -> Plan:
    """A program that brings components back to the places they shall be at, and leaves the others where they are.

    now: where everything really is, at rest. wanted: component -> all places that it shall be at.

    Raises Impossible, NotFound, NotAtRest as `plan` does.
    """
    return plan(assembly, Target(places=wanted), now, NAME, budget)
