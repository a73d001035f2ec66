"""The state of a live assembly: where its components stand, as JSON and back, and how the effect of a run comes into it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from immutables import Map

from madeus.executor.effects import NO_EFFECTS, Effects, standing
from madeus.executor.journal.snapshot import configuration_from_json, configuration_to_json
from madeus.model import Assembly, ComponentType, Instance, Secret, Value
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


def merged(
    state: LiveState,
    writes: Collection[str],
    instances: Mapping[str, Instance],
    after: Configuration,
    effects: Effects,
) -> LiveState:
    """The state after a run that may change the components `writes`, and those alone.

    instances, effects: those of the run, by name. Values that must not be written are not known afterwards.
    """
    conf, own = state.configuration, set(writes)
    components = {name: s for name, s in conf.components.items() if name not in own}
    components.update((name, s) for name, s in after.components.items() if name in own)
    kept = [c for c in conf.connections() if not (c.user in own and c.provider in own)]
    kept += [c for c in after.connections() if c.user in own and c.provider in own]
    data = {port: value for port, value in conf.data.items() if port[0] not in own}
    data.update((port, _written(value)) for port, value in after.data.items() if port[0] in own)
    providers, users = linked(kept)
    before = {i.name: i for i in state.instances}
    order = [name for name in (*before, *sorted(own - set(before))) if name in components]
    there = tuple(instances[name] if name in own else before[name] for name in order)
    stands = {name: ended for name, ended in state.effects.items() if name not in own}
    stands.update((name, ended) for name, ended in effects.items() if name in own and name in components)
    return LiveState(there, Configuration(Map(components), providers, users, Map(data)), Map(stands))


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
