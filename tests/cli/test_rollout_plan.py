"""``madeus rollout plan``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from madeus.cli.root import cli

SHOP = Path(__file__).parents[2] / "examples/rollout/shop.madeus"


@pytest.fixture
def plan(tmp_path: Path):  # type: ignore[no-untyped-def]
    def run(*arguments: str, file: Path = SHOP) -> Result:
        command = ["rollout", "plan", str(file), "--state", str(tmp_path / "state"), *arguments]
        return CliRunner().invoke(cli, command, prog_name="madeus")

    return run


def test_stages_representatives_and_verdicts_are_shown(plan) -> None:  # type: ignore[no-untyped-def]
    done = plan("--after", "install")
    assert done.exit_code == 0, done.output
    for line in (
        "rollout release2: upgrade on 6 machines of web in 1 cluster, balanced",
        "  wave 1   web representatives: web[1]",
        "  wave 2   web rest 1: web[2], web[3], web[4]",
        "  test     transition check",
        "  holds         at most 3 of 6 machines of Shop.http are out at any time",
    ):
        assert line in done.output


def test_a_hundred_machines_are_proved_as_json(plan) -> None:  # type: ignore[no-untyped-def]
    done = plan("--after", "install", "--set", "n=100", "--format", "json")
    value = json.loads(done.output)
    assert (done.exit_code, {c["answer"] for c in value["claims"]}) == (0, {"holds"})
    assert value["representatives"] == {"web": ["web[1]"]}
    assert sum(len(s["machines"]) for s in value["stages"]) == 100


def test_what_is_violated_gives_exit_code_1_and_a_run_that_shows_it(plan, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "hurried.madeus"
    file.write_text(SHOP.read_text().replace("protocol balanced", "protocol no_staging").replace("  out max 50%\n", ""))
    done = plan("--after", "install", "--budget", "5s", file=file)
    assert done.exit_code == 1
    assert "violated" in done.output and "web[2] may start before web[1] has passed" in done.output


def test_machines_are_alike_by_a_variable_or_by_a_file(plan, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    hosts = tmp_path / "hosts.toml"
    words = "".join(f'[hosts.h{n}.variables]\nos = "{"old" if n > 3 else "new"}"\n' for n in range(1, 7))
    hosts.write_text(f'[groups.web]\nhosts = ["h1","h2","h3","h4","h5","h6"]\n[hosts.front1]\n{words}')
    done = plan("--after", "install", "-i", str(hosts), "--cluster-by", "os")
    assert "in 2 clusters" in done.output and "old representatives: h4" in done.output
    found = tmp_path / "clusters.json"
    clusters = [{"name": "all", "machines": [f"h{n}" for n in range(1, 7)], "distance": 0, "medoids": ["h5"]}]
    found.write_text(json.dumps({"clusters": clusters}))
    assert "all representatives: h5" in plan("--after", "install", "-i", str(hosts), "--clusters", str(found)).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "shop is not deployed"),
        (("release3", "--after", "install"), "did you mean release2?"),
        (("--after", "install", "--clusters", "no.json"), "No such file"),
        (("--after", "install", "--cluster-by", "os"), "an inventory is needed"),
        (("--after", "install", "--cluster-by", "os", "--clusters", "x"), "give one of them"),
    ],
)
def test_what_does_not_fit_is_bad_input(plan, arguments: tuple[str, ...], said: str) -> None:  # type: ignore[no-untyped-def]
    done = plan(*arguments)
    assert (done.exit_code, said in done.output) == (2, True), done.output


def test_an_inventory_without_the_fleet_is_bad_input(plan, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    hosts = tmp_path / "hosts.toml"
    hosts.write_text('[groups.wep]\nhosts = ["h1"]\n')
    done = plan("--after", "install", "-i", str(hosts), "--cluster-by", "os")
    assert done.exit_code == 2


def test_a_misspelt_command_of_a_group_is_met_with_a_suggestion() -> None:
    done = CliRunner().invoke(cli, ["rollout", "plann"])
    assert done.exit_code == 2
    assert "There is no command 'plann'. Did you mean 'plan'?" in done.output
