"""The parametric engine against longest paths, against the timed engine with the duration filled in, and on closed forms."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.checker import Budget, Durations, Fails, Holds, Problem, Unknown, Watch, check, store
from madeus.checker.engine import Exhausted
from madeus.checker.engines.parametric import ParametricEngine
from madeus.checker.engines.structural import Structural
from madeus.checker.engines.timed import Timed
from madeus.checker.report.measure import sentence
from madeus.checker.session import agree
from madeus.model import (
    ANY_TIME,
    And,
    Assembly,
    Bounds,
    Comparison,
    Goal,
    Interval,
    Marked,
    Parametric,
    Push,
    WaitComponent,
)
from madeus.semantics import System
from tests.build import assembly, kind, program
from tests.checker.generated import any_assembly, any_formula, any_programs
from tests.checker.test_recoveries_agree import with_recoveries
from tests.checker.test_timed_agrees import with_intervals

COMPARISONS = (Comparison.LESS, Comparison.AT_MOST, Comparison.EQUAL, Comparison.AT_LEAST, Comparison.GREATER)


def filled_in(whole: Assembly, component: str, transition: str, seconds: float) -> Assembly:
    """The same assembly where one transition of one instance takes exactly that long; the instance gets a type of its own."""
    instance = next(i for i in whole.instances if i.name == component)
    kind_ = whole.types[instance.type]
    transitions = tuple(
        replace(t, interval=Interval(seconds, seconds)) if t.name == transition else t for t in kind_.transitions
    )
    own = replace(kind_, name="Own", transitions=transitions)
    instances = tuple(replace(i, type="Own") if i.name == component else i for i in whole.instances)
    return replace(whole, types={**whole.types, "Own": own}, instances=instances)


def one_question(random: Random, whole: Assembly) -> Parametric | None:
    names = [(i.name, t.name) for i in whole.instances for t in whole.types[i.type].transitions]
    if not names:
        return None
    last = And(tuple(Marked(i.name, whole.types[i.type].places[-1].name) for i in whole.instances))
    goal = Goal("g", last if random.random() < 0.5 else any_formula(random, whole))
    return Parametric(*random.choice(names), goal, random.choice(COMPARISONS), random.randint(0, 12))


def samples(found: Durations) -> list[float]:
    """Durations at, beside and between the ends of the intervals that were found."""
    ends = {0.0}
    for part in found.parts or (found,):
        ends.update(x for x in (part.minimum, part.maximum) if 0 <= x < inf)
    ordered = sorted(ends)
    between = [(a + b) / 2 for a, b in pairwise(ordered)]
    beside = [x + step for x in ordered for step in (-0.125, 0.125) if x + step >= 0]
    return sorted({*ordered, *between, *beside, ordered[-1] + 3.0})


def against_the_timed_engine(seed: int, states: int) -> int:
    """How many durations were compared."""
    random = Random(seed)
    if random.random() < 0.5:
        whole, stages = any_assembly(random, most=2), ()
    else:
        whole = any_assembly(random, ("up", "down"), 2)
        stages = with_recoveries(random, any_programs(random, whole), [i.name for i in whole.instances])
    whole = with_intervals(random, whole)
    question = one_question(random, whole)
    failures = random.choice((0, 0, 0, 1))
    problem = Problem(System(whole, stages, failures), question) if question is not None else None
    engine = ParametricEngine()
    if question is None or problem is None or engine.refuses(problem) is not None:
        return 0
    try:
        verdict = engine.answer(problem, Watch(budget=Budget(states=states)))
    except Exhausted:
        return 0
    if isinstance(verdict, Unknown):
        return 0
    assert isinstance(verdict.measure, Durations)
    bounds = Bounds(question.goal, question.comparison, question.bound)
    compared = 0
    for seconds in samples(verdict.measure):
        filled = filled_in(whole, question.component, question.transition, seconds)
        try:
            expected = Timed().answer(
                Problem(System(filled, stages, failures), bounds), Watch(budget=Budget(states=states))
            )
        except Exhausted:
            continue
        compared += 1
        assert isinstance(expected, Holds | Fails)
        assert (seconds in verdict.measure) == isinstance(expected, Holds), f"{problem}, {seconds} s"
    return compared


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_a_duration_does_when_the_timed_engine_says_so_with_it_filled_in(seed: int) -> None:
    against_the_timed_engine(seed, 300)


@pytest.mark.long
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_a_duration_does_when_the_timed_engine_says_so_with_it_filled_in_at_length(seed: int) -> None:
    against_the_timed_engine(seed, 3000)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_trials_find_the_durations_that_longest_paths_find(seed: int) -> None:
    random = Random(seed)
    whole = with_intervals(random, any_assembly(random))
    question = one_question(random, whole)
    structural, engine = Structural(), ParametricEngine()
    if question is None:
        return
    problem = Problem(System(whole), question)
    if structural.refuses(problem) is not None or engine.refuses(problem) is not None:
        return
    first = structural.answer(problem, Watch())
    if isinstance(first, Unknown):
        return
    second = engine.answer(problem, Watch(budget=Budget(states=2000)))
    if isinstance(second, Unknown):
        return
    assert isinstance(first.measure, Durations)
    assert isinstance(second.measure, Durations)
    assert first.measure.empty == second.measure.empty
    if not first.measure.empty:
        assert second.measure == first.measure


DEP = kind(
    "Dep",
    "places off* on",
    "start: off -> on in up takes 1..1",
    "stop: on -> off in down takes 2..2",
    "provide s at on",
)
TIMER = kind("Timer", "places a* b", "tick: a -> b in go takes 4..4")
USER = kind(
    "User", "places a* b c", "prepare: a -> b in go takes 1..2", "work: b -> c in go takes 3..3", "use s for work"
)
SITE = assembly([DEP, TIMER, USER], "dep:Dep timer:Timer user:User", "user.s dep.s")
BESIDE = program("beside", Push("user", "go"))
TURN = program(
    "turn", Push("dep", "up"), Push("timer", "go"), WaitComponent("timer"), Push("dep", "down"), Push("dep", "up")
)
RACE = System(SITE, ((BESIDE, TURN),))
"""The user works from p on for 3 s, unless the provider went off at 4 s, which waits for the user, to be back 3 s later."""


def asked(goal: str, comparison: Comparison, bound: float) -> Durations:
    component, place = goal.split(".")
    question = Parametric("user", "prepare", Goal("g", Marked(component, place)), comparison, bound)
    verdict = check(Problem(RACE, question))
    assert verdict.evidence.engine == "parametric"
    assert isinstance(verdict.measure, Durations)
    assert isinstance(verdict, Fails if verdict.measure.empty else Holds)
    return verdict.measure


def test_a_user_that_comes_before_the_provider_goes_off_is_done_in_time_and_a_draw_is_lost() -> None:
    assert asked("user.c", Comparison.AT_MOST, 9) == Durations(0.0, 4.0, open_above=True)
    assert asked("user.c", Comparison.AT_MOST, 10) == Durations(0.0, 7.0)
    assert asked("user.c", Comparison.LESS, 10) == Durations(0.0, 4.0, open_above=True)


def test_a_provider_is_back_in_time_when_its_user_is_done_soon_or_comes_too_late_to_hold_it() -> None:
    found = asked("dep.on", Comparison.AT_MOST, 8)
    soon, late = Durations(0.0, 2.0), Durations(4.0, inf, open_below=True)
    assert found == Durations(0.0, inf, parts=(soon, late))
    assert 2.0 in found
    assert 4.0 not in found
    assert sentence(found) == "<= 2 s or > 4 s"


def test_a_user_is_done_at_one_time_whatever_it_takes_when_it_has_to_wait() -> None:
    assert asked("user.c", Comparison.EQUAL, 10) == Durations(4.0, 7.0, open_below=True)
    assert asked("user.c", Comparison.EQUAL, 12) == Durations(9.0, 9.0)
    assert sentence(asked("user.c", Comparison.EQUAL, 12)) == "= 9 s"
    assert asked("user.c", Comparison.AT_LEAST, 10) == Durations(4.0, inf, open_below=True)
    assert asked("user.c", Comparison.LESS, 3).empty


def test_numbers_are_exact() -> None:
    assert asked("user.c", Comparison.AT_MOST, 4.3) == Durations(0.0, 1.3)


def test_several_intervals_are_kept_and_told() -> None:
    question = Parametric("user", "prepare", Goal("g", Marked("dep", "on")), Comparison.AT_MOST, 8)
    problem = Problem(RACE, question)
    verdict = check(problem)
    assert isinstance(verdict, Holds)
    assert store.decode(store.encode(verdict), problem) == verdict
    assert verdict.evidence.notes[-1].endswith("durations were tried, the others are like one of them")


def test_a_budget_that_is_spent_on_the_way_tells_what_is_open() -> None:
    question = Parametric("user", "prepare", Goal("g", Marked("dep", "on")), Comparison.AT_MOST, 8)
    engine = ParametricEngine()
    whole = engine.answer(Problem(RACE, question), Watch())
    partly = engine.answer(Problem(RACE, question), Watch(budget=Budget(states=whole.evidence.states // 2)))
    assert isinstance(partly, Unknown)
    assert partly.reason.startswith("the budget is spent: ")
    assert "; nothing is known yet of durations of " in partly.reason


def test_an_endless_run_before_the_goal_leaves_the_question_open() -> None:
    ring = kind("Ring", "places a* b", "x: a -> b takes 1..1", "y: b -> a station back takes 1..1")
    lamp = kind("Lamp", "places off* on", "up: off -> on takes 2..4")
    system = System(assembly([ring, lamp], "r:Ring l:Lamp"))
    question = Parametric("l", "up", Goal("lit", Marked("l", "on")), Comparison.AT_MOST, 3)
    verdict = ParametricEngine().answer(Problem(system, question), Watch())
    assert isinstance(verdict, Unknown)
    assert "endless" in verdict.reason


def test_an_action_of_any_length_may_make_every_duration_too_long() -> None:
    loose = replace(USER, transitions=tuple(replace(t, interval=ANY_TIME) for t in USER.transitions))
    system = System(assembly([DEP, TIMER, loose], "dep:Dep timer:Timer user:User", "user.s dep.s"), ((BESIDE, TURN),))
    question = Parametric("user", "prepare", Goal("g", Marked("user", "c")), Comparison.AT_MOST, 1000)
    verdict = ParametricEngine().answer(Problem(system, question), Watch())
    assert isinstance(verdict, Fails)
    assert verdict.reason == "no duration of user.prepare makes g <= 1000 s"


def test_two_engines_agree_on_the_same_intervals_alone() -> None:
    question = Parametric("user", "prepare", Goal("g", Marked("dep", "on")), Comparison.AT_MOST, 8)
    problem = Problem(RACE, question)
    low, high = Durations(0.0, 2.0), Durations(4.0, inf, open_below=True)
    both = Durations(0.0, inf, parts=(low, high))
    assert agree(
        problem, Holds(measure=both), Holds(measure=Durations(0.0, inf, parts=(Durations(0.0, 2.0 + 1e-12), high)))
    )
    assert not agree(problem, Holds(measure=both), Holds(measure=Durations(0.0, inf)))
    assert not agree(problem, Holds(measure=low), Holds(measure=Durations(0.0, 2.0, open_above=True)))
    assert not agree(problem, Holds(measure=low), Holds(measure=Durations(0.0, 2.5)))
    assert agree(problem, Fails("", measure=Durations(0.0, -inf)), Fails("", measure=Durations(1.0, 0.5)))


def test_a_transition_that_is_on_no_path_to_the_goal_makes_it_no_later() -> None:
    one = kind("One", "places a* b", "x: a -> b takes 1..2")
    system = System(assembly([one], "p:One q:One"))
    for engine in (Structural(), ParametricEngine()):
        for comparison in (Comparison.AT_LEAST, Comparison.GREATER, Comparison.EQUAL):
            verdict = engine.answer(
                Problem(system, Parametric("q", "x", Goal("g", Marked("p", "b")), comparison, 5)), Watch()
            )
            assert isinstance(verdict, Fails)
