"""The causal engine against the reference engine, on random programs over random small assemblies."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from madeus.checker.engine import Budget, Exhausted, Watch
from madeus.checker.engines.causal import Causal
from madeus.checker.engines.reference import Reference
from madeus.checker.problem import Asked, Problem
from madeus.checker.verdict import Fails, Holds
from madeus.model import (
    Add,
    And,
    Assembly,
    ComponentType,
    Confluent,
    Connect,
    Connection,
    Delete,
    Deployable,
    Disconnect,
    Goal,
    Instance,
    Instruction,
    Marked,
    Program,
    Push,
    Reach,
    Terminates,
    WaitAll,
    WaitComponent,
)
from madeus.semantics import System
from tests.build import assembly, kind, program

BEHAVIORS = ("up", "half", "down")


def cyclic_type(random: Random, name: str, used: bool) -> ComponentType:
    """A type that goes up and down a line of places, with forks, groups, and ports over them."""
    last = random.randint(1, 3)
    lines = ["places " + " ".join(f"p{i}" + "*" * (i == 0) for i in range(last + 1)), f"provide deep at p{last}"]
    for i in range(last):
        for copy in range(random.choice((1, 1, 2))):
            lines.append(f"u{i}{copy}: p{i} -> p{i + 1} in up")
    lines.append(f"h: p{last} -> p{random.randrange(last)} in half")
    for i in range(1, last + 1):
        lines.append(f"d{i}: p{i} -> p{random.randrange(i)} in down station s{i}")
    first = random.randint(1, last)
    lines.append("group g = " + " ".join(f"p{i}" for i in range(first, last + 1)))
    lines.append(f"group w = p0 p{random.randint(1, last)}")
    lines.append("provide wide at g")
    lines.append(f"provide odd at {random.choice(['w', f'p{random.randint(0, last)}', 'g w'])}")
    if used:
        for port in range(random.randint(1, 2)):
            flags = random.choice(("", "", "", "optional ", "all "))
            bound = random.choice(
                (f"during p{last}", "during g", f"for u{last - 1}0", "for h", f"during p{first} p{last}")
            )
            lines.append(f"use n{port} {flags}{bound}")
    return kind(name, *lines)


def cyclic_system(random: Random) -> System:
    """Programs of pushes, waits and some changes of the assembly; now and then in two stages."""
    types = [cyclic_type(random, f"T{i}", i > 0) for i in range(random.randint(2, 3))]
    instances = [Instance(f"c{i}", types[min(i, len(types) - 1)].name) for i in range(random.randint(2, 3))]
    bare = Assembly("test", {t.name: t for t in types}, tuple(instances))
    connections = [
        Connection(instance.name, use.name, provider.name, random.choice(("deep", "wide", "odd")))
        for at, instance in enumerate(instances)
        for use in bare.type_of(instance.name).uses
        for provider in [random.choice(instances[:at] or instances)]
        if random.random() < 0.9
    ]
    whole = Assembly("test", bare.types, tuple(instances), tuple(connections))
    stages = [[Program(f"r{n}", "test", tuple(_instructions(random, whole)))] for n in range(random.choice((1, 1, 2)))]
    return System(whole, stages)


def _instructions(random: Random, whole: Assembly) -> list[Instruction]:
    names = [i.name for i in whole.instances]
    found: list[Instruction] = []
    if random.random() < 0.7:
        found += [Push(name, "up") for name in (names if random.random() < 0.7 else names[::-1])]
        found += [WaitAll()] * (random.random() < 0.5)
    for _ in range(random.randint(1, 6)):
        component = random.choice(names)
        match random.choice("pppppwaxcD"):
            case "p":
                found.append(Push(component, random.choice(BEHAVIORS)))
            case "w":
                found.append(WaitComponent(component))
            case "a":
                found.append(WaitAll())
            case "x" if whole.connections:
                found.append(Disconnect(random.choice(whole.connections)))
            case "c" if whole.connections:
                connection = random.choice(whole.connections)
                found += [Disconnect(connection), Connect(connection)]
            case "D":
                new = Instance("new", random.choice(whole.instances).type)
                found += [Add(new), Push("new", "up"), Delete("new")] * random.choice((1, 2))
            case _:
                pass
    return found


def questions(whole: Assembly) -> list[Asked]:
    ends = And(tuple(Marked(i.name, whole.type_of(i.name).places[-1].name) for i in whole.instances))
    goal = Goal("up", ends)
    return [Terminates(), Confluent(), Deployable(goal), Deployable(goal, Reach.POSSIBLE)]


def compare(seed: int, states: int) -> bool:
    """Whether the engine answered; what it answers has to be right."""
    system = cyclic_system(Random(seed))
    engine = Causal()
    for asked in questions(system.assembly):
        problem = Problem(system, asked)
        if engine.refuses(problem) is not None:
            return False
        try:
            expected = Reference().answer(problem, Watch(budget=Budget(states=states)))
        except Exhausted:
            assume(False)
        assert type(engine.answer(problem, Watch())) is type(expected), str(asked)
    return True


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_causal_engine_says_is_what_plain_exploration_finds(seed: int) -> None:
    compare(seed, 1500)


@pytest.mark.long
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_causal_engine_says_is_what_plain_exploration_finds_on_larger_systems(seed: int) -> None:
    compare(seed, 5000)


PROVIDER = kind("P", "places off* on", "start: off -> on in up", "stop: on -> off in down", "provide s at on")
USER = kind("U", "places off* on", "start: off -> on in up", "stop: on -> off in down", "use s during on")
PAIR = assembly([PROVIDER, USER], "p:P u:U", "u.s p.s")


def test_a_race_between_a_user_and_a_provider_is_refused_until_a_wait_decides_it() -> None:
    ups = program("a", Push("p", "up"), Push("u", "up"), Push("u", "down"), Push("p", "down"), WaitAll())
    engine = Causal()
    assert engine.refuses(Problem(System(PAIR, [[ups]]), Terminates())) is not None  # p may go down before u is up
    waiting = program("b", Push("p", "up"), Push("u", "up"), WaitComponent("u"), Push("u", "down"), Push("p", "down"))
    problem = Problem(
        System(PAIR, [[waiting]]), Deployable(Goal("down", And((Marked("p", "off"), Marked("u", "off")))))
    )
    assert engine.refuses(problem) is None
    assert isinstance(engine.answer(problem, Watch()), Holds)


def test_a_goal_that_the_one_end_misses_fails_with_the_run() -> None:
    problem = Problem(System(PAIR, [[program("a", Push("p", "up"))]]), Deployable(Goal("up", Marked("u", "on"))))
    verdict = Causal().answer(problem, Watch())
    assert isinstance(verdict, Fails)
    assert verdict.trace is not None


def test_a_component_added_again_is_another_one() -> None:
    again = program(
        "again",
        *(Push("p", "up"), Push("u", "up"), WaitComponent("u"), Push("u", "down")),
        *(Disconnect(PAIR.connections[0]), Push("p", "down"), Delete("p"), Add(Instance("p", "P"))),
        *(Connect(PAIR.connections[0]), Push("p", "up"), Push("u", "up")),
    )
    problem = Problem(System(PAIR, [[again]]), Deployable(Goal("up", Marked("u", "on"))))
    assert Causal().refuses(problem) is None
    assert isinstance(Reference().answer(problem, Watch()), Holds)
    assert isinstance(Causal().answer(problem, Watch()), Holds)
