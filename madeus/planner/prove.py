"""The proof of a plan: whatever the order and the durations, its program ends, and where it ends the goal holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from madeus.checker import Budget, Holds, Portfolio, Problem, Verdict
from madeus.model import Add, And, Deployable, Formula, Goal, Marked, Terminates
from madeus.planner.life import usual_duration
from madeus.semantics import Simulation, StepKind, System, is_active, simulate
from madeus.semantics.step import apply


@dataclass(frozen=True)
class Proof:
    """What the checker says to a program."""

    engine: str
    seconds: float
    """Time of the engine, and of getting the system ready."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outage:
    """A service that was on, off for some time."""

    component: str
    port: str
    seconds: float
    """Up to the end where it does not come back."""
    back: bool
    """Whether it comes back."""
    used: bool
    """Whether another component is connected to it."""


@dataclass(frozen=True)
class Forecast:
    """A simulated run of the program, with durations in the middle of the intervals."""

    makespan: float
    outages: tuple[Outage, ...]

    finished: bool
    """Whether the run came to its end."""

    @property
    def cost(self) -> tuple[bool, float, float]:
        """What a better program has less of."""
        return (not self.finished, self.interruption, self.makespan)

    @property
    def interruption(self) -> float:
        """Seconds that services are off, added up; one that no component uses is there for somebody outside."""
        return sum(outage.seconds for outage in self.outages)


def prove(system: System, ends: dict[str, frozenset[str]], budget: Budget) -> tuple[bool, Verdict]:
    """Whether every run ends at rest with every component where it shall be; and the verdict that says so or not.

    ends: places of each component at the end, all of those that are marked.
    """
    portfolio = Portfolio()
    goal = Goal("goal", And(tuple(_formula(ends))))
    verdict: Verdict = portfolio.check(Problem(system, Terminates()), budget=budget)
    if isinstance(verdict, Holds):
        verdict = portfolio.check(Problem(system, Deployable(goal)), budget=budget)
        if isinstance(verdict, Holds):
            return True, verdict
    return False, verdict


def _formula(ends: dict[str, frozenset[str]]) -> Iterator[Formula]:
    for component, places in ends.items():
        for place in sorted(places):
            yield Marked(component, place)


def forecast(system: System) -> Forecast:
    """Simulate the program, and watch the services."""
    run = simulate(system, lambda component, transition: usual_duration(transition))
    return Forecast(run.trace.makespan, tuple(outages(system, run)), run.deadlock is None)


def outages(system: System, run: Simulation) -> Iterator[Outage]:
    """The times that services which are on at the start are off in a run."""
    conf = system.initial()
    used = {(c.provider, c.provide) for c in system.assembly.connections}
    watched = {
        instance.name: [
            port for port in system.tables[instance.type].services if is_active(system, conf, instance.name, port)
        ]
        for instance in system.assembly.instances
    }
    off: dict[tuple[str, str], float] = {}
    for event in run.trace.events:
        conf = apply(system, conf, event.step)
        component = _touched(system, event.step.component, event.step.position, event.step.kind)
        for port in watched.get(component, ()):
            key = (component, port)
            if is_active(system, conf, component, port):
                if key in off:
                    since = off.pop(key)
                    if event.time > since:
                        yield Outage(component, port, event.time - since, True, key in used)
            else:
                off.setdefault(key, event.time)
    for (component, port), since in off.items():
        yield Outage(component, port, run.trace.makespan - since, False, (component, port) in used)


def _touched(system: System, name: str, position: int, kind: StepKind) -> str:
    if kind is not StepKind.PROGRAM:
        return name
    match system.programs[system.program_index[name]].instructions[position]:
        case Add(instance):
            return instance.name
        case _:
            return ""
