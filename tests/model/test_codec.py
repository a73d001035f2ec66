"""Models as JSON and back."""

from __future__ import annotations

import json
from enum import Enum
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.model import (
    Action,
    Assembly,
    ComponentType,
    Duration,
    Instance,
    Interval,
    Parameter,
    Place,
    Secret,
    Transition,
    ValueType,
)
from madeus.model.codec import NotAModel, from_json, read, to_json
from madeus.semantics import System
from tests.strategies import systems

scalars = st.one_of(
    st.text(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(Duration, st.floats(0, 1e9)),
    st.builds(Secret, st.text(min_size=1)),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.lists(st.tuples(st.text(), inner), max_size=3).map(tuple)
    ),
    max_leaves=6,
)
actions = st.builds(
    Action,
    st.text(min_size=1),
    st.lists(values, max_size=2).map(tuple),
    st.lists(st.tuples(st.text(), values), max_size=2).map(tuple),
    st.lists(st.text(), max_size=2).map(tuple),
)


def round_trip(part: object) -> object:
    return from_json(json.loads(json.dumps(to_json(part), allow_nan=False)))


def same(left: object, right: object) -> bool:
    """Equal, and of the same types all through."""
    if type(left) is not type(right):
        return False
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Enum):
        return left is right
    return left == right


@given(action=actions)
def test_actions_with_any_values_round_trip(action: Action) -> None:
    back = round_trip(action)
    assert isinstance(back, Action)
    assert same(back.arguments, action.arguments)
    assert same(back.options, action.options)
    assert back == action


@settings(max_examples=100, deadline=None)
@given(system=systems(), action=actions)
def test_assemblies_and_programs_round_trip(system: System, action: Action) -> None:
    assert round_trip(system.assembly) == system.assembly
    assert round_trip(system.programs) == system.programs
    back = round_trip(system.assembly)
    assert isinstance(back, Assembly)
    for name, kind in system.assembly.types.items():
        assert all(same(p.kind, back.types[name].provide[p.name].kind) for p in kind.provides)
        assert list(back.types) == list(system.assembly.types)


def test_what_differs_from_its_default_only_in_type_is_kept() -> None:
    interval = round_trip(Interval(0, 5))
    assert isinstance(interval, Interval)
    assert type(interval.minimum) is int
    assert round_trip(Interval(1.0, inf)) == Interval(1.0, inf)
    kind = ComponentType("T", (Place("p", True),), parameters=(Parameter("n", ValueType.INT, False),))
    back = round_trip(kind)
    assert isinstance(back, ComponentType)
    assert back.parameters[0].default is False
    assert back.parameters[0].type is ValueType.INT


def test_documentation_survives_although_it_does_not_count_in_comparisons() -> None:
    back = round_trip(ComponentType("T", (Place("p"),), (Transition("t", "p", "p", doc="x"),), doc="about T"))
    assert isinstance(back, ComponentType)
    assert back.doc == "about T"
    assert back.transitions[0].doc == "x"


@pytest.mark.parametrize(
    ("coded", "reason"),
    [
        ({"a": 1}, "an object without the key"),
        ({"$": "Nothing"}, "no `Nothing`"),
        ({"$": "Instance"}, "no `Instance`"),
        ({"$": "PortKind", "is": "water"}, "no `PortKind`"),
        ({"$": "map"}, "no `map`"),
        ({"$": ["x"]}, "no `"),
    ],
)
def test_what_is_no_model_is_refused(coded: object, reason: str) -> None:
    with pytest.raises(NotAModel, match=reason):
        from_json(coded)


def test_a_part_of_another_type_is_refused() -> None:
    with pytest.raises(NotAModel, match="a Instance where a Assembly belongs"):
        read(Assembly, to_json(Instance("a", "T")))
    with pytest.raises(TypeError, match="object is no part of a model"):
        to_json(object())
