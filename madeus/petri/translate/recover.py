"""RECOVER: a push with a failed transition is abandoned, and the push that recovers from it takes over, in one step.

The tokens that are taken back may be in many places, so the step is drawn once for each way in which they may be spread over
docks and failed bodies: the price of having no steps in the net that the semantics does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from madeus.petri.translate.component import Queue
from madeus.petri.translate.facts import Event, recovering
from madeus.petri.translate.life import Life
from madeus.petri.translate.outline import ELSEWHERE
from madeus.petri.translate.ports import Ports
from madeus.petri.translate.shape import is_declared
from madeus.petri.translate.sketch import Clause, Guard, Sketch, Tag, Test, TranslationError
from madeus.semantics.step import Step, StepKind
from madeus.semantics.system import recovery_origin

MOST = 1_000
"""Ways in which the tokens of a push that has failed may be spread that are drawn."""

Spread = dict[str, frozenset[str]]
"""Transition -> where its tokens are."""

OUTPUT, FAILED, INPUT = "output", "failed", "input"


def draw_recoveries(sketch: Sketch, ports: Ports, queues: Mapping[str, Queue], lives: tuple[Life, ...]) -> None:
    """Draw how the pushes of a name are abandoned. Raises TranslationError."""
    system = ports.outline.system
    for life in lives:
        for number, point in enumerate(life.course.pushes):
            if point.recovery is None or not is_declared(life.kind, point.behavior):
                continue
            target, behavior = system.recoveries[point.origin]
            if not life.course.fixed or (target in ports.lives and not ports.outline.courses[target].fixed):
                raise TranslationError(f"push {point.origin} declares a recovery of a component that may come or go")
            if target not in ports.lives or not is_declared(ports.lives[target][0].kind, behavior):
                continue  # nothing recovers: the push stays where it failed
            step = Step(StepKind.RECOVER, life.name, point.behavior)
            draw = _Draw(sketch, ports, queues, life, number)
            for flight, spread in _spreads(life, number):
                draw(step, flight, spread)


class _Draw:
    """The transitions for one push, for each spread of its tokens."""

    def __init__(self, sketch: Sketch, ports: Ports, queues: Mapping[str, Queue], life: Life, number: int) -> None:
        self.sketch = sketch
        self.ports = ports
        self.life = life
        self.number = number
        self.queue = queues[life.name]
        target, _ = ports.outline.system.recoveries[life.course.pushes[number].origin]
        self.target = ports.lives[target][0]
        self.there = queues[target]
        flights = life.facts.flights(number)
        self.ever = life.shape.flight_mask if flights is None else _union(flights)
        """What may ever be in flight."""

    def __call__(self, step: Step, flight: int, spread: Spread) -> None:
        life = self.life
        taken = [_side(life, side)[name] for name, sides in spread.items() for side in sorted(sides)]
        back = [life.place[p] for p, bit in life.shape.place_bit.items() if bit & life.shape.sources(flight)]
        for heads, new, event, other in self._queues(flight):
            guard = (*self._nothing_else(flight, taken), *self._served(flight, event))
            self.sketch.transition(step, (*heads, *taken), (*new, *back), guard, tag=(life.number, event), other=other)

    def _queues(self, flight: int) -> Iterator[tuple[list[int], list[int], Event, Tag | None]]:
        """Ways in which the queues may stand: tokens taken there, tokens made there, the events that it is."""
        queue, number = self.queue, self.number
        recovery = self.life.course.pushes[number].recovery
        last = [queue.last[number]] if number in queue.last else []
        following = [(next_, place) for (before, next_), place in queue.next.items() if before == number]
        if recovery is not None and recovery != ELSEWHERE:
            event = recovering(number, flight)
            new = [queue.last[recovery]] if recovery in queue.last else []
            yield [queue.head[number], *last], [queue.head[recovery], *new], event, None
            for next_, place in following:
                yield [queue.head[number], place], [queue.head[recovery], queue.next[(recovery, next_)]], event, None
            return
        idle = [] if queue.idle is None else [queue.idle]
        for pre, post, other in self._arrivals():
            yield [queue.head[number], *last, *pre], [*idle, *post], recovering(number, flight, -1), other
            for next_, place in following:
                event = recovering(number, flight, next_)
                yield [queue.head[number], place, *pre], [queue.head[next_], *post], event, other

    def _arrivals(self) -> Iterator[tuple[list[int], list[int], Tag | None]]:
        """Ways in which the recovery joins the queue of the other component."""
        there = self.there
        origin = recovery_origin(self.life.course.pushes[self.number].origin)
        points = there.course.pushes
        at = next(n for n, point in enumerate(points) if point.origin == origin)
        last = [there.last[at]] if at in there.last else []
        assert there.idle is not None
        if self.target.facts.happens(("push", at, 0)):
            yield [there.idle], [there.head[at], *last], (self.target.number, ("push", at, 0))
        for before in points[at].behind:
            yield [there.last[before]], [there.next[(before, at)], *last], None

    def _nothing_else(self, flight: int, taken: Iterable[int]) -> Guard:
        """No other token of the component is on its way."""
        own = set(taken)
        elsewhere = self.ever if self.life.facts.crowded else self.ever & ~flight
        places = [place for place in self.life.tokens(elsewhere) if place not in own]
        return ((tuple(Test(place, positive=False) for place in places),),)

    def _served(self, flight: int, event: Event) -> Guard:
        """Use ports that come in use where the tokens go back to are served."""
        life, shape = self.life, self.life.shape
        guard: list[Clause] = []
        for use in shape.table.holder_uses:
            mask = shape.holders(use)
            if not mask & shape.sources(flight) or mask & flight:
                continue
            held: Clause = ()
            pairs = life.facts.pairs((event,), lambda state, mask=mask: bool(state.bits & mask))  # type: ignore[misc]
            if pairs is None or (True, True) in pairs:
                held = tuple((life.holds(shape.group(h)),) for h in use.holders)
            guard.extend((*held, *clause) for clause in self.ports.served(life, use))
        return tuple(guard)


def _side(life: Life, side: str) -> Mapping[str, int]:
    return {OUTPUT: life.output_dock, FAILED: life.failed, INPUT: life.input_dock}[side]


def _union(flights: Iterable[int]) -> int:
    union = 0
    for flight in flights:
        union |= flight
    return union


def _spreads(life: Life, number: int) -> Iterator[tuple[int, Spread]]:
    """What may be in flight when a push is abandoned, and where: something failed, nothing runs, no station is complete."""
    shape = life.shape
    behavior = life.course.pushes[number].behavior
    flights = life.facts.flights(number)
    sides: tuple[frozenset[str], ...] = tuple(frozenset((side,)) for side in (OUTPUT, FAILED, INPUT))
    if flights is None:
        names = [t for t in life.output_dock if behavior in life.kind.transition[t].behaviors]
        if 2 ** len(names) > MOST:
            raise _too_many(life)
        flights = tuple(
            shape.transitions_mask([t for t, inside in zip(names, chosen, strict=True) if inside])
            for chosen in product((False, True), repeat=len(names))
            if any(chosen)
        )
        # A second token may be on its way by a transition whose first one is not done.
        both = (frozenset((OUTPUT, FAILED)), frozenset((OUTPUT, INPUT)), frozenset((FAILED, INPUT)))
        sides = (*sides, *both, frozenset((OUTPUT, FAILED, INPUT)))
    stations = [docks for (b, _), docks in life.kind.stations.items() if b == behavior and docks]
    count = 0
    for flight in flights:
        names = [t for t, bit in shape.transition_bit.items() if bit & flight]
        if count + len(sides) ** len(names) > 8 * MOST:
            raise _too_many(life)
        for chosen in product(sides, repeat=len(names)):
            if not any(FAILED in side for side in chosen):
                continue
            arrived = {name for name, side in zip(names, chosen, strict=True) if INPUT in side}
            if any(arrived.issuperset(docks) for docks in stations):
                continue
            count += 1
            if count > MOST:
                raise _too_many(life)
            yield flight, dict(zip(names, chosen, strict=True))


def _too_many(life: Life) -> TranslationError:
    return TranslationError(f"the ways in which {life.name} may have failed are too many")
