"""The steps of components: leave, fire, end, fail, enter, and finish with the queue of pushed behaviors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from madeus.petri.element import Element, ElementKind
from madeus.petri.translate.facts import Finish
from madeus.petri.translate.life import Life
from madeus.petri.translate.outline import Course
from madeus.petri.translate.ports import Ports
from madeus.petri.translate.shape import Enter, is_declared
from madeus.petri.translate.sketch import Guard, Sketch, Test
from madeus.semantics.step import Step, StepKind


class Queue:
    """Net places of the queue of one name: which push is the head, which one stands behind which, which one is last."""

    def __init__(self, sketch: Sketch, name: str, course: Course) -> None:
        self.course = course
        points = course.pushes
        count = len(points)
        self.head: list[int] = []
        self.next: dict[tuple[int, int], int] = {}
        """(push, push behind it) -> place that is marked while they stand so in the queue."""
        self.last: dict[int, int] = {}
        """Push that another one may be queued behind -> place that is marked while it is the last one."""
        self.idle: int | None = None
        """Place that is marked while the queue is empty; None where the only push is there from the start."""
        for point in points:
            element = Element(ElementKind.HEAD, name, point.origin)
            self.head.append(sketch.place(element, f"{name}.head {point.origin}", int(course.deploys)))
        for number, point in enumerate(points):
            for before in point.behind:
                ahead = points[before].origin
                element = Element(ElementKind.NEXT, name, point.origin, ahead)
                self.next[(before, number)] = sketch.place(element, f"{name}.{point.origin} behind {ahead}")
                if before not in self.last:
                    self.last[before] = sketch.place(Element(ElementKind.LAST, name, ahead), f"{name}.last {ahead}")
        if count and not course.deploys:
            self.idle = sketch.place(Element(ElementKind.IDLE, name), f"{name}.(idle)", 1)
        self.heads: dict[str, int] = {}
        """Behavior -> place that is marked while it is the head."""
        by_behavior: dict[str, list[int]] = {}
        for number, point in enumerate(points):
            by_behavior.setdefault(point.behavior, []).append(self.head[number])
        for behavior, places in by_behavior.items():
            element = Element(ElementKind.SUM, name, f"head is {behavior}")
            self.heads[behavior] = sketch.sum(element, f"{name}.(head is {behavior})", 0, dict.fromkeys(places, 1), 1)

    def containing(self, number: int) -> Iterable[int]:
        """Places of which one is marked while a push is in the queue."""
        yield self.head[number]
        for before in self.course.pushes[number].behind:
            yield self.next[(before, number)]


def draw_steps(sketch: Sketch, ports: Ports, life: Life, queue: Queue) -> None:
    """Draw the steps of a component that move its own tokens, without the end of behaviors."""
    behaviors = [b for b in dict.fromkeys(life.facts.behaviors) if is_declared(life.kind, b)]
    for behavior in behaviors:
        for leave in life.shape.leaves[behavior]:
            event = ("leave", behavior, leave.place)
            if not life.facts.happens(event):
                continue
            # The one push of a deployment is the head until nothing is left to do.
            head: Guard = () if life.course.deploys else (((Test(life.heads[behavior]),),),)
            docks = [life.output_dock[t] for t in life.kind.outgoing[(behavior, leave.place)]]
            step = Step(StepKind.LEAVE, life.name, leave.place)
            guard = (*head, *not_doomed(life, queue, (behavior,)), *ports.may_leave(life, leave))
            sketch.transition(step, (life.place[leave.place],), docks, guard, tag=(life.number, event))
        for enter in life.shape.enters[behavior]:
            if life.facts.happens(("enter", behavior, enter.station)):
                _draw_enter(sketch, ports, life, enter, behaviors)
    for name in life.output_dock:
        _draw_body(sketch, ports, life, queue, name)


def _draw_body(sketch: Sketch, ports: Ports, life: Life, queue: Queue, name: str) -> None:
    """Fire and end (or fail) of one transition."""
    uses = life.kind.transition_uses.get(name, ())
    guard = tuple(clause for use in uses for clause in ports.served(life, use))
    guard = (*not_doomed(life, queue, life.kind.transition[name].behaviors), *guard)
    running = (life.running[name],)
    sketch.transition(Step(StepKind.FIRE, life.name, name), (life.output_dock[name],), running, guard)
    interval = life.kind.transition[name].interval
    sketch.transition(Step(StepKind.END, life.name, name), running, (life.input_dock[name],), interval=interval)


def not_doomed(life: Life, queue: Queue, behaviors: Sequence[str]) -> Guard:
    """Nothing has failed that is recovered from, while one of some behaviors is the head."""
    points = [(number, p) for number, p in enumerate(queue.course.pushes) if p.behavior in behaviors]
    recovered = {p.behavior for _, p in points if p.recovery is not None}
    if not recovered:
        return ()
    failed = (f for t, f in life.failed.items() if not recovered.isdisjoint(life.kind.transition[t].behaviors))
    whole = tuple([Test(place, positive=False) for place in failed])
    return ((whole, *((Test(queue.head[number]),) for number, p in points if p.recovery is None)),)


def draw_failures(sketch: Sketch, life: Life, queue: Queue, budget: int | None, lost: int | None = None) -> None:
    """Draw what happens when actions fail. budget: place with one token for each action that may; None: any number may.

    lost: place that gets a token for each that fails and is not recovered from; None: none does.
    """
    for name, failed in life.failed.items():
        step = Step(StepKind.FAIL, life.name, name)
        pre = (life.running[name],) if budget is None else (life.running[name], budget)
        behaviors = life.kind.transition[name].behaviors
        points = [(queue.head[number], p) for number, p in enumerate(queue.course.pushes) if p.behavior in behaviors]
        recovered = tuple((Test(head),) for head, point in points if point.recovery is not None)
        if lost is None or len(recovered) == len(points):
            sketch.transition(step, pre, (failed,))
        elif not recovered:
            sketch.transition(step, pre, (failed, lost))
        else:
            sketch.transition(step, pre, (failed,), (recovered,))
            sketch.transition(step, pre, (failed, lost), (tuple((Test(h),) for h, p in points if p.recovery is None),))


def _draw_enter(sketch: Sketch, ports: Ports, life: Life, enter: Enter, behaviors: list[str]) -> None:
    kind, behavior = life.kind, enter.behavior
    docks = kind.stations[(behavior, enter.station)]
    if any(t not in life.input_dock for t in docks):
        return
    guard = list(ports.may_enter(life, enter))
    if any(other != behavior and all(other in kind.transition[t].behaviors for t in docks) for other in behaviors):
        # Another behavior may mark the same docks and ask for more of them, or for fewer.
        guard.append(((Test(life.heads[behavior]),),))
    pre = [life.input_dock[t] for t in docks]
    post = [life.place[enter.place]]
    event = ("enter", behavior, enter.station)
    tag = (life.number, event)
    step = Step(StepKind.ENTER, life.name, enter.place, enter.station)
    value = life.value.get(enter.place) if enter.value else None
    if value is None:
        sketch.transition(step, pre, post, tuple(guard), tag=tag)
        return
    pairs = life.facts.pairs((event,), lambda state: bool(state.bits & enter.value))
    if pairs is None and not life.facts.once:
        pairs = frozenset(((False, True), (True, True)))
    if pairs is None or any(not before for before, _ in pairs):
        fresh = ((Test(value, positive=False),),)
        again = pairs is not None and any(before for before, _ in pairs)
        sketch.transition(step, pre, [*post, value], (*guard, fresh) if again else tuple(guard), tag=tag)
    if pairs is not None and any(before for before, _ in pairs):
        sketch.transition(step, pre, post, (*guard, ((Test(value),),)), tag=tag)


def draw_finishes(sketch: Sketch, queue: Queue, lives: tuple[Life, ...]) -> None:
    """Draw the end of each push: the one queued behind it becomes the head, or the queue is empty."""
    for life in lives:
        for number, point in enumerate(queue.course.pushes):
            if not is_declared(life.kind, point.behavior):
                continue
            finish = life.facts.finish(number)
            if finish.never:
                continue
            step = Step(StepKind.FINISH, life.name, point.behavior)
            guard = (*_done(life, finish), *typed(life, lives))
            head = queue.head[number]
            last = [queue.last[number]] if number in queue.last else []
            idle = [] if queue.idle is None else [queue.idle]
            if life.facts.happens(("finish", number, -1)):
                sketch.transition(step, (head, *last), idle, guard, tag=(life.number, ("finish", number, -1)))
            for (before, following), place in queue.next.items():
                if before == number:
                    tag = (life.number, ("finish", number, following))
                    sketch.transition(step, (head, place), (queue.head[following],), guard, tag=tag)


def typed(life: Life, lives: tuple[Life, ...]) -> Guard:
    """The component has the type of this life, where its name may stand for several."""
    return (((Test(life.exists),),),) if life.exists is not None and len(lives) > 1 else ()


def _done(life: Life, finish: Finish) -> Guard:
    if finish.read is not None:
        return ((tuple([Test(life.place[p]) for p in finish.read]),),)
    return ((tuple([Test(place, positive=False) for place in life.tokens(finish.clear)]),),)
