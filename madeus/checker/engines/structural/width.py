"""Parallelism: a largest antichain of transitions, by a least flow with lower bounds (Dilworth 1950; Fulkerson 1956).

Cover the transitions by as few chains as possible, where a chain follows the edges of the event graph and may pass what
others have passed: a flow with at least one unit on the edge from each FIRE to its END. A greedy cover comes first; then,
as long as the end of a chain reaches the beginning of another one in the residual graph, the two are joined. When none
does, what the ends reach is closed under ``after``: its complement is a reachable configuration in which one transition of
every chain runs, so the cover is least and the antichain largest. No transitive closure is made; a round costs one walk.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise


def widest(
    order: list[int],
    after: list[list[int]],
    end_of: dict[int, int],
    check: Callable[[], None],
) -> list[int]:
    """FIRE events of a largest set of transitions that can run at once.

    order: the events in topological order. after: for each of them its successors, which are in ``order`` too.
    end_of: the END event of each FIRE event that is counted. check: called once a round.
    """
    flow, begins, ends = _greedy(order, after, end_of)
    fire_of = {end: fire for fire, end in end_of.items()}
    while True:
        check()
        reached: set[int] = set()
        joined = 0
        for root in list(ends):
            while ends.get(root, 0) and root not in reached:
                path = _search(root, after, flow, fire_of, begins, reached)
                if path is None:
                    break
                _join(path, after, flow, begins, ends)
                joined += 1
        if not joined:
            return [fire for fire, end in end_of.items() if fire not in reached and end in reached]


Flow = dict[int, dict[int, int]]
"""For each event, the chains that come from each of its predecessors; no zeros."""


def _greedy(
    order: list[int], after: list[list[int]], end_of: dict[int, int]
) -> tuple[Flow, dict[int, int], dict[int, int]]:
    """A cover: its flow, and the number of chains that begin and end at events."""
    flow: Flow = {}
    begins: dict[int, int] = {}
    ends: dict[int, int] = {}
    rank = {event: position for position, event in enumerate(order)}
    inflow: dict[int, int] = {}

    def send(source: int, target: int, units: int) -> None:
        edges = flow.setdefault(target, {})
        edges[source] = edges.get(source, 0) + units
        inflow[target] = inflow.get(target, 0) + units

    for event in order:
        units = inflow.get(event, 0)
        if event in end_of and not units:
            units = begins[event] = 1
        if not units:
            continue
        later = after[event]
        if not later:
            ends[event] = units
            continue
        if len(later) == 1:
            send(event, later[0], units)
            continue
        hungry = sorted((e for e in later if e not in inflow), key=rank.__getitem__)
        for target in hungry[:units]:
            send(event, target, 1)
        rest = units - len(hungry)
        if rest > 0:
            send(event, min(later, key=rank.__getitem__), rest)
    return flow, begins, ends


def _search(
    root: int,
    after: list[list[int]],
    flow: Flow,
    fire_of: dict[int, int],
    begins: dict[int, int],
    reached: set[int],
) -> list[int] | None:
    """A path in the residual graph from the end of a chain to a beginning; marks what it saw as reached."""
    came: dict[int, int] = {}
    stack = [root]
    reached.add(root)
    while stack:
        node = stack.pop()
        if begins.get(node, 0):
            path = [node]
            while path[-1] != root:
                path.append(came[path[-1]])
            path.reverse()
            return path
        for target in after[node]:
            if target not in reached:
                reached.add(target)
                came[target] = node
                stack.append(target)
        edges = flow.get(node)
        if edges:
            kept = fire_of.get(node, -1)
            for source, units in edges.items():
                # The edge from a FIRE to its END keeps the one unit it has to have.
                if source not in reached and (units > 1 or source != kept):
                    reached.add(source)
                    came[source] = node
                    stack.append(source)
    return None


def _join(path: list[int], after: list[list[int]], flow: Flow, begins: dict[int, int], ends: dict[int, int]) -> None:
    """Lead the chain that ends at the path's first event along the path into the one that begins at its last."""
    for node, following in pairwise(path):
        edges = flow.get(node)
        if edges is not None and following in edges:
            edges[following] -= 1
            if not edges[following]:
                del edges[following]
        else:
            later = flow.setdefault(following, {})
            later[node] = later.get(node, 0) + 1
    _less(ends, path[0])
    _less(begins, path[-1])


def _less(counts: dict[int, int], key: int) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
