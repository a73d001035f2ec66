"""The shape of translated nets: what plain deployments get, and what the general cases need."""

from __future__ import annotations

import pytest

from madeus.model import Add, Connect, Delete, Instance, Push, WaitAll, WaitPush
from madeus.petri import ElementKind, TranslationError, reachability_graph, translate
from madeus.petri.structure import net_class
from madeus.semantics.step import StepKind
from madeus.semantics.system import System
from tests.agreement.test_net_against_semantics import assert_same_graph
from tests.build import assembly, kind, link, program

PROVIDER = kind("P", "places off* on", "up: off -> on takes 1..2", "provide s at on", "provide data d at on")
USER = kind("U", "places off* on", "up: off -> on", "use s for up", "use data d for up")


def test_a_deployment_whose_services_stay_is_a_marked_graph_with_read_arcs_and_holds_one_token_a_place() -> None:
    system = System(assembly([PROVIDER, USER], "p:P a:U b:U", "a.s p.s", "b.s p.s", "a.d p.d", "b.d p.d"))
    net = translate(system).net
    assert net_class(net).name == "marked graph with read arcs"
    assert net.bounds == (1,) * len(net.places)
    assert not net.single
    assert {label.kind for label in net.labels if label} == set(StepKind) - {
        StepKind.FAIL,
        StepKind.RETRY,
        StepKind.RECOVER,
        StepKind.ROLLBACK,
        StepKind.PROGRAM,
    }


def test_users_read_the_place_itself_where_the_service_stays_with_it() -> None:
    net = translate(System(assembly([PROVIDER, USER], "p:P a:U", "a.s p.s", "a.d p.d"))).net
    fire = net.transition_index["fire a.up"]
    assert {net.places[p] for p, _ in net.read[fire]} == {"p.on", "p.on.values"}


def test_the_size_of_a_choice_free_net_grows_with_the_number_of_components() -> None:
    def size(count: int) -> int:
        names = [f"a{i}" for i in range(count)]
        users = " ".join(f"{name}:U" for name in names)
        net = translate(System(assembly([PROVIDER, USER], f"p:P {users}", *(f"{n}.s p.s" for n in names)))).net
        return len(net.places) + len(net.transitions) + net.arc_count

    assert size(40) - size(20) == 2 * (size(20) - size(10))


def test_only_the_end_of_an_action_takes_time_and_has_its_interval() -> None:
    net = translate(System(assembly([PROVIDER], "p:P"), failures=1)).net
    assert str(net.intervals[net.transition_index["end p.up"]]) == "[1, 2]"
    timed = {net.transitions[t] for t in range(len(net.transitions)) if not net.urgent[t]}
    assert timed == {"end p.up", "fail p.up"}


def test_every_transition_is_a_step_and_every_place_a_model_element() -> None:
    translation = translate(System(assembly([PROVIDER], "p:P")))
    assert all(label is not None for label in translation.net.labels)
    assert len(translation.elements) == len(translation.net.places)
    (on,) = translation.numbers(ElementKind.PLACE, "p", "on")
    assert translation.net.places[on] == "p.on"


def test_a_wide_fork_needs_no_counter_and_no_enumeration() -> None:
    wide = kind(
        "W",
        "places off* on done",
        "places " + " ".join(f"q{i}" for i in range(16)),
        *(f"t{i}: off -> q{i}" for i in range(16)),
        *(f"u{i}: q{i} -> on" for i in range(16)),
        "last: on -> done",
        "group g = on done",
        "provide s at g",
    )
    user = kind("U", "places off* on", "up: off -> on", "use s for up")
    translation = translate(System(assembly([wide, user], "w:W a:U", "a.s w.s")))
    net = translation.net
    assert net.bounds == (1,) * len(net.places)
    assert not net.single
    assert not any(net.inhibit)
    assert "w.(entered on+done+last)" in net.places
    assert_same_graph(translation.system, translation, 300)


def test_tokens_in_a_group_are_counted_where_there_may_be_several() -> None:
    two = kind(
        "T",
        "places a* b c",
        "l: a -> b",
        "r: a -> c",
        "x: b -> a in stop station x",
        "y: c -> a in stop station y",
        "group g = b c",
        "provide s at g",
    )
    user = kind("U", "places off* on", "up: off -> on", "down: on -> off in stop", "use s during on")
    first = program("first", Push("t", "deploy"), Push("u", "deploy"), Push("u", "stop"), Push("t", "stop"), WaitAll())
    system = System(assembly([two, user], "t:T u:U", "u.s t.s"), [[first]])
    for effort in (2_000, 0):
        translation = translate(system, effort)
        assert any(bound > 1 for bound in translation.net.bounds or ())
        assert_same_graph(system, translation, 5_000)


def test_a_second_token_ends_the_run_in_the_net_too() -> None:
    twice = kind("C", "places a* b", "x: a -> b station x", "y: a -> b station y")
    translation = translate(System(assembly([twice], "c:C")))
    graph = reachability_graph(translation.net)
    clashes = [m for m in graph.markings if translation.net.halted(m)]
    assert clashes
    for marking in clashes:
        conf = translation.decode(marking)
        assert conf.clash is not None
        assert (conf.clash.component, conf.clash.element, conf.clash.kind) == ("c", "b", "place")


def test_components_come_and_go_under_one_name_with_different_types() -> None:
    other = kind("O", "places a* b", "t: a -> b")
    swap = program(
        "swap",
        Push("p", "deploy"),
        WaitAll(),
        Delete("p"),
        Add(Instance("p", "O")),
        Push("p", "deploy"),
        WaitAll(),
        Delete("p"),
        Add(Instance("p", "P")),
    )
    translation = translate(System(assembly([PROVIDER, other], "p:P"), [[swap]]))
    assert assert_same_graph(translation.system, translation, 5_000) < 5_000
    last = translation.decode(reachability_graph(translation.net).markings[-1])
    assert last.components["p"].type == "P"


def test_many_connections_that_come_and_go_stay_within_bounds() -> None:
    user = kind("U", "places off* on", "up: off -> on", "use s all for up")
    providers = " ".join(f"p{i}:P" for i in range(40))
    join = program("join", *(Connect(link(f"u.s p{i}.s")) for i in range(40)), Push("u", "deploy"))
    net = translate(System(assembly([PROVIDER, user], f"{providers} u:U"), [[join]])).net
    assert len([t for t in net.labels if str(t) == "fire u.up"]) <= 4
    assert len(net.transitions) < 1_000


STEPS = kind(
    "Db",
    "places v1* mid v2 clean",
    "begin: v1 -> mid in update takes 1..2",
    "copy: mid -> v2 in update takes 3..4",
    "index: mid -> v2 in update takes 5..6",
    "back: mid -> v1 in rollback takes 2..2",
    "reset: v1 -> clean in rollback takes 7..7",
)


def recovering(recovery: str, failures: int | None = 1) -> System:
    update = program("p", Push("db", "update", "u", recovery), WaitPush("u"), Push("db", "update"), WaitAll())
    return System(assembly([STEPS], "db:Db other:Db"), [[update]], failures)


def test_a_push_that_has_failed_is_taken_back_in_one_step_for_each_way_its_tokens_may_be_spread() -> None:
    for recovery in ("db.rollback", "other.rollback"):
        for failures in (1, 2, None):
            system = recovering(recovery, failures)
            for effort in (2_000, 0):
                assert assert_same_graph(system, translate(system, effort), 20_000) < 20_000
    net = translate(recovering("db.rollback")).net
    ways = [t for t in net.transitions if t.startswith("recover db.update")]
    # begin alone; copy and index: one of both has failed, and the other one waits, has failed too, or is done.
    assert len({t.partition(" #")[0] for t in ways}) == 1
    assert len(ways) == 1 + 5
    assert all(net.urgent[net.transition_index[t]] for t in ways)
    assert not net.single


def test_without_failures_a_recovery_costs_nothing() -> None:
    plain = System(recovering("").assembly, recovering("").stages)
    assert translate(recovering("db.rollback", 0)).net == translate(plain).net


def test_a_recovery_of_a_component_that_comes_or_goes_is_refused_by_name() -> None:
    away = program("p", Push("db", "update", "", "other.rollback"), WaitAll(), Delete("other"))
    system = System(assembly([STEPS], "db:Db other:Db"), [[away]], 1)
    with pytest.raises(TranslationError, match="push p#0 declares a recovery of a component that may come or go"):
        translate(system)


def test_a_wide_push_with_a_recovery_is_refused_by_name() -> None:
    places = " ".join(f"q{i}" for i in range(9))
    wide = kind("W", f"places start* {places}", *(f"t{i}: start -> q{i}" for i in range(9)))
    push = program("p", Push("w", "deploy", "", "w.deploy"), WaitAll())
    with pytest.raises(TranslationError, match="the ways in which w may have failed are too many"):
        translate(System(assembly([wide], "w:W"), [[push]], 1))


def test_an_unknown_type_is_an_error_of_the_translation() -> None:
    with pytest.raises(TranslationError, match="component x has the unknown type Nothing"):
        translate(System(assembly([PROVIDER], "x:Nothing")))


def test_deleting_a_component_of_too_many_states_is_refused_by_name() -> None:
    places = " ".join(f"q{i}" for i in range(14))
    wide = kind("W", f"places start* {places}", *(f"t{i}: start -> q{i}" for i in range(14)))
    away = program("away", Push("w", "deploy"), WaitAll(), Delete("w"))
    with pytest.raises(TranslationError, match="the states in which w may be deleted are too many"):
        translate(System(assembly([wide], "w:W"), [[away]]))


def test_decoding_wants_a_marking_of_the_net() -> None:
    translation = translate(System(assembly([PROVIDER], "p:P")))
    with pytest.raises(ValueError, match="a marking of 2 places for a net of"):
        translation.decode((0, 1))


def test_places_of_the_model_may_have_the_names_of_what_the_net_adds() -> None:
    odd = kind("O", "places absent* idle exists", "t: absent -> idle in go", "u: idle -> exists in go")
    steps = (Add(Instance("o", "O")), Push("o", "go"), WaitAll(), Delete("o"))
    system = System(assembly([odd], ""), [[program("p", *steps)]])
    assert_same_graph(system, translate(system), 1000)
