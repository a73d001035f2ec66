"""A component type as bits: its places, transitions in flight and values, for exploring one component by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from madeus.model import ComponentType, UsePort
from madeus.petri.translate.outline import Course
from madeus.semantics.system import GroupTable, TypeTable


class Leave(NamedTuple):
    """LEAVE of a place by a behavior."""

    behavior: str
    place: str
    take: int
    docks: int
    """Bits of the transitions that get a token."""


class Enter(NamedTuple):
    """ENTER of a place by a station of a behavior."""

    behavior: str
    station: str
    place: str
    docks: int
    make: int
    value: int
    """Bit of the place's data ports; 0 when it has none."""


class Shape:
    """Bits of one component type, and its local steps by behavior.

    A transition in flight is one bit: output dock, body, failed body and input dock belong to the same groups, so ports cannot
    tell them apart.
    """

    def __init__(self, table: TypeTable) -> None:
        self.table = table
        kind = self.kind = table.kind
        names = [p.name for p in kind.places]
        self.place_bit = {name: 1 << i for i, name in enumerate(names)}
        self.transition_bit = {t.name: 1 << (len(names) + i) for i, t in enumerate(kind.transitions)}
        first = len(names) + len(kind.transitions)
        # The values of an initial place's ports are there as soon as the component is.
        produced = [p for p in names if p in kind.produced and not kind.place[p].initial]
        self.value_bit = {name: 1 << (first + i) for i, name in enumerate(produced)}
        self.places_mask = (1 << len(names)) - 1
        self.flight_mask = sum(self.transition_bit.values())
        self.initial = sum(self.place_bit[p] for p in kind.initial_places)
        self.leaves: dict[str, list[Leave]] = {b: [] for b in kind.behaviors}
        for (behavior, place), docks in kind.outgoing.items():
            bits = self.transitions_mask(docks)
            self.leaves.setdefault(behavior, []).append(Leave(behavior, place, self.place_bit[place], bits))
        self.enters: dict[str, list[Enter]] = {b: [] for b in kind.behaviors}
        for (behavior, station), docks in kind.stations.items():
            place = kind.station_place[station]
            enter = Enter(
                behavior,
                station,
                place,
                self.transitions_mask(docks),
                self.place_bit[place],
                self.value_bit.get(place, 0),
            )
            self.enters.setdefault(behavior, []).append(enter)
        self.leaving: dict[str, int] = {b: sum(leave.take for leave in steps) for b, steps in self.leaves.items()}
        self._masks: dict[tuple[str, str | None], int] = {}

    def start(self, course: Course) -> int:
        """Bits of a component that exists where the runs of a course begin."""
        if course.marked is None:
            return self.initial
        return sum(self.place_bit[p] for p in course.marked) | sum(self.value_bit[p] for p in course.values)

    def sources(self, flight: int) -> int:
        """Bits of the places that tokens in flight came from."""
        bits = 0
        for name, bit in self.transition_bit.items():
            if bit & flight:
                bits |= self.place_bit[self.kind.transition[name].source]
        return bits

    def transitions_mask(self, transitions: Sequence[str]) -> int:
        """Bits of some transitions."""
        return sum(self.transition_bit[t] for t in transitions)

    def group(self, name: str, behavior: str | None = None) -> int:
        """Bits where a token counts as being in a group; with a behavior: only where one also stays while it runs."""
        mask = self._masks.get((name, behavior))
        if mask is None:
            table = self.table.group(name) if behavior is None else self.table.staying(behavior, name)
            mask = self._masks[(name, behavior)] = self._mask(table)
        return mask

    def holders(self, use: UsePort) -> int:
        """Bits where a token puts a holder-bound use port in use."""
        mask = 0
        for holder in use.holders:
            mask |= self.group(holder)
        return mask

    def is_active(self, service: str, state: int) -> bool:
        """Whether a service is active in a state given as bits."""
        return all(state & self.group(g) for g in self.kind.provide[service].bound)

    def is_serving(self, service: str, behavior: str | None, state: int) -> bool:
        """Whether a service is active and does not refuse while a behavior (None: no one) is the head of the queue."""
        if behavior is None:
            return self.is_active(service, state)
        return all(state & self.group(g, behavior) for g in self.kind.provide[service].bound)

    def _mask(self, table: GroupTable) -> int:
        return sum(self.place_bit[p] for p in table.places) | self.transitions_mask(tuple(table.transitions))


def is_declared(kind: ComponentType, behavior: str) -> bool:
    """Whether a type declares a behavior, so that it may be pushed."""
    return behavior in kind.behaviors
