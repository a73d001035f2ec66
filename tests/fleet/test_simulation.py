"""Simulated rollouts, against numbers that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.fleet.clusters import Cluster
from madeus.fleet.protocol import PROTOCOLS
from madeus.fleet.scenario import Problem, Scenario, usual
from madeus.fleet.sensitivity import sensitivity, usual_fixes
from madeus.fleet.simulation import simulate
from madeus.fleet.stages import Staging, make_stages
from madeus.fleet.times import constant, parse_time, span

FOUR = Scenario((4, 4, 4, 4), (Problem("A", (0, 1)), Problem("B", misplaced=((2, 1), (3, 1)))))
"""Four clusters of four: a problem on all of two clusters, another one on a machine of each of the others."""


def test_representatives_in_parallel_test_two_faulty_upgrades() -> None:
    assert simulate(FOUR, "representatives_first").hit_first == 2
    assert simulate(FOUR, "front_loading").hit_first == 2


def test_representatives_in_sequence_test_one_faulty_upgrade() -> None:
    assert simulate(FOUR, "one_by_one").hit_first == 1


def test_representatives_and_then_all_others_in_parallel_test_four_faulty_upgrades() -> None:
    assert simulate(FOUR, "representatives_first").faulty == 4


def test_representatives_in_parallel_and_the_others_cluster_by_cluster_test_three_faulty_upgrades() -> None:
    assert simulate(FOUR, "front_loading").faulty == 3


@pytest.mark.parametrize(("protocol", "faulty"), [("no_staging", 25_000), ("balanced", 3), ("front_loading", 5)])
def test_twenty_clusters_of_five_thousand_with_three_problems(protocol: str, faulty: int) -> None:
    scenario = usual()
    assert scenario.sizes == (5_000,) * 20
    assert sorted(len(p.clusters) for p in scenario.problems) == [1, 1, 3]
    outcome = simulate(scenario, protocol)
    assert (outcome.faulty, outcome.hit) == (faulty, faulty)


def test_the_time_of_every_step_counts_once() -> None:
    one = Scenario((3,), (Problem("A", (0,)),), download=constant(1), test=constant(10), fix=constant(100))
    outcome = simulate(one, "balanced")
    # representative fails at 11, fix at 111, passes at 122, the rest at 133
    assert outcome.releases == ((111.0, "A"),)
    assert list(outcome.passed) == [122.0, 133.0, 133.0]
    assert (outcome.completion, outcome.latency) == (133.0, (133.0,))


def test_a_vendor_who_fixes_one_problem_at_a_time_takes_the_sum_and_one_who_fixes_all_the_greatest() -> None:
    two = Scenario(
        (1, 1), (Problem("A", (0,)), Problem("B", (1,))), download=constant(1), test=constant(10), fix=constant(100)
    )
    assert simulate(two, "no_staging").completion == 11 + 100 + 100 + 11
    assert simulate(replace(two, vendor=0), "no_staging").completion == 11 + 100 + 11


def test_a_machine_with_two_problems_tests_two_faulty_upgrades_and_counts_once_as_a_machine() -> None:
    both = Scenario((2,), (Problem("A", (0,)), Problem("B", (0,))))
    outcome = simulate(both, "balanced")
    assert (outcome.faulty, outcome.hit) == (2, 1)


def test_offline_machines_below_the_threshold_do_not_hold_up_the_others() -> None:
    fleet = Scenario((1000, 1000), offline=0.02, threshold=0.9, back=constant(1e6), seed=1)
    outcome = simulate(fleet, "balanced")
    second = outcome.passed[1000:]
    assert np.sort(second)[900] < 1e4
    assert outcome.completion > 1e6
    assert simulate(replace(fleet, threshold=1.0), "balanced").passed[1000:].min() > 1e6


def test_a_machine_that_comes_back_after_the_fix_gets_the_fixed_upgrade() -> None:
    fleet = Scenario((500,), (Problem("A", misplaced=((0, 499),)),), offline=0.5, back=constant(1e6), seed=3)
    online = int((simulate(fleet, "balanced").passed < 1e6).sum())
    outcome = simulate(fleet, "balanced")
    assert 0 < outcome.faulty == online - 1 < 499


def test_the_same_seed_gives_the_same_outcome_and_another_one_another() -> None:
    drawn = replace(usual(2_000), test=parse_time("normal 10min 3min"), download=parse_time("exponential 1min"))
    assert simulate(drawn, "random") == simulate(drawn, "random")
    assert simulate(drawn, "random") != simulate(replace(drawn, seed=5), "random")


def test_with_a_quick_fix_staging_costs_more_time_than_with_a_slow_one() -> None:
    table = sensitivity(usual(2_000), ("no_staging", "balanced"), usual_fixes(usual()))
    penalty = table.penalty("balanced", "no_staging")
    assert len(penalty) == 5
    assert all(a > b for a, b in pairwise(penalty))


def test_the_curve_rises_to_every_machine() -> None:
    curve = simulate(usual(1_000), "balanced").upgraded(50)
    assert curve[-1][1] == 1.0
    assert len(curve) <= 50
    assert curve == sorted(curve)


scenarios = st.builds(
    lambda sizes, whole, odd, vendor, offline, threshold, seed: Scenario(
        tuple(sizes),
        (
            Problem("A", tuple(sorted({c % len(sizes) for c in whole}))),
            Problem("B", misplaced=tuple((c, 1) for c in sorted({c % len(sizes) for c in odd}) if sizes[c] > 1)),
            Problem("C", (0,)),
        ),
        download=parse_time("1min..20min"),
        test=parse_time("exponential 10min"),
        fix=parse_time("exponential 15min"),
        vendor=vendor,
        offline=offline,
        threshold=threshold,
        back=parse_time("1min..3h"),
        seed=seed,
    ),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
    st.lists(st.integers(0, 4), max_size=3),
    st.lists(st.integers(0, 4), max_size=3),
    st.integers(0, 2),
    st.sampled_from((0.0, 0.4)),
    st.sampled_from((0.5, 1.0)),
    st.integers(0, 1000),
)


@settings(max_examples=60, deadline=None)
@given(scenarios, st.sampled_from(sorted(PROTOCOLS)))
def test_every_machine_passes_once_all_its_problems_are_fixed_and_staging_never_hits_more(
    scenario: Scenario, protocol: str
) -> None:
    outcome = simulate(scenario, protocol)
    fixed = {name: time for time, name in outcome.releases}
    first = np.concatenate(([0], np.cumsum(scenario.sizes)))
    for problem in scenario.problems:
        for cluster in problem.clusters:
            assert outcome.passed[first[cluster] : first[cluster + 1]].min() > fixed[problem.name]
    assert (outcome.passed > 0).all()
    assert outcome.hit <= outcome.faulty
    assert outcome.hit >= outcome.hit_first


@pytest.mark.parametrize(
    "text", ["10min", "5min..15min", "exponential 10min", "normal 10min 2min", "lognormal 10min 5min", "90s", "2.5h"]
)
def test_a_time_is_written_as_it_is_read(text: str) -> None:
    time = parse_time(text)
    assert parse_time(str(time)) == time
    drawn = time.sample(20_000, np.random.default_rng(1))
    assert drawn.min() >= 0
    assert abs(drawn.mean() / time.mean - 1) < 0.05


@pytest.mark.parametrize(
    "text", ["", "10", "15min..5min", "exponential 10min 2min", "normal 10min", "normal 0s 1s", "soon"]
)
def test_a_time_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 10min"):
        parse_time(text)


def test_times_are_shown_in_the_unit_that_fits() -> None:
    assert [span(s) for s in (5, 90, 600, 30_000, 259_200)] == ["5s", "1.5min", "10min", "8.3h", "3d"]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: Scenario(()), "a cluster"),
        (lambda: Scenario((2, 0)), "a cluster"),
        (lambda: Scenario((2,), distances=(1, 2)), "distance"),
        (lambda: Scenario((2,), (Problem("A", (1,)),)), "no cluster 2"),
        (lambda: Scenario((2,), (Problem("A", misplaced=((0, 2),)),)), "1 machines beside"),
        (lambda: Scenario((2,), tuple(Problem(str(n)) for n in range(63))), "more than 62"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused(made, reason: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=reason):
        made()


def test_own_stages_go_in_the_order_of_a_real_rollout_and_the_last_size_is_repeated() -> None:
    scenario = Scenario((3, 3), download=constant(0), test=constant(1), representatives=1)
    outcome = simulate(scenario, "stages [1, 2]")
    # waves: the representative of the first cluster; the other one and a machine; two; one
    assert list(outcome.passed) == [1.0, 2.0, 3.0, 2.0, 3.0, 4.0]
    machines = [tuple(f"c{c}m{m}" for m in range(3)) for c in range(2)]
    clusters = [Cluster(f"c{c}", machines[c], distance=c) for c in range(2)]
    real = make_stages(clusters, Staging(batches=(1, 2)))
    wave = {m: stage.wave + 1.0 for stage in real.stages for m in stage.machines}
    assert list(outcome.passed) == [wave[m] for m in (*machines[0], *machines[1])]


@pytest.mark.parametrize("text", ["stages", "stages []", "stages [1,]", "stages [1.5]", "stages [0%]", "stages [-1]"])
def test_sizes_of_stages_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size of a stage"):
        simulate(FOUR, text)
