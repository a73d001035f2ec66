"""Counterexamples in the words of the designer: what happened, step by step, and what waits for what in the end.

Before a word is said the run is replayed on the step relation; a run that it does not allow is a fault of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from madeus.checker.counterexample import NotConfirmed
from madeus.checker.problem import Problem
from madeus.checker.verdict import Fails
from madeus.diagnostics import Span
from madeus.model import Bounds, PortKind
from madeus.semantics import Configuration, Event, NotAllowed, Step, StepKind, System, Trace, is_active, replay

Where = Callable[[str], Span | None]
"""Span of a qualified name: ``transition site/server.start``, ``place site/server.running``, ``upgrade#3`` for the instruction
at index 3 of a program, ``verify site#2`` for a property, ``verify site``, ``assembly site``. None where nothing is written."""

MOST_COMPONENTS = 12
"""Components whose place at the end is told."""


def nowhere(name: str) -> Span | None:
    """The lookup of a model that was not read from a text."""
    return None


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of a run."""

    index: int
    """Index of the event in the trace, from 0."""
    time: float
    """Seconds since the start of the run."""
    words: str
    component: str
    """The program, for an instruction."""
    element: str
    host: str
    span: Span | None
    """Where what happens is written."""
    told: bool
    """Whether a short account has it: leaving and entering places that no port is bound to are left out of one, and for a
    question about time everything off the critical path."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a property is violated."""

    trace: Trace
    moments: tuple[Moment, ...]
    loop: int | None = None
    """Index of the moment from which the run repeats itself for ever."""
    end: tuple[str, ...] = ()
    """Where the components are at the end, a sentence each."""
    waits: tuple[str, ...] = ()
    """What waits for what at the end."""
    critical: tuple[str, ...] = ()
    """For a question about time: the actions that make up the run's time."""

    @property
    def told(self) -> tuple[Moment, ...]:
        """The moments of a short account."""
        return tuple(moment for moment in self.moments if moment.told)


def explain(problem: Problem, verdict: Fails, where: Where = nowhere) -> Explanation | None:
    """The explanation of a violated property; None when no single run shows it.

    Raises NotConfirmed when the step relation does not allow the run.
    """
    if verdict.trace is None:
        return None
    system, trace = problem.system, verdict.trace
    try:
        configurations = list(replay(system, (event.step for event in trace.events)))
    except NotAllowed as error:
        raise NotConfirmed(error) from error
    last = len(trace.events) - 1
    critical = set(trace.critical_path) if isinstance(problem.question, Bounds) else None
    moments = tuple(
        _moment(system, index, event, before, after, where, index == last, critical is None or index in critical)
        for index, (event, (before, after)) in enumerate(zip(trace.events, pairwise(configurations), strict=True))
    )
    waits = tuple(str(verdict.deadlock).splitlines()) if verdict.deadlock is not None else ()
    return Explanation(
        trace,
        moments,
        verdict.loop,
        _end(system, configurations[-1], verdict),
        waits,
        tuple(
            f"{e.name} {(e.end or e.start) - e.start:g} s" for e in trace.critical_executions if critical is not None
        ),
    )


_SPEAKS_OF = {
    StepKind.LEAVE: "place",
    StepKind.ENTER: "place",
    StepKind.FINISH: "behavior",
    StepKind.RECOVER: "behavior",
}


def _moment(
    system: System,
    index: int,
    event: Event,
    before: Configuration,
    after: Configuration,
    where: Where,
    last: bool,
    matters: bool,
) -> Moment:
    step = event.step
    name, assembly = step.component, system.assembly.name
    if step.kind is StepKind.PROGRAM:
        instruction = system.programs[system.program_index[name]].instructions[step.position]
        words = f"program {name}: {instruction}"
        return Moment(
            index, event.time, words, name, str(instruction), "", where(f"{name}#{step.position}"), last or matters
        )
    if step.kind is StepKind.ROLLBACK:
        words = "; ".join(("the run is taken back", *_all_changes(system, before, after)))
        return Moment(index, event.time, words, name, "", "", where(f"program {name}"), True)
    what = _SPEAKS_OF.get(step.kind, "transition")
    words, noteworthy = _words(system, step, before, after)
    span = where(f"{what} {assembly}/{name}.{step.element}")
    host = system.instances[name].host
    return Moment(index, event.time, words, name, step.element, host, span, last or (matters and noteworthy))


def _words(system: System, step: Step, before: Configuration, after: Configuration) -> tuple[str, bool]:
    """A sentence about a step, and whether a short account needs it."""
    name = step.component
    full = f"{name}.{step.element}"
    match step.kind:
        case StepKind.FIRE:
            return f"{full} starts on {system.instances[name].host}{_using(system, step, before)}", True
        case StepKind.END:
            return f"{full} ends", True
        case StepKind.FAIL:
            return f"{full} fails on {system.instances[name].host}", True
        case StepKind.RECOVER:
            target, behavior = system.recoveries[before.components[name].queue[0].origin]
            return f"{full} is abandoned; {target}.{behavior} recovers from it", True
        case StepKind.RETRY:
            return f"{full} is tried again", True
        case StepKind.FINISH:
            return f"{name} has finished behavior {step.element}", False
        case _:
            changes = _changes(system, name, before, after)
            if after.clash is not None:
                changes += (
                    f"a second token comes for {after.clash.kind} {after.clash.component}.{after.clash.element}",
                )
            verb = "enters" if step.kind is StepKind.ENTER else "leaves"
            by = f" by station {step.station}" if step.station and not step.station.startswith("*") else ""
            return "; ".join((f"{name} {verb} {step.element}{by}", *changes)), bool(changes)


def _using(system: System, step: Step, conf: Configuration) -> str:
    kind = system.tables[conf.components[step.component].type].kind
    providers = [
        f"{provider}.{provide}"
        for use in kind.transition_uses.get(step.element, ())
        for provider, provide in conf.providers.get((step.component, use.name), ())
    ]
    return f", using {', '.join(providers)}" if providers else ""


def _changes(system: System, name: str, before: Configuration, after: Configuration) -> tuple[str, ...]:
    """Services that a step of a component turns on or off, and values that come."""
    kind = system.tables[after.components[name].type].kind
    found: list[str] = []
    for port in kind.provides:
        was, now = (is_active(system, conf, name, port.name) for conf in (before, after))
        if now and not was:
            found.append(f"{name}.{port.name} {'comes on' if port.kind is PortKind.SERVICE else 'has a value'}")
        elif was and not now:
            found.append(f"{name}.{port.name} goes off")
    return tuple(found)


def _all_changes(system: System, before: Configuration, after: Configuration) -> tuple[str, ...]:
    """Components that a rollback removes or brings back, services that it turns on or off."""
    found: list[str] = []
    for name in sorted({*before.components, *after.components}):
        if name not in after.components:
            found.append(f"{name} is gone")
        elif name not in before.components:
            found.append(f"{name} is there again")
        elif before.components[name].type == after.components[name].type:
            found.extend(_changes(system, name, before, after))
    return tuple(found)


def _end(system: System, conf: Configuration, verdict: Fails) -> tuple[str, ...]:
    """Where the components are: those that are stuck or not idle first, not more than a few."""
    waiting = {stuck.who for stuck in verdict.deadlock.stuck} if verdict.deadlock is not None else set()
    waiting.update(stuck.waits_for for stuck in verdict.deadlock.stuck) if verdict.deadlock is not None else None
    names = sorted(conf.components, key=lambda n: (n not in waiting, not conf.components[n].queue, n))
    shown = [_standing(conf, name) for name in names[:MOST_COMPONENTS]]
    rest = len(names) - len(shown)
    return (*shown, f"and {rest} more components") if rest > 0 else tuple(shown)


def _standing(conf: Configuration, name: str) -> str:
    state = conf.components[name]
    parts = []
    for words, elements in (
        ("at", state.places),
        ("running", state.running),
        ("failed in", state.failed),
        ("about to start", state.output_docks),
        ("done with", state.input_docks),
    ):
        if elements:
            parts.append(f"{words} {', '.join(sorted(elements))}")
    if state.queue:
        parts.append(f"executing {state.queue[0].behavior}")
    return f"{name} is {'; '.join(parts) or 'nowhere'}"
