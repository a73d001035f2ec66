"""Programs that push to the same servers side by side: the modular engine against plain search."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.checker import Holds, Problem, Watch
from madeus.checker.engines.explicit import Explicit
from madeus.checker.engines.modular import Modular
from madeus.model import Assembly, Connection, Instance, Program, Push, Terminates, WaitAll, WaitComponent
from madeus.model.program import Instruction
from madeus.semantics import System
from tests.build import program
from tests.checker.generated import any_type
from tests.checker.test_modular import race, site
from tests.checker.test_modular_agrees import agreed, alike
from tests.checker.test_replicas import DEP, SERVER
from tests.checker.test_structural_agrees import questions


def any_rounds(random: Random, most: int) -> System:
    """A provider, servers around it, and two or three programs that go round the servers, in any order."""
    if random.random() < 0.5:
        one, many, words = DEP, SERVER, {"one": ("install", "update"), "many": ("install", "suspend")}
    else:
        one, many = any_type(random, "One", ("up", "down")), any_type(random, "Many", ("up", "down"))
        words = {"one": ("up", "down"), "many": ("up", "down")}
    names = [f"r{i}" for i in range(random.randint(2, most))]
    links = dict.fromkeys(
        Connection(n, use.name, "one", port.name)
        for n in names
        for use in many.uses
        for port in [p for p in one.provides if p.kind is use.kind][:1]
    )
    instances = (Instance("one", one.name), *(Instance(n, many.name) for n in names))
    whole = Assembly("test", {one.name: one, many.name: many}, instances, tuple(links))
    programs = []
    for index in range(random.choice((2, 2, 3))):
        instructions: list[Instruction] = []
        for _ in range(random.randint(1, 2)):
            order = random.sample(names, len(names)) if random.random() < 0.3 else names
            behavior = random.choice(words["many"])
            instructions += [Push(n, behavior) for n in order if random.random() < 0.95]
            if random.random() < 0.3:
                instructions.insert(random.randrange(len(instructions) + 1), Push("one", random.choice(words["one"])))
            if random.random() < 0.2:
                wait = WaitAll() if random.random() < 0.5 else WaitComponent(random.choice(names))
                instructions.insert(random.randrange(len(instructions) + 1), wait)
        programs.append(Program(f"q{index}", "test", tuple(instructions)))
    return System(whole, (tuple(programs),), random.choice((0, 0, 0, 1)))


def compare(seed: int, states: int, most: int) -> int:
    random = Random(seed)
    return agreed(Modular(["one"]), any_rounds(random, most), random, states)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_the_orders_that_are_left_out_change_no_answer(seed: int) -> None:
    compare(seed, 2_000, 2)


@pytest.mark.long
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_the_orders_that_are_left_out_change_no_answer_on_larger_systems(seed: int) -> None:
    compare(seed, 30_000, 3)


def from_the_start(count: int) -> System:
    """Two programs, each of which pushes to everything, at once."""
    install = [Push(f"s{i}", "install") for i in range(count)]
    suspend = [Push(f"s{i}", "suspend") for i in range(count)]
    one = program("one", Push("dep", "install"), *install)
    other = program("other", *suspend, Push("dep", "update"), Push("dep", "install"), *install)
    return System(site(count), ((one, other),))


def test_products_grow_with_the_texts_of_programs_that_push_to_everything_side_by_side() -> None:
    counts = []
    for count in (6, 12, 24):
        watch = Watch()
        assert isinstance(Modular().answer(Problem(from_the_start(count), Terminates()), watch), Holds)
        counts.append(watch.states)
    assert counts[1] <= 2.2 * counts[0]
    assert counts[2] <= 2.2 * counts[1]


def test_a_race_is_the_same_without_the_reduction() -> None:
    for system in (race(3), from_the_start(2)):
        assert compare_with(system) > 5


def compare_with(system: System) -> int:
    engine, plain = Modular(["dep"]), Explicit(reduce=False, symmetry=False)
    asked = questions(Random(1), system.assembly)
    for one in asked:
        problem = Problem(system, one)
        assert alike(engine.answer(problem, Watch())) == alike(plain.answer(problem, Watch())), str(one)
    return len(asked)
