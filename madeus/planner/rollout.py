"""A rollout as ordinary programs: the slices of a wave run side by side, the waves are stages of a system.

A stage of a system begins when the one before it is done and every component is at rest, so a wave's end is the gate that the
next wave waits for. `Compiled.part` cuts out the system of a few machines: everything else that they could notice is kept, so
whatever never happens there never happens in the whole.

Why that is sound. Dropped are components together with what is pushed to them. A step of a kept component looks at its own
tokens, at the providers it uses (kept), and, where it would take a service off, at the users of that service. Without a user
it may do more, never less: every run of the whole, its other steps left out, is a run of the part. So what is proved never to
happen in the part (safety) holds in the whole. `exact` keeps the users too, those that stand still under ``any`` with another
provider that stands still as well; then the part can do nothing more, and what is proved to happen holds in the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from immutables import Map

from madeus.fleet.slices import Sliced
from madeus.fleet.stages import Stages
from madeus.model import (
    Assembly,
    ComponentType,
    Connection,
    Instance,
    Multiplicity,
    Place,
    Program,
    Push,
    Transition,
    WaitComponent,
)
from madeus.planner.start import standing
from madeus.semantics import Configuration, Simulation, System, is_active, simulate
from madeus.semantics.configuration import ComponentState, linked

GATE = ComponentType(
    "(gate)",
    (Place("closed", initial=True), Place("open"), Place("left")),
    (Transition("open", "closed", "open", ("open",)), Transition("leave", "open", "left", ("leave",))),
    ("open", "leave"),
)
"""An observer: it is open from the end of one stage, and left after another one."""

OBSERVER = "(gate)"
"""Name of its instance; no written name has parentheses."""


STEPS_EACH = 40
"""Steps of a rehearsal for each transition and instruction there is."""


@dataclass(frozen=True)
class Part:
    """A system of a few machines of a rollout."""

    system: System
    names: tuple[str, ...]
    """Instances kept, those of the first machine first."""
    key: tuple[object, ...]
    """Equal for parts that are the same but for names."""


@dataclass(frozen=True)
class Compiled:
    """A rollout as programs."""

    assembly: Assembly
    begin: Configuration
    """Where the assembly stands when the first wave begins."""
    sliced: Sliced
    stages: Stages
    wave_of: dict[str, int] = field(default_factory=dict)
    still: dict[str, str] = field(default_factory=dict)
    """Instances that are upgraded already, with their machines: nothing is done to them any more."""

    @property
    def waves(self) -> tuple[tuple[Program, ...], ...]:
        """The programs of each wave."""
        made = self.sliced.machines
        return tuple(tuple(made[m] for s in wave for m in s.machines if m in made) for wave in self.stages.waves)

    @property
    def system(self) -> System:
        """The whole of it."""
        return System(self.assembly, [w for w in self.waves if w], 0, self.begin)

    @cached_property
    def machine_of(self) -> dict[str, str]:
        """Machine of each instance that a slice touches."""
        return {i: m for m, instances in self.sliced.instances.items() for i in instances}

    @cached_property
    def providers(self) -> dict[str, tuple[tuple[str, str, str], ...]]:
        """User -> (use port, provider, provide port)."""
        found: dict[str, list[tuple[str, str, str]]] = {}
        for c in self.begin.connections():
            found.setdefault(c.user, []).append((c.use, c.provider, c.provide))
        return {name: tuple(links) for name, links in found.items()}

    @cached_property
    def users(self) -> dict[str, tuple[tuple[str, str, str], ...]]:
        """Provider -> (provide port, user, use port)."""
        found: dict[str, list[tuple[str, str, str]]] = {}
        for c in self.begin.connections():
            found.setdefault(c.provider, []).append((c.provide, c.user, c.use))
        return {name: tuple(links) for name, links in found.items()}

    def part(self, machines: Sequence[str], gate: tuple[int, int] | None = None, exact: bool = False) -> Part:
        """The system of some machines, the slices of others that they depend on included.

        gate: an observer that opens when the waves before the first number are over, and leaves when the second one is.
        exact: keep users, too.
        """
        names, moving = self._kept(machines, exact)
        slices: dict[int, list[Program]] = {}
        for machine in moving:
            slices.setdefault(self.wave_of[machine], []).append(self.sliced.machines[machine])
        stages: list[list[Program]] = []
        if gate is not None and gate[0] <= 0:
            stages.append([self._observe("open")])
        for wave in range(len(self.stages.waves)):
            if slices.get(wave):
                stages.append(slices[wave])
            if gate is not None and wave == gate[0] - 1:
                stages.append([self._observe("open")])
            if gate is not None and wave == gate[1]:
                stages.append([self._observe("leave")])
        return self._cut(tuple(names), stages, gate is not None)

    def _observe(self, behavior: str) -> Program:
        return Program(behavior + OBSERVER, self.assembly.name, (Push(OBSERVER, behavior), WaitComponent(OBSERVER)))

    def _kept(self, machines: Sequence[str], exact: bool) -> tuple[dict[str, None], dict[str, None]]:
        """Instances to keep, and machines whose slices are kept."""
        names: dict[str, None] = {}
        moving: dict[str, None] = {}
        todo = list(machines)
        while todo:
            machine = todo.pop(0)
            if machine in moving:
                continue
            moving[machine] = None
            for instance in self.sliced.instances[machine]:
                names[instance] = None
                for _, provider, _ in self.providers.get(instance, ()):
                    self._keep(provider, names, todo)
                for provide, user, use in self.users.get(instance, ()) if exact else ():
                    self._keep(user, names, todo)
                    if user not in self.machine_of:
                        self._keep_other_providers(instance, provide, user, use, names, todo)
            for partner in self.sliced.shared[machine]:
                names[partner] = None
        return names, moving

    def _keep(self, name: str, names: dict[str, None], todo: list[str]) -> None:
        names[name] = None
        if name in self.machine_of:
            todo.append(self.machine_of[name])

    def _keep_other_providers(
        self, instance: str, provide: str, user: str, use: str, names: dict[str, None], todo: list[str]
    ) -> None:
        """What else serves a user that stands still: one that is active and stands still in this wave, else all of them."""
        kind = self.assembly.type_of(user)
        if kind.use[use].multiplicity is not Multiplicity.ANY:
            return
        wave = self.wave_of[self.machine_of[instance]]
        for moves, other in self._serving[user, use]:
            if moves != wave:
                names[other] = None  # stands still: its own slice is of another wave
                return
        for u, other, _ in self.providers[user]:
            if u == use and other != instance:
                self._keep(other, names, todo)

    @cached_property
    def _serving(self) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """For each use port of an instance: active providers that no slice or one of the wave moves, one a wave is enough."""
        still = System(self.assembly, (), 0, self.begin)
        found: dict[tuple[str, str], dict[int, str]] = {}
        for user, links in self.providers.items():
            for use, other, port in links:
                machine = self.machine_of.get(other)
                wave = -1 if machine is None else self.wave_of[machine]
                ends = found.setdefault((user, use), {})
                if len(ends) < 2 and wave not in ends and is_active(still, self.begin, other, port):
                    ends[wave] = other
        return {port: sorted(ends.items()) for port, ends in found.items()}

    @cached_property
    def _data(self) -> dict[str, list[str]]:
        """Data ports of each instance that have a value."""
        found: dict[str, list[str]] = {}
        for component, port in self.begin.data:
            found.setdefault(component, []).append(port)
        return found

    def _links(self, user: str, names: Sequence[str]) -> list[tuple[str, str, str]]:
        """Connections of a kept user to kept providers."""
        links = self.providers.get(user, ())
        if len(links) <= len(names):
            return [link for link in links if link[1] in names]
        return sorted((u, p, port) for p in names for port, name, u in self.users.get(p, ()) if name == user)

    def _cut(self, names: tuple[str, ...], stages: list[list[Program]], gated: bool) -> Part:
        instances = [self.assembly.instance[n] for n in names if n in self.assembly.instance]
        links = [
            Connection(user, use, provider, port) for user in names for use, provider, port in self._links(user, names)
        ]
        components = {n: self.begin.components[n] for n in names if n in self.begin.components}
        types = self.assembly.types
        if gated:
            instances.append(Instance(OBSERVER, GATE.name))
            components[OBSERVER] = ComponentState(GATE.name, frozenset(("closed",)))
            types = {**types, GATE.name: GATE}
        data = {(n, port): self.begin.data[n, port] for n in names for port in self._data.get(n, ())}
        providers, users = linked(links)
        begin = Configuration(Map(components), providers, users, Map(data))
        cut = replace(self.assembly, types=types, instances=tuple(instances), connections=tuple(links))
        return Part(System(cut, stages, 0, begin), names, _key(names, components, links, data, stages))


def rehearse(system: System) -> Simulation:
    """A simulated run, cut off where it does not seem to end."""
    size = sum(len(t.kind.transitions) for t in (system.tables[i.type] for i in system.instances.values()))
    size += sum(len(p.instructions) for p in system.programs)
    return simulate(system, steps=STEPS_EACH * (size + 1))


def compile_rollout(assembly: Assembly, begin: Configuration, sliced: Sliced, stages: Stages) -> Compiled:
    """A rollout from where an assembly rests. Machines in no stage are left alone: they are upgraded, or of a cluster that is
    left out, of which nobody knows whether they serve."""
    waves = {m: s.wave for s in stages.stages for m in s.machines if m in sliced.machines}
    kept = {m: p for m, p in sliced.machines.items() if m in waves}
    instances = {m: i for m, i in sliced.instances.items() if m in waves}
    left_out = {m for c in stages.left_out for m in c.machines}
    still = {i: m for m, own in sliced.instances.items() if m not in waves and m not in left_out for i in own}
    sliced = replace(sliced, machines=kept, instances=instances)
    return Compiled(standing(assembly, begin), begin, sliced, stages, waves, still)


def _key(
    names: tuple[str, ...],
    components: dict[str, ComponentState],
    links: Iterable[object],
    data: Iterable[tuple[str, str]],
    stages: Sequence[Sequence[Program]],
) -> tuple[object, ...]:
    """What a part is, its names replaced by numbers."""
    number = {name: f"#{n}" for n, name in enumerate(names)}

    def said(value: object) -> object:
        if isinstance(value, str):
            if value in number:
                return number[value]
            instance, dot, rest = value.rpartition(".")
            return f"{number[instance]}.{rest}" if dot and instance in number else value
        if isinstance(value, Instance):
            return (number[value.name], value.type)
        fields = getattr(type(value), "__dataclass_fields__", None)
        return (type(value).__name__, *(said(getattr(value, f)) for f in fields)) if fields else value

    return (
        tuple((c.type, tuple(sorted(c.places))) for c in components.values()),
        tuple(sorted(map(repr, map(said, links)))),
        tuple(sorted(repr((said(c), p)) for c, p in data)),
        tuple(tuple(sorted(repr(tuple(said(i) for i in p.instructions)) for p in stage)) for stage in stages),
    )
