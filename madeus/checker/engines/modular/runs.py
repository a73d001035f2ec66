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
    """Transitions of a run to one choice of states of a product: a shortest one with the joint steps that it takes."""
    path, spare = _path(search, number, dict(chosen))
    local: list[list[int]] = [[] for _ in path]
    for island, state in chosen.items():
        for layer, transition in _alone(search, path, island, state, spare[island]):
            local[layer].append(transition)
    found: list[int] = []
    for product, steps in zip(path, local, strict=True):
        if product.by is not None:
            found.append(product.by.move.transition)
        found.extend(steps)
    return found


def _path(search: Search, number: int, states: dict[int, int]) -> tuple[list[Product], list[int]]:
    """The products on the way to a choice of states, each made of the one before it, and the failures of each island."""
    path: list[Product] = []
    spare: list[int] = []
    while True:
        product = search.products[number]
        costs = _costs(search, product, states)
        assert costs is not None
        while product.both:
            # What they differ in is one island, so the states are in one of them.
            for number in product.both:
                product = search.products[number]
                costs = _costs(search, product, states)
                if costs is not None:
                    break
            assert costs is not None
        if product.course:
            number = search.unfolded(number)
            continue
        spare = spare or costs
        path.append(product)
        if product.by is None:
            path.reverse()
            return path, spare
        number = product.before
        parts = dict(product.by.parts)
        views = dict(zip(search.alike, search.views(product.center), strict=True))
        for island, (kind, before) in enumerate(zip(search.kinds, search.products[number].sets, strict=True)):
            states[island] = kind.origins(before, parts.get(island, -1), views[kind])[states[island]]


def _costs(search: Search, product: Product, states: dict[int, int]) -> list[int] | None:
    """The failures that each state of a choice costs; None when the product does not have it."""
    costs: list[int] = []
    for island, (kind, number) in enumerate(zip(search.kinds, product.sets, strict=True)):
        cost = kind.cost(number, states[island])
        if cost is None:
            return None
        costs.append(cost)
    return costs if sum(costs) <= search.left(product.center) else None


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
