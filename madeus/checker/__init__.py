"""The checker: answers the questions of ``verify`` blocks exactly, with counterexamples that were replayed.

``problems(model, verify)`` gives the problems of a block, ``Portfolio().check(problem)`` answers one.
"""

from madeus.checker.counterexample import NotConfirmed, confirm, deadlock_at_the_end
from madeus.checker.engine import Budget, Engine, Exhausted, Progress, Watch
from madeus.checker.formula import UnknownName
from madeus.checker.portfolio import AUTOMATIC, ENGINES, MissingLibrary, Portfolio, UnknownEngine, check
from madeus.checker.problem import Asked, Health, Problem, problem, problems
from madeus.checker.verdict import (
    Ailment,
    Assumption,
    Boundaries,
    Durations,
    Evidence,
    Fails,
    Finding,
    Findings,
    Holds,
    Measure,
    TimeOff,
    Unknown,
    Verdict,
    Width,
)

__all__ = [
    "AUTOMATIC",
    "ENGINES",
    "Ailment",
    "Asked",
    "Assumption",
    "Boundaries",
    "Budget",
    "Durations",
    "Engine",
    "Evidence",
    "Exhausted",
    "Fails",
    "Finding",
    "Findings",
    "Health",
    "Holds",
    "Measure",
    "MissingLibrary",
    "NotConfirmed",
    "Portfolio",
    "Problem",
    "Progress",
    "TimeOff",
    "Unknown",
    "UnknownEngine",
    "UnknownName",
    "Verdict",
    "Watch",
    "Width",
    "check",
    "confirm",
    "deadlock_at_the_end",
    "problem",
    "problems",
]
