"""The causal engine against the reference engine, on random programs over random small assemblies."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from madeus.checker.engine import Budget, Exhausted, Watch
from madeus.checker.engines.causal import Causal
from madeus.checker.engines.reference import Reference
from madeus.checker.engines.timed import Timed
from madeus.checker.problem import Asked, Problem
from madeus.checker.verdict import Boundaries, Fails, Holds, TimeOff, Unknown
from madeus.model import (
    Add,
    And,
    Assembly,
    Available,
    Bounds,
    Comparison,
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
    Interval,
    Marked,
    Or,
    Program,
    Push,
    Reach,
    Sequence,
    Terminates,
    WaitAll,
    WaitComponent,
)
from madeus.semantics import System, simulate
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


def orders(random: Random, whole: Assembly) -> list[Asked]:
    every = [(i.name, t.name) for i in whole.instances for t in whole.type_of(i.name).transitions]
    return [Sequence(tuple(random.choices(every, k=random.randint(2, 3)))) for _ in range(6)]


def compare(seed: int, states: int) -> bool:
    """Whether the engine answered; what it answers has to be right."""
    random = Random(seed)
    system = cyclic_system(random)
    engine = Causal()
    for asked in [*questions(system.assembly), *orders(random, system.assembly)]:
        problem = Problem(system, asked)
        if engine.refuses(problem) is not None:
            return False
        try:
            expected = Reference().answer(problem, Watch(budget=Budget(states=states)))
        except Exhausted:
            assume(False)
        found = engine.answer(problem, Watch())
        assert type(found) is type(expected), str(asked)
        if isinstance(asked, Sequence) and isinstance(found, Holds) and isinstance(expected, Holds):
            assert found.vacuous == expected.vacuous
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


# ---- how long services are off


def with_intervals(random: Random, whole: Assembly) -> Assembly:
    def timed() -> Interval:
        low = random.randint(0, 4)
        return Interval(low, inf if random.random() < 0.05 else low + random.randint(0, 5))

    types = {
        name: replace(t, transitions=tuple(replace(x, interval=timed()) for x in t.transitions))
        for name, t in whole.types.items()
    }
    return replace(whole, types=types)


def compare_off(seed: int, states: int) -> int:
    """How many answers were compared with the timed engine's (without time: the reference engine's)."""
    random = Random(seed)
    plain = cyclic_system(random)
    system = System(with_intervals(random, plain.assembly), plain.stages)
    engine, compared = Causal(), 0
    for instance in system.assembly.instances:
        for port in system.assembly.types[instance.type].provides:
            limit = float(random.choice((0, 0, 2, 5, 10, 20)))
            problem = Problem(system, Available(instance.name, port.name, limit))
            if engine.refuses(problem) is not None:
                continue
            found = engine.answer(problem, Watch())
            other = Timed() if limit else Reference()
            if other.refuses(problem) is not None:
                continue
            try:
                expected = other.answer(problem, Watch(budget=Budget(states=states)))
            except Exhausted:
                continue
            compared += 1
            if isinstance(found, Unknown):
                assert isinstance(found.measure, TimeOff)
                assert isinstance(expected.measure, TimeOff)
                assert expected.measure.longest <= found.measure.longest
                continue
            assert type(found) is type(expected), (problem, found, expected)
            if isinstance(found, Holds) and limit:
                assert isinstance(expected, Holds)
                assert isinstance(found.measure, TimeOff)
                assert isinstance(expected.measure, TimeOff)
                assert expected.measure.longest <= found.measure.longest <= limit
                assert bool(found.vacuous) == bool(expected.vacuous)
            if isinstance(found, Fails):
                assert found.trace is not None
    return compared


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_causal_engine_says_of_time_off_is_what_the_timed_engine_finds(seed: int) -> None:
    compare_off(seed, 800)


@pytest.mark.long
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_causal_engine_says_of_time_off_is_what_the_timed_engine_finds_on_larger_systems(seed: int) -> None:
    compare_off(seed, 8000)


BOUNCE = (
    Push("u", "down"),
    Push("v", "down"),
    Push("p", "down"),
    Push("p", "up"),
    Push("v", "up"),
    Push("u", "up"),
    WaitAll(),
)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32))
def test_the_longest_time_off_of_a_provider_and_its_users_is_exact(seed: int) -> None:
    random = Random(seed)
    joined = kind(
        "P", "places off* on", "a: off -> on in up", "b: off -> on in up", "c: on -> off in down", "provide s at on"
    )
    using = kind(
        "U", "places off* ready on", "x: off -> ready in up", "y: ready -> on in up", "z: on -> off in down",
        "use s during on", "provide t at on",
    )  # fmt: skip
    whole = with_intervals(random, assembly([joined, using], "p:P u:U v:U", "u.s p.s", "v.s p.s"))
    ups = (Push("p", "up"), Push("u", "up"), Push("v", "up"), WaitAll())
    between = [WaitComponent(random.choice("uvp"))] * random.randint(0, 1)
    system = System(whole, [[program("a", *ups)], [program("b", *BOUNCE[:4], *between, *BOUNCE[4:])]])
    engine, timed = Causal(), Timed()
    for component, port in (("p", "s"), ("u", "t"), ("v", "t")):
        problem = Problem(system, Available(component, port, 1000.0))
        if engine.refuses(problem) is not None:
            continue
        found, expected = engine.answer(problem, Watch()), timed.answer(problem, Watch(budget=Budget(states=20_000)))
        assert type(found) is type(expected)
        assert found.measure == expected.measure


def test_a_service_that_is_off_too_long_is_shown_with_the_run_in_which_it_is() -> None:
    provider = kind(
        "P",
        "places off* on",
        "start: off -> on in up takes 1..3",
        "stop: on -> off in down takes 2..4",
        "provide s at on",
    )
    ups = (Push("p", "up"), WaitComponent("p"), Push("p", "down"), Push("p", "up"), WaitAll())
    problem = Problem(System(assembly([provider], "p:P"), [[program("a", *ups)]]), Available("p", "s", 6.0))
    verdict = Causal().answer(problem, Watch())
    assert isinstance(verdict, Fails)
    assert verdict.reason == "p.s is off for 7 s"
    assert verdict.trace is not None
    assert [(e.time, str(e.step)) for e in verdict.trace.events if str(e.step) in ("leave p.on", "enter p.on")][
        -2:
    ] == [
        (1.0, "leave p.on"),
        (8.0, "enter p.on"),
    ]


def test_a_port_of_two_groups_and_a_component_that_is_deleted_are_left_to_others() -> None:
    double = kind("D", "places a* b* c", "t: a -> c in go", "provide s at a b")
    engine = Causal()
    for instructions in ((Push("d", "go"),), (Push("e", "up"), Delete("e"))):
        system = System(assembly([double, PROVIDER], "d:D e:P"), [[program("a", *instructions)]])
        name = "d" if len(instructions) == 1 else "e"
        assert engine.refuses(Problem(system, Available(name, "s", 1.0))) is not None


# ---- times to goals


def compare_times(seed: int, states: int) -> int:
    """How many answers were compared with the timed engine's."""
    random = Random(seed)
    plain = cyclic_system(random)
    system = System(with_intervals(random, plain.assembly), plain.stages)
    engine, timed, compared = Causal(), Timed(), 0
    last = simulate(system).configuration.components
    ends = [Marked(name, place) for name, state in last.items() for place in state.places]
    for _ in range(3):
        parts = tuple(random.sample(ends, min(len(ends), random.randint(1, 2))))
        if random.random() < 0.2:
            parts = (*parts, Marked("c0", "p0"))
        comparison = random.choice((None, Comparison.AT_MOST, Comparison.AT_LEAST, Comparison.LESS))
        problem = Problem(system, Bounds(Goal("g", And(parts)), comparison, float(random.randint(0, 15))))
        if engine.refuses(problem) is not None or timed.refuses(problem) is not None:
            continue
        found = engine.answer(problem, Watch())
        try:
            expected = timed.answer(problem, Watch(budget=Budget(states=states)))
        except Exhausted:
            continue
        if isinstance(expected, Unknown):
            continue
        compared += 1
        assert type(found) is type(expected), (found, expected)
        assert isinstance(found.measure, Boundaries)
        assert isinstance(expected.measure, Boundaries)
        assert (found.measure.minimum, found.measure.maximum) == (expected.measure.minimum, expected.measure.maximum)
        for run, time in (
            (found.measure.fastest, found.measure.minimum),
            (found.measure.slowest, found.measure.maximum),
        ):
            assert run is None or run.makespan == time
    return compared


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_the_causal_engine_finds_the_times_that_the_timed_engine_finds(seed: int) -> None:
    compare_times(seed, 800)


@pytest.mark.long
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_the_causal_engine_finds_the_times_that_the_timed_engine_finds_on_larger_systems(seed: int) -> None:
    compare_times(seed, 8000)


def test_a_goal_that_is_no_conjunction_of_places_is_left_to_others() -> None:
    goal = Goal("g", Or((Marked("p", "on"), Marked("p", "off"))))
    problem = Problem(System(assembly([PROVIDER], "p:P"), [[program("a", Push("p", "up"))]]), Bounds(goal))
    assert Causal().refuses(problem) == "the goal is no conjunction of places"


def test_the_slowest_run_has_its_critical_path() -> None:
    step = kind("S", "places off* mid on", "a: off -> mid in up takes 1..3", "b: mid -> on in up takes 2..5")
    problem = Problem(
        System(assembly([step], "p:S"), [[program("x", Push("p", "up"))]]), Bounds(Goal("g", Marked("p", "on")))
    )
    verdict = Causal().answer(problem, Watch())
    assert isinstance(verdict, Holds)
    assert isinstance(verdict.measure, Boundaries)
    assert (verdict.measure.minimum, verdict.measure.maximum) == (3.0, 8.0)
    assert verdict.measure.slowest is not None
    assert [e.name for e in verdict.measure.slowest.critical_executions] == ["p.a", "p.b"]
