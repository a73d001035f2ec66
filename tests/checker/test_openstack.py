"""Reference values of the OpenStack deployment, and what the structural engine refuses."""

from __future__ import annotations

import pytest

from madeus.checker import Boundaries, Fails, Health, Holds, Portfolio, Problem, Watch, Width
from madeus.checker.engines.explicit.encoding import encode_net
from madeus.checker.engines.structural import Structural
from madeus.checker.verdict import Durations
from madeus.model import And, Bounds, Comparison, Deployable, Forbidden, Marked, Not, Parallelism, Parametric, Reach
from madeus.semantics import System
from tests.build import assembly, kind
from tests.checker.openstack import deployed, durations, fired_and_ended, openstack

FIRST = ("facts", "haproxy", "common", "memcached", "openvswitch", "rabbitmq")
SECOND = ("mariadb", "keystone", "glance", "nova", "neutron")


@pytest.mark.parametrize(("only", "width"), [((), 14), (FIRST, 5), (SECOND, 10)])
def test_so_many_actions_run_at_once_and_the_witness_shows_them(only: tuple[str, ...], width: int) -> None:
    verdict = Portfolio().check(Problem(System(openstack(only=only)), Parallelism()))
    assert isinstance(verdict, Holds)
    assert isinstance(verdict.measure, Width)
    assert (verdict.measure.minimum, verdict.measure.maximum, len(verdict.measure.together)) == (width, width, width)
    assert verdict.witness is not None
    running = {e.name for e in verdict.witness.executions if e.end is None}
    assert running == set(verdict.measure.together)


@pytest.mark.parametrize(
    ("cluster", "registry", "minimum", "maximum"),
    [("ecotype", "cached", 122.88, 143.18), ("nova", "remote", 313.98, 337.62)],
)
def test_boundaries_are_the_longest_paths_and_their_runs_take_that_long(
    cluster: str, registry: str, minimum: float, maximum: float
) -> None:
    whole = openstack(durations(cluster, registry))
    verdict = Portfolio().check(Problem(System(whole), Bounds(deployed(whole))))
    assert isinstance(verdict, Holds)
    found = verdict.measure
    assert isinstance(found, Boundaries)
    assert (found.minimum, found.maximum) == (pytest.approx(minimum, abs=0.006), pytest.approx(maximum, abs=0.006))
    assert found.fastest is not None
    assert found.slowest is not None
    for run, bound in ((found.fastest, found.minimum), (found.slowest, found.maximum)):
        assert run.makespan == bound
        assert sum((e.end or 0.0) - e.start for e in run.critical_executions) == pytest.approx(bound)


def test_openstack_is_deployable_in_all_strengths_and_healthy() -> None:
    whole = openstack()
    portfolio, system = Portfolio(), System(whole)
    for reach in Reach:
        assert isinstance(portfolio.check(Problem(system, Deployable(deployed(whole), reach))), Holds)
    assert isinstance(portfolio.check(Problem(system, Health())), Holds)
    late = And((Marked("mariadb", "deployed"), Not(Marked("haproxy", "deployed"))))
    assert isinstance(portfolio.check(Problem(system, Forbidden(late))), Holds)


def test_the_longest_duration_that_keeps_a_bound_is_the_slack_of_the_transition() -> None:
    whole = openstack(durations("ecotype", "cached"))
    goal, system, portfolio = deployed(whole), System(whole), Portfolio()

    def ask(bound: float) -> Durations | None:
        asked = Parametric("mariadb", "bootstrap", goal, Comparison.AT_MOST, bound)
        verdict = portfolio.check(Problem(system, asked))
        assert isinstance(verdict.measure, Durations)
        return verdict.measure

    found = ask(150.0)
    assert found is not None
    changed = durations("ecotype", "cached")
    changed[("mariadb", "bootstrap")] = type(changed[("mariadb", "bootstrap")])(found.maximum, found.maximum)
    check = Portfolio().check(Problem(System(openstack(changed)), Bounds(goal)))
    assert isinstance(check.measure, Boundaries)
    assert check.measure.maximum == pytest.approx(150.0)
    assert ask(100.0).empty  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("places a* b", "x: a -> b station s", "y: a -> b station t"), "place T.b may be entered more than once"),
        (("places a* b", "x: a -> b", "y: b -> a"), "place T.a may be entered more than once"),
        (("places a* b", "x: a -> b station s,t"), "transition T.x belongs to several stations"),
    ],
)
def test_what_is_not_choice_free_is_refused_with_the_reason(lines: tuple[str, ...], reason: str) -> None:
    problem = Problem(System(assembly([kind("T", *lines)], "t:T")), Health())
    assert Structural().refuses(problem) == f"not choice-free: {reason}"


def test_a_service_that_goes_off_while_deploying_serves_nobody() -> None:
    lamp = kind("Lamp", "places a* b c", "x: a -> b", "y: b -> c", "provide light at b")
    reader = kind("Reader", "places a* b", "x: a -> b", "use light for x")
    whole = assembly([lamp, reader], "l:Lamp r:Reader", "r.light l.light")
    verdict = Portfolio().check(Problem(System(whole), Health()))
    assert isinstance(verdict, Fails)
    assert verdict.deadlock is not None
    assert verdict.deadlock.stuck[0].who == "r"


def test_a_goal_behind_an_unbounded_action_has_no_greatest_time_and_names_the_action() -> None:
    lamp = kind("Lamp", "places a* b c", "x: a -> b takes 1..2", "y: b -> c")
    verdict = Portfolio().check(
        Problem(System(assembly([lamp], "l:Lamp")), Bounds(deployed(assembly([], "")), Comparison.AT_MOST, 5.0))
    )
    assert isinstance(verdict, Holds)
    goal = type(deployed(assembly([], "")))("up", Marked("l", "c"))
    verdict = Portfolio().check(Problem(System(assembly([lamp], "l:Lamp")), Bounds(goal, Comparison.AT_MOST, 5.0)))
    assert isinstance(verdict, Fails)
    assert verdict.reason == "nothing bounds the time to up by l.y"


def sweep(only: tuple[str, ...]) -> int:
    vector = pytest.importorskip("madeus.checker.engines.explicit.vector")
    net = fired_and_ended(openstack(only=only))
    watch = Watch()
    vector.Sweep(encode_net(net, [1] * len(net.places))).run(watch)
    return watch.states


@pytest.mark.parametrize(("only", "count"), [(FIRST, 407), (SECOND, 114_921)])
def test_a_part_of_it_has_so_many_configurations_of_fired_and_ended_actions(only: tuple[str, ...], count: int) -> None:
    assert sweep(only) == count


@pytest.mark.long
def test_the_whole_has_sixteen_million_configurations_of_fired_and_ended_actions() -> None:
    assert sweep(()) == 16_241_391
