"""How long a service is off, from the one event structure that all runs share: longest paths (max-plus algebra).

Every step comes as soon as its causes have come, END as long after its FIRE as the action takes (Baccelli, Cohen, Olsder,
Quadrat 1992, chapter 2). Between the event that takes a service off and the one that brings it back lies at most the longest
path to the latter, counted from the former: a path that begins at it counts whole; one that joins from elsewhere counts less by
what has to have passed there. Where that bound is above the limit, the run in which the actions on its path take as long as
they may, and all others as short, decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from madeus.checker import judge
from madeus.checker.engines.causal.dates import Dates
from madeus.checker.engines.causal.phases import held, marked
from madeus.checker.engines.causal.unroll import NotCausal
from madeus.checker.engines.causal.weave import Weave
from madeus.checker.verdict import Fails, Holds, TimeOff, Unknown, Verdict
from madeus.model import Available, Delete


class Gap(NamedTuple):
    """A service is off from one event to another."""

    off: int
    on: int | None
    """None: for ever."""


@dataclass(frozen=True, slots=True)
class Service:
    """When a service is off after it has been on."""

    gaps: tuple[Gap, ...]
    been_on: bool


def service(woven: Weave, component: str, port: str) -> Service:
    """The times at which a service is off. Raises NotCausal where that is not the same in all runs."""
    system = woven.system
    if any(isinstance(i, Delete) and i.component == component for p in system.programs for i in p.instructions):
        raise NotCausal(f"{component} is deleted")
    table = system.tables[system.instances[component].type]
    holders = table.kind.provide[port].bound
    if len(holders) > 1:
        raise NotCausal(f"{component}.{port} is bound to several places or groups")
    pushes = [pushed for pushed in woven.threads.pushes if pushed.component == component]
    if pushes:
        first = pushes[0].phases.events
        been_on = marked(first, holders, first.source)
    else:
        places = woven.simulation.configuration.components[component].places
        been_on = not places.isdisjoint(table.group(holders[0]).places)
    off: int | None = None
    gaps: list[Gap] = []
    for pushed in pushes:
        for hold in held(pushed.phases.events, port, holders):
            been_on = True
            if hold.taken is not None and off is not None:
                gaps.append(Gap(off, pushed.base + hold.taken))
                off = None
            if hold.released is not None:
                off = pushed.base + hold.released
    if off is not None:
        gaps.append(Gap(off, None))
    return Service(tuple(gaps), been_on)


def available(woven: Weave, question: Available) -> Verdict:
    """The answer: exact, or Unknown where the longest time is not found. Raises NotCausal."""
    found = service(woven, question.component, question.port)
    port = f"{question.component}.{question.port}"
    if not found.gaps:
        return Holds(measure=_measure(question, 0.0), vacuous=() if found.been_on else (judge.never_on(question),))
    dates = Dates(woven)
    if not question.off:
        first = found.gaps[0].off
        return Fails(judge.goes_off(question), dates.run(dates.least, first))
    if found.gaps[-1].on is None:
        return Fails(f"{port} is off for ever", woven.simulation.trace, measure=TimeOff(inf))
    longest = 0.0
    open_ = False
    for gap in found.gaps:
        assert gap.on is not None
        bound, slowest = between(dates, gap.off, gap.on)
        longest = max(longest, bound)
        if bound > question.off:
            finite = [d if d < inf else dates.ample(question.off) for d in slowest]
            at = dates.times(finite)
            shown = at[gap.on] - at[gap.off]
            if shown > question.off:
                why = "may be off without limit" if bound == inf else f"is off for {shown:g} s"
                measure = TimeOff(inf if bound == inf else shown)
                return Fails(f"{port} {why}", dates.run(finite, gap.on), measure=measure)
            open_ = True
    if open_:
        return Unknown(f"{port} is off for at most {longest:g} s, and perhaps less", measure=TimeOff(longest))
    return Holds(measure=TimeOff(longest))


def _measure(question: Available, longest: float) -> TimeOff | None:
    return TimeOff(longest) if question.off else None


def between(dates: Dates, off: int, on: int) -> tuple[float, list[float]]:
    """A bound of the time between two events, and durations that make it long."""
    earliest, latest = dates.times(dates.least), dates.times(dates.greatest)
    before = dates.woven.past(off)
    ahead = _ahead(dates, off, before)
    after: dict[int, float] = {}
    origin: dict[int, int | None] = {}
    wanted = dates.woven.past(on)
    for event in dates.order:
        if event not in wanted:
            continue
        causes = dates.woven.before[event]
        if event in before:
            after[event] = -max(ahead[event], earliest[off] - latest[event])
            origin[event] = None
        elif causes:
            origin[event] = best = max(causes, key=after.__getitem__)
            after[event] = after[best] + dates.greatest[event]
        else:
            origin[event] = None
            after[event] = dates.greatest[event] - earliest[off]
    return after[on], _slow(dates, off, on, origin, before)


def _ahead(dates: Dates, off: int, before: set[int]) -> dict[int, float]:
    """The least time from each cause of an event to it."""
    ahead = dict.fromkeys(before, 0.0)
    for event in reversed(dates.order):
        if event in before:
            for cause in dates.woven.before[event]:
                ahead[cause] = max(ahead[cause], ahead[event] + dates.least[event])
    return ahead


def _slow(dates: Dates, off: int, on: int, origin: dict[int, int | None], before: set[int]) -> list[float]:
    """The actions on the longest path, and before it where it begins, take as long as they may."""
    durations = list(dates.least)
    event: int | None = on
    last = on
    while event is not None:
        last = event
        if event not in before:
            durations[event] = dates.greatest[event]
        event = origin[event]
    if last in before and last != off:
        for cause in dates.woven.past(last):
            durations[cause] = dates.greatest[cause] if dates.greatest[cause] < inf else dates.least[cause]
    return durations
