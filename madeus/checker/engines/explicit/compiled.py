"""What the explicit engine works out of a system once, and when it changes its way of searching."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.canon import Canon, SetApart
from madeus.checker.engines.explicit.encoding import Encoding
from madeus.checker.engines.explicit.search import Found, Reduced, Search
from madeus.checker.engines.explicit.symmetry import Invariant, Orbit, Swap, find_orbits
from madeus.checker.engines.explicit.target import Condition, Conditions, Target, exchanged
from madeus.petri.translate import Translation

REDUCED = 40_000
"""States of a reduced search for a target after which a search of everything by whole levels is the better bet."""

PLAIN = 2_000
"""States of a search after which replicas are looked for."""

LARGEST = 20_000
"""Transitions of a net in which replicas are looked for."""

GAIN = 50
"""A search up to replicas may go on for at most so many times as many states before everything is searched instead."""


@dataclass(frozen=True)
class Compiled:
    """A system on integers."""

    translation: Translation
    search: Search
    conditions: Conditions
    symmetry: bool = True
    """Whether replicas may be used."""
    _orbits: list[tuple[Orbit, ...]] = field(default_factory=list)

    @property
    def orbits(self) -> tuple[Orbit, ...]:
        """The replicas, looked for once."""
        if not self._orbits:
            small = len(self.search.labels) <= LARGEST
            self._orbits.append(find_orbits(self.translation) if self.symmetry and small else ())
        return self._orbits[0]

    def find(self, target: Target, keep: Invariant, watch: Watch, most: int | None = None) -> Found:
        """A shortest run to a target, up to replicas once there are many states.

        keep: whether the target stays the same under an exchange. most: states after which a search of everything is better.
        Raises Exhausted.
        """
        limits = [limit for limit in (PLAIN, most) if limit is not None]
        found = self.search.find(target, watch, min(limits))
        if found.complete or found.path is not None:
            return found
        for canon in self.canons(keep):
            try:
                return self.search.find(
                    target, watch, None if most is None else most * min(GAIN, canon.orders), canon=canon
                )
            except SetApart:
                continue
        return self.search.find(target, watch, most)

    def plain(self, watch: Watch) -> Reduced:
        """The reduced graph, incomplete when it has many markings. Raises Exhausted."""
        return self.search.reduced(watch, PLAIN)

    def reduced(self, keep: Invariant, watch: Watch) -> Reduced | None:
        """The reduced graph up to replicas; None when there are none. keep: see ``find``. Raises Exhausted."""
        for canon in self.canons(keep):
            try:
                return self.search.reduced(watch, canon=canon)
            except SetApart:
                continue
        return None

    def fires_alike(self, fired: Iterable[int]) -> bool:
        """Whether all replicas are among those that take each of some steps."""
        labels = {label for t in fired if (label := self.search.labels[t]) is not None}
        for orbit in self.orbits:
            for role in zip(*orbit.components, strict=True):
                taken = [{label._replace(component="") for label in labels if label.component == name} for name in role]
                if any(steps != taken[0] for steps in taken):
                    return False
        return True

    def canons(self, keep: Invariant) -> tuple[Canon, ...]:
        """Ways to choose representatives, the ones with fewer of them first."""
        if not self.orbits:
            return ()
        made = (Canon(self.translation, self.encoding, self.orbits, keep, strict) for strict in (False, True))
        return tuple(canon for canon in made if canon.orders > 1)

    def keeping(self, condition: Condition) -> Invariant:
        """Exchanges under which a condition stays the same."""
        same = exchanged(condition, {})
        return lambda swap: exchanged(condition, swap) == same

    def sparing(self, components: Collection[str]) -> Invariant:
        """Exchanges that leave some components alone."""
        elements = self.translation.elements

        def keep(swap: Swap) -> bool:
            return not any(elements[place].component in components for place in swap)

        return keep

    @property
    def encoding(self) -> Encoding:
        """The net on integers."""
        return self.search.encoding
