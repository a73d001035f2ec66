"""Pairs of sets of items within a Manhattan distance d of each other, all of them, without looking at all pairs.

By pigeonhole, in three ways, of which the one with the fewest comparisons is taken:

- bands: the bits of two such sets, dealt into d + 1 bands, are the same in one band at least. Sets that agree in a band
  are compared.
- rare items: put each set's items in one order, rare ones first; two such sets that have an item in common have one
  among the first d + 1 of both. Sets that agree there are compared. Two that have nothing in common have at most d items
  together. What most sets have counts as nothing, and lacking it as an item.
- all: every set is compared with those whose size differs by at most d.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeus.fleet.packing import WORDS, Indices, Packed, Rows, exact, pack

BLOCK = 1 << 20
"""Pairs that are compared at once."""

SMALL = 64
"""Sets of a group up to which groups are compared together."""

Pairs = tuple[Indices, Indices]


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


def close_pairs(sets: Sequence[frozenset[str]], distance: int) -> Iterator[Pairs]:
    """Pairs (smaller, larger) of sets, all different, within `distance`: each of them at least once, in portions."""
    packed = pack(sets, WORDS)
    full = packed if packed.exact else exact(sets)
    for ones, others in min(ways(sets, packed, distance), key=lambda way: way[0])[1]:
        if full is packed:
            yield ones, others
        else:
            right = full.pairs(ones, others) <= distance
            yield ones[right], others[right]


def unique_pairs(ones: Indices, others: Indices, total: int) -> Pairs:
    """The same pairs of sets 0 ... total-1, sorted, each once."""
    codes: NDArray[Any] = ones * total + others
    codes.sort()  # np.unique takes three times as long
    codes = codes[np.concatenate(([True], codes[1:] != codes[:-1]))] if len(codes) else codes
    return codes // total, codes % total


def ways(sets: Sequence[frozenset[str]], packed: Packed, distance: int) -> list[tuple[float, Iterator[Pairs]]]:
    """The ways to the pairs whose packed distance is within `distance`, with how many comparisons each takes."""
    able = np.flatnonzero(packed.alone <= distance)
    sizes = np.fromiter(map(len, sets), dtype=np.int64, count=len(sets))
    by_size = able[np.argsort(sizes[able], kind="stable")]
    ends = np.searchsorted(sizes[by_size], sizes[by_size] + distance, side="right")
    found = [(float((ends - np.arange(len(ends))).sum()), _within(packed, by_size, ends, distance))]
    if len(able) > SMALL:
        for several in (
            [_agreeing(packed, able, mask) for mask in _bands(packed, able, distance)],
            _rare(sets, able, distance),
        ):
            found.append((sum(groups.work for groups in several), _compared(packed, several, distance)))
    return found


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
                close = packed.pairs(ones, others) <= distance
                yield _ordered(ones[close], others[close])
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
        yield _ordered(rows[row[after]], columns[column[after]])
        start = stop


def _ordered(ones: Indices, others: Indices) -> Pairs:
    return np.minimum(ones, others), np.maximum(ones, others)


def _bands(packed: Packed, able: Indices, distance: int) -> list[Rows]:
    """Masks, shape (words,), that deal the bits into distance + 1 bands: the bits that tell most apart go round first."""
    width = 64 * len(packed.columns)
    if distance >= width:
        return [np.zeros(len(packed.columns), dtype=np.uint64)]  # there would be empty bands, in which all agree
    sample = np.ascontiguousarray(packed.columns[:, able[: 1 << 14]].T)
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


def _rare(sets: Sequence[frozenset[str]], able: Indices, distance: int) -> list[Groups]:
    """Sets that have one of their rarest items in common, and those that are small enough to have nothing in common."""
    counts: Counter[str] = Counter()
    for one in sets:
        counts.update(one)
    usual = frozenset(item for item, count in counts.items() if 2 * count > len(sets))
    rank = {
        item: place
        for place, item in enumerate(sorted(counts, key=lambda item: (_rarity(counts, item, len(sets)), item)))
    }
    holders: list[int] = []
    items: list[int] = []
    small: list[int] = []
    for number in able.tolist():
        ranks = [rank[item] for item in sets[number] ^ usual]
        if len(ranks) <= distance:
            small.append(number)
        else:
            ranks = sorted(ranks)[: distance + 1]
        items += ranks
        holders += [number] * len(ranks)
    keys = np.array(items, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    changes = np.flatnonzero(np.diff(keys[order])) + 1
    shared = Groups(np.array(holders, dtype=np.int64)[order], np.concatenate(([0], changes, [len(keys)])))
    return [shared, Groups(np.array(small, dtype=np.int64), np.array([0, len(small)]))]


def _rarity(counts: Counter[str], item: str, total: int) -> int:
    return min(counts[item], total - counts[item])
