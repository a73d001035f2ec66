"""The largest number of transitions that run at once, over all products."""

from __future__ import annotations

from collections.abc import Collection

from madeus.checker.engine import Watch
from madeus.checker.engines.modular.kinds import Kind
from madeus.checker.engines.modular.search import Product, Search

Best = tuple[tuple[int, int, int], ...]
"""(cost, most places marked, state) for the costs at which there may be more of them."""


def widest(search: Search, places: Collection[int], watch: Watch) -> tuple[int, int, dict[int, int]]:
    """(how many of some places are marked at most, product, states). Raises Exhausted."""
    masks = [sum(1 << module.shifts[p] for p in places if p in module.shifts) for module in search.split.modules]
    known: dict[tuple[Kind, int, int], Best] = {}
    best, where = -1, 0
    for number in search.run(watch):
        product = search.products[number]
        most = (product.center & masks[0]).bit_count() + _most(search, product, masks, known)
        if most > best:
            best, where = most, number
    return best, where, _chosen(search, search.products[where], masks, known)


def _bests(search: Search, product: Product, masks: list[int], known: dict[tuple[Kind, int, int], Best]) -> list[Best]:
    found = []
    for kind, number, mask in zip(search.kinds, product.sets, masks[1:], strict=True):
        key = (kind, number, mask)
        best = known.get(key)
        if best is None:
            listed: list[tuple[int, int, int]] = []
            for cost, bits in enumerate(kind.sets[number]):
                counts = (((kind.states[s] & mask).bit_count(), -s) for s in range(len(kind.states)) if bits >> s & 1)
                most = max(counts, default=None)
                if most is not None and (not listed or most[0] > listed[-1][1]):
                    listed.append((cost, most[0], -most[1]))
            best = known[key] = tuple(listed)
        found.append(best)
    return found


def _most(search: Search, product: Product, masks: list[int], known: dict[tuple[Kind, int, int], Best]) -> int:
    table = _table(_bests(search, product, masks, known), search.left(product.center))[-1]
    return max(total for total, _ in table.values())


def _table(bests: list[Best], left: int) -> list[dict[int, tuple[int, int]]]:
    """After each island, by the cost so far: (how many, state of the last island)."""
    rows: list[dict[int, tuple[int, int]]] = [{0: (0, -1)}]
    for best in bests:
        row: dict[int, tuple[int, int]] = {}
        for spent, (total, _) in rows[-1].items():
            for cost, count, state in best:
                both = spent + cost
                if both <= left and (both not in row or row[both][0] < total + count):
                    row[both] = total + count, state
        rows.append(row)
    return rows


def _chosen(
    search: Search, product: Product, masks: list[int], known: dict[tuple[Kind, int, int], Best]
) -> dict[int, int]:
    bests = _bests(search, product, masks, known)
    rows = _table(bests, search.left(product.center))
    spent = max(rows[-1], key=lambda cost: rows[-1][cost][0])
    chosen: dict[int, int] = {}
    for island in range(len(bests) - 1, -1, -1):
        total, state = rows[island + 1][spent]
        chosen[island] = state
        cost, count = next((c, n) for c, n, s in bests[island] if s == state)
        spent -= cost
        assert rows[island][spent][0] == total - count
    return chosen
