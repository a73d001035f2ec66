"""Sets of items as numbers: what of each of them is not as in most of the others.

Taking the items that more than half of the sets have out of those that have them, and putting them into those that
lack them, changes no distance, and leaves little.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

GRID = 1 << 24
"""Cells of (set, usual item) that are looked at together."""


@dataclass(frozen=True, slots=True)
class Table:
    """Sets 0 ... n-1 of numbered items, all of them one after another."""

    sets: Indices
    """The set of each entry, ascending; shape (entries,)."""
    items: Indices
    """The item of each entry, its number."""
    sizes: Indices
    """How many entries each set has, shape (sets,)."""
    counts: Indices
    """How many sets have each item, shape (items,)."""

    @property
    def spread(self) -> int:
        """An upper bound of the distances among the sets: twice over what most of them have."""
        return int(np.partition(self.sizes, -2)[-2:].sum()) if len(self.sizes) > 1 else 0


def tabulate(sets: Sequence[frozenset[str]]) -> Table:
    """Number the items of at least one set, and turn round those that most of the sets have."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    sizes = np.fromiter(map(len, sets), dtype=np.int64, count=len(sets))
    entries = int(sizes.sum())
    items = np.fromiter(map(numbers.__getitem__, chain.from_iterable(sets)), dtype=np.int64, count=entries)
    owners = np.repeat(np.arange(len(sets)), sizes)
    counts = np.bincount(items, minlength=len(numbers))
    usual = 2 * counts > len(sets)
    chosen = usual[items]
    lacking_sets, lacking_items = _lacking(owners[chosen], items[chosen], np.flatnonzero(usual), len(sets))
    owners = np.concatenate((owners[~chosen], lacking_sets))
    items = np.concatenate((items[~chosen], lacking_items))
    order = np.argsort(owners, kind="stable")
    owners, items = owners[order], items[order]
    return Table(owners, items, np.bincount(owners, minlength=len(sets)), np.bincount(items, minlength=len(numbers)))


def _lacking(owners: Indices, items: Indices, usual: Indices, total: int) -> tuple[Indices, Indices]:
    """(set, item) of every usual item that a set has not."""
    places = np.zeros(int(usual[-1]) + 1 if len(usual) else 0, dtype=np.int64)
    places[usual] = np.arange(len(usual))
    found_sets, found_items = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    step = max(1, GRID // max(1, len(usual)))
    for first in range(0, total if len(usual) else 0, step):
        begin, end = np.searchsorted(owners, (first, first + step))
        grid = np.ones((min(step, total - first), len(usual)), dtype=bool)
        grid[owners[begin:end] - first, places[items[begin:end]]] = False
        rows, columns = np.nonzero(grid)
        found_sets.append(rows + first)
        found_items.append(usual[columns])
    return np.concatenate(found_sets), np.concatenate(found_items)
