"""The catalog: every machine, role, layer and state that is known. A value; operations give another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from madeus.layers.errors import Unknown
from madeus.layers.layer import Layer, LayerKind
from madeus.layers.state import State

SPARE = "spare"
"""Role of machines that have none yet. It always exists and has no versions."""

SYSTEM = "system"
"""Base of the role `SPARE`: the host's own system."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a role; the one before it in the role's tuple is the one that it comes after."""

    name: str
    layer: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done with a file of the machine that hides one of a new version. The first glob that fits counts."""

    glob: str
    """``*`` and ``?`` stay within a directory, ``**`` does not."""
    how: str
    """``keep``, ``take``, ``merge`` or ``ask``."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a machine is for: versions in one line over a base."""

    name: str
    base: str = ""
    """Layer."""
    versions: tuple[Version, ...] = ()
    persistent: tuple[str, ...] = ()
    """Directories that stand beside the stack: no operation changes them."""
    services: tuple[str, ...] = ()
    """Stopped before a switch, in reverse, and started after it."""
    policies: tuple[Policy, ...] = ()
    lingering: str = "restart"
    """Of what else runs in a stack at a checkpoint: ``restart`` the services of its packages, ``end`` all, ``leave``."""

    def index(self, version: str) -> int:
        """Place of a version in the chain. Raises Unknown."""
        for index, one in enumerate(self.versions):
            if one.name == version:
                return index
        raise Unknown("version", version, [one.name for one in self.versions], of=self.name)


@dataclass(frozen=True, slots=True)
class Machine:
    """A host of the inventory and what it is now."""

    name: str
    role: str = SPARE
    version: str = ""
    stack: tuple[str, ...] = ()
    """Layers, bottom to top; the last one alone is writable. Empty: nothing is stacked yet."""
    recorded: int = 0
    """States that were ever recorded of it."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """What is known."""

    machines: Mapping[str, Machine] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=lambda: {SPARE: Role(SPARE, SYSTEM)})
    layers: Mapping[str, Layer] = field(default_factory=lambda: {SYSTEM: Layer(SYSTEM, LayerKind.BASE, True, "/")})
    states: Mapping[tuple[str, int], State] = field(default_factory=dict)
    """By machine and number."""

    def machine(self, name: str) -> Machine:
        """A machine. Raises Unknown."""
        return _of(self.machines, name, "machine", "`madeus host add` makes it known")

    def role(self, name: str) -> Role:
        """A role. Raises Unknown."""
        return _of(self.roles, name, "role", "`madeus role define FILE` defines the roles of a file")

    def layer(self, name: str) -> Layer:
        """A layer. Raises Unknown."""
        return _of(self.layers, name, "layer")

    def state(self, machine: str, number: int) -> State:
        """A state. Raises Unknown."""
        found = self.states.get((machine, number))
        if found is None:
            raise Unknown("state", str(number), [str(s.number) for s in self.states_of(machine)], of=machine)
        return found

    def states_of(self, machine: str) -> list[State]:
        """The states of a machine, the latest first."""
        return sorted((s for s in self.states.values() if s.machine == machine), key=lambda s: -s.number)

    def copies(self, stack: tuple[str, ...]) -> tuple[str, ...]:
        """The layers of a stack that the machine itself has written, bottom to top."""
        return tuple(name for name in stack if self.layers[name].kind is LayerKind.COPY)

    def is_made(self, layer: str) -> bool:
        """Whether a layer has contents somewhere, or can be had from its source."""
        found = self.layers.get(layer)
        return found is not None and found.frozen and bool(found.holders or found.source)

    def referring(self, layer: str) -> Iterator[str]:
        """What needs a layer: machines, states and versions, by name."""
        for machine in self.machines.values():
            if layer in machine.stack:
                yield machine.name
        for state in self.states.values():
            if layer in state.stack:
                yield state.name
        for role in self.roles.values():
            if layer == role.base:
                yield f"role {role.name}"
            for version in role.versions:
                if layer == version.layer:
                    yield f"{role.name} {version.name}"

    def referred(self) -> frozenset[str]:
        """Every layer that something needs."""
        found = {layer for machine in self.machines.values() for layer in machine.stack}
        found |= {layer for state in self.states.values() for layer in state.stack}
        for role in self.roles.values():
            found |= {role.base, *(version.layer for version in role.versions)} - {""}
        return frozenset(found)

    def with_machine(self, machine: Machine) -> Catalog:
        """The catalog with this machine in place of the one of its name."""
        return replace(self, machines={**self.machines, machine.name: machine})

    def with_role(self, role: Role) -> Catalog:
        """The catalog with this role in place of the one of its name."""
        return replace(self, roles={**self.roles, role.name: role})

    def with_layers(self, *layers: Layer) -> Catalog:
        """The catalog with these layers in place of those of their names."""
        return replace(self, layers={**self.layers, **{layer.id: layer for layer in layers}})

    def with_state(self, state: State) -> Catalog:
        """The catalog with this state in place of the one of its name."""
        return replace(self, states={**self.states, (state.machine, state.number): state})


def _of(table: Mapping[str, T], name: str, what: str, way_out: str = "") -> T:
    if name in table:
        return table[name]
    raise Unknown(what, name, sorted(table), way_out if not table else "")
