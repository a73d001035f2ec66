"""What an answer says about how it was found: states that questions share, the budget that was given."""

from __future__ import annotations

import pytest

from madeus.checker.engine import Budget, Exhausted, Watch
from madeus.checker.engines.explicit import Explicit
from madeus.checker.portfolio import Portfolio
from madeus.checker.problem import Health, Problem
from madeus.checker.verdict import Holds, Unknown, Verdict
from madeus.model import Deployable, Goal, Marked, Push, Terminates
from madeus.semantics import System
from tests.build import assembly, kind, program

FLIP = kind("F", "places off* on", "up: off -> on in up", "down: on -> off in down")
WHOLE = assembly([FLIP], "a:F b:F")


def system() -> System:
    turns = [program(f"turn_{name}", Push(name, "up"), Push(name, "down"), Push(name, "up")) for name in "ab"]
    return System(WHOLE, (tuple(turns),))


def test_a_graph_that_is_used_again_counts_its_states_and_says_that_they_are_shared() -> None:
    portfolio, asked = Portfolio(), system()
    goal = Goal("up", Marked("a", "on"))
    first, second, third = (
        portfolio.check(Problem(asked, question), "explicit") for question in (Deployable(goal), Terminates(), Health())
    )
    assert isinstance(first, Holds)
    assert first.evidence.states > 0
    assert not first.evidence.shared
    for later in (second, third):
        assert later.evidence.states == first.evidence.states
        assert later.evidence.shared


def test_a_budget_that_is_spent_is_told_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(self: Explicit, problem: Problem, watch: Watch) -> Verdict:
        assert watch.budget.seconds is not None
        assert watch.budget.seconds < 60
        raise watch.late()

    monkeypatch.setattr(Explicit, "answer", slow)
    verdict = Portfolio().check(Problem(system(), Terminates()), "explicit", Budget(seconds=60.0))
    assert isinstance(verdict, Unknown)
    assert verdict.reason == "the budget is spent: 60 s"


def test_a_watch_of_its_own_tells_its_budget() -> None:
    with pytest.raises(Exhausted, match="the budget is spent: 1e-09 s"):
        Watch(budget=Budget(seconds=1e-9)).check()
