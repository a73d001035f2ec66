"""Whether declared recoveries have a beginning where a failure leaves their component (``push c.b on_failure push c.r``).

The step **recover** puts the tokens of a failed push back to where their transitions begin and pushes the recovery. One that
has no transition from the places marked then finishes at once and recovers nothing: the step table knows no error there. So
each push with a recovery is looked at before programs run.

A component is looked at by itself, with the one that its recovery is pushed to, on the step relation: all that their own
tokens, queues and instructions admit, with one failure. Ports are left out, so every place where a failure may leave a
component is seen, and perhaps one that other components would keep it from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from immutables import Map

from madeus.model import Add, Assembly, Delete, Instruction, Program, Push, WaitAll, WaitComponent, WaitPush
from madeus.semantics import Configuration, StepKind, System, apply, enabled

MOST = 20_000
"""Configurations that are looked at for one component."""


@dataclass(frozen=True, slots=True, order=True)
class Unstartable:
    """A failure after which the declared recovery does nothing."""

    component: str
    transition: str
    """That fails."""
    places: tuple[str, ...]
    """Of the component afterwards."""
    target: str
    """Component that the recovery is pushed to."""
    recovery: str
    standing: tuple[str, ...]
    """Places of that component."""
    halfway: bool
    """Whether the component is somewhere else than where the push began; else there is nothing to bring back."""

    def __str__(self) -> str:
        where = "left" if self.halfway else "back"
        there = "there" if self.target == self.component else f"at {', '.join(self.standing)}"
        return (
            f"if {self.component}.{self.transition} fails, {self.component} is {where} at {', '.join(self.places)}: "
            f"no transition of {self.target}.{self.recovery} begins {there}"
        )


def unstartable(system: System) -> tuple[Unstartable, ...]:
    """Every failure after which a declared recovery of a system's programs does nothing, in order."""
    pairs = dict.fromkeys(
        frozenset((i.component, i.recovery.rpartition(".")[0]))
        for program in system.programs
        for i in program.instructions
        if isinstance(i, Push) and i.recovery
    )
    named = [(program, _by_component(program)) for program in system.programs] if pairs else []
    found = {one for names in pairs for one in _explored(_alone(system, names, named))}
    return tuple(sorted(found))


def _by_component(program: Program) -> dict[str, list[int]]:
    """Positions of the instructions that one component alone can follow, by component; those for all under ``*``."""
    labels = {i.label: i.component for i in program.instructions if isinstance(i, Push) and i.label}
    found: dict[str, list[int]] = {}
    for position, instruction in enumerate(program.instructions):
        match instruction:
            case Push() | Delete() | WaitComponent():
                name = instruction.component
            case Add():
                name = instruction.instance.name
            case WaitPush():
                name = labels[instruction.label]
            case WaitAll():
                name = "*"
            case _:
                continue
        found.setdefault(name, []).append(position)
    return found


def _alone(system: System, names: frozenset[str], named: list[tuple[Program, dict[str, list[int]]]]) -> System:
    """The system that some of the components are by themselves, where every port is served."""
    programs = {}
    for program, positions in named:
        kept = sorted({p for name in (*names, "*") for p in positions.get(name, ())})
        made = tuple(_within(program.instructions[p], names) for p in kept)
        programs[program.name] = replace(program, instructions=made, rollback=False)
    stages = [[programs[p.name] for p in stage] for stage in system.stages]
    assembly = system.assembly
    types = {name: replace(kind, uses=(), provides=()) for name, kind in assembly.types.items()}
    own = Assembly(assembly.name, types, tuple(i for i in assembly.instances if i.name in names))
    begin = None
    if system.begin is not None:
        there = {name: state for name, state in system.begin.components.items() if name in names}
        begin = Configuration(Map(there), Map(), Map(), Map())
    return System(own, stages, 1, begin)


def _within(instruction: Instruction, names: frozenset[str]) -> Instruction:
    if isinstance(instruction, Push) and instruction.recovery.rpartition(".")[0] not in names:
        return replace(instruction, recovery="")
    return instruction


def _explored(system: System) -> Iterator[Unstartable]:
    """What is found in the runs of a small system, in which one action may fail."""
    first = system.initial()
    began = Map({name: state.places for name, state in first.components.items()})
    seen, queue = {(first, began)}, deque([(first, began)])
    while queue and len(seen) < MOST:
        conf, began = queue.popleft()
        for step in enabled(system, conf):
            after = apply(system, conf, step)
            if step.kind is StepKind.RECOVER:
                yield from _after(system, conf, after, step.component, began[step.component])
            node = (after, _noted(conf, after, began))
            if node not in seen:
                seen.add(node)
                queue.append(node)


def _noted(conf: Configuration, after: Configuration, began: Map[str, frozenset[str]]) -> Map[str, frozenset[str]]:
    """Where each component stood when the push at its head got there."""
    for name, state in after.components.items():
        before = conf.components.get(name)
        if before is None or before.queue[:1] != state.queue[:1]:
            began = began.set(name, state.places)
    return began


def _after(
    system: System, conf: Configuration, after: Configuration, component: str, began: frozenset[str]
) -> Iterator[Unstartable]:
    state, places = conf.components[component], after.components[component].places
    target, recovery = system.recoveries[state.queue[0].origin]
    other = after.components[target]
    if len(other.queue) > 1 and target != component:
        return  # What is queued before it may lead to where it begins.
    kind = system.tables[other.type].kind
    if any((recovery, place) in kind.outgoing for place in other.places):
        return
    standing = tuple(p.name for p in kind.places if p.name in other.places)
    left = tuple(p.name for p in system.tables[state.type].kind.places if p.name in places)
    for transition in sorted(state.failed):
        yield Unstartable(component, transition, left, target, recovery, standing, places != began)
