"""State classes (Berthomieu, Menasche 1983; Berthomieu, Diaz 1991): a marking, and the zone of the dates of what runs.

Urgent transitions take place at the date of the step before them; an END at a date within its interval after its FIRE, and no
later than any other running transition has to end. The order is reduced where it cannot matter: when a stubborn set has
urgent transitions alone, they are taken first, since no time passes before they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from math import inf

from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.compiled import Compiled
from madeus.checker.engines.timed.zone import MARK, NOW, START, Zone, bounded, equated, forget, includes
from madeus.semantics import StepKind


class Mark(Enum):
    """What becomes of the date that the question remembers."""

    KEEP = "keep"
    SET = "set"
    """It is the date of this step."""
    DROP = "drop"


Change = Callable[[int, int], tuple[int, Mark]]
"""(memory, marking after the step) -> (memory after it, what becomes of MARK)."""


@dataclass(frozen=True, slots=True)
class Node:
    """A class: where it came from, and what it is."""

    marking: int
    memory: int
    zone: Zone = field(compare=False)
    enabled: frozenset[int]
    parent: int
    by: int
    """Transition that led here; -1 for the first."""


class Classes:
    """The state classes of a system.

    absolute: whether the date of the start is kept; needs a system whose runs all end, or come to where they are not followed.
    last: the memory with which a run is not followed any more; None: there is none.
    """

    def __init__(
        self, compiled: Compiled, change: Change, memory: int, absolute: bool, last: int | None = None
    ) -> None:
        self.compiled = compiled
        self.last = last
        self.change = change
        net = compiled.encoding.net
        self.intervals = net.intervals
        self.ending = frozenset(
            t for t, label in enumerate(net.labels) if label is not None and label.kind in (StepKind.END, StepKind.FAIL)
        )
        zone: Zone = {(NOW, START): 0.0, (START, NOW): 0.0} if absolute else {}
        self.nodes = [Node(compiled.encoding.initial, memory, zone, compiled.search.start, -1, -1)]
        self.ends: list[int] = []
        self._zones: dict[tuple[int, int], list[Zone]] = {}

    def explore(self, watch: Watch) -> Iterator[int]:
        """Every class, by number, in breadth-first order. Raises Exhausted."""
        at = 0
        while at < len(self.nodes):
            watch.tick()
            yield at
            node = self.nodes[at]
            alive = False
            for t in self._chosen(node) if node.memory != self.last else ():
                zone = self._at(node, t)
                if zone is None:
                    continue
                alive = True
                self._add(at, node, t, zone)
            if not alive:
                self.ends.append(at)
            at += 1

    def _chosen(self, node: Node) -> frozenset[int] | list[int]:
        search = self.compiled.search
        if search.reducible and not node.enabled <= self.ending:
            chosen = search.stubborn.choose(node.marking, node.enabled)
            if self.ending.isdisjoint(chosen):
                return chosen
        return node.enabled

    def _at(self, node: Node, t: int) -> Zone | None:
        """The zone in which a transition takes place, NOW being its date; None when it cannot yet."""
        if t not in self.ending:
            return node.zone
        zone: Zone | None = node.zone
        for other in node.enabled & self.ending:
            if zone is not None and other != t:
                zone = bounded(zone, t, other, 0.0)
        if zone is not None and not node.enabled <= self.ending:
            zone = bounded(zone, t, NOW, 0.0)
        return None if zone is None else forget(equated(zone, NOW, t, 0.0), t)

    def _add(self, number: int, node: Node, t: int, zone: Zone) -> None:
        search = self.compiled.search
        after = node.marking + self.compiled.encoding.delta[t]
        enabled = search.enabled_after(node.enabled, after, t)
        for gone in (node.enabled - enabled) & self.ending:
            zone = forget(zone, gone)
        for fresh in (enabled - node.enabled) & self.ending:
            interval = self.intervals[fresh]
            zone = equated(zone, fresh, NOW, 0.0)
            del zone[(fresh, NOW)]
            zone = _between(zone, fresh, interval.minimum, interval.maximum)
        memory, mark = self.change(node.memory, after)
        if mark is Mark.SET:
            zone = equated(zone, MARK, NOW, 0.0)
        elif mark is Mark.DROP:
            zone = forget(zone, MARK)
        known = self._zones.setdefault((after, memory), [])
        if any(includes(other, zone) for other in known):
            return
        known.append(zone)
        self.nodes.append(Node(after, memory, zone, enabled, number, t))

    def path(self, number: int) -> list[int]:
        """Transitions that led to a class."""
        path: list[int] = []
        while self.nodes[number].parent >= 0:
            path.append(self.nodes[number].by)
            number = self.nodes[number].parent
        path.reverse()
        return path


def _between(zone: Zone, date: int, low: float, high: float) -> Zone:
    """A date that was just made equal to NOW, moved to lie low to high after it."""
    made: Zone = {}
    for (x, y), bound in zone.items():
        if date not in (x, y):
            made[(x, y)] = bound
    for (x, y), bound in zone.items():
        if x == NOW and y != date and high < inf:
            made[(date, y)] = bound + high
        if y == NOW and x != date:
            made[(x, date)] = bound - low
    if high < inf:
        made[(date, NOW)] = high
    made[(NOW, date)] = -low
    return made
