"""Questions of nets that stand for no assembly."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.checker.bare import Alive, Dead, Markings, Unbounded, Unsure, count_markings, find_dead
from madeus.checker.engine import Budget, Watch
from madeus.petri import Net, NetBuilder
from madeus.petri.formats import from_pnml
from madeus.petri.reachability import TooManyMarkings, reachability_graph

NETS = Path(__file__).parent.parent / "golden" / "nets"
MOST = 400


def _public(name: str) -> Net:
    return from_pnml((NETS / f"{name}.pnml").read_bytes())


def _fired(net: Net, run: tuple[str, ...]) -> tuple[int, ...]:
    marking = net.initial
    for name in run:
        t = net.transition_index[name]
        assert t in net.enabled(marking)
        marking = net.fire(marking, t)
    return marking


@st.composite
def nets(draw: st.DrawFn) -> Net:
    """Small nets with weights, read arcs, inhibitor arcs; many are unbounded."""
    builder = NetBuilder("drawn")
    count = draw(st.integers(1, 5))
    for place in range(count):
        builder.place(f"p{place}", draw(st.integers(0, 3)))
    arcs = st.dictionaries(st.integers(0, count - 1), st.integers(1, 2), max_size=2).map(lambda d: tuple(d.items()))
    rarely = st.one_of(st.just(()), st.just(()), arcs)
    for t in range(draw(st.integers(1, 6))):
        builder.transition(f"t{t}", draw(arcs), draw(arcs), draw(rarely), draw(rarely))
    return builder.build()


def _shortest_to_dead(net: Net) -> int | None:
    graph = reachability_graph(net, MOST)
    distance = {0: 0}
    for node in range(len(graph.markings)):
        for _, after in graph.edges[node]:
            distance.setdefault(after, distance[node] + 1)
    return min((distance[node] for node, out in enumerate(graph.edges) if not out), default=None)


@settings(max_examples=60, deadline=None)
@given(nets())
def test_markings_and_the_shortest_run_to_a_dead_one_are_those_of_plain_search(net: Net) -> None:
    try:
        graph = reachability_graph(net, MOST)
    except TooManyMarkings:
        counted = count_markings(net, Watch(budget=Budget(states=1_000)))
        assert not isinstance(counted, Markings) or counted.states > MOST
        if isinstance(counted, Unbounded):
            start, end = _fired(net, counted.before), _fired(net, counted.before + counted.again)
            place = net.place_index[counted.place]
            assert all(a <= b for a, b in zip(start, end, strict=True)) and start[place] < end[place]
        return
    counted = count_markings(net, Watch())
    assert isinstance(counted, Markings)
    assert (counted.states, counted.tokens) == (len(graph.markings), max(map(max, graph.markings)))
    found = find_dead(net, Watch())
    least = _shortest_to_dead(net)
    if least is None:
        assert isinstance(found, Alive)
    else:
        assert isinstance(found, Dead)
        assert found.shortest and len(found.run) == least
        assert not net.enabled(_fired(net, found.run))
        assert net.marked(_fired(net, found.run)) == found.marked


def test_a_public_net_has_the_published_number_of_markings() -> None:
    net = _public("Angiogenesis-PT-01")
    counted = count_markings(net, Watch())
    assert isinstance(counted, Markings)
    assert (counted.states, counted.tokens) == (110, 1)
    found = find_dead(net, Watch())
    assert isinstance(found, Dead)
    assert (len(found.run), found.shortest) == (_shortest_to_dead(net), True)


def test_a_net_beyond_enumeration_is_inconclusive_and_its_dead_marking_is_found_all_the_same() -> None:
    net = _public("DiscoveryGPU-PT-15a")
    counted = count_markings(net, Watch(budget=Budget(states=5_000)))
    assert isinstance(counted, Unsure)
    assert "5000 states" in counted.why
    found = find_dead(net, Watch(budget=Budget(states=600)))
    assert isinstance(found, Dead)
    assert not net.enabled(_fired(net, found.run))


def test_an_unbounded_net_is_proved_so_by_firings_that_may_be_repeated() -> None:
    builder = NetBuilder("well")
    off, on, out = builder.place("off", 1), builder.place("on"), builder.place("out")
    builder.transition("open", [(off, 1)], [(on, 1)])
    builder.transition("pour", [(on, 1)], [(on, 1), (out, 1)])
    net = builder.build()
    assert count_markings(net, Watch()) == Unbounded("out", ("open",), ("pour",))
    assert isinstance(find_dead(net, Watch()), Alive)


def test_no_dead_marking_is_claimed_of_an_unbounded_net_without_a_proof() -> None:
    builder = NetBuilder("credit")
    free, spent = builder.place("free", 1), builder.place("spent")
    builder.transition("earn", [(free, 1)], [(free, 2)])
    builder.transition("spend", [(free, 1)], [(spent, 1)])
    found = find_dead(builder.build(), Watch())
    assert isinstance(found, Dead) and found.marked == {"spent": 1}
    builder.transition("refund", [(spent, 1)], [(free, 1)])
    assert isinstance(find_dead(builder.build(), Watch()), (Alive, Unsure))


@pytest.mark.parametrize("tokens", [5, 300, 70_000])
def test_places_without_a_known_bound_are_counted_exactly(tokens: int) -> None:
    builder = NetBuilder("drain")
    left, gone = builder.place("left", tokens), builder.place("gone", 1)
    builder.transition("half", [(left, max(1, tokens // 4))], [(gone, 9)])
    counted = count_markings(builder.build(), Watch())
    assert counted == Markings(1 + tokens // max(1, tokens // 4), max(tokens, 1 + 9 * (tokens // max(1, tokens // 4))))


def test_a_net_without_places_or_transitions_has_one_marking_which_is_dead() -> None:
    net = NetBuilder("nothing").build()
    assert count_markings(net, Watch()) == Markings(1, 0)
    assert isinstance(find_dead(net, Watch()), Dead)


def test_a_net_too_large_to_search_is_inconclusive_at_once() -> None:
    builder = NetBuilder("line")
    count = 20_001
    for place in range(count):
        builder.place(f"p{place}", 1)
    for t in range(count - 1):
        builder.transition(f"t{t}", [(t, 1), (t + 1, 1)], [(t, 1)])
    net = builder.build()
    for found in (count_markings(net, Watch()), find_dead(net, Watch())):
        assert isinstance(found, Unsure) and "too many to search" in found.why


def test_a_net_too_large_to_search_is_asked_by_what_reductions_leave_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = NetBuilder("chain")
    number = [builder.place(f"p{i}", int(i == 0)) for i in range(50)]
    for i in range(49):
        builder.transition(f"t{i}", ((number[i], 1),), ((number[i + 1], 1),), (), ())
    long = builder.build(None)
    monkeypatch.setattr("madeus.checker.bare.LARGEST", 1000)
    found = find_dead(long, Watch())
    assert isinstance(found, Dead)
    assert found.run == long.transitions
    assert found.marked == {"p49": 1}
    assert not found.shortest
