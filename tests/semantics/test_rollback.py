"""Runs that are taken back after a failure: the row ``rollback`` of the step table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.model import (
    Add,
    Assembly,
    Connect,
    Connection,
    Delete,
    Disconnect,
    Instance,
    Program,
    Push,
    WaitAll,
    WaitComponent,
)
from madeus.model.program import Instruction
from madeus.semantics import (
    Agenda,
    Configuration,
    Fate,
    Step,
    StepKind,
    System,
    apply,
    blocked,
    enabled,
    find_deadlock,
    is_active,
    is_done,
    simulate,
)
from madeus.semantics.step import STARTS
from tests.build import kind
from tests.semantics.test_agenda import walk
from tests.semantics.test_recovery import drive
from tests.strategies import taken_back_systems

WEB = kind(
    "Web",
    "places off* there on",
    "install: off -> there",
    "start: there -> on",
    "fresh: off -> there",
    "stop: on -> off in stop",
    "provide http at on",
)
LB = kind("Lb", "places off* on", "start: off -> on", "use web optional for start", "stop: on -> off in stop")


def site(
    *instructions: Instruction,
    rollback: bool = True,
    failures: int | None = 1,
    layered: str = "web lb late",
    joined: bool = True,
) -> System:
    """A web server and a load balancer, of which those named live in layers."""
    instances = tuple(
        Instance(name, kind_, "h", layered=name in layered) for name, kind_ in (("web", "Web"), ("lb", "Lb"))
    )
    links = (Connection("lb", "web", "web", "http"),) if joined else ()
    made = Assembly("site", {"Web": WEB, "Lb": LB}, instances, links)
    return System(made, [[Program("p", "site", instructions, rollback=rollback)]], failures)


BOTH = (Push("web", "deploy"), Push("lb", "deploy"), WaitAll())


def after(system: System, *steps: str) -> Configuration:
    """The configuration after the steps named."""
    conf = system.initial()
    for name in steps:
        step = next(step for step in enabled(system, conf) if str(step) == name)
        conf = apply(system, conf, step)
    return conf


def names(system: System, conf: Configuration) -> set[str]:
    return {str(step) for step in enabled(system, conf)}


LOST = ("p[0]", "leave web.off", "fire web.install", "fire web.fresh", "p[1]", "fail web.install")


def test_after_a_failure_nothing_is_started_and_what_runs_ends() -> None:
    conf = after(site(*BOTH, failures=2), *LOST)
    assert conf.fate is Fate.LOST
    # The load balancer would leave its place, and the program go on.
    assert names(site(*BOTH, failures=2), conf) == {"end web.fresh", "fail web.fresh"}
    assert "leave lb.off" in names(site(*BOTH, rollback=False), after(site(*BOTH, rollback=False), *LOST))


def test_what_is_complete_is_entered_before_the_run_is_taken_back() -> None:
    system = site(*BOTH, joined=False)
    conf = after(system, *LOST[:3], "p[1]", "leave lb.off", "fire lb.start", "fail web.install", "end lb.start")
    assert names(system, conf) == {"enter lb.on", "rollback p"}
    assert names(system, after(system, *LOST[:3], "fail web.install")) == {"rollback p"}


def test_a_run_is_taken_back_only_when_no_action_runs() -> None:
    system = site(*BOTH)
    step = Step(StepKind.ROLLBACK, "p")
    assert str(blocked(system, system.initial(), step)) == "no action has failed"
    assert str(blocked(system, after(system, *LOST), step)) == "an action of web runs"
    assert blocked(system, after(system, *LOST, "end web.fresh"), step) is None
    assert str(blocked(system, system.initial(), Step(StepKind.ROLLBACK, "q"))).startswith("the run is not taken back")


def test_a_rollback_brings_back_places_connections_components_and_values() -> None:
    late = Instance("late", "Web", "h", layered=True)
    system = site(
        Push("web", "deploy"),
        WaitComponent("web"),
        Disconnect(Connection("lb", "web", "web", "http")),
        Add(late),
        Connect(Connection("lb", "web", "late", "http")),
        Push("late", "deploy"),
        WaitAll(),
    )
    conf, taken = drive(system, "start")
    assert taken[-2:] == ["fail web.start", "rollback p"]
    conf = system.initial()
    for _ in range(40):
        steps = [s for s in enabled(system, conf) if s.kind is not StepKind.FAIL or s.component == "late"]
        if not steps:
            break
        conf = apply(system, conf, next((s for s in steps if s.kind is StepKind.FAIL), steps[0]))
    assert conf.fate is Fate.TAKEN_BACK
    first = system.initial()
    assert conf == first._replace(fate=Fate.TAKEN_BACK, failures=1)
    assert "late" not in conf.components and conf.connections() == first.connections()
    assert not is_active(system, conf, "web", "http")


def test_a_component_that_was_deleted_is_there_again() -> None:
    system = site(Disconnect(Connection("lb", "web", "web", "http")), Delete("lb"), Push("web", "deploy"))
    conf, taken = drive(system, "start")
    assert taken[-1] == "rollback p" and set(conf.components) == {"web", "lb"}


def test_a_run_that_was_taken_back_is_over_and_is_no_deadlock() -> None:
    system = site(*BOTH, failures=None)
    conf, _ = drive(system, "start")
    assert enabled(system, conf) == () and is_done(system, conf) and find_deadlock(system, conf) is None
    assert str(blocked(system, conf, Step(StepKind.PROGRAM, "p"))) == "the run is taken back"
    assert not Agenda(system, conf).ready()


def test_two_programs_side_by_side_are_one_run_whichever_says_so() -> None:
    whole = site(*BOTH, joined=False)
    first = Program("first", "site", (Push("web", "deploy"), WaitAll()))
    second = Program("second", "site", (Push("lb", "deploy"), WaitAll()), rollback=True)
    for stages in ([[first, second]], [[first], [second]], [[second], [first]]):
        conf, taken = drive(System(whole.assembly, stages, 1), "install")
        assert taken[-1] == "rollback second"
        assert all(state.places == {"off"} for state in conf.components.values())


def test_what_a_stage_before_has_done_is_taken_back_with_the_run() -> None:
    whole = site(*BOTH)
    first = Program("first", "site", (Push("web", "deploy"), WaitAll()))
    second = Program("second", "site", (Push("lb", "deploy"), WaitAll()), rollback=True)
    system = System(whole.assembly, [[first], [second]], 1)
    conf = system.initial()
    for _ in range(60):
        steps = [s for s in enabled(system, conf) if s.kind is not StepKind.FAIL or s.component == "lb"]
        conf = apply(system, conf, next((s for s in steps if s.kind is StepKind.FAIL), steps[0])) if steps else conf
    assert conf == system.initial()._replace(fate=Fate.TAKEN_BACK, failures=1)


@pytest.mark.parametrize(("layered", "outside"), [("web", ("lb",)), ("lb", ("web",)), ("", ("web", "lb"))])
def test_a_run_is_not_taken_back_where_something_it_moves_lives_outside_of_layers(
    layered: str, outside: tuple[str, ...]
) -> None:
    system = site(*BOTH, layered=layered)
    assert system.rollback == "" and system.outside == outside
    conf, taken = drive(system, "install")
    assert "rollback p" not in taken and conf.fate is Fate.OPEN


def test_what_a_run_does_not_move_may_live_anywhere() -> None:
    assert site(Push("web", "deploy"), layered="web").rollback == "p"
    added = Add(Instance("late", "Web", "h"))
    assert site(Push("web", "deploy"), added, layered="web").outside == ()
    assert site(Push("web", "deploy"), added, Push("late", "deploy"), layered="web").outside == ("late",)
    assert site(Push("web", "deploy", recovery="lb.stop"), layered="web").outside == ("lb",)


def test_a_live_assembly_is_taken_back_to_where_it_stood() -> None:
    whole = site(*BOTH)
    stood = simulate(whole).configuration
    program = Program("down", "site", (Push("web", "stop"),), rollback=True)
    system = System(whole.assembly, [[program]], 1, stood)
    conf, taken = drive(system, "stop")
    assert taken[-1] == "rollback down" and is_active(system, conf, "web", "http")
    assert conf.components == stood.components


def test_a_failed_action_that_is_tried_again_lets_the_run_go_on() -> None:
    system = site(*BOTH, failures=None)
    conf = after(system, *LOST, "fail web.fresh")
    for name, fate in (("install", Fate.LOST), ("fresh", Fate.OPEN)):
        conf = apply(system, conf, Step(StepKind.RETRY, "web", name))
        assert conf.fate is fate
    assert "leave lb.off" in names(system, conf)
    agenda = Agenda(system, after(system, *LOST, "end web.fresh"))
    assert [str(step) for step in agenda.ready()] == ["rollback p"]
    agenda.take(Step(StepKind.RETRY, "web", "install"))
    assert {str(step) for step in agenda.ready()} == {"leave lb.off"}


def test_the_run_is_taken_back_after_everything_else_that_is_due() -> None:
    system = site(*BOTH, joined=False)
    lost = ("p[0]", "leave web.off", "fire web.install", "p[1]", "leave lb.off", "fire lb.start", "fail web.install")
    agenda = Agenda(system, after(system, *lost))
    assert agenda.take_next() is None
    agenda.take(Step(StepKind.END, "lb", "start"))
    taken = [agenda.take_next() for _ in range(4)]
    assert [str(one[0]) for one in taken if one is not None] == ["enter lb.on", "finish lb.deploy", "rollback p"]
    assert taken[2] is not None and taken[2][1] == 2 and taken[3] is None


def test_the_rollback_can_be_held_back() -> None:
    system = site(*BOTH)
    agenda = Agenda(system, after(system, *LOST, "end web.fresh"))
    assert agenda.take_next(lambda step: step.kind is StepKind.ROLLBACK) is None
    assert agenda.take_next() == (Step(StepKind.ROLLBACK, "p"), -1)


def test_a_declared_recovery_comes_before_a_rollback() -> None:
    recovered = replace(
        WEB, transitions=(*WEB.transitions, *kind("X", "places there* off", "undo: there -> off in back").transitions)
    )
    recovered = replace(recovered, behaviors=(*recovered.behaviors, "back"))
    instances = (Instance("web", "Web", "h", layered=True),)
    program = Program("p", "site", (Push("web", "deploy", recovery="web.back"), WaitAll()), rollback=True)
    system = System(Assembly("site", {"Web": recovered}, instances), [[program]], 2)
    conf, taken = drive(system, "start")
    assert "recover web.deploy" in taken and conf.fate is Fate.OPEN and is_done(system, conf)
    conf, taken = drive(system, "start", "undo")
    assert taken[-2:] == ["fail web.undo", "rollback p"] and conf.fate is Fate.TAKEN_BACK


def test_nothing_is_recovered_from_any_more_in_a_run_that_will_be_taken_back() -> None:
    pushes = (Push("web", "deploy", recovery="web.stop"), Push("lb", "deploy"), WaitAll())
    both = (*LOST[:3], "p[1]", "leave lb.off", "fire lb.start")
    system = site(*pushes, joined=False, failures=2)
    alone = after(system, *both, "fire web.fresh", "fail web.install", "end web.fresh")
    assert alone.fate is Fate.OPEN and "recover web.deploy" in names(system, alone)
    conf = after(system, *both, "fire web.fresh", "fail web.install", "end web.fresh", "fail lb.start")
    assert conf.fate is Fate.LOST and names(system, conf) == {"rollback p"}
    assert str(blocked(system, conf, Step(StepKind.RECOVER, "web", "deploy"))) == "the run is lost"


SLOW_TO_DRAW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@given(taken_back_systems(), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_TO_DRAW)
def test_the_agenda_has_exactly_the_enabled_steps_of_runs_that_are_taken_back(
    system: System, data: st.DataObject
) -> None:
    walk(system, data, 40)


@given(taken_back_systems(recovering=True), st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=SLOW_TO_DRAW)
def test_the_agenda_has_them_where_pushes_declare_recoveries_too(system: System, data: st.DataObject) -> None:
    walk(system, data, 40)


@given(taken_back_systems(), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_TO_DRAW)
def test_every_run_in_which_an_action_fails_starts_nothing_more_and_ends_where_it_began(
    system: System, data: st.DataObject
) -> None:
    conf = system.initial()
    for _ in range(60):
        steps = enabled(system, conf)
        failed = any(state.failed for state in conf.components.values())
        assert (conf.fate is Fate.LOST) == failed or conf.clash is not None
        if failed:
            assert not any(step.kind in STARTS for step in steps)
            assert steps or conf.clash is not None
        if not steps:
            break
        fails = [step for step in steps if step.kind is StepKind.FAIL]
        conf = apply(system, conf, data.draw(st.sampled_from(fails or steps)))
    if conf.fate is Fate.TAKEN_BACK:
        first = system.initial()
        assert conf._replace(fate=Fate.OPEN, failures=0) == first
