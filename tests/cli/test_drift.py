"""`madeus drift` and `madeus repair`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from madeus.cli.repair import unseen
from madeus.cli.root import cli
from madeus.executor.drift.answer import Answer, Seen
from madeus.executor.drift.question import Element, Question
from madeus.model import Action

MODEL = """component Db {
  initial place off
  place installed { probe run "test -e installed" }
  place running { probe run "echo looking >&2; test -e running" }
  provide service sql at running
  behavior deploy {
    transition install: off -> installed { run "touch installed; echo install >> log" }
    transition start: installed -> running { run "touch running; echo start >> log" }
  }
  behavior stop { transition stop: running -> installed { run "rm -f running; test ! -e broken && echo stop >> log" } }
}
component Web {
  initial place off
  place on
  use service db during on
  transition start: off -> on { run "echo web >> log" }
}
assembly shop {
  db: Db
  web: Web
  connect web.db to db.sql
}
program pause for shop { push db.stop }
"""


class Shop:
    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "shop.madeus"
        self.file.write_text(MODEL)

    def madeus(self, *words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(cli, [*words, "--state", str(self.folder / "state")], input=typed)

    def log(self) -> list[str]:
        return (self.folder / "log").read_text().split()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    result = made.madeus("deploy", str(made.file), "--progress", "none")
    assert result.exit_code == 0, result.output
    (tmp_path / "log").write_text("")
    return made


def test_without_drift_it_says_what_holds(shop: Shop) -> None:
    result = shop.madeus("drift")
    assert (result.exit_code, result.stdout) == (
        0,
        "shop: of 1 probe 1 holds\n  without a probe where they are: web\n",
    )


def test_drift_is_shown_with_place_host_probe_and_what_was_seen(shop: Shop) -> None:
    (shop.folder / "running").unlink()
    result = shop.madeus("drift", "shop")
    assert result.exit_code == 1
    assert result.stdout == (
        "shop: of 1 probe 0 hold, 1 does not\n"
        "  db.running has drifted on local\n"
        "    place running: run echo looking >&2; test -e running\n"
        "    expected exit code 0, seen exit code 1\n"
        "      looking\n"
        "  without a probe where they are: web\n"
        "  bring it back: madeus repair shop\n"
    )


def test_drift_is_a_json_value_too(shop: Shop) -> None:
    (shop.folder / "running").unlink()
    (found,) = json.loads(shop.madeus("drift", "--format", "json").stdout)
    assert (found["assembly"], found["holding"], found["unknown"], found["unreachable"]) == ("shop", [], [], [])
    assert found["drifted"] == [
        {
            "component": "db",
            "place": "running",
            "host": "local",
            "probe": "run echo looking >&2; test -e running",
            "expected": "exit code 0",
            "seen": "exit code 1",
            "exit_code": 1,
            "lines": ["looking"],
            "unreachable": False,
        }
    ]
    assert found["without_probe"] == ["web"]


def test_a_file_gives_the_probes_of_now(shop: Shop) -> None:
    shop.file.write_text(MODEL.replace("place on\n", 'place on { probe run "exit 9" }\n'))
    assert shop.madeus("drift", "shop").exit_code == 0
    result = shop.madeus("drift", str(shop.file))
    assert result.exit_code == 1
    assert "web.on has drifted on local" in result.stdout
    assert "expected exit code 0, seen exit code 9" in result.stdout


def test_a_host_that_cannot_be_reached_is_not_known(tmp_path: Path) -> None:
    made = Shop(tmp_path)
    made.file.write_text(
        MODEL.replace("web: Web", "web: Web on far").replace("place on\n", 'place on { probe run "true" }\n')
    )
    near = tmp_path / "near.toml"
    near.write_text('[hosts.far]\ntransport = "local"\n')
    deployed = made.madeus("deploy", str(made.file), "--inventory", str(near), "--progress", "none")
    assert deployed.exit_code == 0, deployed.output
    far = tmp_path / "far.toml"
    far.write_text('[hosts.far]\naddress = "127.0.0.1"\nport = 1\nuser = "root"\n')
    result = made.madeus("drift", "shop", "--inventory", str(far))
    assert result.exit_code == 3
    assert "shop: of 2 probes 1 holds, 1 is not known\n  far could not be reached: " in result.stdout
    assert "    not known: web (1 probe)\n" in result.stdout


def test_mistakes_are_told(shop: Shop, tmp_path: Path) -> None:
    result = shop.madeus("drift", "ship")
    assert (result.exit_code, "no live assembly is called `ship`" in result.stderr) == (2, True)
    assert shop.madeus("drift", str(tmp_path / "none.madeus")).exit_code == 2
    for word in ("db", "db=", "=off"):
        result = shop.madeus("repair", "shop", "--at", word)
        assert (result.exit_code, "write it as COMPONENT=PLACE" in result.stderr) == (2, True)
    result = shop.madeus("repair", "shop", "--at", "db=on")
    assert (result.exit_code, "Db, the type of db, has no place on" in result.stderr) == (2, True)


def test_where_nothing_lives_there_is_no_drift(tmp_path: Path) -> None:
    result = Shop(tmp_path).madeus("drift")
    assert (result.exit_code, result.stdout) == (0, "nothing is deployed; `madeus deploy FILE` begins\n")


def test_a_repair_asks_and_brings_back_what_is_missing(shop: Shop) -> None:
    (shop.folder / "running").unlink()
    result = shop.madeus("repair", "shop", "--progress", "none", typed="n\n")
    assert result.exit_code == 1
    assert "run it on shop? [y/N]" in result.stderr
    assert shop.log() == []
    result = shop.madeus("repair", "shop", "--progress", "none", typed="y\n")
    assert result.exit_code == 0, result.output
    assert "db is taken to be at installed, not at running\nweb is taken to be at off, not at on\n" in result.stdout
    assert "program repair for shop {\n  push db.deploy\n  push web.deploy\n  wait all\n}\n" in result.stdout
    assert "proved by the causal engine" in result.stdout
    assert sorted(shop.log()) == ["start", "web"]
    assert shop.madeus("drift").exit_code == 0
    assert [row.split()[3] for row in shop.madeus("show", "shop").stdout.splitlines()[3:5]] == ["running", "on"]


def test_a_dry_run_of_a_repair_starts_nothing(shop: Shop) -> None:
    (shop.folder / "running").unlink()
    result = shop.madeus("repair", "shop", "--dry-run")
    assert result.exit_code == 0
    assert "Nothing was started." in result.stdout
    assert shop.log() == []


def test_where_nothing_has_drifted_nothing_is_repaired(shop: Shop) -> None:
    result = shop.madeus("repair", "shop")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "shop: of 1 probe 1 holds")


def test_a_place_that_somebody_knows_is_where_the_repair_begins(shop: Shop) -> None:
    (shop.folder / "running").unlink()
    result = shop.madeus("repair", "shop", "--at", "db=off", "--at", "web=on", "--yes", "--progress", "none")
    assert result.exit_code == 0, result.output
    assert shop.log() == ["install", "start"]


def test_a_repair_that_fails_is_resumed(shop: Shop) -> None:
    (shop.folder / "running").unlink()
    shop.file.write_text(MODEL.replace("touch running;", "test -e fixed && touch running &&"))
    result = shop.madeus("repair", str(shop.file), "--yes", "--progress", "none")
    assert result.exit_code == 1
    assert "db.start on local: failed" in result.stdout
    result = shop.madeus("repair", "shop", "--yes")
    assert "run shop-" in result.stdout and "has them: db, web" in result.stdout
    (shop.folder / "fixed").touch()
    resumed = shop.madeus("run", "--resume", "last", "--progress", "none")
    assert resumed.exit_code == 0, resumed.output
    assert shop.madeus("drift").exit_code == 0


@pytest.mark.parametrize(("typed", "code", "said"), [("n\n", 1, "nothing was done"), ("", 2, "--yes does it without")])
def test_a_question_that_is_not_answered_with_yes_changes_nothing(shop: Shop, typed: str, code: int, said: str) -> None:
    refused = shop.madeus("destroy", "shop", typed=typed)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert "and forget it? [y/N]" in refused.stderr and said in refused.stderr
    assert shop.madeus("show", "shop").exit_code == 0


def test_what_a_failed_run_was_in_the_middle_of_is_repaired_when_it_is_given_up(shop: Shop) -> None:
    (shop.folder / "broken").touch()
    shop.file.write_text(MODEL.replace("\n  use service db during on", "\n  use service db optional during on"))
    text = shop.file.read_text().replace("  connect web.db to db.sql\n", "")
    shop.file.write_text(text)
    assert shop.madeus("destroy", "shop", "--yes").exit_code == 0
    assert shop.madeus("deploy", str(shop.file), "--progress", "none").exit_code == 0
    assert shop.madeus("reconfigure", str(shop.file), "pause", "--progress", "none").exit_code == 1
    result = shop.madeus("repair", "shop", "--yes", "--progress", "none")
    assert "has them: db" in result.stdout
    result = shop.madeus("repair", "shop", "--take-over", "--yes", "--progress", "none")
    assert result.exit_code == 0, result.output
    assert "db is taken to be at installed, not at running" in result.stdout
    assert shop.madeus("drift").exit_code == 0


def test_a_component_from_which_nothing_leads_back_is_named(tmp_path: Path) -> None:
    made = Shop(tmp_path)
    made.file.write_text(
        """component C {
  initial place a { probe run "test ! -e gone" }
  place b
  behavior other { transition t: a -> b { run "true" } }
}
assembly shop { c: C }
"""
    )
    assert made.madeus("deploy", str(made.file), "--progress", "none").exit_code == 0
    (tmp_path / "gone").touch()
    result = made.madeus("repair", "shop", "--yes")
    assert result.exit_code == 1
    assert "c: no place is known from which behaviors lead back" in result.stderr


def test_programs_look_unless_they_are_told_not_to(shop: Shop) -> None:
    (shop.folder / "running").unlink()
    text = MODEL.replace("use service db during on", "use service db optional during on")
    shop.file.write_text(text)
    assert shop.madeus("destroy", "shop", "--yes").exit_code == 0
    shop.file.write_text(text.replace("  connect web.db to db.sql\n", ""))
    assert shop.madeus("deploy", str(shop.file), "--progress", "none").exit_code == 0
    (shop.folder / "running").unlink()
    result = shop.madeus("reconfigure", str(shop.file), "pause", "--progress", "none")
    assert result.exit_code == 1
    assert "not as the model says, before leave db.running: db.running does not hold any more on local" in result.stdout
    assert "madeus repair shop" in result.stdout
    result = shop.madeus(
        *("reconfigure", str(shop.file), "pause", "--take-over", "--on-divergence", "ignore", "--progress", "none")
    )
    assert result.exit_code == 0, result.output


def alone(shop: Shop) -> None:
    """Deploy the database without a user."""
    text = MODEL.replace("use service db during on", "use service db optional during on")
    shop.file.write_text(text.replace("  connect web.db to db.sql\n", ""))
    assert shop.madeus("destroy", "shop", "--yes").exit_code == 0
    assert shop.madeus("deploy", str(shop.file), "--progress", "none").exit_code == 0


def test_a_repair_that_another_run_comes_before_asks_the_hosts_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from madeus.cli import repair

    alone(shop)
    (shop.folder / "running").unlink()
    plain, plans = repair._print_plan, list[object]()

    def intervening(*shown: object) -> None:
        plain(*shown)  # type: ignore[arg-type]  # what the command gives
        if not plans:
            words = ("reconfigure", str(shop.file), "pause", "--on-divergence", "ignore", "--progress", "none")
            assert shop.madeus(*words).exit_code == 0
        plans.append(shown)

    monkeypatch.setattr(repair, "_print_plan", intervening)
    result = shop.madeus("repair", "shop", "--yes", "--progress", "none")
    assert result.exit_code == 0, result.output
    assert "shop has been changed by another run since it was looked at: its hosts are asked again" in result.stderr
    assert len(plans) == 1
    assert "start" not in shop.log()[-1]
    assert "db         Db    local  installed" in shop.madeus("show", "shop").stdout


def test_a_repair_that_is_overtaken_again_and_again_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from madeus.executor.drift.survey import Survey
    from madeus.executor.live.errors import ChangedMeanwhile

    (shop.folder / "running").unlink()

    def overtaken(*_: object) -> None:
        raise ChangedMeanwhile("shop")

    monkeypatch.setattr(Survey, "correction", overtaken)
    result = shop.madeus("repair", "shop", "--yes", "--progress", "none")
    assert result.exit_code == 1
    assert result.stderr.count("its hosts are asked again") == 4
    assert result.stderr.endswith(
        "shop has been changed by another run since it was looked at\n"
        "  do it again when the runs of others are over: `madeus ps` shows them\n"
    )


@pytest.mark.parametrize("drifted", [False, True])
def test_a_repair_that_could_not_look_at_everything_names_what_to_do_next(tmp_path: Path, drifted: bool) -> None:
    hosts = tmp_path / "hosts.toml"
    hosts.write_text('[hosts.h1]\ntransport = "local"\n[hosts.h2]\ntransport = "local"\n')
    made = Shop(tmp_path)
    made.file.write_text(
        MODEL.replace("db: Db\n", "db: Db on h1\n  far: Db on h2\n").replace("web: Web\n", "web: Web on h1\n")
    )
    assert made.madeus("deploy", str(made.file), "-i", str(hosts), "--progress", "none").exit_code == 0
    if drifted:
        hosts.write_text('[hosts.h1]\ntransport = "local"\n[hosts.h2]\naddress = "127.0.0.1"\nport = 1\nuser = "x"\n')
        (tmp_path / "running").unlink()
    else:
        hosts.write_text(hosts.read_text().replace('h2]\ntransport = "local"', 'h2]\naddress = "127.0.0.1"\nport = 1'))
    done = made.madeus("repair", "shop", "-i", str(hosts), "--yes", "--progress", "none")
    assert done.exit_code == 3, done.output
    again = f"madeus repair shop --inventory {hosts} --state {tmp_path / 'state'}"
    assert done.stdout.splitlines()[-1] == f"when h2 can be reached again, look once more: {again}"


def test_a_probe_that_could_not_look_though_its_host_can_be_reached_is_mended_or_answered_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = Answer(
        Question("db", Element.PLACE, "running", "h1", Action("run", ("look",))), Seen.UNKNOWN, "h1", "run look"
    )
    assert unseen([answer], ["shop"], tmp_path, Console(soft_wrap=True)) == 3
    assert capsys.readouterr().out == (
        "mend what keeps the probes of db from looking, or say where it is: "
        f"madeus repair shop --state {tmp_path} --at db=PLACE\n"
    )
    assert unseen([], ["shop"], tmp_path, Console(soft_wrap=True)) == 0
    assert capsys.readouterr().out == ""
