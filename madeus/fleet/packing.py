"""Sets of items as rows of bits: Manhattan distances of many pairs of sets at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from madeus.fleet.table import Indices, Table

Rows = NDArray[np.uint64]
Counts = NDArray[np.int32]

WORDS = 4
"""64-bit words of a short row."""

WIDEST = 128
"""64-bit words of a row that has a bit for each item, at most; sets of more items are looked up."""

STORED = 1 << 26
"""64-bit words of all rows, at most."""

PORTION = 1 << 21
"""Words of pairs that are compared at once."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Sets of items as bits. An item that only one of them has is counted, not stored."""

    rows: Rows
    """Shape (sets, words)."""
    columns: Rows
    """The same, shape (words, sets); each word's in a row where there are few."""
    alone: Counts
    """How many items of each set no other set has, shape (sets,)."""
    exact: bool
    """Whether each bit is one item; else a bit is the parity of several, and distances are lower bounds."""

    def between(self, one: int, others: Indices) -> Counts:
        """Distances of a set from others, shape (others,)."""
        distances = self.pairs(np.full(len(others), one), others)
        distances[others == one] = 0
        return distances

    def pairs(self, ones: Indices, others: Indices) -> Counts:
        """Distances of pairs of different sets, shape (pairs,)."""
        distances: Counts = self.alone[ones] + self.alone[others]
        step = max(1, PORTION // self.rows.shape[1])
        for first in range(0, len(ones), step):
            part = slice(first, first + step)
            bits = np.bitwise_count(self.rows[ones[part]] ^ self.rows[others[part]])
            distances[part] += bits.sum(axis=1, dtype=np.int32)
        return distances


@dataclass(frozen=True, slots=True)
class Sparse:
    """Sets of few items out of very many: what two of them share is looked up."""

    sizes: Indices
    """Items of each set, shape (sets,)."""
    items: Indices
    """Those that several sets have, of each set in turn, ascending."""
    starts: Indices
    """Where each set's items begin, and the end of the last one's, shape (sets + 1,)."""
    codes: Indices
    """Set times the number of items and item of each of `items`: ascending."""
    width: int
    """The number of items."""

    def between(self, one: int, others: Indices) -> Counts:
        """Distances of a set from others, shape (others,)."""
        return self.pairs(np.full(len(others), one), others)

    def pairs(self, ones: Indices, others: Indices) -> Counts:
        """Distances of pairs of sets, shape (pairs,)."""
        stored = np.diff(self.starts)
        fewer = stored[ones] <= stored[others]
        asked, known = np.where(fewer, ones, others), np.where(fewer, others, ones)
        distances: Counts = (self.sizes[ones] + self.sizes[others]).astype(np.int32)
        step = max(1, PORTION // max(1, int(stored.max(initial=0))))
        for first in range(0, len(ones), step):
            part = slice(first, first + step)
            counts = stored[asked[part]]
            pair = np.repeat(np.arange(len(counts)), counts)
            inside = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
            wanted = known[part][pair] * self.width + self.items[self.starts[asked[part]][pair] + inside]
            places = np.minimum(np.searchsorted(self.codes, wanted), len(self.codes) - 1)
            shared = pair[self.codes[places] == wanted] if len(self.codes) else pair
            distances[part] -= 2 * np.bincount(shared, minlength=len(counts)).astype(np.int32)
        distances[ones == others] = 0
        return distances


def exact(table: Table) -> Packed | Sparse:
    """Sets that are all different, for exact distances: packed where that takes little, see `WIDEST` and `STORED`."""
    shared = table.counts > 1
    words = int(shared.sum()) // 64 + 1
    if words <= WIDEST and words * len(table.sizes) <= STORED:
        return pack(table)
    stored = shared[table.items]
    width = len(table.counts)
    codes = np.sort(table.sets[stored] * width + table.items[stored])
    starts = np.searchsorted(codes, np.arange(len(table.sizes) + 1) * width)
    return Sparse(table.sizes, codes % max(1, width), starts, codes, width)


def pack(table: Table, words: int | None = None) -> Packed:
    """Pack sets that are all different. words: at most so many of 64 bits; without it as many as there are items to store."""
    shared = table.counts > 1
    bits = int(shared.sum())
    exact = words is None or bits <= 64 * words
    width = max(1, -(-bits // 64)) if exact else words or 1
    places = np.cumsum(shared) - 1
    if not exact:
        # Multiplying by an odd number and taking the highest bits spreads neighbouring numbers.
        places = ((places.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)).astype(np.int64)
        places %= 64 * width
    stored = shared[table.items]
    owners, at = table.sets[stored], places[table.items[stored]]
    bits_of_all = np.zeros(len(table.sizes) * width, dtype=np.uint64)
    np.bitwise_xor.at(bits_of_all, owners * width + at // 64, np.uint64(1) << (at % 64).astype(np.uint64))
    rows = bits_of_all.reshape(-1, width)
    alone = np.bincount(table.sets[~stored], minlength=len(table.sizes)).astype(np.int32)
    return Packed(rows, np.ascontiguousarray(rows.T) if width <= WORDS else rows.T, alone, exact)
