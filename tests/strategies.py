"""Random small systems: every construct of the model, small enough to enumerate."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from madeus.model import (
    Add,
    Assembly,
    ComponentType,
    Connect,
    Connection,
    Delete,
    Disconnect,
    Group,
    Instance,
    Instruction,
    Multiplicity,
    Place,
    PortKind,
    Program,
    ProvidePort,
    Push,
    Transition,
    UsePort,
    WaitAll,
    WaitComponent,
    WaitPush,
)
from madeus.semantics.system import System

BEHAVIORS = ("deploy", "update", "stop")
NAMES = ("a", "b", "c", "d")


@st.composite
def component_types(draw: st.DrawFn, name: str, behaviors: tuple[str, ...] = BEHAVIORS) -> ComponentType:
    """A component type with cycles, forks, joins, stations, groups, services, data and uses of both kinds."""
    places = [f"p{i}" for i in range(draw(st.integers(1, 4)))]
    initial = draw(st.sampled_from([1, 1, 1, 2])) if len(places) > 1 else 1
    transitions = []
    tame = draw(st.booleans())  # the first behavior leads forward and the others back, so that most runs get somewhere
    for i in range(draw(st.integers(0, 6))):
        source, destination = draw(st.sampled_from(places)), draw(st.sampled_from(places))
        own = draw(st.lists(st.sampled_from(behaviors), min_size=1, max_size=2, unique=True))
        if tame and len(places) > 1:
            first, second = draw(st.lists(st.sampled_from(places), min_size=2, max_size=2, unique=True))
            source, destination = min(first, second), max(first, second)
            own = own[:1]
            if own[0] != behaviors[0]:
                source, destination = destination, source
        stations = draw(st.sampled_from([(), (), (), ("x",), ("y",), ("x", "y")]))
        named = tuple(f"{s}_{destination}" for s in stations)
        transitions.append(Transition(f"t{i}", source, destination, tuple(own), named))
    groups = []
    if draw(st.booleans()):
        members = draw(st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True))
        groups.append(Group("g", tuple(members)))
    bindable = [*places, *(g.name for g in groups)]
    provides = [
        ProvidePort(f"s{i}", PortKind.SERVICE, tuple(draw(_bound(bindable)))) for i in range(draw(st.integers(0, 2)))
    ]
    if draw(st.booleans()):
        provides.append(ProvidePort("v", PortKind.DATA, (draw(st.sampled_from(places)),)))
    uses = [draw(_use_port(f"u{i}", [t.name for t in transitions], bindable)) for i in range(draw(st.integers(0, 2)))]
    return ComponentType(
        name,
        tuple(Place(p, i < initial) for i, p in enumerate(places)),
        tuple(transitions),
        behaviors,
        tuple(groups),
        tuple(provides),
        tuple(uses),
    )


def _bound(bindable: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(bindable), min_size=1, max_size=2, unique=True)


@st.composite
def _use_port(draw: st.DrawFn, name: str, transitions: list[str], bindable: list[str]) -> UsePort:
    multiplicity = draw(st.sampled_from(Multiplicity))
    optional = draw(st.booleans())
    if transitions and draw(st.booleans()):
        bound = tuple(draw(st.lists(st.sampled_from(transitions), min_size=1, max_size=2, unique=True)))
        kind = draw(st.sampled_from([PortKind.SERVICE, PortKind.SERVICE, PortKind.DATA]))
        return UsePort(name, kind, bound, (), multiplicity, optional)
    return UsePort(name, PortKind.SERVICE, (), tuple(draw(_bound(bindable))), multiplicity, optional)


def possible_connections(assembly: Assembly, instances: list[Instance]) -> list[Connection]:
    """Every connection of ports of one kind among some instances."""
    return [
        Connection(user.name, use.name, provider.name, provide.name)
        for user in instances
        for provider in instances
        for use in assembly.types[user.type].uses
        for provide in assembly.types[provider.type].provides
        if use.kind is provide.kind
    ]


@st.composite
def assemblies(draw: st.DrawFn, most: int = 4, behaviors: tuple[str, ...] = BEHAVIORS) -> Assembly:
    """One to ``most`` components of one to three types, connected at random."""
    types = {name: draw(component_types(name, behaviors)) for name in ("A", "B", "C")[: draw(st.integers(1, 3))]}
    count = draw(st.integers(1, most))
    instances = [Instance(name, draw(st.sampled_from(sorted(types)))) for name in NAMES[:count]]
    bare = Assembly("random", types, tuple(instances))
    return Assembly("random", types, tuple(instances), tuple(draw(_connected(bare, instances))))


@st.composite
def _connected(draw: st.DrawFn, bare: Assembly, instances: list[Instance]) -> list[Connection]:
    possible = possible_connections(bare, instances)
    if draw(st.booleans()):
        possible = [c for c in possible if c.provider < c.user]  # no cycles
    chosen: list[Connection] = []
    if possible:
        for c in draw(st.lists(st.sampled_from(possible), max_size=5, unique=True)):
            use = bare.type_of(c.user).use[c.use]
            taken = any((o.user, o.use) == (c.user, c.use) for o in chosen)
            if use.multiplicity is not Multiplicity.ONE or not taken:
                chosen.append(c)
    return chosen


@st.composite
def systems(draw: st.DrawFn, most: int = 3) -> System:
    """A deployment, or programs side by side and in stages on an assembly; failures none, one or any number."""
    assembly = draw(assemblies(most))
    failures = draw(st.sampled_from([0, 0, 0, 1, 2, None]))
    if draw(st.integers(0, 3)) == 0:
        return System(assembly, (), failures)
    added = [
        Instance(name, draw(st.sampled_from(sorted(assembly.types)))) for name in NAMES[: len(assembly.instances) + 1]
    ]
    every = [*assembly.instances, *added]
    possible = list(dict.fromkeys(possible_connections(assembly, every)))
    shape = draw(st.sampled_from([(1,), (1,), (2,), (1, 1), (2, 1), (1, 2), (0, 1)]))
    stages = []
    for stage, count in enumerate(shape):
        programs = []
        for number in range(count):
            name = f"r{stage}{number}"
            programs.append(Program(name, "random", tuple(draw(_instructions(assembly, added, possible)))))
        stages.append(programs)
    return System(assembly, stages, failures)


@st.composite
def _instructions(
    draw: st.DrawFn, assembly: Assembly, added: list[Instance], possible: list[Connection]
) -> list[Instruction]:
    names = list(dict.fromkeys(i.name for i in (*assembly.instances, *added)))
    labels: list[str] = []
    instructions: list[Instruction] = []
    for number in range(draw(st.integers(0, 5))):
        component = draw(st.sampled_from(names))
        match draw(st.sampled_from("ppppppaddcxxwWlq")):
            case "p":
                label = f"l{number}" if draw(st.booleans()) else ""
                instructions.append(Push(component, draw(st.sampled_from(BEHAVIORS)), label))
                labels += [label] if label else []
            case "a":
                instructions.append(Add(draw(st.sampled_from(added))))
            case "d":
                instructions.append(Delete(component))
            case "c" if possible:
                instructions.append(Connect(draw(st.sampled_from(possible))))
            case "x" if assembly.connections:
                instructions.append(Disconnect(draw(st.sampled_from(assembly.connections))))
            case "w":
                instructions.append(WaitComponent(component))
            case "W":
                instructions.append(WaitAll())
            case "l" if labels:
                instructions.append(WaitPush(draw(st.sampled_from(labels))))
            case "q" if possible:
                instructions.append(Disconnect(draw(st.sampled_from(possible))))
            case _:
                pass
    return instructions


@st.composite
def recovering_systems(draw: st.DrawFn, most: int = 3, changing: bool = True) -> System:
    """Systems whose pushes declare recoveries, in which actions may fail. changing: components may come and go."""
    system = draw(systems(most))
    names = [*(instance.name for instance in system.assembly.instances), *(["d"] if changing else [])]
    pushes = tuple(Push(instance.name, BEHAVIORS[1]) for instance in system.assembly.instances)

    def changed(instruction: Instruction) -> Instruction:
        if not isinstance(instruction, Push) or not draw(st.integers(0, 2)):
            return instruction
        target = draw(st.sampled_from([instruction.component, instruction.component, *names]))
        return replace(instruction, recovery=f"{target}.{draw(st.sampled_from(BEHAVIORS))}")

    stages = []
    for stage in system.stages or ((Program("r", "random", pushes),),):
        kept = [[i for i in p.instructions if changing or not isinstance(i, Add | Delete)] for p in stage]
        stages.append(
            [replace(p, instructions=tuple(changed(i) for i in found)) for p, found in zip(stage, kept, strict=True)]
        )
    return System(system.assembly, stages, draw(st.sampled_from([1, 1, 2, None])))


@st.composite
def taken_back_systems(draw: st.DrawFn, most: int = 3, recovering: bool = False) -> System:
    """Systems whose runs are taken back when an action fails. recovering: their pushes may declare recoveries too."""
    system = draw(recovering_systems(most, changing=False) if recovering else systems(most))
    assembly = replace(system.assembly, instances=tuple(replace(i, layered=True) for i in system.assembly.instances))
    pushes = tuple(Push(instance.name, draw(st.sampled_from(BEHAVIORS))) for instance in assembly.instances)
    found = system.stages if any(p.instructions for p in system.programs) else ((Program("r", "random", pushes),),)

    def layered(instruction: Instruction) -> Instruction:
        return Add(replace(instruction.instance, layered=True)) if isinstance(instruction, Add) else instruction

    stages = [
        [
            replace(p, instructions=tuple(layered(i) for i in p.instructions), rollback=draw(st.booleans()))
            for p in stage
        ]
        for stage in found
    ]
    stages[-1][-1] = replace(stages[-1][-1], rollback=True)
    return System(assembly, stages, draw(st.sampled_from([1, 1, 2, None])))
