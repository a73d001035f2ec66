"""One behavior of one component, unrolled: its events and which come before which (a marked graph, Commoner et al. 1971).

A behavior that is pushed to a component at rest is *choice-free* when every place is entered once at most, by one station that
is always completed, and no transition belongs to two stations. Then, ports aside, every run of it has the same events, each
after the same others, and ends at the same places. Everything else is refused here, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from madeus.semantics import StepKind
from madeus.semantics.system import TypeTable

BEGIN = 0
"""Number of the event that is no step: the behavior becomes the head of its component's queue."""


class NotCausal(Exception):
    """Something is outside of the class that is answered. reason: a phrase."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Local(NamedTuple):
    """An event of a behavior; its kind and names are those of its step."""

    kind: StepKind
    element: str
    station: str = ""


@dataclass(frozen=True)
class Unrolled:
    """The events of a behavior, in an order in which they may happen. The first is BEGIN, the last the FINISH."""

    table: TypeTable
    behavior: str
    source: frozenset[str]
    """Marked places before."""
    target: frozenset[str]
    """Marked places after."""
    events: tuple[Local, ...]
    """At BEGIN stands the FINISH once more, so that numbers agree."""
    before: tuple[tuple[int, ...], ...]
    """For each event those that come right before it."""
    enter: dict[str, int]
    """Event by which each place is entered; BEGIN for those marked before."""
    leave: dict[str, int]
    fire: dict[str, int]
    end: dict[str, int]

    @property
    def finish(self) -> int:
        """Number of the FINISH."""
        return len(self.events) - 1

    @cached_property
    def number(self) -> dict[Local, int]:
        """Number of each step."""
        return {event: number for number, event in enumerate(self.events)}

    @cached_property
    def past(self) -> tuple[int, ...]:
        """For each event the set of those before it, itself included, as the bits of an integer."""
        found: list[int] = []
        for number, direct in enumerate(self.before):
            mask = 1 << number
            for event in direct:
                mask |= found[event]
            found.append(mask)
        return tuple(found)

    def precedes(self, first: int, second: int) -> bool:
        """Whether an event comes before another one, or is that one."""
        return bool(self.past[second] >> first & 1)

    @property
    def moves(self) -> bool:
        """Whether any transition fires."""
        return bool(self.fire)

    def duration(self, seconds: dict[str, float]) -> float:
        """Time from BEGIN to FINISH when nothing is waited for. seconds: duration of each transition."""
        at = [0.0] * len(self.events)
        for number, direct in enumerate(self.before):
            time = max((at[event] for event in direct), default=0.0)
            event = self.events[number]
            at[number] = time + (seconds[event.element] if event.kind is StepKind.END else 0.0)
        return at[-1]


def unroll(table: TypeTable, places: frozenset[str], behavior: str) -> Unrolled:
    """The events of a behavior from a rest at some places. Raises NotCausal."""
    kind = table.kind
    enter: dict[str, int] = dict.fromkeys(places, BEGIN)
    leave: dict[str, int] = {}
    fire: dict[str, int] = {}
    end: dict[str, int] = {}
    finish = Local(StepKind.FINISH, behavior)
    events: list[Local] = [finish]
    before: list[tuple[int, ...]] = [()]
    missing: dict[str, int] = {}
    pending = sorted(places)

    def add(local: Local, *after: int) -> int:
        events.append(local)
        before.append(after)
        return len(events) - 1

    while pending:
        place = pending.pop(0)
        leaving = kind.outgoing.get((behavior, place), ())
        if not leaving:
            continue
        leave[place] = add(Local(StepKind.LEAVE, place), enter[place])
        for name in leaving:
            fire[name] = add(Local(StepKind.FIRE, name), leave[place])
            end[name] = add(Local(StepKind.END, name), fire[name])
            stations = kind.stations_of(kind.transition[name])
            if len(stations) > 1:
                raise NotCausal(f"transition {kind.name}.{name} belongs to several stations")
            station = stations[0]
            docks = kind.stations[(behavior, station)]
            missing[station] = missing.get(station, len(docks)) - 1
            if missing[station]:
                continue
            target = kind.station_place[station]
            if target in enter:
                raise NotCausal(f"behavior {kind.name}.{behavior} enters {target} twice")
            enter[target] = add(Local(StepKind.ENTER, target, station), *(end[t] for t in docks))
            pending.append(target)
    stuck = next((station for station, count in missing.items() if count), None)
    if stuck is not None:
        raise NotCausal(f"the join at {kind.name}.{kind.station_place[stuck]} never completes in {behavior}")
    final = frozenset(p for p in enter if p not in leave)
    add(finish, *dict.fromkeys(enter[p] for p in sorted(final)), *(() if final else (BEGIN,)))
    return Unrolled(table, behavior, places, final, tuple(events), tuple(before), enter, leave, fire, end)
