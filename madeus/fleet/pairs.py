"""Pairs of sets of items within a Manhattan distance d of each other, all of them, without looking at all pairs.

By pigeonhole, in three ways, of which the one with the fewest comparisons is taken:

- bands: the bits of two such sets, dealt into d + 1 bands, are the same in one band at least. Sets that agree in a band
  are compared.
- rare items: put each set's items in one order, rare ones first; two such sets that have an item in common have one
  among the first d + 1 of both. Sets that agree there are compared. Two that have nothing in common have at most d items
  together, and are all near. What most sets have counts as nothing, and lacking it as an item.
- all: every set is compared with those whose size differs by at most d.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from madeus.fleet.packing import WORDS, Counts, Packed, Rows, exact, pack
from madeus.fleet.table import Indices, Table

BLOCK = 1 << 20
"""Pairs that are compared at once."""

SMALL = 64
"""Sets of a group up to which groups are compared together."""

Pairs = tuple[Indices, Indices, Counts]
"""Smaller sets, larger sets, distances."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Sets that are to be compared with each other."""

    order: Indices
    """Sets; those of a group stand together. A set may be in several groups, or in none."""
    bounds: Indices
    """Where each group begins, and the end of the last one."""

    @property
    def work(self) -> float:
        """Number of pairs."""
        sizes = np.diff(self.bounds).astype(np.float64)
        return float((sizes * (sizes - 1)).sum()) / 2


def close_pairs(table: Table, distance: int) -> Iterator[Pairs]:
    """Pairs of a table's sets, all different, within `distance`: each of them at least once, in portions."""
    packed = pack(table, WORDS)
    full = packed if packed.exact else exact(table)
    for ones, others, distances in min(ways(table, packed, distance), key=lambda way: way[0])[1]:
        if full is packed:
            yield ones, others, distances
        else:
            distances = full.pairs(ones, others)
            right = distances <= distance
            yield ones[right], others[right], distances[right]


def ways(table: Table, packed: Packed, distance: int) -> list[tuple[float, Iterator[Pairs]]]:
    """The ways to the pairs whose packed distance is within `distance`, with how many comparisons each takes."""
    able = np.flatnonzero(packed.alone <= distance)
    by_size = able[np.argsort(table.sizes[able], kind="stable")]
    ends = np.searchsorted(table.sizes[by_size], table.sizes[by_size] + distance, side="right")
    found = [(float((ends - np.arange(len(ends))).sum()), _within(packed, by_size, ends, distance))]
    if len(able) > SMALL:
        banded = [_agreeing(packed, able, mask) for mask in _bands(packed, able, distance)]
        found.append((sum(groups.work for groups in banded), _compared(packed, banded, distance)))
        rare = _rare(table, packed, distance)
        found.append((rare.work, _rarely(table, packed, by_size, rare, distance)))
    return found


def _rarely(table: Table, packed: Packed, by_size: Indices, rare: Groups, distance: int) -> Iterator[Pairs]:
    """Pairs that have a rare item in common, and those that are small enough to have nothing in common."""
    yield from _compared(packed, [rare], distance)
    sizes = table.sizes[by_size]
    # Sizes ascend, so what is left of the distance for the other one only falls.
    ends = np.searchsorted(sizes, distance - sizes, side="right")
    few = int((ends > np.arange(len(ends))).sum())
    for place in range(few):
        others = by_size[place + 1 : int(ends[place])]
        one = np.full(len(others), by_size[place])
        yield _chosen(one, others, packed.pairs(one, others), distance)


def _compared(packed: Packed, several: Sequence[Groups], distance: int) -> Iterator[Pairs]:
    """Compare the sets of each group with each other: the small groups all at once, by their places' differences."""
    for groups in several:
        order, bounds = groups.order, groups.bounds
        sizes = np.diff(bounds)
        ends = np.repeat(bounds[1:], sizes)
        ends[np.repeat(sizes > SMALL, sizes)] = 0
        places = np.arange(len(order))
        for shift in range(1, SMALL):
            places = places[places + shift < ends[places]]
            if not len(places):
                break
            for portion in np.array_split(places, 1 + len(places) // BLOCK):
                ones, others = order[portion], order[portion + shift]
                yield _chosen(ones, others, packed.pairs(ones, others), distance)
        for group in np.flatnonzero(sizes > SMALL).tolist():
            members = order[bounds[group] : bounds[group + 1]]
            yield from _within(packed, members, np.full(len(members), len(members)), distance)


def _within(packed: Packed, order: Indices, ends: Indices, distance: int) -> Iterator[Pairs]:
    """Compare each set of `order` with those after it, up to its end; ends never go back."""
    start = 0
    while start < len(order) - 1:
        stop = start + max(1, BLOCK // (len(order) - start))
        rows, columns = order[start:stop], order[start + 1 : int(ends[min(stop, len(order)) - 1])]
        distances = packed.alone[rows][:, None] + packed.alone[columns][None, :]
        for word in packed.columns:
            distances += np.bitwise_count(word[rows][:, None] ^ word[columns][None, :])
        row, column = np.nonzero(distances <= distance)
        after = column >= row  # columns begin one after the rows: a set with itself, and pairs the other way round, go
        row, column = row[after], column[after]
        yield _ordered(rows[row], columns[column], distances[row, column])
        start = stop


def _chosen(ones: Indices, others: Indices, distances: Counts, distance: int) -> Pairs:
    close = distances <= distance
    return _ordered(ones[close], others[close], distances[close])


def _ordered(ones: Indices, others: Indices, distances: Counts) -> Pairs:
    return np.minimum(ones, others), np.maximum(ones, others), distances


def _bands(packed: Packed, able: Indices, distance: int) -> list[Rows]:
    """Masks, shape (words,), that deal the bits into distance + 1 bands: the bits that tell most apart go round first."""
    width = 64 * len(packed.columns)
    if distance >= width:
        return [np.zeros(len(packed.columns), dtype=np.uint64)]  # there would be empty bands, in which all agree
    sample = np.ascontiguousarray(packed.rows[able[: 1 << 14]])
    bits = np.unpackbits(sample.view(np.uint8), axis=1, bitorder="little").sum(axis=0)
    order = np.argsort(np.abs(bits - len(sample) / 2), kind="stable")
    masks = np.zeros((distance + 1, width), dtype=np.uint8)
    masks[np.arange(width) % (distance + 1), order] = 1
    return list(np.packbits(masks, axis=1, bitorder="little").view(np.uint64))


def _agreeing(packed: Packed, able: Indices, mask: Rows) -> Groups:
    """Sets that are the same under a mask."""
    masked = packed.columns[:, able] & mask[:, None]
    order = np.lexsort(masked)
    changes = np.flatnonzero((masked[:, order[1:]] != masked[:, order[:-1]]).any(axis=0)) + 1
    return Groups(able[order], np.concatenate(([0], changes, [len(able)])))


def _rare(table: Table, packed: Packed, distance: int) -> Groups:
    """Sets that have one of their distance + 1 rarest items in common."""
    able = packed.alone <= distance
    chosen = able[table.sets] & (table.counts[table.items] > 1)
    owners, items = table.sets[chosen], table.items[chosen]
    rank = np.empty(len(table.counts), dtype=np.int64)
    rank[np.argsort(table.counts, kind="stable")] = np.arange(len(table.counts))
    by_rarity = np.sort(owners * len(rank) + rank[items])
    owners = by_rarity // max(1, len(rank))
    first = np.searchsorted(owners, owners, side="left")
    # Items that no other set has are the rarest of all, and come first.
    leading = np.arange(len(owners)) - first <= distance - packed.alone[owners]
    owners, ranks = owners[leading], by_rarity[leading] % max(1, len(rank))
    order = np.argsort(ranks, kind="stable")
    changes = np.flatnonzero(np.diff(ranks[order])) + 1
    return Groups(owners[order], np.concatenate(([0], changes, [len(ranks)])))
