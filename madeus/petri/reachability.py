"""Plain breadth-first search of a net's markings: the slow definition that every engine is compared with."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from madeus.petri.net import Marking, Net


class TooManyMarkings(Exception):
    """The search was stopped at its limit; the net may be unbounded."""

    def __init__(self, net: Net, limit: int) -> None:
        super().__init__(f"net {net.name} has more than {limit} reachable markings")
        self.limit = limit


@dataclass(frozen=True, slots=True)
class ReachabilityGraph:
    """Reachable markings in the order in which they were found, and the edges between them."""

    markings: tuple[Marking, ...]
    """The first one is the initial marking."""
    edges: tuple[tuple[tuple[int, int], ...], ...]
    """For each marking its (transition number, index of the marking after it) pairs."""


def reachability_graph(net: Net, limit: int = 100_000) -> ReachabilityGraph:
    """Every reachable marking of a net. limit: number of markings at most; raises TooManyMarkings beyond."""
    index: dict[Marking, int] = {net.initial: 0}
    waiting = deque((net.initial,))
    edges: list[tuple[tuple[int, int], ...]] = []
    while waiting:
        out: list[tuple[int, int]] = []
        for transition, after in net.successors(waiting.popleft()):
            found = index.get(after)
            if found is None:
                if len(index) >= limit:
                    raise TooManyMarkings(net, limit)
                found = index[after] = len(index)
                waiting.append(after)
            out.append((transition, found))
        edges.append(tuple(out))
    return ReachabilityGraph(tuple(index), tuple(edges))
