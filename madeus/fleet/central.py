"""Which sets of a cluster are nearest to all of its machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from madeus.fleet.table import Indices, Table


def central_first(table: Table, weights: Indices, clusters: Iterable[Sequence[int]]) -> list[tuple[int, ...]]:
    """The sets of each cluster by the sum of their distances to those of all machines of it, then by rank.

    weights: how many machines have each set. clusters: every set is in one of them.
    """
    several = [np.fromiter(cluster, dtype=np.int64, count=len(cluster)) for cluster in clusters]
    sizes = np.array([len(cluster) for cluster in several], dtype=np.int64)
    points = np.concatenate(several)
    labels = np.empty(len(points), dtype=np.int64)
    labels[points] = np.repeat(np.arange(len(several)), sizes)
    machines = np.bincount(labels, weights=weights, minlength=len(several)).astype(np.int64)
    far = _farness(table, weights, labels, machines)
    ordered = np.lexsort((np.arange(len(labels)), far, labels))
    ends = np.cumsum(sizes).tolist()
    inside = ordered.tolist()
    return [tuple(inside[end - size : end]) for end, size in zip(ends, sizes.tolist(), strict=True)]


def _farness(table: Table, weights: Indices, labels: Indices, machines: Indices) -> Indices:
    """The sum of distances of each set, less a number that is the same for all sets of its cluster.

    A set is one away from each machine without one of its items, and from each with an item that it has not.
    """
    found: Indices = np.zeros(len(labels), dtype=np.int64)
    if len(table.items):
        codes = labels[table.sets] * len(table.counts) + table.items
        order = np.argsort(codes)
        begins = np.flatnonzero(np.concatenate(([True], np.diff(codes[order]) != 0)))
        together = np.add.reduceat(weights[table.sets[order]], begins)
        holders = np.empty(len(codes), dtype=np.int64)
        holders[order] = np.repeat(together, np.diff(np.append(begins, len(codes))))
        np.add.at(found, table.sets, machines[labels[table.sets]] - 2 * holders)
    return found
