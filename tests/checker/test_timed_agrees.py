"""The timed engine against longest paths, simulation and the closed forms of a server with dependencies."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.checker import Boundaries, Budget, Fails, Holds, Problem, TimeOff, Unknown, Watch, Width
from madeus.checker.engine import Exhausted
from madeus.checker.engines.structural import Structural
from madeus.checker.engines.timed import Timed
from madeus.checker.formula import holds
from madeus.checker.verdict import Verdict
from madeus.model import (
    And,
    Assembly,
    Available,
    Bounds,
    Goal,
    Interval,
    Marked,
    Not,
    Or,
    Parallelism,
    Push,
    WaitAll,
    WaitComponent,
)
from madeus.semantics import System, replay, simulate
from madeus.semantics.time import uniform
from tests.build import assembly, kind, program
from tests.checker.generated import any_assembly, any_formula, any_programs


def with_intervals(random: Random, whole: Assembly) -> Assembly:
    def timed(low: int) -> Interval:
        return Interval(low, inf if random.random() < 0.1 else low + random.randint(0, 3))

    types = {
        name: replace(t, transitions=tuple(replace(x, interval=timed(random.randint(0, 4))) for x in t.transitions))
        for name, t in whole.types.items()
    }
    return replace(whole, types=types)


def measured(verdict: Verdict) -> tuple[float, float] | None:
    if isinstance(verdict.measure, Boundaries | Width):
        return verdict.measure.minimum, verdict.measure.maximum
    return None


def against_longest_paths(seed: int, states: int) -> None:
    random = Random(seed)
    whole = with_intervals(random, any_assembly(random))
    system = System(whole)
    structural, timed = Structural(), Timed()
    for question in (Bounds(Goal("g", any_formula(random, whole))), Parallelism()):
        problem = Problem(system, question)
        if structural.refuses(problem) is not None or timed.refuses(problem) is not None:
            return
        first = structural.answer(problem, Watch())
        if first.measure is None:
            continue
        try:
            second = timed.answer(problem, Watch(budget=Budget(states=states)))
        except Exhausted:
            continue
        low, high = measured(first) or (0, 0)
        found = measured(second)
        if found is None:
            continue
        if isinstance(first.measure, Width):
            assert low <= found[0] <= high
        else:
            assert found == (pytest.approx(low), pytest.approx(high))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_state_classes_find_the_boundaries_and_the_parallelism_of_longest_paths(seed: int) -> None:
    against_longest_paths(seed, 300)


@pytest.mark.long
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_state_classes_find_the_boundaries_and_the_parallelism_of_longest_paths_at_length(seed: int) -> None:
    against_longest_paths(seed, 1000)


def against_simulation(seed: int, states: int) -> None:
    random = Random(seed)
    whole = with_intervals(random, any_assembly(random, ("up", "down"), 2))
    system = System(whole, any_programs(random, whole))
    run = simulate(system, uniform(random.random), steps=500)
    places = [Marked(c, p) for c, state in run.configuration.components.items() for p in sorted(state.places)]
    goal = Goal("end", And(tuple(places)))
    problem = Problem(system, Bounds(goal))
    timed = Timed()
    if run.configuration.clash is not None or run.truncated or timed.refuses(problem) is not None:
        return
    try:
        verdict = timed.answer(problem, Watch(budget=Budget(states=states)))
    except Exhausted:
        return
    if not isinstance(verdict.measure, Boundaries):
        return
    since = 0.0
    confs = list(replay(system, (e.step for e in run.trace.events)))
    for event, before, after in zip(run.trace.events, confs, confs[1:], strict=False):
        if holds(system, after, goal.formula) and not holds(system, before, goal.formula):
            since = event.time
    assert verdict.measure.minimum <= since + 1e-6 <= verdict.measure.maximum + 2e-6


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_no_simulated_run_of_programs_leaves_the_boundaries(seed: int) -> None:
    against_simulation(seed, 300)


@pytest.mark.long
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_no_simulated_run_of_programs_leaves_the_boundaries_at_length(seed: int) -> None:
    against_simulation(seed, 1000)


DEP = kind(
    "Dep",
    "places undeployed* installed running",
    "install: undeployed -> installed in install takes 4..6",
    "run: installed -> running in install takes 1..2",
    "update: running -> installed in update takes 10..12",
    "provide service at running",
)
SERVER = kind(
    "Server",
    "places undeployed* allocated running maintenance",
    "allocate: undeployed -> allocated in install station fresh takes 1..1",
    "restart: maintenance -> allocated in install station resumed takes 2..3",
    "start: allocated -> running in install takes 1..2",
    "suspend: running -> maintenance in suspend takes 3..5",
    "provide web at running",
    "use dep during running",
)
SITE = assembly([DEP, SERVER], "dep:Dep server:Server", "server.dep dep.service")
INSTALL = program("install", Push("dep", "install"), Push("server", "install"), WaitAll())
UPGRADE = program(
    "upgrade",
    Push("server", "suspend"),
    Push("dep", "update"),
    WaitComponent("server"),
    Push("dep", "install"),
    WaitComponent("dep"),
    Push("server", "install"),
    WaitAll(),
)


def test_an_update_takes_as_long_as_its_closed_form_says_and_the_runs_show_it() -> None:
    goal = Goal("back", And((Marked("dep", "running"), Marked("server", "running"))))
    verdict = Timed().answer(Problem(System(SITE, ((INSTALL,), (UPGRADE,))), Bounds(goal)), Watch())
    assert isinstance(verdict, Holds)
    assert isinstance(verdict.measure, Boundaries)
    # install: max(dep 5..8, server 2..3); leaving takes no time: update and run 11..14 beside suspend; restart, start 3..5
    assert (verdict.measure.minimum, verdict.measure.maximum) == (5 + 11 + 3, 8 + 14 + 5)
    assert verdict.measure.fastest is not None
    assert verdict.measure.fastest.makespan == 19
    assert verdict.measure.slowest is not None
    assert verdict.measure.slowest.makespan == 27


def test_a_service_is_off_for_as_long_as_the_update_takes() -> None:
    system = System(SITE, ((INSTALL,), (UPGRADE,)))
    longest = Timed().answer(Problem(system, Available("server", "web", 19.0)), Watch())
    assert isinstance(longest, Holds)
    assert longest.measure == TimeOff(19.0)
    shorter = Timed().answer(Problem(system, Available("server", "web", 18.5)), Watch())
    assert isinstance(shorter, Fails)
    assert shorter.reason == "server.web is off for 19 s"
    assert shorter.trace is not None


BLINK = kind(
    "Blink",
    "places a* b c",
    "x: a -> b station one takes 1..2",
    "y: b -> c takes 3..5",
    "z: c -> b station two takes 1..1",
    "provide s at b",
)
"""After ``b`` it goes round and round."""
LAMP = kind("Lamp", "places off* on", "up: off -> on takes 2..4", "use s for up")


def test_a_goal_that_every_run_reaches_to_stay_has_boundaries_though_runs_are_endless() -> None:
    whole = assembly([BLINK, LAMP], "blink:Blink lamp:Lamp", "lamp.s blink.s")
    verdict = Timed().answer(Problem(System(whole), Bounds(Goal("lit", Marked("lamp", "on")))), Watch())
    again = Or((Marked("blink", "b"), Not(Marked("blink", "a"))))
    first = Timed().answer(Problem(System(whole), Bounds(Goal("left", again))), Watch())
    assert isinstance(first.measure, Boundaries)
    # The token is off its first place as soon as it leaves for the dock, which takes no time.
    assert (first.measure.minimum, first.measure.maximum) == (0, 0)
    # Blink may go round for ever beside the lamp before it is lit, as far as the order of steps goes.
    assert isinstance(verdict, Unknown)
    assert "endless before" in verdict.reason


def test_a_goal_before_an_endless_part_has_its_boundaries_and_witnesses() -> None:
    gated = kind(
        "Gated",
        "places a* b c",
        "x: a -> b station one takes 1..2",
        "y: b -> c takes 3..5",
        "z: c -> b station two takes 1..1",
        "use s for y",
    )
    whole = assembly(
        [gated, kind("Lamp", "places off* on", "up: off -> on takes 2..4", "provide s at on")],
        "g:Gated lamp:Lamp",
        "g.s lamp.s",
    )
    verdict = Timed().answer(Problem(System(whole), Bounds(Goal("lit", Marked("lamp", "on")))), Watch())
    assert isinstance(verdict.measure, Boundaries)
    assert (verdict.measure.minimum, verdict.measure.maximum) == (2, 4)
    assert verdict.measure.fastest is not None
    assert verdict.measure.fastest.makespan == 2
    assert verdict.measure.slowest is not None
    assert verdict.measure.slowest.makespan == 4


def test_a_goal_that_comes_and_goes_on_endless_runs_has_no_known_boundaries() -> None:
    verdict = Timed().answer(
        Problem(System(assembly([BLINK], "blink:Blink")), Bounds(Goal("there", Marked("blink", "c")))), Watch()
    )
    assert isinstance(verdict, Unknown)
    assert verdict.reason == "a run may be endless, and there may cease to hold on it"
