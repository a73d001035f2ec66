"""Sets of items as rows of bits: Manhattan distances of many sets at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint64]
Counts = NDArray[np.int32]
Indices = NDArray[np.int64]

WORDS = 4
"""64-bit words of a short row."""

STORED = 1 << 26
"""64-bit words of rows, at most; sets that would need more are compared as they are."""

FEW = 8
"""Words up to which they are counted one after another."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Sets of items as bits.

    An item that all of the sets have is left out; one that only one of them has is counted, not stored.
    """

    columns: Rows
    """One column of bits for a set, shape (words, sets)."""
    alone: Counts
    """How many items of each set no other set has, shape (sets,)."""
    exact: bool
    """Whether each bit is one item; else a bit is the parity of several, and distances are lower bounds."""

    def between(self, one: int, others: Indices) -> Counts:
        """Distances of a set from others, shape (others,)."""
        return self.part(others).distances(one)

    def pairs(self, ones: Indices, others: Indices) -> Counts:
        """Distances of pairs of different sets, shape (pairs,)."""
        distances = self.alone[ones] + self.alone[others]
        for word in self.columns:
            distances += np.bitwise_count(word[ones] ^ word[others])
        return distances

    def part(self, chosen: Indices) -> Part:
        """Some of the sets, gathered."""
        return Part(self, chosen, self.columns[:, chosen], self.alone[chosen])


@dataclass(frozen=True, slots=True)
class Part:
    """Some of packed sets, to be compared with one after another."""

    packed: Packed
    sets: Indices
    columns: Rows
    alone: Counts

    def distances(self, one: int) -> Counts:
        """Distances of a set from these, shape (sets,)."""
        packed = self.packed
        distances: Counts = self.alone + packed.alone[one]
        if len(self.columns) <= FEW:
            for word, own in zip(self.columns, packed.columns[:, one], strict=True):
                distances += np.bitwise_count(word ^ own)
        else:
            bits = np.bitwise_count(self.columns ^ packed.columns[:, one, None])
            distances += bits.sum(axis=0, dtype=np.int32)
        distances[self.sets == one] = 0
        return distances

    def of(self, mask: NDArray[np.bool_]) -> Part:
        """Those of them that a mask chooses."""
        return Part(self.packed, self.sets[mask], self.columns[:, mask], self.alone[mask])


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

    def part(self, chosen: Indices) -> LoosePart:
        """Some of the sets."""
        return LoosePart(self, chosen)


@dataclass(frozen=True, slots=True)
class LoosePart:
    """Some of loose sets."""

    loose: Loose
    sets: Indices

    def distances(self, one: int) -> Counts:
        """Distances of a set from these, shape (sets,)."""
        return self.loose.between(one, self.sets)

    def of(self, mask: NDArray[np.bool_]) -> LoosePart:
        """Those of them that a mask chooses."""
        return LoosePart(self.loose, self.sets[mask])


def exact(sets: Sequence[frozenset[str]]) -> Packed | Loose:
    """Sets that are all different, for exact distances: packed where that takes no more than `STORED`."""
    items = len(frozenset().union(*sets))
    return pack(sets) if items // 64 * len(sets) <= STORED else Loose(sets)


def pack(sets: Sequence[frozenset[str]], words: int | None = None) -> Packed:
    """Pack sets that are all different. words: at most so many of 64 bits; without it as many as there are items to store.

    Which item falls on which bit depends on the items' names alone, not on the order of the sets.
    """
    counts: Counter[str] = Counter()
    for one in sets:
        counts.update(one)
    everyone = len(sets) if len(sets) > 1 else 0
    shared = sorted(item for item, count in counts.items() if 1 < count != everyone)
    bits = len(shared)
    exact = words is None or bits <= 64 * words
    width = max(1, -(-bits // 64)) if exact else words or 1
    if exact:
        places = {item: place for place, item in enumerate(shared)}
    else:
        places = {item: _spread(item) % (64 * width) for item in shared}
    rows = np.zeros((len(sets), width), dtype=np.uint64)
    alone = np.zeros(len(sets), dtype=np.int32)
    for number, one in enumerate(sets):
        value = 0
        stored = 0
        for item in one:
            place = places.get(item)
            if place is not None:
                value ^= 1 << place
                stored += 1
            elif counts[item] == 1:
                alone[number] += 1
        if value:
            rows[number] = np.frombuffer(value.to_bytes(8 * width, "little"), dtype="<u8")
    return Packed(np.ascontiguousarray(rows.T), alone, exact)


def _spread(item: str) -> int:
    return int.from_bytes(blake2b(item.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
