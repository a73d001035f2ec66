"""Recovery from a push that has failed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.checker.portfolio import Portfolio
from madeus.checker.problem import Problem, with_failures
from madeus.checker.verdict import Fails, Holds
from madeus.model import Deployable, Forbidden, Goal, Marked, Push, Terminates, WaitAll, WaitPush
from madeus.semantics import Configuration, Step, StepKind, System, apply, blocked, enabled, find_deadlock
from tests.build import assembly, kind, program
from tests.semantics.test_agenda import walk
from tests.strategies import recovering_systems

DB = kind(
    "Db",
    "places v1* mid v2 clean",
    "begin: v1 -> mid in update",
    "migrate: mid -> v2 in update",
    "back: mid -> v1 in rollback",
    "stay: v1 -> clean in rollback",
    "next: v2 -> clean in tidy",
    "sweep: clean -> v1 in sweep",
)


def drive(system: System, *failing: str) -> tuple[Configuration, list[str]]:
    """Take enabled steps in order; the transitions named fail the first time they run. Where it ends, and the steps."""
    conf, taken, left = system.initial(), [], list(failing)
    for _ in range(200):
        steps = [s for s in enabled(system, conf) if s.kind is not StepKind.FAIL]
        fails = [s for s in enabled(system, conf) if s.kind is StepKind.FAIL and s.element in left]
        if fails:
            left.remove(fails[0].element)
            steps = fails
        if not steps:
            break
        conf = apply(system, conf, steps[0])
        taken.append(str(steps[0]))
    return conf, taken


def updating(*more: object, recovery: str = "db.rollback", failures: int | None = 1) -> System:
    made = program("p", Push("db", "update", "u", recovery), *more)  # type: ignore[arg-type]
    return System(assembly([DB], "db:Db other:Db"), [[made]], failures)


def test_what_has_failed_goes_back_to_where_it_began_and_the_recovery_is_executed() -> None:
    conf, taken = drive(updating(WaitAll()), "migrate")
    assert "recover db.update" in taken
    assert taken.index("fail db.migrate") + 1 == taken.index("recover db.update")
    assert taken[taken.index("recover db.update") + 1 :] == [
        "leave db.mid",
        "fire db.back",
        "end db.back",
        "enter db.v1",
        "leave db.v1",
        "fire db.stay",
        "end db.stay",
        "enter db.clean",
        "finish db.rollback",
        "p[1]",
    ]
    assert conf.components["db"].places == {"clean"}


def test_the_recovery_comes_before_what_is_queued_behind_the_push() -> None:
    conf, taken = drive(updating(Push("db", "sweep"), WaitAll()), "migrate")
    assert taken.index("finish db.rollback") < taken.index("leave db.clean")
    assert conf.components["db"].places == {"v1"}


def test_a_recovery_of_another_component_is_queued_last_there() -> None:
    system = updating(WaitAll(), recovery="other.update")
    conf, taken = drive(system, "migrate")
    assert conf.components["db"].places == {"mid"}
    assert conf.components["other"].places == {"v2"}
    assert "finish other.update" in taken


def test_a_wait_for_the_push_waits_for_its_recovery_too() -> None:
    for recovery in ("db.rollback", "other.update"):
        _, taken = drive(updating(WaitPush("u"), recovery=recovery), "migrate")
        component, behavior = recovery.split(".")
        assert taken.index(f"finish {component}.{behavior}") < taken.index("p[1]")


def test_a_recovery_that_fails_is_not_recovered_from() -> None:
    system = updating(WaitAll(), failures=2)
    conf, taken = drive(system, "migrate", "back")
    assert taken.count("recover db.update") == 1
    deadlock = find_deadlock(system, conf)
    assert deadlock is not None
    assert "transition db.back has failed" in str(deadlock)


def test_a_push_without_a_recovery_stops_where_it_failed() -> None:
    system = updating(WaitAll(), recovery="")
    conf, taken = drive(system, "migrate")
    assert not any(s.startswith("recover") for s in taken)
    assert conf.components["db"].failed == {"migrate"}


FORK = kind(
    "F",
    "places a* b c z",
    "t: a -> b in go",
    "u: a -> c in go",
    "w: b -> z in go",
    "x: a -> z in undo",
    "y: b -> z in undo station other",
    "group g = a b",
    "provide s at g",
)


def forked() -> System:
    made = program("p", Push("f", "go", "", "f.undo"), WaitAll())
    return System(assembly([FORK], "f:F"), [[made]], 1)


def test_what_runs_ends_and_what_is_complete_is_entered_before_the_push_is_abandoned() -> None:
    system = forked()
    conf = system.initial()
    for name in ("p[0]", "leave f.a", "fire f.t", "fire f.u", "fail f.u"):
        conf = apply(system, conf, next(s for s in enabled(system, conf) if str(s) == name))
    recover = Step(StepKind.RECOVER, "f", "go")
    assert str(blocked(system, conf, recover)) == "go still moves"
    conf = apply(system, conf, Step(StepKind.END, "f", "t"))
    assert str(blocked(system, conf, recover)) == "go still moves"
    conf = apply(system, conf, next(s for s in enabled(system, conf) if s.kind is StepKind.ENTER))
    assert blocked(system, conf, Step(StepKind.LEAVE, "f", "b")) is not None
    assert {str(s) for s in enabled(system, conf)} == {"recover f.go"}
    conf = apply(system, conf, recover)
    assert conf.components["f"].places == {"a", "b"}


def test_a_failed_push_fires_nothing_more() -> None:
    system = forked()
    conf = system.initial()
    for name in ("p[0]", "leave f.a", "fire f.u", "fail f.u"):
        conf = apply(system, conf, next(s for s in enabled(system, conf) if str(s) == name))
    assert str(blocked(system, conf, Step(StepKind.FIRE, "f", "t"))) == "go has failed and is recovered from"
    conf = apply(system, conf, Step(StepKind.RETRY, "f", "u"))
    assert blocked(system, conf, Step(StepKind.FIRE, "f", "t")) is None


HELD = kind("H", "places off* on", "t: off -> on in go", "u: on -> off in back", "use s during off")
SOURCE = kind("S", "places p* q", "t: p -> q in go", "u: q -> p in back", "provide s at p")


def test_a_token_goes_back_only_where_what_it_uses_is_served() -> None:
    made = program("p", Push("h", "go", "", "h.back"), Push("s", "go"), WaitAll())
    system = System(assembly([HELD, SOURCE], "h:H s:S", "h.s s.s"), [[made]], 1)
    conf = system.initial()
    for name in ("p[0]", "p[1]", "leave h.off", "fire h.t", "leave s.p", "fire s.t", "fail h.t"):
        conf = apply(system, conf, next(s for s in enabled(system, conf) if str(s) == name))
    recover = Step(StepKind.RECOVER, "h", "go")
    assert str(blocked(system, conf, recover)) == "use port h.s waits for s.s, which is not active"


def test_with_failures_speaks_of_recoveries() -> None:
    system = updating(WaitAll())
    clean = Deployable(Goal("up", Marked("db", "clean")))
    mid = Forbidden(Marked("db", "clean"))
    portfolio = Portfolio()
    assert isinstance(portfolio.check(Problem(system, Terminates())), Holds)
    assert isinstance(portfolio.check(Problem(with_failures(system, 0), mid)), Holds)
    assert isinstance(portfolio.check(Problem(system, mid)), Fails)
    either = replace(clean, goal=Goal("done", Marked("db", "v2")))
    assert isinstance(portfolio.check(Problem(with_failures(system, 0), either)), Holds)
    verdict = portfolio.check(Problem(system, either))
    assert isinstance(verdict, Fails)
    assert verdict.evidence.engine == "explicit"


@given(recovering_systems(), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_agenda_has_exactly_the_enabled_steps_where_pushes_are_recovered(
    system: System, data: st.DataObject
) -> None:
    walk(system, data, 40)


@pytest.mark.long
@given(recovering_systems(), st.data())
@settings(max_examples=4000, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_agenda_has_exactly_the_enabled_steps_of_many_recoveries(system: System, data: st.DataObject) -> None:
    walk(system, data, 80)
