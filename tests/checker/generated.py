"""Small random systems for the engines to agree on."""

from __future__ import annotations

from random import Random

from madeus.model import (
    Active,
    And,
    Assembly,
    ComponentType,
    Connection,
    Formula,
    Instance,
    Marked,
    Not,
    Or,
    Program,
    Push,
    WaitAll,
    WaitComponent,
)
from madeus.model.program import Disconnect, Instruction
from tests.build import kind


def any_type(random: Random, name: str, behaviors: tuple[str, ...] = ("deploy",), back: float = 0.1) -> ComponentType:
    """A type of up to four places. back: how often a transition leads back."""
    places = [f"p{i}" for i in range(random.randint(2, 4))]
    lines = ["places " + " ".join(p + ("*" if i == 0 or random.random() < 0.08 else "") for i, p in enumerate(places))]
    count = random.randint(len(places) - 1, len(places) + 1)
    names = [f"t{i}" for i in range(count)]
    for i, transition in enumerate(names):
        source = i if i < len(places) - 1 else random.randrange(len(places) - 1)
        target = random.randrange(source + 1, len(places))
        if random.random() < back:
            source, target = target, random.randrange(len(places))
        line = f"{transition}: {places[source]} -> {places[target]}"
        if len(behaviors) > 1:
            line += " in " + ",".join(random.sample(behaviors, random.randint(1, len(behaviors))))
        if random.random() < 0.1:
            line += f" station s{target}{random.randrange(2)}"
        lines.append(line)
    if random.random() < 0.4:
        lines.append("group g = " + " ".join(sorted(random.sample(places, 2))))
    holders = [*places, "g"] if any(line.startswith("group") for line in lines) else places
    for port in range(random.randint(1, 2)):
        bound = random.sample(holders, 2) if random.random() < 0.15 else [random.choice(holders[1:])]
        lines.append(f"provide s{port} at " + " ".join(bound))
    if random.random() < 0.3:
        lines.append(f"provide data d at {random.choice(places)}")
        lines.append(f"use data e optional for {random.choice(names)}")
    for port in range(random.randint(0, 2)):
        flags = random.choice(("", "", "any ", "all "))
        optional = random.choice(("", "", "optional "))
        if random.random() < 0.3:
            lines.append(f"use u{port} {flags}{optional}during {random.choice(holders)}")
        else:
            bound = " ".join(sorted(random.sample(names, min(len(names), random.randint(1, 2)))))
            lines.append(f"use u{port} {flags}{optional}for {bound}")
    made = kind(name, *lines)
    if set(behaviors) != set(made.behaviors):
        made = ComponentType(made.name, made.places, made.transitions, behaviors, made.groups, made.provides, made.uses)
    return made


def any_assembly(random: Random, behaviors: tuple[str, ...] = ("deploy",), most: int = 3) -> Assembly:
    """Up to three instances of up to two types, connected at random."""
    types = [any_type(random, f"T{i}", behaviors) for i in range(random.randint(1, 2))]
    instances = [Instance(f"c{i}", random.choice(types).name) for i in range(random.randint(1, most))]
    by_name = {t.name: t for t in types}
    connections: dict[Connection, None] = {}
    for user in instances:
        for use in by_name[user.type].uses:
            several = use.multiplicity.value != "one"
            for _ in range(random.randint(1, 2) if several else random.random() < 0.9):
                provider = random.choice(instances)
                ports = [p for p in by_name[provider.type].provides if p.kind is use.kind]
                if ports:
                    connections[Connection(user.name, use.name, provider.name, random.choice(ports).name)] = None
    return Assembly("test", by_name, tuple(instances), tuple(connections))


def any_programs(random: Random, whole: Assembly) -> tuple[tuple[Program, ...], ...]:
    """One or two programs of pushes and waits."""
    made = []
    for index in range(random.randint(1, 2)):
        instructions: list[Instruction] = []
        for _ in range(random.randint(1, 4)):
            instance = random.choice(whole.instances)
            behaviors = whole.types[instance.type].behaviors
            roll = random.random()
            if roll < 0.75 and behaviors:
                instructions.append(Push(instance.name, random.choice(behaviors)))
            elif roll < 0.85:
                instructions.append(WaitComponent(instance.name))
            elif roll < 0.92 or not whole.connections:
                instructions.append(WaitAll())
            else:
                instructions.append(Disconnect(random.choice(whole.connections)))
        made.append(Program(f"q{index}", "test", tuple(instructions)))
    if len(made) == 2 and random.random() < 0.5:
        return (made[0],), (made[1],)
    return (tuple(made),)


def any_formula(random: Random, whole: Assembly, depth: int = 2) -> Formula:
    """A formula over places and ports."""
    roll = random.random()
    if depth == 0 or roll < 0.4:
        instance = random.choice(whole.instances)
        kind_ = whole.types[instance.type]
        if kind_.provides and random.random() < 0.3:
            return Active(instance.name, random.choice(kind_.provides).name)
        return Marked(instance.name, random.choice(kind_.places).name)
    if roll < 0.6:
        return Not(any_formula(random, whole, depth - 1))
    parts = tuple(any_formula(random, whole, depth - 1) for _ in range(random.randint(1, 3)))
    return And(parts) if roll < 0.85 else Or(parts)
