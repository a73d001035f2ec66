"""One duration that is tried, and those for which what is found out with it stays true.

Every bound is an affine function of the duration, kept with its value for the one that is tried. Decisions are made by the
values; those that a proof rests on are kept as linear constraints on the duration (the inverse method of Andre, Chatain,
Encrenaz and Fribourg 2009, of which only the constraints that bound the runs from above are needed here).
"""

from __future__ import annotations

from fractions import Fraction

from madeus.checker.engines.parametric.span import AFTER, BEFORE, EVERYTHING, Cut, Span
from madeus.checker.engines.timed.zone import NOW, forget

Affine = tuple[int, int, int]
"""Value for the duration that is tried, constant, factor of the duration; the value is multiplied by a denominator."""

Zone = dict[tuple[int, int], Affine]
"""(x, y) -> the least upper bound of x - y that is known; nothing: infinite. Closed for the duration that is tried."""

ZERO: Affine = (0, 0, 0)


class Sample:
    """A duration in units of time, and the constraints that were met."""

    def __init__(self, at: Fraction) -> None:
        self.at = at
        self._numerator, self._denominator = at.numerator, at.denominator
        self._first: Cut = EVERYTHING.first
        self._last: Cut = EVERYTHING.last

    @property
    def alike(self) -> Span:
        """The durations that keep all constraints; the one that is tried is among them."""
        return Span(self._first, self._last)

    def affine(self, constant: int, factor: int = 0) -> Affine:
        """A bound."""
        return (constant * self._denominator + factor * self._numerator, constant, factor)

    def keep(self, constant: int, factor: int, strict: bool = False) -> None:
        """Keep to durations for which an affine function, not negative here, is not negative (strict: positive)."""
        if factor > 0:
            self._first = max(self._first, (Fraction(-constant, factor), AFTER if strict else BEFORE))
        elif factor < 0:
            self._last = min(self._last, (Fraction(-constant, factor), BEFORE if strict else AFTER))

    def bounded(self, zone: Zone, x: int, y: int, bound: Affine) -> Zone | None:
        """The zone with x - y <= bound too; None when nothing is left, which is kept. O(n^2)."""
        old = zone.get((x, y))
        if old is not None and bound[0] >= old[0]:
            return zone
        back = zone.get((y, x))
        if back is not None and back[0] + bound[0] < 0:
            self.keep(-back[1] - bound[1], -back[2] - bound[2], strict=True)
            return None
        into = [(a, e) for (a, b), e in zone.items() if b == x]
        into.append((x, ZERO))
        out = [(b, e) for (a, b), e in zone.items() if a == y]
        out.append((y, ZERO))
        closed = dict(zone)
        for a, first in into:
            value, constant, factor = first[0] + bound[0], first[1] + bound[1], first[2] + bound[2]
            for b, second in out:
                if a == b:
                    continue
                total = value + second[0]
                known = closed.get((a, b))
                if known is None or total < known[0]:
                    closed[(a, b)] = (total, constant + second[1], factor + second[2])
        return closed

    def includes(self, larger: Zone, smaller: Zone) -> bool:
        """Whether every solution of the smaller zone is one of the larger; that it is so is kept."""
        margins: list[tuple[int, int]] = []
        for pair, bound in larger.items():
            other = smaller.get(pair)
            if other is None or other[0] > bound[0]:
                return False
            if bound[2] != other[2]:
                margins.append((bound[1] - other[1], bound[2] - other[2]))
        for constant, factor in margins:
            self.keep(constant, factor)
        return True


def begun(zone: Zone, date: int, low: Affine, high: Affine | None) -> Zone:
    """The zone with a fresh date that lies low to high after NOW."""
    made = forget(zone, date)
    for (x, y), bound in list(made.items()):
        if x == NOW and high is not None:
            made[(date, y)] = _plus(bound, high)
        if y == NOW:
            made[(x, date)] = _minus(bound, low)
    if high is not None:
        made[(date, NOW)] = high
    made[(NOW, date)] = _minus(ZERO, low)
    return made


def _plus(one: Affine, other: Affine) -> Affine:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _minus(one: Affine, other: Affine) -> Affine:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]
