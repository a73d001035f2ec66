"""``madeus plan``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from madeus.cli.plan import plan

SITE = "examples/site.madeus"

UPGRADE = """\
/// 5 instructions, about 6.5s.
/// dep.service is off for about 6.5s.
/// server.web is off for about 6.5s.
program plan for site {
  push server.suspend
  push dep.update
  push dep.install
  push server.install
  wait all
}
"""


@pytest.fixture(autouse=True)
def nothing_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of its own for each test."""
    monkeypatch.setenv("MADEUS_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(plan, arguments)


def test_the_program_goes_to_standard_output_and_the_proof_to_the_other() -> None:
    result = run(SITE, "--after", "install", "--goal", "once dep.update")
    assert result.exit_code == 0
    assert result.stdout == UPGRADE
    assert result.stderr.startswith("5 instructions, about 6.5s; proved by the causal engine in ")


def test_a_written_plan_imports_the_file_and_runs_after_the_same_programs(tmp_path: Path) -> None:
    import madeus

    out = tmp_path / "up.madeus"
    result = run(SITE, "-g", "server.running and once dep.update", "--after", "install", "--name", "up", "-o", str(out))
    assert (result.exit_code, result.stdout) == (0, "")
    made = madeus.load(out).simulate(programs=["install", "up"])
    assert made.deadlock is None
    assert made.configuration.components["server"].places == {"running"}


def test_json_has_the_program_its_forecast_and_its_proof() -> None:
    result = run(SITE, "--goal", "server.running", "--format", "json")
    value = json.loads(result.stdout)
    assert value["instructions"] == ["push dep.install", "push server.install", "wait all"]
    assert value["ends"] == {"dep": ["running"], "server": ["running"]}
    assert (value["makespan"], value["interruption"], value["outages"]) == (5.5, 0, [])
    assert value["proof"]["engine"] == "causal"


def test_a_bound_that_is_kept_is_said_and_one_that_is_not_fails() -> None:
    arguments = (SITE, "--after", "install", "--goal", "once dep.update", "--available")
    kept = run(*arguments, "server.web off <= 20s")
    assert kept.exit_code == 0
    assert "/// Server.web" not in kept.stdout
    assert "server.web is off for at most 20s" in kept.stdout
    broken = run(*arguments, "server.web off <= 2s")
    assert broken.exit_code == 1
    assert "server.web is off for 8s, longer than 2s; no plan with a shorter interruption was found" in broken.stderr


def test_what_is_impossible_says_why_and_fails() -> None:
    result = run(SITE, "--goal", "server.running and dep.undeployed")
    assert result.exit_code == 1
    assert result.stderr == (
        "there is no plan:\nserver cannot rest at running\n"
        "  it uses dep.service there, which is off wherever dep may rest at the end\n"
    )


def test_what_is_not_found_is_inconclusive(tmp_path: Path) -> None:
    text = """
component P { initial place on  place off  provide service s at on
  behavior down { transition stop: on -> off } }
component U { initial place off  place on  use service s during on
  behavior up { transition start: off -> on } }
assembly pair { p: P  u: U  connect u.s to p.s }
program up for pair { push u.up  wait all }
"""
    file = tmp_path / "pair.madeus"
    file.write_text(text, encoding="utf-8")
    result = run(str(file), "--after", "up", "--goal", "once p.down")
    assert result.exit_code == 3
    assert "no plan was found (there may be one):" in result.stderr
    assert "keep p.s on all the time: u cannot let go of u.s" in result.stderr


def test_an_assembly_that_deployed_by_itself_may_be_changed(tmp_path: Path) -> None:
    text = """
component P { initial place off  place on  provide service s at on
  transition start: off -> on
  behavior down { transition stop: on -> off } }
assembly one { p: P }
"""
    file = tmp_path / "one.madeus"
    file.write_text(text, encoding="utf-8")
    result = run(str(file), "--after", "deploy", "--goal", "p.off")
    assert result.exit_code == 0
    assert "push p.down" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say what shall hold at the end: --goal, --to, or both"),
        (("--goal", "server.runing"), "there is no place or service of server called runing; did you mean running?"),
        (("--goal", "server.running", "--name", "upgrade"), "the file has a program of that name"),
        (("--goal", "server.running", "--name", "a b"), "--name a b: not a name"),
        (("--goal", "server.running", "--after", "instal"), "there is no program instal; did you mean install?"),
        (("--goal", "server.running", "--available", "server.web 3"), 'write it as "web.http off <= 20s"'),
        (("--goal", "server.running", "--available", "server.x off <= 3s"), "there is no provide port server.x"),
        (("--to", "other"), "there is no assembly other"),
    ],
)
def test_bad_input_is_told_and_has_exit_code_2(arguments: tuple[str, ...], message: str) -> None:
    result = run(SITE, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


LIVING = """component Db {
  initial place off
  place installed, running
  provide service sql at running
  behavior deploy {
    transition install: off -> installed { run "true" }
    transition start: installed -> running { run "true" }
  }
  behavior update { transition update: running -> installed { run "true" } }
}
assembly shop { db: Db }
program half for shop { push db.update }
"""


def deployed(tmp_path: Path) -> Path:
    from madeus.cli.deploy import deploy

    file = tmp_path / "shop.madeus"
    file.write_text(LIVING)
    assert CliRunner().invoke(deploy, [str(file), "--progress", "none"]).exit_code == 0
    return file


def test_a_plan_begins_where_the_assembly_lives(tmp_path: Path) -> None:
    file = str(deployed(tmp_path))
    result = run(file, "--goal", "once db.update and db.running", "--format", "json")
    assert json.loads(result.stdout)["instructions"] == ["push db.update", "push db.deploy", "wait all"]
    assert result.stderr.startswith("planned from where shop stands, version 1 of its model; ")
    result = run(file, "--goal", "db.running", "--from-initial", "--format", "json")
    assert json.loads(result.stdout)["instructions"] == ["push db.deploy", "wait all"]
    assert "planned from" not in result.stderr
    result = run(file, "--goal", "db.running", "--format", "json")
    assert json.loads(result.stdout)["instructions"] == []


def test_a_file_that_what_lives_does_not_fit_is_told_with_the_way_out(tmp_path: Path) -> None:
    file = deployed(tmp_path)
    file.write_text(LIVING.replace("running", "up"))
    result = run(str(file), "--goal", "db.up")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: shop cannot go on with this model:\n"
        "  db is at running, and Db has no place running any more\n"
        "--from-initial plans without regard to what lives\n"
    )


def test_a_run_that_has_not_finished_is_told(tmp_path: Path) -> None:
    from madeus.cli.reconfigure import reconfigure

    file = deployed(tmp_path)
    file.write_text(
        LIVING.replace('update: running -> installed { run "true" }', 'update: running -> installed { run "false" }')
    )
    assert CliRunner().invoke(reconfigure, [str(file), "half", "--progress", "none"]).exit_code == 1
    result = run(str(file), "--goal", "db.running")
    assert result.exit_code == 2
    assert "a run on the live assembly has not finished, it is in the middle of db" in result.stderr


def test_plans_are_made_from_python_too(tmp_path: Path, nothing_lives: Path) -> None:
    import madeus

    found = madeus.load(SITE).plan("once dep.update", after=["install"])
    assert str(found.program.instructions[0]) == "push server.suspend"
    assert found.text.startswith("program plan for site {\n  push server.suspend\n")
    with pytest.raises(madeus.SelectionError, match="there is no place or service of server called runing"):
        madeus.load(SITE).plan("server.runing")
    file = deployed(tmp_path)
    assert [str(i) for i in madeus.load(file).plan("db.installed", state=nothing_lives).program.instructions] == [
        "push db.update",
        "wait all",
    ]
