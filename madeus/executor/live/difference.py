"""What has changed in a model since it was deployed, and what of that a live assembly cannot take."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from immutables import Map

from madeus.executor.effects import Effects
from madeus.executor.live.state import LiveState
from madeus.model import Assembly, ComponentType, Multiplicity
from madeus.semantics import System
from madeus.semantics.configuration import initial_data
from madeus.semantics.ports import is_in_use, unserved

Named = TypeVar("Named")


@dataclass(frozen=True, slots=True)
class Difference:
    """A newer model beside a live assembly."""

    changes: tuple[str, ...] = ()
    """What is different, a line for each."""
    problems: tuple[str, ...] = ()
    """Why the live assembly cannot go on with the newer model."""


def compare(
    state: LiveState, before: Mapping[str, ComponentType], after: Assembly, added_later: Collection[str] = ()
) -> Difference:
    """The difference between what lives, of the types `before`, and an assembly as a file has it now.

    added_later: instances that programs add; that the file's assembly lacks them is no difference.
    """
    changes: list[str] = []
    problems: list[str] = []
    for name in sorted({i.type for i in state.instances}):
        if name not in after.types:
            who = ", ".join(i.name for i in state.instances if i.type == name)
            problems.append(f"the type {name} of {who} is gone")
        elif before[name] != after.types[name]:
            changes += [f"type {name}: {line}" for line in _of_type(before[name], after.types[name])]
    changes += _of_instances(state, after, added_later, problems)
    live = set(state.configuration.connections())
    if {i.name for i in state.instances} == set(after.instance):
        changes += [
            f"connection {c}: in the file, not in the live assembly" for c in after.connections if c not in live
        ]
        there = set(after.connections)
        changes += [f"connection {c}: in the live assembly, not in the file" for c in sorted(live - there)]
    if not problems:
        problems += _of_tokens(state, after.types)
        problems += _of_ports(state, after.types)
    return Difference(tuple(changes), tuple(problems))


def adapted(state: LiveState, after: Assembly) -> LiveState:
    """The state under a newer model that it can go on with: arguments as the file has them, data ports as the types."""
    instances = tuple(
        replace(i, arguments=after.instance[i.name].arguments) if i.name in after.instance else i
        for i in state.instances
    )
    conf = state.configuration
    data = {(c, p): v for (c, p), v in conf.data.items() if p in after.types[conf.components[c].type].provide}
    for instance in instances:
        for port, value in initial_data(after, instance).items():
            data.setdefault(port, value)
    effects: Effects = Map(
        {
            name: tuple(t for t in ended if t in after.types[conf.components[name].type].transition)
            for name, ended in state.effects.items()
        }
    )
    return LiveState(instances, conf._replace(data=Map(data)), effects)


def _of_instances(
    state: LiveState, after: Assembly, added_later: Collection[str], problems: list[str]
) -> Iterator[str]:
    live = {i.name: i for i in state.instances}
    for name, instance in live.items():
        now = after.instance.get(name)
        if now is None:
            if name not in added_later:
                yield f"instance {name}: in the live assembly, not in the file"
            continue
        if now.type != instance.type:
            problems.append(
                f"{name} is a {instance.type} and the file has it as a {now.type}: delete it and add it anew"
            )
        if now.host != instance.host:
            problems.append(
                f"{name} lives on {instance.host} and the file has it on {now.host}: delete it and add it anew"
            )
        old = dict(instance.arguments)
        for key, value in now.arguments:
            if key not in old or old[key] != value:
                yield f"instance {name}: {key} = {value}" + (f", was {old[key]}" if key in old else "")
    for name in after.instance:
        if name not in live and name not in added_later:
            yield f"instance {name}: in the file, not in the live assembly"


def _of_type(before: ComponentType, after: ComponentType) -> Iterator[str]:
    yield from _lines("place", before.place, after.place)
    yield from _lines("transition", before.transition, after.transition)
    yield from _lines("behavior", dict.fromkeys(before.behaviors), dict.fromkeys(after.behaviors))
    groups = ({g.name: g for g in kind.groups} for kind in (before, after))
    yield from _lines("group", *groups)
    yield from _lines("provide port", before.provide, after.provide)
    yield from _lines("use port", before.use, after.use)
    parameters = ({p.name: p for p in kind.parameters} for kind in (before, after))
    yield from _lines("parameter", *parameters)


def _lines(what: str, before: Mapping[str, Named], after: Mapping[str, Named]) -> Iterator[str]:
    for name in before:
        if name not in after:
            yield f"{what} {name} removed"
        elif _plain(before[name]) != _plain(after[name]):
            yield f"{what} {name} changed"
    for name in after:
        if name not in before:
            yield f"{what} {name} added"


def _plain(part: object) -> object:
    return replace(part, doc="") if hasattr(part, "doc") else part  # type: ignore[type-var]  # every part of a type is a dataclass


def _of_tokens(state: LiveState, types: Mapping[str, ComponentType]) -> Iterator[str]:
    for name, s in sorted(state.configuration.components.items()):
        kind = types[s.type]
        for place in sorted(s.places - set(kind.place)):
            yield f"{name} is at {place}, and {s.type} has no place {place} any more"


def _of_ports(state: LiveState, types: Mapping[str, ComponentType]) -> Iterator[str]:
    conf = state.configuration
    gone: list[str] = []
    taken: dict[tuple[str, str], int] = {}
    for c in conf.connections():
        user, provider = types[conf.components[c.user].type], types[conf.components[c.provider].type]
        use, provide = user.use.get(c.use), provider.provide.get(c.provide)
        ends = f"{c.user}.{c.use} is connected to {c.provider}.{c.provide}, and"
        if use is None:
            gone.append(f"{ends} {user.name} has no use port {c.use} any more")
        if provide is None:
            gone.append(f"{ends} {provider.name} has no provide port {c.provide} any more")
        if use is not None and provide is not None and (use.kind, use.type) != (provide.kind, provide.type):
            gone.append(f"{ends} they no longer fit")
        taken[(c.user, c.use)] = taken.get((c.user, c.use), 0) + 1
        if use is not None and use.multiplicity is Multiplicity.ONE and taken[(c.user, c.use)] == 2:
            gone.append(f"{c.user}.{c.use} takes one connection now, and has several")
    yield from gone
    if not gone and not any(_of_tokens(state, types)):
        yield from _of_services(state, types)


def _of_services(state: LiveState, types: Mapping[str, ComponentType]) -> Iterator[str]:
    """Use ports that would be in use and not be served."""
    assembly = state.assembly("", types)
    system = System(assembly, begin=state.configuration)
    for instance in assembly.instances:
        s = state.configuration.components[instance.name]
        for use in types[instance.type].uses:
            if s.queue or not is_in_use(system, s, use):
                continue
            reason = unserved(system, state.configuration, instance.name, use)
            if reason is not None:
                yield f"{instance.name}.{use.name} would be in use without being served: {reason}"


__all__ = ["Difference", "adapted", "compare"]
