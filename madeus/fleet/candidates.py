"""The search for the heaviest candidate, again and again, over one component of neighbours.

A candidate is grown in the one way that `madeus.fleet.quality_threshold` says, and only as far as is needed to see that
it is lighter than the heaviest one that is known: what it weighs and the points that may still come to it bound what it
can become. For each edge it is noted how far the neighbour is from all members of the point's candidate. So when points
are taken by a cluster, the bounds of all candidates to which they could have come fall at once, and only candidates
that lose a member begin again; taking away points that were not chosen changes no choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

import numpy as np

from madeus.fleet.neighbours import Distances, Edges, Graph
from madeus.fleet.table import Indices

BLOCK = 8
"""Bounds of 2 ** BLOCK points have their highest one kept."""

WIDE = 16
"""A candidate to which more than one in so many points may come is held against all of them at once."""

KEPT = 1 << 27
"""Distances of all points from some that are kept."""

TAKEN = -1
"""Bound of a point that is in a cluster."""


class Bounds:
    """Numbers of which the highest is wanted, again and again; of the same ones the first."""

    def __init__(self, values: Indices) -> None:
        blocks = (len(values) + (1 << BLOCK) - 1) >> BLOCK
        self._padded = np.full(blocks << BLOCK, TAKEN, dtype=np.int64)
        self.values = self._padded[: len(values)]
        self.values[:] = values
        self._blocks = self._padded.reshape(blocks, 1 << BLOCK)
        self._tops = self._blocks.max(axis=1)

    def first(self) -> int:
        """The point with the highest bound."""
        block = int(self._tops.argmax())
        return (block << BLOCK) + int(self._blocks[block].argmax())

    def changed(self, points: Indices) -> None:
        """After `values` of these points were written."""
        if len(points) > len(self._tops):
            self._tops = self._blocks.max(axis=1)
        else:
            blocks = points >> BLOCK
            self._tops[blocks] = self._blocks[blocks].max(axis=1)

    def set(self, point: int, value: int) -> None:
        """Write one."""
        self.values[point] = value
        block = point >> BLOCK
        self._tops[block] = self._blocks[block].max()


class Search:
    """Quality-threshold clustering of one component. Points are 0 ... n-1, in their order of rank."""

    def __init__(self, weights: Indices, diameter: int, graph: Graph) -> None:
        self._weights, self._diameter = weights, diameter
        self._starts = graph.starts.tolist()
        self._targets, self._distances, self._back = graph.targets, graph.distances, graph.back
        self._farthest = graph.distances.copy()
        """Of each edge: how far the neighbour is from all members of the point's candidate so far; above the diameter
        where that makes no difference any more; `_member` when it is one."""
        self._member = np.iinfo(self._farthest.dtype).max
        count = len(weights)
        self._alive = np.ones(count, dtype=bool)
        self._beyond = self._farthest.dtype.type(diameter + 1)
        self._from_point, self._near_to = -1, graph.targets[:0]
        self._near = np.full(count, self._beyond)
        """Distances from that one point to those neighbours of it; `_beyond` for all others."""
        self._rows: dict[int, Distances] = {}
        self._around = weights + np.add.reduceat(weights[graph.targets], graph.starts[:-1])
        """Weight of what is left of each neighbourhood, the point included."""
        self._weight = weights.copy()
        """Weight of the members of each candidate so far."""
        self._reach = [0] * count
        """The largest distance of two of them, or a bound of it that is not above the diameter."""
        self._bounds = Bounds(self._around)
        """Of the weight of each candidate: its weight, and that of those that may come."""
        self._complete: list[tuple[int, int]] = []
        """(minus the weight, point) of candidates to which nothing more can come; and of some that lost members since."""
        self._is_complete = np.zeros(count, dtype=bool)

    def run(self) -> Iterator[tuple[list[int], int]]:
        """The clusters, the heaviest first: points in order, and the diameter."""
        left = len(self._weights)
        while left:
            point = self._bounds.first()
            if not self._is_complete[point]:
                self._grow(point)
                continue
            row = slice(self._starts[point], self._starts[point + 1])
            others = self._targets[row][self._farthest[row] == self._member]
            members = np.sort(np.append(others.astype(np.int64), point))
            self._take(members)
            left -= len(members)
            yield members.tolist(), self._reach[point]

    def _best(self) -> tuple[int, int]:
        """(minus the weight, point) of the candidate that wins over the other complete ones."""
        while self._complete:
            minus, point = self._complete[0]
            if self._is_complete[point] and self._bounds.values[point] == -minus:
                return minus, point
            heappop(self._complete)
        return 0, 0

    def _take(self, members: Indices) -> None:
        """Take points away: bounds of candidates to which they could come fall; those that lose members begin again."""
        self._alive[members] = False
        self._is_complete[members] = False
        self._bounds.values[members] = TAKEN
        rows = [slice(self._starts[one], self._starts[one + 1]) for one in members.tolist()]
        points = np.concatenate([self._targets[row] for row in rows])
        back = np.concatenate([self._back[row] for row in rows])
        weights = np.repeat(self._weights[members], [row.stop - row.start for row in rows])
        left = self._alive[points]
        points, back, weights = points[left], back[left], weights[left]
        np.subtract.at(self._around, points, weights)
        farthest = self._farthest[back]
        able = farthest <= self._diameter
        np.subtract.at(self._bounds.values, points[able], weights[able])
        for point in set(points[farthest == self._member].tolist()):
            row = slice(self._starts[point], self._starts[point + 1])
            self._farthest[row] = self._distances[row]
            self._weight[point], self._reach[point] = self._weights[point], 0
            self._is_complete[point] = False
            self._bounds.values[point] = self._around[point]
        self._bounds.changed(np.concatenate((members, points)))

    def _grow(self, point: int) -> None:
        """Let a candidate go on: until nothing more can come to it, or it loses against the best."""
        start = self._starts[point]
        row = self._farthest[start : self._starts[point + 1]]
        targets = self._targets[start : self._starts[point + 1]]
        places = np.flatnonzero((row <= self._diameter) & self._alive[targets])
        others, farthest = targets[places], row[places]
        best = self._best()
        if WIDE * len(others) > len(self._weights):
            if self._grow_widely(point, best):
                return
            places = np.flatnonzero(row <= self._diameter)
            others, farthest = targets[places], row[places]
        weight = int(self._weight[point])
        look = came = 0
        only_able = True
        while len(others):
            if only_able and (reach := self._all_within(farthest)) is not None:
                row[places] = self._member
                weight += int(self._weights[others].sum())
                self._reach[point] = max(self._reach[point], reach)
                break
            # The smallest of those that come first: `others` is sorted, and argmin takes the first.
            place = int(farthest.argmin())
            distance = int(farthest[place])
            if distance > self._diameter:
                row[places] = farthest
                break
            new = int(others[place])
            weight += int(self._weights[new])
            self._reach[point] = max(self._reach[point], distance)
            np.maximum(farthest, self._from(new, others), out=farthest)
            farthest[place] = self._member
            came += 1
            only_able = came > look
            if not only_able:
                continue
            look = came + came // 2
            row[places] = farthest
            able = farthest <= self._diameter
            places, others, farthest = places[able], others[able], farthest[able]
            bound = weight + int(self._weights[others].sum())
            if (-bound, point) > best and bound > weight:
                self._weight[point] = weight
                self._bounds.set(point, bound)
                return
        self._completed(point, weight)

    def _completed(self, point: int, weight: int) -> None:
        self._weight[point] = weight
        self._bounds.set(point, weight)
        self._is_complete[point] = True
        heappush(self._complete, (-weight, point))

    def _grow_widely(self, point: int, best: tuple[int, int]) -> bool:
        """The same as `_grow`, over all points of the component at once: for as long as a good part of them may come.

        False when it is to go on there.
        """
        targets = self._targets[self._starts[point] : self._starts[point + 1]]
        row = self._farthest[self._starts[point] : self._starts[point + 1]]
        farthest = np.full(len(self._weights), self._beyond)
        farthest[targets] = row
        farthest[~self._alive] = self._beyond
        weight = int(self._weight[point])
        look = came = 0
        while True:
            new = int(farthest.argmin())
            distance = int(farthest[new])
            if distance > self._diameter:
                row[:] = farthest[targets]
                self._completed(point, weight)
                return True
            weight += int(self._weights[new])
            self._reach[point] = max(self._reach[point], distance)
            np.maximum(farthest, self._wide(new), out=farthest)
            farthest[new] = self._member
            came += 1
            if came <= look:
                continue
            look = came + came // 2
            able = farthest <= self._diameter
            bound = weight + int(self._weights[able].sum())
            lost = (-bound, point) > best
            if lost or WIDE * np.count_nonzero(able) <= len(able):
                row[:] = farthest[targets]
                self._weight[point] = weight
                self._bounds.set(point, bound)
                return lost and bound > weight

    def _wide(self, point: int) -> Distances:
        """Distances of a point from all points; kept, as many as there is room for."""
        found = self._rows.get(point)
        if found is None:
            if len(self._rows) * len(self._weights) > KEPT:
                self._rows.clear()
            self._rows[point] = found = np.full(len(self._weights), self._beyond)
            row = slice(self._starts[point], self._starts[point + 1])
            found[self._targets[row]] = self._distances[row]
        return found

    def _all_within(self, farthest: Distances) -> int | None:
        """A bound of the distances among those that may come, by way of a member, if that is within the diameter."""
        if len(farthest) == 1:
            return int(farthest[0])
        if 2 * int(farthest[0]) > self._diameter + 1 and 2 * int(farthest.min()) > self._diameter:
            return None
        reach = int(np.partition(farthest, -2)[-2:].sum(dtype=np.int64))
        return reach if reach <= self._diameter else None

    def _from(self, point: int, others: Edges) -> Distances:
        """Distances of a point from others; one above the diameter where they are farther."""
        if point != self._from_point:
            row = slice(self._starts[point], self._starts[point + 1])
            neighbours = self._targets[row]
            if 8 * len(others) < len(neighbours):
                places = neighbours.searchsorted(others)
                places[places == len(neighbours)] = 0
                return np.where(neighbours[places] == others, self._distances[row][places], self._beyond)
            self._near[self._near_to] = self._beyond
            self._near[neighbours] = self._distances[row]
            self._from_point, self._near_to = point, neighbours
        return self._near[others]
