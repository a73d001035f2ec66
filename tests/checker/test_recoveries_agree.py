"""Engines on nets of systems whose failed pushes are recovered from: against plain search, simulation and closed forms."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.checker import Boundaries, Budget, Durations, Fails, Holds, Problem, Watch, check
from madeus.checker.engine import Exhausted
from madeus.checker.engines.explicit import Explicit
from madeus.checker.engines.reference import Reference
from madeus.model import (
    And,
    Available,
    Bounds,
    Comparison,
    Deployable,
    Goal,
    Marked,
    Or,
    Parallelism,
    Parametric,
    Program,
    Push,
    WaitAll,
    WaitPush,
)
from madeus.semantics import StepKind, System
from tests.build import assembly, kind, program
from tests.checker.generated import any_assembly, any_programs
from tests.checker.test_structural_agrees import questions, summary


def with_recoveries(
    random: Random, stages: tuple[tuple[Program, ...], ...], names: list[str]
) -> tuple[tuple[Program, ...], ...]:
    def changed(instruction: object) -> object:
        if not isinstance(instruction, Push) or random.random() < 0.2:
            return instruction
        target = instruction.component if random.random() < 0.6 else random.choice(names)
        return replace(instruction, recovery=f"{target}.{random.choice(('up', 'down'))}")

    return tuple(
        tuple(replace(p, instructions=tuple(changed(i) for i in p.instructions)) for p in stage) for stage in stages
    )


def compare(seed: int, states: int, most: int) -> int:
    """How many questions were answered by both engines."""
    random = Random(seed)
    whole = any_assembly(random, ("up", "down"), most)
    stages = with_recoveries(random, any_programs(random, whole), [i.name for i in whole.instances])
    system = System(whole, stages, random.choice((1, 1, 2)))
    engine, answered = Explicit(), 0
    for asked in questions(random, whole):
        problem = Problem(system, asked)
        if engine.refuses(problem) is not None:
            continue
        try:
            expected = Reference().answer(problem, Watch(budget=Budget(states=states)))
            answer = engine.answer(problem, Watch(budget=Budget(states=5 * states)))
        except Exhausted:
            continue
        answered += 1
        assert summary(answer) == summary(expected), f"{asked}"
    return answered


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_exploration_of_the_net_agrees_with_plain_search_where_failures_are_recovered_from(seed: int) -> None:
    compare(seed, 300, 2)


@pytest.mark.long
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_exploration_of_the_net_agrees_with_plain_search_where_failures_are_recovered_from_at_length(seed: int) -> None:
    compare(seed, 4000, 3)


DB = kind(
    "Db",
    "places v1* mid v2",
    "begin: v1 -> mid in update takes 1..2",
    "copy: mid -> v2 in update takes 3..4",
    "index: mid -> v2 in update takes 5..6",
    "back: mid -> v1 in rollback takes 2..2",
    "provide s at v1",
)


def updated(recovery: str = "db.rollback", failures: int = 1) -> System:
    update = program("p", Push("db", "update", "u", recovery), WaitPush("u"), WaitAll())
    return System(assembly([DB], "db:Db"), [[update]], failures)


V1, V2 = Marked("db", "v1"), Marked("db", "v2")
SETTLED = Goal("settled", Or((V1, V2)))


def test_with_a_recovery_every_run_settles_and_without_one_it_may_not() -> None:
    verdict = check(Problem(updated(), Deployable(SETTLED)))
    assert isinstance(verdict, Holds)
    assert verdict.evidence.engine == "explicit"
    assert isinstance(check(Problem(updated(""), Deployable(SETTLED))), Fails)
    assert isinstance(check(Problem(updated(), Deployable(Goal("new", V2)))), Fails)


def test_the_time_to_settle_is_that_of_the_slowest_failure_and_its_recovery() -> None:
    verdict = check(Problem(updated(), Bounds(SETTLED)))
    assert isinstance(verdict.measure, Boundaries)
    assert verdict.evidence.engine == "timed"
    # begin fails at once and its token is back where it was; at the latest copy or index fails at its end, the other one having
    # ended: 2 + 6, and back takes 2.
    assert (verdict.measure.minimum, verdict.measure.maximum) == (0, 2 + 6 + 2)
    assert verdict.measure.slowest is not None
    kinds = [event.step.kind for event in verdict.measure.slowest.events]
    assert kinds.index(StepKind.FAIL) < kinds.index(StepKind.RECOVER)
    assert verdict.measure.slowest.makespan == 10


def test_a_service_is_off_for_no_longer_than_an_update_that_fails_and_is_rolled_back() -> None:
    restart = kind("X", "places v2* v1", "r: v2 -> v1 in restart takes 1..1").transitions
    again = replace(DB, transitions=(*DB.transitions, *restart), behaviors=("update", "rollback", "restart"))
    both = program(
        "p", Push("db", "update", "u", "db.rollback"), WaitPush("u"), Push("db", "restart", "", "db.restart"), WaitAll()
    )
    system = System(assembly([again], "db:Db"), [[both]], 1)
    assert isinstance(check(Problem(system, Available("db", "s", 10.0))), Holds)
    assert isinstance(check(Problem(system, Available("db", "s", 9.5))), Fails)


def test_which_rollbacks_are_fast_enough() -> None:
    question = Parametric("db", "back", SETTLED, Comparison.AT_MOST, 15)
    verdict = check(Problem(updated(), question))
    assert verdict.measure == Durations(0.0, 7.0)


def test_tokens_that_are_taken_back_beside_others_run_once_more() -> None:
    """One branch is done when the other one fails: both the beginning and the end of the first are marked, and both move."""
    fork = kind(
        "Fork",
        "places a* b c d",
        "x: a -> b in go station x",
        "y: a -> c in go station y",
        "u: a -> d in again station u",
        "v: b -> d in again station v",
    )
    system = System(assembly([fork], "f:Fork"), [[program("p", Push("f", "go", "", "f.again"), WaitAll())]], 1)
    verdict = check(Problem(system, Parallelism()))
    assert verdict.measure is not None
    reference = Reference().answer(Problem(system, Parallelism()), Watch())
    assert summary(verdict) == summary(reference)
    assert isinstance(check(Problem(system, Deployable(Goal("c", And((Marked("f", "b"), Marked("f", "c"))))))), Fails)
