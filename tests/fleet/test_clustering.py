"""Clusters: exact, whatever the order of the machines."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.fleet import candidates, neighbours, packing, pairs, table
from madeus.fleet.clustering import Clustering, cluster_fleet
from madeus.fleet.fingerprint import Fingerprint, most_common
from madeus.fleet.granularity import Grain, GrainRule, Granularity
from madeus.fleet.naive import naive_quality_threshold
from madeus.fleet.packing import pack
from madeus.fleet.pairs import ways
from madeus.fleet.table import tabulate

NOTHING = Fingerprint("reference")


def contents(most_items: int = 8) -> st.SearchStrategy[dict[str, frozenset[str]]]:
    """Content items of a few machines."""
    items = st.frozensets(st.sampled_from([f"/f/{item}" for item in range(most_items)]))
    return st.lists(items, min_size=1, max_size=11).map(lambda sets: {f"m{n}": one for n, one in enumerate(sets)})


def members(found: Clustering) -> list[tuple[str, ...]]:
    """The machines of the clusters, sorted."""
    return sorted(cluster.machines for cluster in found.clusters)


def clustered(machines: dict[str, frozenset[str]], diameter: int) -> Clustering:
    """Clusters of machines that differ in content only."""
    return cluster_fleet([Fingerprint(name, content=items) for name, items in machines.items()], NOTHING, diameter)


@given(contents(), st.integers(0, 6))
def test_clusters_are_those_of_the_naive_algorithm(machines: dict[str, frozenset[str]], diameter: int) -> None:
    assert members(clustered(machines, diameter)) == naive_quality_threshold(machines, diameter)


def crowds() -> st.SearchStrategy[dict[str, frozenset[str]]]:
    """Many machines near each other, in one component as a rule: two or three of a few items each, some more than once."""
    items = st.frozensets(st.sampled_from([f"/f/{item}" for item in range(7)]), min_size=1, max_size=3)
    return st.lists(items, min_size=10, max_size=28).map(lambda sets: {f"m{n}": one for n, one in enumerate(sets)})


@settings(max_examples=40, deadline=None)
@given(crowds(), st.integers(2, 4), st.sampled_from([1, 16]), st.sampled_from([0, 30_000_000]))
def test_crowded_clusters_are_those_of_the_naive_algorithm(
    machines: dict[str, frozenset[str]], diameter: int, wide: int, kept: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "WIDE", wide)
        patch.setattr(neighbours, "PAIRS", kept)
        assert members(clustered(machines, diameter)) == naive_quality_threshold(machines, diameter)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(0, 1000), st.integers(1, 8), st.integers(1, 3))
def test_one_dense_component_is_clustered_as_the_naive_algorithm_does(
    chunks: int, seed: int, heavy: int, diameter: int
) -> None:
    rng = random.Random(seed)
    machines = {
        f"m{number}": frozenset(f"/f/{chunk}" for chunk in rng.sample(range(chunks + 3), rng.choice((1, 2, 2, 2))))
        for number in range(30 + heavy)
    }
    assert members(clustered(machines, diameter)) == naive_quality_threshold(machines, diameter)


def test_distances_beyond_a_byte_are_told_apart() -> None:
    machines = {f"m{n}": frozenset(f"/f/{item}" for item in range(150 * n, 150 * n + 300)) for n in range(5)}
    for diameter in (253, 254, 299, 300, 301, 600, 601):
        assert members(clustered(machines, diameter)) == naive_quality_threshold(machines, diameter)


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (candidates, "BLOCK", 1),
        (candidates, "BLOCK", 0),
        (candidates, "WIDE", 0),
        (candidates, "WIDE", 1000),
        (candidates, "KEPT", 0),
        (neighbours, "PAIRS", 0),
        (pairs, "SMALL", 0),
        (pairs, "BLOCK", 3),
        (pairs, "WORDS", 0),
        (packing, "STORED", -1),
        (packing, "PORTION", 1),
        (table, "GRID", 1),
    ],
)
def test_every_way_through_gives_the_clusters_of_the_naive_algorithm(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: int
) -> None:
    monkeypatch.setattr(module, name, value)
    if name == "STORED":
        monkeypatch.setattr(neighbours, "PAIRS", 0)
    if name == "WORDS":
        monkeypatch.setattr(pairs, "pack", lambda table, words=None: pack(table, words and 1))

    @settings(max_examples=30)
    @given(contents(10), st.integers(0, 5))
    def holds(machines: dict[str, frozenset[str]], diameter: int) -> None:
        assert members(clustered(machines, diameter)) == naive_quality_threshold(machines, diameter)

    holds()


@given(contents(9), st.integers(1, 40))
def test_distances_are_the_same_whether_sets_are_packed_or_looked_up(
    machines: dict[str, frozenset[str]], portion: int
) -> None:
    sets = sorted(set(machines.values()), key=sorted)
    grid = np.indices((len(sets), len(sets))).reshape(2, -1)
    expected = [len(sets[a] ^ sets[b]) for a, b in grid.T]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "PORTION", portion)
        for stored, kind in ((1 << 26, packing.Packed), (-1, packing.Sparse)):
            patch.setattr(packing, "STORED", stored)
            packed = packing.exact(tabulate(sets))
            assert isinstance(packed, kind)
            for one in range(len(sets)):
                found = packed.between(one, np.arange(len(sets)))
                assert found.tolist() == expected[one * len(sets) : (one + 1) * len(sets)]


@pytest.mark.parametrize("stored", [-1, 1 << 26])
@pytest.mark.parametrize("way", [0, 1, 2])
@settings(max_examples=30)
@given(data=st.data(), distance=st.integers(0, 4))
def test_every_way_to_pairs_finds_all_that_are_near(data: st.DataObject, distance: int, way: int, stored: int) -> None:
    several = data.draw(contents(12))
    sets = sorted(set(several.values()), key=sorted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "SMALL", 0)
        if stored < 0:
            patch.setattr(pairs, "pack", lambda table, words: pack(table, 0))
        patch.setattr(packing, "STORED", stored)
        patch.setattr(pairs, "ways", lambda *given: ways(*given)[way:][:1] or ways(*given))
        found = {
            pair
            for ones, others, distances in pairs.close_pairs(tabulate(sets), distance)
            for pair in zip(ones.tolist(), others.tolist(), distances.tolist(), strict=True)
        }
    near = {
        (a, b, len(sets[a] ^ sets[b])) for b in range(len(sets)) for a in range(b) if len(sets[a] ^ sets[b]) <= distance
    }
    assert found == near


@given(contents(), st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_the_machines_changes_nothing(
    machines: dict[str, frozenset[str]], diameter: int, rng: object
) -> None:
    order = list(machines)
    rng.shuffle(order)  # type: ignore[attr-defined]  # hypothesis gives a random.Random without saying so
    assert clustered({name: machines[name] for name in order}, diameter) == clustered(machines, diameter)


@given(contents(), st.integers(0, 5))
def test_no_two_machines_of_a_cluster_are_farther_apart_than_the_diameter(
    machines: dict[str, frozenset[str]], diameter: int
) -> None:
    for cluster in clustered(machines, diameter).clusters:
        apart = max(len(machines[a] ^ machines[b]) for a in cluster.machines for b in cluster.machines)
        assert apart <= cluster.diameter <= diameter


@given(contents(), st.integers(0, 5))
def test_the_first_medoid_is_nearest_to_all_machines_of_its_cluster(
    machines: dict[str, frozenset[str]], diameter: int
) -> None:
    for cluster in clustered(machines, diameter).clusters:
        sums = [sum(len(machines[one] ^ machines[m]) for m in cluster.machines) for one in cluster.medoids]
        assert sums == sorted(sums)
        assert sorted(cluster.medoids) == list(cluster.machines)
        assert cluster.differs == machines[cluster.medoids[0]]
        assert cluster.distance == len(cluster.differs)


def test_machines_whose_parsed_items_differ_are_never_together() -> None:
    port = "/etc/my.cnf/port/aaaa"
    machines = [Fingerprint("a", frozenset({port})), Fingerprint("b"), Fingerprint("c", frozenset({port}))]
    assert members(cluster_fleet(machines, NOTHING, 100)) == [("a", "c"), ("b",)]


def test_machines_with_other_dependent_applications_are_never_together() -> None:
    machines = [Fingerprint("a", applications=frozenset({"php"})), Fingerprint("b")]
    found = cluster_fleet(machines, NOTHING, 100)
    assert members(found) == [("a",), ("b",)]
    assert {cluster.machines[0]: cluster.applications for cluster in found.clusters} == {"a": {"php"}, "b": frozenset()}


def test_clusters_stand_by_their_distance_from_the_reference() -> None:
    machines = [
        Fingerprint("far", frozenset({"package/a/2", "package/b/1"})),
        Fingerprint("near", frozenset({"package/a/1"})),
        Fingerprint("there", frozenset({"package/a/1", "package/b/1"})),
    ]
    found = cluster_fleet(machines, machines[2])
    assert [(c.name, c.machines[0], c.distance) for c in found.clusters] == [
        ("c1", "there", 0),
        ("c2", "near", 1),
        ("c3", "far", 2),
    ]
    assert found.cluster_of("near").name == "c2"


def test_a_coarser_granularity_never_makes_more_clusters() -> None:
    machines = [Fingerprint(f"m{n}", frozenset({f"package/php/8.{n % 4}", f"package/db/{n % 3}.1"})) for n in range(12)]
    numbers = []
    for grain in (Grain.EXACT, Grain.MAJOR, Grain.PRESENCE, Grain.IGNORE):
        granularity = Granularity((GrainRule("package/*", grain),))
        numbers.append(len(cluster_fleet(machines, machines[0], 0, granularity).clusters))
    assert numbers == [12, 3, 1, 1]


def test_a_machine_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="the machine a comes twice"):
        cluster_fleet([Fingerprint("a"), Fingerprint("a")], NOTHING)


def test_a_negative_diameter_is_refused() -> None:
    with pytest.raises(ValueError, match="a diameter of -1: give 0 or more"):
        cluster_fleet([], NOTHING, -1)


def test_the_most_common_fingerprint_is_that_of_most_machines() -> None:
    usual = frozenset({"package/a/1"})
    machines = [Fingerprint("z"), Fingerprint("c", usual), Fingerprint("b", usual)]
    assert most_common(machines).machine == "b"
    with pytest.raises(ValueError, match="no machines"):
        most_common([])
