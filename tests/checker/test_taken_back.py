"""Programs with ``on_failure rollback``: what failures add to the answers, and that it is as the step relation has it."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from hypothesis import assume, given, settings

from madeus.checker import Boundaries, Budget, Durations, Fails, Holds, Problem, TimeOff, Unknown, Watch, check
from madeus.checker.engines.explicit import Explicit
from madeus.checker.explanation import explain
from madeus.checker.problem import is_taken_back, problem, with_failures
from madeus.checker.verdict import Assumption
from madeus.model import (
    Active,
    Assembly,
    Available,
    Bounds,
    Comparison,
    Confluent,
    Deployable,
    Forbidden,
    Goal,
    Instance,
    Marked,
    Not,
    Or,
    Parallelism,
    Parametric,
    Program,
    Property,
    Push,
    Reach,
    Terminates,
    WaitAll,
)
from madeus.semantics import Configuration, Step, StepKind, System, apply, enabled, simulate
from tests.build import kind
from tests.strategies import systems

WEB = kind("Web", "places off* on better", "start: off -> on", "update: on -> better in update", "provide http at on")
UP = Deployable(Goal("up", Or((Marked("web", "on"), Marked("web", "better")))))


def site(layered: bool = True, rollback: bool = True, recovery: str = "") -> System:
    made = Assembly("site", {"Web": WEB}, (Instance("web", "Web", "w", layered=layered),))
    program = Program("install", "site", (Push("web", "deploy", recovery=recovery), WaitAll()), rollback=rollback)
    return System(made, ((program,),))


def test_a_run_that_is_taken_back_does_no_harm_to_a_deployment() -> None:
    asked = problem(site(), Property(UP, failures=2))
    verdict = check(asked)
    assert isinstance(verdict, Holds)
    assert str(asked).startswith("with failures 2: deployable")
    assert Assumption.TAKEN_BACK in verdict.evidence.assumptions
    assert Assumption.NO_FAILURES not in verdict.evidence.assumptions


@pytest.mark.parametrize(
    "system",
    [site(rollback=False), site(layered=False), site(recovery="web.update")],
    ids=["does not say so", "outside of layers", "another recovery"],
)
def test_what_is_not_taken_back_still_fails(system: System) -> None:
    assert not is_taken_back(system, UP)
    assert isinstance(check(problem(system, Property(UP, failures=1))), Fails)


def test_what_is_wrong_without_failures_stays_wrong() -> None:
    better = Deployable(Goal("better", Marked("web", "better")))
    assert isinstance(check(problem(site(), Property(better, failures=1))), Fails)


@pytest.mark.parametrize("question", [Available("web", "http"), Available("web", "http", 5.0), Bounds(UP.goal)])
def test_questions_that_a_rollback_may_answer_otherwise_are_asked_with_failures(question: object) -> None:
    assert not is_taken_back(site(), question)  # type: ignore[arg-type]
    assert problem(site(), Property(question, failures=1)).system.failures == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("question", [UP, Forbidden(Active("web", "http")), Terminates(), Confluent(), Parallelism()])
def test_other_questions_are_asked_without(question: object) -> None:
    asked = problem(site(), Property(question, failures=3))  # type: ignore[arg-type]
    assert (asked.system.failures, asked.failures) == (0, 3)
    assert Problem(asked.system, asked.question) != asked or asked.covered == 3


def test_a_service_that_comes_on_in_a_run_that_is_taken_back_goes_off_again() -> None:
    both = Assembly("site", {"Web": WEB}, tuple(Instance(n, "Web", "w", layered=True) for n in ("web", "other")))
    program = Program("install", "site", (Push("web", "deploy"), Push("other", "deploy"), WaitAll()), rollback=True)
    system = System(both, ((program,),))
    asked = problem(system, Property(Available("web", "http"), failures=1))
    verdict = check(asked)
    assert isinstance(verdict, Fails) and verdict.evidence.engine == "explicit"
    assert verdict.reason == "web.http goes off after it has been on"
    told = explain(asked, verdict)
    assert told is not None
    words = [moment.words for moment in told.moments]
    assert words[-1] == "the run is taken back; web.http goes off"
    assert "other.start fails on w" in words
    assert told.moments[-1].told and told.moments[-1].host == ""
    assert set(verdict.evidence.assumptions) >= {Assumption.TAKEN_BACK, Assumption.BOUNDED_FAILURES}
    assert Assumption.NO_TIME_BACK not in verdict.evidence.assumptions
    alone = problem(site(), Property(Available("web", "http"), failures=1))
    assert isinstance(check(alone), Holds)  # nothing is left that could fail once it is on


def test_many_components_beside_each_other_are_asked_about_without_their_failures() -> None:
    names = [f"w{number}" for number in range(10)]
    made = Assembly("site", {"Web": WEB}, tuple(Instance(name, "Web", "h", layered=True) for name in names))
    program = Program("install", "site", (*(Push(name, "deploy") for name in names), WaitAll()), rollback=True)
    system = System(made, ((program,),), 1)
    verdict = Explicit().answer(Problem(system, Available("w0", "http")), Watch(budget=Budget(states=2_000)))
    assert isinstance(verdict, Fails) and verdict.trace is not None
    # Two pushes, two beginnings, one end: the other one fails.
    assert [str(event.step) for event in verdict.trace.events][-2:] == ["fail w1.start", "rollback install"]
    assert len(verdict.trace.events) == 10


def test_a_service_that_was_on_before_is_asked_about_without_failures() -> None:
    stood = simulate(site()).configuration
    made = site().assembly
    program = Program("update", "site", (Push("web", "update"), WaitAll()), rollback=True)
    system = System(made, ((program,),), begin=stood)
    assert is_taken_back(system, Available("web", "http")) and not is_taken_back(system, Available("web", "http", 9.0))
    gone = System(made, ((Program("p", "site", (Push("late", "update"),), rollback=True),),))
    assert not is_taken_back(gone, Available("late", "http"))


FAST = kind("Fast", "places a* b", "copy: a -> b in update takes 20..30")


def two(failures: int) -> System:
    """A service that is off for four seconds at most, beside a copy that takes half a minute."""
    db = kind(
        "Db",
        "places v1* mid v2",
        "off: v1 -> mid in update takes 2..3",
        "on: mid -> v1 in update2 takes 1..1",
        "provide s at v1",
    )
    instances = tuple(Instance(n, t, "h", layered=True) for n, t in (("db", "Db"), ("copy", "Fast")))
    made = Assembly("site", {"Db": db, "Fast": FAST}, instances)
    steps = (Push("copy", "update"), Push("db", "update"), Push("db", "update2"), WaitAll())
    return System(made, ((Program("up", "site", steps, rollback=True),),), failures)


def test_a_service_is_off_until_all_that_runs_has_ended_and_the_run_is_taken_back() -> None:
    question = Available("db", "s", 10.0)
    verdict = check(Problem(two(0), question))
    assert isinstance(verdict, Holds) and verdict.measure == TimeOff(4.0)
    verdict = check(problem(two(0), Property(question, failures=1)))
    # `off` or `on` fails, and the copy that began with it is waited for.
    assert isinstance(verdict, Fails) and verdict.measure == TimeOff(30.0) and verdict.evidence.engine == "timed"
    assert verdict.trace is not None
    words = [str(event.step) for event in verdict.trace.events]
    assert words[-1] == "end copy.copy" and any(word.startswith("fail db") for word in words)
    assert verdict.trace.makespan == 30.0
    assert {Assumption.NO_TIME_BACK, Assumption.TAKEN_BACK} <= set(verdict.evidence.assumptions)


def test_the_longest_time_counts_runs_that_are_taken_back_and_the_shortest_does_not() -> None:
    goal = Goal("copied", Marked("copy", "b"))
    without, failing = check(Problem(two(0), Bounds(goal))), check(Problem(two(1), Bounds(goal)))
    assert isinstance(without.measure, Boundaries) and isinstance(failing.measure, Boundaries)
    assert (without.measure.minimum, without.measure.maximum) == (20.0, 30.0)
    assert (failing.measure.minimum, failing.measure.maximum) == (20.0, 30.0)
    off = Goal("off", Not(Active("db", "s")))
    verdict = check(Problem(two(1), Bounds(off)))
    # Without failures it does not stay off at all.
    assert isinstance(verdict.measure, Boundaries) and verdict.measure.maximum == inf


def test_a_goal_is_not_possible_by_being_taken_back() -> None:
    back = Goal("back", Marked("web", "off"))
    system = with_failures(site(), 1)
    for engine in ("explicit", "reference"):
        assert isinstance(check(Problem(system, Deployable(back, Reach.POSSIBLE)), engine), Fails)
        assert isinstance(check(Problem(system, Deployable(back)), engine), Fails)
        for reach in Reach:
            assert isinstance(check(Problem(system, Deployable(UP.goal, reach)), engine), Holds)
            assert isinstance(check(Problem(system, Confluent()), engine), Holds)


def test_engines_that_do_not_follow_rollbacks_say_so() -> None:
    asked = problem(two(0), Property(Available("db", "s"), failures=0))
    failing = Problem(with_failures(two(0), 1), asked.question)
    for engine in ("modular", "smt"):
        verdict = check(failing, engine)
        assert isinstance(verdict, Unknown)
        assert (
            verdict.reason == f"no engine answers this question: {engine}: it does not follow runs that are taken back"
        )


def test_durations_are_asked_of_the_time_until_everything_is_back_too() -> None:
    goal = Goal("v1", Active("db", "s"))
    question = Parametric("copy", "copy", goal, Comparison.AT_MOST, 10.0)
    assert check(Problem(two(0), question)).measure == Durations(0.0, inf)
    # When `off` or `on` fails the copy is waited for.
    assert check(Problem(two(1), question)).measure == Durations(0.0, 10.0)


def test_where_recoveries_come_first_a_run_is_taken_back_for_what_nothing_recovers_from() -> None:
    web = kind("Web", "places off* on", "start: off -> on", "wipe: off -> on in wipe", "provide http at on")
    made = Assembly("site", {"Web": web}, (Instance("web", "Web", "w", layered=True),))
    program = Program("install", "site", (Push("web", "deploy", recovery="web.wipe"), WaitAll()), rollback=True)
    system, on = System(made, ((program,),)), Deployable(Goal("on", Marked("web", "on")))
    for failures in (1, 2):
        verdict = check(problem(system, Property(on, failures=failures)))
        # The second failure is one of the recovery: then the run is taken back.
        assert isinstance(verdict, Holds) and verdict.evidence.engine == "explicit"
    verdict = check(problem(system, Property(Bounds(on.goal), failures=2)))
    assert isinstance(verdict, Holds) and verdict.evidence.engine == "timed"
    held = replace(web, uses=kind("X", "places off* on", "use peer optional during on").uses)
    system = System(replace(made, types={"Web": held}), ((program,),))
    assert isinstance(check(problem(system, Property(on, failures=2))), Holds)
    verdict = check(problem(system, Property(Bounds(on.goal), failures=2)))
    assert isinstance(verdict, Unknown) and "where nothing recovers from the failure of install#0" in verdict.reason


def test_a_run_that_moves_something_outside_of_layers_is_not_taken_back_and_the_answer_says_so() -> None:
    verdict = check(problem(site(layered=False), Property(UP, failures=1)))
    assert isinstance(verdict, Fails)
    assert "no run is taken back, as install has it: web lives outside of layers" in verdict.evidence.notes
    assert Assumption.TAKEN_BACK not in verdict.evidence.assumptions
    assert not any("taken back" in note for note in check(Problem(site(layered=False), UP)).evidence.notes)


MOST = 400
STARTS = (StepKind.LEAVE, StepKind.FIRE, StepKind.PROGRAM)


def shown(conf: Configuration) -> object:
    """What formulas can tell of a configuration."""
    return (
        tuple((name, tuple(sorted(state.places))) for name, state in sorted(conf.components.items())),
        tuple(sorted(key for key, value in conf.data.items())),
    )


def reached(system: System, stops: bool) -> tuple[set[object], set[tuple[object, Step]], bool]:
    """What is shown in all configurations, which transitions fire after what, and whether a failed run may be endless.

    stops: from the first failure on nothing is started.
    """
    seen = {system.initial()}
    pending = [system.initial()]
    looks: set[object] = set()
    fires: set[tuple[object, Step]] = set()
    after: dict[Configuration, list[Configuration]] = {}
    while pending:
        conf = pending.pop()
        looks.add(shown(conf))
        failed = any(state.failed for state in conf.components.values())
        for step in enabled(system, conf):
            if stops and failed and step.kind in STARTS:
                continue
            if step.kind is StepKind.FIRE:
                fires.add((shown(conf), step))
            following = apply(system, conf, step)
            if following.clash is not None:
                continue
            if failed:
                after.setdefault(conf, []).append(following)
            if following not in seen:
                seen.add(following)
                pending.append(following)
                assume(len(seen) < MOST)
    return looks, fires, _endless(after)


def _endless(after: dict[Configuration, list[Configuration]]) -> bool:
    done: set[Configuration] = set()
    for start in after:
        path: list[Configuration] = [start]
        inside = {start}
        work = [iter(after[start])]
        while work:
            following = next(work[-1], None)
            if following is None:
                work.pop()
                gone = path.pop()
                inside.discard(gone)
                done.add(gone)
            elif following in inside:
                return True
            elif following not in done and following in after:
                path.append(following)
                inside.add(following)
                work.append(iter(after[following]))
    return False


@given(systems(2))
@settings(max_examples=60, deadline=None)
def test_a_run_that_starts_nothing_after_a_failure_shows_nothing_new_and_ends(system: System) -> None:
    without = reached(with_failures(system, 0), stops=False)
    failing = reached(with_failures(system, 2), stops=True)
    assert failing[0] <= without[0]
    assert failing[1] <= without[1]
    assert not failing[2]
