"""Failure budgets: how many machines may fail before a rollout stops by itself. Unreachable machines are not failed ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from madeus.fleet.amounts import Amount, at_most, written


class Scope(StrEnum):
    """What a budget is counted over."""

    STAGE = "stage"
    CLUSTER = "cluster"
    ROLLOUT = "rollout"


@dataclass(frozen=True, slots=True)
class Budget:
    """``failures max 3 per cluster``."""

    maximum: Amount
    scope: Scope = Scope.ROLLOUT

    def __str__(self) -> str:
        return f"failures max {written(self.maximum)} per {self.scope}"


@dataclass(frozen=True, slots=True)
class Overrun:
    """A budget that is used up."""

    budget: Budget
    where: str
    """Name of the stage or the cluster; empty: the whole rollout."""
    failed: int
    allowed: int

    def __str__(self) -> str:
        where = f" {self.where}" if self.where else ""
        share = f" ({written(self.budget.maximum)})" if isinstance(self.budget.maximum, float) else ""
        return f"{self.failed} failed in the {self.budget.scope}{where}, {self.allowed} allowed{share}"


Groups = Mapping[str, Collection[str]]
"""Machines by the name of their group."""


def overruns(budgets: Sequence[Budget], failed: Collection[str], stages: Groups, clusters: Groups) -> list[Overrun]:
    """The budgets that failed machines exceed. A machine that has failed and passed later counts no more."""
    found: list[Overrun] = []
    everyone = {m for machines in clusters.values() for m in machines}
    for budget in budgets:
        match budget.scope:
            case Scope.STAGE:
                groups: Groups = stages
            case Scope.CLUSTER:
                groups = clusters
            case Scope.ROLLOUT:
                groups = {"": everyone}
        for name, machines in groups.items():
            count, allowed = sum(m in failed for m in machines), at_most(budget.maximum, len(machines))
            if count > allowed:
                found.append(Overrun(budget, name, count, allowed))
    return found
