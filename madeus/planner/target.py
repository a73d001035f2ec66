"""What a change is to come to, and from where: components before and after, their connections, what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from madeus.model import Assembly, Connection, Instance
from madeus.planner.life import Places
from madeus.semantics import Configuration


@dataclass(frozen=True)
class Target:
    """What has to hold when everything rests again."""

    places: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Component -> places that are marked."""
    once: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Component -> behaviors that have been executed on the way, at least one transition of each."""
    serving: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Component -> services that are active."""
    instances: Mapping[str, Instance] | None = None
    """The components there are then; None: those there are now. One with other arguments or another type is replaced."""
    connections: frozenset[Connection] | None = None
    """The connections there are then; None: those there are now, between components that stay."""


@dataclass(frozen=True)
class Unit:
    """One life of a component: a component that is replaced is two units."""

    key: str
    """The component's name; with a mark for the later one of two of the same name."""
    instance: Instance
    start: Places
    """Marked places when it begins: now, or when it is added."""
    added: bool = False
    deleted: bool = False
    data: frozenset[str] = frozenset()
    """Data provide ports that have a value from the beginning."""
    home: Places | None = None
    """Where it is best at the end when nothing else is asked."""

    @property
    def name(self) -> str:
        """Name of the component."""
        return self.instance.name

    @property
    def type(self) -> str:
        """Name of its type."""
        return self.instance.type


@dataclass(frozen=True, slots=True)
class Link:
    """A connection between units."""

    connection: Connection
    user: str
    """Key of the unit."""
    provider: str
    now: bool
    """Whether it is there now."""
    then: bool
    """Whether it is there at the end."""

    @property
    def kept(self) -> bool:
        """Whether it is there all the time."""
        return self.now and self.then


@dataclass(frozen=True)
class Change:
    """Units and links: everything the search needs to know of the assembly."""

    assembly: Assembly
    units: Mapping[str, Unit]
    by_user: Mapping[tuple[str, str], tuple[Link, ...]]
    """(unit, use port) -> its links."""
    by_provider: Mapping[tuple[str, str], tuple[Link, ...]]
    links: tuple[Link, ...]


def later(name: str) -> str:
    """Key of the second unit of a name."""
    return f"{name}'"


def change(assembly: Assembly, now: Configuration, target: Target, homes: Mapping[str, Places]) -> Change:
    """The change from a configuration at rest, with the assembly that stands there, to a target.

    homes: where new components of each type are best at the end.
    """
    present = assembly.instance
    wanted = present if target.instances is None else target.instances
    units: dict[str, Unit] = {}
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for name, instance in present.items():
        stays = name in wanted and _same(wanted[name], instance)
        state = now.components[name]
        data = frozenset(port for port in assembly.types[instance.type].provide if (name, port) in now.data)
        initial = frozenset(assembly.types[instance.type].initial_places)
        home = state.places if stays else initial
        units[name] = Unit(name, instance, state.places, False, not stays, data, home)
        before[name] = name
        if stays:
            after[name] = name
    for name, instance in wanted.items():
        if name in after:
            continue
        key = later(name) if name in units else name
        kind = assembly.types[instance.type]
        start = frozenset(kind.initial_places)
        data = frozenset(port for place in start for port in kind.produced.get(place, ()))
        former = present.get(name)
        old = now.components[name].places if former is not None and former.type == instance.type else None
        units[key] = Unit(key, instance, start, True, False, data, old or homes.get(instance.type))
        after[name] = key
    current = frozenset(now.connections())
    final = target.connections
    if final is None:
        final = frozenset(c for c in current if c.user in wanted and c.provider in wanted)
    links: list[Link] = []
    for c in sorted({*current, *final}):
        is_now, is_then = c in current, c in final
        old_ends = (before.get(c.user), before.get(c.provider))
        new_ends = (after.get(c.user), after.get(c.provider))
        if is_now and is_then and old_ends == new_ends:
            links.append(Link(c, c.user, c.provider, True, True))
            continue
        if is_now:
            links.append(Link(c, c.user, c.provider, True, False))
        if is_then and new_ends[0] is not None and new_ends[1] is not None:
            links.append(Link(c, new_ends[0], new_ends[1], False, True))
    by_user: dict[tuple[str, str], list[Link]] = {}
    by_provider: dict[tuple[str, str], list[Link]] = {}
    for link in links:
        by_user.setdefault((link.user, link.connection.use), []).append(link)
        by_provider.setdefault((link.provider, link.connection.provide), []).append(link)
    return Change(
        assembly,
        units,
        {port: tuple(found) for port, found in by_user.items()},
        {port: tuple(found) for port, found in by_provider.items()},
        tuple(links),
    )


def _same(one: Instance, other: Instance) -> bool:
    return (one.type, one.host, dict(one.arguments)) == (other.type, other.host, dict(other.arguments))
