"""What a run would do: which actions on which hosts, in which order, and when; nothing is connected to or started."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from pathlib import Path

from madeus.executor.action.base import Context, Masked, RuntimeValue
from madeus.executor.action.prepare import prepare
from madeus.executor.action.registry import Registry
from madeus.executor.errors import ExecutorError
from madeus.executor.inventory import Host, Inventory
from madeus.executor.journal.read import written
from madeus.executor.schedule import Slots
from madeus.executor.scope import Scopes, data_uses
from madeus.executor.secrets import Vault
from madeus.executor.transport.fake import FakeWorld
from madeus.model import Action, Multiplicity, Transition
from madeus.semantics import Agenda, Deadlock, Event, Step, StepKind, System, Trace, find_deadlock
from madeus.semantics.time import Durations, middle

LONGEST = 200_000
"""Steps of a plan at most: a cyclic behavior has runs that never end."""


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """An action of a plan."""

    kind: str
    text: str
    """What it would do, in one line; values that are not known yet stand in angle brackets, secrets are masked."""
    problem: str = ""
    """What would keep it from being done, as far as it can be seen from here: a missing file."""


@dataclass(frozen=True, slots=True)
class PlannedTransition:
    """An execution of a transition in a plan."""

    component: str
    transition: str
    host: str
    target: str
    """``user@address``, or empty for the local host."""
    start: float
    """Predicted, in seconds from the start of the run."""
    end: float
    critical: bool
    """Whether it lies on the critical path."""
    actions: tuple[PlannedAction, ...] = ()
    layered: bool = False
    """Whether it acts in the layered root of its host."""
    checkpoint: bool = False
    """Whether the state of the machine is recorded before it; not where another one acts in the same root already."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A predicted run."""

    trace: Trace
    transitions: tuple[PlannedTransition, ...]
    """By start."""
    deadlock: Deadlock | None
    """Why the run would not come to its end."""
    truncated: bool = False


def plan_run(
    system: System,
    inventory: Inventory,
    *,
    base: Path,
    registry: Registry,
    secrets: Collection[str] = (),
    limit: int | None = None,
    durations: Durations = middle,
) -> Plan:
    """The run that the model's intervals (their middle, unless told otherwise) and the inventory's limits predict.

    secrets: names of the model's secrets. limit: transitions that act at once in total; None: what the inventory says.
    """
    scopes = Scopes(system, inventory, dict.fromkeys(secrets, "secret"), Vault({}))
    trace, agenda, truncated = predict(system, inventory, scopes, limit, durations)
    critical = {e.fired for e in trace.critical_executions}
    planned: list[PlannedTransition] = []
    for execution in trace.executions:
        component = execution.component
        kind = system.tables[system.instances[component].type].kind
        transition = kind.transition[execution.transition]
        host = scopes.host(component)
        scope = _scope(system, agenda, scopes, component, transition)
        context = _context(host, scope, base, transition)
        planned.append(
            PlannedTransition(
                component,
                transition.name,
                host.name,
                _target(host),
                execution.start,
                execution.end if execution.end is not None else execution.start,
                execution.fired in critical,
                tuple(_planned(action, context, registry) for action in transition.actions),
                system.instances[component].layered,
            )
        )
    planned.sort(key=lambda p: p.start)
    planned = _with_checkpoints(planned)
    deadlock = None if truncated else find_deadlock(system, agenda.configuration)
    return Plan(trace, tuple(planned), deadlock, truncated)


def _with_checkpoints(planned: Sequence[PlannedTransition]) -> list[PlannedTransition]:
    """The same, by start, with those marked that begin with a checkpoint: transitions that overlap on a machine share one."""
    until: dict[str, float] = {}
    found = []
    for one in planned:
        if one.layered and one.actions:
            busy = until.get(one.host)
            one = replace(one, checkpoint=busy is None or busy <= one.start)
            until[one.host] = max(one.end, busy if busy is not None else one.end)
        found.append(one)
    return found


def predict(
    system: System, inventory: Inventory, scopes: Scopes, limit: int | None, durations: Durations
) -> tuple[Trace, Agenda, bool]:
    """A simulation that keeps the limits of hosts as a run does; transitions without actions take no time and no slot."""
    slots = Slots(inventory.total_limit if limit is None else limit, lambda name: inventory.resolve(name).limit)
    agenda = Agenda(system, system.initial())
    events: list[Event] = []
    due: list[tuple[float, int, Step]] = []
    clock, freed = 0.0, -1
    admitted: Step | None = None

    def transition_of(step: Step) -> Transition:
        kind = system.tables[agenda.configuration.components[step.component].type].kind
        return kind.transition[step.element]

    def hold(step: Step) -> bool:
        if step.kind is not StepKind.FIRE or not transition_of(step).actions:
            return False
        host = scopes.host(step.component).name
        if step != admitted and not slots.is_free(host):
            slots.stand_in_line(host, step)
            return True
        slots.take(host)
        return False

    while len(events) < LONGEST:
        taken = agenda.take_next(hold)
        if taken is not None:
            step, cause = taken
            events.append(Event(clock, step, freed if step == admitted else cause))
            admitted = None
            if step.kind is StepKind.FIRE and agenda.configuration.clash is None:
                transition = transition_of(step)
                takes = durations(step.component, transition) if transition.actions else 0.0
                heappush(due, (clock + takes, len(events) - 1, Step(StepKind.END, step.component, step.element)))
            continue
        admitted = slots.next()
        if admitted is not None:
            agenda.release(admitted)
        elif due and agenda.configuration.clash is None:
            clock, fired, step = heappop(due)
            acts = bool(transition_of(step).actions)
            agenda.take(step)
            events.append(Event(clock, step, fired))
            if acts:
                freed = len(events) - 1
                slots.give_back(scopes.host(step.component).name)
        else:
            break
    stages = tuple(tuple(program.name for program in stage) for stage in system.stages)
    return Trace(system.assembly.name, tuple(events), stages), agenda, len(events) >= LONGEST


def _scope(
    system: System, agenda: Agenda, scopes: Scopes, component: str, transition: Transition
) -> dict[str, RuntimeValue]:
    """Names of a transition's actions; a port stands for its provider's name, since nobody knows its value yet."""
    scope = dict(scopes.fixed(component))
    kind = system.tables[system.instances[component].type].kind
    for use in data_uses(kind, transition):
        ends = agenda.configuration.providers.get((component, use.name), ())
        names = tuple([f"<{provider}.{port}>" for provider, port in ends])
        scope[use.name] = names if use.multiplicity is not Multiplicity.ONE else names[0] if names else ""
    return scope


def _context(host: Host, scope: dict[str, RuntimeValue], base: Path, transition: Transition) -> Context:
    hidden = {name: Masked(v.plain) if isinstance(v, Masked) else v for name, v in scope.items()}
    return Context(host, FakeWorld().transport(host.name, ""), hidden, base, (transition.name,))


def _planned(action: Action, context: Context, registry: Registry) -> PlannedAction:
    try:
        kind = registry.get(action.kind)
        return PlannedAction(action.kind, kind.plan(prepare(kind, action, context.scope), context))
    except ExecutorError as error:
        unknown = any(isinstance(v, str) and v.startswith("<") for v in context.scope.values())
        return PlannedAction(action.kind, written(action), "" if unknown else error.message)


def _target(host: Host) -> str:
    if host.transport == "local":
        return ""
    return f"{host.user}@{host.address}" if host.user else host.address
