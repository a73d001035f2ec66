"""The reference engine: each question with a true and a false case on assemblies small enough to judge by eye."""

from __future__ import annotations

import pytest

from madeus.checker.engine import Budget, Exhausted, Watch
from madeus.checker.engines.reference import Reference
from madeus.checker.formula import UnknownName
from madeus.checker.problem import Asked, Health, Problem
from madeus.checker.verdict import Ailment, Fails, Findings, Holds, Verdict, Width
from madeus.model import (
    And,
    Assembly,
    Available,
    Comparison,
    Confluent,
    Deployable,
    Forbidden,
    Goal,
    Marked,
    Parallelism,
    Program,
    Push,
    Reach,
    Sequence,
    Terminates,
    WaitAll,
    WaitComponent,
)
from madeus.semantics import StepKind, System
from tests.build import assembly, kind, program


def ask(asked: Asked, whole: Assembly, *programs: Program, failures: int = 0) -> Verdict:
    stages = (programs,) if programs else ()
    return Reference().answer(Problem(System(whole, stages, failures), asked), Watch())


SERVER = kind("Server", "places off* on", "start: off -> on", "provide s at on")
CLIENT = kind("Client", "places off* on", "start: off -> on", "use s for start")
PAIR = assembly([SERVER, CLIENT], "a:Client b:Server", "a.s b.s")
CIRCLE_TYPE = kind("Node", "places off* on", "start: off -> on", "provide s at on", "use s for start")
CIRCLE = assembly([CIRCLE_TYPE], "a:Node b:Node", "a.s b.s", "b.s a.s")
SWITCH = kind("Switch", "places off* on", "up: off -> on in up", "down: on -> off in down", "provide s at on")
FLIP = assembly([SWITCH], "a:Switch")
WHEEL = assembly([kind("Wheel", "places a* b", "go: a -> b", "back: b -> a")], "w:Wheel")


def goal(*marked: str) -> Goal:
    return Goal("up", And(tuple(Marked(*m.split(".")) for m in marked)))


def test_a_goal_that_every_run_ends_in_is_deployable_in_all_three_strengths() -> None:
    for reach in Reach:
        assert isinstance(ask(Deployable(goal("a.on", "b.on"), reach), PAIR), Holds)


def test_a_circular_wait_is_not_deployable_and_the_counterexample_says_who_waits_for_whom() -> None:
    verdict = ask(Deployable(goal("a.on")), CIRCLE)
    assert isinstance(verdict, Fails)
    assert verdict.trace is not None
    assert [str(e.step) for e in verdict.trace.events] == ["leave a.off", "leave b.off"]
    assert verdict.deadlock is not None
    assert set(verdict.deadlock.cycle) == {"a", "b"}


def test_a_goal_that_is_left_again_is_not_stable() -> None:
    assert isinstance(ask(Deployable(goal("a.off")), PAIR), Fails)
    assert isinstance(ask(Deployable(goal("a.off"), Reach.POSSIBLE), PAIR), Fails)


def test_a_run_that_goes_round_for_ever_never_reaches_a_goal_it_keeps_leaving() -> None:
    verdict = ask(Deployable(goal("w.b")), WHEEL)
    assert isinstance(verdict, Fails)
    assert verdict.loop is not None
    assert verdict.trace is not None
    steps = [e.step for e in verdict.trace.events[verdict.loop :]]
    assert {s.kind for s in steps} == {StepKind.LEAVE, StepKind.FIRE, StepKind.END, StepKind.ENTER}


def test_an_endless_run_of_one_component_does_not_excuse_another_from_ending_its_action() -> None:
    wheel, one = kind("Wheel", "places a* b", "go: a -> b", "back: b -> a"), kind("One", "places a* b", "go: a -> b")
    both = assembly([wheel, one], "w:Wheel x:One")
    assert isinstance(ask(Deployable(goal("x.b")), both), Holds)
    assert isinstance(ask(Terminates(), both), Fails)


def test_sequence_holds_when_a_service_orders_the_transitions_and_fails_in_the_other_order() -> None:
    assert isinstance(ask(Sequence((("b", "start"), ("a", "start"))), PAIR), Holds)
    verdict = ask(Sequence((("a", "start"), ("b", "start"))), PAIR)
    assert isinstance(verdict, Fails)
    assert verdict.reason == "b.start fires before a.start has ended"


def test_a_sequence_of_transitions_that_never_fire_is_vacuous() -> None:
    verdict = ask(Sequence((("a", "start"), ("b", "start"))), CIRCLE)
    assert isinstance(verdict, Holds)
    assert verdict.vacuous == ("b.start never fires",)


def test_parallelism_is_measured_and_compared() -> None:
    two = assembly([SERVER], "a:Server b:Server")
    verdict = ask(Parallelism(), two)
    assert isinstance(verdict, Holds)
    assert isinstance(verdict.measure, Width)
    assert (verdict.measure.maximum, verdict.measure.together) == (2, ("a.start", "b.start"))
    assert isinstance(ask(Parallelism(Comparison.AT_LEAST, 2), PAIR), Fails)
    assert isinstance(ask(Parallelism(Comparison.AT_MOST, 1, ("a",)), two), Holds)


def test_forbidden_finds_the_shortest_run_to_the_formula() -> None:
    verdict = ask(Forbidden(And((Marked("a", "off"), Marked("b", "on")))), PAIR)
    assert isinstance(verdict, Fails)
    assert verdict.trace is not None
    assert [str(e.step) for e in verdict.trace.events] == [
        "leave b.off",
        "fire b.start",
        "end b.start",
        "enter b.on",
    ]
    assert isinstance(ask(Forbidden(And((Marked("a", "on"), Marked("b", "off")))), PAIR), Holds)


UP_AND_DOWN = program("p", Push("a", "up"), Push("a", "down"), WaitAll())


def test_a_service_that_goes_off_after_it_was_on_is_not_available() -> None:
    assert isinstance(ask(Available("a", "s"), FLIP, UP_AND_DOWN), Fails)
    assert isinstance(ask(Available("a", "s"), FLIP, program("p", Push("a", "up"))), Holds)


def test_programs_that_end_in_one_configuration_are_confluent_and_races_are_not() -> None:
    one, other = program("p", Push("a", "up")), program("q", Push("a", "down"))
    assert isinstance(ask(Confluent(), FLIP, UP_AND_DOWN), Holds)
    assert isinstance(ask(Confluent(), FLIP, one, other), Fails)


def test_a_failed_action_is_a_deadlock_only_where_failures_are_asked_about() -> None:
    assert isinstance(ask(Deployable(goal("a.on")), PAIR), Holds)
    assert isinstance(ask(Deployable(goal("a.on")), PAIR, failures=1), Fails)
    assert isinstance(ask(Deployable(goal("a.on"), Reach.POSSIBLE), PAIR, failures=1), Holds)


def test_health_names_deadlocks_clashes_and_what_can_never_happen() -> None:
    circle = ask(Health(), CIRCLE)
    assert isinstance(circle, Fails)
    assert isinstance(circle.measure, Findings)
    assert [(f.ailment, f.component, f.element) for f in circle.measure.findings] == [
        (Ailment.DEADLOCK, "a", ""),
        (Ailment.DEAD_BEHAVIOR, "a", "deploy"),
        (Ailment.DEAD_BEHAVIOR, "b", "deploy"),
        (Ailment.UNUSED_PORT, "a", "s"),
        (Ailment.UNUSED_PORT, "b", "s"),
    ]
    join = kind("Join", "places a* b c", "x: a -> b", "y: c -> b")
    assert [f.ailment for f in _found(ask(Health(), assembly([join], "j:Join")))] == [
        Ailment.DEADLOCK,
        Ailment.DEAD_TRANSITION,
        Ailment.INCOMPLETE_JOIN,
    ]
    twice = kind("Twice", "places a* b", "x: a -> b station s", "y: a -> b station t")
    assert _found(ask(Health(), assembly([twice], "t:Twice")))[0].ailment is Ailment.CLASH
    assert _found(ask(Health(), PAIR)) == ()


def _found(verdict: Verdict) -> tuple[object, ...] | object:
    assert isinstance(verdict, Holds | Fails)
    assert isinstance(verdict.measure, Findings)
    return verdict.measure.findings


def test_a_question_about_an_unknown_name_is_an_error_that_names_it() -> None:
    for asked, what in (
        (Deployable(goal("c.on")), "c"),
        (Deployable(goal("a.up")), "a.up"),
        (Available("b", "t"), "b.t"),
        (Sequence((("a", "stop"),)), "a.stop"),
        (Parallelism(components=("z",)), "z"),
    ):
        with pytest.raises(UnknownName) as caught:
            ask(asked, PAIR)
        assert caught.value.what == what


def test_the_budget_ends_an_exploration() -> None:
    with pytest.raises(Exhausted):
        Reference().answer(Problem(System(PAIR), Terminates()), Watch(budget=Budget(states=3)))


def test_waiting_for_a_component_orders_two_pushes_of_different_components() -> None:
    two = assembly([SWITCH], "a:Switch b:Switch")
    asked = Sequence((("a", "up"), ("b", "up")))
    assert isinstance(ask(asked, two, program("p", Push("a", "up"), Push("b", "up"))), Fails)
    assert isinstance(ask(asked, two, program("p", Push("a", "up"), WaitComponent("a"), Push("b", "up"))), Holds)
