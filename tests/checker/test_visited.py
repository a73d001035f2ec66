"""The states of an exhaustive search: each kept once, found again, with its level, in little memory."""

from __future__ import annotations

from random import Random

import pytest

from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.encoding import encode_net
from madeus.petri import NetBuilder, reachability_graph
from tests.checker.openstack import fired_and_ended, openstack

np = pytest.importorskip("numpy")
visited = pytest.importorskip("madeus.checker.engines.explicit.visited")
vector = pytest.importorskip("madeus.checker.engines.explicit.vector")
Sweep = vector.Sweep


@pytest.mark.parametrize("words", [1, 2, 4])
def test_the_first_word_of_a_state_comes_back_from_its_fingerprint(words: int) -> None:
    random = Random(words)
    states = np.array([[random.getrandbits(64) for _ in range(words)] for _ in range(500)], dtype=np.uint64)
    assert (visited.first_words(visited.fingerprints(states), states[:, 1:]) == states[:, 0]).all()


def test_states_added_in_any_order_are_found_with_their_levels_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visited, "SEGMENT", 8)
    random = Random(1)
    kept, expected = visited.Visited(), {}
    for level in range(60):
        fresh = {(random.randrange(200), random.randrange(3)) for _ in range(random.randint(1, 30))} - expected.keys()
        expected.update(dict.fromkeys(fresh, level))
        if fresh:
            marks, states = visited.sorted_states(np.array([*fresh, *fresh], dtype=np.uint64))
            assert len(marks) == len(fresh)
            kept.add(states, marks, level)
    marks, every = visited.sorted_states(np.array([(a, b) for a in range(210) for b in range(4)], dtype=np.uint64))
    found = {tuple(map(int, s)): int(n) for s, n in zip(every, kept.levels(every, marks), strict=True) if n >= 0}
    assert found == expected
    assert len(kept) == len(expected)


def test_a_state_of_four_words_is_kept_in_forty_bytes() -> None:
    net = fired_and_ended(openstack(only=("facts", "haproxy", "common", "memcached", "openvswitch", "rabbitmq")))
    sweep = Sweep(encode_net(net, [16] * len(net.places)))
    watch = Watch()
    sweep.run(watch)
    assert sweep.words == 4
    assert watch.states == len(sweep.visited) == 407
    assert sweep.visited.nbytes() <= 40 * watch.states


@pytest.mark.parametrize("seed", range(30))
def test_what_sleeps_hides_no_state(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rings and lines that look at each other: nets where a state is met again on another level, and nets where not."""
    monkeypatch.setattr(vector, "CHUNK", 8)
    random = Random(seed)
    builder = NetBuilder("any")
    parts = [[builder.place(f"{i}.{k}", int(k == 0)) for k in range(4)] for i in range(3)]
    for i, places in enumerate(parts):
        for k in range(random.choice((3, 3, 4, 6))):
            target = random.randrange(4) if seed % 3 == 0 else min(k + 1, 3)
            other = random.choice(random.choice(parts))
            read, inhibit = random.choice((((), ()), ((), ()), (((other, 1),), ()), ((), ((other, 1),))))
            builder.transition(f"{i}.{k}", [(places[k % 3], 1)], [(places[target], 1)], read, inhibit)
    net = builder.build()
    sweep, watch = Sweep(encode_net(net, [1] * len(net.places))), Watch()
    sweep.run(watch)
    assert len(sweep.visited) == watch.states == len(reachability_graph(net).markings)


def test_a_net_that_says_how_many_steps_were_taken_never_meets_a_state_again(monkeypatch: pytest.MonkeyPatch) -> None:
    net = fired_and_ended(openstack(only=("facts", "haproxy", "common", "memcached", "openvswitch", "rabbitmq")))
    sweep = Sweep(encode_net(net, [1] * len(net.places)))
    monkeypatch.setattr(sweep, "_next", None)
    sweep.run(Watch())
    assert len(sweep.visited) == 407


@pytest.mark.parametrize("segment", [4, 1 << 19])
def test_the_run_to_a_state_is_a_shortest_one(segment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visited, "SEGMENT", segment)
    random = Random(7)
    builder = NetBuilder("rings")
    for ring in range(3):
        places = [builder.place(f"{ring}.{k}", int(k == 0)) for k in range(6)]
        for k in range(6):
            builder.transition(f"{ring}.{k}", [(places[k], 1)], [(places[random.randrange(6)], 1)])
    net = builder.build()
    graph = reachability_graph(net)
    encoding = encode_net(net, [1] * len(net.places))
    for marking in graph.markings[:: max(1, len(graph.markings) // 20)]:
        value = sum(n << f.shift for n, f in zip(marking, encoding.fields, strict=True))
        path = Sweep(encoding).run(Watch(), lambda states, value=value: states[:, 0] == np.uint64(value))
        assert path is not None
        here, distance = net.initial, {net.initial: 0}
        waiting = [net.initial]
        for at in waiting:
            for _, after in net.successors(at):
                if after not in distance:
                    distance[after] = distance[at] + 1
                    waiting.append(after)
        for t in path:
            assert t in net.enabled(here)
            here = net.fire(here, t)
        assert here == marking
        assert len(path) == distance[marking]
