"""Where a change begins: a configuration at rest, and the assembly that stands there."""

from __future__ import annotations

from dataclasses import replace

from madeus.model import Assembly, Instance, Program
from madeus.semantics import Configuration, System
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


def initial(assembly: Assembly) -> Configuration:
    """The configuration of an assembly on which nothing has run."""
    return start(assembly, deploying=False)


def standing(assembly: Assembly, now: Configuration) -> Assembly:
    """The assembly with the components and connections that there are now.

    A component that the assembly does not know (a program has added it) is made of its type alone.
    """
    added = sorted(now.components.keys() - assembly.instance.keys())
    instances = [instance for instance in assembly.instances if instance.name in now.components]
    instances += [Instance(name, now.components[name].type) for name in added]
    if tuple(instances) == assembly.instances and now.connections() == tuple(sorted(assembly.connections)):
        return assembly
    return replace(assembly, instances=tuple(instances), connections=now.connections())


def system_of(assembly: Assembly, now: Configuration, program: Program) -> System:
    """The system in which a program runs from a configuration at rest."""
    return System(standing(assembly, now), [[program]], begin=now)
