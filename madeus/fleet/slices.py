"""A program cut by machine: what it does on each machine of a fleet, and what it does before and after on shared ones.

Instructions on instances that stand on machines of the fleet make the slice of that machine, in the order in which they are
written; each slice ends with a wait for what it pushed. Instructions that touch no machine of the fleet stay together before
the slices or after them. ``wait all`` between the slices waits for the machine's own instances.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property

from madeus.model import (
    Add,
    Assembly,
    Connect,
    Delete,
    Disconnect,
    Instruction,
    Program,
    Push,
    WaitAll,
    WaitComponent,
    WaitPush,
)


class NotSliceable(ValueError):
    """A program that cannot be cut by machine. reasons: a sentence for each instruction that is in the way."""

    def __init__(self, program: str, reasons: tuple[str, ...]) -> None:
        super().__init__(
            f"the program {program} cannot be brought to one machine after another:\n" + "\n".join(reasons)
        )
        self.program, self.reasons = program, reasons


@dataclass(frozen=True)
class Sliced:
    """A program cut by machine."""

    program: str
    before: Program | None
    """Runs before the first machine."""
    machines: Mapping[str, Program]
    """The slice of each machine that the program touches, in order of first mention."""
    after: Program | None
    """Runs when the last machine is done."""
    instances: Mapping[str, tuple[str, ...]]
    """Instances of each machine that its slice touches."""

    @cached_property
    def shared(self) -> Mapping[str, tuple[str, ...]]:
        """Instances outside the fleet that the slice of each machine writes: connects or disconnects."""
        return {m: _partners(program, set(self.instances[m])) for m, program in self.machines.items()}


class _When(IntEnum):
    BEFORE = 0
    MACHINES = 1
    AFTER = 2


def machines_of(
    assembly: Assembly, programs: Iterable[Program], fleet: Collection[str], resolve: Callable[[str], str]
) -> dict[str, str]:
    """The machine of each instance, those that programs add included, that stands on a machine of the fleet.

    resolve: from the host's name in the model to the machine's.
    """
    instances = [*assembly.instances]
    instances += [i.instance for p in programs for i in p.instructions if isinstance(i, Add)]
    found = {i.name: resolve(i.host) for i in instances}
    return {name: machine for name, machine in found.items() if machine in fleet}


def slice_program(program: Program, assembly: Assembly, machine_of: Mapping[str, str]) -> Sliced:
    """Cut a program. machine_of: machine of each instance that stands on one of the fleet.

    Raises NotSliceable: an instruction ties two machines, or a shared one stands between those of machines.
    """
    shared = [i.name for i in assembly.instances if i.name not in machine_of]
    labels = {i.label: i.component for i in program.instructions if isinstance(i, Push) and i.label}
    reasons: list[str] = []
    before: list[Instruction] = []
    after: list[Instruction] = []
    slices: dict[str, list[Instruction]] = {}
    when = _When.BEFORE
    held: list[Instruction] = []
    """Shared instructions that stand before or after, depending on what follows."""
    for instruction in program.instructions:
        if isinstance(instruction, WaitAll):
            _wait_all(when, before, held, slices, machine_of, shared)
            continue
        touched = touches(instruction, labels)
        machines = dict.fromkeys(machine_of[c] for c in touched if c in machine_of)
        if len(machines) > 1:
            reasons.append(f"`{instruction}` ties {' and '.join(machines)} together")
        elif not machines:
            (before if when is _When.BEFORE else held).append(instruction)
        else:
            when = _When.MACHINES
            if any(not isinstance(i, WaitComponent | WaitPush) for i in held):
                reasons += [f"`{i}` stands between what is done on machines" for i in held]
            held.clear()
            slices.setdefault(next(iter(machines)), []).append(instruction)
    after += held
    if reasons:
        raise NotSliceable(program.name, tuple(dict.fromkeys(reasons)))
    made = {
        m: Program(f"{program.name}@{m}", program.assembly, _ended(s), rollback=program.rollback)
        for m, s in slices.items()
    }
    return Sliced(
        program.name,
        replace(program, name=f"{program.name}@before", instructions=_ended(before)) if before else None,
        made,
        replace(program, name=f"{program.name}@after", instructions=_ended(after)) if after else None,
        {m: _instances(made[m], machine_of, labels) for m in made},
    )


def undo_program(name: str, assembly: str, components: Iterable[str], behaviors: Collection[str]) -> Program:
    """What takes the components of a machine back, in the order given, each by these behaviors one after another."""
    steps = [i for c in components for b in behaviors for i in (Push(c, b), WaitComponent(c))]
    return Program(name, assembly, tuple(steps))


def touches(instruction: Instruction, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Instances that an instruction names. labels: of pushes, with their instances."""
    match instruction:
        case Add(instance):
            return (instance.name,)
        case Delete(component) | WaitComponent(component):
            return (component,)
        case Push(component, recovery=recovery):
            return (component, recovery.rpartition(".")[0]) if recovery else (component,)
        case Connect(c) | Disconnect(c):
            return (c.user, c.provider)
        case WaitPush(label):
            return (labels[label],) if label in labels else ()
        case WaitAll():
            return ()


def _wait_all(
    when: _When,
    before: list[Instruction],
    held: list[Instruction],
    slices: dict[str, list[Instruction]],
    machine_of: Mapping[str, str],
    shared: list[str],
) -> None:
    if when is _When.BEFORE:
        pushed = {i.component for i in before if isinstance(i, Push)}
        before += [WaitComponent(c) for c in shared if c in pushed]
        return
    if held:
        pushed = {i.component for i in held if isinstance(i, Push)}
        held += [WaitComponent(c) for c in shared if c in pushed]
        return
    for instructions in slices.values():
        pushed = {i.component for i in instructions if isinstance(i, Push)}
        instructions += [WaitComponent(c) for c in machine_of if c in pushed]


def _ended(instructions: list[Instruction]) -> tuple[Instruction, ...]:
    """With a wait at the end for each instance that something is pushed to and that is there at the end."""
    deleted = {i.component for i in instructions if isinstance(i, Delete)}
    open_pushes: dict[str, None] = {}
    for instruction in instructions:
        if isinstance(instruction, Push):
            open_pushes[instruction.component] = None
        elif isinstance(instruction, WaitComponent):
            open_pushes.pop(instruction.component, None)
    found: list[Instruction] = []
    for instruction in instructions:
        if not (found and isinstance(instruction, WaitComponent) and found[-1] == instruction):
            found.append(instruction)
    return (*found, *(WaitComponent(c) for c in open_pushes if c not in deleted))


def _instances(program: Program, machine_of: Mapping[str, str], labels: Mapping[str, str]) -> tuple[str, ...]:
    found = dict.fromkeys(c for i in program.instructions for c in touches(i, labels))
    return tuple(c for c in found if c in machine_of)


def _partners(program: Program, own: set[str]) -> tuple[str, ...]:
    ends = [i.connection for i in program.instructions if isinstance(i, Connect | Disconnect)]
    return tuple(dict.fromkeys(c for e in ends for c in (e.user, e.provider) if c not in own))
