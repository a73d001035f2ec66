"""The SMT engine against the explicit one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.checker.engine import Budget, Exhausted, Watch
from madeus.checker.engines.explicit import Explicit
from madeus.checker.problem import Problem
from madeus.checker.verdict import Fails, Holds, Unknown, Width
from madeus.model import (
    And,
    Available,
    Deployable,
    Forbidden,
    Goal,
    Marked,
    Not,
    Parallelism,
    Push,
    Reach,
    Sequence,
    Terminates,
)
from madeus.semantics import System
from tests.build import assembly, kind, program
from tests.checker.generated import any_assembly, any_programs
from tests.checker.test_structural_agrees import questions, summary

pytest.importorskip("z3")

from madeus.checker.engines.smt import Smt


def compare(seed: int, seconds: float, most: int) -> int:
    """Ask everything of a random system; how many questions the solver answered."""
    random = Random(seed)
    if random.random() < 0.5:
        whole, stages = any_assembly(random, most=most), ()
    else:
        whole = any_assembly(random, ("up", "down"), most)
        stages = any_programs(random, whole)
    system = System(whole, stages, random.choice((0, 0, 0, 1)))
    answered = 0
    for asked in questions(random, whole):
        problem = Problem(system, asked)
        engine = Smt()
        if engine.refuses(problem) is not None:
            continue
        try:
            answer = engine.answer(problem, Watch(budget=Budget(seconds=seconds)))
            expected = Explicit().answer(problem, Watch(budget=Budget(states=20_000)))
        except Exhausted:
            continue
        if isinstance(answer, Unknown):
            if isinstance(answer.measure, Width) and isinstance(expected.measure, Width):
                assert answer.measure.minimum <= expected.measure.minimum <= answer.measure.maximum
            continue
        answered += 1
        endless = [v for v in (answer, expected) if isinstance(v, Fails) and v.loop is not None]
        if len(endless) == 1:  # a run that ends and one that never does may both be as short as their kind can be
            assert isinstance(answer, Fails) and isinstance(expected, Fails), str(asked)
            continue
        assert summary(answer) == summary(expected), str(asked)
    return answered


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_solver_proves_or_finds_is_what_exploration_finds(seed: int) -> None:
    compare(seed, 0.5, 1)


@pytest.mark.long
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_solver_proves_or_finds_is_what_exploration_finds_on_larger_systems(seed: int) -> None:
    compare(seed, 5.0, 2)


ONE = kind("T", "places a* b c", "x: a -> b", "y: b -> c", "provide s at b")


def test_two_places_of_one_token_are_never_marked_together_by_the_state_equation() -> None:
    asked = Forbidden(And((Marked("t", "a"), Marked("t", "c"))))
    verdict = Smt().answer(Problem(System(assembly([ONE], "t:T")), asked), Watch())
    assert isinstance(verdict, Holds)
    assert verdict.evidence.notes == ("proved by the state equation",)


def test_an_order_is_proved_and_its_reverse_is_refuted_by_a_run() -> None:
    system = System(assembly([ONE], "t:T"))
    assert isinstance(Smt().answer(Problem(system, Sequence((("t", "x"), ("t", "y")))), Watch()), Holds)
    broken = Smt().answer(Problem(system, Sequence((("t", "y"), ("t", "x")))), Watch())
    assert isinstance(broken, Fails)
    assert broken.reason == "t.x fires before t.y has ended"
    assert broken.trace is not None
    assert len(broken.trace.events) == 2


def test_a_service_that_is_left_goes_off() -> None:
    verdict = Smt().answer(Problem(System(assembly([ONE], "t:T")), Available("t", "s")), Watch())
    assert isinstance(verdict, Fails)
    assert verdict.reason == "t.s goes off after it has been on"


def test_the_most_that_run_at_once_is_found_and_proved() -> None:
    both = kind("P", "places a* b", "x: a -> b", "y: a -> b")
    verdict = Smt().answer(Problem(System(assembly([both], "p:P q:P")), Parallelism()), Watch())
    assert isinstance(verdict.measure, Width)
    assert (verdict.measure.minimum, verdict.measure.maximum) == (4, 4)


def test_some_run_that_ends_well_is_found() -> None:
    system = System(assembly([ONE], "t:T"))
    verdict = Smt().answer(Problem(system, Deployable(Goal("g", Marked("t", "c")), Reach.POSSIBLE)), Watch())
    assert isinstance(verdict, Holds)
    assert verdict.witness is not None


LONG = kind(
    "L",
    "places p0*" + "".join(f" p{i}" for i in range(1, 20)),
    *(f"t{i}: p{i} -> p{i + 1}" for i in range(19)),
)
"""Runs of 78 steps: too long to be searched."""


def test_that_no_run_ends_well_is_proved_by_the_state_equation_where_no_run_is_endless() -> None:
    system = System(assembly([LONG], "t:L"))
    goal = Goal("g", Marked("t", "p7"))
    verdict = Smt().answer(Problem(system, Deployable(goal, Reach.POSSIBLE)), Watch())
    assert isinstance(verdict, Fails)
    assert verdict.reason == "no run comes to g (t.p7) and stays there"
    assert verdict.trace is None
    assert verdict.evidence.notes == (
        "no run is endless: effects of transitions never add up to nothing",
        "proved by the state equation",
    )


def test_that_all_runs_end_well_and_that_all_end_is_proved_without_enumeration() -> None:
    system = System(assembly([LONG], "a:L b:L c:L"))
    goal = Goal("g", And(tuple(Marked(name, "p19") for name in "abc")))
    for reach in (Reach.ALWAYS, Reach.RECOVERABLE):
        verdict = Smt().answer(Problem(system, Deployable(goal, reach)), Watch(budget=Budget(seconds=60.0)))
        assert isinstance(verdict, Holds)
    assert isinstance(Smt().answer(Problem(system, Terminates()), Watch()), Holds)


ROUND = kind("R", "places a* b c", "x: a -> b station in", "y: b -> c", "z: c -> b station back")


def test_that_a_goal_is_not_kept_on_endless_runs_is_proved_where_they_leave_it() -> None:
    system = System(assembly([ROUND], "r:R"))
    gone = Smt().answer(Problem(system, Deployable(Goal("g", Marked("r", "a")), Reach.POSSIBLE)), Watch())
    assert isinstance(gone, Fails)
    kept = Smt().answer(Problem(system, Deployable(Goal("g", Not(Marked("r", "a"))), Reach.POSSIBLE)), Watch())
    assert isinstance(kept, Unknown)
    assert kept.reason == "no run ends where g holds, but an endless one may keep it"
    always = Smt().answer(Problem(system, Deployable(Goal("g", Marked("r", "c")))), Watch())
    assert isinstance(always, Unknown)
    assert always.reason == "no run ends where g does not hold, but one may be endless"
    ends = Smt().answer(Problem(system, Terminates()), Watch())
    assert isinstance(ends, Unknown)


def test_a_deadlock_is_a_run_that_ends_elsewhere() -> None:
    one = kind("A", "places off* on", "up: off -> on", "use s for up", "provide t at on")
    other = kind("B", "places off* on", "up: off -> on", "use t for up", "provide s at on")
    system = System(assembly([one, other], "a:A b:B", "a.s b.s", "b.t a.t"))
    verdict = Smt().answer(Problem(system, Deployable(Goal("g", Marked("a", "on")))), Watch())
    assert isinstance(verdict, Fails)
    assert verdict.reason == "the run ends and g (a.on) does not hold"
    assert verdict.deadlock is not None


def test_induction_proves_what_holds_on_runs_of_many_components() -> None:
    """Twelve components that come and go while another one serves them."""
    flip = kind("F", "places off* on", "up: off -> on in up", "down: on -> off in down", "provide s at on")
    user = kind("U", "places off* on", "up: off -> on in up", "down: on -> off in down", "use s during on")
    whole = assembly(
        [flip, user], " ".join(["f:F", *(f"u{i}:U" for i in range(12))]), *(f"u{i}.s f.s" for i in range(12))
    )
    names = [f"u{i}" for i in range(12)]
    turns = program(
        "turns", Push("f", "up"), *(Push(n, b) for n in names for b in ("up", "down", "up")), Push("f", "down")
    )
    asked = Forbidden(And((Marked("u7", "on"), Not(Marked("f", "on")))))
    verdict = Smt().answer(Problem(System(whole, ((turns,),)), asked), Watch(budget=Budget(seconds=60.0)))
    assert isinstance(verdict, Holds)
    assert "induction" in verdict.evidence.notes[0]
