"""Taking over what stands on a machine that was changed past its catalog, by another state store for instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from madeus.layers.act import Act, Occasion
from madeus.layers.catalog import SPARE, Catalog
from madeus.layers.change import Change, Verb
from madeus.layers.errors import NothingToDo, Refused
from madeus.layers.layer import Layer, LayerKind
from madeus.layers.operation import stack_of


def adopt(catalog: Catalog, machine: str, there: Sequence[str], held: Mapping[str, bool], occasion: Occasion) -> Change:
    """Believe what a machine has. What was known of it becomes a state, as long as the host still has its layers.

    Nothing is switched. The next operation records what was taken over, as it would anything else.

    there: the stack on the machine, bottom to top; empty: none. held: the layers on it, and whether they are read-only.

    Raises:
        Refused: it is what is known already, or the host lacks a layer of its own stack.
    """
    stack = tuple(there)
    current = catalog.machine(machine)
    if stack == current.stack:
        raise NothingToDo(f"{machine} has the stack that is known: there is nothing to take over")
    missing = next((layer for layer in stack if layer not in held), None)
    if missing is not None:
        raise Refused(f"{machine} lacks {missing}, a layer of its own stack")
    known = current.stack
    keeps = bool(known) and known[-1:] != stack[-1:] and all(layer in held for layer in known)
    catalog = _as_held(catalog, machine, stack, held)
    act = Act(catalog, current if keeps else replace(current, stack=()), occasion, "adopt")
    frozen = {*stack[:-1], *(known if keeps else ())}
    for layer in sorted(frozen):
        if not held[layer]:
            act.step(Verb.FREEZE, layer=layer)
    act.catalog = act.catalog.with_layers(*(replace(act.catalog.layers[layer], frozen=True) for layer in frozen))
    role, version = _role_of(catalog, stack)
    what = f"{stack[-1]} on {len(stack) - 1} others" if stack else "an empty stack"
    return act.done(replace(current, role=role, version=version, stack=stack), f"adopt {what}")


def _as_held(catalog: Catalog, machine: str, stack: Sequence[str], held: Mapping[str, bool]) -> Catalog:
    """The catalog with the layers of the stack, and without the machine as a holder of what it has lost."""
    lost = [one for one in catalog.layers.values() if machine in one.holders and one.id not in held]
    catalog = catalog.with_layers(*(replace(one, holders=one.holders - {machine}) for one in lost))
    found = []
    for place, name in enumerate(stack):
        # What versions the layers are of nobody here knows: all that stands on the base counts as the machine's own.
        new = Layer(name, LayerKind.COPY if place else LayerKind.BASE)
        one = catalog.layers.get(name, new)
        found.append(replace(one, holders=one.holders | {machine}))
    return catalog.with_layers(*found)


def _role_of(catalog: Catalog, stack: tuple[str, ...]) -> tuple[str, str]:
    """The role and version whose layers a stack stands on; `SPARE` when they are of none that is known."""
    best, depth = (SPARE, ""), 0
    for role in catalog.roles.values():
        for version in role.versions:
            below = stack_of(role, version.name)
            if len(below) > depth and stack[: len(below)] == below:
                best, depth = (role.name, version.name), len(below)
    return best
