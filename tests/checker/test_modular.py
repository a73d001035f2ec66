"""Races of many servers around one provider: decided by what each of them may be in."""

from __future__ import annotations

from itertools import pairwise

import pytest

from madeus.checker import Budget, Fails, Health, Holds, Portfolio, Problem, Unknown, Verdict, Watch
from madeus.checker.engines.modular import Modular
from madeus.checker.engines.modular.parts import cut
from madeus.checker.engines.modular.search import Search
from madeus.checker.engines.modular.split import Split
from madeus.checker.problem import with_failures
from madeus.model import (
    And,
    Assembly,
    Available,
    Confluent,
    Deployable,
    Forbidden,
    Goal,
    Instance,
    Marked,
    Parallelism,
    Program,
    Push,
    Reach,
    Sequence,
    Terminates,
    WaitAll,
    WaitComponent,
)
from madeus.petri.translate import translate
from madeus.semantics import System
from tests.build import assembly, kind, link, program
from tests.checker.test_replicas import DEP, SERVER


def site(count: int) -> Assembly:
    names = [f"s{i}" for i in range(count)]
    return assembly(
        [DEP, SERVER], " ".join(["dep:Dep", *(f"{n}:Server" for n in names)]), *(f"{n}.dep dep.service" for n in names)
    )


def install(count: int) -> Program:
    return program("install", Push("dep", "install"), *(Push(f"s{i}", "install") for i in range(count)), WaitAll())


PROVIDER = program("provider", Push("dep", "update"), WaitComponent("dep"), Push("dep", "install"))


def race(count: int) -> System:
    """Nobody waits for anybody."""
    names = [f"s{i}" for i in range(count)]
    servers = program("servers", *(Push(n, "suspend") for n in names), *(Push(n, "install") for n in names))
    return System(site(count), ((install(count),), (servers, PROVIDER)))


def a_program_each(count: int) -> System:
    alone = (program(f"p{i}", Push(f"s{i}", "suspend"), Push(f"s{i}", "install")) for i in range(count))
    return System(site(count), ((install(count),), (*alone, PROVIDER)))


def answer(system: System, asked: object, states: int) -> Verdict:
    return Modular().answer(Problem(system, asked), Watch(budget=Budget(states=states)))  # type: ignore[arg-type]


def up(system: System) -> Goal:
    return Goal("up", And(tuple(Marked(i.name, "on") for i in system.assembly.instances)))


@pytest.mark.parametrize("make", [race, a_program_each])
@pytest.mark.parametrize("failures", [0, 1])
def test_a_race_of_many_servers_is_decided_whatever_is_asked(make: object, failures: int) -> None:
    assert callable(make)
    system = with_failures(make(16), failures)
    expected: list[tuple[object, type]] = [
        (Deployable(up(system)), Fails),
        (Deployable(up(system), Reach.POSSIBLE), Holds),
        (Health(), Fails),
        (Terminates(), Holds),
        (Confluent(), Fails),
        (Available("dep", "service"), Fails),
        (Forbidden(And((Marked("s0", "on"), Marked("dep", "ready")))), Holds),
        (Forbidden(And((Marked("s0", "aside"), Marked("s15", "aside"), Marked("dep", "on")))), Fails),
        (Sequence((("s0", "suspend"), ("dep", "update"))), Fails),
        (Parallelism(), Holds),
    ]
    for asked, verdict in expected:
        found = answer(system, asked, 3_000)
        assert isinstance(found, verdict), (asked, found)


def test_products_grow_with_the_programs_and_not_with_the_ways_to_stand_together() -> None:
    counts = []
    for count in (6, 12, 24):
        watch = Watch()
        answer_ = Modular().answer(Problem(race(count), Terminates()), watch)
        assert isinstance(answer_, Holds)
        counts.append(watch.states)
    assert counts[1] <= 2.2 * counts[0]
    assert counts[2] <= 2.2 * counts[1]


def test_without_the_reduction_of_pushes_the_same_is_reached_in_more_products() -> None:
    translation = translate(race(4))
    split = Split(translation, cut(translation))
    found = []
    for reduce in (True, False):
        search = Search(split, reduce)
        products = sum(1 for _ in search.run(Watch()))
        found.append((products, {translation.net.labels[t] for t in search.fired()}))
    assert found[0][0] < found[1][0]
    assert found[0][1] == found[1][1]


def test_a_run_that_is_not_always_a_shortest_one_says_so() -> None:
    system = race(5)
    found = answer(system, Deployable(up(system)), 1000)
    assert isinstance(found, Fails)
    assert found.trace is not None
    assert found.evidence.notes == ("the run shown is not always a shortest one",)


def test_a_shortest_run_that_is_near_is_found_before() -> None:
    found = Portfolio().check(Problem(race(5), Sequence((("s0", "suspend"), ("dep", "update")))))
    assert isinstance(found, Fails)
    assert found.evidence.engine == "explicit"


def test_what_the_brief_look_does_not_find_is_answered_by_modules() -> None:
    system = race(12)
    found = Portfolio().check(Problem(system, Forbidden(And((Marked("s0", "on"), Marked("dep", "ready"))))))
    assert isinstance(found, Holds)
    assert found.evidence.engine == "modular"


def test_a_chain_has_no_center() -> None:
    node = kind("Node", "places off* on", "t: off -> on", "provide out at on", "use into optional for t")
    names = [f"n{i}" for i in range(40)]
    links = [link(f"{b}.into {a}.out") for a, b in pairwise(names)]
    whole = Assembly("chain", {"Node": node}, tuple(Instance(n, "Node") for n in names), tuple(links))
    assert Modular().refuses(Problem(System(whole), Health())) == "no few components hold the others together"


def test_components_that_go_round_for_ever_are_left_to_other_engines() -> None:
    wheel = kind("Wheel", "places a* b", "go: a -> b", "back: b -> a", "use power for go")
    hub = kind("Hub", "places off* on", "t: off -> on", "provide power at on")
    whole = assembly([wheel, hub], "hub:Hub w0:Wheel w1:Wheel w2:Wheel", *(f"w{i}.power hub.power" for i in range(3)))
    found = answer(System(whole), Terminates(), 1000)
    assert isinstance(found, Unknown)
    assert found.reason == "some runs may be endless"
    assert isinstance(answer(System(whole), Forbidden(And((Marked("w0", "b"), Marked("hub", "off")))), 1000), Holds)
