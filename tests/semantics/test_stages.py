"""When a stage of programs begins, and that connections are a set."""

from __future__ import annotations

from madeus.model import Connect, Disconnect, Push
from madeus.semantics.configuration import Configuration
from madeus.semantics.step import Step, StepKind, apply, blocked
from madeus.semantics.system import System
from tests.build import assembly, kind, link, program

ONE = kind("T", "places a* b", "t: a -> b")


def at(name: str, position: int = 0) -> Step:
    return Step(StepKind.PROGRAM, name, position=position)


def walk(system: System, conf: Configuration, *steps: Step) -> Configuration:
    for step in steps:
        assert blocked(system, conf, step) is None, step
        conf = apply(system, conf, step)
    return conf


def test_a_program_starts_beside_one_of_its_stage_that_has_begun_already() -> None:
    first, left, right = (program(n, Push(c, "deploy")) for n, c in (("first", "z"), ("left", "x"), ("right", "y")))
    system = System(assembly([ONE], "x:T y:T z:T"), [[first], [left, right]])
    conf = system.initial()
    assert blocked(system, conf, at("left")) is not None
    conf = walk(system, conf, at("first"))
    assert blocked(system, conf, at("left")) is not None
    steps = (
        Step(StepKind.LEAVE, "z", "a"),
        Step(StepKind.FIRE, "z", "t"),
        Step(StepKind.END, "z", "t"),
        Step(StepKind.ENTER, "z", "b", "*b"),
        Step(StepKind.FINISH, "z", "deploy"),
    )
    walk(system, conf, *steps, at("left"), at("right"))


def test_an_empty_stage_between_two_does_not_let_the_second_overtake_the_first() -> None:
    first, empty, last = program("first", Push("x", "deploy")), program("empty"), program("last", Push("x", "deploy"))
    system = System(assembly([ONE], "x:T"), [[first], [empty], [last]])
    assert str(blocked(system, system.initial(), at("last"))) == "waits for program first to end"


def test_the_order_in_which_connections_were_made_is_forgotten() -> None:
    provider = kind("P", "places a* b", "t: a -> b", "provide s at b")
    user = kind("U", "places a* b", "t: a -> b", "use s any for t")
    again = program("again", Disconnect(link("u.s p.s")), Connect(link("u.s p.s")))
    system = System(assembly([provider, user], "p:P q:P u:U", "u.s p.s", "u.s q.s"), [[again]])
    conf = system.initial()
    after = walk(system, conf, at("again"), at("again", 1))
    assert (after.providers, after.users) == (conf.providers, conf.users)
