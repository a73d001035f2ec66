"""The parametric engine: "for which durations of ``db.start`` is ``up`` within 3 min?", where there is a choice.

Counterexample-guided: a duration that nothing is known of yet is tried on all timed runs. If one of them is wrong, so it is for
all durations for which the same steps are a run that is wrong: an interval, found by projection. If none is, what the proof
rests on are linear constraints on the duration: an interval again. Until nothing is left to try; where the runs are finitely
many sequences of steps, so are the intervals.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import inf
from weakref import WeakKeyDictionary

from madeus.checker.engine import Exhausted, Watch
from madeus.checker.engines.compare import for_durations
from madeus.checker.engines.explicit.compiled import Compiled
from madeus.checker.engines.explicit.engine import Explicit
from madeus.checker.engines.explicit.target import NotRepresented
from madeus.checker.engines.parametric.dates import Dates, dates
from madeus.checker.engines.parametric.sample import Sample
from madeus.checker.engines.parametric.span import AFTER, BEFORE, Span, gaps, joined
from madeus.checker.engines.parametric.trial import Trial
from madeus.checker.engines.timed.engine import leaves_open
from madeus.checker.problem import Problem
from madeus.checker.verdict import Durations, Evidence, Unknown, Verdict, with_evidence
from madeus.model import Bounds, Parametric
from madeus.petri.translate import TranslationError
from madeus.semantics import System

MOST_GAPS = 3
"""Intervals of which nothing is known that are named."""


class ParametricEngine:
    """Trials of durations on the state classes of the translated net."""

    name = "parametric"

    def __init__(self) -> None:
        self._explicit = Explicit()
        self._acyclic: WeakKeyDictionary[System, bool] = WeakKeyDictionary()

    def refuses(self, problem: Problem) -> str | None:
        """Other questions, systems without a net."""
        question = problem.question
        if not isinstance(question, Parametric):
            return "it answers parametric questions alone"
        try:
            self._explicit.compiled(problem.system).conditions.compile(question.goal.formula)
        except TranslationError as error:
            return str(error)
        except NotRepresented:
            return "its net does not keep the data ports that the formula names"
        return None

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """Exact, or Unknown where runs may be endless before the goal stays, or when the budget is spent on the way."""
        question = problem.question
        assert isinstance(question, Parametric)
        compiled = self._explicit.compiled(problem.system)
        endless = self._endless(problem.system, compiled, watch)
        if endless and (reason := leaves_open(compiled, Bounds(question.goal), watch)) is not None:
            return Unknown(reason)
        asked = dates(compiled, question)
        good: list[Span] = []
        bad: list[Span] = []
        try:
            while (span := _next(good + bad)) is not None:
                right, alike = Trial(asked, Sample(span), endless).run(watch)
                (good if right else bad).append(alike)
        except Exhausted as error:
            return Unknown(f"{error}; {_open(asked, good + bad)}")
        verdict = for_durations(question, _durations(asked, joined(good)))
        count = len(good) + len(bad)
        notes = (
            f"{count} {'duration was' if count == 1 else 'durations were'} tried, the others are like one of them",
        )
        return with_evidence(verdict, Evidence(self.name, watch.states, watch.seconds, notes=notes))

    def _endless(self, system: System, compiled: Compiled, watch: Watch) -> bool:
        if system not in self._acyclic:
            self._acyclic[system] = compiled.search.reduced(watch).acyclic
        return not self._acyclic[system]


def _next(known: list[Span]) -> Fraction | None:
    """A duration that nothing is known of: none at all first, then the middles of gaps, single ones at last."""
    left = gaps(known)
    if not known:
        return Fraction(0)
    wide = [span for span in left if span.first[0] < span.last[0]]
    if wide:
        return max(wide, key=lambda span: span.last[0] - span.first[0]).inside()
    return Fraction(left[0].first[0]) if left else None


def _durations(asked: Dates, spans: list[Span]) -> Durations:
    parts = tuple(_seconds(asked, span) for span in spans)
    if not parts:
        return Durations(0.0, -inf)
    first, last = parts[0], parts[-1]
    whole = Durations(first.minimum, last.maximum, last.open_above, first.open_below)
    return whole if len(parts) == 1 else replace(whole, parts=parts)


def _seconds(asked: Dates, span: Span) -> Durations:
    (low, after), (high, before) = span
    top = inf if high == inf else float(Fraction(high) / asked.scale)
    return Durations(float(Fraction(low) / asked.scale), top, before == BEFORE and high < inf, after == AFTER)


def _open(asked: Dates, known: list[Span]) -> str:
    """What is not known yet when the budget is spent."""
    left = [_seconds(asked, span) for span in gaps(known)]
    words = [f"{d.minimum:g} s" + ("" if d.maximum == inf else f" to {d.maximum:g} s") for d in left[:MOST_GAPS]]
    last = " or more" if left[-1].maximum == inf and len(left) <= MOST_GAPS else ""
    more = f" and {len(left) - MOST_GAPS} more intervals" if len(left) > MOST_GAPS else ""
    return f"nothing is known yet of durations of {', '.join(words)}{last}{more}"
