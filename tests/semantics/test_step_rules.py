"""One test or more for each row of the step table."""

from __future__ import annotations

import pytest

from madeus.model import Add, Connect, Delete, Disconnect, Instance, Push, WaitAll, WaitComponent, WaitPush
from madeus.semantics import Clash, Configuration, Step, StepKind, System, apply, blocked, enabled, is_active
from tests.build import assembly, kind, link, program


def names(system: System, conf: Configuration) -> set[str]:
    return {str(step) for step in enabled(system, conf)}


def go(system: System, *steps: str, conf: Configuration | None = None) -> Configuration:
    """Take steps by name, each of which has to be enabled."""
    conf = system.initial() if conf is None else conf
    for name in steps:
        found = {str(step): step for step in enabled(system, conf)}
        assert name in found, f"{name} not among {sorted(found)}"
        conf = apply(system, conf, found[name])
    return conf


def why(system: System, conf: Configuration, kind_: StepKind, component: str, element: str, station: str = "") -> str:
    return str(blocked(system, conf, Step(kind_, component, element, station)))


FORK = kind("F", "places a* b c", "t: a -> b", "u: a -> c")
JOIN = kind("J", "places a* b", "t: a -> b", "u: a -> b")


def test_leaving_a_place_marks_the_output_docks_of_all_transitions_out_of_it() -> None:
    system = System(assembly([FORK], "x:F"))
    conf = go(system, "leave x.a")
    assert conf.components["x"].output_docks == {"t", "u"}
    assert conf.components["x"].places == set()
    assert names(system, conf) == {"fire x.t", "fire x.u"}


def test_a_place_is_left_only_along_transitions_of_the_head_behavior() -> None:
    both = kind("B", "places a* b c", "t: a -> b in one", "u: a -> c in two")
    system = System(assembly([both], "x:B"), [[program("p", Push("x", "two"))]])
    conf = go(system, "p[0]", "leave x.a")
    assert conf.components["x"].output_docks == {"u"}


def test_two_transitions_with_the_same_ends_are_two_tokens_and_join() -> None:
    system = System(assembly([JOIN], "x:J"))
    conf = go(system, "leave x.a", "fire x.t", "end x.t")
    assert names(system, conf) == {"fire x.u"}
    conf = go(system, "fire x.u", "end x.u", "enter x.b", "finish x.deploy", conf=conf)
    assert conf.components["x"].places == {"b"}
    assert names(system, conf) == set()


def test_stations_are_and_inside_and_or_between() -> None:
    restart = kind(
        "R", "places a* m b", "t: a -> b in go station fresh", "u: m -> b in go station again", "v: b -> m in stop"
    )
    pushes = program("p", Push("x", "go"), Push("x", "stop"), Push("x", "go"))
    system = System(assembly([restart], "x:R"), [[pushes]])
    conf = go(system, "p[0]", "p[1]", "p[2]", "leave x.a", "fire x.t", "end x.t", "enter x.b by fresh")
    conf = go(system, "finish x.go", "leave x.b", "fire x.v", "end x.v", "enter x.m", "finish x.stop", conf=conf)
    conf = go(system, "leave x.m", "fire x.u", "end x.u", "enter x.b by again", "finish x.go", conf=conf)
    assert conf.components["x"].places == {"b"}


def test_the_default_station_joins_only_transitions_of_the_head_behavior() -> None:
    mixed = kind("M", "places a* b", "t: a -> b in one", "u: a -> b in two")
    system = System(assembly([mixed], "x:M"), [[program("p", Push("x", "one"))]])
    go(system, "p[0]", "leave x.a", "fire x.t", "end x.t", "enter x.b", "finish x.one")


PROVIDER = kind("P", "places a* b c", "t: a -> b", "u: b -> c", "provide s at b", "provide last at c")
USER = kind("U", "places a* b", "t: a -> b", "use s for t")


def test_a_transition_fires_only_when_its_use_ports_are_served() -> None:
    keep = kind("P", "places a* b", "t: a -> b", "provide s at b")
    system = System(assembly([keep, USER], "p:P u:U", "u.s p.s"))
    conf = go(system, "leave u.a")
    assert why(system, conf, StepKind.FIRE, "u", "t") == "use port u.s waits for p.s, which is not active"
    conf = go(system, "leave p.a", "fire p.t", "end p.t", "enter p.b", conf=conf)
    assert "fire u.t" in names(system, conf)


def test_an_unconnected_use_port_blocks_unless_it_is_optional() -> None:
    system = System(assembly([USER], "u:U"))
    conf = go(system, "leave u.a")
    assert why(system, conf, StepKind.FIRE, "u", "t") == "use port u.s is connected to nothing"
    free = kind("U", "places a* b", "t: a -> b", "use s optional for t")
    system = System(assembly([free], "u:U"))
    assert "fire u.t" in names(system, go(system, "leave u.a"))


def test_a_port_bound_to_several_places_is_active_only_when_each_holds_a_token() -> None:
    two = kind("T", "places a* b c", "t: a -> b", "u: a -> c", "provide s at b c")
    system = System(assembly([two], "x:T"))
    conf = go(system, "leave x.a", "fire x.t", "end x.t", "enter x.b")
    assert not is_active(system, conf, "x", "s")
    conf = go(system, "fire x.u", "end x.u", "enter x.c", conf=conf)
    assert is_active(system, conf, "x", "s")


def test_a_token_between_two_places_of_a_group_is_in_the_group() -> None:
    grouped = kind("G", "places a* b c", "t: a -> b", "u: b -> c", "group g = b c", "provide s at g", "provide q at b")
    system = System(assembly([grouped], "x:G"))
    conf = go(system, "leave x.a", "fire x.t", "end x.t")
    assert not is_active(system, conf, "x", "s")
    conf = go(system, "enter x.b", conf=conf)
    for step in ("leave x.b", "fire x.u", "end x.u", "enter x.c"):
        conf = go(system, step, conf=conf)
        assert is_active(system, conf, "x", "s")
        assert not is_active(system, conf, "x", "q")


def test_a_group_with_two_tokens_stays_when_one_of_them_leaves() -> None:
    split = kind("G", "places a* b c d", "t: a -> b", "u: a -> c", "v: c -> d", "group g = b c", "provide s at g")
    system = System(assembly([split, USER], "x:G u:U", "u.s x.s"))
    first = go(system, "leave x.a", "fire x.u", "end x.u", "enter x.c", "leave u.a")
    assert why(system, first, StepKind.FIRE, "u", "t").endswith("its component is about to take it off")
    both = go(system, "fire x.t", "end x.t", "enter x.b", conf=first)
    used = go(system, "fire u.t", conf=both)
    assert "leave x.c" in names(system, used)
    assert is_active(system, go(system, "leave x.c", conf=used), "x", "s")


def test_a_provider_does_not_leave_while_its_port_is_in_use() -> None:
    dep = kind("D", "places a* b", "t: a -> b in up", "u: b -> a in down", "provide s at b")
    system = System(assembly([dep, USER], "d:D u:U", "u.s d.s"), [[program("p", Push("d", "up"), Push("d", "down"))]])
    conf = go(system, "p[0]", "leave d.a", "fire d.t", "end d.t", "enter d.b")
    started = conf.components["u"]._replace(output_docks=frozenset(("t",)), places=frozenset())
    conf = conf._replace(components=conf.components.set("u", started))
    conf = apply(system, conf, Step(StepKind.FIRE, "u", "t"))
    conf = go(system, "p[1]", "finish d.up", conf=conf)
    assert why(system, conf, StepKind.LEAVE, "d", "b") == "d.s is in use by u.s"
    conf = go(system, "end u.t", conf=conf)
    assert "leave d.b" in names(system, conf)


def test_a_failed_transition_still_uses_its_ports() -> None:
    dep = kind("D", "places a* b", "t: a -> b in up", "u: b -> a in down", "provide s at b")
    pushes = program("p", Push("d", "up"), Push("u", "deploy"), Push("d", "down"))
    system = System(assembly([dep, USER], "d:D u:U", "u.s d.s"), [[pushes]], failures=1)
    conf = go(system, "p[0]", "leave d.a", "fire d.t", "end d.t", "enter d.b", "p[1]", "leave u.a", "fire u.t")
    conf = go(system, "fail u.t", "p[2]", "finish d.up", conf=conf)
    assert why(system, conf, StepKind.LEAVE, "d", "b") == "d.s is in use by u.s"


def test_a_refusing_port_serves_its_users_and_takes_no_new_one() -> None:
    dep = kind("D", "places a* b", "t: a -> b in up", "u: b -> a in down", "provide s at b")
    pushes = program("p", Push("d", "up"), Push("u", "deploy"), Push("d", "down"), Push("v", "deploy"))
    system = System(assembly([dep, USER], "d:D u:U v:U", "u.s d.s", "v.s d.s"), [[pushes]])
    conf = go(system, "p[0]", "leave d.a", "fire d.t", "end d.t", "enter d.b", "p[1]", "leave u.a", "fire u.t")
    conf = go(system, "p[2]", "finish d.up", "p[3]", "leave v.a", conf=conf)
    assert "refuses new users" in why(system, conf, StepKind.FIRE, "v", "t")
    assert names(system, conf) == {"end u.t"}


def test_a_port_that_the_head_behavior_keeps_is_not_refusing() -> None:
    dep = kind("D", "places a* b c", "t: a -> b", "u: b -> c", "group g = b c", "provide s at g")
    system = System(assembly([dep, USER], "d:D u:U", "u.s d.s"))
    conf = go(system, "leave d.a", "fire d.t", "end d.t", "enter d.b", "leave u.a")
    assert "fire u.t" in names(system, conf)


@pytest.mark.parametrize(("multiplicity", "served_by_one"), [("any", True), ("all", False)])
def test_any_needs_one_active_provider_and_all_needs_every_one(multiplicity: str, served_by_one: bool) -> None:
    keep = kind("P", "places a* b", "t: a -> b", "provide s at b")
    user = kind("U", "places a* b", "t: a -> b", f"use s {multiplicity} for t")
    system = System(assembly([keep, user], "p:P q:P u:U", "u.s p.s", "u.s q.s"))
    conf = go(system, "leave u.a", "leave q.a", "fire q.t", "end q.t", "enter q.b")
    assert ("fire u.t" in names(system, conf)) is served_by_one
    conf = go(system, "leave p.a", "fire p.t", "end p.t", "enter p.b", conf=conf)
    assert "fire u.t" in names(system, conf)


def test_one_of_two_providers_of_an_any_port_may_leave_and_the_last_may_not() -> None:
    dep = kind("D", "places a* b", "t: a -> b in up", "u: b -> a in down", "provide s at b")
    user = kind("U", "places a* b", "t: a -> b", "use s any for t")
    pushes = program(
        "p", Push("d", "up"), Push("e", "up"), WaitAll(), Push("u", "deploy"), Push("d", "down"), Push("e", "down")
    )
    system = System(assembly([dep, user], "d:D e:D u:U", "u.s d.s", "u.s e.s"), [[pushes]])
    up = [
        s.format(c=c) for c in "de" for s in ("leave {c}.a", "fire {c}.t", "end {c}.t", "enter {c}.b", "finish {c}.up")
    ]
    conf = go(system, "p[0]", "p[1]", *up, "p[2]", "p[3]", "leave u.a", "fire u.t", "p[4]", "p[5]")
    assert {"leave d.b", "leave e.b"} <= names(system, conf)
    conf = go(system, "leave d.b", conf=conf)
    assert why(system, conf, StepKind.LEAVE, "e", "b") == "e.s is in use by u.s"


def test_a_place_bound_use_port_is_checked_when_the_place_would_be_entered() -> None:
    keep = kind("P", "places a* b", "t: a -> b", "provide s at b")
    holder = kind("H", "places a* b c", "t: a -> b", "u: b -> c", "group g = b c", "use s during g")
    system = System(assembly([keep, holder], "p:P h:H", "h.s p.s"))
    conf = go(system, "leave h.a", "fire h.t", "end h.t")
    assert "p.s, which is not active" in why(system, conf, StepKind.ENTER, "h", "b", "*b")
    conf = go(system, "leave p.a", "fire p.t", "end p.t", "enter p.b", "enter h.b", conf=conf)
    go(system, "leave h.b", "fire h.u", "end h.u", "enter h.c", conf=conf)


def test_a_data_port_gets_its_value_when_the_place_is_entered_and_keeps_it() -> None:
    source = kind("S", "places a* b c", "t: a -> b", "u: b -> c", "provide data d at b")
    reader = kind("R", "places a* b", "t: a -> b", "use data d for t")
    system = System(assembly([source, reader], "s:S r:R", "r.d s.d"))
    conf = go(system, "leave s.a", "fire s.t", "leave r.a")
    conf = apply(system, conf, Step(StepKind.END, "s", "t"), (("d", "10.0.0.1"),))
    assert "has no value yet" in why(system, conf, StepKind.FIRE, "r", "t")
    assert conf.components["s"].held == (("t", (("d", "10.0.0.1"),)),)
    conf = go(system, "enter s.b", conf=conf)
    assert conf.data[("s", "d")] == "10.0.0.1"
    assert conf.components["s"].held == ()
    conf = go(system, "leave s.b", conf=conf)
    assert "fire r.t" in names(system, conf)


def test_a_later_production_overwrites_the_value() -> None:
    loop = kind("L", "places a* b", "t: a -> b in go", "u: b -> a in back", "provide data d at b")
    pushes = program("p", Push("x", "go"), Push("x", "back"), Push("x", "go"))
    system = System(assembly([loop], "x:L"), [[pushes]])
    conf = go(system, "p[0]", "p[1]", "p[2]", "leave x.a", "fire x.t")
    conf = apply(system, conf, Step(StepKind.END, "x", "t"), (("d", 1),))
    conf = go(system, "enter x.b", "finish x.go", "leave x.b", "fire x.u", "end x.u", "enter x.a", conf=conf)
    conf = go(system, "finish x.back", "leave x.a", "fire x.t", conf=conf)
    assert conf.data[("x", "d")] == 1
    conf = apply(system, conf, Step(StepKind.END, "x", "t"), (("d", 2),))
    assert go(system, "enter x.b", conf=conf).data[("x", "d")] == 2


def test_a_data_port_of_an_initial_place_has_a_value_from_the_start() -> None:
    source = kind("S", "places a*", "provide data d at a")
    system = System(assembly([source], "s:S"))
    assert is_active(system, system.initial(), "s", "d")


def test_a_failed_transition_enables_nothing_downstream_and_the_rest_goes_on() -> None:
    system = System(assembly([FORK], "x:F"), failures=1)
    conf = go(system, "leave x.a", "fire x.t", "fire x.u", "fail x.t")
    assert names(system, conf) == {"end x.u"}
    conf = go(system, "end x.u", "enter x.c", conf=conf)
    assert names(system, conf) == set()
    assert conf.components["x"].failed == {"t"}


def test_no_more_actions_fail_than_the_system_admits() -> None:
    system = System(assembly([FORK], "x:F"), failures=1)
    conf = go(system, "leave x.a", "fire x.t", "fire x.u")
    assert {"fail x.t", "fail x.u"} <= names(system, conf)
    assert "fail x.u" not in names(system, go(system, "fail x.t", conf=conf))
    assert not any(n.startswith("fail") for n in names(System(assembly([FORK], "x:F")), conf))


def test_a_retry_runs_a_failed_transition_again() -> None:
    system = System(assembly([JOIN], "x:J"), failures=1)
    conf = go(system, "leave x.a", "fire x.t", "fail x.t")
    retry = Step(StepKind.RETRY, "x", "t")
    assert blocked(system, conf, retry) is None
    conf = apply(system, conf, retry)
    assert conf.components["x"].running == {"t"}
    assert blocked(system, conf, retry) is not None


def test_a_behavior_finishes_only_when_nothing_moves_and_nothing_leaves_a_marked_place() -> None:
    system = System(assembly([FORK], "x:F"))
    conf = go(system, "leave x.a", "fire x.t", "end x.t", "enter x.b")
    assert "finish x.deploy" not in names(system, conf)
    conf = go(system, "fire x.u", "end x.u", "enter x.c", conf=conf)
    assert names(system, conf) == {"finish x.deploy"}


def test_pushed_behaviors_are_executed_in_order_even_the_same_one_twice() -> None:
    loop = kind("L", "places a* b", "t: a -> b in go")
    system = System(assembly([loop], "x:L"), [[program("p", Push("x", "go"), Push("x", "go"))]])
    conf = go(system, "p[0]", "p[1]")
    assert [q.origin for q in conf.components["x"].queue] == ["p#0", "p#1"]
    conf = go(system, "leave x.a", "fire x.t", "end x.t", "enter x.b", "finish x.go", conf=conf)
    assert names(system, conf) == {"finish x.go"}


def test_a_second_token_for_a_marked_place_is_a_clash_that_ends_the_run() -> None:
    double = kind("D", "places a* b c", "t: a -> b station one", "u: a -> b station two")
    system = System(assembly([double], "x:D"))
    conf = go(system, "leave x.a", "fire x.t", "end x.t", "enter x.b by one", "fire x.u", "end x.u")
    conf = go(system, "enter x.b by two", conf=conf)
    assert conf.clash == Clash("x", "b", "place")
    assert enabled(system, conf) == ()


def test_programs_add_connect_disconnect_and_delete() -> None:
    keep = kind("P", "places a* b", "t: a -> b", "provide s at b")
    steps = program(
        "p",
        Add(Instance("n", "U")),
        Connect(link("n.s p.s")),
        Push("n", "deploy"),
        WaitComponent("n"),
        Disconnect(link("n.s p.s")),
        Delete("n"),
    )
    system = System(assembly([keep, USER], "p:P"), [[steps]])
    conf = go(system, "p[0]", "p[1]", "p[2]", "leave n.a")
    assert "p[3]" not in names(system, conf)
    active = conf.components["p"]._replace(places=frozenset(("b",)))
    conf = conf._replace(components=conf.components.set("p", active))
    conf = go(system, "fire n.t", "end n.t", "enter n.b", "finish n.deploy", "p[3]", "p[4]", "p[5]", conf=conf)
    assert "n" not in conf.components
    assert conf.connections() == ()


def test_a_connection_in_use_is_not_taken_away() -> None:
    keep = kind("P", "places a* b", "t: a -> b", "provide s at b")
    steps = program("p", Push("p", "deploy"), Push("u", "deploy"), Disconnect(link("u.s p.s")))
    system = System(assembly([keep, USER], "p:P u:U", "u.s p.s"), [[steps]])
    conf = go(system, "p[0]", "p[1]", "leave p.a", "fire p.t", "end p.t", "enter p.b", "leave u.a", "fire u.t")
    assert str(blocked(system, conf, Step(StepKind.PROGRAM, "p", position=2))) == "p.s is in use by u.s"
    assert "p[2]" in names(system, go(system, "end u.t", conf=conf))


def test_a_use_port_in_use_is_connected_only_to_a_provider_that_serves_it() -> None:
    keep = kind("P", "places a* b", "t: a -> b", "provide s at b")
    free = kind("U", "places a* b", "t: a -> b", "use s optional for t")
    steps = program("p", Push("u", "deploy"), Push("p", "deploy"), Connect(link("u.s p.s")))
    system = System(assembly([keep, free], "p:P u:U"), [[steps]])
    conf = go(system, "p[0]", "p[1]", "leave u.a", "fire u.t")
    connect = Step(StepKind.PROGRAM, "p", position=2)
    assert str(blocked(system, conf, connect)) == "use port u.s waits for p.s, which is not active"
    assert blocked(system, go(system, "end u.t", conf=conf), connect) is None
    served = go(system, "leave p.a", "fire p.t", "end p.t", "enter p.b", conf=conf)
    assert blocked(system, served, connect) is None


def test_delete_waits_until_the_component_is_idle_and_unconnected() -> None:
    steps = program("p", Push("u", "deploy"), Delete("u"))
    system = System(assembly([PROVIDER, USER], "p:P u:U", "u.s p.s"), [[steps]])
    delete = Step(StepKind.PROGRAM, "p", position=1)
    conf = go(system, "p[0]")
    assert str(blocked(system, conf, delete)) == "waits for u, which still executes deploy"
    idle = conf._replace(components=conf.components.set("u", conf.components["u"]._replace(queue=())))
    assert str(blocked(system, idle, delete)) == "port u.s is still connected"


def test_wait_for_a_push_ends_with_that_push_and_not_with_the_queue() -> None:
    loop = kind("L", "places a* b c", "t: a -> b in one", "u: b -> c in two")
    steps = program("p", Push("x", "one", "first"), Push("x", "two"), WaitPush("first"), WaitComponent("x"))
    system = System(assembly([loop], "x:L"), [[steps]])
    conf = go(system, "p[0]", "p[1]", "leave x.a", "fire x.t", "end x.t", "enter x.b", "finish x.one", "p[2]")
    assert "p[3]" not in names(system, conf)


def test_wait_all_waits_for_every_component() -> None:
    steps = program("p", Push("x", "deploy"), WaitAll())
    system = System(assembly([FORK], "x:F y:F"), [[steps]])
    assert "p[1]" not in names(system, go(system, "p[0]"))
    assert str(blocked(system, go(system, "p[0]"), Step(StepKind.PROGRAM, "p", position=1))) == (
        "waits for x, which still executes deploy"
    )


def test_a_stage_begins_when_the_one_before_is_done_and_all_is_idle() -> None:
    loop = kind("L", "places a* b", "t: a -> b in go")
    system = System(assembly([loop], "x:L"), [[program("p", Push("x", "go"))], [program("q", Push("x", "go"))]])
    assert names(system, system.initial()) == {"p[0]"}
    conf = go(system, "p[0]")
    assert names(system, conf) == {"leave x.a"}
    conf = go(system, "leave x.a", "fire x.t", "end x.t", "enter x.b", "finish x.go", conf=conf)
    assert names(system, conf) == {"q[0]"}


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        (Add(Instance("x", "F")), "component x exists already"),
        (Delete("z"), "component z does not exist"),
        (Push("z", "deploy"), "component z does not exist"),
        (Push("x", "dance"), "F has no behavior dance"),
        (WaitComponent("z"), "component z does not exist"),
        (Connect(link("z.s x.s")), "component z does not exist"),
        (Connect(link("u.s z.s")), "component z does not exist"),
        (Connect(link("u.q p.s")), "U has no use port q"),
        (Connect(link("u.s p.q")), "P has no provide port q"),
        (Connect(link("u.s p.s")), "u.s to p.s is connected already"),
        (Connect(link("u.s p.last")), "u.s takes one connection and has it"),
        (Disconnect(link("u.s p.last")), "there is no connection u.s to p.last"),
    ],
)
def test_an_instruction_that_makes_no_sense_waits_and_says_why(instruction: object, message: str) -> None:
    system = System(assembly([FORK, PROVIDER, USER], "x:F p:P u:U", "u.s p.s"), [[program("p", instruction)]])  # type: ignore[arg-type]
    assert str(blocked(system, system.initial(), Step(StepKind.PROGRAM, "p", position=0))) == message


def test_components_without_a_program_have_deploy_pushed_once_and_others_nothing() -> None:
    other = kind("O", "places a* b", "t: a -> b in install")
    conf = System(assembly([FORK, other], "x:F o:O")).initial()
    assert conf.components["x"].head == "deploy"
    assert conf.components["o"].head is None
