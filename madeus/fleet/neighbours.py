"""Neighbours among sets of items, and the components that they make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeus.fleet.packing import exact
from madeus.fleet.pairs import Pairs, close_pairs
from madeus.fleet.table import Indices, Table

PAIRS = 30_000_000
"""Most pairs that are kept; where there are more, neighbours are found when asked for."""

Edges = NDArray[np.int32]
Distances = NDArray[Any]
"""Bytes as a rule; 32-bit numbers where the diameter is too large for that."""
Kept = tuple[Edges, Edges, NDArray[np.int32]]
"""Smaller points, larger points, distances."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Points 0 ... n-1 and their neighbours. Every pair is there twice: an edge from each to the other."""

    starts: Indices
    """Where each point's edges begin, and the end of the last one; shape (n + 1,)."""
    targets: Edges
    """The neighbour at the end of each edge; ascending for each point."""
    distances: Distances
    """How long each edge is."""
    back: Edges
    """The edge that goes the other way."""


@dataclass(frozen=True, slots=True)
class Component:
    """Sets that are joined by chains of neighbours."""

    sets: Indices
    """Which ones, ascending."""
    graph: Graph | None
    """Its points are places in `sets`; None where there are too many pairs to be kept."""


def near(table: Table, distance: int) -> tuple[Indices, list[Component]]:
    """Sets without neighbours within `distance` (included) among sets that are all different, and the components of the
    others, in the order of their smallest members."""
    total = len(table.sizes)
    pairs = _kept(close_pairs(table, distance), total, distance + 1)
    if pairs is None:
        labels = _searched(table, distance)
        found = _components(labels)
        single = [one[0] for one in found if len(one) == 1]
        return np.array(single, dtype=np.int64), [Component(one, None) for one in found if len(one) > 1]
    ones, others, distances = pairs
    labels = _labels(ones, others, total)
    sizes = np.bincount(labels, minlength=total)
    # Points of a component get numbers in a row, without a change of order inside it.
    order = np.argsort(labels, kind="stable")
    places = np.empty(total, dtype=np.int64)
    places[order] = np.arange(total)
    if not np.array_equal(order, np.arange(total)):
        codes = (places[ones] * total + places[others]) * (distance + 1) + distances
        ones, others, distances = _decoded(np.sort(codes), total, distance + 1)
    starts, targets, lengths, back = _joined(ones, others, distances, total, distance)
    components: list[Component] = []
    heads = np.flatnonzero(sizes > 1)
    for first, size in zip(places[heads].tolist(), sizes[heads].tolist(), strict=True):
        begin, end = int(starts[first]), int(starts[first + size])
        graph = Graph(
            starts[first : first + size + 1] - begin,
            targets[begin:end] - np.int32(first),
            lengths[begin:end],
            back[begin:end] - np.int32(begin),
        )
        components.append(Component(order[first : first + size], graph))
    alone: Indices = np.flatnonzero(sizes[labels] == 1)
    return alone, components


def _kept(portions: Iterable[Pairs], total: int, lengths: int) -> Kept | None:
    """All pairs, sorted, each once; None for too many. A pair and its distance are one number."""
    kept: list[Indices] = []
    count = 0
    for ones, others, distances in portions:
        kept.append((ones * total + others) * lengths + distances)
        count += len(ones)
        if count > PAIRS:
            kept = [_unique(kept)]
            count = len(kept[0])
            if count > PAIRS // 2:
                return None
    return _decoded(_unique(kept), total, lengths)


def _unique(kept: list[Indices]) -> Indices:
    if not kept:
        return np.zeros(0, dtype=np.int64)
    codes = np.concatenate(kept)
    kept.clear()
    codes.sort()  # np.unique takes three times as long
    return codes[np.concatenate(([True], codes[1:] != codes[:-1]))] if len(codes) else codes


def _decoded(codes: Indices, total: int, lengths: int) -> Kept:
    distances = (codes % lengths).astype(np.int32)
    codes //= lengths
    others = (codes % max(total, 1)).astype(np.int32)
    codes //= max(total, 1)
    return codes.astype(np.int32), others, distances


def _joined(
    ones: Edges, others: Edges, distances: NDArray[np.int32], total: int, distance: int
) -> tuple[Indices, Edges, Distances, Edges]:
    """Sorted pairs as edges both ways: of each point first those to smaller ones, then those to larger ones."""
    larger, smaller = np.bincount(ones, minlength=total), np.bincount(others, minlength=total)
    starts: Indices = np.concatenate(([0], np.cumsum(larger + smaller)))
    # Edge number i of the pairs stands behind all edges of smaller points and behind its point's edges to smaller ones.
    forth = np.arange(len(ones)) + np.cumsum(smaller)[ones]
    order = _stable(others, total)
    came = others[order]
    up_to = np.concatenate(([0], np.cumsum(larger)))
    back = np.empty(len(ones), dtype=np.int64)
    back[order] = np.arange(len(ones)) + up_to[came]
    targets = np.empty(2 * len(ones), dtype=np.int32)
    targets[forth], targets[back] = others, ones
    # The highest number stands for members of a candidate (see `madeus.fleet.candidates`).
    lengths: Distances = np.empty(2 * len(ones), dtype=np.uint8 if distance < 254 else np.int32)
    lengths[forth] = lengths[back] = distances
    reverse = np.empty(2 * len(ones), dtype=np.int32)
    reverse[forth], reverse[back] = back, forth
    return starts, targets, lengths, reverse


def _stable(values: Edges, total: int) -> Indices:
    """The order that sorts numbers below `total`: 16 bits at a time, which numpy does in linear time."""
    order: Indices = np.argsort(values.astype(np.uint16), kind="stable")
    for shift in range(16, max(1, total).bit_length(), 16):
        order = order[np.argsort((values[order] >> shift).astype(np.uint16), kind="stable")]
    return order


def _labels(ones: Edges, others: Edges, total: int) -> Indices:
    """The smallest member of each set's component: hooking and pointer jumping, whole arrays at a time."""
    labels: Indices = np.arange(total)
    while True:
        before = labels.copy()
        first, second = before[ones], before[others]
        apart = first != second
        if not apart.any():
            return labels
        ones, others = first[apart], second[apart]
        low = np.minimum(ones, others)
        np.minimum.at(labels, ones, low)
        np.minimum.at(labels, others, low)
        while True:
            jumped = labels[labels]
            if np.array_equal(jumped, labels):
                break
            labels = jumped


def _components(labels: Indices) -> tuple[Indices, ...]:
    order = np.argsort(labels, kind="stable")
    changes = np.flatnonzero(np.diff(labels[order])) + 1
    return tuple(np.split(order, changes)) if len(order) else ()


def _searched(table: Table, distance: int) -> Indices:
    """Labels of sets of which nearly all are near each other."""
    packed = exact(table)
    labels: Indices = np.full(len(table.sizes), -1, dtype=np.int64)
    left: Indices = np.arange(len(table.sizes))
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
    return labels
