"""The durations for which one sequence of steps is a run that comes too late or too early: a projection, exact.

The dates of a sequence are solutions of difference constraints whose bounds are affine in the duration. They have one unless
a cycle of constraints has a negative sum, and that sum is affine too: beginning from the farthest duration each negative cycle
tells a nearer one (Newton's method, finite on piecewise linear functions).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf

from madeus.checker.engines.parametric.dates import Dates
from madeus.checker.engines.parametric.span import AFTER, BEFORE, Cut, Span

Edge = tuple[int, int, int, int, int]
"""(x, y, constant, factor, strict): date x - date y <= constant + factor * duration; strict: 1 for <, 0 for <=."""


def wrong_for(dates: Dates, path: Sequence[int], late: bool, around: Fraction) -> Span:
    """The durations for which a sequence of transitions is a wrong run. around: one of them. late: too late, not too early."""
    edges, mark = _constraints(dates, path)
    if mark is not None:
        strict = int(not dates.strict)
        edges.append((0, mark, -dates.bound, 0, strict) if late else (mark, 0, dates.bound, 0, strict))
    count = len(path) + 1
    return Span(_limit(count, edges, around, up=False), _limit(count, edges, around, up=True))


def _constraints(dates: Dates, path: Sequence[int]) -> tuple[list[Edge], int | None]:
    """The constraints, and the date since which the goal holds where the path ends: 0 the start, i + 1 step i; None: never."""
    compiled = dates.compiled
    search, encoding = compiled.search, compiled.encoding
    timed = frozenset(dates.least)
    found: list[Edge] = []
    marking, enabled = encoding.initial, search.start
    since = dict.fromkeys(enabled & timed, 0)
    mark = 0 if dates.good(marking) else None
    for index, t in enumerate(path):
        here = index + 1
        found.append((index, here, 0, 0, 0))
        if not enabled <= timed:
            found.append((here, index, 0, 0, 0))
        for running, fired in since.items():
            most = dates.greatest[running]
            if most is not None:
                found.append((here, fired, *most, 0))
        if t in timed:
            constant, factor = dates.least[t]
            found.append((since[t], here, -constant, -factor, 0))
        marking += encoding.delta[t]
        enabled = search.enabled_after(enabled, marking, t)
        since = {u: f for u, f in since.items() if u in enabled and u != t}
        for fresh in enabled & timed:
            since.setdefault(fresh, here)
        mark = None if not dates.good(marking) else here if mark is None else mark
    return found, mark


def _limit(count: int, edges: Sequence[Edge], around: Fraction, up: bool) -> Cut:
    """How far the duration may go, in one direction."""
    cut: Cut = (inf, BEFORE) if up else (Fraction(0), BEFORE)
    while cut[0] != around:
        cycle = _negative_cycle(count, edges, cut, up)
        if cycle is None:
            return cut
        constant, factor = sum(edges[e][2] for e in cycle), sum(edges[e][3] for e in cycle)
        within = not any(edges[e][4] for e in cycle)
        cut = (Fraction(-constant, factor), AFTER if within == up else BEFORE)
    return cut
    return cut


def _negative_cycle(count: int, edges: Sequence[Edge], cut: Cut, up: bool) -> list[int] | None:
    """Constraints that exclude each other for the last duration within a cut (Bellman, Ford); None: there are none."""
    number, side = cut
    inside = side == (AFTER if up else BEFORE)
    weights: list[tuple[int, int, int]] = []
    for _, _, constant, factor, strict in edges:
        if number == inf:
            weights.append((factor, constant, -strict))
        else:
            exact = Fraction(number)
            value = constant * exact.denominator + factor * exact.numerator
            # Where the number itself is left out, what lies just inside of it is meant.
            weights.append((value, 0 if inside else -factor if up else factor, -strict))
    best = [(0, 0, 0)] * count
    by = [-1] * count
    for _ in range(count + 1):
        moved = -1
        for e, (x, y, *_) in enumerate(edges):
            b, w = best[y], weights[e]
            offer = (b[0] + w[0], b[1] + w[1], b[2] + w[2])
            if offer < best[x]:
                best[x], by[x], moved = offer, e, x
        if moved < 0:
            return None
    for _ in range(count):
        moved = edges[by[moved]][1]
    cycle = [by[moved]]
    at = edges[cycle[0]][1]
    while at != moved:
        cycle.append(by[at])
        at = edges[by[at]][1]
    return cycle
