"""How an operation is put together: the steps on its machine, and the catalog that they lead to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from madeus.layers.catalog import Catalog, Machine
from madeus.layers.change import Change, HostStep, Verb
from madeus.layers.errors import NotMade
from madeus.layers.layer import Layer, LayerKind
from madeus.layers.state import State

_GO_ON = ("checkpoint", "package", "compact")
"""Operations that leave the machine with the files that it has."""

LONGEST = 64
"""Characters of a layer's name, at most."""

_ODD = re.compile(r"[^A-Za-z0-9_.-]+")


def layer_name(occasion: Occasion, *words: str, mark: str = "") -> str:
    """A name for a new layer that no other layer has, beginning with these words."""
    end = f"-{occasion.unique}{mark}"
    stem = _ODD.sub("-", "-".join(words)).strip("-._") or "layer"
    return stem[: LONGEST - len(end)] + end


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a pure function cannot find by itself."""

    unique: str
    """Letters and digits that no other operation has: names of new layers end in it."""
    now: float
    """Seconds since the Unix epoch."""


class Act:
    """Collects the steps of one operation, and the catalog that they lead to."""

    def __init__(
        self,
        catalog: Catalog,
        machine: Machine,
        occasion: Occasion,
        operation: str,
        why: str | None = None,
        run: str = "",
    ) -> None:
        self.machine, self.occasion, self.operation = machine, occasion, operation
        self.steps: list[HostStep] = []
        self.made: list[str] = []
        self.catalog = catalog
        self.recorded = machine.recorded
        self.stands = machine.stack
        if machine.stack:
            self.recorded += 1
            state = State(
                *(machine.name, self.recorded, machine.role, machine.version, machine.stack),
                *(occasion.now, occasion.now, why or operation, run),
            )
            self.catalog = catalog.with_state(state)

    def step(self, verb: Verb, **arguments: Any) -> None:
        """Add a step."""
        self.steps.append(HostStep(self.machine.name, verb, arguments))

    def provide(self, stack: Sequence[str]) -> None:
        """See to it that the machine has the layers of a stack."""
        name = self.machine.name
        for layer in stack:
            found = self.catalog.layers.get(layer)
            if found is not None and name in found.holders:
                continue
            if found is None or not self.catalog.is_made(layer):
                raise NotMade(layer, next(iter(self.catalog.referring(layer)), layer))
            if found.source:
                self.step(Verb.SEED, layer=layer, **{"from": found.source})
            else:
                self.step(Verb.FETCH, layer=layer, holder=min(found.holders))
            self.catalog = self.catalog.with_layers(replace(found, holders=found.holders | {name}))

    def new_copy(self, mark: str = "") -> str:
        """A new layer to write in, made by the switch to it; its name."""
        name = layer_name(self.occasion, self.machine.name, mark=mark)
        self.catalog = self.catalog.with_layers(Layer(name, LayerKind.COPY, holders=frozenset((self.machine.name,))))
        self.made.append(name)
        return name

    def switch(self, stack: Sequence[str], after: Machine, masks: Mapping[str, Any] | None = None) -> None:
        """Another root; the last layer is the writable one, the others are read-only from then on."""
        mine = (*self.machine.stack[-1:], *stack[:-1])
        frozen = [replace(self.catalog.layers[name], frozen=True) for name in mine]
        self.catalog = self.catalog.with_layers(*frozen)
        before, role = self.catalog.role(self.machine.role), self.catalog.role(after.role)
        stopped = before.services if self.machine.stack else ()
        self.step(
            Verb.SWITCH,
            stack=list(stack[:-1]),
            writable=stack[-1],
            persistent=list(role.persistent),
            services={"stop": list(reversed(stopped)), "start": list(role.services)},
            # What goes on with the same files may still be at work for it; what was started in other files may not.
            lingering=before.lingering if self.operation in _GO_ON else "end",
            expects=list(self.stands),
            retire=[name for name in self.machine.stack[-1:] if name not in stack],
            **({} if masks is None else {"masks": dict(masks)}),
        )
        self.stands = tuple(stack)

    def to(
        self,
        after: Machine,
        stack: Sequence[str],
        summary: str,
        resolving: Mapping[str, Any] | None = None,
        checking: Mapping[str, Any] | None = None,
    ) -> Change:
        """The change that ends with this stack and a new copy on it."""
        self.provide(stack)
        copy = self.new_copy()
        if resolving is not None:
            self.step(Verb.CREATE, layer=copy)
            self.step(Verb.RESOLVE, into=copy, **resolving)
        whole = (*stack, copy)
        self.switch(whole, after, checking)
        return self.done(replace(after, stack=whole), summary)

    def done(self, after: Machine, summary: str) -> Change:
        """The change."""
        catalog = self.catalog.with_machine(replace(after, recorded=self.recorded))
        name = self.machine.name
        undo = (HostStep(name, Verb.DELETE, {"layers": list(self.made)}),)
        return Change(self.operation, summary, catalog, tuple(self.steps), undo, (name,))
