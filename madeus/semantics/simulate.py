"""Simulation: the step relation under a virtual clock."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf

from madeus.semantics.agenda import Agenda
from madeus.semantics.configuration import Configuration
from madeus.semantics.deadlock import Deadlock, find_deadlock
from madeus.semantics.step import Step, StepKind
from madeus.semantics.system import System
from madeus.semantics.time import Durations, minimum
from madeus.semantics.trace import Event, Trace

MAXIMAL_STEPS = 10_000_000
"""Default bound of the number of steps: a cyclic behavior has runs that never end."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """One simulated run."""

    trace: Trace
    configuration: Configuration
    """Where the run ended."""
    deadlock: Deadlock | None
    """Why it could not go on; None when everything finished."""
    truncated: bool = False
    """Whether the run was cut at the bound of its steps."""


def simulate(
    system: System,
    durations: Durations = minimum,
    start: Configuration | None = None,
    steps: int = MAXIMAL_STEPS,
) -> Simulation:
    """Run a system from its initial (or another) configuration until nothing can move.

    Urgent steps are taken at once, in the order in which they became enabled; an END is taken when its duration is over;
    of two that are over at the same instant the one that fired first ends first. O(steps log transitions in flight).

    Raises ValueError when durations gives a negative or infinite number.
    """
    agenda = Agenda(system, system.initial() if start is None else start)
    events: list[Event] = []
    clock = 0.0
    due: list[tuple[float, int, Step]] = []
    for component in sorted(agenda.configuration.components):
        for transition in sorted(agenda.configuration.components[component].running):
            _schedule(due, system, agenda.configuration, component, transition, durations, clock, -1)
    while len(events) < steps:
        taken = agenda.take_next()
        if taken is not None:
            step, cause = taken
            events.append(Event(clock, step, cause))
            conf = agenda.configuration
            if step.kind is StepKind.FIRE and conf.clash is None:
                _schedule(due, system, conf, step.component, step.element, durations, clock, len(events) - 1)
        elif due and agenda.configuration.clash is None:
            clock, fired, step = heappop(due)
            events.append(Event(clock, step, fired))
            agenda.take(step)
        else:
            break
    conf = agenda.configuration
    stages = tuple(tuple(p.name for p in stage) for stage in system.stages)
    trace = Trace(system.assembly.name, tuple(events), stages)
    truncated = len(events) >= steps
    return Simulation(trace, conf, None if truncated else find_deadlock(system, conf), truncated)


def _schedule(
    due: list[tuple[float, int, Step]],
    system: System,
    conf: Configuration,
    component: str,
    name: str,
    durations: Durations,
    clock: float,
    fired: int,
) -> None:
    transition = system.tables[conf.components[component].type].kind.transition[name]
    duration = durations(component, transition)
    if not 0 <= duration < inf:
        raise ValueError(f"duration of {component}.{name} is {duration} seconds")
    heappush(due, (clock + duration, fired, Step(StepKind.END, component, name)))
