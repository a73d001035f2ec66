"""``madeus simulate``: output, exit codes, and every mistake one can make in calling it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from madeus.cli import cli
from madeus.semantics import Trace

ROOT = Path(__file__).parents[2]
OPENSTACK = str(ROOT / "examples/openstack.madeus")
SITE = str(ROOT / "examples/site.madeus")
MEASURED = list(csv.DictReader((ROOT / "tests/golden/openstack/makespans.csv").read_text().splitlines()))
VARIANTS = {
    "dag_nt4": ("openstack", ""),
    "dag_2t": ("openstack-aeolus", "-aeolus"),
    "seq_1t": ("openstack-sequential", "-sequential"),
}


def madeus(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["simulate", *arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize(
    "row",
    [row for row in MEASURED if row["assembly"] in VARIANTS],
    ids=lambda r: f"{r['cluster']}-{r['registry']}-{r['assembly']}",
)
def test_mean_durations_give_the_measured_makespans_within_one_percent(row: dict[str, str]) -> None:
    name, suffix = VARIANTS[row["assembly"]]
    durations = ROOT / f"examples/openstack/{row['cluster']}-{row['registry']}{suffix}.json"
    result = madeus(str(ROOT / f"examples/{name}.madeus"), "--durations", str(durations), "--format", "json")
    measured = float(row["mean_s"])
    assert abs(json.loads(result.stdout)["makespan"] - measured) <= 0.01 * measured


def test_the_text_shows_the_timeline_the_critical_path_and_the_makespan() -> None:
    text = madeus(OPENSTACK, "--durations", "max").stdout
    assert "makespan 143.180 s, 31 transitions" in text
    assert "critical path" in text
    assert text.index("nova.cell_setup") < text.index("makespan")


def test_programs_run_one_after_another() -> None:
    value = json.loads(madeus(SITE, "-p", "install", "-p", "upgrade", "--format", "json").stdout)
    assert value["stages"] == [["install"], ["upgrade"]]
    assert value["outcome"] == "done"


def test_the_timeline_names_the_hosts_of_components_that_a_program_adds() -> None:
    text = madeus(str(ROOT / "examples/galera/galera.madeus"), "-p", "start", "-p", "to_galera", "--gantt").stdout
    assert "worker[1].start @db[2]" in text
    assert "db.pull @db1" in text


def test_a_seed_fixes_random_durations() -> None:
    first, again, other = (
        json.loads(madeus(OPENSTACK, "--seed", seed, "--format", "json").stdout)["makespan"] for seed in ("7", "7", "8")
    )
    assert first == again != other


def test_the_trace_file_holds_the_trace(tmp_path: Path) -> None:
    madeus(OPENSTACK, "--trace", str(tmp_path / "out.json"))
    trace = Trace.from_json(json.loads((tmp_path / "out.json").read_text())["trace"])
    assert len(trace.executions) == 31
    assert json.loads(madeus(OPENSTACK, "--trace", "-").stdout)["trace"]["assembly"] == "openstack"


def test_a_deadlock_is_told_with_its_circle_and_exit_code_1(tmp_path: Path) -> None:
    file = tmp_path / "circle.madeus"
    file.write_text(
        """
component Half(x: int = 1) {
  initial place off
  place on
  provide service mine at on
  use service other for start
  behavior go { transition start: off -> on { run "echo ${x}" } }
}
assembly pair {
  a: Half
  b: Half
  connect a.other to b.mine
  connect b.other to a.mine
}
program up for pair {
  push a.go
  push b.go
  wait all
}
"""
    )
    result = madeus(str(file), "--program", "up", code=1)
    assert "use port a.other waits for b.mine, which is not active" in result.stderr
    assert "circular wait: " in result.stderr


def test_a_run_without_end_is_cut_with_exit_code_1(tmp_path: Path) -> None:
    file = tmp_path / "loop.madeus"
    file.write_text(
        "component Loop { initial place a place b transition t: a -> b transition u: b -> a }\nassembly one { x: Loop }\n"
    )
    assert "cut after 50 steps" in madeus(str(file), "--steps", "50", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.madeus"], "nowhere.madeus"),
        ([OPENSTACK, "--assembly", "openstak"], "there is no assembly openstak; did you mean openstack?"),
        ([SITE, "--program", "zzz"], "there is no program zzz; there is: install, upgrade"),
        ([SITE, "--program", "install", "--program", "install"], "a program may be named only once"),
        ([OPENSTACK, "--durations", "median"], "--durations median: No such file or directory"),
        ([OPENSTACK, "--set", "n"], "--set n: write it as NAME=VALUE, such as n=5"),
        ([OPENSTACK, "--trace", "/nowhere/out.json"], "--trace /nowhere/out.json: No such file or directory"),
    ],
)
def test_a_mistake_in_the_call_is_named_with_exit_code_2(arguments: list[str], message: str) -> None:
    assert message in madeus(*arguments, code=2).stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "wanted an object"),
        ('{"nova.pull": -1}', "nova.pull: -1 is not a duration in seconds"),
        ('{"nova.pull": "3"}', "nova.pull: '3' is not a duration in seconds"),
        ('{"nova.pul": 1}', "openstack has no transition nova.pul"),
        ("\x80", "it is not UTF-8 text"),
    ],
)
def test_a_bad_table_of_durations_is_named_with_exit_code_2(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "durations.json"
    file.write_bytes(text.encode("latin-1"))
    assert message in madeus(OPENSTACK, "--durations", str(file), code=2).stderr


def test_a_misspelt_command_gets_a_suggestion() -> None:
    result = CliRunner().invoke(cli, ["simulte", "x"])
    assert result.exit_code == 2
    assert "Did you mean 'simulate'?" in result.output
