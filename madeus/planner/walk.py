"""The best way of one component from rest to rest that does what is asked of it.

A search for a shortest path over (rest, what has been done so far). What is short, in this order: services lost for good; not
coming back to where it was; how often services go off, and for how long; seconds; instructions.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

from madeus.planner.life import Lives, Move, Places
from madeus.planner.target import Unit


@dataclass(frozen=True)
class Asked:
    """What is asked of a unit. Equal ones have equal answers."""

    marked: frozenset[str] = frozenset()
    """Places at the end."""
    once: frozenset[str] = frozenset()
    """Behaviors on the way."""
    serve: frozenset[str] = frozenset()
    """Services that are active at the end."""
    visit: frozenset[str] = frozenset()
    """Services each of which is active at some rest on the way."""
    idle: frozenset[str] = frozenset()
    """Use ports that are not in use at the end."""
    off: frozenset[str] = frozenset()
    """Use ports none of which is in use at some rest on the way: its valley."""
    produce: frozenset[str] = frozenset()
    """Data provide ports that have got a value."""
    keep: frozenset[str] = frozenset()
    """Services that must not go off on the way."""
    avoid: frozenset[str] = frozenset()
    """Use ports that cannot be served any more: no move may take them."""


@dataclass(frozen=True)
class Walk:
    """Moves one after another."""

    start: Places
    moves: tuple[Move, ...]
    valley: int
    """After so many moves the use ports that had to be let go are."""

    @property
    def end(self) -> Places:
        """Marked places at the end."""
        return self.moves[-1].target if self.moves else self.start

    def rest(self, number: int) -> Places:
        """Marked places after so many moves."""
        return self.moves[number - 1].target if number else self.start


Cost = tuple[int, float, float, int]


class Walks:
    """Searches for walks, each done once."""

    def __init__(self, lives: Lives) -> None:
        self.lives = lives
        self._known: dict[tuple[object, ...], Walk | None] = {}

    def find(self, unit: Unit, missed: frozenset[str], asked: Asked) -> Walk | None:
        """The best walk of a unit, or None. missed: services of it that somebody misses when they are off."""
        key = (unit.type, unit.start, unit.home, unit.data, unit.added or unit.deleted, missed, asked)
        if key not in self._known:
            self._known[key] = self._search(unit, missed, asked)
        return self._known[key]

    def _search(self, unit: Unit, missed: frozenset[str], asked: Asked) -> Walk | None:
        lives, type_name, start, home = self.lives, unit.type, unit.start, unit.home
        stays = not (unit.added or unit.deleted)
        served_before = lives.rest(type_name, start).serving if stays else frozenset()
        node = _Node(
            start,
            asked.once,
            asked.produce - unit.data,
            self._let_go(type_name, start, asked),
            asked.visit - lives.rest(type_name, start).serving,
        )
        best: dict[_Node, Cost] = {node: (0, 0.0, 0.0, 0)}
        back: dict[_Node, tuple[_Node, Move]] = {}
        heap: list[tuple[Cost, int, _Node]] = [((0, 0.0, 0.0, 0), 0, node)]
        done: set[_Node] = set()
        found: tuple[tuple[int, int, Cost], _Node] | None = None
        count = 0
        while heap:
            cost, _, node = heappop(heap)
            if node in done:
                continue
            done.add(node)
            rest = lives.rest(type_name, node.places)
            if (
                not node.once
                and not node.produce
                and node.low
                and not node.visit
                and asked.marked <= node.places
                and asked.serve <= rest.serving
                and not asked.idle & rest.using
            ):
                away = int(home is not None and node.places != home)
                total = (len(served_before - rest.serving), away, cost)
                if found is None or total < found[0]:
                    found = (total, node)
                if total[:2] == (0, 0):
                    break
            for move in lives.moves(type_name, node.places):
                if move.drops & asked.keep or move.takes & asked.avoid:
                    continue
                low = node.low or self._let_go(type_name, move.target, asked)
                visit = node.visit - lives.rest(type_name, move.target).serving
                once = node.once - {move.behavior}
                nxt = _Node(move.target, once, node.produce.difference(move.phases.produced), low, visit)
                off = len(served_before & missed - lives.rest(type_name, move.target).serving)
                step = (
                    cost[0] + len(move.drops & missed),
                    cost[1] + move.duration * max(off, len(move.drops & missed)),
                    cost[2] + move.duration,
                    cost[3] + 1,
                )
                if nxt not in done and (nxt not in best or step < best[nxt]):
                    best[nxt] = step
                    back[nxt] = (node, move)
                    count += 1
                    heappush(heap, (step, count, nxt))
        if found is None:
            return None
        moves: list[Move] = []
        node, valley = found[1], 0
        while node in back:
            node, move = back[node]
            moves.append(move)
            if not node.low:
                valley += 1
        return Walk(start, tuple(reversed(moves)), valley)

    def _let_go(self, type_name: str, places: Places, asked: Asked) -> bool:
        return not asked.off & self.lives.rest(type_name, places).using


@dataclass(frozen=True, slots=True)
class _Node:
    places: Places
    once: frozenset[str]
    """Behaviors still to be executed."""
    produce: frozenset[str]
    low: bool
    """Whether the valley has been passed."""
    visit: frozenset[str]
    """Services still to be active at some rest."""
