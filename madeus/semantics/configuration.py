"""Configurations: everything that may change while an assembly runs (J19's <mk, ebl, val>, with MAU's queues).

Values here are named tuples over persistent maps rather than dataclasses: the simulator and the executor make one for each
step, and a step on one of 10,000 components must not cost more than on one of ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from immutables import Map

from madeus.model import Assembly, Connection, Instance, Value

PortName = tuple[str, str]
"""(instance, port)."""


class Pushed(NamedTuple):
    """A behavior in a component's queue."""

    behavior: str
    origin: str
    """Identity of the push: ``program#position``, or ``deploy`` for the one of an assembly without a program."""


class ComponentState(NamedTuple):
    """Tokens and queue of one component. A dock is named by its transition."""

    type: str
    """Name of the component type."""
    places: frozenset[str] = frozenset()
    output_docks: frozenset[str] = frozenset()
    """Transitions whose source has been left and that have not fired."""
    running: frozenset[str] = frozenset()
    """Transitions that have fired and neither ended nor failed."""
    failed: frozenset[str] = frozenset()
    """Transitions whose action failed; they keep their token."""
    input_docks: frozenset[str] = frozenset()
    """Transitions that have ended and whose station has not been entered."""
    queue: tuple[Pushed, ...] = ()
    """Pushed behaviors, the head first."""
    held: tuple[tuple[str, tuple[tuple[str, Value | None], ...]], ...] = ()
    """Values produced by ended transitions, kept with the input dock: (transition, ((port, value), ...))."""

    @property
    def head(self) -> str | None:
        """The behavior that is being executed."""
        return self.queue[0].behavior if self.queue else None

    @property
    def in_flight(self) -> bool:
        """Whether a dock or a transition holds a token."""
        return bool(self.output_docks or self.running or self.failed or self.input_docks)


class Clash(NamedTuple):
    """A second token came for an element that holds one already: an error of the model."""

    component: str
    element: str
    kind: str
    """``place``, ``output dock``, ``transition`` or ``input dock``."""


class Fate(StrEnum):
    """Whether a run goes on; see ``madeus.semantics.rollback``."""

    OPEN = "open"
    LOST = "lost"
    """An action has failed and the run will be taken back: nothing is started any more."""
    TAKEN_BACK = "taken back"
    """The run has ended, and everything is as it was before it."""

    __hash__ = str.__hash__  # configurations are keys all the time, and the hash of an Enum is a function in Python


class Configuration(NamedTuple):
    """A configuration of a system: equal ones behave alike, so a set of them is a state space."""

    components: Map[str, ComponentState]
    providers: Map[PortName, tuple[PortName, ...]]
    """Connections from the use port's side, sorted (when each was made is forgotten); no empty entries."""
    users: Map[PortName, tuple[PortName, ...]]
    """The same connections from the provide port's side."""
    data: Map[PortName, Value | None]
    """Values of the data provide ports that have one; None stands for a value nobody computed."""
    positions: tuple[int, ...] = ()
    """Index of the next instruction of each program of the system."""
    failures: int = 0
    """How many actions have failed, where the system bounds that number."""
    clash: Clash | None = None
    """Once set, no step is enabled."""
    fate: Fate = Fate.OPEN
    """LOST and TAKEN_BACK only where a program says ``on_failure rollback``."""

    def connections(self) -> tuple[Connection, ...]:
        """All connections, sorted."""
        return tuple(sorted(Connection(*use, *provide) for use, ends in self.providers.items() for provide in ends))


def start(assembly: Assembly, deploying: bool = True, programs: int = 0) -> Configuration:
    """The initial configuration of an assembly.

    deploying: push the default behavior once to every component whose type has it ("an assembly without a program behaves
    as if each component had had deploy pushed once"). programs: number of programs that stand at their first instruction.
    """
    components: dict[str, ComponentState] = {}
    data: dict[PortName, Value | None] = {}
    for instance in assembly.instances:
        kind = assembly.types[instance.type]
        queue = (Pushed("deploy", "deploy"),) if deploying and "deploy" in kind.behaviors else ()
        components[instance.name] = ComponentState(instance.type, frozenset(kind.initial_places), queue=queue)
        data.update(initial_data(assembly, instance))
    return Configuration(Map(components), *linked(assembly.connections), Map(data), (0,) * programs)


Links = Map[PortName, tuple[PortName, ...]]


def linked(connections: Iterable[Connection]) -> tuple[Links, Links]:
    """Connections as a configuration has them: by use port, and by provide port."""
    providers: dict[PortName, list[PortName]] = {}
    users: dict[PortName, list[PortName]] = {}
    for c in connections:
        providers.setdefault((c.user, c.use), []).append((c.provider, c.provide))
        users.setdefault((c.provider, c.provide), []).append((c.user, c.use))
    return _frozen(providers), _frozen(users)


def initial_data(assembly: Assembly, instance: Instance) -> Mapping[PortName, None]:
    """Data ports that have a value as soon as the instance exists: those of its initial places."""
    kind = assembly.types[instance.type]
    return {(instance.name, port): None for place in kind.initial_places for port in kind.produced.get(place, ())}


def _frozen(lists: dict[PortName, list[PortName]]) -> Map[PortName, tuple[PortName, ...]]:
    return Map({port: tuple(sorted(ends)) for port, ends in lists.items()})
