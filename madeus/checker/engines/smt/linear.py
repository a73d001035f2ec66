"""What the effects of transitions, added up, say about runs: the state equation, and T-invariants.

A marking reached by firing each transition t some x(t) times is the initial one plus the effect of x (Murata 1989, section
IV-B). A run that comes back to a marking has fired an x whose effect is nothing; in a bounded net whose effects never add up to
nothing no run is endless.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import z3

from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.target import Condition, Some
from madeus.checker.engines.smt.unrolled import decided
from madeus.petri.net import Net

Numbers = Callable[[Sequence[Any]], Any]
"""What is true of a marking given as integers of z3, as a Boolean of z3."""


def excluded(net: Net, wanted: Numbers, watch: Watch) -> bool:
    """Whether the state equation has no solution where something is true. Raises Exhausted."""
    solver = z3.Solver()
    times = [z3.Int(f"x{t}") for t in range(len(net.transitions))]
    solver.add([x >= 0 for x in times])
    change = _effects(net, times)
    marking = [z3.Sum([z3.IntVal(tokens), *parts]) for tokens, parts in zip(net.initial, change, strict=True)]
    solver.add([tokens >= 0 for tokens in marking])
    solver.add([marking[place] <= 1 for place in net.single])
    solver.add(wanted(marking))
    return not decided(solver, watch)


def recurring(net: Net, watch: Watch) -> frozenset[int]:
    """Transitions that may fire again and again: those of T-invariants. None: no run is endless. Raises Exhausted."""
    solver = z3.Solver()
    times = [z3.Real(f"x{t}") for t in range(len(net.transitions))]
    solver.add([x >= 0 for x in times])
    for parts in _effects(net, times):
        if parts:
            solver.add(z3.Sum(parts) == 0)
    found: set[int] = set()
    while len(found) < len(times):
        solver.push()
        solver.add(z3.Sum([x for t, x in enumerate(times) if t not in found]) >= 1)
        more = decided(solver, watch)
        if more:
            model = solver.model()
            found.update(t for t, x in enumerate(times) if model.eval(x, model_completion=True).as_fraction() > 0)
        solver.pop()
        if not more:
            break
    return frozenset(found)


def _effects(net: Net, times: Sequence[Any]) -> list[list[Any]]:
    """For each place what the firings change."""
    weights: list[dict[int, int]] = [{} for _ in net.places]
    for t in range(len(net.transitions)):
        for arcs, sign in ((net.pre[t], -1), (net.post[t], 1)):
            for place, weight in arcs:
                weights[place][t] = weights[place].get(t, 0) + sign * weight
    return [[weight * times[t] for t, weight in effect.items() if weight] for effect in weights]


def of_condition(condition: Condition) -> Numbers:
    """A condition on markings."""
    return lambda marking: _condition(condition, marking)


def _condition(condition: Condition, marking: Sequence[Any]) -> Any:
    if isinstance(condition, Some):
        return z3.Or([marking[place] >= 1 for place in condition.places])
    word, parts = condition
    inner = [_condition(part, marking) for part in parts]
    if word == "not":
        return z3.Not(inner[0])
    return z3.And(inner) if word == "and" else z3.Or(inner)


def nothing_enabled(net: Net) -> Numbers:
    """Nothing can fire."""

    def dead(marking: Sequence[Any]) -> Any:
        return z3.And(
            [
                z3.Or(
                    *[marking[p] < w for p, w in (*net.pre[t], *net.read[t])],
                    *[marking[p] >= w for p, w in net.inhibit[t]],
                )
                for t in range(len(net.transitions))
            ]
        )

    return dead
