"""The class of component types that the structural engine answers, decided from the text alone.

A deployment is *choice-free* when everything that happens happens in every run, each thing once, after a fixed set of others:
its runs are those of one event graph (a marked graph unrolled, Commoner et al. 1971). That is so when, looking at ``deploy``,

- a reachable place that is not initial is completed by one station only, an initial one by none (no place is entered twice),
  and no transition belongs to two stations;
- a use port is served by one definite event for each group of each provider it needs: the first token that the behavior never
  takes off again (see ``TypeTable.staying``). Before it the port is off or refuses; after it, it serves for ever, so nothing is
  ever kept from leaving a place.

Everything else is refused here, with the reason, and left to other engines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from madeus.model import DEFAULT_BEHAVIOR, ComponentType, PortKind, UsePort
from madeus.semantics import StepKind
from madeus.semantics.system import GroupTable, TypeTable

START = -1
"""Stands for the start: what happens there has no event."""
NEVER = -2
"""Stands for an event that no run has."""


class NotChoiceFree(Exception):
    """A deployment is outside of the class. reason: a phrase."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Local(NamedTuple):
    """An event of a component type."""

    kind: StepKind
    element: str
    station: str = ""


class Span(NamedTuple):
    """A token stands somewhere from one event to another; numbers of events, START or NEVER."""

    on: int
    off: int


@dataclass(frozen=True, slots=True)
class Shape:
    """The events of a component type while it deploys, in an order in which they may happen."""

    kind: ComponentType
    events: tuple[Local, ...]
    before: tuple[tuple[int, ...], ...]
    """For each event those of the same component that come right before it."""
    enter: dict[str, int]
    """Event by which each reachable place is entered; START for initial ones."""
    leave: dict[str, int]
    fire: dict[str, int]
    end: dict[str, int]
    taken: dict[str, int]
    """For each transition the event that takes the token from its input dock; a station that never completes has none."""
    served: dict[str, tuple[int, ...] | None]
    """For each provide port the events after which it serves for ever; None: nobody can tell one of several."""
    constant: dict[str, bool]
    """For each service whether it never goes from on to off."""
    needs: tuple[tuple[int, UsePort], ...]
    """Events that need a use port to be served."""
    held: tuple[UsePort, ...]
    """Use ports that are in use from the start."""

    def spans(self, holder: str, table: TypeTable) -> tuple[Span, ...]:
        """When a place or group holds a token: between the two events of at least one of these spans."""
        whole = table.group(holder)
        found = [Span(self.enter[p], self.leave.get(p, NEVER)) for p in sorted(whole.places) if p in self.enter]
        for name in sorted(whole.transitions):
            if name in self.fire:
                source = self.kind.transition[name].source
                found.append(Span(self.leave[source], self.taken.get(name, NEVER)))
        return tuple(found)


def shape(table: TypeTable) -> Shape:
    """The shape of a type. Raises NotChoiceFree."""
    kind = table.kind
    behavior = DEFAULT_BEHAVIOR if DEFAULT_BEHAVIOR in kind.behaviors else ""
    enter: dict[str, int] = dict.fromkeys(kind.initial_places, START)
    leave: dict[str, int] = {}
    fire: dict[str, int] = {}
    end: dict[str, int] = {}
    events: list[Local] = []
    before: list[tuple[int, ...]] = []

    def add(local: Local, *after: int) -> int:
        events.append(local)
        before.append(tuple(e for e in after if e != START))
        return len(events) - 1

    by_place: dict[str, list[str]] = {}
    missing: dict[str, int] = {}
    of_transition: dict[str, list[str]] = {}
    for (b, station), docks in kind.stations.items():
        if b == behavior:
            by_place.setdefault(kind.station_place[station], []).append(station)
            missing[station] = len(docks)
            for dock in docks:
                of_transition.setdefault(dock, []).append(station)
    pending = list(kind.initial_places)
    taken: dict[str, int] = {}
    at = 0
    while at < len(pending):
        place = pending[at]
        at += 1
        leaving = kind.outgoing.get((behavior, place), ())
        if not leaving:
            continue
        leave[place] = add(Local(StepKind.LEAVE, place), enter[place])
        for name in leaving:
            fire[name] = add(Local(StepKind.FIRE, name), leave[place])
            end[name] = add(Local(StepKind.END, name), fire[name])
            stations = of_transition[name]
            if len(stations) > 1:
                raise NotChoiceFree(f"transition {kind.name}.{name} belongs to several stations")
            station = stations[0]
            missing[station] -= 1
            if missing[station]:
                continue
            target = kind.station_place[station]
            if target in enter:
                raise NotChoiceFree(f"place {kind.name}.{target} may be entered more than once")
            docks = kind.stations[(behavior, station)]
            enter[target] = add(Local(StepKind.ENTER, target, station), *(end[t] for t in docks))
            taken.update(dict.fromkeys(docks, enter[target]))
            pending.append(target)
    needs = [(event, use) for t, event in fire.items() for use in kind.transition_uses.get(t, ())]
    held: list[UsePort] = []
    for use in table.holder_uses:
        places = {p for holder in use.holders for p in table.group(holder).places if p in enter}
        if any(enter[p] == START for p in places):
            held.append(use)
            stays = any(
                enter[p] == START and _staying(table, behavior, holder).places.issuperset((p,))
                for holder in use.holders
                for p in table.group(holder).places
                if p in enter
            )
            if stays:
                continue
        needs.extend((enter[p], use) for p in sorted(places) if enter[p] != START)
    served: dict[str, tuple[int, ...] | None] = {}
    constant: dict[str, bool] = {}
    made = Shape(
        kind, tuple(events), tuple(before), enter, leave, fire, end, taken, served, constant, tuple(needs), tuple(held)
    )
    after = _successors(made.before)
    for port in kind.provides:
        if port.kind is PortKind.DATA:
            served[port.name] = (enter.get(port.bound[0], NEVER),)
            constant[port.name] = True
        else:
            served[port.name] = _served(made, table, behavior, port.bound, after)
            constant[port.name] = all(_constant(made, table, behavior, holder) for holder in port.bound)
    return made


def _staying(table: TypeTable, behavior: str, holder: str) -> GroupTable:
    return table.staying(behavior, holder)


def _constant(made: Shape, table: TypeTable, behavior: str, holder: str) -> bool:
    places = {p for p in table.group(holder).places if p in made.enter}
    return places <= _staying(table, behavior, holder).places


def _served(
    made: Shape, table: TypeTable, behavior: str, bound: tuple[str, ...], after: list[list[int]]
) -> tuple[int, ...] | None:
    events: list[int] = []
    for holder in bound:
        first = _first(made, _staying(table, behavior, holder), after)
        if first is None:
            return None
        events.append(first)
    return tuple(events)


def _first(made: Shape, staying: GroupTable, after: list[list[int]]) -> int | None:
    """The event that brings the first token that stays; None when several may."""
    entries = [made.enter[p] for p in staying.places if p in made.enter]
    if not entries:
        return NEVER
    first = min(entries)  # events are numbered in an order in which they may happen; START is the least
    if first == START or len(entries) == 1:
        return first
    reached = {first}
    pending = [first]
    while pending:
        for event in after[pending.pop()]:
            if event not in reached:
                reached.add(event)
                pending.append(event)
    return first if reached.issuperset(entries) else None


def _successors(before: tuple[tuple[int, ...], ...]) -> list[list[int]]:
    after: list[list[int]] = [[] for _ in before]
    for event, earlier in enumerate(before):
        for e in earlier:
            after[e].append(event)
    return after
