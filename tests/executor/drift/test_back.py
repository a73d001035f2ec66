"""The way that led a component to where it is, walked back."""

from __future__ import annotations

from madeus.executor.drift.back import passed, way_back
from madeus.model import ComponentType
from tests.build import kind

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
