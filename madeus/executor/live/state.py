"""The state of a live assembly: where its components stand, as JSON and back, and how the effect of a run comes into it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from immutables import Map

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
        return LiveState(instances, Configuration(left, providers, users, Map(data)))


NOTHING = LiveState((), Configuration(Map(), Map(), Map(), Map()))
"""An assembly of which nothing is there yet."""


def merged(
    state: LiveState, writes: Collection[str], instances: Mapping[str, Instance], after: Configuration
) -> LiveState:
    """The state after a run that may change the components `writes`, and those alone.

    instances: those of the run, by name. Values that must not be written are not known afterwards.
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
    return LiveState(there, Configuration(Map(components), providers, users, Map(data)))


def given_up(state: LiveState, types: Mapping[str, ComponentType], components: Collection[str]) -> LiveState:
    """The state when the behaviors that some components are in the middle of are given up.

    Tokens that are on their way go back to where their transitions begin, what was queued is forgotten.
    """
    conf = state.configuration
    changed = conf.components
    for name in components:
        s = changed.get(name)
        if s is None or not (s.queue or s.in_flight):
            continue
        moving = s.output_docks | s.running | s.failed | s.input_docks
        sources = {types[s.type].transition[t].source for t in moving}
        changed = changed.set(name, ComponentState(s.type, s.places | sources))
    return replace(state, configuration=conf._replace(components=changed))


def _written(value: Value | None) -> Value | None:
    return None if isinstance(value, Secret) and value.name.startswith(OUTPUT) else value


def state_to_json(state: LiveState) -> Any:
    """The state as JSON."""
    return {"instances": [to_json(i) for i in state.instances], **configuration_to_json(state.configuration)}


def state_from_json(coded: Any) -> LiveState:
    """The inverse. Raises NotAModel."""
    try:
        return LiveState(tuple(read(Instance, i) for i in coded["instances"]), configuration_from_json(coded))
    except (KeyError, TypeError) as error:
        raise NotAModel(f"no state of an assembly: {error}") from error
