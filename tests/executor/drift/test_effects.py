"""Which transitions' effects stand, and which of them are relied on."""

from __future__ import annotations

from immutables import Map

from madeus.executor.effects import Standing, after, relied_on
from madeus.model import Add, Delete, Instance, Program, Push, WaitAll, WaitComponent
from madeus.semantics import ComponentState, Step, StepKind, System, simulate
from madeus.semantics.agenda import Agenda
from madeus.semantics.step import apply
from tests.build import assembly, kind, program

DB = kind(
    "Db",
    "places off* installed running removed",
    "install: off -> installed",
    "start: installed -> running",
    "update: running -> installed in update",
    "purge: installed -> removed in purge",
)
FORKED = kind(
    "Forked",
    "places low* left right top",
    "l: low -> left in up",
    "r: low -> right in up",
    "join: left -> top in up",
    "joint: right -> top in up",
    "undo: low -> low in undo",
)


def effects(*programs: Program, made: str = "db:Db") -> dict[str, tuple[str, ...]]:
    system = System(assembly([DB, FORKED], made), [[p] for p in programs])
    standing, conf = Standing(system), system.initial()
    for event in simulate(system).trace.events:
        conf = apply(system, conf, event.step)
        standing.take(event.step, conf)
    return dict(standing.effects)


def go(*behaviors: str) -> Program:
    return program("_".join(behaviors), *(Push("db", b) for b in behaviors), WaitAll())


def test_an_effect_stands_from_the_end_of_its_transition() -> None:
    assert effects(go("deploy")) == {"db": ("install", "start")}


def test_an_effect_is_gone_when_its_component_is_where_the_transition_begins_again() -> None:
    assert effects(go("deploy", "update")) == {"db": ("install", "update")}


def test_what_has_ended_again_is_the_latest() -> None:
    assert effects(go("deploy", "update"), program("again", Push("db", "deploy"), WaitAll())) == {
        "db": ("install", "start")
    }


def test_a_component_that_is_made_anew_has_no_effects() -> None:
    anew = program("anew", Delete("db"), Add(Instance("db", "Db")), WaitAll())
    assert effects(go("deploy"), anew) == {}
    grown = program("grown", Add(Instance("d", "Db")), Push("d", "deploy"), WaitComponent("d"))
    assert effects(grown, made="x:Db") == {"d": ("install", "start")}


def test_a_recovery_takes_effects_back() -> None:
    made = program("p", Push("c", "up", "", "c.undo"), WaitAll())
    system = System(assembly([FORKED], "c:Forked"), [[made]], None)
    agenda, standing = Agenda(system, system.initial()), Standing(system)
    for step in (
        Step(StepKind.PROGRAM, "p", position=0),
        Step(StepKind.LEAVE, "c", "low"),
        Step(StepKind.FIRE, "c", "l"),
        Step(StepKind.FIRE, "c", "r"),
        Step(StepKind.END, "c", "l"),
        Step(StepKind.FAIL, "c", "r"),
        Step(StepKind.ENTER, "c", "left", "*left"),
        Step(StepKind.RECOVER, "c", "up"),
    ):
        agenda.take(step)
        standing.take(step, agenda.configuration)
        if step.kind is StepKind.ENTER:
            assert standing.effects == Map({"c": ("l",)})
    assert agenda.configuration.components["c"].places == {"left", "low"}
    assert standing.effects == Map()


def test_an_effect_is_relied_on_where_its_behaviors_lead_to() -> None:
    assert after(DB, "install") == {"installed", "running"}
    assert after(DB, "update") == {"installed"}
    assert relied_on(DB, {"running"}, ("install", "start")) == ("install", "start")
    assert relied_on(DB, {"installed"}, ("install", "update")) == ("install", "update")


def test_another_behavior_may_undo_an_effect() -> None:
    assert relied_on(DB, {"removed"}, ("install", "purge")) == ("purge",)


def test_what_stands_where_a_run_begins_is_cut_back_to_where_it_really_is() -> None:
    made = assembly([DB], "db:Db")
    end = simulate(System(made)).configuration._replace(positions=())
    begin = end._replace(components=end.components.set("db", ComponentState("Db", frozenset(["installed"]))))
    system = System(made, [[go("deploy")]], begin=begin)
    assert Standing(system, {"db": ("install", "start", "vanished")}).effects == Map({"db": ("install",)})
