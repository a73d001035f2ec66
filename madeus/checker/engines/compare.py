"""Measured numbers against the bounds that a question sets."""

from __future__ import annotations

from math import inf

from madeus.checker.verdict import Boundaries, Durations, Fails, Holds, Unknown, Verdict, Width
from madeus.model import Bounds, Comparison, Parallelism, Parametric


def between(question: Parallelism, width: Width) -> Verdict:
    """The verdict where the number is only known to lie between two bounds."""
    comparison, bound = question.comparison, question.bound
    if comparison is not None:
        answers = {comparison.holds(n, bound) for n in (width.minimum, width.maximum)}
        inside = comparison is Comparison.EQUAL and width.minimum <= bound <= width.maximum
        if len(answers) == 1 and not inside:
            if answers.pop():
                return Holds(measure=width, witness=width.witness)
            reason = f"{width.minimum} to {width.maximum} actions run at once, not {comparison} {bound}"
            return Fails(reason, width.witness, measure=width)
    return Unknown(f"between {width.minimum} and {width.maximum} actions run at once", measure=width)


def compare_bounds(question: Bounds, found: Boundaries) -> Verdict:
    """The verdict of a question about time: an upper comparison speaks of the maximum, a lower one of the minimum."""
    comparison, bound = question.comparison, question.bound
    upper = comparison in (Comparison.LESS, Comparison.AT_MOST, Comparison.EQUAL)
    lower = comparison in (Comparison.GREATER, Comparison.AT_LEAST, Comparison.EQUAL)
    if comparison is not None and upper and not comparison.holds(found.maximum, bound):
        if found.minimum == inf:
            return Fails(f"{question.goal.name} is never reached", measure=found)
        if found.maximum == inf:
            why = f" by {', '.join(found.unbounded)}" if found.unbounded else ""
            return Fails(f"nothing bounds the time to {question.goal.name}{why}", found.fastest, measure=found)
        return Fails(f"{question.goal.name} may take {found.maximum:g} s", found.slowest, measure=found)
    if comparison is not None and lower and not comparison.holds(found.minimum, bound):
        return Fails(f"{question.goal.name} may take only {found.minimum:g} s", found.fastest, measure=found)
    return Holds(measure=found, witness=found.slowest or found.fastest)


def for_durations(question: Parametric, durations: Durations) -> Verdict:
    """The verdict of a parametric question."""
    if not durations.empty:
        return Holds(measure=durations)
    name = f"{question.component}.{question.transition}"
    return Fails(
        f"no duration of {name} makes {question.goal.name} {question.comparison} {question.bound:g} s",
        measure=durations,
    )
