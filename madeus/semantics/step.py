"""THE step relation: which steps a configuration has, why a step is not enabled, and what a step does.

One function for each row of the step table, each citing its source; nothing else in the project says what a deployment may
do next. The rows are found again by name: leave, fire, end, fail, retry, enter, finish; recover is in
``madeus.semantics.recovery``, rollback in ``madeus.semantics.rollback``, and the instructions of programs are in
``madeus.semantics.instruction``.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from madeus.model import Value
from madeus.semantics import instruction, recovery, rollback
from madeus.semantics.blocker import Blocker, Gone, InUse, PortWait, Unconnected
from madeus.semantics.configuration import Clash, ComponentState, Configuration, Fate
from madeus.semantics.ports import first_unserved, first_user, is_in_use, service_active
from madeus.semantics.system import System

Produced = tuple[tuple[str, Value | None], ...]
"""Values that an action produced: ((data port, value), ...)."""


class StepKind(StrEnum):
    """The rows of the step table."""

    LEAVE = "leave"
    FIRE = "fire"
    END = "end"
    FAIL = "fail"
    RETRY = "retry"
    RECOVER = "recover"
    ENTER = "enter"
    FINISH = "finish"
    PROGRAM = "program"
    ROLLBACK = "rollback"

    # Steps are keys of dictionaries all the time, and the hash of an Enum is a function in Python.
    __hash__ = str.__hash__


URGENT = frozenset(
    (
        StepKind.LEAVE,
        StepKind.FIRE,
        StepKind.RECOVER,
        StepKind.ENTER,
        StepKind.FINISH,
        StepKind.PROGRAM,
        StepKind.ROLLBACK,
    )
)
"""Steps that are taken as soon as they are enabled and take no time."""

STARTS = (StepKind.LEAVE, StepKind.FIRE, StepKind.PROGRAM, StepKind.RECOVER)
"""Steps that begin something new: a run that will be taken back has none."""


class Step(NamedTuple):
    """One step, a value that names it in every configuration it may be enabled in."""

    kind: StepKind
    component: str
    """Instance; the program for PROGRAM, and for ROLLBACK the one that says ``on_failure rollback``."""
    element: str = ""
    """Place of LEAVE and ENTER, behavior of FINISH and RECOVER, transition otherwise; empty for PROGRAM and ROLLBACK."""
    station: str = ""
    """Station of ENTER."""
    position: int = 0
    """Index of the instruction for PROGRAM."""

    def __str__(self) -> str:
        if self.kind is StepKind.PROGRAM:
            return f"{self.component}[{self.position}]"
        if self.kind is StepKind.ROLLBACK:
            return f"rollback {self.component}"
        by = f" by {self.station}" if self.station and not self.station.startswith("*") else ""
        return f"{self.kind} {self.component}.{self.element}{by}"


def enabled(system: System, conf: Configuration) -> tuple[Step, ...]:
    """Every enabled step, in the order of components; RETRY, which only an operator takes, is not among them."""
    if conf.clash is not None or conf.fate is Fate.TAKEN_BACK:
        return ()
    steps = _forward(system, conf)
    taken_back = rollback_step(system)
    if taken_back is not None and rollback.blocked(system, conf) is None and (conf.fate is Fate.LOST or not steps):
        steps.append(taken_back)
    return tuple(steps)


def _forward(system: System, conf: Configuration) -> list[Step]:
    """Every enabled step but ROLLBACK."""
    steps = [
        step
        for component in sorted(conf.components)
        for step in candidates(system, conf, component)
        if blocked(system, conf, step) is None
    ]
    steps.extend(step for step in next_instructions(system, conf) if blocked(system, conf, step) is None)
    return steps


def rollback_step(system: System) -> Step | None:
    """The step that takes a run back; None for a system whose runs are not."""
    return Step(StepKind.ROLLBACK, system.rollback) if system.rollback else None


def candidates(system: System, conf: Configuration, component: str) -> Iterator[Step]:
    """Steps of one component that its own tokens and queue admit; ports may still block them."""
    state = conf.components[component]
    head = state.head
    for transition in sorted(state.running):
        yield Step(StepKind.END, component, transition)
        if system.failures is None or conf.failures < system.failures:
            yield Step(StepKind.FAIL, component, transition)
    if head is None:
        return
    kind = system.tables[state.type].kind
    for transition in sorted(state.output_docks):
        yield Step(StepKind.FIRE, component, transition)
    yield from _leaves(system, component, state)
    if state.input_docks:
        stations = sorted({s for t in state.input_docks for s in kind.stations_of(kind.transition[t])})
        for station in stations:
            if state.input_docks.issuperset(kind.stations.get((head, station), ())):
                yield Step(StepKind.ENTER, component, kind.station_place[station], station)
    if state.failed and recovery.is_doomed(system, state):
        yield Step(StepKind.RECOVER, component, head)
    if not state.in_flight:
        yield Step(StepKind.FINISH, component, head)


def _leaves(system: System, component: str, state: ComponentState) -> Iterator[Step]:
    head = state.head
    outgoing = system.tables[state.type].kind.outgoing
    for place in sorted(state.places) if len(state.places) > 1 else state.places:
        if (head, place) in outgoing:
            yield Step(StepKind.LEAVE, component, place)


def next_instructions(system: System, conf: Configuration) -> Iterator[Step]:
    """The next instruction of each program that has one left."""
    for index, program in enumerate(system.programs):
        if conf.positions[index] < len(program.instructions):
            yield Step(StepKind.PROGRAM, program.name, position=conf.positions[index])


def consequences(system: System, conf: Configuration, step: Step) -> Iterator[Step]:
    """After a step, the steps of its own component that its tokens may have made candidates.

    Changes in other components come through ports; who waits for one is told by its Blocker's watches.
    """
    component, kind = step.component, step.kind
    if kind is StepKind.FIRE or kind is StepKind.RETRY:
        yield Step(StepKind.END, component, step.element)
        yield Step(StepKind.FAIL, component, step.element)
        if kind is StepKind.RETRY:
            # A run that was lost goes on everywhere.
            for name in sorted(conf.components) if system.rollback else (component,):
                yield from candidates(system, conf, name)
            if system.rollback:
                yield from next_instructions(system, conf)
    elif kind is StepKind.FAIL:
        yield from _of_doomed(system, component, conf.components[component])
    elif kind is StepKind.RECOVER:
        for touched in dict.fromkeys((component, *(where for where, _ in system.recoveries.values()))):
            if touched in conf.components:
                yield from _of_head(system, touched, conf.components[touched])
    elif kind is StepKind.PROGRAM:
        yield from next_instructions(system, conf)
        touched = instruction.component_of(system, component, step.position)
        if touched in conf.components:
            yield from _of_head(system, touched, conf.components[touched])
    else:
        state = conf.components[component]
        tables = system.tables[state.type].kind
        if kind is StepKind.LEAVE:
            for transition in tables.outgoing[(state.queue[0].behavior, step.element)]:
                yield Step(StepKind.FIRE, component, transition)
        elif kind is StepKind.END:
            ended = tables.transition[step.element]
            for station in tables.stations_of(ended):
                yield Step(StepKind.ENTER, component, ended.destination, station)
            yield from _of_doomed(system, component, state)
        elif kind is StepKind.ENTER:
            yield Step(StepKind.LEAVE, component, step.element)
            if state.queue and not state.in_flight:
                yield Step(StepKind.FINISH, component, state.queue[0].behavior)
            yield from _of_doomed(system, component, state)
        else:
            yield from _of_head(system, component, state)


def _of_head(system: System, component: str, state: ComponentState) -> Iterator[Step]:
    """What the head behavior of a component may do when it begins."""
    if state.queue and not state.in_flight:
        yield from _leaves(system, component, state)
        yield Step(StepKind.FINISH, component, state.queue[0].behavior)


def _of_doomed(system: System, component: str, state: ComponentState) -> Iterator[Step]:
    if state.failed and recovery.is_doomed(system, state):
        yield Step(StepKind.RECOVER, component, state.queue[0].behavior)


def blocked(system: System, conf: Configuration, step: Step, hint: Blocker | None = None) -> Blocker | None:
    """Why a step is not enabled in a configuration, or None when it is.

    hint: an earlier answer for the same step, where the search goes on.
    """
    if conf.clash is not None:
        return Gone("a clash of tokens has ended the run")
    if conf.fate is not Fate.OPEN and (conf.fate is Fate.TAKEN_BACK or step.kind in STARTS):
        return Gone(f"the run is {conf.fate}")
    if step.kind is StepKind.PROGRAM:
        return instruction.blocked(system, conf, step.component, step.position, hint)
    if step.kind is StepKind.ROLLBACK:
        return _rollback_blocked(system, conf, step)
    state = conf.components.get(step.component)
    if state is None:
        return Gone(f"{step.component} does not exist")
    # Identity tests instead of a match statement: this is the hottest line of a simulation.
    kind = step.kind
    if kind is StepKind.FIRE:
        return _fire_blocked(system, conf, step, state, hint)
    if kind is StepKind.END:
        return None if step.element in state.running else Gone(f"{step.element} is not running")
    if kind is StepKind.LEAVE:
        return _leave_blocked(system, conf, step, state, hint)
    if kind is StepKind.ENTER:
        return _enter_blocked(system, conf, step, state, hint)
    if kind is StepKind.FINISH:
        return _finish_blocked(system, step, state)
    if kind is StepKind.RECOVER:
        return recovery.blocked(system, conf, step.component, step.element, _port_hint(hint))
    if kind is StepKind.FAIL:
        spent = system.failures is not None and conf.failures >= system.failures
        return None if step.element in state.running and not spent else Gone(f"{step.element} cannot fail")
    return None if step.element in state.failed else Gone(f"{step.element} has not failed")


def _leave_blocked(
    system: System, conf: Configuration, step: Step, state: ComponentState, hint: Blocker | None
) -> Blocker | None:
    """Leave a place: no provide port in use would go from active to inactive (J19 rule for groups)."""
    table = system.tables[state.type]
    place = step.element
    if place not in state.places or (state.head, place) not in table.kind.outgoing:
        return Gone(f"{place} is not marked, or nothing of the behavior leaves it")
    if state.failed and recovery.is_doomed(system, state):
        return Gone(f"{state.head} has failed and is recovered from")
    after: ComponentState | None = None
    for service in table.services:
        end = (step.component, service)
        if end not in conf.users or not service_active(system, state, service):
            continue
        if after is None:
            after = _left(system, state, place)
        if not service_active(system, after, service):
            first = hint.position if isinstance(hint, InUse) and hint.provide == service else 0
            wait = first_user(system, conf, end, first)
            if wait is not None:
                return wait
    return None


def _fire_blocked(
    system: System, conf: Configuration, step: Step, state: ComponentState, hint: Blocker | None
) -> Blocker | None:
    """Fire a transition: its output dock is marked and every use port bound to it is served (J20 rule; MAU's refusal)."""
    if step.element not in state.output_docks:
        return Gone(f"the output dock of {step.element} is not marked")
    if state.failed and recovery.is_doomed(system, state):
        return Gone(f"{state.head} has failed and is recovered from")
    uses = system.tables[state.type].kind.transition_uses.get(step.element)
    if uses is None:
        return None
    return first_unserved(system, conf, step.component, uses, _port_hint(hint))


def _enter_blocked(
    system: System, conf: Configuration, step: Step, state: ComponentState, hint: Blocker | None
) -> Blocker | None:
    """Enter a place by a station: all its docks of the behavior are marked (C20 dock sets, MAU stations).

    Every place- or group-bound use port that would become in use has to be served.
    """
    table = system.tables[state.type]
    docks = table.kind.stations.get((state.head or "", step.station), ())
    if not docks or not state.input_docks.issuperset(docks):
        return Gone(f"station {step.station} is not complete")
    if not table.holder_uses:
        return None
    after = _entered(state, step.element, docks)
    becoming = [use for use in table.holder_uses if is_in_use(system, after, use) and not is_in_use(system, state, use)]
    return first_unserved(system, conf, step.component, becoming, _port_hint(hint)) if becoming else None


def _finish_blocked(system: System, step: Step, state: ComponentState) -> Blocker | None:
    """Finish a behavior: no dock or transition is marked or failed, and nothing of it leaves a marked place (C20)."""
    if state.head != step.element or state.in_flight:
        return Gone(f"{step.element} is not the head behavior, or still moves")
    outgoing = system.tables[state.type].kind.outgoing
    if any((step.element, place) in outgoing for place in state.places):
        return Gone(f"{step.element} still leaves a marked place")
    return None


def _rollback_blocked(system: System, conf: Configuration, step: Step) -> Blocker | None:
    """Take the run back: it is lost and no action runs; or one has failed, and nothing else can move."""
    if step != rollback_step(system):
        return Gone("the run is not taken back when an action fails")
    reason = rollback.blocked(system, conf)
    if reason is None and conf.fate is not Fate.LOST and _forward(system, conf):
        return Gone("the run can still go on")
    return reason


def _port_hint(hint: Blocker | None) -> PortWait | Unconnected | None:
    return hint if isinstance(hint, PortWait | Unconnected) else None


def apply(system: System, conf: Configuration, step: Step, produced: Produced = ()) -> Configuration:
    """The configuration after a step that is enabled. produced: what the action of an END step produced.

    A step that would put a second token on an element gives a configuration with a clash, in which nothing is enabled.
    """
    if step.kind is StepKind.PROGRAM:
        return instruction.apply(system, conf, step.component, step.position)
    if step.kind is StepKind.ROLLBACK:
        return rollback.apply(system, conf)
    component, element = step.component, step.element
    state = conf.components[component]
    match step.kind:
        case StepKind.LEAVE:
            after = _left(system, state, element)
            docks = system.tables[state.type].kind.outgoing[(state.queue[0].behavior, element)]
            clashing = next((t for t in docks if t in state.output_docks), "")
            clash = Clash(component, clashing, "output dock") if clashing else None
        case StepKind.FIRE:
            after = state._replace(output_docks=state.output_docks - {element}, running=state.running | {element})
            double = element in state.running or element in state.failed
            clash = Clash(component, element, "transition") if double else None
        case StepKind.END:
            held = ((*state.held, (element, produced))) if produced else state.held
            after = state._replace(
                running=state.running - {element}, input_docks=state.input_docks | {element}, held=held
            )
            clash = Clash(component, element, "input dock") if element in state.input_docks else None
        case StepKind.ENTER:
            return _apply_enter(system, conf, step, state)
        case StepKind.FINISH:
            after, clash = state._replace(queue=state.queue[1:]), None
        case StepKind.FAIL:
            after, clash = state._replace(running=state.running - {element}, failed=state.failed | {element}), None
            counted = conf.failures + (system.failures is not None)
            conf = conf._replace(failures=counted, fate=rollback.after_failure(system, conf, after))
        case StepKind.RETRY:
            after, clash = state._replace(failed=state.failed - {element}, running=state.running | {element}), None
            if conf.fate is Fate.LOST:
                conf = conf._replace(fate=rollback.after_retry(system, conf, component, after))
        case StepKind.RECOVER:
            return recovery.apply(system, conf, component)
    return conf._replace(components=conf.components.set(component, after), clash=clash)


def _apply_enter(system: System, conf: Configuration, step: Step, state: ComponentState) -> Configuration:
    """Enter a place: its docks are cleared and its data ports take their values (J20; J19 took them at the dock)."""
    kind = system.tables[state.type].kind
    docks = kind.stations[(state.queue[0].behavior, step.station)]
    data = conf.data
    ports = kind.produced.get(step.element, ())
    held = state.held
    if ports:
        values = {port: value for dock, produced in held if dock in docks for port, value in produced}
        for port in ports:
            data = data.set((step.component, port), values.get(port))
    if held:
        held = tuple(entry for entry in held if entry[0] not in docks)
    after = _entered(state, step.element, docks)._replace(held=held)
    clash = Clash(step.component, step.element, "place") if step.element in state.places else None
    return conf._replace(components=conf.components.set(step.component, after), data=data, clash=clash)


def _left(system: System, state: ComponentState, place: str) -> ComponentState:
    docks = system.tables[state.type].kind.outgoing[(state.queue[0].behavior, place)]
    return state._replace(places=state.places - {place}, output_docks=state.output_docks.union(docks))


def _entered(state: ComponentState, place: str, docks: tuple[str, ...]) -> ComponentState:
    return state._replace(places=state.places | {place}, input_docks=state.input_docks.difference(docks))
