"""What can be done to a machine: each operation as a function from a catalog to a `Change`, or a refusal.

Each records the state of the machine before it acts, and ends with a new writable layer on top of layers that never change
again. So a state can be returned to any number of times, and a return can be taken back like everything else (Blutopia's
life cycle of a machine).

====================  ============================================================================================
operation             new stack, bottom to top
====================  ============================================================================================
assign R v            base, versions of R up to v, new copy
upgrade v -> v'       versions after v up to v' between v's layer and the oldest copy; old copies; new copy
reprovision R'        base, versions of R' up to v', new copy
rollback to s         the stack of s, new copy
checkpoint            the present stack, new copy
compact               base and versions, one layer in place of all old copies, new copies
====================  ============================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from madeus.layers.act import Act, Occasion, layer_name
from madeus.layers.catalog import SPARE, Catalog, Machine, Role
from madeus.layers.change import Change, Verb
from madeus.layers.errors import NothingToDo, NotInChain, NotSpare, Refused, StillSpare
from madeus.layers.layer import Layer, LayerKind
from madeus.layers.state import State


def assign(catalog: Catalog, machine: str, role: str, version: str | None, occasion: Occasion) -> Change:
    """Give a spare machine a role. version: None for the latest.

    Raises:
        Refused: the machine has a role, or the role or version does not exist or is not made.
    """
    current = catalog.machine(machine)
    if current.role != SPARE:
        raise NotSpare(machine, current.role, current.version)
    if role == SPARE and current.stack:
        raise NothingToDo(f"{machine} is spare already")
    return _install(catalog, current, role, version, occasion, "assign")


def reprovision(catalog: Catalog, machine: str, role: str, version: str | None, occasion: Occasion) -> Change:
    """Make a machine anew as of another role, or of its own: what it has changed is not kept in its new stack.

    Raises:
        Refused: the role or version does not exist or is not made.
    """
    return _install(catalog, catalog.machine(machine), role, version, occasion, "reprovision")


def upgrade(
    catalog: Catalog,
    machine: str,
    version: str | None,
    occasion: Occasion,
    decisions: Sequence[Mapping[str, Any]] = (),
    seen: Mapping[str, Any] | None = None,
) -> Change:
    """Put later versions of its role below what a machine has changed. version: None for the latest.

    decisions: of masked files, as `madeus.layers.mask.to_resolve` gives them. seen: what they were about, as `to_check` gives
    it: the host refuses the switch when files have changed since.

    Raises:
        Refused: the version is not after the machine's one.
    """
    current = catalog.machine(machine)
    role, now, target = following(catalog, machine, version)
    copies = catalog.copies(current.stack)
    name = role.versions[target].name
    whole, below = stack_of(role, name), stack_of(role, role.versions[now].name)
    stacks = {"old": list(copies), "new": list(whole[len(below) :]), "below": list(below)}
    resolving = {**stacks, "decisions": [dict(decision) for decision in decisions]} if decisions else None
    checking = {**stacks, "seen": dict(seen)} if seen is not None and copies else None
    after, summary = replace(current, version=name), f"upgrade {role.name} {role.versions[now].name} to {name}"
    act = Act(catalog, current, occasion, "upgrade")
    return act.to(after, (*whole, *copies), summary, resolving, checking)


def following(catalog: Catalog, machine: str, version: str | None) -> tuple[Role, int, int]:
    """The role of a machine, and the places in its chain of the machine's version and of a later one.

    Raises:
        Refused: it is not later.
    """
    current = catalog.machine(machine)
    if current.role == SPARE:
        raise StillSpare(machine)
    role = catalog.role(current.role)
    now = role.index(current.version)
    target = len(role.versions) - 1 if version is None else role.index(version)
    where = (machine, current.version, role.name, role.versions[target].name)
    if target == now:
        latest = "is what it has" if target < len(role.versions) - 1 else "is what it has, and there is no later one"
        raise NotInChain(*where, latest, "")
    if target < now:
        raise NotInChain(*where, "comes before it", _way_back(catalog, machine, role.name, role.versions[target].name))
    return role, now, target


def rollback(catalog: Catalog, machine: str, number: int | None, occasion: Occasion) -> Change:
    """Return to a state. number: None for the latest.

    Raises:
        Refused: there is no such state.
    """
    current = catalog.machine(machine)
    if number is None:
        states = catalog.states_of(machine)
        if not states:
            raise NothingToDo(f"no state of {machine} was recorded yet: there is nothing to go back to")
        number = states[0].number
    state = catalog.state(machine, number)
    act = Act(catalog.with_state(replace(state, used=occasion.now)), current, occasion, "rollback")
    after = replace(current, role=state.role, version=state.version)
    return act.to(after, state.stack, f"rollback to {state.name}")


def checkpoint(catalog: Catalog, machine: str, occasion: Occasion, why: str = "checkpoint", run: str = "") -> Change:
    """Record the state of a machine and let it go on in a new copy. run: the run that wants it.

    Raises:
        Refused: nothing is stacked on it yet.
    """
    current = _stacked(catalog, machine)
    return Act(catalog, current, occasion, "checkpoint", why, run).to(current, current.stack, why)


def before_run(catalog: Catalog, run: str) -> list[State]:
    """The first state of each machine that was recorded in a run."""
    first: dict[str, State] = {}
    for state in catalog.states.values():
        if state.run == run and (state.machine not in first or state.number < first[state.machine].number):
            first[state.machine] = state
    return [first[machine] for machine in sorted(first)]


def compact(catalog: Catalog, machine: str, occasion: Occasion) -> Change:
    """One layer in place of all that a machine has changed. Its states keep the old layers until they are forgotten.

    Raises:
        Refused: it has changed nothing, or in a single layer.
    """
    current = _stacked(catalog, machine)
    copies = catalog.copies(current.stack)
    if len(copies) < 4:  # compacting leaves three
        layers = "one layer" if len(copies) == 1 else f"{len(copies)} layers"
        raise NothingToDo(f"{machine} has {layers} of its own: there is nothing to gain")
    below = current.stack[: -len(copies)]
    act = Act(catalog, current, occasion, "compact")
    squashed = Layer(layer_name(occasion, machine, mark="all"), LayerKind.COPY, True, holders=frozenset((machine,)))
    # What is written while the old copies are merged goes to a copy of its own, so that nothing is lost between two switches.
    meanwhile = act.new_copy("a")
    act.switch((*current.stack, meanwhile), current)
    act.step(Verb.MERGE, layers=list(copies), into=squashed.id)
    act.step(Verb.FREEZE, layer=squashed.id)
    act.catalog = act.catalog.with_layers(squashed)
    act.made.append(squashed.id)
    last = act.new_copy("b")
    stack = (*below, squashed.id, meanwhile, last)
    act.switch(stack, current)
    return act.done(replace(current, stack=stack), f"compact {len(copies)} layers")


def stack_of(role: Role, version: str | None) -> tuple[str, ...]:
    """Base and version layers of a role, bottom to top. Raises Unknown."""
    if not role.versions:
        if version:
            role.index(version)
        return (role.base,)
    target = role.index(version) if version else len(role.versions) - 1
    return (role.base, *(one.layer for one in role.versions[: target + 1]))


def _install(
    catalog: Catalog, current: Machine, role: str, version: str | None, occasion: Occasion, operation: str
) -> Change:
    found = catalog.role(role)
    if role != SPARE and not found.versions:
        raise Refused(f"role {role} has no version yet", "declare one, or package a machine as one")
    stack = stack_of(found, version)
    name = version or (found.versions[-1].name if found.versions else "")
    after = replace(current, role=role, version=name)
    return Act(catalog, current, occasion, operation).to(after, stack, f"{operation} {role} {name}".rstrip())


def _way_back(catalog: Catalog, machine: str, role: str, version: str) -> str:
    """How a machine comes to an earlier version: as it was itself, or anew."""
    was = next((s.number for s in catalog.states_of(machine) if (s.role, s.version) == (role, version)), None)
    if was is not None:
        return f"a machine goes back to what it was: `madeus rollback {machine} {was}`"
    return f"it never had it; `madeus role reprovision {role} {machine} --version {version}` makes it anew, without its changes"


def _stacked(catalog: Catalog, machine: str) -> Machine:
    current = catalog.machine(machine)
    if not current.stack:
        raise StillSpare(machine)
    return current
