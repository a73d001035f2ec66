"""Bounds of interruptions: whether a plan keeps a service from being off for longer than somebody can bear."""

from __future__ import annotations

from dataclasses import dataclass

from madeus.checker import Budget, Fails, Holds, Problem, check
from madeus.model import Assembly, Available, Program, format_seconds
from madeus.planner.prove import outages
from madeus.planner.start import system_of
from madeus.semantics import Configuration, simulate
from madeus.semantics.time import maximum

BUDGET = Budget(seconds=10)
"""For the proof of one bound."""


@dataclass(frozen=True)
class Kept:
    """An answer about one service."""

    component: str
    port: str
    limit: float
    """Seconds."""
    longest: float
    """The longest time off in a simulation with the greatest durations."""
    holds: bool
    proved: bool
    """Whether the checker says so; else only that simulation does."""

    def __str__(self) -> str:
        name, limit = f"{self.component}.{self.port}", format_seconds(self.limit)
        longest = format_seconds(round(self.longest, 6))
        if not self.holds:
            return f"{name} is off for {longest}, longer than {limit}; no plan with a shorter interruption was found"
        how = "proved" if self.proved else "in a simulation with the greatest durations, not proved"
        return f"{name} is off for at most {limit} ({how})"


def keeps(assembly: Assembly, now: Configuration, program: Program, component: str, port: str, limit: float) -> Kept:
    """Whether a service is never off for longer than a limit in seconds while a program runs."""
    system = system_of(assembly, now, program)
    run = simulate(system, maximum)
    found = [
        o.seconds if o.back else float("inf")
        for o in outages(system, run)
        if (o.component, o.port) == (component, port)
    ]
    longest = max(found, default=0.0)
    if longest > limit:
        return Kept(component, port, limit, longest, False, True)
    verdict = check(Problem(system, Available(component, port, limit)), budget=BUDGET)
    return Kept(component, port, limit, longest, not isinstance(verdict, Fails), isinstance(verdict, Holds | Fails))
