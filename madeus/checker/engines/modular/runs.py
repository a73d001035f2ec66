"""A run to a choice of states of a product: the joint steps, and between them what each island does by itself."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import NamedTuple

from madeus.checker.engines.modular.search import Product, Search


class _Link(NamedTuple):
    """A local step of an island; a linked list, the last step first."""

    before: _Link | None
    layer: int
    """Joint steps that were taken before it."""
    transition: int


def run_to(search: Search, number: int, chosen: dict[int, int]) -> list[int]:
    """Transitions of a run to one choice of states of a product: a shortest one with the product's joint steps."""
    path = [search.products[at] for at in search.path(number)]
    local: list[list[int]] = [[] for _ in path]
    total = search.left(path[-1].center)
    costs = search.cheapest(path[-1].sets) if search.costs else []
    for island, state in chosen.items():
        spare = total
        if costs:
            kind, which = search.kinds[island], path[-1].sets[island]
            spare = next(cost for cost, bits in enumerate(kind.sets[which]) if bits >> state & 1)
        for layer, transition in _alone(search, path, island, state, spare):
            local[layer].append(transition)
    found: list[int] = []
    for product, steps in zip(path, local, strict=True):
        if product.by is not None:
            found.append(product.by.move.transition)
        found.extend(steps)
    return found


def _alone(search: Search, path: list[Product], island: int, goal: int, most: int) -> list[tuple[int, int]]:
    """(joint steps before it, transition) of a shortest run of one island along them. most: actions that may fail."""
    kind = search.kinds[island]
    moves = search.split.modules[island + 1].local
    reached: dict[tuple[int, int], tuple[int, _Link | None]] = {
        (kind.number(search.split.modules[island + 1].initial), 0): (0, None)
    }
    view = -1
    for layer, product in enumerate(path):
        part = -1
        if product.by is not None:
            part = next((p for i, p in product.by.parts if i == island), -1)
        now = search.view(product.center, island)
        if part < 0 and now == view:
            continue
        view = now
        if part >= 0:
            moved: dict[tuple[int, int], tuple[int, _Link | None]] = {}
            for (state, cost), entry in reached.items():
                after = kind.after(state, part)
                if after is not None and ((after, cost) not in moved or moved[(after, cost)][0] > entry[0]):
                    moved[(after, cost)] = entry
            reached = moved
        waiting = [(length, state, cost) for (state, cost), (length, _) in reached.items()]
        waiting.sort()
        while waiting:
            length, state, cost = heappop(waiting)
            if reached[(state, cost)][0] < length:
                continue
            link = reached[(state, cost)][1]
            for at, after, more in kind.steps(view, state):
                key = (after, cost + more)
                if key[1] <= most and (key not in reached or reached[key][0] > length + 1):
                    reached[key] = length + 1, _Link(link, layer, moves[at][0].transition)
                    heappush(waiting, (length + 1, *key))
    best = min((entry for (state, _), entry in reached.items() if state == goal), key=lambda entry: entry[0])
    found: list[tuple[int, int]] = []
    link = best[1]
    while link is not None:
        found.append((link.layer, link.transition))
        link = link.before
    found.reverse()
    return found
