"""Counterexamples: steps that an engine found become a trace once the step relation has allowed every one of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from madeus.checker.verdict import Fails
from madeus.semantics import (
    Configuration,
    Deadlock,
    Event,
    NotAllowed,
    Step,
    StepKind,
    System,
    Trace,
    blocked,
    find_deadlock,
    replay,
)

CAUSES = 400
"""Traces up to this length have the cause of every event worked out; it takes quadratic time."""


class NotConfirmed(Exception):
    """An engine gave a run that the step relation does not allow: a fault of the engine, never the user's."""

    def __init__(self, reason: NotAllowed) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"an engine's counterexample is not a run: {self.reason}"


def confirm(
    system: System,
    steps: Iterable[Step],
    times: Sequence[float] | None = None,
    causes: Sequence[int] | None = None,
) -> tuple[Trace, Configuration]:
    """The trace of a sequence of steps and the configuration it ends in.

    times: when each step is taken, in seconds; by default as early as the order of the steps and the least durations admit.
    causes: for each step the index of the one that made it enabled; worked out when not given.
    Raises NotConfirmed when the step relation does not allow the steps.
    """
    taken = list(steps)
    # The configurations of a long run are kept only where somebody needs them.
    whole = times is None or (causes is None and len(taken) <= CAUSES)
    kept: deque[Configuration] = deque(maxlen=None if whole else 1)
    try:
        kept.extend(replay(system, taken))
    except NotAllowed as error:
        raise NotConfirmed(error) from error
    configurations = list(kept)
    when = list(times) if times is not None else _earliest(system, taken, configurations)
    why = list(causes) if causes is not None else _causes(system, taken, configurations)
    events = tuple(Event(*entry) for entry in zip(when, taken, why, strict=True))
    stages = tuple(tuple(p.name for p in stage) for stage in system.stages)
    return Trace(system.assembly.name, events, stages), configurations[-1]


def failure(
    system: System,
    reason: str,
    steps: Sequence[Step],
    loop: Sequence[Step] = (),
    times: Sequence[float] | None = None,
    stuck: bool = False,
) -> Fails:
    """A Fails with its trace confirmed. loop: steps that repeat for ever after the others. stuck: the run ends there."""
    trace, end = confirm(system, [*steps, *loop], times)
    deadlock = find_deadlock(system, end) if stuck else None
    return Fails(reason, trace, deadlock=deadlock, loop=len(steps) if loop else None)


def deadlock_at_the_end(system: System, trace: Trace) -> Deadlock | None:
    """What waits for what where a trace ends; None when all is done there. Raises NotAllowed for what is no run."""
    *_, end = replay(system, (event.step for event in trace.events))
    return find_deadlock(system, end)


def _earliest(system: System, steps: Sequence[Step], configurations: Sequence[Configuration]) -> list[float]:
    clock = 0.0
    fired: dict[tuple[str, str], float] = {}
    when: list[float] = []
    for step, conf in zip(steps, configurations, strict=False):
        key = (step.component, step.element)
        if step.kind in (StepKind.FIRE, StepKind.RETRY):
            fired[key] = clock
        elif step.kind is StepKind.END:
            kind = system.tables[conf.components[step.component].type].kind
            clock = max(clock, fired.get(key, clock) + kind.transition[step.element].interval.minimum)
        when.append(clock)
    return when


def _causes(system: System, steps: Sequence[Step], configurations: Sequence[Configuration]) -> list[int]:
    fired: dict[tuple[str, str], int] = {}
    causes: list[int] = []
    for index, step in enumerate(steps):
        key = (step.component, step.element)
        if step.kind in (StepKind.END, StepKind.FAIL):
            causes.append(fired.get(key, -1))
        elif len(steps) <= CAUSES:
            at = index
            while at > 0 and _enabled(system, configurations[at - 1], step):
                at -= 1
            causes.append(at - 1)
        else:
            causes.append(index - 1)
        if step.kind in (StepKind.FIRE, StepKind.RETRY):
            fired[key] = index
    return causes


def _enabled(system: System, conf: Configuration, step: Step) -> bool:
    return blocked(system, conf, step) is None
