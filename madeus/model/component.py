"""Component types: places, transitions, stations, groups, ports and behaviors (J19 and J20 section 3, C20, MAU)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import inf
from typing import TypeVar

from madeus.model.action import Action
from madeus.model.value import Value, ValueType

K = TypeVar("K")

DEFAULT_BEHAVIOR = "deploy"
"""The behavior of transitions that name none."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Static duration interval of a transition's end, in seconds."""

    minimum: float = 0.0
    """Earliest end after the firing, in seconds."""

    maximum: float = inf
    """Latest end after the firing, in seconds; ``inf`` when nothing bounds it."""

    def __str__(self) -> str:
        upper = "infinity)" if self.maximum == inf else f"{self.maximum:g}]"
        return f"[{self.minimum:g}, {upper}"


ANY_TIME = Interval()
"""The interval of a transition that declares none: [0, infinity)."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a component type, given a value where an instance is made."""

    name: str
    type: ValueType
    default: Value | None = None
    """Value when an instance gives none; None: the instance has to."""


@dataclass(frozen=True, slots=True)
class Place:
    """A milestone of a component's life cycle."""

    name: str
    initial: bool = False
    probe: Action | None = None
    """An action that succeeds when the place really holds on its host."""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """An action that leads from one place to another; two with the same ends are two, each with its own token."""

    name: str
    source: str
    destination: str
    behaviors: tuple[str, ...] = (DEFAULT_BEHAVIOR,)
    stations: tuple[str, ...] = ()
    """Stations of the destination that its input dock belongs to; none: the place's default station."""
    interval: Interval = ANY_TIME
    actions: tuple[Action, ...] = ()
    idempotent: bool = False
    """Whether the actions may be run again when nobody knows how far they came."""
    probe: Action | None = None
    """An action that succeeds when the effect of the transition really holds on its host."""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A set of places; a token is in it on one of them, or on a dock or transition with both ends among them."""

    name: str
    places: tuple[str, ...]


class PortKind(StrEnum):
    """What a port carries."""

    DATA = "data"
    SERVICE = "service"


class Multiplicity(StrEnum):
    """How many connected provide ports a use port needs to be served."""

    ONE = "one"
    """Exactly one connection, which is active."""
    ANY = "any"
    """At least one connected port is active."""
    ALL = "all"
    """Every connected port is active."""


@dataclass(frozen=True, slots=True)
class ProvidePort:
    """A service or a value that a component offers."""

    name: str
    kind: PortKind
    bound: tuple[str, ...]
    """Places and groups; a service is active when every one holds a token. A data port has exactly one place."""
    type: ValueType | None = None
    """Type of a data port's value."""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class UsePort:
    """A service or a value that a component needs."""

    name: str
    kind: PortKind
    transitions: tuple[str, ...] = ()
    """Transitions that need it (Madeus)."""
    holders: tuple[str, ...] = ()
    """Places and groups that need it (Concerto); a service port only."""
    multiplicity: Multiplicity = Multiplicity.ONE
    optional: bool = False
    """Whether no connection at all is accepted."""
    type: ValueType | None = None
    doc: str = ""


def default_station(place: str) -> str:
    """Name of the station of a place that its transitions without a station share; no written name can equal it."""
    return f"*{place}"


@dataclass(frozen=True)
class ComponentType:
    """The life cycle of a kind of component.

    The indexes below are derived, computed once a type, and hold for every instance.
    """

    name: str
    places: tuple[Place, ...]
    transitions: tuple[Transition, ...] = ()
    behaviors: tuple[str, ...] = (DEFAULT_BEHAVIOR,)
    groups: tuple[Group, ...] = ()
    provides: tuple[ProvidePort, ...] = ()
    uses: tuple[UsePort, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    doc: str = field(default="", compare=False)

    @cached_property
    def place(self) -> dict[str, Place]:
        """Places by name."""
        return {p.name: p for p in self.places}

    @cached_property
    def transition(self) -> dict[str, Transition]:
        """Transitions by name."""
        return {t.name: t for t in self.transitions}

    @cached_property
    def provide(self) -> dict[str, ProvidePort]:
        """Provide ports by name."""
        return {p.name: p for p in self.provides}

    @cached_property
    def use(self) -> dict[str, UsePort]:
        """Use ports by name."""
        return {p.name: p for p in self.uses}

    @cached_property
    def group_places(self) -> dict[str, frozenset[str]]:
        """Places of each group; a place's name stands for the group of that place alone."""
        named = {p.name: frozenset((p.name,)) for p in self.places}
        named.update((g.name, frozenset(g.places)) for g in self.groups)
        return named

    @cached_property
    def initial_places(self) -> tuple[str, ...]:
        """Names of the initial places, in order of declaration."""
        return tuple(p.name for p in self.places if p.initial)

    @cached_property
    def outgoing(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """(behavior, place) -> transitions of the behavior that leave the place; no entry when there are none."""
        return _grouped(((b, t.source), t.name) for t in self.transitions for b in t.behaviors)

    @cached_property
    def stations(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """(behavior, station) -> transitions of the behavior in the station; never an empty one."""
        return _grouped(((b, s), t.name) for t in self.transitions for b in t.behaviors for s in self.stations_of(t))

    @cached_property
    def station_place(self) -> dict[str, str]:
        """Place that each station belongs to."""
        return {s: t.destination for t in self.transitions for s in self.stations_of(t)}

    def stations_of(self, transition: Transition) -> tuple[str, ...]:
        """Stations of a transition's input dock: the written ones, else the default one of its destination."""
        return transition.stations or (default_station(transition.destination),)

    @cached_property
    def transition_uses(self) -> dict[str, tuple[UsePort, ...]]:
        """Use ports bound to each transition."""
        bound = _grouped((t, u.name) for u in self.uses for t in u.transitions)
        return {t: tuple(self.use[u] for u in names) for t, names in bound.items()}

    @cached_property
    def produced(self) -> dict[str, tuple[str, ...]]:
        """Data provide ports bound to each place."""
        return _grouped((p.bound[0], p.name) for p in self.provides if p.kind is PortKind.DATA)


def _grouped(pairs: Iterable[tuple[K, str]]) -> dict[K, tuple[str, ...]]:
    lists: dict[K, list[str]] = {}
    for key, value in pairs:
        lists.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in lists.items()}
