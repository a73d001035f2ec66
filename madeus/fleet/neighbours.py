"""Neighbours among sets of items, and the components that they make.

Where nearly all sets are near each other no pairs are kept, and neighbours are found when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from madeus.fleet.packing import Indices, exact
from madeus.fleet.pairs import close_pairs, unique_pairs

PAIRS = 20_000_000
"""Most pairs that are kept; more are found when asked for."""


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Who is near whom, among sets 0 ... n-1."""

    components: tuple[Indices, ...]
    """Sets that are joined by chains of neighbours; each sorted, in the order of their smallest members."""
    of: Callable[[int], Indices]
    """The neighbours of a set, sorted; without itself."""
    counted: bool
    """Whether pairs are kept: `of` is a look-up, not a search."""


def near(sets: Sequence[frozenset[str]], distance: int) -> Neighbourhood:
    """Neighbours within `distance` (included) among sets that are all different."""
    total = len(sets)
    kept: list[tuple[Indices, Indices]] = []
    count = 0
    for ones, others in close_pairs(sets, distance):
        kept.append((ones, others))
        count += len(ones)
        if count > PAIRS:
            kept = [_joined(kept, total)]
            count = len(kept[0][0])
            if count > PAIRS // 2:
                return _searched(sets, distance)
    ones, others = _joined(kept, total)
    return _looked_up(ones, others, total)


def _joined(kept: list[tuple[Indices, Indices]], total: int) -> tuple[Indices, Indices]:
    empty = np.zeros(0, dtype=np.int64)
    ones = np.concatenate([pair[0] for pair in kept]) if kept else empty
    others = np.concatenate([pair[1] for pair in kept]) if kept else empty
    return unique_pairs(ones, others, max(total, 1))


def _verified(sets: Sequence[frozenset[str]], ones: Indices, others: Indices, distance: int) -> tuple[Indices, Indices]:
    right = [
        len(sets[one] ^ sets[other]) <= distance for one, other in zip(ones.tolist(), others.tolist(), strict=True)
    ]
    chosen = np.array(right, dtype=bool)
    return ones[chosen], others[chosen]


def _looked_up(ones: Indices, others: Indices, total: int) -> Neighbourhood:
    sources = np.concatenate((ones, others))
    targets = np.concatenate((others, ones))
    order = np.lexsort((targets, sources))
    targets = targets[order]
    starts = np.searchsorted(sources[order], np.arange(total + 1))

    def of(one: int) -> Indices:
        return targets[starts[one] : starts[one + 1]]

    labels = _labels(ones, others, total)
    return Neighbourhood(_components(labels), of, True)


def _labels(ones: Indices, others: Indices, total: int) -> Indices:
    """The smallest member of each set's component: hooking and pointer jumping, whole arrays at a time."""
    labels: Indices = np.arange(total)
    while True:
        low = np.minimum(labels[ones], labels[others])
        before = labels.copy()
        np.minimum.at(labels, before[ones], low)
        np.minimum.at(labels, before[others], low)
        while True:
            jumped = labels[labels]
            if np.array_equal(jumped, labels):
                break
            labels = jumped
        if np.array_equal(before, labels):
            return before


def _components(labels: Indices) -> tuple[Indices, ...]:
    order = np.argsort(labels, kind="stable")
    changes = np.flatnonzero(np.diff(labels[order])) + 1
    return tuple(np.split(order, changes)) if len(order) else ()


def _searched(sets: Sequence[frozenset[str]], distance: int) -> Neighbourhood:
    """Neighbours found anew each time: for sets of which nearly all are near each other."""
    packed = exact(sets)
    everyone = np.arange(len(sets))

    def of(one: int) -> Indices:
        found: Indices = everyone[packed.between(one, everyone) <= distance]
        others: Indices = found[found != one]
        return others

    labels: Indices = np.full(len(sets), -1, dtype=np.int64)
    left: Indices = everyone
    while len(left):
        first = int(left[0])
        labels[first] = first
        left = left[1:]
        front = [first]
        while front and len(left):
            reached = packed.between(front.pop(), left) <= distance
            labels[left[reached]] = first
            front += left[reached].tolist()
            left = left[~reached]
    return Neighbourhood(_components(labels), of, False)
