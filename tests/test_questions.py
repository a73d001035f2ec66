"""Questions one at a time, from Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import madeus
from madeus.checker import Boundaries, Durations, Findings, Width
from madeus.model import Marked
from madeus.questions import Questions
from madeus.semantics import replay

ROOT = Path(__file__).parents[1]
UP = "db.checked and web.checked"


@pytest.fixture(scope="module")
def lamp() -> Questions:
    return madeus.load(ROOT / "examples/lamp/lamp.madeus").ask()


@pytest.fixture(scope="module")
def site() -> Questions:
    return madeus.load(ROOT / "examples/site.madeus").ask(programs=["install"])


def test_every_method_is_a_question_and_returns_its_verdict(lamp: Questions) -> None:
    for verdict in (
        lamp.deployable(UP),
        lamp.deployable(UP, "possible"),
        lamp.sequence("db.check", "web[1].check"),
        lamp.duration(UP, "<=", 300),
        lamp.forbidden("web.checked and db.waiting"),
        lamp.available("db.sql"),
        lamp.terminates(),
        lamp.confluent(),
        lamp.health(),
    ):
        assert isinstance(verdict, madeus.Holds), verdict


def test_numbers_come_as_measures(lamp: Questions) -> None:
    assert isinstance(lamp.parallelism().measure, Width)
    few = lamp.parallelism("web").measure
    assert isinstance(few, Width)
    assert (few.minimum, few.maximum) == (4, 4)
    found = lamp.boundaries(UP).measure
    assert isinstance(found, Boundaries)
    assert (found.minimum, found.maximum) == (6.0, 142.0)
    slack = lamp.parametric("db.pull", "db.checked", "<=", 100).measure
    assert isinstance(slack, Durations)
    assert slack.maximum == pytest.approx(83)
    assert lamp.health().measure == Findings()


def test_a_failure_has_a_run_that_the_semantics_allows(lamp: Questions) -> None:
    verdict = lamp.sequence("web[1].check", "db.check")
    assert isinstance(verdict, madeus.Fails)
    assert verdict.trace is not None
    list(replay(lamp.system, (event.step for event in verdict.trace.events)))


def test_intervals_are_given_for_one_question_and_for_one_instance(lamp: Questions) -> None:
    def most(asked: Questions, **more: object) -> float:
        found = asked.boundaries(UP, **more).measure  # type: ignore[arg-type]
        assert isinstance(found, Boundaries)
        return found.maximum

    assert most(lamp, intervals={"db.pull": 5, "web.pull": 5}) == 27
    assert most(lamp.with_interval("db.pull", 5, 10).with_interval("web.pull", 5, 5)) == 32
    assert most(lamp.with_intervals({"web[2].check": (500, 600)})) == 737
    assert most(lamp) == 142


def test_an_instance_that_a_program_adds_takes_its_own_interval(tmp_path: Path) -> None:
    file = tmp_path / "add.madeus"
    file.write_text(
        "component Web { initial place off place on behavior up { transition start: off -> on takes 1s } }\n"
        "assembly site { a: Web }\nprogram more for site { add b: Web push b.up wait b }\n"
    )
    asked = madeus.load(file).ask(programs=["more"]).with_intervals({"b.start": 7})
    assert asked.system.instances["b"].type == "Web@b"
    assert asked.system.instances["a"].type == "Web"


def test_a_deployment_is_named_and_asked_for_by_its_name(site: Questions) -> None:
    named = site.naming("up", "server.running and dep.running")
    assert isinstance(named.deployable("up"), madeus.Holds)
    assert isinstance(named.naming("none", Marked("dep", "undeployed")).deployable("none"), madeus.Fails)
    with pytest.raises(madeus.SelectionError):
        site.deployable("up")


def test_failures_are_allowed_for_by_a_question(site: Questions) -> None:
    goal = "server.running"
    assert isinstance(site.deployable(goal), madeus.Holds)
    assert isinstance(site.with_failures(1).deployable(goal), madeus.Fails)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda q: q.deployable("db.checkd"), "did you mean checked?"),
        (lambda q: q.deployable("dbb.checked"), "there is no component dbb; did you mean db?"),
        (lambda q: q.deployable("web[7].checked"), "there is no component web[7]"),
        (lambda q: q.deployable("web[2..1].checked"), "an index of web is a number or a range"),
        (lambda q: q.deployable("db.checked and"), "`db.checked and` is no formula"),
        (lambda q: q.deployable("db.checked\n deployable asked"), "is no formula: it is more than one formula"),
        (lambda q: q.deployable("db.checked } component X { initial place a"), "is no formula"),
        (lambda q: q.deployable("db.checked", "sometimes"), "a goal is reached always, possible, recoverable"),
        (lambda q: q.sequence("db.check"), "a sequence has two transitions or more"),
        (lambda q: q.sequence("db.check", "web.check"), "web.check stands for 2 transitions"),
        (lambda q: q.duration("db.checked", "~", 3), "numbers are compared with"),
        (lambda q: q.available("web.sql"), "web has replicas"),
        (lambda q: q.available("db.sqll"), "did you mean sql?"),
        (lambda q: q.with_interval("db.pull", 5, 3), "db.pull: no action takes 5 to 3 s"),
        (lambda q: q.with_interval("db.pull", -1), "no action takes -1"),
        (lambda q: q.with_interval("db.pull", float("nan")), "no action takes nan"),
        (lambda q: q.with_interval("db.pul", 1), "did you mean pull?"),
        (lambda q: q.with_failures(-1), "-1 is no number of failures"),
        (lambda q: Questions(q.system, "magic").terminates(), "no engine is called magic"),
    ],
)
def test_what_makes_no_sense_is_a_selection_error(
    lamp: Questions, ask: Callable[[Questions], object], message: str
) -> None:
    with pytest.raises(madeus.SelectionError) as caught:
        ask(lamp)
    assert message in str(caught.value)
