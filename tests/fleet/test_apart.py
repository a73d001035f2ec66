"""Fleet documents, what differs, and why machines are apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeus.fleet.apart import Why, apart, changes, differences
from madeus.fleet.clustering import cluster_fleet
from madeus.fleet.document import fleet_from, fleet_to
from madeus.fleet.fingerprint import Fingerprint, Fleet
from madeus.fleet.granularity import Grain, GrainRule, Granularity

A = Fingerprint("a", frozenset({"package/db/1", "package/x/1"}), frozenset({"/f/1", "/f/2"}))
B = Fingerprint("b", frozenset({"package/db/2", "package/y/1"}), frozenset({"/f/1", "/f/2"}))
C = Fingerprint("c", A.parsed, frozenset({"/f/1", "/f/3"}))
D = Fingerprint("d", A.parsed, A.content, frozenset({"php"}))


def test_a_key_with_another_value_is_one_change() -> None:
    assert [change.text for change in changes(A.parsed, B.parsed)] == [
        "~ package/db 1 -> 2",
        "- package/x 1",
        "+ package/y 1",
    ]


def test_what_a_cluster_differs_in_has_a_direction() -> None:
    found = cluster_fleet([A, B], A)
    told = [[change.text for change in differences(found, cluster.differs)] for cluster in found.clusters]
    assert told == [[], ["~ package/db 1 -> 2", "- package/x 1", "+ package/y 1"]]


@pytest.mark.parametrize(
    ("other", "diameter", "why", "words"),
    [
        (B, 0, Why.PARSED, "a is in c1, b in c2: 3 settings, packages or libraries differ"),
        (C, 0, Why.DISTANCE, "a is in c1, c in c2: 2 pieces of content differ, more than the diameter of 0"),
        (C, 2, Why.TOGETHER, "a and c are together in c1"),
        (D, 2, Why.APPLICATIONS, "a is in c1, d in c2: other applications depend on it"),
    ],
)
def test_why_two_machines_are_apart_is_told(other: Fingerprint, diameter: int, why: Why, words: str) -> None:
    found = apart(cluster_fleet([A, other], A, diameter), A, other)
    assert found.why is why
    assert found.text == words


def test_machines_that_are_near_may_still_be_apart() -> None:
    machines = [Fingerprint(f"m{n}", content=frozenset(f"/f/{i}" for i in range(n))) for n in range(4)]
    clusters = cluster_fleet(machines, machines[0], 1)
    found = apart(clusters, machines[1], machines[2])
    assert found.why is Why.CROWDED
    assert found.distance == 1


def test_what_granularity_leaves_out_does_not_keep_machines_apart() -> None:
    coarse = Granularity((GrainRule("package/*", Grain.IGNORE),))
    assert apart(cluster_fleet([A, B], A, 0, coarse), A, B).why is Why.TOGETHER


names = st.text(min_size=1, max_size=4)
sets = st.frozensets(names, max_size=4)
fingerprints = st.builds(lambda parsed, content, used: Fingerprint("", parsed, content, used), sets, sets, sets)


@given(st.dictionaries(names, fingerprints, max_size=5), st.dictionaries(names, names, max_size=3))
def test_a_fleet_comes_back_from_its_document(machines: dict[str, Fingerprint], reasons: dict[str, str]) -> None:
    named = {n: Fingerprint(n, f.parsed, f.content, f.applications) for n, f in machines.items()}
    fleet = Fleet("db", named, dict.fromkeys(named, reasons), reasons)
    assert fleet_from(json.loads(json.dumps(fleet_to(fleet)))) == fleet


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "x"}, "its format is not madeus-fleet"),
        ({"version": 2}, "it has version 2, this program reads 1"),
        ({"sets": [[7]]}, "list index out of range"),
        ({"sets": [[-1]]}, "-1 is not a place in a list"),
        ({"items": [3]}, "3 is not a text"),
        ({"machines": {"a": {"parsed": 0}}}, "`content` is missing"),
        ({"machines": []}, "'list' object has no attribute 'items'"),
    ],
)
def test_what_is_no_fleet_is_told(change: dict[str, Any], sentence: str) -> None:
    document = fleet_to(Fleet("db", {"a": A})) | change
    with pytest.raises(ValueError) as raised:
        fleet_from(document)
    assert str(raised.value) == sentence
