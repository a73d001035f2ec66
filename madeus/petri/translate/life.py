"""The part of the net that belongs to one component with one type: its places, and conditions on its tokens."""

from __future__ import annotations

from madeus.model import PortKind, UsePort
from madeus.petri.element import Element, ElementKind
from madeus.petri.translate.facts import Change, Event, Facts, Predicate, State
from madeus.petri.translate.outline import Course
from madeus.petri.translate.shape import is_declared
from madeus.petri.translate.sketch import Alternative, Guard, Sketch, Test


class Life:
    """Net places of a component while it has one type.

    Conditions ("a group holds a token", "a service is active and does not refuse") are drawn on demand, as small as the facts
    of the component allow.
    """

    def __init__(self, sketch: Sketch, number: int, name: str, prefix: str, course: Course, facts: Facts) -> None:
        self.sketch = sketch
        self.number = number
        self.name = name
        self.prefix = prefix
        """Qualified beginning of the names of its places."""
        self.course = course
        self.facts = facts
        self.shape = facts.shape
        self.kind = facts.shape.kind
        self.exists: int | None = None
        """Place that is marked while the component exists with this type; None: always."""
        self.heads: dict[str, int] = {}
        """Behavior -> place that is marked while it is the head of the queue."""
        self.place: dict[str, int] = {}
        self.output_dock: dict[str, int] = {}
        self.running: dict[str, int] = {}
        self.failed: dict[str, int] = {}
        self.input_dock: dict[str, int] = {}
        self.value: dict[str, int] = {}
        """Place of the component -> net place that is marked when its data ports have their values."""
        self._holds: dict[int, Test] = {}
        self._serving: dict[str, Guard] = {}

    def draw_places(self, failing: bool, present: bool) -> None:
        """Draw the places. failing: actions may fail. present: the component exists at the start."""
        facts, kind, shape = self.facts, self.kind, self.shape
        start = shape.start(self.course) if present else 0
        for place in kind.places:
            bit = shape.place_bit[place.name]
            single = facts.crowded or bool(facts.clashing & bit)
            marked = present and bool(start & bit)
            self.place[place.name] = self._draw(ElementKind.PLACE, place.name, "", marked, single)
        behaviors = tuple(dict.fromkeys(facts.behaviors))
        for transition in kind.transitions:
            name = transition.name
            if not any(b in behaviors and facts.happens(("leave", b, transition.source)) for b in transition.behaviors):
                continue
            self.output_dock[name] = self._draw(ElementKind.OUTPUT_DOCK, name, ".output", False, facts.crowded)
            crowded = (facts.crowded and not failing, facts.crowded)
            self.running[name] = self._draw(ElementKind.RUNNING, name, ".running", False, *crowded)
            if failing:
                self.failed[name] = self._draw(ElementKind.FAILED, name, ".failed", False, False)
                if facts.crowded:
                    self._draw_body(name)
            self.input_dock[name] = self._draw(ElementKind.INPUT_DOCK, name, ".input", False, facts.crowded)
        for enter in (e for b in behaviors for e in shape.enters.get(b, ())):
            if (
                enter.value
                and enter.place not in self.value
                and facts.happens(("enter", enter.behavior, enter.station))
            ):
                self._draw_value(enter.place, start)
        for name, bit in shape.value_bit.items():
            if start & bit and name not in self.value:
                self._draw_value(name, start)

    def _draw_value(self, place: str, start: int) -> None:
        there = bool(start & self.shape.value_bit[place])
        self.value[place] = self._draw(ElementKind.DATA, place, ".values", there, False)

    def _draw(
        self, kind: ElementKind, name: str, suffix: str, marked: bool, single: bool, clashing: bool = False
    ) -> int:
        element = Element(kind, self.name, name)
        return self.sketch.place(element, f"{self.prefix}.{name}{suffix}", int(marked), single, clashing=clashing)

    def _draw_body(self, name: str) -> None:
        """A second token may come to a body whose first one has failed: count both."""
        terms = {self.running[name]: 1, self.failed[name]: 1}
        element = Element(ElementKind.SUM, self.name, name)
        body = self.sketch.sum(element, f"{self.prefix}.{name}.body", 0, terms, bound=1)
        self.sketch.builder.single.add(body)

    def tokens(self, mask: int) -> dict[int, int]:
        """The net places of some bits, each with factor 1."""
        shape = self.shape
        found = {self.place[p]: 1 for p, bit in shape.place_bit.items() if bit & mask}
        for transition, bit in shape.transition_bit.items():
            if bit & mask and transition in self.output_dock:
                for side in (self.output_dock, self.running, self.failed, self.input_dock):
                    if transition in side:
                        found[side[transition]] = 1
        return found

    def holds(self, mask: int) -> Test:
        """At least one token on some bits."""
        test = self._holds.get(mask)
        if test is None:
            test = self._holds[mask] = Test(self._drawn_holds(mask))
        return test

    def holds_two(self, mask: int) -> Test:
        """At least two tokens on some bits."""
        return Test(self._count(mask), 2)

    def _count(self, mask: int) -> int:
        bound = self.facts.maximum(mask)
        terms = self.tokens(mask)
        return self.sketch.sum(*self._sum_name(f"holding {self._words(mask)}"), 0, terms, bound)

    def _drawn_holds(self, mask: int) -> int:
        maximum = self.facts.maximum(mask)
        if maximum is None or maximum > 1:
            event = self.facts.latch(mask)
            if event is not None:
                tag = (self.number, event)
                return self.sketch.flag(*self._sum_name(f"entered {self._words(mask)}"), 0, {tag: 1})
            flag = self._flag(f"held {self._words(mask)}", lambda state: bool(state.bits & mask))
            if flag is not None:
                return flag
        return self._count(mask)

    def _words(self, mask: int) -> str:
        shape = self.shape
        names = [name for name, bit in (shape.place_bit | shape.transition_bit).items() if bit & mask]
        return "+".join(names)

    def _sum_name(self, words: str) -> tuple[Element, str]:
        return Element(ElementKind.SUM, self.name, words), f"{self.prefix}.({words})"

    def _flag(self, words: str, predicate: Predicate) -> int | None:
        """A place that is marked while a predicate holds, if every event changes it the same way each time."""
        if not self.course.fixed:
            return None
        changes: dict[tuple[int, Event], int] = {}
        for event in self._events():
            change = self.facts.change(event, predicate)
            if change is Change.MIXED:
                return None
            if change is not Change.SAME:
                changes[(self.number, event)] = 1 if change is Change.UP else -1
        first = State(0 if self.course.deploys else -1, self.shape.start(self.course))
        return self.sketch.flag(*self._sum_name(words), int(predicate(first)), changes)

    def _events(self) -> list[Event]:
        facts, shape = self.facts, self.shape
        events: list[Event] = []
        for behavior in dict.fromkeys(facts.behaviors):
            events.extend(("leave", behavior, leave.place) for leave in shape.leaves.get(behavior, ()))
            events.extend(("enter", behavior, enter.station) for enter in shape.enters.get(behavior, ()))
        count = len(facts.behaviors)
        events.extend(("push", number, 0) for number in range(count))
        for following, point in enumerate(self.course.pushes):
            events.extend(("finish", number, following) for number in point.behind)
        events.extend(("finish", number, -1) for number in range(count))
        events.extend(facts.recoveries())
        return events

    def is_active(self, service: str) -> Alternative:
        """The service is active (J19: every bound place or group holds a token)."""
        return tuple(self.holds(self.shape.group(g)) for g in self.kind.provide[service].bound)

    def is_serving(self, service: str) -> Guard:
        """The service is active and does not refuse: the head behavior keeps a token in each of its groups (MAU)."""
        guard = self._serving.get(service)
        if guard is None:
            guard = self._serving[service] = self._drawn_serving(service)
        return guard

    def _drawn_serving(self, service: str) -> Guard:
        shape, facts = self.shape, self.facts
        groups = [shape.group(g) for g in self.kind.provide[service].bound]

        def serving(state: State) -> bool:
            head = facts.behaviors[state.phase] if state.phase >= 0 else None
            return shape.is_serving(service, head, state.bits)

        active = ((self.is_active(service),),) if groups else ()
        never_refuses = facts.remembered(
            ("never refuses", service),
            lambda: facts.always_equal(serving, lambda state: all(state.bits & group for group in groups)),
        )
        if never_refuses:
            return active
        flag = self._flag(f"{service} serving", serving)
        if flag is not None:
            return (((Test(flag),),),)
        return (*active, *(clause for group in self.kind.provide[service].bound for clause in self._kept(group)))

    def _kept(self, group: str) -> Guard:
        """For each behavior: it is not the head, or a token is where it stays in the group."""
        shape = self.shape
        clauses: list[tuple[Alternative, ...]] = []
        for behavior in dict.fromkeys(self.facts.behaviors):
            stay = shape.group(group, behavior)
            if stay == shape.group(group) or not is_declared(self.kind, behavior):
                continue
            head = self.heads[behavior]
            if not stay:
                clauses.append(((Test(head, positive=False),),))
                continue
            terms = self.tokens(stay)
            terms[head] = -1
            words = f"{self._words(stay)} or not {behavior}"
            clauses.append(((Test(self.sketch.sum(*self._sum_name(words), 1, terms)),),))
        return tuple(clauses)

    def in_use(self, use: UsePort) -> Alternative:
        """Tests of which at least one holds when the use port is in use."""
        if use.holders:
            return tuple(self.holds(self.shape.group(h)) for h in use.holders)
        sides = (self.running, self.failed)
        return tuple(Test(side[t]) for t in use.transitions for side in sides if t in side)

    def has_values(self, provide: str) -> Alternative | None:
        """The data port has a value; None: it never has."""
        place = self.kind.provide[provide].bound[0]
        if self.kind.place[place].initial:
            return ()
        return (Test(self.value[place]),) if place in self.value else None

    def is_data(self, provide: str) -> bool:
        """Whether a provide port carries data."""
        return self.kind.provide[provide].kind is PortKind.DATA
