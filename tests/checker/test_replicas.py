"""Replicas: found in the net, and no answer changes when they change places."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.checker import Budget, Fails, Holds, Problem, Watch
from madeus.checker.engine import Exhausted
from madeus.checker.engines.explicit import Explicit, compiled
from madeus.checker.engines.explicit.canon import Canon, SetApart
from madeus.checker.engines.explicit.symmetry import find_orbits
from madeus.checker.verdict import NOT_SHORTEST
from madeus.model import (
    And,
    Assembly,
    Confluent,
    Connection,
    Forbidden,
    Instance,
    Marked,
    Not,
    Program,
    Push,
    WaitAll,
    WaitComponent,
)
from madeus.model.program import Instruction
from madeus.petri.translate import translate
from madeus.semantics import System
from tests.build import assembly, kind, link, program
from tests.checker.generated import any_type
from tests.checker.test_structural_agrees import questions, summary


def any_replicas(random: Random, most: int) -> System:
    """A provider, two or more replicas that use it alike, and programs that push alike, or nearly so."""
    one, many = any_type(random, "One", ("up", "down")), any_type(random, "Many", ("up", "down"))
    names = [f"r{i}" for i in range(random.randint(2, most))]
    connections = []
    for user, provider in [(n, "one") for n in names] + [("one", n) for n in names]:
        uses, provides = (many, one) if provider == "one" else (one, many)
        connections += [
            Connection(user, use.name, provider, port.name)
            for use in uses.uses
            for port in [p for p in provides.provides if p.kind is use.kind][:1]
            if provider == "one" or use.multiplicity.value != "one"
        ]
    instances = (Instance("one", "One"), *(Instance(n, "Many") for n in names))
    whole = Assembly("test", {"One": one, "Many": many}, instances, tuple(dict.fromkeys(connections)))
    programs = []
    for index in range(random.randint(1, 2)):
        instructions: list[Instruction] = []
        for _ in range(random.randint(1, 2)):
            behavior = random.choice(("up", "down"))
            roll = random.random()
            if roll < 0.6:
                instructions += [Push(n, behavior) for n in names if random.random() < 0.95]
            else:
                instructions.append(Push("one", behavior))
            if random.random() < 0.4:
                instructions.append(WaitAll() if random.random() < 0.7 else WaitComponent(random.choice(names)))
        programs.append(Program(f"q{index}", "test", tuple(i for i in instructions)))
    stages = (tuple(programs),) if random.random() < 0.7 else tuple((p,) for p in programs)
    return System(whole, stages, random.choice((0, 0, 0, 1)))


def compare(seed: int, states: int, most: int) -> int:
    random = Random(seed)
    system = any_replicas(random, most)
    plain = Explicit(reduce=False, symmetry=False)
    engines = [Explicit(), Explicit(reduce=False)]
    compared = 0
    for asked in questions(random, system.assembly):
        problem = Problem(system, asked)
        if plain.refuses(problem) is not None:
            continue
        try:
            expected = plain.answer(problem, Watch(budget=Budget(states=states)))
        except Exhausted:
            continue
        for engine in engines:
            found = engine.answer(problem, Watch())
            shortest = 3 if NOT_SHORTEST in found.evidence.notes else None  # of others the length is compared, too
            assert summary(found)[:shortest] == summary(expected)[:shortest], (engine.reduce, str(asked))
            compared += 1
    return compared


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "PLAIN", 1)


@pytest.mark.usefixtures("_at_once")
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_replicas_may_change_places_and_no_answer_changes(seed: int) -> None:
    compare(seed, 800, 3)


@pytest.mark.long
@pytest.mark.usefixtures("_at_once")
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_replicas_may_change_places_and_no_answer_changes_on_larger_systems(seed: int) -> None:
    compare(seed, 8000, 4)


DEP = kind(
    "Dep",
    "places off* ready on",
    "install: off -> ready in install",
    "run: ready -> on in install",
    "update: on -> ready in update",
    "provide service at on",
)
SERVER = kind(
    "Server",
    "places off* ready on aside",
    "allocate: off -> ready in install station fresh",
    "restart: aside -> ready in install station resumed",
    "start: ready -> on in install",
    "suspend: on -> aside in suspend",
    "use dep during on",
)


def race(count: int) -> System:
    """Servers suspended and resumed while the provider that they use is updated by another program."""
    names = [f"s{i}" for i in range(count)]
    whole = assembly(
        [DEP, SERVER], " ".join(["dep:Dep", *(f"{n}:Server" for n in names)]), *(f"{n}.dep dep.service" for n in names)
    )
    install = program("install", Push("dep", "install"), *(Push(n, "install") for n in names), WaitAll())
    servers = program("servers", *(Push(n, "suspend") for n in names), WaitAll(), *(Push(n, "install") for n in names))
    provider = program("provider", Push("dep", "update"), WaitComponent("dep"), Push("dep", "install"))
    return System(whole, ((install,), (servers, provider)))


def test_servers_that_use_one_provider_alike_are_replicas() -> None:
    (orbit,) = find_orbits(translate(race(4)))
    assert orbit.components == (("s0",), ("s1",), ("s2",), ("s3",))


def test_a_server_that_is_connected_otherwise_is_no_replica_of_the_others() -> None:
    system = race(3)
    other = Instance("dep2", "Dep")
    connections = (*system.assembly.connections[:2], link("s2.dep dep2.service"))
    whole = Assembly("test", system.assembly.types, (*system.assembly.instances, other), connections)
    assert [orbit.components for orbit in find_orbits(translate(System(whole, system.stages)))] == [(("s0",), ("s1",))]


def test_stacks_of_several_tiers_change_places_as_a_whole() -> None:
    db = kind("Db", "places off* on", "t: off -> on", "provide sql at on")
    web = kind("Web", "places off* on", "t: off -> on", "use sql for t")
    whole = assembly([db, web], "d0:Db w0:Web d1:Db w1:Web", "w0.sql d0.sql", "w1.sql d1.sql")
    (orbit,) = find_orbits(translate(System(whole)))
    assert orbit.components == (("d0", "w0"), ("d1", "w1"))


def test_a_race_of_many_servers_is_decided_up_to_the_order_of_replicas() -> None:
    system = race(5)
    never = Forbidden(And((Marked("s0", "on"), Not(Marked("dep", "on")))))
    watch = Watch()
    assert isinstance(Explicit().answer(Problem(system, never), watch), Holds)
    assert watch.states < 30_000  # without replicas 1.4 million


def test_a_run_found_up_to_replicas_is_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "PLAIN", 1)
    asked = Forbidden(And((Marked("s2", "aside"), Marked("s1", "aside"), Marked("dep", "ready"))))
    found = Explicit().answer(Problem(race(3), asked), Watch())
    plain = Explicit(symmetry=False).answer(Problem(race(3), asked), Watch())
    assert isinstance(found, Fails)
    assert isinstance(plain, Fails)
    assert found.trace is not None
    assert plain.trace is not None
    assert len(found.trace.events) == len(plain.trace.events)


def test_an_instruction_must_not_set_apart_replicas_in_different_states() -> None:
    whole = assembly([kind("T", "places off* on", "t: off -> on in up", "back: on -> off in down")], "r0:T r1:T")
    both = [Push("r0", "up"), Push("r1", "up"), WaitAll(), Push("r0", "down"), Push("r1", "down")]
    made = Explicit().compiled(System(whole, ((program("one", *both),),)))
    loose, strict = (
        Canon(made.translation, made.encoding, made.orbits, lambda _: True, strict) for strict in (False, True)
    )

    def marking(position: int, *marked: str) -> int:
        names = [f"one[{position}]", *marked]
        return sum(made.encoding.fields[made.encoding.net.place_index[name]].mask for name in names)

    loose.check(marking(2, "r0.on", "r1.on"), marking(3, "r0.on", "r1.on"))
    strict.check(marking(2, "r0.on", "r1.off"), marking(3, "r0.on", "r1.off"))
    with pytest.raises(SetApart):
        loose.check(marking(2, "r0.on", "r1.off"), marking(3, "r0.on", "r1.off"))
    assert loose(marking(2, "r0.on", "r1.off")) == loose(marking(2, "r0.off", "r1.on"))
    assert loose(marking(3, "r0.on", "r1.off")) != loose(marking(3, "r0.off", "r1.on"))
    assert strict(marking(2, "r0.on", "r1.off")) != strict(marking(2, "r0.off", "r1.on"))


def test_ends_that_replicas_make_different_are_told_without_all_their_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"s{i}" for i in range(4)]
    whole = assembly(
        [DEP, SERVER], " ".join(["dep:Dep", *(f"{n}:Server" for n in names)]), *(f"{n}.dep dep.service" for n in names)
    )
    first = program("install", Push("dep", "install"), *(Push(n, "install") for n in names), WaitAll())
    servers = program("servers", *(Push(n, "suspend") for n in names), *(Push(n, "install") for n in names))
    provider = program("provider", Push("dep", "update"), WaitComponent("dep"), Push("dep", "install"))
    problem = Problem(System(whole, ((first,), (servers, provider))), Confluent())
    states = []
    for most in (1, 10**9):
        monkeypatch.setattr(compiled, "PLAIN", most)
        watch = Watch()
        assert isinstance(Explicit().answer(problem, watch), Fails)
        states.append(watch.states)
    assert states[0] < 0.8 * states[1]


def test_ends_that_no_exchange_changes_are_one_end() -> None:
    names = [f"s{i}" for i in range(3)]
    whole = assembly(
        [DEP, SERVER], " ".join(["dep:Dep", *(f"{n}:Server" for n in names)]), *(f"{n}.dep dep.service" for n in names)
    )
    both = (program("dep", Push("dep", "install")), program("servers", *(Push(n, "install") for n in names)))
    for symmetry in (False, True):
        found = Explicit(symmetry=symmetry).answer(Problem(System(whole, (both,)), Confluent()), Watch())
        assert isinstance(found, Holds)
