"""``madeus rollout simulate``."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from madeus.cli.root import cli

FOUR = ("--clusters", "4,4,4,4", "--problem", "A: 1-2", "--problem", "B: 1 in 3, 1 in 4")


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["rollout", "simulate", *arguments], prog_name="madeus")


def counted(*arguments: str) -> dict[str, int]:
    done = simulate("--format", "json", *arguments)
    assert done.exit_code == 0, done.output
    return {p["protocol"]: p["faulty_upgrades"] for p in json.loads(done.output)["protocols"]}


def test_the_usual_fleet_is_a_hundred_thousand_machines_and_every_protocol_is_shown() -> None:
    done = simulate()
    assert done.exit_code == 0
    assert done.output.startswith("100,000 machines in 20 clusters, 3 problems")
    assert counted() == {"no_staging": 25_000, "balanced": 3, "front_loading": 5, "random": 3}


def test_problems_of_clusters_and_of_misplaced_machines_can_be_written() -> None:
    protocols = ("--protocol", "front_loading", "--protocol", "representatives_first")
    assert counted(*FOUR, *protocols) == {"front_loading": 3, "representatives_first": 4}


def test_without_problems_nothing_is_faulty_and_no_fix_is_spoken_of() -> None:
    done = simulate("--machines", "50", "--clusters", "5", "--problem", "none")
    assert "a fix takes" not in done.output
    assert set(counted("--machines", "50", "--problem", "none").values()) == {0}


def test_the_sensitivity_table_has_the_times_that_are_asked_for() -> None:
    done = simulate(*FOUR, "--fixes", "1h", "--fixes", "2d", "--format", "json")
    rows = json.loads(done.output)["sensitivity"]
    assert {row["fix_seconds"] for row in rows} == {3600.0, 172_800.0}


def test_the_picture_is_one_file_that_needs_nothing_else(tmp_path: Path) -> None:
    for name in ("curves.svg", "curves.html"):
        assert simulate(*FOUR, "-o", str(tmp_path / name)).exit_code == 0
    root = ElementTree.fromstring((tmp_path / "curves.svg").read_text())
    curves = [e for e in root.iter() if e.get("class") == "curve"]
    assert len(curves) == 4
    page = (tmp_path / "curves.html").read_text()
    assert "<svg" in page and "src=" not in page and "href=" not in page


def test_a_rollout_of_a_file_says_representatives_threshold_and_protocol(tmp_path: Path) -> None:
    file = tmp_path / "a.madeus"
    file.write_text(
        "component C {\n  initial place a\n  place b\n  transition t: a -> b\n}\nassembly s {\n  c: C on h\n}\n"
        "program go for s {\n  push c.deploy\n}\n"
        "rollout r of program go over h {\n  protocol one_by_one\n  representatives 2\n}\n"
    )
    assert next(iter(counted(*FOUR, str(file)))) == "one_by_one"
    assert counted("--clusters", "4,4", "--problem", "A: 1", str(file), "r")["one_by_one"] == 2
    assert simulate(str(file), "s").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--clusters", "four"), "write a number, or sizes"),
        (("--clusters", "0"), "there have to be 1 to"),
        (("--problem", "A"), "write it as"),
        (("--problem", "A: all"), "write it as"),
        (("--problem", "A: 21"), "there is no cluster 21"),
        (("--protocol", "balance"), "did you mean balanced?"),
        (("--protocol", "stages 1, x"), "`x` is no size of a stage: write stages [1, 10, 50%]"),
        (("--protocol", "stages [0]"), "`0` is no size of a stage"),
        (("--protocol", "stages [101%]"), "`101%` is no size of a stage"),
        (("--protocol", "nothing"), "one_by_one, stages [1, 10, 50%]"),
        (("--seed", "-1"), "-1 is not in the range x>=0"),
        (("--fix", "soon"), "write 10min"),
        (("-o", "curves.gif"), "has to end in .svg or .html"),
        (("-o", "/nowhere/curves.svg"), "No such file"),
    ],
)
def test_what_cannot_be_simulated_is_bad_input(arguments: tuple[str, ...], said: str) -> None:
    done = simulate("--machines", "100", *arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_a_misspelt_command_of_the_group_is_bad_input() -> None:
    assert CliRunner().invoke(cli, ["rollout", "simulat"]).exit_code == 2


def test_own_stages_are_simulated_and_are_those_of_a_file_that_has_them(tmp_path: Path) -> None:
    # the representative of the first cluster finds A; both misplaced machines are in the second batch
    assert counted(*FOUR, "--protocol", "stages [1, 100%]") == {"stages [1, 100%]": 1 + 2}
    file = tmp_path / "a.madeus"
    file.write_text(
        "component C {\n  initial place a\n  place b\n  transition t: a -> b\n}\nassembly s {\n  c: C on h\n}\n"
        "program go for s {\n  push c.deploy\n}\nrollout r of program go over h {\n  stages [1, 50%]\n}\n"
    )
    assert next(iter(counted(*FOUR, str(file)))) == "stages [1, 50%]"


def test_the_latency_of_each_cluster_is_a_table(tmp_path: Path) -> None:
    done = simulate(*FOUR, "--protocol", "balanced", "--latency", "-o", str(tmp_path / "a.html"))
    lines = done.output.splitlines()
    table = lines[lines.index("cluster by cluster, done after") + 1 :][:5]
    assert [line.split() for line in table[:2]] == [["cluster", "machines", "balanced"], ["1", "4", "9.1h"]]
    assert "Time to the last machine of each cluster" in (tmp_path / "a.html").read_text()
