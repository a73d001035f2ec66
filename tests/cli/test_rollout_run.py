"""``madeus rollout run``, ``resume``, ``status``, ``freeze`` and ``abort``, on machines that are directories of this one."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from madeus.cli.root import cli

SHOP = """
component Shop {{
  initial place absent
  place stopped, running
  provide service http at running
  behavior deploy {{ transition install: absent -> running {{ run "mkdir -p {at}/${{host.name}}" }} }}
  behavior drain {{ transition stop: running -> stopped }}
  behavior upgrade {{ transition check: stopped -> running {{ run "{check}" }} }}
  behavior back {{ transition restart: stopped -> running {{ run "echo back >> {at}/${{host.name}}/log" }} }}
}}
assembly shop {{
  web[1..3]: Shop on web[1..3]
}}
program upgrade for shop {{
  for i in 1..3 {{
    push web[i].drain
    push web[i].upgrade
  }}
}}
rollout up of program upgrade over web {{
{settings}}}
"""
FAILS = "test ! -e {at}/${{host.name}}/bad && echo new >> {at}/${{host.name}}/log"
FIXED = "echo fixed >> {at}/${{host.name}}/log"
BACK = "  on_failure rollback drain back\n"


class Shop:
    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "shop.madeus"
        self.hosts = folder / "hosts.toml"
        self.hosts.write_text('[defaults]\ntransport = "local"\n[groups.web]\nhosts = ["w1", "w2", "w3"]\n')

    def write(self, check: str = FAILS, settings: str = BACK) -> None:
        at = str(self.folder)
        command = check.format(at=at).replace("{{", "{").replace("}}", "}")
        self.file.write_text(SHOP.format(at=at, check=command, settings=settings))

    def madeus(self, *words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--state", str(self.folder / "state")], prog_name="madeus")

    def deploy(self) -> None:
        done = self.madeus("deploy", str(self.file), "-i", str(self.hosts), "--progress", "none")
        assert done.exit_code == 0, done.output

    def rollout(self, *words: str) -> Result:
        return self.madeus("rollout", *words)

    def status(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.rollout("status", "--format", "json").output)
        return value

    def log(self, machine: str) -> str:
        path = self.folder / machine / "log"
        return " ".join(path.read_text().split()) if path.exists() else ""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.write()
    return made


def test_a_rollout_upgrades_every_machine_and_its_end_is_shown(shop: Shop) -> None:
    shop.deploy()
    done = shop.rollout("run", str(shop.file))
    assert done.exit_code == 0, done.output
    assert "3 of 3 machines upgraded, 0 failed, 0 unreachable" in done.output
    assert [shop.log(m) for m in ("w1", "w2", "w3")] == ["new"] * 3
    assert shop.status()["state"] == "done"
    assert shop.rollout("resume").exit_code == 2


def test_a_failure_is_reported_and_the_fixed_file_is_gone_on_with(shop: Shop) -> None:
    shop.deploy()
    (shop.folder / "w1" / "bad").touch()
    done = shop.rollout("run", str(shop.file))
    assert done.exit_code == 1
    assert "w1 is back on its old version" in done.output and "go on with: madeus rollout resume" in done.output
    (report,) = shop.status()["reports"]
    assert (report["cluster"], report["machines"]) == ("web", ["w1"])
    second = shop.rollout("run", str(shop.file))
    assert second.exit_code == 2 and "is halted" in second.output
    shop.write(FIXED)
    done = shop.rollout("resume")
    assert done.exit_code == 0, done.output
    assert "failed machines first: w1" in done.output
    assert [shop.log(m) for m in ("w1", "w2", "w3")] == ["back fixed", "fixed", "fixed"]


def test_for_machines_the_end_alone_is_on_standard_output(shop: Shop) -> None:
    shop.deploy()
    (shop.folder / "w1" / "bad").touch()
    failed = shop.rollout("run", str(shop.file), "--format", "json")
    end = json.loads(failed.stdout)
    assert (failed.exit_code, end["state"], end["machines"][0]["state"]) == (1, "halted", "failed")
    assert "w1 is back on its old version" in failed.stderr
    (shop.folder / "w1" / "bad").unlink()
    done = shop.rollout("resume", "--retry", "--format", "json")
    assert (done.exit_code, json.loads(done.stdout)["state"]) == (0, "done")
    assert json.loads(done.stdout) == shop.status()


def test_a_rollout_of_what_is_not_deployed_names_the_command_that_deploys(shop: Shop) -> None:
    shop.file.write_text(shop.file.read_text().replace("deploy", "install"))
    done = shop.rollout("run", str(shop.file))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "shop is not deployed; `madeus deploy` makes a live assembly" in done.stderr


def test_what_is_not_proved_runs_only_with_force(shop: Shop) -> None:
    shop.write(settings=BACK + "  protocol no_staging\n")
    shop.deploy()
    refused = shop.rollout("run", str(shop.file))
    assert refused.exit_code == 1 and "nothing was started; --force" in refused.output
    assert shop.rollout("status").exit_code == 2
    forced = shop.rollout("run", str(shop.file), "--force")
    assert forced.exit_code == 0, forced.output


def test_an_http_probe_is_asked_on_the_machine(shop: Shop) -> None:
    shop.write(settings=BACK + '  test http "http://127.0.0.1:9/" within 1s\n')
    shop.deploy()
    done = shop.rollout("run", str(shop.file))
    assert done.exit_code == 1
    assert 'w1 failed: test http "http://127.0.0.1:9/" status 200' in done.output
    assert shop.log("w1") == "new back"


def test_a_frozen_and_an_aborted_rollout_are_gone_on_with(shop: Shop) -> None:
    shop.deploy()
    (shop.folder / "w1" / "bad").touch()
    shop.rollout("run", str(shop.file))
    assert "frozen" in shop.rollout("freeze").output
    assert shop.status()["state"] == "frozen"
    assert "aborted" in shop.rollout("abort").output
    assert shop.status()["state"] == "aborted"
    (shop.folder / "w1" / "bad").unlink()
    assert shop.rollout("resume", "--retry").exit_code == 0
    assert shop.rollout("abort").output.endswith("is done\n")


def test_a_rollout_goes_on_with_the_values_it_began_with_and_another_value_is_another_upgrade(shop: Shop) -> None:
    shop.write("test ${{word}} = good && echo ${{word}} >> {at}/${{host.name}}/log")
    text = shop.file.read_text().replace("component Shop {", 'component Shop(word: string = "none") {')
    text = text.replace("assembly shop {", 'assembly shop(word: string = "none") {')
    shop.file.write_text(text.replace(": Shop on", ": Shop(word = word) on"))
    shop.deploy()
    first = shop.rollout("run", str(shop.file), "--set", "word=bad")
    assert first.exit_code == 1 and "w1 is back on its old version" in first.output, first.output
    again = shop.rollout("resume")
    assert "left alone, for the upgrade is the one that failed there: w1" in again.output
    fixed = shop.rollout("resume", "--set", "word=good")
    assert "the upgrade has changed" in fixed.output and "failed machines first: w1" in fixed.output
    assert fixed.exit_code == 0, fixed.output
    assert [shop.log(m) for m in ("w1", "w2", "w3")] == ["back good", "good", "good"]


def test_an_upgrade_that_is_aborted_halfway_is_taken_back_before_another_one_and_proved_from_there(shop: Shop) -> None:
    ask = f"{sys.executable} -m madeus rollout abort --state {shop.folder / 'state'} && sleep 60"
    shop.write(ask)
    shop.deploy()
    done = shop.rollout("run", str(shop.file))
    assert done.exit_code == 1 and "0 unreachable, 1 in the middle" in done.output, done.output
    new = shop.rollout("run", str(shop.file))
    assert new.exit_code == 2 and "w1: in the middle of rollout" in new.output
    shop.write(FIXED)
    done = shop.rollout("resume")
    assert done.exit_code == 0, done.output
    assert "w1 is taken back first: it is in the middle of another upgrade" in done.output
    assert [shop.log(m) for m in ("w1", "w2", "w3")] == ["back fixed", "fixed", "fixed"]


def test_a_mended_script_is_another_upgrade(shop: Shop) -> None:
    script = shop.folder / "up"
    script.write_text("exit 1\n")
    shop.write()
    text = shop.file.read_text()
    shop.file.write_text(re.sub(r'(check: stopped -> running) { run ".*" } }', r'\1 { script "up" } }', text))
    shop.deploy()
    assert shop.rollout("run", str(shop.file)).exit_code == 1
    script.write_text("exit 0\n")
    assert shop.rollout("resume").exit_code == 0


TALKS = "seq 1 30; echo the last word >&2; test ! -e {at}/${{host.name}}/bad"


def test_open_reports_show_the_tail_of_what_was_said_where_the_whole_is_and_how_the_machine_differs(shop: Shop) -> None:
    alike = {
        "name": "k",
        "machines": ["w1", "w2", "w3"],
        "distance": 2,
        "differs": ["php/8", "php/7"],
        "lacks": ["php/7"],
    }
    (shop.folder / "clusters.json").write_text(json.dumps({"clusters": [alike]}))
    shop.write(TALKS, BACK + "  threshold 1%\n")
    shop.deploy()
    (shop.folder / "w2" / "bad").touch()
    (shop.folder / "w3" / "bad").touch()
    done = shop.rollout("run", str(shop.file), "--clusters", str(shop.folder / "clusters.json"))
    lines = [line.strip() for line in done.output[done.output.index("report 1") :].splitlines()]
    run = shop.status()["machines"][1]["run"]
    other = shop.status()["machines"][2]["run"]
    assert lines[0] == "report 1 cluster k, check: the last word"
    assert lines[1] in ("w2, w3", "w3, w2")
    assert lines[2] in (f"folded into that of {m}: 1 more of the kind" for m in ("w2", "w3"))
    assert (
        lines[3].startswith("| check: run on w") and lines[4:6] == ["| ...", "| 26"] and lines[10] == "| the last word"
    )
    first = lines[2].split()[4].rstrip(":")
    assert lines[11] == f"whole: madeus logs {run if first == 'w2' else other} 'web[{first[1]}].check'"
    assert lines[12:14] == [f"{first} differs from the reference in", "~ php 7 -> 8"]
    (report,) = shop.status()["reports"]
    assert (report["folded"], sorted(report["open"]), report["tail"][-1]) == (1, ["w2", "w3"], "the last word")
    whole = shop.rollout("status", "--report", "1").output
    assert "report 1 of rollout" in whole and "  11\n  12\n" in whole
    assert shop.rollout("status", "--report", "2").exit_code == 2
    shop.write("true", BACK + "  threshold 1%\n")
    done = shop.rollout("resume")
    assert done.exit_code == 0, done.output
    assert "1 report closed" in shop.rollout("status").output and shop.status()["reports"][0]["open"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "shop.madeus"), "is not deployed"),
        (("resume",), "no journal"),
        (("status", "up"), "no journal"),
        (("freeze",), "no journal"),
    ],
)
def test_without_an_assembly_or_a_rollout_there_is_nothing_to_do(shop: Shop, words: tuple[str, ...], said: str) -> None:
    words = tuple(str(shop.file) if w == "shop.madeus" else w for w in words)
    done = shop.rollout(*words)
    assert done.exit_code == 2, done.output
    assert said in done.output or "journal" in done.output


def test_a_name_that_no_rollout_has_is_bad_input(shop: Shop) -> None:
    shop.deploy()
    done = shop.rollout("status", "nothing")
    assert done.exit_code == 2 and "no rollout `nothing`" in done.output
