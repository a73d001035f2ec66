"""Difference-bound matrices (Dill 1989): conjunctions of upper bounds on differences of dates, in seconds.

A date is named by an integer: NOW is the date of the latest step, START that of the first, MARK one that the question
remembers; others are dates at which running transitions will end, by the number of the END.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import TypeVar

NOW, START, MARK = -1, -2, -3

Zone = dict[tuple[int, int], float]
"""(x, y) -> the least upper bound of x - y; nothing: infinite. Closed: no bound follows from others that is not there."""


Bound = TypeVar("Bound")


def dates(zone: Zone) -> set[int]:
    """Dates that a zone speaks of."""
    return {x for pair in zone for x in pair}


def bounded(zone: Zone, x: int, y: int, bound: float) -> Zone | None:
    """The zone with x - y <= bound too; None when nothing is left. O(n^2)."""
    old = zone.get((x, y), inf)
    if bound >= old:
        return zone
    if -zone.get((y, x), inf) > bound + 1e-9:
        return None
    names = dates(zone) | {x, y}
    into = [(a, zone.get((a, x), inf) if a != x else 0.0) for a in names]
    out = [(b, zone.get((y, b), inf) if b != y else 0.0) for b in names]
    closed = dict(zone)
    for a, first in into:
        if first == inf:
            continue
        for b, second in out:
            total = first + bound + second
            if a != b and total < closed.get((a, b), inf):
                closed[(a, b)] = total
    return closed


def forget(zone: dict[tuple[int, int], Bound], gone: int) -> dict[tuple[int, int], Bound]:
    """The zone without a date, whatever its bounds are."""
    return {pair: bound for pair, bound in zone.items() if gone not in pair}


def equated(zone: dict[tuple[int, int], Bound], fresh: int, old: int, zero: Bound) -> dict[tuple[int, int], Bound]:
    """The zone where a date, forgotten before, equals another one. zero: the bound that says so."""
    made = forget(zone, fresh)
    for (x, y), bound in list(made.items()):
        if x == old:
            made[(fresh, y)] = bound
        if y == old:
            made[(x, fresh)] = bound
    made[(fresh, old)] = made[(old, fresh)] = zero
    return made


def within(zone: Zone, names: Iterable[int]) -> Zone:
    """The zone of some dates only."""
    kept = set(names)
    return {(x, y): bound for (x, y), bound in zone.items() if x in kept and y in kept}


def includes(larger: Zone, smaller: Zone) -> bool:
    """Whether every solution of the smaller zone is one of the larger."""
    return all(smaller.get(pair, inf) <= bound + 1e-9 for pair, bound in larger.items())
