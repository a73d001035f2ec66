"""An assembly that begins where another one rests: what checker and simulator take for a change of a running assembly."""

from __future__ import annotations

from dataclasses import replace

from madeus.model import Assembly, ComponentType, Connection, Instance, PortKind
from madeus.semantics import Configuration
from madeus.semantics.configuration import start


class NotAtRest(ValueError):
    """A configuration has tokens under way or behaviors queued. components: those that are not at rest."""

    def __init__(self, components: tuple[str, ...]) -> None:
        super().__init__(components)
        self.components = components

    def __str__(self) -> str:
        return f"not at rest: {', '.join(self.components)}"


def check_rest(now: Configuration) -> None:
    """Raises NotAtRest."""
    moving = tuple(sorted(name for name, state in now.components.items() if state.queue or state.in_flight))
    if moving or now.clash is not None:
        raise NotAtRest(moving)


def rebased(assembly: Assembly, now: Configuration) -> Assembly:
    """The assembly whose initial configuration is a given one at rest.

    Its types have the marked places as initial ones. A data use port whose providers all have their value stays served for
    ever (a value never goes off), so it is left out, as is what only it was connected to. Raises NotAtRest.
    """
    check_rest(now)
    types: dict[str, ComponentType] = dict(assembly.types)
    instances: list[Instance] = []
    dropped: set[tuple[str, str]] = set()
    position = {instance.name: number for number, instance in enumerate(assembly.instances)}
    for name in sorted(now.components, key=lambda name: (position.get(name, len(position)), name)):
        state = now.components[name]
        kind = assembly.types[state.type]
        read = frozenset(
            use.name
            for use in kind.uses
            if use.kind is PortKind.DATA
            and now.providers.get((name, use.name))
            and all(end in now.data for end in now.providers[(name, use.name)])
        )
        dropped.update((name, use) for use in read)
        key = state.type
        if state.places != frozenset(kind.initial_places) or read:
            key = "@".join((state.type, *sorted(state.places), *(f"-{use}" for use in sorted(read))))
        if key not in types:
            types[key] = replace(
                kind,
                name=key,
                places=tuple(replace(place, initial=place.name in state.places) for place in kind.places),
                uses=tuple(use for use in kind.uses if use.name not in read),
            )
        made = assembly.instance.get(name, Instance(name, state.type))
        instances.append(replace(made, type=key))
    connections: list[Connection] = [c for c in now.connections() if (c.user, c.use) not in dropped]
    return Assembly(assembly.name, types, tuple(instances), tuple(connections), assembly.doc)


def initial(assembly: Assembly) -> Configuration:
    """The configuration of an assembly on which nothing has run."""
    return start(assembly, deploying=False)
