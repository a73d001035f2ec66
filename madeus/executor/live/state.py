"""The state of a live assembly: where its components stand, as JSON and back, and how the effect of a run comes into it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from immutables import Map

from madeus.executor.effects import NO_EFFECTS, Effects, standing
from madeus.executor.journal.snapshot import configuration_from_json, configuration_to_json
from madeus.model import Assembly, ComponentType, Connection, Instance, Secret, Value
from madeus.model.codec import NotAModel, read, to_json
from madeus.semantics import ComponentState, Configuration
from madeus.semantics.configuration import PortName, linked

OUTPUT = "output "
"""Begin of the names of values that are never written; they are known while the run that made them lasts."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """Instances and where they stand."""

    instances: tuple[Instance, ...]
    configuration: Configuration
    effects: Effects = NO_EFFECTS
    """Transitions of each component whose effect stands."""

    def assembly(self, name: str, types: Mapping[str, ComponentType]) -> Assembly:
        """The assembly that these instances and their connections are now."""
        return Assembly(name, types, self.instances, self.configuration.connections())

    def without(self, components: Collection[str]) -> LiveState:
        """The state without some components and what they are connected to."""
        if not components:
            return self
        conf = self.configuration
        left = Map({name: state for name, state in conf.components.items() if name not in components})
        kept = [c for c in conf.connections() if c.user in left and c.provider in left]
        data: dict[PortName, Value | None] = {port: v for port, v in conf.data.items() if port[0] in left}
        providers, users = linked(kept)
        instances = tuple(i for i in self.instances if i.name in left)
        effects: Effects = Map({name: ended for name, ended in self.effects.items() if name in left})
        return LiveState(instances, Configuration(left, providers, users, Map(data)), effects)


NOTHING = LiveState((), Configuration(Map(), Map(), Map(), Map()))
"""An assembly of which nothing is there yet."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a run has made of the components that it may change."""

    own: frozenset[str]
    instances: Mapping[str, Instance]
    components: Mapping[str, ComponentState]
    connections: tuple[Connection, ...]
    """Between two of them."""
    data: Mapping[PortName, Value | None]
    effects: Mapping[str, tuple[str, ...]]


def part_of(writes: Collection[str], instances: Mapping[str, Instance], after: Configuration, effects: Effects) -> Part:
    """The part of a run that may change the components `writes`. instances, effects: those of the run, by name.

    Values that must not be written are not known afterwards.
    """
    own = frozenset(writes)
    components = {name: after.components[name] for name in own if name in after.components}
    links = tuple(
        Connection(*use, *provide)
        for use, ends in after.providers.items()
        if use[0] in own
        for provide in ends
        if provide[0] in own
    )
    data = {port: _written(value) for port, value in after.data.items() if port[0] in own}
    stands = {name: effects[name] for name in components if name in effects}
    return Part(own, {name: instances[name] for name in components}, components, links, data, stands)


def merged(
    state: LiveState,
    writes: Collection[str],
    instances: Mapping[str, Instance],
    after: Configuration,
    effects: Effects,
) -> LiveState:
    """The state after a run that may change the components `writes`, and those alone; see `part_of`."""
    return with_parts(state, (part_of(writes, instances, after, effects),))


def with_parts(state: LiveState, parts: Iterable[Part]) -> LiveState:
    """The state after runs, in order. Those that change other components than all before them are put in together."""
    together: dict[str, Part] = {}
    for part in parts:
        if not together.keys().isdisjoint(part.own):
            state, together = _with_disjoint(state, together), {}
        together.update((name, part) for name in part.own)
    return _with_disjoint(state, together) if together else state


def _with_disjoint(state: LiveState, part_of: Mapping[str, Part]) -> LiveState:
    """The state after parts that have no component in common; by each component that one of them may change."""
    conf = state.configuration
    parts = tuple({id(part): part for part in part_of.values()}.values())
    components = {name: s for name, s in conf.components.items() if name not in part_of}
    kept = [
        Connection(*use, *provide)
        for use, ends in conf.providers.items()
        for provide in ends
        if use[0] not in part_of or part_of[use[0]] is not part_of.get(provide[0])
    ]
    data = {port: value for port, value in conf.data.items() if port[0] not in part_of}
    effects = {name: ended for name, ended in state.effects.items() if name not in part_of}
    before = {i.name: i for i in state.instances}
    names = dict.fromkeys(before)
    for part in parts:
        components.update(part.components)
        kept += part.connections
        data.update(part.data)
        effects.update(part.effects)
        names.update(dict.fromkeys(sorted(part.components.keys() - before.keys())))
    providers, users = linked(kept)
    there = tuple(
        part_of[name].instances[name] if name in part_of else before[name] for name in names if name in components
    )
    return LiveState(there, Configuration(Map(components), providers, users, Map(data)), Map(effects))


def restored(state: LiveState, own: Collection[str], before: LiveState) -> LiveState:
    """The state when some components, and what they are connected to, are again what they were at an earlier time.

    Connections with components that are not there any more are left out.
    """
    own = set(own)
    conf, was = state.configuration, before.configuration
    components = {name: s for name, s in conf.components.items() if name not in own}
    components.update((name, s) for name, s in was.components.items() if name in own)
    kept = [c for c in conf.connections() if c.user not in own and c.provider not in own]
    kept += [
        c
        for c in was.connections()
        if (c.user in own or c.provider in own) and c.user in components and c.provider in components
    ]
    data = {port: value for port, value in conf.data.items() if port[0] not in own}
    data.update((port, _written(value)) for port, value in was.data.items() if port[0] in own)
    providers, users = linked(kept)
    present = {i.name: i for i in state.instances if i.name not in own}
    earlier = {i.name: i for i in before.instances if i.name in own}
    order = [name for name in dict.fromkeys((*(i.name for i in state.instances), *earlier)) if name in components]
    effects = {name: ended for name, ended in state.effects.items() if name not in own}
    effects.update((name, ended) for name, ended in before.effects.items() if name in own)
    instances = tuple({**present, **earlier}[name] for name in order)
    return LiveState(instances, Configuration(Map(components), providers, users, Map(data)), Map(effects))


def given_up(state: LiveState, types: Mapping[str, ComponentType], components: Collection[str]) -> LiveState:
    """The state when the behaviors that some components are in the middle of are given up.

    Tokens that are on their way go back to where their transitions begin, what was queued is forgotten.
    """
    conf = state.configuration
    changed, effects = conf.components, state.effects
    for name in components:
        s = changed.get(name)
        if s is None or not (s.queue or s.in_flight):
            continue
        moving = s.output_docks | s.running | s.failed | s.input_docks
        sources = {types[s.type].transition[t].source for t in moving}
        places = s.places | sources
        changed = changed.set(name, ComponentState(s.type, places))
        effects = effects.set(name, standing(types[s.type], places, effects.get(name, ())))
    return replace(state, configuration=conf._replace(components=changed), effects=effects)


def put_back(
    state: LiveState, places: Mapping[str, frozenset[str]], effects: Mapping[str, tuple[str, ...]]
) -> LiveState:
    """The state when some components, which rest, are really at other places, with the effects that stand there."""
    components = state.configuration.components
    for name, marked in places.items():
        components = components.set(name, ComponentState(components[name].type, marked))
    return replace(
        state,
        configuration=state.configuration._replace(components=components),
        effects=state.effects.update(effects),
    )


def _written(value: Value | None) -> Value | None:
    return None if isinstance(value, Secret) and value.name.startswith(OUTPUT) else value


def state_to_json(state: LiveState) -> Any:
    """The state as JSON."""
    return {
        "instances": [to_json(i) for i in state.instances],
        **configuration_to_json(state.configuration),
        "effects": {name: list(ended) for name, ended in sorted(state.effects.items())},
    }


def state_from_json(coded: Any) -> LiveState:
    """The inverse. Raises NotAModel."""
    try:
        instances = tuple(read(Instance, i) for i in coded["instances"])
        # A state that an earlier version has written knows of no effects.
        effects: Effects = Map({str(c): tuple(map(str, ended)) for c, ended in coded.get("effects", {}).items()})
        return LiveState(instances, configuration_from_json(coded), effects)
    except (AttributeError, KeyError, TypeError) as error:
        raise NotAModel(f"no state of an assembly: {error}") from error
