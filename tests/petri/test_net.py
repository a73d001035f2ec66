"""The token game, and nets that are not nets."""

from __future__ import annotations

import pytest

from madeus.model import Interval
from madeus.petri import NetBuilder, NetError, TooManyMarkings, plain, reachability_graph, without_clashes
from madeus.petri.net import Net


def counter(limit: int) -> Net:
    """A place that is filled up to a limit, guarded by an inhibitor arc, and emptied once read."""
    builder = NetBuilder("counter")
    p, seen = builder.place("p"), builder.place("seen")
    builder.transition("fill", post=[(p, 1)], inhibit=[(p, limit)])
    builder.transition("see", post=[(seen, 1)], read=[(p, 2)], inhibit=[(seen, 1)])
    builder.transition("empty", pre=[(p, 3)], read=[(seen, 1)])
    return builder.build([limit, 1])


def test_a_transition_needs_its_weights_reads_its_reads_and_is_inhibited_from_its_weight_on() -> None:
    net = counter(3)
    assert net.enabled((0, 0)) == (0,)
    assert net.enabled((2, 0)) == (0, 1)
    assert net.enabled((3, 0)) == (1,)
    assert net.enabled((3, 1)) == (2,)
    assert net.fire((3, 1), 2) == (0, 1)


def test_reading_moves_no_token_and_does_not_add_to_taking() -> None:
    builder = NetBuilder("both")
    p = builder.place("p", 1)
    builder.transition("t", pre=[(p, 1)], read=[(p, 1)])
    net = builder.build()
    assert net.enabled(net.initial) == (0,)
    assert net.fire(net.initial, 0) == (0,)


def test_nothing_is_enabled_once_a_single_place_has_two_tokens() -> None:
    builder = NetBuilder("clash")
    p = builder.place("p", single=True)
    builder.transition("again", post=[(p, 1)])
    net = builder.build([1])
    assert net.enabled((1,)) == (0,)
    assert net.enabled((2,)) == ()
    assert len(reachability_graph(net).markings) == 3


def test_a_clash_spelled_out_marks_its_place_and_stops_everything() -> None:
    builder = NetBuilder("clash")
    p, q = builder.place("p", single=True), builder.place("q", 1)
    builder.transition("again", post=[(p, 1)])
    builder.transition("other", pre=[(q, 1)])
    net = without_clashes(builder.build([1, 1]))
    graph = reachability_graph(net)
    clashed = [m for m in graph.markings if m[net.place_index["clash"]]]
    assert clashed
    assert all(not net.enabled(m) for m in clashed)
    assert max(m[p] for m in graph.markings) == 1


def test_ordinary_arcs_give_the_same_markings() -> None:
    net = counter(4)
    wide, narrow = reachability_graph(net), reachability_graph(plain(net))
    assert {m[:2] for m in narrow.markings} == set(wide.markings)
    assert len(narrow.markings) == len(wide.markings)
    assert not any(plain(net).read) and not any(plain(net).inhibit)


def test_an_inhibitor_arc_without_a_bound_cannot_be_spelled_out() -> None:
    builder = NetBuilder("n")
    p = builder.place("p")
    builder.transition("t", inhibit=[(p, 1)])
    with pytest.raises(NetError, match="place p has an inhibitor arc and no known bound"):
        plain(builder.build())


def test_an_unbounded_net_is_told_and_not_searched_for_ever() -> None:
    builder = NetBuilder("unbounded")
    p = builder.place("p")
    builder.transition("make", post=[(p, 1)])
    with pytest.raises(TooManyMarkings, match="net unbounded has more than 50 reachable markings"):
        reachability_graph(builder.build(), limit=50)


def test_impossible_nets_are_refused_by_name() -> None:
    def build(fault: str) -> None:
        builder = NetBuilder("n")
        p = builder.place("p", -1 if fault == "tokens" else 0)
        if fault == "place":
            builder.place("p")
        arcs = {"weight": [(p, 0)], "nowhere": [(7, 1)], "double": [(p, 1), (p, 2)]}.get(fault, [(p, 1)])
        interval = Interval(3, 2) if fault == "interval" else None
        builder.transition("t", pre=arcs, interval=interval)
        if fault == "transition":
            builder.transition("t")
        builder.build([0, 0] if fault == "bounds" else None)

    build("")
    for fault, message in {
        "tokens": "place p starts with -1 tokens",
        "place": "two places are called p",
        "transition": "two transitions are called t",
        "weight": "transition t: pre arc of weight 0",
        "nowhere": "transition t: pre arc to place number 7 of 1",
        "double": "transition t: two pre arcs for one place",
        "interval": r"transition t has the impossible interval \[3, 2\]",
        "bounds": "2 bounds for 1 places",
    }.items():
        with pytest.raises(NetError, match=message):
            build(fault)


def test_a_net_of_100_000_places_is_built_and_walked() -> None:
    builder = NetBuilder("long")
    places = [builder.place(f"p{i}", int(i == 0)) for i in range(100_000)]
    for i in range(99_999):
        builder.transition(f"t{i}", [(places[i], 1)], [(places[i + 1], 1)])
    net = builder.build()
    assert net.consumers[5] == (5,)
    assert net.producers[5] == (4,)
    assert net.marked(net.fire(net.initial, 0)) == {"p1": 1}
