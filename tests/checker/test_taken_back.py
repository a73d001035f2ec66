"""Programs with ``on_failure rollback``: what failures add to the answers, and that it is as the step relation has it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings

from madeus.checker import Fails, Holds, Problem, check
from madeus.checker.problem import is_taken_back, problem, with_failures
from madeus.checker.verdict import Assumption
from madeus.model import (
    Active,
    Assembly,
    Available,
    Confluent,
    Deployable,
    Forbidden,
    Goal,
    Instance,
    Marked,
    Or,
    Program,
    Property,
    Push,
    Terminates,
    WaitAll,
)
from madeus.semantics import Configuration, Step, StepKind, System, apply, enabled
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


@pytest.mark.parametrize("question", [Available("web", "http"), Confluent()])
def test_questions_that_a_rollback_may_answer_otherwise_are_asked_with_failures(question: object) -> None:
    assert not is_taken_back(site(), question)  # type: ignore[arg-type]
    assert problem(site(), Property(question, failures=1)).system.failures == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("question", [UP, Forbidden(Active("web", "http")), Terminates()])
def test_other_questions_are_asked_without(question: object) -> None:
    asked = problem(site(), Property(question, failures=3))  # type: ignore[arg-type]
    assert (asked.system.failures, asked.failures) == (0, 3)
    assert Problem(asked.system, asked.question) != asked or asked.covered == 3


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
