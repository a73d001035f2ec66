"""Sets of durations: unions of intervals whose ends belong to them or not, in exact numbers."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import inf
from typing import NamedTuple

BEFORE, AFTER = 0, 1

Cut = tuple[Fraction | float, int]
"""A place between numbers: just BEFORE or just AFTER one; (inf, BEFORE) is behind them all."""


class Span(NamedTuple):
    """The numbers between two cuts."""

    first: Cut
    last: Cut

    def __contains__(self, number: object) -> bool:
        return isinstance(number, Fraction | int) and self.first <= (number, BEFORE) and (number, AFTER) <= self.last

    def inside(self) -> Fraction:
        """A number of the span, its middle where it is bounded."""
        low = Fraction(self.first[0])
        if self.last[0] == inf:
            return 2 * low + 1
        return (low + Fraction(self.last[0])) / 2


EVERYTHING = Span((Fraction(0), BEFORE), (inf, BEFORE))
"""All durations."""


def gaps(known: Iterable[Span]) -> list[Span]:
    """What some spans leave of everything, in order."""
    found: list[Span] = []
    at = EVERYTHING.first
    for first, last in sorted(known):
        if first > at:
            found.append(Span(at, first))
        at = max(at, last)
    if at < EVERYTHING.last:
        found.append(Span(at, EVERYTHING.last))
    return found


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same numbers in as few spans as there can be, in order."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.first <= found[-1].last:
            found[-1] = Span(found[-1].first, max(found[-1].last, span.last))
        else:
            found.append(span)
    return found
