"""Partial-order reduction with strong stubborn sets (Valmari 1991; for reachability Kristensen, Schmidt, Valmari 2006).

Two transitions are *dependent* when firing one may disable the other. A set is stubborn in a marking when it holds with an
enabled transition all that depend on it, and with a disabled one all that could make one of its false conditions true.
Firing only what is enabled in such a set

- keeps every marking where nothing is enabled, every shortest run to it, and whether there is an endless run: each maximal
  run is a reordering of one that is kept, which commutes only independent neighbours; so when no run is endless it also
  keeps what fires at all. (A cycle in the reduced graph is an endless run; whether a fair one, only the full graph says.)
- keeps, when the set contains all that may bring a formula nearer (its *up-set*), the shortest runs to the formula.
"""

from __future__ import annotations

from collections.abc import Iterable

from madeus.checker.engines.explicit.encoding import Encoding
from madeus.petri.net import Net
from madeus.semantics import StepKind


class Stubborn:
    """Stubborn sets of a net."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        net = self.net = encoding.net
        self.raising = _changing(net, 1)
        """For each place the transitions that leave more tokens on it."""
        self.lowering = _changing(net, -1)
        self.costs = tuple((_costs(net, self.raising, p), _costs(net, self.lowering, p)) for p in PROGRAM_COSTS)
        self.dependent: list[list[int]] = [self._dependent(t) for t in range(len(net.transitions))]
        self.affected: list[list[int]] = [self._affected(t) for t in range(len(net.transitions))]
        """For each transition those whose conditions it touches."""

    def _dependent(self, t: int) -> list[int]:
        net = self.net
        found: set[int] = set()
        taken = {p for p, _ in net.pre[t]}
        for p in taken:
            found.update(net.consumers[p])
        for p, _ in net.read[t]:
            found.update(self.lowering[p])
        for p, _ in net.inhibit[t]:
            found.update(self.raising[p])
        for p in taken:
            if t in self.lowering[p]:
                found.update(net.readers[p])
        for p, _ in net.post[t]:
            if t in self.raising[p]:
                found.update(net.inhibited[p])
        found.discard(t)
        return sorted(found)

    def _affected(self, t: int) -> list[int]:
        net = self.net
        found: set[int] = set()
        for p in {p for p, _ in (*net.pre[t], *net.post[t])}:
            for side in (net.consumers, net.readers, net.inhibited):
                found.update(side[p])
        return sorted(found)

    def closure(
        self, marking: int, enabled: frozenset[int], seeds: Iterable[int], give_up: int | None = None, policy: int = 0
    ) -> list[int] | None:
        """The enabled transitions of a stubborn set that contains the seeds; None when there are more than give_up.

        policy: which of PROGRAM_COSTS the conditions of disabled transitions are chosen by.
        """
        inside = set(seeds)
        pending = list(inside)
        chosen: list[int] = []
        while pending:
            t = pending.pop()
            if t in enabled:
                chosen.append(t)
                if give_up is not None and len(chosen) > give_up:
                    return None
                needed: Iterable[int] = self.dependent[t]
            else:
                needed = self._helpers(marking, t, inside, policy)
            for u in needed:
                if u not in inside:
                    inside.add(u)
                    pending.append(u)
        return chosen

    def towards(self, marking: int, enabled: frozenset[int], nearer: set[int]) -> list[int]:
        """The enabled transitions of a stubborn set that contains an up-set, few of them."""
        best: list[int] | None = None
        for policy in range(len(PROGRAM_COSTS)):
            found = self.closure(marking, enabled, nearer, None if best is None else len(best) - 1, policy)
            if found is not None:
                best = found
                if len(best) <= 1:
                    break
        return best or []

    def _helpers(self, marking: int, t: int, inside: set[int], policy: int) -> list[int]:
        """All that may make one false condition of a disabled transition true: the condition that costs least."""
        best: list[int] = []
        least = -1
        tokens, net = self.encoding.tokens, self.net
        raising_cost, lowering_cost = self.costs[policy]
        for arcs, less, helping, costs in (
            (net.pre[t], False, self.raising, raising_cost),
            (net.read[t], False, self.raising, raising_cost),
            (net.inhibit[t], True, self.lowering, lowering_cost),
        ):
            for place, weight in arcs:
                if (tokens(marking, place) < weight) != less:
                    candidates = helping[place]
                    if inside.issuperset(candidates):
                        return candidates
                    if least < 0 or costs[place] < least:
                        best, least = candidates, costs[place]
        return best

    def choose(self, marking: int, enabled: frozenset[int], latest: Iterable[int] = ()) -> list[int]:
        """The enabled transitions of a stubborn set, few of them. latest: transitions to try first."""
        if len(enabled) <= 1:
            return list(enabled)
        dependent = self.dependent
        best = sorted(enabled, key=lambda t: len(dependent[t]))
        if not dependent[best[0]]:
            return best[:1]
        for t in dict.fromkeys([t for t in latest if t in enabled] + best):
            found = self.closure(marking, enabled, (t,), len(best) - 1)
            if found is not None:
                best = found
                if len(best) == 1:
                    break
        return best


def _costs(net: Net, helping: list[list[int]], program_cost: int) -> list[int]:
    """For each place what it costs to have its helpers in a set."""
    program = [label is not None and label.kind is StepKind.PROGRAM for label in net.labels]
    return [sum(program_cost if program[t] else 1 for t in transitions) for transitions in helping]


PROGRAM_COSTS = (50, 1)
"""A program's step draws everything in: it counts as much as so many others when the condition to wait for is chosen."""


def _changing(net: Net, sign: int) -> list[list[int]]:
    """For each place the transitions whose effect on it has the sign."""
    found: list[list[int]] = [[] for _ in net.places]
    for t in range(len(net.transitions)):
        change: dict[int, int] = {}
        for p, w in net.pre[t]:
            change[p] = change.get(p, 0) - w
        for p, w in net.post[t]:
            change[p] = change.get(p, 0) + w
        for p, amount in change.items():
            if amount * sign > 0:
                found[p].append(t)
    return found
