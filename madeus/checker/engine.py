"""The one interface of engines, and the watch over what they spend."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from madeus.checker.problem import Problem
from madeus.checker.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Budget:
    """What a question may cost; None: no limit."""

    seconds: float | None = None
    """Wall time."""
    memory: int | None = None
    """Bytes of resident memory of the whole process."""
    states: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an engine is."""

    engine: str
    states: int
    seconds: float


class Exhausted(Exception):
    """The budget is spent. what: the limit that was met, as a phrase."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"the budget is spent: {self.what}"


STRIDE = 16
"""States after which the clock is looked at again: of large nets a state takes a tenth of a second."""


class Watch:
    """Counts what an engine spends. Engines call ``tick`` from their inner loops; it is cheap.

    given: seconds that the question was given, of which the budget is what is left for this engine; they are what is told.
    """

    def __init__(
        self,
        engine: str = "",
        budget: Budget | None = None,
        progress: Callable[[Progress], None] | None = None,
        every: float = 0.25,
        given: float | None = None,
    ) -> None:
        self.engine = engine
        self.budget = budget or Budget()
        self.states = 0
        self.shared = False
        """Whether states were counted that an earlier question had looked at."""
        self._given = self.budget.seconds if given is None else given
        self._progress = progress
        self._every = every
        self._began = time.perf_counter()
        self._reported = self._began
        self._unchecked = 0

    @property
    def seconds(self) -> float:
        """Wall time since the engine began."""
        return time.perf_counter() - self._began

    def tick(self, states: int = 1) -> None:
        """Count states that were looked at. Raises Exhausted when a limit is met."""
        self.states += states
        limit = self.budget.states
        if limit is not None and self.states > limit:
            raise Exhausted(f"{limit} states")
        self._unchecked += states
        if self._unchecked >= STRIDE:
            self.check()

    def reuse(self, states: int) -> None:
        """Count states that an earlier question has looked at: they cost nothing."""
        self.states += states
        self.shared = True

    def check(self) -> None:
        """Look at the clock and the memory now. Raises Exhausted when a limit is met."""
        self._unchecked = 0
        now = time.perf_counter()
        budget = self.budget
        if budget.seconds is not None and now - self._began > budget.seconds:
            raise self.late()
        if budget.memory is not None and resident_memory() > budget.memory:
            raise Exhausted(f"{budget.memory} bytes of memory")
        if self._progress is not None and now - self._reported >= self._every:
            self._reported = now
            self._progress(Progress(self.engine, self.states, now - self._began))

    def late(self) -> Exhausted:
        """The error that says that the time is over."""
        return Exhausted(f"{self._given:g} s")


def resident_memory() -> int:
    """Resident memory of this process, in bytes; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


_PAGE = 4096


class Engine(Protocol):
    """A way of answering questions. What an engine accepts it answers exactly, or says Unknown."""

    name: str

    def refuses(self, problem: Problem) -> str | None:
        """Why the engine cannot answer a problem exactly, as a phrase; None when it can."""
        ...

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """Answer a problem that the engine does not refuse. Raises Exhausted when the watch does."""
        ...
