"""Stages of rollouts: who tests first, who follows, how many have to do well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeus.fleet.amounts import at_least, at_most, batch, written
from madeus.fleet.budget import Budget, Scope, overruns
from madeus.fleet.clusters import Cluster
from madeus.fleet.protocol import PROTOCOLS
from madeus.fleet.stages import Kind, Staging, make_stages


def cluster(name: str, count: int, distance: int, medoids: tuple[str, ...] = ()) -> Cluster:
    return Cluster(name, tuple(f"{name}{n}" for n in range(1, count + 1)), frozenset(), distance, medoids)


FLEET = (cluster("b", 3, 2, ("b2",)), cluster("a", 2, 0), cluster("c", 1, 5))


def waves(protocol: str, **more: object) -> list[list[tuple[str, ...]]]:
    stages = make_stages(FLEET, Staging(protocol, **more))  # type: ignore[arg-type]
    return [[s.machines for s in wave] for wave in stages.waves]


def test_no_staging_is_everything_at_once() -> None:
    assert waves("no_staging") == [[("b2", "b1", "b3", "a1", "a2", "c1")]]


def test_front_loading_takes_all_representatives_side_by_side_then_the_farthest_rest_first() -> None:
    assert waves("front_loading") == [[("c1",), ("b2",), ("a1",)], [("b1", "b3")], [("a2",)]]


def test_balanced_takes_cluster_by_cluster_the_nearest_first() -> None:
    assert waves("balanced") == [[("a1",)], [("a2",)], [("b2",)], [("b1", "b3")], [("c1",)]]


def test_random_takes_whole_clusters_in_an_order_that_the_seed_says() -> None:
    assert waves("random", seed=1) == waves("random", seed=1)
    orders = {str(waves("random", seed=seed)) for seed in range(20)}
    assert len(orders) == 6
    for seed in range(20):
        assert sorted(map(str, waves("random", seed=seed))) == sorted(map(str, waves("balanced")))


def test_representatives_first_takes_all_others_side_by_side() -> None:
    assert waves("representatives_first") == [[("a1",), ("b2",), ("c1",)], [("a2",), ("b1", "b3")]]


def test_own_batches_are_taken_in_turn_and_the_last_one_is_repeated() -> None:
    stages = make_stages(FLEET, Staging(batches=(1, 2)))
    assert [s.machines for s in stages.stages] == [("a1",), ("b2", "c1"), ("a2", "b1"), ("b3",)]
    assert [s.cluster for s in stages.stages] == ["a", None, None, "b"]
    assert {s.kind for s in stages.stages} == {Kind.BATCH}


def test_a_share_is_one_of_the_whole_fleet_and_a_batch_is_never_empty() -> None:
    stages = make_stages(FLEET, Staging(batches=(0.01, 0.5)))
    assert [len(s.machines) for s in stages.stages] == [1, 3, 2]


def test_representatives_are_the_most_central_machines_that_are_online_and_have_a_test() -> None:
    one = (Cluster("x", ("x1", "x2", "x3"), medoids=("x3", "x2", "x1")),)
    chosen = lambda **able: dict(make_stages(one, Staging(representatives=2), **able).representatives)["x"]  # noqa: E731
    assert chosen() == ("x3", "x2")
    assert chosen(online={"x1", "x2"}) == ("x2", "x1")
    assert chosen(tested={"x1"}) == ("x1",)


def test_a_cluster_that_nobody_can_test_is_left_out() -> None:
    stages = make_stages(FLEET, Staging(), online={"a1", "a2", "c1"})
    assert [c.name for c in stages.left_out] == ["b"]
    assert set(stages.machines) == {"a1", "a2", "c1"}


def test_an_offline_machine_is_in_the_rest_and_does_not_block_below_the_threshold() -> None:
    big = (cluster("a", 21, 0),)
    stages = make_stages(big, Staging(threshold=0.95), online={f"a{n}" for n in range(1, 20)})
    first, rest = stages.stages
    assert (first.required, len(rest.machines), rest.required) == (1, 20, 19)
    assert "a21" in rest.machines


def test_all_representatives_have_to_pass_whatever_the_threshold() -> None:
    stages = make_stages((cluster("a", 10, 0),), Staging(representatives=4, threshold=0.5))
    assert [s.required for s in stages.stages] == [4, 3]


def test_no_more_than_so_many_machines_are_upgraded_at_once() -> None:
    stages = make_stages((cluster("a", 6, 0), cluster("b", 3, 1)), Staging("representatives_first", at_once=2))
    assert stages.widest == 2
    assert [[s.name for s in wave] for wave in stages.waves] == [
        ["a representatives", "b representatives"],
        ["a rest 1"],
        ["a rest 2"],
        ["a rest 3"],
        ["b rest"],
    ]


def test_what_may_be_missing_of_a_stage_may_be_missing_in_any_of_its_batches() -> None:
    stages = make_stages((cluster("a", 6, 0),), Staging(threshold=0.8, at_once=2))
    first, one, two, three = stages.stages
    assert [s.name for s in stages.stages] == ["a representatives", "a rest 1", "a rest 2", "a rest 3"]
    assert stages.standing(first, {"a1"}) == (1, 1, 1)
    assert stages.standing(one, {"a1", "a2"}) == (1, 2, 1)
    assert stages.standing(two, {"a1", "a2"}) == (1, 4, 3)
    assert stages.standing(three, {"a1", "a2", "a4", "a5", "a6"}) == (4, 5, 4)


def test_a_machine_in_two_clusters_and_an_unknown_protocol_are_refused() -> None:
    with pytest.raises(ValueError, match="two clusters"):
        make_stages((*FLEET, Cluster("d", ("a1",))), Staging())
    with pytest.raises(ValueError, match="no protocol"):
        make_stages(FLEET, Staging("hurried"))


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5),
    st.sampled_from(sorted(PROTOCOLS)),
    st.integers(1, 3),
    st.sampled_from((None, 1, 2, 5)),
)
def test_every_machine_stands_in_one_stage_after_the_representatives_of_its_cluster(
    sizes: list[int], protocol: str, representatives: int, at_once: int | None
) -> None:
    fleet = [cluster(f"k{n}.", size, n % 3) for n, size in enumerate(sizes)]
    stages = make_stages(fleet, Staging(protocol, representatives=representatives, at_once=at_once))
    assert sorted(stages.machines) == sorted(m for c in fleet for m in c.machines)
    assert [s.wave for s in stages.stages] == sorted(s.wave for s in stages.stages)
    assert set(range(len(stages.waves))) == {s.wave for s in stages.stages}
    wave_of = {m: s.wave for s in stages.stages for m in s.machines}
    if protocol != "no_staging":
        for c in fleet:
            first = dict(stages.representatives)[c.name]
            assert all(wave_of[m] > max(wave_of[f] for f in first) for m in c.machines if m not in first)
    assert at_once is None or stages.widest <= at_once


def test_shares_are_rounded_in_the_safe_direction() -> None:
    assert [at_least(0.95, n) for n in (1, 10, 20, 100)] == [1, 10, 19, 95]
    assert [at_most(0.05, n) for n in (1, 10, 20, 100)] == [0, 0, 1, 5]
    assert (at_least(0.07, 100), at_most(0.07, 100)) == (7, 7)
    assert [batch(0.1, n) for n in (1, 5, 10, 25)] == [1, 1, 1, 2]
    assert (at_least(5, 3), at_most(3, 100), batch(7, 3)) == (3, 3, 3)
    assert [written(a) for a in (3, 0.05, 0.075)] == ["3", "5%", "7.5%"]


def test_budgets_are_counted_over_their_scope() -> None:
    stages = {"first": ["a1", "b1"], "second": ["a2", "b2", "b3"]}
    clusters = {"a": ["a1", "a2"], "b": ["b1", "b2", "b3"]}
    failed = {"b1", "b2"}
    over = lambda *budgets: [str(o) for o in overruns(budgets, failed, stages, clusters)]  # noqa: E731
    assert over(Budget(1, Scope.STAGE), Budget(2, Scope.CLUSTER), Budget(2)) == []
    assert over(Budget(1, Scope.CLUSTER)) == ["2 failed in the cluster b, 1 allowed"]
    assert over(Budget(0, Scope.STAGE)) == [
        "1 failed in the stage first, 0 allowed",
        "1 failed in the stage second, 0 allowed",
    ]
    assert over(Budget(0.3)) == ["2 failed in the rollout, 1 allowed (30%)"]
    assert str(Budget(0.05, Scope.CLUSTER)) == "failures max 5% per cluster"


def test_small_groups_allow_no_failure_under_a_share() -> None:
    assert [str(o) for o in overruns([Budget(0.05, Scope.CLUSTER)], {"a1"}, {}, {"a": ["a1", "a2"]})] == [
        "1 failed in the cluster a, 0 allowed (5%)"
    ]
