"""The checks nobody has to ask for: what an exploration saw happen, compared with what the model says could."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from madeus.checker.verdict import Ailment, Fails, Finding, Findings, Holds, Verdict
from madeus.model import DEFAULT_BEHAVIOR, Add, ComponentType, Connect, Push, UsePort
from madeus.semantics import Step, StepKind, System

Named = tuple[str, str]
"""(component, element)."""


@dataclass(slots=True)
class Seen:
    """What happens in some run."""

    fired: set[Named] = field(default_factory=set)
    ended: set[Named] = field(default_factory=set)
    entered: set[tuple[str, str, str]] = field(default_factory=set)
    """(component, place, station)."""

    def note(self, steps: Iterable[Step]) -> None:
        """Add steps that some run takes."""
        for step in steps:
            if step.kind is StepKind.FIRE:
                self.fired.add((step.component, step.element))
            elif step.kind is StepKind.END:
                self.ended.add((step.component, step.element))
            elif step.kind is StepKind.ENTER:
                self.entered.add((step.component, step.element, step.station))


def pushed_behaviors(system: System) -> dict[str, tuple[str, ...]]:
    """Behaviors that each component may be told to execute, by component, in order of declaration."""
    asked: dict[str, dict[str, None]] = {}
    if system.deploys:
        for instance in system.assembly.instances:
            if DEFAULT_BEHAVIOR in system.assembly.types[instance.type].behaviors:
                asked.setdefault(instance.name, {})[DEFAULT_BEHAVIOR] = None
    for program in system.programs:
        for instruction in program.instructions:
            if isinstance(instruction, Push):
                asked.setdefault(instruction.component, {})[instruction.behavior] = None
    if system.failures != 0:
        for component, behavior in system.recoveries.values():
            asked.setdefault(component, {})[behavior] = None
    return {component: tuple(behaviors) for component, behaviors in asked.items()}


def examine(system: System, seen: Seen) -> Iterator[Finding]:
    """What can never happen: transitions, behaviors, joins, uses of ports."""
    marked: dict[str, set[str]] = {}
    if system.begin is not None:
        marked = {name: set(state.places) for name, state in system.begin.components.items()}
    for component, place, _ in seen.entered:
        marked.setdefault(component, set()).add(place)
    for component, behaviors in pushed_behaviors(system).items():
        instance = system.instances.get(component)
        if instance is None:
            continue
        kind = system.assembly.types[instance.type]
        dead: dict[str, None] = {}
        for behavior in behaviors:
            ours = [t.name for t in kind.transitions if behavior in t.behaviors]
            idle = [t for t in ours if (component, t) not in seen.fired]
            if ours and len(idle) == len(ours):
                sentence = f"behavior {component}.{behavior} never starts: none of its transitions can fire"
                yield Finding(Ailment.DEAD_BEHAVIOR, component, behavior, sentence)
            else:
                dead.update(dict.fromkeys(idle))
        for name in dead:
            yield Finding(Ailment.DEAD_TRANSITION, component, name, f"transition {component}.{name} never fires")
        yield from _joins(component, kind, behaviors, seen)
    yield from _ports(system, seen, marked)


def _joins(component: str, kind: ComponentType, behaviors: tuple[str, ...], seen: Seen) -> Iterator[Finding]:
    for (behavior, station), docks in kind.stations.items():
        place = kind.station_place[station]
        if behavior not in behaviors or len(docks) < 2 or (component, place, station) in seen.entered:
            continue
        came = [t for t in docks if (component, t) in seen.ended]
        if came:
            missing = ", ".join(t for t in docks if t not in came) or "all of them at once"
            sentence = f"the join of {', '.join(docks)} at {component}.{place} never completes: it lacks {missing}"
            yield Finding(Ailment.INCOMPLETE_JOIN, component, place, sentence)


def _ports(system: System, seen: Seen, marked: dict[str, set[str]]) -> Iterator[Finding]:
    connected = {(c.user, c.use) for c in system.assembly.connections}
    for program in system.programs:
        connected.update((i.connection.user, i.connection.use) for i in program.instructions if isinstance(i, Connect))
    present = set(system.assembly.instance)
    present.update(i.instance.name for p in system.programs for i in p.instructions if isinstance(i, Add))
    for component in sorted(present):
        kind = system.assembly.types[system.instances[component].type]
        for use in kind.uses:
            if (component, use.name) in connected and not _used(kind, component, use, seen, marked):
                sentence = f"use port {component}.{use.name} is connected and never used"
                yield Finding(Ailment.UNUSED_PORT, component, use.name, sentence)


def _used(kind: ComponentType, component: str, use: UsePort, seen: Seen, marked: dict[str, set[str]]) -> bool:
    if any((component, t) in seen.fired for t in use.transitions):
        return True
    places = marked.get(component, set()).union(kind.initial_places)
    return any(not kind.group_places[holder].isdisjoint(places) for holder in use.holders)


def report(findings: Iterable[Finding], failed: Fails | None) -> Verdict:
    """The verdict of the health checks. failed: the run into a deadlock or a clash, when there is one."""
    listed = tuple(findings)
    if failed is None:
        return Holds(measure=Findings(listed))
    if failed.deadlock is not None and failed.deadlock.clash is not None:
        clash = failed.deadlock.clash
        grave = Finding(Ailment.CLASH, clash.component, clash.element, failed.reason)
    else:
        who = failed.deadlock.stuck[0].who if failed.deadlock and failed.deadlock.stuck else ""
        grave = Finding(Ailment.DEADLOCK, who, "", failed.reason)
    return Fails(failed.reason, failed.trace, failed.evidence, Findings((grave, *listed)), failed.deadlock, failed.loop)
