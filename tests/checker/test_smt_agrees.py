"""The SMT engine against the explicit one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from madeus.checker.engine import Budget, Exhausted, Watch
from madeus.checker.engines.explicit import Explicit
from madeus.checker.problem import Problem
from madeus.checker.verdict import Fails, Holds, Unknown
from madeus.model import And, Forbidden, Marked
from madeus.semantics import System
from tests.build import assembly, kind
from tests.checker.generated import any_assembly, any_formula

pytest.importorskip("z3")

from madeus.checker.engines.smt import Smt


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_solver_proves_or_finds_is_what_exploration_finds(seed: int) -> None:
    random = Random(seed)
    whole = any_assembly(random, most=1)
    problem = Problem(System(whole), Forbidden(any_formula(random, whole)))
    engine = Smt()
    assume(engine.refuses(problem) is None)
    try:
        answer = engine.answer(problem, Watch(budget=Budget(seconds=1.0)))
    except Exhausted:
        assume(False)
    assume(not isinstance(answer, Unknown))
    expected = Explicit().answer(problem, Watch())
    assert type(answer) is type(expected)
    if isinstance(answer, Fails) and isinstance(expected, Fails):
        assert answer.trace is not None
        assert expected.trace is not None
        assert len(answer.trace.events) == len(expected.trace.events)


def test_two_places_of_one_token_are_never_marked_together_by_the_state_equation() -> None:
    one = assembly([kind("T", "places a* b c", "x: a -> b", "y: b -> c")], "t:T")
    asked = Forbidden(And((Marked("t", "a"), Marked("t", "c"))))
    verdict = Smt().answer(Problem(System(one), asked), Watch())
    assert isinstance(verdict, Holds)
    assert verdict.evidence.notes == ("proved by the state equation",)
