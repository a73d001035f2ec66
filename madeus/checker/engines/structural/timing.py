"""Boundaries, parametric durations and timed parallelism of choice-free assemblies: longest paths (max-plus algebra).

Every event happens as early as the events before it let it, so the time to a goal grows with each duration: it is least
where all durations are least and greatest where all are greatest (Baccelli, Cohen, Olsder, Quadrat 1992, chapter 2).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from math import inf

from madeus.checker.counterexample import confirm
from madeus.checker.engines.structural.events import EventGraph
from madeus.checker.engines.structural.shape import NEVER
from madeus.checker.engines.structural.state import Moment, moment
from madeus.checker.engines.structural.width import widest
from madeus.checker.verdict import Boundaries, Durations, Width
from madeus.model import And, Comparison, Formula, Marked
from madeus.semantics import StepKind, Trace

ROUNDS = 8
"""Schedules that are tried for the members of a set to overlap."""


def boundaries(graph: EventGraph, goal: Formula) -> Boundaries:
    """Least and greatest time to a goal, with a run for each. Raises NotMonotone."""
    least = graph.times(graph.least)
    fastest = moment(graph, goal, least)
    if fastest.time == inf:
        return Boundaries(inf, inf)
    greatest = graph.times(graph.greatest)
    slowest = moment(graph, goal, greatest)
    if slowest.time == inf:
        return Boundaries(fastest.time, inf, run(graph, fastest, least), unbounded=unbounded(graph, slowest))
    return Boundaries(fastest.time, slowest.time, run(graph, fastest, least), run(graph, slowest, greatest))


def run(graph: EventGraph, goal: Moment, times: list[float]) -> Trace:
    """The run with events at the given times, up to the event that brings the goal; its critical path is a longest one."""
    if goal.event < 0:
        return confirm(graph.system, (), ())[0]
    events = [e for e in graph.order if times[e] <= goal.time]
    events.sort(key=lambda e: (times[e], graph.rank[e]))
    del events[events.index(goal.event) + 1 :]
    return trace(graph, events, times)


def trace(graph: EventGraph, events: list[int], times: list[float]) -> Trace:
    """The confirmed trace of events in an order in which they may happen, each with its latest predecessor as its cause."""
    position: dict[int, int] = {}
    causes: list[int] = []
    for index, event in enumerate(events):
        position[event] = index
        causes.append(max(((times[e], position[e]) for e in graph.before[event]), default=(0.0, -1))[1])
    return confirm(graph.system, [graph.steps[e] for e in events], [times[e] for e in events], causes)[0]


def unbounded(graph: EventGraph, goal: Moment) -> tuple[str, ...]:
    """Transitions before an event that may take any time."""
    past = graph.linear(graph.past((goal.event,))) if goal.event >= 0 else []
    steps = (graph.steps[e] for e in past if graph.greatest[e] == inf)
    return tuple(f"{step.component}.{step.element}" for step in steps)


def parametric(
    graph: EventGraph, component: str, transition: str, goal: Formula, comparison: Comparison, bound: float
) -> Durations | None:
    """Durations of a transition with which the time to a goal compares as asked, in all timed runs of the others.

    The time is max(a, b + d). None when the goal is no conjunction of places. Raises NotMonotone.
    """
    if not _marked(goal):
        return None
    if moment(graph, goal, graph.times(graph.least)).time == inf:
        never = comparison in (Comparison.GREATER, Comparison.AT_LEAST)
        return Durations() if never else Durations(0.0, -inf)
    local = graph.shape_of(component).end.get(transition)
    end = NEVER if local is None else graph.event(component, local)
    low, high, open_below, open_above = 0.0, inf, False, False
    if comparison in (Comparison.LESS, Comparison.AT_MOST, Comparison.EQUAL):
        around, through = _affine(graph, end, graph.greatest, goal)
        strict = comparison is Comparison.LESS
        if not (around < bound or (around == bound and not strict)):
            return Durations(0.0, -inf)
        high, open_above = bound - through, strict and through > -inf
    if comparison in (Comparison.GREATER, Comparison.AT_LEAST, Comparison.EQUAL):
        around, through = _affine(graph, end, graph.least, goal)
        strict = comparison is Comparison.GREATER
        if not (around > bound or (around == bound and not strict)):
            low = max(0.0, bound - through)
            open_below = strict and low == bound - through
    # Where the transition is on no path to the goal no duration of it makes the time longer.
    return Durations(low, high, open_above, open_below) if high >= low < inf else Durations(0.0, -inf)


def _affine(graph: EventGraph, end: int, durations: list[float], goal: Formula) -> tuple[float, float]:
    """(a, b) such that the time to the goal is max(a, b + d) for a duration d of the END event."""
    without = list(durations)
    if end != NEVER:
        without[end] = -inf
    heads = graph.times(without)
    around = moment(graph, goal, heads).time
    if end == NEVER or not graph.happens[end]:
        return around, -inf
    start = max((heads[e] for e in graph.before[end]), default=0.0)
    through = [-inf] * len(graph.steps)
    through[end] = start
    for event in graph.order:
        if event != end:
            at = max((through[e] for e in graph.before[event]), default=-inf)
            through[event] = at + durations[event] if at > -inf else -inf
    entered = (graph.event(part.component, graph.shape_of(part.component).enter[part.place]) for part in _marked(goal))
    return around, max((through[e] for e in entered if e >= 0), default=-inf)


def _marked(goal: Formula) -> tuple[Marked, ...]:
    """The places of a goal that is a conjunction of places; none for another one."""
    parts = goal.parts if isinstance(goal, And) else (goal,)
    places = tuple(part for part in parts if isinstance(part, Marked))
    return places if len(places) == len(parts) else ()


def timed_width(graph: EventGraph, end_of: dict[int, int], check: Callable[[], None]) -> Width:
    """Bounds of the timed parallelism, with a run that shows the lower one. Equal bounds are the answer.

    Above: an antichain of the order in which t also comes before u when t's latest end is before u's earliest firing.
    Below: the most that overlap in some schedules made for the members of that antichain.
    """
    least, greatest = graph.times(graph.least), graph.times(graph.greatest)
    order, after = _with_time(graph, end_of, least, greatest)
    members = widest(order, after, end_of, check)
    best: tuple[int, float, list[float]] = (0, 0.0, least)
    for schedule in _schedules(graph, members, end_of):
        times = graph.times(schedule)
        count, at = overlap(end_of, times)
        if count > best[0]:
            best = (count, at, times)
        if count >= len(members):
            break
    _, at, times = best
    together = _independent(graph, [f for f, e in end_of.items() if times[f] <= at <= times[e]])
    chosen = graph.past(together)
    chosen.update(e for e in graph.order if times[e] < at)
    events = sorted(chosen, key=lambda e: (times[e], graph.rank[e]))
    names = tuple(sorted(f"{graph.steps[f].component}.{graph.steps[f].element}" for f in together))
    return Width(len(together), max(len(members), len(together)), names, trace(graph, events, times))


def overlap(end_of: dict[int, int], times: list[float]) -> tuple[int, float]:
    """The most executions that overlap for some time in a schedule, and from when; those that only touch are not counted."""
    points: list[tuple[float, int]] = []
    for fire, end in end_of.items():
        if times[end] > times[fire]:
            points.append((times[fire], 1))
            points.append((times[end], -1))
    points.sort()
    best, at, now = 0, 0.0, 0
    for time, change in points:
        now += change
        if now > best:
            best, at = now, time
    return best, at


def _independent(graph: EventGraph, together: list[int]) -> list[int]:
    past = graph.past(together)
    return [f for f in together if graph.after[f][0] not in past]


def _with_time(
    graph: EventGraph, end_of: dict[int, int], least: list[float], greatest: list[float]
) -> tuple[list[int], list[list[int]]]:
    """The event graph with the order of time: a chain of instants, from latest ends to earlier firings."""
    count = len(graph.steps)
    instants = sorted({greatest[e] for e in end_of.values() if greatest[e] < inf})
    after = [list(later) for later in graph.after]
    after.extend([count + k + 1] for k in range(len(instants)))
    if instants:
        after[-1] = []
    where = {time: count + k for k, time in enumerate(instants)}
    for fire, end in end_of.items():
        if greatest[end] < inf:
            after[end].append(where[greatest[end]])
        k = bisect_left(instants, least[fire])
        if k:
            after[count + k - 1].append(fire)
    return _topological(after, graph), after


def _topological(after: list[list[int]], graph: EventGraph) -> list[int]:
    inside = bytearray(len(after))
    for event in graph.order:
        inside[event] = 1
    for instant in range(len(graph.steps), len(after)):
        inside[instant] = 1
    waiting = [0] * len(after)
    for event, later in enumerate(after):
        if inside[event]:
            later[:] = [e for e in later if inside[e]]
            for target in later:
                waiting[target] += 1
    order = [e for e in range(len(after)) if inside[e] and not waiting[e]]
    for event in order:
        for target in after[event]:
            waiting[target] -= 1
            if not waiting[target]:
                order.append(target)
    return order


def _schedules(graph: EventGraph, members: list[int], end_of: dict[int, int]) -> list[list[float]]:
    """Durations that may make the members overlap: they take long, what delays the late ones does not."""
    longest = max((d for d in graph.greatest if d < inf), default=1.0)
    horizon = graph.times([d if d < inf else longest for d in graph.greatest])
    ample = max((t for t in horizon if t < inf), default=0.0) + 1.0
    long = [d if d < inf else ample for d in graph.greatest]
    schedule = list(graph.least)
    for fire in members:
        schedule[end_of[fire]] = long[end_of[fire]]
    made = [list(schedule)]
    for _ in range(ROUNDS):
        times = graph.times(schedule)
        latest = max((times[f] for f in members), default=0.0)
        early = [f for f in members if times[end_of[f]] < latest]
        if not early:
            break
        first_end = min(times[end_of[f]] for f in early)
        late = graph.past(f for f in members if times[f] > first_end)
        slow = graph.past(early) - late
        for event in slow:
            if graph.steps[event].kind is StepKind.END:
                schedule[event] = long[event]
        made.append(list(schedule))
    made.extend((list(graph.least), long))
    return made
