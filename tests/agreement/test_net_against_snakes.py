"""SNAKES, which knows nothing of Madeus, finds the same state graph as the step relation has."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings

from madeus.petri import TooManyMarkings, TranslationError, plain, reachability_graph, translate
from madeus.petri.interop import snakes_graph
from madeus.semantics.step import Step, apply, enabled
from madeus.semantics.system import System
from tests.agreement.test_net_against_semantics import relaxed
from tests.strategies import systems, taken_back_systems


def check(system: System, limit: int) -> None:
    try:
        translation = translate(system)
        own = reachability_graph(translation.net, limit)
    except (TranslationError, TooManyMarkings):
        assume(False)
    net, graph = plain(translation.net), snakes_graph(translation.net)
    width = len(translation.net.places)
    meaning = {0: system.initial()}
    waiting = [0]
    while waiting:
        state = waiting.pop()
        conf = meaning[state]
        clashed = "clash" in net.place_index and graph.markings[state][net.place_index["clash"]] > 0
        assert clashed == (conf.clash is not None)
        if not clashed:
            assert translation.decode(graph.markings[state][:width]) == conf
        after: dict[Step, set[int]] = {}
        for transition, following in graph.edges[state]:
            label = net.labels[transition]
            assert label is not None
            after.setdefault(label, set()).add(following)
        assert set(after) == set(enabled(system, conf))
        for step, (following,) in after.items():
            expected = apply(system, conf, step)
            if following not in meaning:
                meaning[following] = expected
                waiting.append(following)
            elif expected.clash is None:
                assert meaning[following] == expected
    assert len(meaning) == len(graph.markings)
    if not translation.net.single:
        assert len(graph.markings) == len(own.markings)


@given(systems())
@settings(relaxed, max_examples=30)
def test_snakes_finds_the_runs_of_the_step_relation(system: System) -> None:
    check(system, 40)


@given(taken_back_systems(2))
@settings(relaxed, max_examples=20)
def test_snakes_finds_the_runs_that_are_taken_back(system: System) -> None:
    check(system, 40)


@pytest.mark.long
@given(systems(most=4))
@settings(relaxed, max_examples=1_000)
def test_snakes_finds_the_runs_of_the_step_relation_on_many_systems(system: System) -> None:
    check(system, 150)
