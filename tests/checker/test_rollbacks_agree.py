"""Runs that are taken back: engines against plain search, short cuts against all runs, times against simulation."""

from __future__ import annotations

from dataclasses import replace
from heapq import heappop, heappush
from math import inf
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.checker import Boundaries, Budget, Durations, Holds, Problem, TimeOff, Unknown, Watch
from madeus.checker.engine import Exhausted
from madeus.checker.engines.explicit import Explicit
from madeus.checker.engines.parametric import ParametricEngine
from madeus.checker.engines.reference import Reference
from madeus.checker.engines.timed import Timed
from madeus.checker.formula import holds
from madeus.checker.problem import Asked, is_taken_back, with_failures
from madeus.checker.verdict import Verdict
from madeus.model import Active, Add, Available, Bounds, Goal, Instance, PortKind, Program
from madeus.semantics import Agenda, Configuration, Fate, Step, StepKind, System
from tests.checker.generated import any_assembly, any_formula, any_programs
from tests.checker.test_parametric_agrees import filled_in, one_question, samples
from tests.checker.test_recoveries_agree import with_recoveries
from tests.checker.test_structural_agrees import questions, summary
from tests.checker.test_timed_agrees import with_intervals


def random_system(random: Random, most: int, timed: bool = False, recovering: bool = False) -> System:
    """A system whose runs are taken back when an action fails; now and then its programs add a component."""
    whole = any_assembly(random, ("up", "down"), most)
    whole = with_intervals(random, whole) if timed else whole
    whole = replace(whole, instances=tuple(replace(i, layered=True) for i in whole.instances))
    stages = [list(stage) for stage in any_programs(random, whole)]
    at = random.randrange(len(stages))
    stages[at][0] = replace(stages[at][0], rollback=True)
    if random.random() < 0.2:
        added = Add(Instance("late", random.choice(sorted(whole.types)), layered=True))
        first: Program = stages[0][0]
        stages[0][0] = replace(first, instructions=(added, *first.instructions))
    programs = tuple(tuple(stage) for stage in stages)
    if recovering:
        programs = with_recoveries(random, programs, [i.name for i in whole.instances])
    system = System(whole, programs, random.choice((1, 1, 2)))
    assert system.rollback
    return system


def asked_of(random: Random, system: System) -> list[Asked]:
    whole = system.assembly
    return questions(random, whole)


def answers(system: System, asked: Asked, states: int) -> Verdict | None:
    try:
        return Reference().answer(Problem(system, asked), Watch(budget=Budget(states=states)))
    except Exhausted:
        return None


def compare(seed: int, states: int, most: int) -> int:
    """How many questions were answered by both engines."""
    random = Random(seed)
    system = random_system(random, most, recovering=random.random() < 0.3)
    engine, answered = Explicit(), 0
    for asked in asked_of(random, system):
        problem = Problem(system, asked)
        if engine.refuses(problem) is not None or (expected := answers(system, asked, states)) is None:
            continue
        try:
            answer = engine.answer(problem, Watch(budget=Budget(states=5 * states)))
        except Exhausted:
            continue
        answered += 1
        assert summary(answer) == summary(expected), f"{asked}"
    return answered


relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(relaxed, max_examples=20)
@given(st.integers(0, 2**32))
def test_exploration_of_the_net_agrees_with_plain_search_where_runs_are_taken_back(seed: int) -> None:
    compare(seed, 300, 2)


@pytest.mark.long
@settings(relaxed, max_examples=80)
@given(st.integers(0, 2**32))
def test_exploration_of_the_net_agrees_with_plain_search_where_runs_are_taken_back_at_length(seed: int) -> None:
    compare(seed, 4000, 3)


def outcome(verdict: Verdict) -> tuple[object, ...]:
    """What an answer says, but for the run that shows it."""
    return type(verdict), *(summary(verdict)[1:3] if isinstance(verdict, Holds) else summary(verdict)[2:3])


def shortened(seed: int, states: int, most: int) -> int:
    """How many questions were answered over all runs and over those without failures alike."""
    random = Random(seed)
    system = random_system(random, most)
    without, answered = with_failures(system, 0), 0
    for asked in asked_of(random, system):
        if not is_taken_back(system, asked):
            continue
        short, long = answers(without, asked, states), answers(system, asked, 3 * states)
        if short is not None and long is not None:
            answered += 1
            assert outcome(short) == outcome(long), f"{asked}"
    return answered


@settings(relaxed, max_examples=25)
@given(st.integers(0, 2**32))
def test_what_need_not_be_asked_with_failures_has_the_same_answer_with_them(seed: int) -> None:
    shortened(seed, 200, 2)


@pytest.mark.long
@settings(relaxed, max_examples=150)
@given(st.integers(0, 2**32))
def test_what_need_not_be_asked_with_failures_has_the_same_answer_with_them_at_length(seed: int) -> None:
    shortened(seed, 2000, 3)


Timeline = list[tuple[float, Configuration]]
"""When each configuration begins."""


def any_run(system: System, random: Random, most: int = 300) -> Timeline | None:
    """A run under a virtual clock in which now and then an action fails before its time; None: it is too long."""
    agenda = Agenda(system, system.initial())
    clock, left = 0.0, system.failures or 0
    found: Timeline = [(clock, agenda.configuration)]
    due: list[tuple[float, int, Step]] = []
    while len(found) < most:
        taken = agenda.take_next()
        if taken is not None:
            step, _ = taken
            if step.kind is StepKind.FIRE and agenda.configuration.clash is None:
                state = agenda.configuration.components[step.component]
                interval = system.tables[state.type].kind.transition[step.element].interval
                high = interval.minimum + 3 if interval.maximum == inf else interval.maximum
                fails = left > 0 and random.random() < 0.3
                left -= fails
                kind_ = StepKind.FAIL if fails else StepKind.END
                low = 0.0 if fails else interval.minimum
                heappush(
                    due,
                    (
                        clock + random.choice((low, high, random.uniform(low, high))),
                        len(found),
                        step._replace(kind=kind_),
                    ),
                )
        elif due and agenda.configuration.clash is None:
            clock, _, step = heappop(due)
            agenda.take(step)
        else:
            return found
        found.append((clock, agenda.configuration))
    return None


def time_off(system: System, run: Timeline, component: str, port: str) -> float:
    """The longest time that a service is off after it has been on."""
    longest, since, been_on = 0.0, inf, False
    for clock, conf in run:
        on = holds(system, conf, Active(component, port)) and conf.clash is None
        if since < inf:
            longest = max(longest, clock - since)
        been_on = been_on or on
        since = inf if on or not been_on else min(since, clock)
    return inf if since < inf else longest


def against_simulation(seed: int, states: int, runs: int) -> bool:
    """Whether there was something to compare."""
    random = Random(seed)
    system = random_system(random, 2, timed=True, recovering=random.random() < 0.3)
    simulated = [run for run in (any_run(system, random) for _ in range(runs)) if run is not None]
    whole, timed, compared = system.assembly, Timed(), False
    ports = [
        (i.name, p.name) for i in whole.instances for p in whole.types[i.type].provides if p.kind is PortKind.SERVICE
    ]
    goal = Goal("g", any_formula(random, whole))
    for asked in (Bounds(goal), *(Available(*port, 1.0) for port in ports[:2])):
        problem = Problem(system, asked)
        if timed.refuses(problem) is not None:
            continue
        try:
            verdict = timed.answer(problem, Watch(budget=Budget(states=states)))
        except Exhausted:
            continue
        if isinstance(verdict, Unknown):
            continue
        for run in simulated:
            if run[-1][1].clash is not None:
                continue
            compared = True
            if isinstance(asked, Available):
                assert isinstance(verdict.measure, TimeOff)
                assert time_off(system, run, asked.component, asked.port) <= verdict.measure.longest + 1e-6
                continue
            assert isinstance(verdict.measure, Boundaries)
            back = run[-1][1].fate is Fate.TAKEN_BACK
            since = next(
                (
                    run[at + 1][0] if at + 1 < len(run) else inf
                    for at in range(len(run) - 1, -1, -1)
                    if not holds(system, run[at][1], goal.formula)
                ),
                0.0,
            )
            since = run[-1][0] if back else since
            assert since <= verdict.measure.maximum + 1e-6
            assert back or since >= verdict.measure.minimum - 1e-6
    return compared


@settings(relaxed, max_examples=30)
@given(st.integers(0, 2**32))
def test_no_simulated_run_with_failures_leaves_the_times_that_were_found(seed: int) -> None:
    against_simulation(seed, 300, 10)


@pytest.mark.long
@settings(relaxed, max_examples=60)
@given(st.integers(0, 2**32))
def test_no_simulated_run_with_failures_leaves_the_times_that_were_found_at_length(seed: int) -> None:
    against_simulation(seed, 1500, 40)


def durations(seed: int, states: int) -> int:
    """How many durations of a parametric question were compared with the timed engine's answer for them."""
    random = Random(seed)
    system = random_system(random, 2, timed=True)
    question, engine = one_question(random, system.assembly), ParametricEngine()
    if question is None or engine.refuses(Problem(system, question)) is not None:
        return 0
    try:
        verdict = engine.answer(Problem(system, question), Watch(budget=Budget(states=states)))
    except Exhausted:
        return 0
    if isinstance(verdict, Unknown):
        return 0
    assert isinstance(verdict.measure, Durations)
    bounds, compared = Bounds(question.goal, question.comparison, question.bound), 0
    for seconds in samples(verdict.measure):
        filled = filled_in(system.assembly, question.component, question.transition, seconds)
        problem = Problem(System(filled, system.stages, system.failures), bounds)
        try:
            expected = Timed().answer(problem, Watch(budget=Budget(states=states)))
        except Exhausted:
            continue
        compared += 1
        assert (seconds in verdict.measure) == isinstance(expected, Holds), f"{problem}, {seconds} s"
    return compared


@settings(relaxed, max_examples=25)
@given(st.integers(0, 2**32))
def test_durations_are_the_ones_for_which_runs_and_rollbacks_keep_the_bound(seed: int) -> None:
    durations(seed, 300)


@pytest.mark.long
@settings(relaxed, max_examples=150)
@given(st.integers(0, 2**32))
def test_durations_are_the_ones_for_which_runs_and_rollbacks_keep_the_bound_at_length(seed: int) -> None:
    durations(seed, 1500)


def test_the_comparisons_compare_something() -> None:
    assert sum(compare(seed, 300, 2) for seed in range(8)) > 20
    assert sum(shortened(seed, 300, 2) for seed in range(8)) > 20
    assert sum(against_simulation(seed, 300, 5) for seed in range(8)) > 2
    assert sum(durations(seed, 300) for seed in range(12)) > 5
