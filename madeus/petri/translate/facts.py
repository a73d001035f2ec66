"""What is always true of one component, whatever the others do: it decides how small its part of the net can be.

Two analyses answer the same questions. ``explore`` enumerates the states of the component alone, with every port taken for
served: more than it can really reach, never less. Where there are too many, ``once.once`` looks whether nothing can happen
twice (the plain Madeus deployment). When neither applies, nothing is known and the net keeps the general form.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple, TypeVar

from madeus.petri.translate.outline import ELSEWHERE, Cause, Course
from madeus.petri.translate.shape import Shape, is_declared

Event = tuple[str, str | int, str | int]
"""("leave", behavior, place), ("enter", behavior, station), ("push", number, 0), ("finish", number, next number or -1), or
("recover", number, what is in flight and, where another component recovers, the next number or -1; see ``recovering``)."""


def recovering(number: int, flight: int, following: int | None = None) -> Event:
    """The event that push ``number`` is abandoned with these transitions in flight.

    following: the push that becomes the head, -1 for none; None: the one that takes its place.
    """
    return ("recover", number, f"{flight}" if following is None else f"{flight}>{following}")


class State(NamedTuple):
    """A state of one component."""

    phase: int
    """Number of the push at the head of the queue, or -1 - k with an empty queue after push number k - 1."""
    bits: int


Answer = TypeVar("Answer")

Predicate = Callable[[State], bool]


class Change(Enum):
    """What an event does to a predicate, whenever it happens."""

    SAME = auto()
    UP = auto()
    DOWN = auto()
    MIXED = auto()
    """It depends on the state."""


class Finish(NamedTuple):
    """When a behavior may finish."""

    read: tuple[str, ...] | None = None
    """Places that all hold a token exactly when it may; None: when no place and transition of ``clear`` holds one."""
    clear: int = 0
    never: bool = False


@dataclass(frozen=True)
class Facts:
    """Answers about a component of one type on one course."""

    shape: Shape
    behaviors: tuple[str, ...]
    """Behavior of each push."""
    clashing: int = 0
    """Bits of the places that a second token may come to."""
    crowded: bool = False
    """Whether two tokens may be on their way by the same transition, so that anything may clash."""
    once: bool = False
    """Whether no event happens twice."""

    _answers: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    def remembered(self, question: object, answer: Callable[[], Answer]) -> Answer:
        """The answer to a question that is the same for all components with these facts, found once."""
        if question not in self._answers:
            self._answers[question] = answer()
        found: Answer = self._answers[question]
        return found

    def happens(self, event: Event) -> bool:
        """Whether an event may happen at all."""
        return True

    def pairs(self, events: Iterable[Event], predicate: Predicate) -> frozenset[tuple[bool, bool]] | None:
        """The predicate before and after the events, wherever they happen; None: not known."""
        return None

    def maximum(self, mask: int) -> int | None:
        """The largest number of tokens on some bits; None: not known."""
        return 1 if mask & (mask - 1) == 0 and mask & self.shape.places_mask else None

    def always_equal(self, left: Predicate, right: Predicate) -> bool:
        """Whether two predicates are known to agree in every state."""
        return False

    def latch(self, mask: int) -> Event | None:
        """The one event after which some bits always hold a token, and before which never; None: there is not one."""
        return None

    def finish(self, number: int) -> Finish:
        """When push number ``number`` may finish."""
        behavior = self.behaviors[number]
        bits = self.shape.transitions_mask([t.name for t in self.shape.kind.transitions if behavior in t.behaviors])
        return Finish(clear=bits | self.shape.leaving.get(behavior, 0))

    def stable(self) -> tuple[int, ...] | None:
        """Bits of every state with an empty queue; None: not known."""
        return None

    def flights(self, number: int) -> tuple[int, ...] | None:
        """What may be in flight while push number ``number`` is the head, as bits; None: not known."""
        return None

    def recoveries(self) -> tuple[Event, ...]:
        """Events of pushes that are abandoned."""
        return ()

    def change(self, event: Event, predicate: Predicate) -> Change:
        """What an event does to a predicate."""
        pairs = self.pairs((event,), predicate)
        if pairs is None:
            return Change.MIXED
        if all(before == after for before, after in pairs):
            return Change.SAME
        if pairs == {(False, True)}:
            return Change.UP
        return Change.DOWN if pairs == {(True, False)} else Change.MIXED


@dataclass(frozen=True)
class ExploredFacts(Facts):
    """Answers from the enumerated states."""

    states: tuple[State, ...] = ()
    edges: dict[Event, list[tuple[State, State]]] = field(default_factory=dict)

    def happens(self, event: Event) -> bool:
        return event in self.edges

    def pairs(self, events: Iterable[Event], predicate: Predicate) -> frozenset[tuple[bool, bool]]:
        return frozenset(
            (predicate(before), predicate(after)) for event in events for before, after in self.edges.get(event, ())
        )

    def maximum(self, mask: int) -> int:
        return max((state.bits & mask).bit_count() for state in self.states)

    def always_equal(self, left: Predicate, right: Predicate) -> bool:
        return all(left(state) == right(state) for state in self.states)

    def finish(self, number: int) -> Finish:
        shape, leaving = self.shape, self.shape.leaving.get(self.behaviors[number], 0)
        states = [state.bits for state in self.states if state.phase == number]
        done = {bits & shape.places_mask for bits in states if not bits & (shape.flight_mask | leaving)}
        if not done:
            return Finish(never=True)
        final = next(iter(done))
        complete = (bits & (shape.flight_mask | leaving) == 0 for bits in states if bits & final == final)
        if len(done) == 1 and all(complete):
            return Finish(read=tuple(p for p, bit in shape.place_bit.items() if bit & final))
        marked = 0
        for bits in states:
            marked |= bits
        return Finish(clear=marked & (shape.flight_mask | leaving))

    def stable(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(state.bits for state in self.states if state.phase < 0))

    def flights(self, number: int) -> tuple[int, ...]:
        found = {state.bits & self.shape.flight_mask for state in self.states if state.phase == number}
        return tuple(sorted(found - {0}))

    def recoveries(self) -> tuple[Event, ...]:
        return tuple(event for event in self.edges if event[0] == "recover")


class _Clash(Exception):
    """Two tokens are on their way by one transition."""


def explore(shape: Shape, course: Course, budget: int) -> Facts | None:
    """Enumerate the states of a component alone. None: there are more than ``budget``, or a transition may hold two tokens."""
    behaviors = tuple(point.behavior for point in course.pushes)
    search = _Search(shape, course, behaviors)
    waiting = search.first_states()
    known = dict.fromkeys(waiting)
    edges: dict[Event, list[tuple[State, State]]] = defaultdict(list)
    clashing = 0
    try:
        while waiting:
            state = waiting.pop()
            for event, after, clash in search.steps(state):
                edges[event].append((state, after))
                if clash:
                    clashing |= clash
                elif after not in known:
                    if len(known) >= budget:
                        return None
                    known[after] = None
                    waiting.append(after)
    except _Clash:
        return None
    return ExploredFacts(shape, behaviors, clashing, states=tuple(known), edges=dict(edges))


class _Search:
    """Local steps of one component on its course."""

    def __init__(self, shape: Shape, course: Course, behaviors: Sequence[str]) -> None:
        self.shape = shape
        self.course = course
        self.behaviors = behaviors
        self.followers: list[list[int]] = [[] for _ in behaviors]
        for number, point in enumerate(course.pushes):
            if is_declared(shape.kind, point.behavior):
                for before in point.behind:
                    self.followers[before].append(number)

    def first_states(self) -> list[State]:
        """States in which a component may begin to exist."""
        course, shape = self.course, self.shape
        if course.deploys:
            return [State(0, shape.initial)]
        again = course.additions > 1 or (course.initial and course.additions > 0)
        phases = range(-1, -2 - len(self.behaviors), -1) if again and course.ordered else (-1,)
        first = dict.fromkeys(State(phase, shape.initial) for phase in phases if again or course.marked is None)
        if course.marked is not None:
            first[State(-1, shape.start(course))] = None
        return list(first)

    def steps(self, state: State) -> Iterable[tuple[Event, State, int]]:
        """Events of a state with the state after each, and the bit of the place where two tokens meet."""
        phase, bits = state
        if phase < 0:
            for number in self._next_pushes(phase):
                yield ("push", number, 0), State(number, bits), 0
            return
        shape, behavior = self.shape, self.behaviors[phase]
        for leave in shape.leaves.get(behavior, ()):
            if bits & leave.take:
                if bits & leave.docks:
                    raise _Clash
                yield ("leave", behavior, leave.place), State(phase, bits & ~leave.take | leave.docks), 0
        for enter in shape.enters.get(behavior, ()):
            if bits & enter.docks == enter.docks:
                after = State(phase, bits & ~enter.docks | enter.make | enter.value)
                yield ("enter", behavior, enter.station), after, bits & enter.make
        flight, point = bits & shape.flight_mask, self.course.pushes[phase]
        if flight and point.recovery is not None:
            # Some of them have failed: which ones is not told apart here.
            sources = shape.sources(flight)
            back, twice = bits & ~flight | sources, bits & sources
            if point.recovery != ELSEWHERE:
                yield recovering(phase, flight), State(point.recovery, back), twice
            else:
                for following in (-1, *self.followers[phase]):
                    yield recovering(phase, flight, following), State(following, back), twice
        if not bits & (shape.flight_mask | shape.leaving.get(behavior, 0)):
            idle = -2 - phase if self.course.ordered else -1
            yield ("finish", phase, -1), State(idle, bits), 0
            for number in self.followers[phase]:
                yield ("finish", phase, number), State(number, bits), 0

    def _next_pushes(self, phase: int) -> Iterable[int]:
        numbers = range(len(self.behaviors))
        if self.course.ordered:
            numbers = numbers[-1 - phase : -phase]
        points = self.course.pushes
        return (
            n
            for n in numbers
            if is_declared(self.shape.kind, self.behaviors[n]) and points[n].cause is not Cause.FAILURE
        )
