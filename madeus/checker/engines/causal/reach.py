"""How long programs take to come to a goal, from the one event structure that all runs share.

All runs end in one configuration. A goal that holds there has held since the last of the events by which its places were marked
for good; the time of each grows with each duration, so it is least where all are least and greatest where all are greatest.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from madeus.checker.engines.causal.dates import Dates
from madeus.checker.engines.causal.threads import START
from madeus.checker.engines.causal.unroll import BEGIN, NotCausal
from madeus.checker.engines.causal.weave import Weave
from madeus.checker.engines.compare import compare_bounds
from madeus.checker.formula import holds
from madeus.checker.verdict import Boundaries, Verdict
from madeus.model import Add, And, Bounds, Formula, Marked
from madeus.semantics import StepKind, Trace


def events(woven: Weave, goal: Formula) -> list[int]:
    """The events by which the places of a goal are marked for good; START where they are from the start.

    Raises NotCausal for a goal that is no conjunction of places.
    """
    return [_last(woven, part) for part in _places(goal)]


def bounds(woven: Weave, question: Bounds) -> Verdict:
    """Exact. Raises NotCausal."""
    last = events(woven, question.goal.formula)
    if not holds(woven.system, woven.simulation.configuration, question.goal.formula):
        return compare_bounds(question, Boundaries(inf, inf))
    dates = Dates(woven)
    minimum, fastest = _latest(dates, dates.least, last)
    maximum, slowest = _latest(dates, dates.greatest, last)
    if maximum < inf:
        return compare_bounds(question, Boundaries(minimum, maximum, fastest, slowest))
    at = dates.times(dates.greatest)
    late = max((event for event in last if event != START), key=at.__getitem__)
    endless = [e for e in sorted(woven.past(late), key=woven.rank.__getitem__) if dates.greatest[e] == inf]
    steps = [step for e in endless if (step := woven.step(e)) is not None and step.kind is StepKind.END]
    names = tuple(dict.fromkeys(f"{step.component}.{step.element}" for step in steps))
    return compare_bounds(question, Boundaries(minimum, inf, fastest, unbounded=names))


def _latest(dates: Dates, durations: list[float], last: list[int]) -> tuple[float, Trace | None]:
    at = dates.times(durations)
    found = [event for event in last if event != START]
    if not found:
        return 0.0, None
    event = max(found, key=lambda e: (at[e], dates.woven.rank[e]))
    return at[event], dates.run(durations, event) if at[event] < inf else None


def _places(goal: Formula) -> Iterator[Marked]:
    match goal:
        case Marked():
            yield goal
        case And(parts):
            for part in parts:
                yield from _places(part)
        case _:
            raise NotCausal("the goal is no conjunction of places")


def _last(woven: Weave, place: Marked) -> int:
    found = START
    for program in woven.system.programs:
        for position, instruction in enumerate(program.instructions):
            if isinstance(instruction, Add) and instruction.instance.name == place.component:
                found = woven.threads.program[(program.name, position)]
    for pushed in woven.threads.pushes:
        entered = pushed.phases.events.enter.get(place.place, BEGIN)
        if pushed.component == place.component and entered != BEGIN:
            found = pushed.base + entered
    return found
