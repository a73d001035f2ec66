"""P- and T-invariants: weights that every firing keeps, and counts of firings that change nothing (Murata 1989).

The minimal semi-positive ones are found by Farkas' elimination on sparse rows. There may be exponentially many, so the effort
is bounded; what is returned is right in any case, and says whether it is all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

from madeus.petri.net import Net

EFFORT = 200_000
"""Combinations of rows that are tried by default."""

Row = dict[int, int]


@dataclass(frozen=True, slots=True)
class Invariants:
    """Minimal semi-positive invariants, each a number (index of a place or transition) -> positive weight."""

    vectors: tuple[Mapping[int, int], ...]
    complete: bool
    """Whether these are all; False: the effort was spent before."""

    @property
    def covered(self) -> frozenset[int]:
        """Indexes with a weight in some invariant; a place that is covered is bounded."""
        return frozenset(index for vector in self.vectors for index in vector)


def place_invariants(net: Net, effort: int = EFFORT) -> Invariants:
    """Weights of places whose weighted sum of tokens no firing changes."""
    rows: list[Row] = [{} for _ in net.places]
    for t in range(len(net.transitions)):
        for place, change in _effect(net, t).items():
            rows[place][t] = change
    return _farkas(rows, effort)


def transition_invariants(net: Net, effort: int = EFFORT) -> Invariants:
    """Numbers of firings that, taken together, lead back to the same marking."""
    return _farkas([_effect(net, t) for t in range(len(net.transitions))], effort)


def weighted_sum(vector: Mapping[int, int], marking: tuple[int, ...]) -> int:
    """The value of a P-invariant in a marking: the same in all reachable ones."""
    return sum(weight * marking[place] for place, weight in vector.items())


def _effect(net: Net, t: int) -> Row:
    effect = dict(net.post[t])
    for place, weight in net.pre[t]:
        effect[place] = effect.get(place, 0) - weight
    return {place: change for place, change in effect.items() if change}


class _Spent(Exception):
    """The effort has been spent."""


def _farkas(effects: list[Row], effort: int) -> Invariants:
    elimination = _Elimination(effects, effort)
    try:
        elimination.run()
    except _Spent:
        return Invariants(elimination.found(), False)
    return Invariants(elimination.found(), True)


class _Elimination:
    """Rows (effect, weights); one column of the effects is cleared after the other."""

    def __init__(self, effects: list[Row], effort: int) -> None:
        self._rows: dict[int, tuple[Row, Row]] = {i: (effect, {i: 1}) for i, effect in enumerate(effects)}
        self._columns: dict[int, set[int]] = {}
        for number, effect in enumerate(effects):
            for column in effect:
                self._columns.setdefault(column, set()).add(number)
        self._next = len(effects)
        self._left = effort

    def run(self) -> None:
        """Clear every column, the cheapest first."""
        waiting = sorted(self._columns, key=lambda c: len(self._columns[c]), reverse=True)
        while waiting:
            column = waiting.pop()
            if waiting and self._cost(column) > 16:
                # Look again for a cheaper one: costs change as rows are combined.
                waiting.append(column)
                waiting.sort(key=self._cost, reverse=True)
                self._left -= len(waiting) // 8
                column = waiting.pop()
            self._clear(column)

    def _cost(self, column: int) -> int:
        rows = self._columns.get(column, ())
        positive = sum(self._rows[number][0][column] > 0 for number in rows)
        return positive * (len(rows) - positive)

    def _clear(self, column: int) -> None:
        numbers = self._columns.get(column, set())
        positive = [n for n in numbers if self._rows[n][0][column] > 0]
        negative = [n for n in numbers if self._rows[n][0][column] < 0]
        made: list[tuple[Row, Row]] = []
        for p in positive:
            for n in negative:
                self._left -= 1
                if self._left < 0:
                    raise _Spent
                made.append(_combined(self._rows[p], self._rows[n], column))
        for number in (*positive, *negative):
            for other in self._rows.pop(number)[0]:
                self._columns[other].discard(number)
        for row in self._minimal(made):
            self._rows[self._next] = row
            for other in row[0]:
                self._columns.setdefault(other, set()).add(self._next)
            self._next += 1

    def _minimal(self, made: list[tuple[Row, Row]]) -> list[tuple[Row, Row]]:
        """Without rows whose support contains another one's."""
        kept: list[tuple[Row, Row]] = []
        for row in sorted(made, key=lambda row: len(row[1])):
            self._left -= len(kept) // 16
            if not any(other[1].keys() <= row[1].keys() for other in kept):
                kept.append(row)
        return kept

    def found(self) -> tuple[Mapping[int, int], ...]:
        """Weights of the rows without any effect, minimal among themselves."""
        done = [(effect, weights) for effect, weights in self._rows.values() if not effect]
        by_index: dict[int, list[frozenset[int]]] = {}
        kept: list[Mapping[int, int]] = []
        for _, weights in sorted(done, key=lambda row: (len(row[1]), sorted(row[1]))):
            support = frozenset(weights)
            if not any(small <= support for i in support for small in by_index.get(i, ())):
                kept.append(weights)
                by_index.setdefault(min(support), []).append(support)
        return tuple(kept)


def _combined(first: tuple[Row, Row], second: tuple[Row, Row], column: int) -> tuple[Row, Row]:
    a, b = abs(second[0][column]), first[0][column]
    effect, weights = _sum(first[0], a, second[0], b), _sum(first[1], a, second[1], b)
    divisor = gcd(*effect.values(), *weights.values())
    if divisor > 1:
        effect = {k: v // divisor for k, v in effect.items()}
        weights = {k: v // divisor for k, v in weights.items()}
    return effect, weights


def _sum(first: Row, a: int, second: Row, b: int) -> Row:
    total = {k: a * v for k, v in first.items()}
    for k, v in second.items():
        total[k] = total.get(k, 0) + b * v
    return {k: v for k, v in total.items() if v}
