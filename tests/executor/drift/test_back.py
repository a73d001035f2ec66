"""The way that led a component to where it is, walked back."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.executor.drift.back import passed, way_back
from madeus.executor.effects import Standing
from madeus.model import ComponentType
from madeus.semantics import System, apply, enabled
from tests.build import kind
from tests.strategies import recovering_systems

SERVER = kind(
    "Server",
    "places undeployed* allocated running maintenance",
    "allocate: undeployed -> allocated in install station fresh",
    "restart: maintenance -> allocated in install station resumed",
    "start: allocated -> running in install",
    "suspend: running -> maintenance in suspend",
)
FORKED = kind(
    "Forked",
    "places low* mid left right top",
    "first: low -> mid",
    "l: mid -> left",
    "r: mid -> right",
    "join: left -> top",
    "joint: right -> top",
)


def back(kind: ComponentType, places: str, *ended: str) -> list[set[str]]:
    return [set(point.places) for point in way_back(kind, frozenset(places.split()), ended)]


def test_the_way_goes_back_to_the_initial_place() -> None:
    assert back(SERVER, "running", "allocate", "start") == [{"running"}, {"allocated"}, {"undeployed"}]


def test_the_way_that_was_gone_counts_not_the_one_that_could_have_been() -> None:
    ended = ("allocate", "restart", "start")
    assert back(SERVER, "running", *ended) == [{"running"}, {"allocated"}, {"maintenance"}, {"undeployed"}]
    ended = ("allocate", "start", "suspend")
    assert back(SERVER, "maintenance", *ended) == [{"maintenance"}, {"running"}, {"allocated"}, {"undeployed"}]


def test_a_fork_goes_back_as_a_whole() -> None:
    assert back(FORKED, "left right", "first", "l", "r") == [{"left", "right"}, {"mid"}, {"low"}]


def test_what_has_joined_comes_apart_again() -> None:
    assert back(FORKED, "top", "first", "l", "r", "join", "joint") == [
        {"top"},
        {"left", "right"},
        {"mid"},
        {"low"},
    ]


def test_without_a_known_way_there_is_the_initial_place() -> None:
    assert back(SERVER, "running") == [{"running"}, {"undeployed"}]
    assert back(SERVER, "undeployed") == [{"undeployed"}]


def test_effects_are_those_that_stand_at_each_place() -> None:
    points = list(way_back(SERVER, frozenset(["running"]), ("allocate", "start")))
    assert [point.effects for point in points] == [("allocate", "start"), ("allocate",), ()]


def test_a_behavior_passes_through_places_between_its_ends() -> None:
    running = next(iter(way_back(SERVER, frozenset(["running"]), ("allocate", "start"))))
    assert passed(SERVER, running) == {"allocated"}
    resting = next(iter(way_back(SERVER, frozenset(["maintenance"]), ("allocate", "start", "suspend"))))
    assert passed(SERVER, resting) == set()
    assert passed(FORKED, next(iter(way_back(FORKED, frozenset(["top"]), ("first", "l", "r", "join", "joint"))))) == {
        "left",
        "right",
        "mid",
    }


@settings(max_examples=60)
@given(recovering_systems(), st.randoms(use_true_random=False))
def test_the_way_back_of_whatever_has_happened_ends_at_the_initial_places(system: System, random: Random) -> None:
    conf, standing = system.initial(), Standing(system)
    for _ in range(60):
        steps = list(enabled(system, conf))
        if not steps:
            break
        step = random.choice(steps)
        conf = apply(system, conf, step)
        standing.take(step, conf)
        for name, ended in standing.effects.items():
            s = conf.components[name]
            kind = system.tables[s.type].kind
            assert not {kind.transition[t].source for t in ended} & s.places
            assert set(ended) <= set(kind.transition) and len(set(ended)) == len(ended)
    for name, s in conf.components.items():
        if s.in_flight or conf.clash is not None:
            continue
        kind = system.tables[s.type].kind
        points = list(way_back(kind, s.places, standing.effects.get(name, ())))
        marked = [point.places for point in points]
        assert marked[0] == s.places
        assert frozenset(kind.initial_places) in marked
        assert len(set(marked)) == len(marked)
        for here, before in pairwise(points):
            assert set(before.effects) < set(here.effects) or before.places == frozenset(kind.initial_places)
        for point in points:
            assert not {kind.transition[t].source for t in point.effects} & point.places
            assert passed(kind, point).isdisjoint(point.places)
