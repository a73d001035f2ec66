"""All timed runs for one duration, by state classes, until one is wrong (compare ``timed.classes``)."""

from __future__ import annotations

from dataclasses import dataclass, field

from madeus.checker.engine import Watch
from madeus.checker.engines.parametric.dates import Dates
from madeus.checker.engines.parametric.projection import wrong_for
from madeus.checker.engines.parametric.sample import ZERO, Sample, Zone, begun
from madeus.checker.engines.parametric.span import Span
from madeus.checker.engines.timed.zone import MARK, NOW, START, equated, forget


@dataclass(frozen=True, slots=True)
class _Node:
    """A class; the goal holds in it or not, and MARK is the date since which it does."""

    marking: int
    good: bool
    zone: Zone = field(compare=False)
    enabled: frozenset[int]
    parent: int
    by: int


class Trial:
    """One duration that is tried. once: every run comes to the goal to stay, and is followed no further."""

    def __init__(self, dates: Dates, sample: Sample, once: bool) -> None:
        self.dates = dates
        self.sample = sample
        self.once = once
        self.search = dates.compiled.search
        self._least = {t: sample.affine(*low) for t, low in dates.least.items()}
        self._greatest = {t: None if high is None else sample.affine(*high) for t, high in dates.greatest.items()}
        self._timed = frozenset(dates.least)
        self._bound = sample.affine(dates.bound)
        self._nodes: list[_Node] = []
        self._waiting: list[int] = []
        """Classes to look at, the deepest last: runs that are wrong are known at their ends."""
        self._zones: dict[tuple[int, bool], list[Zone]] = {}

    def run(self, watch: Watch) -> tuple[bool, Span]:
        """Whether all runs keep the bound, and durations of which the same is true. Raises Exhausted."""
        zone: Zone = {(NOW, START): ZERO, (START, NOW): ZERO}
        start = self.dates.compiled.encoding.initial
        good = self.dates.good(start)
        if good:
            zone = equated(zone, MARK, NOW, ZERO)
        for t in self.search.start & self._timed:
            zone = begun(zone, t, self._least[t], self._greatest[t])
        self._nodes.append(_Node(start, good, zone, self.search.start, -1, -1))
        self._waiting.append(0)
        while self._waiting:
            watch.tick()
            at = self._waiting.pop()
            node = self._nodes[at]
            followed = not (self.once and node.good)
            if not (node.enabled and followed):
                late = self._wrong(node)
                if late is not None:
                    return False, wrong_for(self.dates, self._path(at), late, self.sample.at)
                continue
            for t in self._chosen(node):
                after = self._at(node, t)
                if after is not None:
                    self._add(at, node, t, after)
        return True, self.sample.alike

    def _wrong(self, node: _Node) -> bool | None:
        """Whether runs that end in a class may come too late (true) or too early (false); None: neither, which is kept."""
        dates, keep = self.dates, self.sample.keep
        if not node.good:
            return True if dates.upper else None
        bound, strict = self._bound, dates.strict
        if dates.upper:
            high = node.zone.get((MARK, START))
            if high is None or high[0] > bound[0] or (strict and high[0] == bound[0]):
                return True
            keep(bound[1] - high[1], -high[2], strict)
        if dates.early(node.marking):
            low = node.zone[(START, MARK)]
            if -low[0] < bound[0] or (strict and -low[0] == bound[0]):
                return False
            keep(-low[1] - bound[1], -low[2], strict)
        return None

    def _chosen(self, node: _Node) -> frozenset[int] | list[int]:
        """Urgent steps first where the order cannot matter."""
        search = self.search
        if search.reducible and not node.enabled <= self._timed:
            chosen = search.stubborn.choose(node.marking, node.enabled)
            if self._timed.isdisjoint(chosen):
                return chosen
        return node.enabled

    def _at(self, node: _Node, t: int) -> Zone | None:
        """The zone in which a transition takes place, NOW being its date; None when it cannot yet."""
        if t not in self._timed:
            return node.zone
        zone: Zone | None = node.zone
        for other in node.enabled & self._timed:
            if zone is not None and other != t:
                zone = self.sample.bounded(zone, t, other, ZERO)
        if zone is not None and not node.enabled <= self._timed:
            zone = self.sample.bounded(zone, t, NOW, ZERO)
        return None if zone is None else forget(equated(zone, NOW, t, ZERO), t)

    def _add(self, number: int, node: _Node, t: int, zone: Zone) -> None:
        after = node.marking + self.dates.compiled.encoding.delta[t]
        enabled = self.search.enabled_after(node.enabled, after, t)
        for gone in (node.enabled - enabled) & self._timed:
            zone = forget(zone, gone)
        for fresh in (enabled - node.enabled) & self._timed:
            zone = begun(zone, fresh, self._least[fresh], self._greatest[fresh])
        good = self.dates.good(after)
        if good and not node.good:
            zone = equated(zone, MARK, NOW, ZERO)
        elif node.good and not good:
            zone = forget(zone, MARK)
        known = self._zones.setdefault((after, good), [])
        if any(self.sample.includes(other, zone) for other in known):
            return
        known.append(zone)
        self._waiting.append(len(self._nodes))
        self._nodes.append(_Node(after, good, zone, enabled, number, t))

    def _path(self, number: int) -> list[int]:
        path: list[int] = []
        while self._nodes[number].parent >= 0:
            path.append(self._nodes[number].by)
            number = self._nodes[number].parent
        path.reverse()
        return path
