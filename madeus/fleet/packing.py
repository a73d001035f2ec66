"""Sets of items as rows of bits: Manhattan distances of many pairs of sets at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from madeus.fleet.table import Indices, Table

Rows = NDArray[np.uint64]
Counts = NDArray[np.int32]

WORDS = 4
"""64-bit words of a short row."""

STORED = 1 << 26
"""64-bit words of rows, at most; sets that would need more are compared as they are."""

PORTION = 1 << 21
"""Words of pairs that are compared at once."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Sets of items as bits. An item that only one of them has is counted, not stored."""

    rows: Rows
    """Shape (sets, words)."""
    columns: Rows
    """The same, shape (words, sets)."""
    alone: Counts
    """How many items of each set no other set has, shape (sets,)."""
    exact: bool
    """Whether each bit is one item; else a bit is the parity of several, and distances are lower bounds."""

    def between(self, one: int, others: Indices) -> Counts:
        """Distances of a set from others, shape (others,)."""
        distances: Counts = self.alone[others] + self.alone[one]
        for word, own in zip(self.columns, self.rows[one], strict=True):
            distances += np.bitwise_count(word[others] ^ own)
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
class Loose:
    """Sets that are too many and too different to be packed: slower, for as little memory as they take."""

    sets: Sequence[frozenset[str]]

    def between(self, one: int, others: Indices) -> Counts:
        """Distances of a set from others, shape (others,)."""
        own = self.sets[one]
        return np.array([len(own ^ self.sets[other]) for other in others.tolist()], dtype=np.int32)

    def pairs(self, ones: Indices, others: Indices) -> Counts:
        """Distances of pairs of sets, shape (pairs,)."""
        both = zip(ones.tolist(), others.tolist(), strict=True)
        return np.array([len(self.sets[one] ^ self.sets[other]) for one, other in both], dtype=np.int32)


def exact(sets: Sequence[frozenset[str]], table: Table) -> Packed | Loose:
    """Sets that are all different, for exact distances: packed where that takes no more than `STORED`."""
    stored = int((table.counts > 1).sum()) // 64 * len(sets)
    return pack(table) if stored <= STORED else Loose(sets)


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
    return Packed(rows, np.ascontiguousarray(rows.T), alone, exact)
