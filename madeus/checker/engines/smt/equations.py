"""Linear equations that hold in every reachable marking: weights of places, of whatever sign, whose sum no firing changes.

A basis of them all (the left kernel of the incidence matrix), by elimination with the shortest row first: that keeps them
sparse.
"""

from __future__ import annotations

from collections import defaultdict
from math import gcd

from madeus.petri.net import Net

Row = dict[int, int]

LONGEST = 400
"""Terms of a row after which it is given up; leaving an equation out is never wrong."""


def equations(net: Net) -> tuple[Row, ...]:
    """For each equation the weight of each place."""
    effects: list[Row] = [{} for _ in net.places]
    for t in range(len(net.transitions)):
        for arcs, sign in ((net.pre[t], -1), (net.post[t], 1)):
            for place, weight in arcs:
                effects[place][t] = effects[place].get(t, 0) + sign * weight
    rows = {p: {t: n for t, n in effect.items() if n} for p, effect in enumerate(effects)}
    weights: dict[int, Row] = {p: {p: 1} for p in rows}
    column: dict[int, set[int]] = defaultdict(set)
    for p, row in rows.items():
        for t in row:
            column[t].add(p)
    for t in sorted(column, key=lambda t: len(column[t])):
        if not column[t]:
            continue
        pivot = min(column[t], key=lambda p: (len(rows[p]), len(weights[p])))
        for other in [p for p in column[t] if p != pivot]:
            a, b = rows[other][t], rows[pivot][t]
            common = gcd(a, b)
            for u in rows[other]:
                column[u].discard(other)
            rows[other] = _less(rows[other], b // common, rows[pivot], a // common)
            weights[other] = _less(weights[other], b // common, weights[pivot], a // common)
            if len(rows[other]) > LONGEST or len(weights[other]) > LONGEST:
                del rows[other], weights[other]
                continue
            for u in rows[other]:
                column[u].add(other)
        for u in rows[pivot]:
            column[u].discard(pivot)
        del rows[pivot], weights[pivot]
    return tuple(_smallest(weights[p]) for p, row in rows.items() if not row)


def _less(one: Row, a: int, other: Row, b: int) -> Row:
    """One row times a, less the other times b."""
    made = {key: a * value for key, value in one.items()}
    for key, value in other.items():
        made[key] = made.get(key, 0) - b * value
    return {key: value for key, value in made.items() if value}


def _smallest(row: Row) -> Row:
    common = gcd(*row.values())
    return {key: value // common for key, value in row.items()}
