"""The referee against the reference engine."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from madeus.checker.engine import Budget, Exhausted, Watch
from madeus.checker.engines.reference import Reference
from madeus.checker.problem import Problem
from madeus.semantics import System
from tests.checker.generated import any_assembly
from tests.checker.test_structural_agrees import questions, summary

pytest.importorskip("snakes")

from madeus.checker.engines.referee import Referee


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_snakes_finds_is_what_plain_exploration_finds(seed: int) -> None:
    random = Random(seed)
    whole = any_assembly(random, most=2)
    system = System(whole)
    referee = Referee()
    for asked in questions(random, whole)[:6]:
        problem = Problem(system, asked)
        assume(referee.refuses(problem) is None)
        try:
            expected = Reference().answer(problem, Watch(budget=Budget(states=150)))
        except Exhausted:
            assume(False)
        assert summary(referee.answer(problem, Watch())) == summary(expected), asked
