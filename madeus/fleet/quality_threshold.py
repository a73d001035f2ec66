"""Quality-threshold clustering of sets of items, exact and independent of the order of the sets.

Heyer, Kruglyak, Yooseph: Exploring expression data, Genome Research 9 (1999): every point grows a candidate, each time by the
point whose farthest member is nearest, as long as that is not above the threshold; the largest candidate is a
cluster; go on with the rest. Here points are different sets with weights (how many machines have them), distances are
Manhattan, and ties go to the smallest set in sorted order: among points that are equally near, among candidates of
the same weight by the point that grew them.

What makes it fast changes no result: what is surely all within the threshold is one cluster; candidates stay within the
neighbourhoods of `madeus.fleet.neighbours`; the components of these are clustered one by one, in `madeus.fleet.candidates`,
or in `madeus.fleet.crowd` where there are too many neighbours for the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from madeus.fleet.candidates import Search
from madeus.fleet.central import central_first
from madeus.fleet.crowd import Crowd
from madeus.fleet.neighbours import Component, near
from madeus.fleet.packing import exact
from madeus.fleet.table import Indices, Table, tabulate


@dataclass(frozen=True, slots=True)
class Found:
    """A cluster of points."""

    points: tuple[int, ...]
    """Indices of the sets, sorted."""
    diameter: int
    """The largest distance of two of them; an upper bound of it, not above the threshold, where that was enough."""
    central: tuple[int, ...]
    """The same points: first those that are nearest to all machines of the cluster."""


def quality_threshold(sets: Sequence[frozenset[str]], weights: Sequence[int], diameter: int) -> list[Found]:
    """Cluster sets that are all different and stand in their order of rank: the first is the smallest.

    weights: how many machines have each set, shape (sets,). diameter: the largest distance inside a cluster.
    Every set is in exactly one cluster. Clusters are in the order of their first points.
    """
    table, every = tabulate(sets), np.array(weights, dtype=np.int64)
    found = sorted(_found(sets, table, every, diameter))
    central = central_first(table, every, [points for points, _ in found])
    return [Found(tuple(points), reached, first) for (points, reached), first in zip(found, central, strict=True)]


def _found(
    sets: Sequence[frozenset[str]], table: Table, weights: Indices, diameter: int
) -> Iterator[tuple[list[int], int]]:
    """The clusters: points in order, and a bound of the diameter."""
    if (bound := table.spread) <= diameter:
        yield list(range(len(sets))), bound
        return
    single, components = near(table, diameter)
    for point in single.tolist():
        yield [point], 0
    for component in components:
        for members, reached in _split(sets, weights[component.sets], diameter, component):
            yield component.sets[members].tolist(), reached


def _split(
    sets: Sequence[frozenset[str]], weights: Indices, diameter: int, component: Component
) -> Iterable[tuple[list[int], int]]:
    """The clusters of one component: places of its points, and a bound of the diameter."""
    graph, count = component.graph, len(component.sets)
    if graph is not None:
        if len(graph.targets) == count * (count - 1):
            return [(list(range(count)), int(graph.distances.max()))]
        return Search(weights, diameter, graph).run()
    inside = [sets[point] for point in component.sets.tolist()]
    table = tabulate(inside)
    if table.spread <= diameter:
        return [(list(range(count)), table.spread)]
    return Crowd(exact(table), weights, diameter).run()
