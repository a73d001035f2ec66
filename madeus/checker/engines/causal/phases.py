"""What a behavior does to the ports of its component, as definite events of the unrolled behavior.

A provide port that serves when the behavior begins may refuse from then on, go off at one LEAVE and serve again after some
ENTERs; a use port is taken and released. Where no single event can be named the behavior is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from madeus.checker.engines.causal.unroll import BEGIN, NotCausal, Unrolled
from madeus.model import PortKind, UsePort
from madeus.semantics.system import GroupTable


class Turn(NamedTuple):
    """What happens to a service between BEGIN and FINISH."""

    before: bool
    """Whether it serves at rest before."""
    refuses: bool
    """Whether it served and takes no new user from BEGIN on."""
    drop: int | None
    """The LEAVE that takes it off, for which its users have to be gone."""
    raised: tuple[int, ...]
    """Events after which it serves (again)."""
    after: bool
    """Whether it serves at rest after."""


class Hold(NamedTuple):
    """A use port is in use from one event to another."""

    taken: int | None
    """None: it is in use before."""
    released: int | None
    """None: it is in use after."""


@dataclass(frozen=True, slots=True)
class Phases:
    """An unrolled behavior and what it does to the ports."""

    events: Unrolled
    turns: dict[str, Turn]
    """By service provide port."""
    holds: dict[str, tuple[Hold, ...]]
    """By use port, in order; none when it is never in use."""
    produced: dict[str, int]
    """By data provide port the event by which it gets its value."""


def phases(events: Unrolled) -> Phases:
    """The phases of a behavior. Raises NotCausal."""
    kind = events.table.kind
    turns = {name: _turn(events, name) for name in events.table.services}
    holds = {use.name: _holds(events, use) for use in kind.uses}
    produced = {
        port.name: events.enter[port.bound[0]]
        for port in kind.provides
        if port.kind is PortKind.DATA and events.enter.get(port.bound[0], BEGIN) != BEGIN
    }
    return Phases(events, turns, holds, produced)


def marked(events: Unrolled, holders: tuple[str, ...], places: frozenset[str]) -> bool:
    """Whether one of some places and groups holds a token when the component rests at some places."""
    groups = (events.table.group(holder) for holder in holders)
    return any(not places.isdisjoint(group.places) for group in groups)


def _turn(events: Unrolled, port: str) -> Turn:
    table = events.table
    groups = table.bound_groups[port]
    staying = table.staying_groups(events.behavior, port)
    before = all(not events.source.isdisjoint(g.places) for g in groups)
    after = all(not events.target.isdisjoint(g.places) for g in groups)
    if all(not events.source.isdisjoint(g.places) for g in staying):
        return Turn(before, False, None, (), after)
    raised: list[int] = []
    if after:
        raised = [_first(events, group, port) for group in staying]
    drop = _drop(events, port, groups) if before else None
    return Turn(before, before, drop, tuple(r for r in raised if r != BEGIN), after)


def _first(events: Unrolled, group: GroupTable, port: str) -> int:
    """The event that brings the first token that stays in a group."""
    entries = sorted(events.enter[p] for p in group.places if p in events.enter)
    first = entries[0]
    if not all(events.precedes(first, other) for other in entries):
        raise NotCausal(f"several places may bring {events.table.kind.name}.{port} up")
    return first


def _drop(events: Unrolled, port: str, groups: tuple[GroupTable, ...]) -> int:
    candidates = [
        (events.leave[place], group)
        for group in groups
        for place in group.places
        if place in events.leave and not _inner(events, place, group.transitions)
    ]
    if not candidates:
        raise NotCausal(f"nothing takes {events.table.kind.name}.{port} off")
    drop, group = min(candidates, key=lambda found: found[0])
    ordered = all(events.precedes(drop, other) for other, _ in candidates)
    if not ordered or not _clear(events, drop, group.places, group.transitions):
        raise NotCausal(f"several tokens keep {events.table.kind.name}.{port} on")
    return drop


def _holds(events: Unrolled, use: UsePort) -> tuple[Hold, ...]:
    if use.transitions:
        bound = sorted((events.fire[t], events.end[t]) for t in use.transitions if t in events.fire)
        return tuple(Hold(*pair) for pair in bound)
    return held(events, use.name, use.holders)


def held(events: Unrolled, port: str, holders: tuple[str, ...]) -> tuple[Hold, ...]:
    """When one of the places and groups that a port is bound to holds a token. Raises NotCausal."""
    table = events.table
    groups = [table.group(holder) for holder in holders]
    places = frozenset().union(*(g.places for g in groups))
    inner = frozenset().union(*(g.transitions for g in groups))
    before = marked(events, holders, events.source)
    taking = [
        events.enter[p] for p in places if events.enter.get(p, BEGIN) != BEGIN and not _from_inside(events, p, inner)
    ]
    releasing = [events.leave[p] for p in places if p in events.leave and not _inner(events, p, inner)]
    chain = sorted([(number, True) for number in taking] + [(number, False) for number in releasing])
    found: list[Hold] = []
    taken: int | None = None
    previous: int | None = None
    for number, takes in chain:
        alternates = takes != before and (previous is None or events.precedes(previous, number))
        if not alternates or not _clear(events, number, places, inner, entering=takes):
            raise NotCausal(f"several tokens hold {table.kind.name}.{port}")
        if takes:
            taken = number
        else:
            found.append(Hold(taken, number))
            taken = None
        before, previous = takes, number
    if before != marked(events, holders, events.target):
        raise NotCausal(f"several tokens hold {table.kind.name}.{port}")
    if before:
        found.append(Hold(taken, None))
    return tuple(found)


def _inner(events: Unrolled, place: str, inner: frozenset[str]) -> bool:
    """Whether a leave of a place puts a token on a dock that still counts."""
    return any(t in inner for t in events.table.kind.outgoing[(events.behavior, place)])


def _from_inside(events: Unrolled, place: str, inner: frozenset[str]) -> bool:
    """Whether a place is entered from a dock that counts already."""
    station = events.events[events.enter[place]].station
    return any(t in inner for t in events.table.kind.stations[(events.behavior, station)])


def _clear(events: Unrolled, at: int, places: Iterable[str], inner: frozenset[str], entering: bool = False) -> bool:
    """Whether, whatever the order of the other events, no token is in a group right after a LEAVE or before an ENTER."""
    for place in places:
        entered = events.enter.get(place)
        if entered is None:
            continue
        if entered == at or (entered != BEGIN and events.precedes(at, entered)):
            continue
        left = events.leave.get(place)
        if not events.precedes(entered, at) or left is None or not events.precedes(left, at):
            return False
        if left == at:
            continue
        for name in events.table.kind.outgoing[(events.behavior, place)]:
            if name not in inner:
                continue
            arrived = events.enter.get(events.table.kind.transition[name].destination)
            if arrived is None or not events.precedes(arrived, at) or (entering and arrived == at):
                return False
    return True
