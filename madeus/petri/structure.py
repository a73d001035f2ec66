"""What the shape of a net alone tells: its class, its connectedness, siphons and traps (Murata 1989)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from madeus.petri.net import Net


@dataclass(frozen=True, slots=True)
class NetClass:
    """Classes of nets, told by the ordinary arcs; read and inhibitor arcs are counted apart."""

    marked_graph: bool
    """Every place has at most one producer and one consumer: no choice."""
    state_machine: bool
    """Every transition takes one token and makes one: nothing side by side."""
    free_choice: bool
    """Transitions that share a place have no other one."""
    extended_free_choice: bool
    """Transitions that share a place share all."""
    asymmetric_choice: bool
    """Where two places share a transition, one's consumers are all consumers of the other."""
    ordinary: bool
    """Every ordinary arc has weight 1."""
    read_arcs: int
    inhibitor_arcs: int

    @property
    def name(self) -> str:
        """The smallest class by name."""
        if self.marked_graph:
            base = "marked graph"
        elif self.state_machine:
            base = "state machine"
        elif self.free_choice:
            base = "free choice net"
        elif self.extended_free_choice:
            base = "extended free choice net"
        elif self.asymmetric_choice:
            base = "asymmetric choice net"
        else:
            base = "general net"
        extras = [word for word, n in (("read arcs", self.read_arcs), ("inhibitor arcs", self.inhibitor_arcs)) if n]
        return f"{base} with {' and '.join(extras)}" if extras else base


def net_class(net: Net) -> NetClass:
    """The class of a net. Time: linear but for asymmetric choice, which looks at pairs of places of one transition."""
    inputs = [frozenset(place for place, _ in arcs) for arcs in net.pre]
    consumers = [frozenset(found) for found in net.consumers]
    shared = [p for p, found in enumerate(consumers) if len(found) > 1]
    extended = all(len({inputs[t] for t in consumers[p]}) == 1 for p in shared)
    return NetClass(
        marked_graph=not shared and all(len(found) <= 1 for found in net.producers),
        state_machine=all(len(net.pre[t]) == 1 == len(net.post[t]) for t in range(len(net.transitions))),
        free_choice=all(len(inputs[t]) == 1 for p in shared for t in consumers[p]),
        extended_free_choice=extended,
        asymmetric_choice=extended or _is_asymmetric(inputs, consumers),
        ordinary=all(weight == 1 for side in (net.pre, net.post) for arcs in side for _, weight in arcs),
        read_arcs=sum(map(len, net.read)),
        inhibitor_arcs=sum(map(len, net.inhibit)),
    )


def _is_asymmetric(inputs: list[frozenset[int]], consumers: list[frozenset[int]]) -> bool:
    for places in inputs:
        # One contains the other for all pairs exactly when they form a chain.
        chain = sorted((consumers[p] for p in places), key=len)
        if any(not small <= large for small, large in pairwise(chain)):
            return False
    return True


def components(net: Net) -> list[list[int]]:
    """Places of each weakly connected part of the net, by arcs of all kinds; largest first.

    Transitions without any place belong to none.
    """
    parent = list(range(len(net.places)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for t in range(len(net.transitions)):
        touched = [place for side in (net.pre, net.post, net.read, net.inhibit) for place, _ in side[t]]
        for place in touched[1:]:
            parent[root(place)] = root(touched[0])
    found: dict[int, list[int]] = {}
    for place in range(len(net.places)):
        found.setdefault(root(place), []).append(place)
    return sorted(found.values(), key=len, reverse=True)


def largest_siphon(net: Net, within: Iterable[int]) -> frozenset[int]:
    """The largest siphon among some places: whatever makes a token in it needs one from it, so once empty it stays empty.

    Read arcs count as needs. Linear time.
    """
    needs = [{p for p, _ in (*net.pre[t], *net.read[t])} for t in range(len(net.transitions))]
    makes = [{p for p, _ in net.post[t]} for t in range(len(net.transitions))]
    return _shrink(within, net.producers, makes, needs, _users(net))


def largest_trap(net: Net, within: Iterable[int]) -> frozenset[int]:
    """The largest trap among some places: whatever takes a token from it makes one in it, so once marked it stays marked."""
    makes = [{p for p, _ in net.post[t]} for t in range(len(net.transitions))]
    takes = [{p for p, _ in net.pre[t]} for t in range(len(net.transitions))]
    return _shrink(within, net.consumers, takes, makes, net.producers)


def _users(net: Net) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple({*net.consumers[p], *net.readers[p]}) for p in range(len(net.places)))


def _shrink(
    within: Iterable[int],
    touching: tuple[tuple[int, ...], ...],
    touched: Sequence[set[int]],
    covering: Sequence[set[int]],
    covered: tuple[tuple[int, ...], ...],
) -> frozenset[int]:
    """Take places away until every transition that touches one is covered by one.

    touching, covered: transitions that touch a place, that a place covers. touched, covering: the same by transition.
    """
    left = set(within)
    count = {t: len(covering[t] & left) for p in left for t in touching[p]}
    waiting = [p for p in left if any(not count[t] for t in touching[p])]
    gone: set[int] = set()
    while waiting:
        place = waiting.pop()
        if place in gone:
            continue
        gone.add(place)
        left.discard(place)
        for t in covered[place]:
            if t in count:
                count[t] -= 1
                if not count[t]:
                    waiting.extend(touched[t] & left)
    return frozenset(left)


def dead_from_the_start(net: Net) -> tuple[int, ...]:
    """Transitions that can never fire because they need a token from an unmarked siphon. Sound, not complete. Linear time."""
    empty = largest_siphon(net, (p for p, tokens in enumerate(net.initial) if not tokens))
    return tuple(
        t
        for t in range(len(net.transitions))
        if any(p in empty for p, _ in net.pre[t]) or any(p in empty for p, _ in net.read[t])
    )
