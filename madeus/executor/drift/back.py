"""Where a component may really be: the way that led to its places, walked back.

A step back takes the transitions whose ends came last off the way, and with them what cannot stay: those that began at the same
time at the same place (a fork goes back as a whole) and what came after.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from madeus.executor.effects import relied_on, standing
from madeus.model import ComponentType


class Standpoint(NamedTuple):
    """Places that a component may be at."""

    places: frozenset[str]
    effects: tuple[str, ...]
    """Transitions whose effect stands there, the latest end last."""


def way_back(kind: ComponentType, places: frozenset[str], ended: tuple[str, ...]) -> Iterator[Standpoint]:
    """Where the component may be, the latest first: where it is said to be, each step of the way back, its initial places.

    ended: transitions whose effect stands, the latest end last.
    """
    here: Standpoint | None = Standpoint(places, standing(kind, places, ended))
    seen: set[frozenset[str]] = set()
    while here is not None and here.places not in seen:
        yield here
        seen.add(here.places)
        here = _back(kind, here)
    initial = frozenset(kind.initial_places)
    if initial not in seen:
        yield Standpoint(initial, ())


def passed(kind: ComponentType, at: Standpoint) -> frozenset[str]:
    """Places on the way there that a behavior has passed through: neither where it began nor where the component is."""
    found: set[str] = set()
    pending = sorted(at.places)
    while pending:
        for name in _last(kind, at.effects, pending.pop()):
            source, behaviors = kind.transition[name].source, set(kind.transition[name].behaviors)
            before = _last(kind, at.effects, source)
            through = any(behaviors.intersection(kind.transition[t].behaviors) for t in before)
            if through and source not in found:
                found.add(source)
                pending.append(source)
    return frozenset(found) - at.places


def relied(kind: ComponentType, at: Standpoint) -> tuple[str, ...]:
    """Transitions whose effect is relied on there."""
    return relied_on(kind, at.places, at.effects)


def _back(kind: ComponentType, here: Standpoint) -> Standpoint | None:
    """One step back, or None where the way begins."""
    order = {name: k for k, name in enumerate(here.effects)}
    last = [_last(kind, here.effects, place) for place in here.places]
    latest = max((max(order[t] for t in found) for found in last if found), default=None)
    if latest is None:
        return None
    gone = _with_what_depends(kind, here.effects, here.effects[latest])
    transitions = [kind.transition[name] for name in gone]
    reached = {t.destination for t in transitions}
    begun = {t.source for t in transitions}
    left = tuple(t for t in here.effects if t not in gone)
    return Standpoint((here.places - reached) | (begun - reached), left)


def _last(kind: ComponentType, ended: tuple[str, ...], place: str) -> tuple[str, ...]:
    """The transitions by which a place was entered last: those of the station of the latest one."""
    into = [name for name in ended if kind.transition[name].destination == place]
    if not into:
        return ()
    last = kind.transition[into[-1]]
    stations, behaviors = set(kind.stations_of(last)), set(last.behaviors)
    return tuple(
        name
        for name in into
        if not stations.isdisjoint(kind.stations_of(kind.transition[name]))
        and not behaviors.isdisjoint(kind.transition[name].behaviors)
    )


def _with_what_depends(kind: ComponentType, ended: tuple[str, ...], name: str) -> set[str]:
    """A transition with those that cannot stand without it, and those that go back with it."""
    gone, pending = set[str](), [name]
    while pending:
        current = pending.pop()
        if current in gone:
            continue
        gone.add(current)
        own = kind.transition[current]
        behaviors = set(own.behaviors)
        pending += [t for t in ended if kind.transition[t].source == own.destination]
        pending += [
            t
            for t in ended
            if kind.transition[t].source == own.source and behaviors.intersection(kind.transition[t].behaviors)
        ]
        pending += [t for t in _last(kind, ended, own.destination) if current in _last(kind, ended, own.destination)]
    return gone
