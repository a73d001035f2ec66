"""The modular engine against plain search, on random systems cut at random, with programs, replicas and failures."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.checker.engine import Budget, Exhausted, Watch
from madeus.checker.engines.explicit import Explicit
from madeus.checker.engines.modular import Modular
from madeus.checker.problem import Problem
from madeus.checker.verdict import Unknown, Verdict
from madeus.semantics import System
from tests.checker.generated import any_assembly, any_programs
from tests.checker.test_replicas import any_replicas
from tests.checker.test_structural_agrees import questions, summary


def alike(verdict: Verdict) -> tuple[object, ...]:
    """What the engines agree on: all but which of several runs is shown, and so why it is one."""
    found = summary(verdict)
    return (found[0], *found[2:3]) if found[0] == "fails" else found


def compare(seed: int, states: int, most: int) -> int:
    random = Random(seed)
    roll = random.random()
    if roll < 0.5:
        system = any_replicas(random, most)
    elif roll < 0.65:
        system = System(any_assembly(random, most=most), (), random.choice((0, 0, 1, 2)))
    else:
        whole = any_assembly(random, ("up", "down"), most)
        system = System(whole, any_programs(random, whole), random.choice((0, 0, 1, 2)))
    names = [instance.name for instance in system.assembly.instances]
    return agreed(Modular(random.sample(names, random.randint(0, len(names)))), system, random, states)


def agreed(engine: Modular, system: System, random: Random, states: int) -> int:
    """Ask everything of an engine and of plain search; how many questions both answered. states: those searched at most."""
    plain = Explicit(reduce=False, symmetry=False)
    compared = 0
    for asked in questions(random, system.assembly):
        problem = Problem(system, asked)
        if plain.refuses(problem) is not None or engine.refuses(problem) is not None:
            continue
        try:
            expected = plain.answer(problem, Watch(budget=Budget(states=states)))
        except Exhausted:
            continue
        found = engine.answer(problem, Watch())
        if not isinstance(found, Unknown):
            assert alike(found) == alike(expected), str(asked)
            compared += 1
    return compared


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_modular_engine_says_is_what_plain_exploration_finds(seed: int) -> None:
    compare(seed, 1000, 3)


@pytest.mark.long
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_modular_engine_says_is_what_plain_exploration_finds_on_larger_systems(seed: int) -> None:
    compare(seed, 8000, 4)
