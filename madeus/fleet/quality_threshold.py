"""Quality-threshold clustering of sets of items, exact and independent of the order of the sets.

Heyer, Kruglyak, Yooseph: Exploring expression data, Genome Research 9 (1999): every point grows a candidate, each time by the
point whose farthest member is nearest, as long as that is not above the threshold; the largest candidate is a
cluster; go on with the rest. Here points are different sets with weights (how many machines have them), distances are
Manhattan, and ties go to the smallest set in sorted order: among points that are equally near, among candidates of
the same weight by the point that grew them.

What makes it fast changes no result: what is surely all within the threshold is one cluster; candidates stay within the
neighbourhoods of `madeus.fleet.neighbours`; the components of these are clustered one by one, in `madeus.fleet.candidates`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from madeus.fleet.candidates import Search
from madeus.fleet.neighbours import near
from madeus.fleet.packing import Indices


@dataclass(frozen=True, slots=True)
class Found:
    """A cluster of points."""

    points: tuple[int, ...]
    """Indices of the sets, sorted."""
    diameter: int
    """The largest distance of two of them; an upper bound of it, not above the threshold, where that was enough."""


def quality_threshold(sets: Sequence[frozenset[str]], weights: Sequence[int], diameter: int) -> list[Found]:
    """Cluster sets that are all different and stand in their order of rank: the first is the smallest.

    weights: how many machines have each set, shape (sets,). diameter: the largest distance inside a cluster.
    Every set is in exactly one cluster. Clusters are in the order of their first points.
    """
    if (bound := _spread(sets)) <= diameter:
        return [Found(tuple(range(len(sets))), bound)]
    found: list[Found] = []
    neighbourhood = near(sets, diameter)
    for component in neighbourhood.components:
        if len(component) == 1:
            found.append(Found((int(component[0]),), 0))
            continue
        found += _split(sets, np.array(weights, dtype=np.int64), diameter, component, neighbourhood.of)
    return sorted(found, key=lambda cluster: cluster.points)


def _split(
    sets: Sequence[frozenset[str]],
    weights: Indices,
    diameter: int,
    component: Indices,
    neighbours: Callable[[int], Indices],
) -> list[Found]:
    """The clusters of one component."""
    inside = [sets[point] for point in component.tolist()]
    bound = _spread(inside)
    if bound <= diameter:
        return [Found(tuple(component.tolist()), bound)]
    number = np.zeros(len(sets), dtype=np.int64)
    number[component] = np.arange(len(component))

    def of(point: int) -> Indices:
        return number[neighbours(int(component[point]))]

    search = Search(inside, weights[component], diameter, of)
    return [Found(tuple(component[members].tolist()), reached) for members, reached in search.run()]


def _spread(sets: Sequence[frozenset[str]]) -> int:
    """An upper bound of the distances among sets: twice over the set of what most of them have."""
    if len(sets) == 1:
        return 0
    counts: dict[str, int] = {}
    for one in sets:
        for item in one:
            counts[item] = counts.get(item, 0) + 1
    middle = frozenset(item for item, count in counts.items() if 2 * count > len(sets))
    return sum(sorted(len(one ^ middle) for one in sets)[-2:])
