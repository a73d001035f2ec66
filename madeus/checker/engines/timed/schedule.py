"""Dates for a firing sequence that attain a bound: shortest paths among its difference constraints (Bellman, Ford)."""

from __future__ import annotations

from math import inf

from madeus.checker.engines.explicit.compiled import Compiled
from madeus.semantics import StepKind


def schedule(compiled: Compiled, path: list[int], latest: bool) -> list[float]:
    """The date of each transition of a feasible path: all as late as possible, or all as early; in seconds from the start.

    All are early when nothing bounds how late they may be.
    """
    edges = _constraints(compiled, path)
    count = len(path) + 1
    if latest:
        dates = _shortest(count, edges)
        if max(dates) < inf:
            return dates[1:]
    return [0.0 - d for d in _shortest(count, [(y, x, bound) for x, y, bound in edges])[1:]]


def _constraints(compiled: Compiled, path: list[int]) -> list[tuple[int, int, float]]:
    """(x, y, bound) for date x - date y <= bound; date 0 is the start, date i + 1 that of step i."""
    net, search = compiled.encoding.net, compiled.search
    timed = {
        t for t, label in enumerate(net.labels) if label is not None and label.kind in (StepKind.END, StepKind.FAIL)
    }
    found: list[tuple[int, int, float]] = []
    marking, enabled = compiled.encoding.initial, search.start
    since = dict.fromkeys(enabled & timed, 0)
    for index, t in enumerate(path):
        here = index + 1
        found.append((index, here, 0.0))
        if not enabled <= timed:
            found.append((here, index, 0.0))
        for running, fired in since.items():
            found.append((here, fired, net.intervals[running].maximum))
        if t in timed:
            found.append((since[t], here, -net.intervals[t].minimum))
        marking += compiled.encoding.delta[t]
        enabled = search.enabled_after(enabled, marking, t)
        since = {u: f for u, f in since.items() if u in enabled}
        for fresh in enabled & timed:
            since.setdefault(fresh, here)
    return [edge for edge in found if edge[2] < inf]


def _shortest(count: int, edges: list[tuple[int, int, float]]) -> list[float]:
    """Greatest values with value 0 at date 0."""
    values = [0.0] + [inf] * (count - 1)
    for _ in range(count):
        changed = False
        for x, y, bound in edges:
            if values[y] + bound < values[x] - 1e-12:
                values[x] = values[y] + bound
                changed = True
        if not changed:
            break
    return values
