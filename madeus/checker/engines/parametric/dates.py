"""What the net and the question say about dates, in whole units of time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf, lcm

from madeus.checker.engines.explicit.compiled import Compiled
from madeus.checker.engines.explicit.target import Condition, holds
from madeus.model import Comparison, Parametric
from madeus.semantics import StepKind


@dataclass(frozen=True, slots=True)
class Dates:
    """The timed transitions of a net, and when a goal's date is wrong."""

    compiled: Compiled
    goal: Condition
    """It is reached, or the run was taken back."""
    comparison: Comparison
    bound: int
    """In units of time."""
    scale: int
    """Units of time in a second."""
    least: dict[int, tuple[int, int]]
    """Transition that takes time -> constant and factor of the duration asked for."""
    greatest: dict[int, tuple[int, int] | None]
    """The same for the greatest time; None: none."""

    @property
    def strict(self) -> bool:
        """Whether a run whose date is the bound is wrong."""
        return self.comparison in (Comparison.LESS, Comparison.GREATER)

    @property
    def upper(self) -> bool:
        """Whether late dates are wrong, and runs that never come to the goal."""
        return self.comparison not in (Comparison.GREATER, Comparison.AT_LEAST)

    @property
    def lower(self) -> bool:
        """Whether early dates are wrong."""
        return self.comparison not in (Comparison.LESS, Comparison.AT_MOST)

    def good(self, marking: int) -> bool:
        """Whether the goal's formula holds, or the run was taken back."""
        return not marking & self.compiled.encoding.halting and holds(self.goal, marking)

    def early(self, marking: int) -> bool:
        """Whether the date of a run that ends here may be too early: not when it was taken back."""
        return self.lower and not marking & self.compiled.conditions.back.mask


def dates(compiled: Compiled, question: Parametric) -> Dates:
    """The dates of a question. Raises NotRepresented."""
    net = compiled.encoding.net
    timed = [
        t for t, label in enumerate(net.labels) if label is not None and label.kind in (StepKind.END, StepKind.FAIL)
    ]
    exact = {t: (_exact(net.intervals[t].minimum), _exact(net.intervals[t].maximum)) for t in timed}
    bound = _exact(question.bound)
    numbers = [n for pair in exact.values() for n in pair if n is not None]
    scale = lcm(*(n.denominator for n in (*numbers, bound) if n is not None))

    def units(number: Fraction) -> tuple[int, int]:
        return int(number * scale), 0

    least: dict[int, tuple[int, int]] = {}
    greatest: dict[int, tuple[int, int] | None] = {}
    for t, (low, high) in exact.items():
        label = net.labels[t]
        assert low is not None
        assert label is not None
        asked = label.kind is StepKind.END and (label.component, label.element) == (
            question.component,
            question.transition,
        )
        least[t] = (0, 1) if asked else units(low)
        greatest[t] = (0, 1) if asked else None if high is None else units(high)
    assert bound is not None
    goal = compiled.conditions.over(question.goal.formula)
    return Dates(compiled, goal, question.comparison, int(bound * scale), scale, least, greatest)


def _exact(number: float) -> Fraction | None:
    """The number as it is written: 0.1 is a tenth."""
    return None if number == inf else Fraction(repr(number))
