"""A reduced net has the same answers, and its runs are runs of the net it was made from."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from madeus.petri import Net, TooManyMarkings, TranslationError, reachability_graph, translate
from madeus.petri.net import NetBuilder
from madeus.petri.reachability import ReachabilityGraph
from madeus.petri.reduce import reduce_net
from madeus.semantics.system import System
from tests.agreement.test_net_against_semantics import relaxed
from tests.petri.test_structure import net, nets
from tests.strategies import systems


def compare(first: Net, places: list[int], transitions: list[int]) -> None:
    reduction = reduce_net(first, places, transitions)
    try:
        whole, small = reachability_graph(first, 400), reachability_graph(reduction.net, 400)
    except TooManyMarkings:
        assume(False)
    assert len(small.markings) <= len(whole.markings)
    number = {old: new for new, old in enumerate(reduction.places)}
    assert {tuple(m[p] for p in places) for m in whole.markings} == {
        tuple(m[number[p]] for p in places) for m in small.markings
    }
    assert any(not out for out in whole.edges) == any(not out for out in small.edges)
    fired = {t for out in whole.edges for t, _ in out}
    expanded = {t for out in small.edges for fused, _ in out for t in reduction.sequences[fused]}
    assert fired.intersection(transitions) == expanded.intersection(transitions)
    replay(first, reduction.net, small, reduction.sequences)


def replay(first: Net, reduced: Net, graph: ReachabilityGraph, sequences: tuple[tuple[int, ...], ...]) -> None:
    """Every way of the reduced net can be walked in the first one."""
    reached = {0: first.initial}
    waiting = [0]
    while waiting:
        state = waiting.pop()
        for transition, after in graph.edges[state]:
            if after in reached:
                continue
            marking = reached[state]
            for t in sequences[transition]:
                assert t in first.enabled(marking), reduced.transitions[transition]
                marking = first.fire(marking, t)
            reached[after] = marking
            waiting.append(after)


@given(nets(), st.data())
@settings(relaxed, max_examples=150)
def test_reduction_keeps_markings_firings_and_deadlocks_of_random_nets(example: Net, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.sampled_from(range(len(example.places))), unique=True))
    transitions = data.draw(st.lists(st.sampled_from(range(len(example.transitions))), unique=True))
    compare(example, places, transitions)


@given(systems(), st.data())
@settings(relaxed, max_examples=50)
def test_reduction_keeps_markings_firings_and_deadlocks_of_systems(system: System, data: st.DataObject) -> None:
    try:
        example = translate(system).net
    except TranslationError:
        assume(False)
    places = data.draw(st.lists(st.sampled_from(range(len(example.places))), max_size=3, unique=True))
    compare(example, places, [])


def test_a_chain_becomes_one_transition_that_expands_to_the_whole_run() -> None:
    example = net("a", "a -> b", "b -> c", "c -> d")
    last = example.place_index["a"]
    reduction = reduce_net(example, [last])
    assert len(reduction.net.transitions) == 1
    assert reduction.expand((0,))[0] == 0
    assert set(reduction.expand((0,))) <= {0, 1, 2}


def test_twins_constants_and_the_dead_go() -> None:
    example = net("a k", "a k -> b b2 k", "a k -> b b2 k", "b b2 -> a", "x -> y")
    reduction = reduce_net(example, transitions=[0])
    assert {example.places[p] for p in reduction.places} < {"a", "b", "b2", "x", "y"}
    assert "t3" not in reduction.net.transitions
    assert "t1" not in reduction.net.transitions


def test_a_chain_of_a_hundred_thousand_is_fused_without_copying_what_was_fused() -> None:
    count = 100_000
    builder = NetBuilder("chain")
    number = {i: builder.place(f"p{i}", int(i == 0)) for i in range(count + 1)}
    for i in range(count):
        builder.transition(f"t{i}", ((number[i], 1),), ((number[i + 1], 1),), (), ())
    reduction = reduce_net(builder.build(None), [number[0], number[count]])
    assert len(reduction.net.transitions) == 2  # the last one makes tokens on a kept place
    assert reduction.expand((0, 1)) == tuple(range(count))


def test_transitions_that_stand_for_others_do_not_double_and_double_again() -> None:
    builder = NetBuilder("ladder")
    left, right = builder.place("l0", 1), builder.place("r0", 1)
    for i in range(60):
        joint, next_left, next_right = (builder.place(f"{side}{i + 1}", 0) for side in "jlr")
        builder.transition(f"u{i}", ((left, 1),), ((joint, 1),), (), ())
        builder.transition(f"v{i}", ((right, 1),), ((joint, 1),), (), ())
        builder.transition(f"w{i}", ((joint, 1),), ((next_left, 1), (next_right, 1)), (), ())
        left, right = next_left, next_right
    reduction = reduce_net(builder.build(None), [left])
    assert sum(len(sequence) for sequence in reduction.sequences) <= 5 * 180


def test_arcs_do_not_multiply_where_many_make_what_one_turns_into_many_things() -> None:
    builder = NetBuilder("star")
    hub = builder.place("hub", 0)
    kept = [builder.place(f"in{i}", 1) for i in range(100)]
    out = [builder.place(f"out{i}", 0) for i in range(100)]
    after = [builder.place(f"after{i}", 0) for i in range(100)]
    for i, place in enumerate(kept):
        builder.transition(f"t{i}", ((place, 1),), ((hub, 1),), (), ())
    builder.transition("spread", ((hub, 1),), tuple((place, 1) for place in out), (), ())
    for i in range(100):
        builder.transition(f"u{i}", ((out[i], 1), (after[i - 1], 1)), ((after[i], 1),), (), ())
    net_ = builder.build(None)
    assert reduce_net(net_, [*kept, *after]).net.arc_count <= net_.arc_count


def test_rounds_bound_how_often_the_rules_are_tried() -> None:
    example = net("a", "a -> b", "b -> c", "c -> d")
    assert reduce_net(example, [0], rounds=0).net.transitions == example.transitions
    assert len(reduce_net(example, [0], rounds=1).net.transitions) < len(example.transitions)
