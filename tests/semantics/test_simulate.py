"""Simulation, critical paths, deadlocks, traces and replay."""

from __future__ import annotations

import json
from random import Random

import pytest

from madeus.model import Push, WaitComponent
from madeus.semantics import (
    NotAllowed,
    Step,
    StepKind,
    System,
    Trace,
    find_deadlock,
    is_done,
    replay,
    simulate,
)
from madeus.semantics.time import fixed, maximum, middle, minimum, uniform
from tests.build import assembly, kind, program

PROVIDER = kind("P", "places a* b", "t: a -> b takes 2..10", "provide s at b")
USER = kind(
    "U", "places a* b c", "pull: a -> b takes 3..4", "conf: a -> b takes 1..1", "t: b -> c takes 5..6", "use s for t"
)
PAIR = assembly([PROVIDER, USER], "p:P u:U", "u.s p.s")


@pytest.mark.parametrize(("durations", "makespan"), [(minimum, 8.0), (maximum, 16.0), (middle, 11.5)])
def test_the_makespan_is_the_longest_path(durations, makespan: float) -> None:  # type: ignore[no-untyped-def]
    result = simulate(System(PAIR), durations)
    assert result.trace.makespan == makespan
    assert result.deadlock is None
    assert is_done(System(PAIR), result.configuration)


def test_the_critical_path_adds_up_to_the_makespan_and_begins_at_the_start() -> None:
    trace = simulate(System(PAIR), maximum).trace
    assert [e.name for e in trace.critical_executions] == ["p.t", "u.t"]
    assert sum((e.end or 0) - e.start for e in trace.critical_executions) == trace.makespan
    trace = simulate(System(PAIR), minimum).trace
    assert [e.name for e in trace.critical_executions] == ["u.pull", "u.t"]


def test_random_durations_lie_in_their_intervals_and_a_seed_fixes_them() -> None:
    first = simulate(System(PAIR), uniform(Random(7).random)).trace
    assert first == simulate(System(PAIR), uniform(Random(7).random)).trace
    for execution in first.executions:
        interval = {"t": (2, 10) if execution.component == "p" else (5, 6), "pull": (3, 4), "conf": (1, 1)}
        low, high = interval[execution.transition]
        assert low <= (execution.end or 0) - execution.start <= high + 1e-9


def test_durations_of_a_table_hold_for_every_replica() -> None:
    replicas = assembly([PROVIDER], "p[1]:P p[2]:P")
    trace = simulate(System(replicas), fixed({"p.t": 4.0, "p[2].t": 6.0})).trace
    assert sorted((e.name, e.end) for e in trace.executions) == [("p[1].t", 4.0), ("p[2].t", 6.0)]


@pytest.mark.parametrize("duration", [-1.0, float("inf"), float("nan")])
def test_a_duration_that_is_none_is_refused(duration: float) -> None:
    with pytest.raises(ValueError, match=r"duration of p\.t is"):
        simulate(System(PAIR), fixed({"p.t": duration}))


def test_a_cyclic_wait_is_a_deadlock_that_names_the_circle() -> None:
    one = kind("C", "places a* b", "t: a -> b", "provide s at b", "use d for t")
    result = simulate(System(assembly([one], "x:C y:C z:C", "x.d y.s", "y.d z.s", "z.d x.s")))
    assert result.deadlock is not None
    assert set(result.deadlock.cycle) == {"x", "y", "z"}
    assert "fire x.t: use port x.d waits for y.s, which is not active" in str(result.deadlock)
    assert str(result.deadlock).splitlines()[-1].startswith("circular wait: ")


def test_a_join_that_cannot_complete_is_a_deadlock_that_names_the_missing_transition() -> None:
    never = kind("N", "places a* b c", "t: a -> c", "u: b -> c")
    deadlock = simulate(System(assembly([never], "x:N"))).deadlock
    assert deadlock is not None
    assert str(deadlock) == "x: the join at x.c waits for x.u, which holds no token"


def test_a_program_that_waits_for_a_component_that_waits_for_the_program_is_a_circle() -> None:
    steps = program("p", Push("u", "deploy"), WaitComponent("u"), Push("p", "deploy"))
    result = simulate(System(PAIR, [[steps]]), minimum)
    assert result.deadlock is not None
    assert set(result.deadlock.cycle) == {"u", "p"}


def test_a_failed_transition_is_named_by_the_deadlock() -> None:
    system = System(PAIR, failures=1)
    conf = next(iter(replay(system, [])))
    for step in (Step(StepKind.LEAVE, "p", "a"), Step(StepKind.FIRE, "p", "t"), Step(StepKind.FAIL, "p", "t")):
        *_, conf = replay(system, [step], conf)
    deadlock = find_deadlock(system, conf)
    assert deadlock is not None
    assert "p: transition p.t has failed" in str(deadlock)


def test_a_clash_is_named() -> None:
    double = kind("D", "places a* b", "t: a -> b station one", "u: a -> b station two")
    deadlock = simulate(System(assembly([double], "x:D"))).deadlock
    assert str(deadlock) == "a second token came for place x.b, which holds one already"


def test_a_run_without_end_is_cut_at_the_bound() -> None:
    loop = kind("L", "places a* b", "t: a -> b", "u: b -> a")
    result = simulate(System(assembly([loop], "x:L")), minimum, steps=100)
    assert result.truncated
    assert len(result.trace.events) == 100


def test_a_simulation_may_begin_anywhere_even_with_transitions_in_flight() -> None:
    system = System(PAIR)
    *_, conf = replay(system, [Step(StepKind.LEAVE, "p", "a"), Step(StepKind.FIRE, "p", "t")])
    result = simulate(system, minimum, start=conf)
    assert result.trace.makespan == 8.0
    assert result.deadlock is None


def test_a_trace_survives_json_and_replays() -> None:
    result = simulate(System(PAIR), minimum)
    again = Trace.from_json(json.loads(json.dumps(result.trace.to_json())))
    assert again == result.trace
    *_, last = replay(System(PAIR), (event.step for event in again.events))
    assert last == result.configuration


def test_a_step_that_the_core_does_not_allow_is_refused_by_replay() -> None:
    steps = [event.step for event in simulate(System(PAIR), minimum).trace.events]
    at = next(i for i, step in enumerate(steps) if str(step) == "enter p.b")
    with pytest.raises(NotAllowed) as caught:
        list(replay(System(PAIR), steps[:at] + steps[at + 1 :]))
    assert caught.value.index >= at
    with pytest.raises(NotAllowed):
        list(replay(System(PAIR), [Step(StepKind.LEAVE, "nobody", "a")]))


@pytest.mark.parametrize("value", [{}, {"format": 2}, {"format": 1, "assembly": "a", "events": [{}], "stages": []}])
def test_other_json_is_not_a_trace(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="trace"):
        Trace.from_json(value)
