"""The explicit engine, reduced and not, against the reference engine, on random systems with programs and failures."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from madeus.checker.engine import Budget, Exhausted, Watch
from madeus.checker.engines.explicit import Explicit
from madeus.checker.engines.reference import Reference
from madeus.checker.problem import Problem
from madeus.semantics import System
from tests.checker.generated import any_assembly, any_programs
from tests.checker.test_structural_agrees import questions, summary


def compare(seed: int, states: int) -> None:
    random = Random(seed)
    if random.random() < 0.4:
        whole, stages = any_assembly(random), ()
    else:
        whole = any_assembly(random, ("up", "down"), 2)
        stages = any_programs(random, whole)
    system = System(whole, stages, random.choice((0, 0, 0, 1)))
    engines = [Explicit(), Explicit(reduce=False)]
    for asked in questions(random, whole):
        problem = Problem(system, asked)
        try:
            expected = Reference().answer(problem, Watch(budget=Budget(states=states)))
        except Exhausted:
            assume(False)
        for engine in engines:
            if engine.refuses(problem) is None:
                assert summary(engine.answer(problem, Watch())) == summary(expected), (engine.reduce, str(asked))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_explicit_engine_says_is_what_plain_exploration_finds(seed: int) -> None:
    compare(seed, 500)


@pytest.mark.long
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_explicit_engine_says_is_what_plain_exploration_finds_on_larger_systems(seed: int) -> None:
    compare(seed, 4000)
