"""Checking a model: which questions of a file are asked, who answers them, and what is remembered between checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from madeus.checker import store
from madeus.checker.engine import Budget, Progress
from madeus.checker.explanation import Where, explain, nowhere
from madeus.checker.plan import Ask, View, Wish, plan
from madeus.checker.portfolio import ENGINES, MissingLibrary, Portfolio, UnknownEngine
from madeus.checker.problem import Problem
from madeus.checker.report.findings import of_health, of_property
from madeus.checker.report.model import Block, Checked
from madeus.checker.verdict import (
    CROSS_CHECKED,
    UNCONFIRMED,
    Boundaries,
    Durations,
    Fails,
    Findings,
    Holds,
    Unknown,
    Verdict,
    Width,
)
from madeus.model import Model, Parallelism

FIRST_LOOK = 1.0
"""Seconds that each engine gets to confirm an answer before those that need more share the budget."""


class Memory(Protocol):
    """What keeps answers from one check to the next. Losing one is never wrong."""

    def get(self, key: str) -> str | None:
        """The text kept under a key."""
        ...

    def put(self, key: str, text: str) -> None:
        """Keep a text."""
        ...


class Disagreement(Exception):
    """Two engines answer one question differently: a fault of ours. question, first, second: what was asked and answered."""

    def __init__(self, question: str, first: str, second: str) -> None:
        super().__init__(question, first, second)
        self.question = question
        self.first = first
        self.second = second

    def __str__(self) -> str:
        return f"the engines disagree about `{self.question}`: {self.first}; {self.second}"


class Session:
    """Answers the questions of models; what engines work out of a system is shared by the questions about it."""

    def __init__(
        self,
        wish: Wish | None = None,
        memory: Memory | None = None,
        version: str = "",
        progress: Callable[[Problem, Progress], None] | None = None,
    ) -> None:
        self.wish = wish or Wish()
        self._memory = memory
        self._version = version
        self._progress = progress
        self._portfolio = Portfolio()
        if self.wish.engine != "auto":
            if self.wish.engine not in ENGINES:
                raise UnknownEngine(self.wish.engine)
            self._portfolio.engine(self.wish.engine)

    def plan(self, model: Model, where: Where = nowhere) -> tuple[Ask, ...]:
        """The blocks that the wish chooses, health checks last. Raises NothingChosen."""
        return plan(model, self.wish, where)

    def answer(self, ask: Ask, where: Where = nowhere) -> Iterator[Checked]:
        """The answers to a block, one by one.

        Raises UnknownName for what the system never has, MissingLibrary for an engine that was named, NotConfirmed and
        Disagreement for faults of engines.
        """
        if ask.number == 0:
            yield from self._answer_health(ask, where)
            return
        for number, problem, span in ask.problems:
            verdict, cached = self._decide(problem)
            told = explain(problem, verdict, where) if isinstance(verdict, Fails) else None
            found = of_property(problem, verdict, span, told)
            yield Checked(problem, verdict, ask.title, number, span, told, found, cached)

    def check(self, model: Model, where: Where = nowhere) -> tuple[Block, ...]:
        """All answers at once."""
        return tuple(replace(ask.head, results=tuple(self.answer(ask, where))) for ask in self.plan(model, where))

    def _answer_health(self, ask: Ask, where: Where) -> Iterator[Checked]:
        decided = [(problem, *self._decide(problem)) for _, problem, _ in ask.problems]
        views = [View.of(problem.system, verdict) for problem, verdict, _ in decided]
        for at, (problem, verdict, cached) in enumerate(decided):
            others = [view for n, view in enumerate(views) if n != at and view is not None]
            if isinstance(verdict.measure, Findings):
                kept = [
                    f
                    for f in verdict.measure.findings
                    if f.ailment.grave or not any(view.moves(f.ailment, f.component, f.element) for view in others)
                ]
                verdict = replace(verdict, measure=Findings(tuple(kept)))
            told = explain(problem, verdict, where) if isinstance(verdict, Fails) else None
            found = of_health(problem, verdict, ask.titles[at], where, told)
            yield Checked(problem, verdict, ask.title, at + 1, ask.problems[at][2], told, found, cached)

    def _decide(self, problem: Problem) -> tuple[Verdict, bool]:
        """The verdict, and whether it was remembered."""
        wish = self.wish
        memory = self._memory
        name = store.key(problem, wish.engine, self._version) if memory is not None else ""
        if memory is not None and not wish.cross_check:
            kept = memory.get(name)
            if kept is not None:
                try:
                    return store.decode(kept, problem), True
                except store.NotStored:
                    pass  # Damaged or of another age: asked again, and overwritten.
        verdict = self._ask(problem, wish.engine, wish.budget)
        if wish.cross_check and not isinstance(verdict, Unknown):
            verdict = self._cross_check(problem, verdict)
        if memory is not None and not isinstance(verdict, Unknown):
            # That the budget was too small for a second engine says nothing about later checks.
            notes = tuple(note for note in verdict.evidence.notes if note != UNCONFIRMED)
            memory.put(name, store.encode(replace(verdict, evidence=replace(verdict.evidence, notes=notes))))
        return verdict, False

    def _ask(self, problem: Problem, engine: str, budget: Budget) -> Verdict:
        progress = self._progress
        listener = (lambda p: progress(problem, p)) if progress is not None else None
        try:
            return self._portfolio.check(problem, engine, budget, listener)
        except MemoryError:
            return Unknown("memory ran out")

    def _cross_check(self, problem: Problem, verdict: Holds | Fails) -> Verdict:
        """The verdict with a note about the engine that confirms it, the most independent one first.

        Every engine gets a second; then those that need more share the budget: the slow ones must not starve the others.
        """
        evidence = verdict.evidence
        budget = self.wish.budget
        candidates = [name for name in reversed(ENGINES) if name != evidence.engine]
        for first in (True, False):
            left = None if budget.seconds is None else budget.seconds / max(1, len(candidates))
            seconds = min(FIRST_LOOK, FIRST_LOOK if left is None else left) if first else left
            for name in tuple(candidates):
                try:
                    second = self._ask(problem, name, replace(budget, seconds=seconds))
                except MissingLibrary:
                    candidates.remove(name)
                    continue
                if isinstance(second, Unknown):
                    if not second.evidence.engine:
                        candidates.remove(name)  # It refuses the question, whatever the budget.
                    continue
                if not agree(problem, verdict, second):
                    raise Disagreement(str(problem), _said(verdict), _said(second))
                note = f"{CROSS_CHECKED}{name}"
                return replace(verdict, evidence=replace(evidence, notes=(*evidence.notes, note)))
        return replace(verdict, evidence=replace(evidence, notes=(*evidence.notes, UNCONFIRMED)))


def agree(problem: Problem, first: Verdict, second: Verdict) -> bool:
    """Whether two conclusive answers are the same: the outcome, and the numbers where numbers were asked for."""
    if type(first) is not type(second):
        return False
    one, other = first.measure, second.measure
    if isinstance(one, Boundaries) and isinstance(other, Boundaries):
        pairs = ((one.minimum, other.minimum), (one.maximum, other.maximum))
        return all(_near(a, b) for a, b in pairs)
    if isinstance(one, Durations) and isinstance(other, Durations):
        return _alike(one, other)
    if isinstance(one, Width) and isinstance(other, Width) and isinstance(problem.question, Parallelism):
        return one.minimum <= other.maximum and other.minimum <= one.maximum
    return True


def _near(a: float, b: float) -> bool:
    return a == b or abs(a - b) <= 1e-6 * max(1.0, abs(a))


def _alike(one: Durations, other: Durations) -> bool:
    """The same intervals, as far as floating point tells."""
    if one.empty or other.empty:
        return one.empty and other.empty
    first, second = one.parts or (one,), other.parts or (other,)
    return len(first) == len(second) and all(
        _near(a.minimum, b.minimum)
        and _near(a.maximum, b.maximum)
        and (a.open_below, a.open_above) == (b.open_below, b.open_above)
        for a, b in zip(first, second, strict=True)
    )


def _said(verdict: Verdict) -> str:
    return f"{verdict.evidence.engine}: {type(verdict).__name__.lower()} {verdict.measure or ''}".strip()
