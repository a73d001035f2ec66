"""The hard cases of reconfiguration, each with the outcome that the semantics fixes: by the steps, on the net, and in runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeus.model import (
    Add,
    Connect,
    Delete,
    Disconnect,
    Instance,
    Push,
    WaitAll,
    WaitComponent,
    WaitPush,
)
from madeus.model.program import Instruction
from madeus.semantics import StepKind, System, enabled
from tests.build import assembly, kind, link, program
from tests.reconfiguration.everywhere import everywhere, reachable


def one(types: list[object], instances: str, connections: list[str], *instructions: Instruction) -> System:
    """A program on an assembly."""
    return System(assembly(types, instances, *connections), [[program("p", *instructions)]])  # type: ignore[arg-type]


# ---- joins

JOIN = kind("J", "places a* b* c", "t: a -> c in both,alone station x", "u: b -> c in both station x")


def test_a_join_waits_for_every_transition_of_the_behavior_that_is_executed(state: Path) -> None:
    result = everywhere(one([JOIN], "j:J", [], Push("j", "both"), WaitAll()), state, marked={"j": {"c"}})
    steps = [str(e.step) for e in result.trace.events]
    assert steps.index("enter j.c by x") > max(steps.index("end j.t"), steps.index("end j.u"))


def test_the_same_join_does_not_wait_for_a_transition_of_another_behavior(state: Path) -> None:
    everywhere(one([JOIN], "j:J", [], Push("j", "alone"), WaitAll()), state, marked={"j": {"b", "c"}})


def test_a_join_across_two_behaviors_is_not_completed_by_the_second_one(state: Path) -> None:
    lame = kind("L", "places a* b c", "t: a -> c in go station x", "u: b -> c in go station x")
    everywhere(
        one([lame], "j:L", [], Push("j", "go"), WaitAll()),
        state,
        says="the join at j.c waits for j.u, which holds no token",
    )


def test_of_two_stations_either_enters_and_both_are_a_second_token(state: Path) -> None:
    either = kind("E", "places a* b* c", "t: a -> c in l,two station x", "u: b -> c in two station y")
    everywhere(one([either], "e:E", [], Push("e", "l"), WaitAll()), state, marked={"e": {"b", "c"}})
    everywhere(one([either], "e:E", [], Push("e", "two"), WaitAll()), state, clash="e.c")


# ---- groups

PAIR = kind(
    "P",
    "places a* b* x y",
    "t: a -> x in first",
    "u: b -> y in second",
    "r: x -> a in back",
    "group g = a b",
    "provide s at g",
)
HOLDER = kind("H", "places off* on done", "t: off -> on in use", "u: on -> done in stop", "use s during on")


def test_one_of_two_tokens_in_a_group_may_leave_it_while_it_is_used(state: Path) -> None:
    program_ = (Push("h", "use"), WaitComponent("h"), Push("p", "first"), WaitAll())
    everywhere(one([PAIR, HOLDER], "p:P h:H", ["h.s p.s"], *program_), state, marked={"p": {"b", "x"}, "h": {"on"}})


def test_the_last_token_of_a_group_stays_in_it_while_it_is_used(state: Path) -> None:
    program_ = (Push("h", "use"), WaitComponent("h"), Push("p", "first"), Push("p", "second"), WaitAll())
    everywhere(one([PAIR, HOLDER], "p:P h:H", ["h.s p.s"], *program_), state, says="p.s is in use by h.s")


def test_a_port_bound_to_two_groups_is_off_when_either_is_empty(state: Path) -> None:
    both = kind("B", "places a* b* x y", "t: a -> x in l", "u: b -> y in r", "provide s at a b")
    wanting = (Push("b", "l"), WaitComponent("b"), Push("h", "use"), WaitAll())
    says = "use port h.s waits for b.s, which is not active"
    everywhere(one([both, HOLDER], "b:B h:H", ["h.s b.s"], *wanting), state, says=says)
    for behavior in ("l", "r"):
        leaving = (Push("h", "use"), WaitComponent("h"), Push("b", behavior), WaitAll())
        everywhere(one([both, HOLDER], "b:B h:H", ["h.s b.s"], *leaving), state, says="b.s is in use by h.s")


# ---- providers and users

SERVER = kind(
    "S",
    "places up* down again",
    "t: up -> down in bounce,off",
    "u: down -> again in bounce",
    "group g = up again",
    "provide s at g",
)
WORKER = kind(
    "W",
    "places i* j",
    "t: i -> j in work",
    "u: j -> i in rest",
    "use s for t u",
)


def test_a_provider_leaves_when_the_last_of_two_users_has_let_go(state: Path) -> None:
    program_ = (
        *(Push(h, "use") for h in ("h", "k")),
        WaitAll(),
        Push("s", "off"),
        *(Push(h, "stop") for h in ("h", "k")),
        WaitAll(),
    )
    system = one([SERVER, HOLDER], "s:S h:H k:H", ["h.s s.s", "k.s s.s"], *program_)
    result = everywhere(system, state, marked={"s": {"down"}}, seconds={"h.u": 1, "k.u": 5})
    steps = [str(e.step) for e in result.trace.events]
    left = steps.index("leave s.up")
    assert left > steps.index("leave h.on")
    assert left > steps.index("leave k.on")


def test_users_that_alternate_do_not_starve_a_provider_that_wants_to_leave(state: Path) -> None:
    """Each user is in use for three seconds, a second and a half apart: the service is in use all the time."""
    rounds = [Push(w, behavior) for w in ("v", "w") for behavior in ("work", "rest", "work", "rest")]
    system = System(
        assembly([SERVER, WORKER], "s:S v:W w:W", "v.s s.s", "w.s s.s"),
        [[program("p", *rounds, Push("s", "bounce"), WaitAll())]],
    )
    lengths = {f"{w}.{t}": 3.0 for w in ("v", "w") for t in ("t", "u")} | {"w.t": 1.5, "s.t": 1.0, "s.u": 1.0}
    result = everywhere(system, state, marked={"s": {"again"}}, seconds=lengths)
    left = next(e.time for e in result.trace.events if str(e.step) == "leave s.up")
    assert left <= 3.0


def test_a_refusing_provider_takes_no_new_user_and_serves_those_it_has() -> None:
    system = one(
        [SERVER, WORKER],
        "s:S v:W w:W",
        ["v.s s.s", "w.s s.s"],
        Push("v", "work"),
        Push("s", "bounce"),
        Push("w", "work"),
    )
    refused = 0
    for conf in reachable(system):
        going = conf.components["s"].head == "bounce" and "up" in conf.components["s"].places
        names = {str(step) for step in enabled(system, conf)}
        if going:
            assert not any(name.startswith("fire ") for name in names)
            assert "leave s.up" not in names or not conf.components["v"].running
            refused += bool(conf.components["v"].running)
    assert refused


def test_a_user_that_starts_in_the_instant_its_provider_leaves_comes_first_or_waits(state: Path) -> None:
    stages = [[program("p", Push("v", "work"), WaitAll()), program("q", Push("s", "bounce"), WaitAll())]]
    system = System(assembly([SERVER, WORKER], "s:S v:W", "v.s s.s"), stages)
    orders = set()
    for conf in reachable(system):
        if conf.components["v"].running:
            orders.add("during" if conf.components["s"].head == "bounce" else "before")
            assert "up" in conf.components["s"].places or "again" in conf.components["s"].places
    assert orders == {"before", "during"}
    everywhere(system, state, marked={"s": {"again"}, "v": {"j"}})


def test_a_user_that_holds_by_a_place_enters_it_before_its_provider_leaves_or_waits_at_its_dock(state: Path) -> None:
    stages = [
        [program("p", Push("h", "use"), Push("h", "stop"), WaitAll()), program("q", Push("s", "bounce"), WaitAll())]
    ]
    system = System(assembly([SERVER, HOLDER], "s:S h:H", "h.s s.s"), stages)
    waited = held = 0
    for conf in reachable(system):
        user, provider = conf.components["h"], conf.components["s"]
        serving = not provider.places.isdisjoint({"up", "again"})
        assert serving or "on" not in user.places
        waited += not serving and bool(user.input_docks)
        held += provider.head == "bounce" and "up" in provider.places and "on" in user.places
    assert waited
    assert held
    everywhere(system, state, marked={"s": {"again"}, "h": {"done"}})


# ---- pushes

STEP = kind("T", "places a* b", "t: a -> b in go", "u: b -> a in back")


def test_a_push_of_an_unknown_behavior_waits_and_says_why(state: Path) -> None:
    everywhere(
        one([STEP], "c:T", [], Push("c", "nothing"), WaitAll()),
        state,
        says="T has no behavior nothing",
        marked={"c": {"a"}},
    )


def test_a_push_to_an_unknown_component_waits_and_says_why(state: Path) -> None:
    everywhere(one([STEP], "c:T", [], Push("d", "go"), WaitAll()), state, says="component d does not exist")


def test_a_push_of_a_behavior_that_cannot_start_finishes_at_once(state: Path) -> None:
    result = everywhere(one([STEP], "c:T", [], Push("c", "back"), WaitAll()), state, marked={"c": {"a"}})
    assert [str(e.step) for e in result.trace.events] == ["p[0]", "finish c.back", "p[1]"]


def test_the_second_of_two_equal_pushes_has_nothing_left_to_do(state: Path) -> None:
    system = one([STEP], "c:T", [], Push("c", "go", "one"), Push("c", "go", "two"), WaitPush("two"))
    result = everywhere(system, state, marked={"c": {"b"}})
    kinds = [e.step.kind for e in result.trace.events]
    assert kinds.count(StepKind.FINISH) == 2
    assert kinds.count(StepKind.FIRE) == 1


def test_two_equal_pushes_are_two_for_those_who_wait(state: Path) -> None:
    system = one(
        [STEP],
        "c:T",
        [],
        Push("c", "go", "one"),
        Push("c", "back"),
        Push("c", "go", "two"),
        WaitPush("one"),
        Delete("c"),
    )
    result = everywhere(system, state)
    steps = [str(e.step) for e in result.trace.events]
    assert steps.index("p[3]") > steps.index("finish c.go")
    assert steps.count("finish c.go") == 2


def test_a_wait_before_the_push_does_not_wait_for_it(state: Path) -> None:
    result = everywhere(one([STEP], "c:T", [], WaitComponent("c"), Push("c", "go")), state, marked={"c": {"b"}})
    assert [str(e.step) for e in result.trace.events][:2] == ["p[0]", "p[1]"]


def test_a_wait_for_a_push_that_comes_later_does_not_wait_for_it(state: Path) -> None:
    result = everywhere(one([STEP], "c:T", [], WaitPush("x"), Push("c", "go", "x")), state, marked={"c": {"b"}})
    assert [str(e.step) for e in result.trace.events][:2] == ["p[0]", "p[1]"]


# ---- connections and deletions


def test_a_disconnect_waits_until_the_port_is_not_in_use(state: Path) -> None:
    cut = Disconnect(link("w.s s.s"))
    system = one([SERVER, WORKER], "s:S w:W", ["w.s s.s"], Push("w", "work"), cut, WaitAll())
    for conf in reachable(system):
        assert conf.connections() or not conf.components["w"].running
    # Cut before the worker begins it never can; cut while it works, it waits.
    slow = one(
        [SERVER, HOLDER],
        "s:S h:H",
        ["h.s s.s"],
        Push("h", "use"),
        WaitComponent("h"),
        Push("h", "stop"),
        Disconnect(link("h.s s.s")),
        WaitAll(),
    )
    result = everywhere(slow, state, marked={"h": {"done"}})
    steps = [str(e.step) for e in result.trace.events]
    assert steps.index("p[3]") > steps.index("leave h.on")


def test_a_disconnect_of_a_port_in_use_at_a_stable_place_waits_for_ever_and_says_so(state: Path) -> None:
    system = one(
        [SERVER, HOLDER], "s:S h:H", ["h.s s.s"], Push("h", "use"), WaitComponent("h"), Disconnect(link("h.s s.s"))
    )
    everywhere(system, state, says="`disconnect h.s from s.s` s.s is in use by h.s")


def test_a_delete_of_a_connected_component_waits_and_says_so(state: Path) -> None:
    system = one([SERVER, WORKER], "s:S w:W", ["w.s s.s"], Delete("w"))
    everywhere(system, state, says="port w.s is still connected")


def test_a_delete_beside_a_disconnect_waits_for_it(state: Path) -> None:
    stages = [[program("p", Delete("w")), program("q", Disconnect(link("w.s s.s")))]]
    result = everywhere(System(assembly([SERVER, WORKER], "s:S w:W", "w.s s.s"), stages), state, marked={"w": set()})
    assert [str(e.step) for e in result.trace.events] == ["q[0]", "p[0]"]


def test_a_delete_of_a_component_that_executes_a_behavior_waits_for_its_end(state: Path) -> None:
    result = everywhere(one([STEP], "c:T", [], Push("c", "go"), Delete("c")), state, marked={"c": set()})
    steps = [str(e.step) for e in result.trace.events]
    assert steps.index("p[1]") > steps.index("finish c.go")


@pytest.mark.parametrize("again", ["T", "J"])
def test_a_deleted_name_that_is_added_again_is_a_new_component(state: Path, again: str) -> None:
    added = Add(Instance("c", again))
    system = one([STEP, JOIN], "c:T", [], Push("c", "go"), Delete("c"), added, WaitAll())
    everywhere(system, state, marked={"c": {"a"} if again == "T" else {"a", "b"}})


def test_an_add_of_a_name_that_exists_waits_and_says_so(state: Path) -> None:
    everywhere(one([STEP], "c:T", [], Add(Instance("c", "T"))), state, says="component c exists already")


# ---- programs beside each other


def test_two_programs_that_wait_for_each_other_are_told_with_the_circle(state: Path) -> None:
    giver = kind("G", "places a* b", "t: a -> b in give", "provide s at b")
    taker = kind("K", "places a* b", "t: a -> b in take", "use s for t")
    stages = [
        [
            program("p", Push("k", "take"), WaitComponent("k"), Push("h", "give")),
            program("q", Push("l", "take"), WaitComponent("l"), Push("g", "give")),
        ]
    ]
    system = System(assembly([giver, taker], "g:G h:G k:K l:K", "k.s g.s", "l.s h.s"), stages)
    result = everywhere(system, state, says="circular wait: ")
    assert result.deadlock is not None
    assert set(result.deadlock.cycle) == {"p", "h", "l", "q", "g", "k"}


def test_two_programs_on_disjoint_components_come_to_the_same_end_in_any_order(state: Path) -> None:
    stages = [[program("p", Push("c", "go"), WaitComponent("c")), program("q", Push("d", "go"), WaitComponent("d"))]]
    system = System(assembly([STEP], "c:T d:T"), stages)
    result = everywhere(system, state, marked={"c": {"b"}, "d": {"b"}}, seconds={"c.t": 4, "d.t": 4})
    assert result.trace.makespan == pytest.approx(4)


def test_two_programs_that_push_to_one_component_stand_in_its_queue_in_either_order(state: Path) -> None:
    stages = [[program("p", Push("c", "go", "x"), WaitPush("x")), program("q", Push("c", "back", "y"), WaitPush("y"))]]
    system = System(assembly([STEP], "c:T"), stages)
    ends = {conf.components["c"].places for conf in reachable(system) if not any(True for _ in enabled(system, conf))}
    assert ends == {frozenset({"a"}), frozenset({"b"})}
    everywhere(system, state)


def test_a_connect_to_a_provider_that_comes_later_serves_a_user_that_waits(state: Path) -> None:
    made = (Push("w", "work"), Add(Instance("s", "S")), Connect(link("w.s s.s")), WaitAll())
    everywhere(one([SERVER, WORKER], "w:W", [], *made), state, marked={"w": {"j"}})
