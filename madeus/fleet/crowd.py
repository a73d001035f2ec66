"""The search for the heaviest candidate in one component that has too many neighbours to be kept: they are found again.

A candidate is grown in the one way that `madeus.fleet.quality_threshold` says. While it grows, its weight and that of
the points which may still come to it bound what it can become. That bound stays true as long as none of the members
up to there is taken by a cluster, because taking away points that were not chosen changes no choice. So a candidate
is grown only as far as is needed to see that it is lighter than the heaviest one that is known, and is taken up again
only when its bound is the highest that is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

import numpy as np

from madeus.fleet.packing import Packed, Sparse
from madeus.fleet.table import Indices

TAKEN = np.int32(1 << 30)
"""Above every distance."""


@dataclass(slots=True)
class Candidate:
    """What a point has grown."""

    members: list[int]
    """In the order in which they came, the point itself first."""
    marks: list[tuple[int, int]] = field(default_factory=list)
    """(number of members, bound of the weight from then on); both go one way."""
    diameter: int = 0
    complete: bool = False
    """Whether nothing more can come to it: its bound is its weight."""

    @property
    def bound(self) -> int:
        """The lowest bound."""
        return self.marks[-1][1]


class Crowd:
    """Quality-threshold clustering of one component. Points are 0 ... n-1, in their order of rank."""

    def __init__(self, packed: Packed | Sparse, weights: Indices, diameter: int) -> None:
        self._packed, self._weights, self._diameter = packed, weights, diameter
        self._everyone = np.arange(len(weights))
        self._alive = np.ones(len(weights), dtype=bool)
        around = [int(weights[self._of(one)].sum()) for one in range(len(weights))]
        self._around = weights + np.array(around, dtype=np.int64)
        """Weight of what is left of each neighbourhood, the point included."""
        self._candidates: dict[int, Candidate] = {}
        self._bounds: list[int] = self._around.tolist()
        self._queue = [(-bound, point) for point, bound in enumerate(self._bounds)]
        """(minus the bound, point): among equal bounds the smallest point is first."""
        heapify(self._queue)
        self._complete: list[tuple[int, int]] = []
        """The same of complete candidates."""

    def run(self) -> Iterator[tuple[list[int], int]]:
        """The clusters, the heaviest first: points in order, and the diameter."""
        while self._queue:
            minus, point = heappop(self._queue)
            if not self._alive[point] or self._bounds[point] != -minus:
                continue
            known = self._candidates.get(point)
            if known is None and self._around[point] < -minus:
                self._push(point, int(self._around[point]))
                continue
            if known is None or not known.complete:
                self._candidates[point] = grown = self._grow(point)
                if grown.complete:
                    heappush(self._complete, (-grown.bound, point))
                self._push(point, grown.bound)
                continue
            members = sorted(known.members)
            self._take(members)
            yield members, known.diameter

    def _of(self, point: int) -> Indices:
        """The neighbours of a point, those that are left, in order, without itself."""
        left = self._everyone[self._alive]
        found: Indices = left[self._packed.between(point, left) <= self._diameter]
        others: Indices = found[found != point]
        return others

    def _push(self, point: int, bound: int) -> None:
        self._bounds[point] = bound
        heappush(self._queue, (-bound, point))

    def _best(self) -> tuple[int, int]:
        """(minus the weight, point) of the candidate that wins over the other complete ones."""
        while self._complete:
            minus, point = self._complete[0]
            known = self._candidates.get(point)
            if known is not None and known.complete and known.bound == -minus:
                return minus, point
            heappop(self._complete)
        return 0, 0

    def _take(self, members: list[int]) -> None:
        """Take points away; bounds of candidates that lose members go back to what is still true."""
        self._alive[members] = False
        touched: set[int] = set()
        for member in members:
            self._candidates.pop(member, None)
            around = self._of(member)
            self._around[around] -= self._weights[member]
            touched.update(around.tolist())
        gone = set(members)
        for point in touched:
            known = self._candidates.get(point)
            if known is None or gone.isdisjoint(known.members):
                continue
            intact = next(place for place, member in enumerate(known.members) if member in gone)
            while known.marks and known.marks[-1][0] > intact:
                known.marks.pop()
            if not known.marks:
                del self._candidates[point]
                self._push(point, int(self._around[point]))
                continue
            del known.members[intact:]
            known.complete = False
            self._push(point, min(known.bound, int(self._around[point])))

    def _grow(self, point: int) -> Candidate:
        """The candidate of a point among those that are left, or the beginning of it that loses against the best."""
        around = self._of(point)
        grown = Candidate([point])
        if not len(around):
            return self._completed(grown)
        farthest = self._packed.between(point, around)
        bound = int(np.partition(farthest, -2)[-2:].sum()) if len(around) > 1 else int(farthest[0])
        if bound <= self._diameter:
            grown.members += around.tolist()
            grown.diameter = bound
            return self._completed(grown)
        best = self._best()
        weight = int(self._weights[point])
        look = 1
        while True:
            # The smallest of those that come first: `around` is sorted, and argmin takes the first.
            place = int(farthest.argmin())
            distance = int(farthest[place])
            if distance > self._diameter:
                return self._completed(grown)
            came = int(around[place])
            grown.members.append(came)
            grown.diameter = max(grown.diameter, distance)
            weight += int(self._weights[came])
            np.maximum(farthest, self._packed.between(came, around), out=farthest)
            farthest[place] = TAKEN
            if len(grown.members) > look:
                look += 1 + look // 2
                able = farthest <= self._diameter
                around, farthest = around[able], farthest[able]
                if not len(around):
                    return self._completed(grown)
                left = weight + int(self._weights[around].sum())
                grown.marks.append((len(grown.members), left))
                if (-left, point) > best:
                    return grown

    def _completed(self, grown: Candidate) -> Candidate:
        grown.complete = True
        grown.marks.append((len(grown.members), int(self._weights[grown.members].sum())))
        return grown
