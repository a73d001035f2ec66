"""Classes of nets, connected parts, siphons, traps and invariants."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.petri import Net, NetBuilder, reachability_graph
from madeus.petri.formats import from_pnml
from madeus.petri.invariants import place_invariants, transition_invariants, weighted_sum
from madeus.petri.structure import components, dead_from_the_start, largest_siphon, largest_trap, net_class

NETS = Path(__file__).parent.parent / "golden" / "nets"


def net(initial: str, *transitions: str) -> Net:
    """A net from the places marked at first and transitions such as ``a b -> c``."""
    builder = NetBuilder("n")
    numbers: dict[str, int] = {}
    for word in " ".join([initial, *transitions]).split():
        if word != "->" and word not in numbers:
            numbers[word] = builder.place(word, int(word in initial.split()))
    for number, line in enumerate(transitions):
        takes, _, makes = line.partition("->")
        sides = ([(numbers[word], 1) for word in side.split()] for side in (takes, makes))
        builder.transition(f"t{number}", *sides)
    return builder.build()


@st.composite
def nets(draw: st.DrawFn) -> Net:
    """A small net with weights, read and inhibitor arcs."""
    builder = NetBuilder("random")
    places = [builder.place(f"p{i}", draw(st.integers(0, 2))) for i in range(draw(st.integers(1, 5)))]
    for t in range(draw(st.integers(1, 5))):
        sides = [
            draw(st.dictionaries(st.sampled_from(places), st.sampled_from([1, 1, 1, 2]), max_size=most))
            for most in (2, 2, 1, 1)
        ]
        builder.transition(f"t{t}", *(side.items() for side in sides))
    return builder.build()


def test_the_classes_are_told_apart() -> None:
    assert net_class(net("a", "a -> b c", "b c -> a")).name == "marked graph"
    assert net_class(net("a", "a -> b", "a -> c")).name == "state machine"
    assert net_class(net("a", "a -> b d", "a -> c", "b -> c")).name == "free choice net"
    assert net_class(net("a b", "a b -> c", "a b -> d")).name == "extended free choice net"
    assert net_class(net("a b", "a b -> c", "a -> d e")).name == "asymmetric choice net"
    assert net_class(net("a b c", "a b -> d", "b c -> d", "a -> d d2")).name == "general net"


def test_parts_without_an_arc_between_them_are_separate() -> None:
    found = components(net("a x", "a -> b", "b -> c", "x -> y"))
    assert [len(part) for part in found] == [3, 2]


def test_an_unmarked_siphon_stays_empty_and_a_marked_trap_stays_marked() -> None:
    example = net("a", "a -> b", "c -> d", "d -> c", "c b -> b")
    named = {example.places[p] for p in largest_siphon(example, range(len(example.places)))}
    assert {"c", "d"} <= named
    assert [example.transitions[t] for t in dead_from_the_start(example)] == ["t1", "t2", "t3"]
    index = example.place_index
    assert largest_trap(example, [index["b"]]) == {index["b"]}
    assert largest_trap(example, [index["a"], index["c"]]) == frozenset()


@given(nets())
@settings(deadline=None, max_examples=60)
def test_transitions_that_are_dead_from_the_start_never_fire(example: Net) -> None:
    dead = set(dead_from_the_start(example))
    marking = example.initial
    for _ in range(30):
        enabled = example.enabled(marking)
        assert not dead.intersection(enabled)
        if not enabled:
            break
        marking = example.fire(marking, enabled[0])


@given(nets())
@settings(deadline=None, max_examples=60)
def test_no_firing_changes_a_p_invariant_and_the_firings_of_a_t_invariant_change_nothing(example: Net) -> None:
    for vector in place_invariants(example).vectors:
        for t in range(len(example.transitions)):
            change = sum(w * vector.get(p, 0) for p, w in example.post[t])
            assert change == sum(w * vector.get(p, 0) for p, w in example.pre[t])
    for vector in transition_invariants(example).vectors:
        total = [0] * len(example.places)
        for t, times in vector.items():
            for p, w in example.post[t]:
                total[p] += times * w
            for p, w in example.pre[t]:
                total[p] -= times * w
        assert not any(total)


def test_the_minimal_invariants_of_a_known_net_are_found() -> None:
    example = net(
        "idle1 idle2 free", "idle1 free -> busy1", "busy1 -> idle1 free", "idle2 free -> busy2", "busy2 -> idle2 free"
    )
    found = place_invariants(example)
    names = {frozenset(example.places[p] for p in vector) for vector in found.vectors}
    assert found.complete
    assert names == {
        frozenset({"idle1", "busy1"}),
        frozenset({"idle2", "busy2"}),
        frozenset({"free", "busy1", "busy2"}),
    }
    assert {frozenset(vector) for vector in transition_invariants(example).vectors} == {
        frozenset({0, 1}),
        frozenset({2, 3}),
    }


def test_invariants_of_a_public_net_hold_in_all_its_markings() -> None:
    example = from_pnml((NETS / "Angiogenesis-PT-01.pnml").read_bytes())
    found = place_invariants(example)
    assert found.complete
    assert found.covered == frozenset(range(len(example.places)))
    for vector in found.vectors:
        assert len({weighted_sum(vector, m) for m in reachability_graph(example).markings}) == 1


def test_spent_effort_is_told() -> None:
    wide = net(
        "a0", *(f"a{i} -> b{i} c{i}" for i in range(12)), *(f"{s}{i} -> a{i + 1}" for i in range(12) for s in "bc")
    )
    assert not transition_invariants(wide, effort=10).complete or not place_invariants(wide, effort=3).complete
