"""Components in which nothing happens twice: one push, no cycle, one station for each place that is entered.

That is the plain Madeus deployment (J20): locally a marked graph without cycles, whatever its width. Linear time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from madeus.petri.translate.facts import Event, Facts, Finish, Predicate
from madeus.petri.translate.outline import Course
from madeus.petri.translate.shape import Enter, Shape


@dataclass(frozen=True)
class OnceFacts(Facts):
    """Answers from the order of events, each of which happens at most once."""

    start: int = 0
    """Places that hold a token at the start."""
    reached: int = 0
    """Places that may hold a token."""
    events: frozenset[Event] = frozenset()
    final: tuple[str, ...] = ()
    """Places that the behavior ends on, all of them."""
    stuck: bool = False
    """Whether a station is never complete, so that the behavior never finishes."""
    entered: dict[str, Enter] = field(default_factory=dict)
    """Place -> the event that enters it."""

    def happens(self, event: Event) -> bool:
        return event in self.events

    def pairs(self, events: Iterable[Event], predicate: Predicate) -> frozenset[tuple[bool, bool]] | None:
        return frozenset() if not any(event in self.events for event in events) else None

    def finish(self, number: int) -> Finish:
        return Finish(never=True) if self.stuck else Finish(read=self.final)

    def latch(self, mask: int) -> Event | None:
        if mask & self.start or not self._lasts(mask):
            return None
        outside = [e for p, e in self.entered.items() if mask & self.shape.place_bit[p] and not mask & e.docks]
        return ("enter", outside[0].behavior, outside[0].station) if len(outside) == 1 else None

    def _lasts(self, mask: int) -> bool:
        """Whether every leave of a place among the bits keeps a token among them."""
        leaves = self.shape.leaves.get(self.behaviors[0], ())
        return all(mask & leave.docks for leave in leaves if mask & leave.take)


def once(shape: Shape, course: Course) -> OnceFacts | None:
    """The facts of a component in which nothing happens twice; None: something may."""
    kind = shape.kind
    if len(course.pushes) != 1 or course.removable or course.additions > (not course.initial):
        return None
    if course.pushes[0].recovery is not None:
        return None
    behavior = course.pushes[0].behavior
    enters = {enter.place: enter for enter in shape.enters.get(behavior, ())}
    start = shape.start(course)
    if len(enters) < len(shape.enters.get(behavior, ())) or any(start & (e.make | e.value) for e in enters.values()):
        return None
    docks = [t for enter in enters.values() for t in kind.stations[(behavior, enter.station)]]
    if len(set(docks)) < len(docks):
        return None
    return _walk(shape, behavior, enters, start & shape.places_mask)


def _walk(shape: Shape, behavior: str, enters: dict[str, Enter], start: int) -> OnceFacts | None:
    kind = shape.kind
    missing = {place: enter.docks for place, enter in enters.items()}
    waiting = [place for place, bit in shape.place_bit.items() if bit & start]
    reached = start
    events: set[Event] = {("push", 0, 0), ("finish", 0, -1)}
    final: list[str] = []
    entered: dict[str, Enter] = {}
    while waiting:
        place = waiting.pop()
        leaving = kind.outgoing.get((behavior, place), ())
        if not leaving:
            final.append(place)
            continue
        events.add(("leave", behavior, place))
        for name in leaving:
            destination = kind.transition[name].destination
            missing[destination] &= ~shape.transition_bit[name]
            if not missing[destination] and destination not in entered:
                entered[destination] = enter = enters[destination]
                events.add(("enter", behavior, enter.station))
                reached |= enter.make
                waiting.append(destination)
    # An enter that is reached has all its docks from places that are reached: a cycle is never entered.
    stuck = any(kind.transition[t].destination not in entered for t in _moved(shape, behavior, reached))
    return OnceFacts(
        shape,
        (behavior,),
        once=True,
        start=start,
        reached=reached,
        events=frozenset(events),
        final=tuple(sorted(final)),
        stuck=stuck,
        entered=entered,
    )


def _moved(shape: Shape, behavior: str, reached: int) -> Iterable[str]:
    for name in (p for p, bit in shape.place_bit.items() if bit & reached):
        yield from shape.kind.outgoing.get((behavior, name), ())
