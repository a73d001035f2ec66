"""Every command that drives a run asks the probes of the model before steps that rely on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from madeus.cli.root import cli

MODEL = """component Db {
  initial place off
  place installed
  place running { probe run "test -e running" }
  provide service sql at running
  behavior deploy {
    transition install: off -> installed { run "true" }
    transition start: installed -> running { run "BREAKStouch running" }
  }
  behavior stop { transition stop: running -> installed { run "rm -f running; echo stop >> log" } }
}
component Web {
  initial place off
  place on
  use service db for start
  transition start: off -> on { run "echo web >> log" }
}
assembly shop {
  db: Db
  web: Web
  connect web.db to db.sql
}
program teardown for shop {
  wait all
  push db.stop
  wait all
}
"""
SAID = "not as the model says, before fire web.start: db.running does not hold any more on local"


class Shop:
    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "shop.madeus"
        self.write("")

    def write(self, breaks: str) -> None:
        self.file.write_text(MODEL.replace("BREAKS", breaks))

    def madeus(self, *words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--state", str(self.folder / "state"), "--progress", "none"])

    def log(self) -> str:
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


BROKEN = "true || "
"""The server says that it has started, and has not."""


def test_a_run_stops_before_a_step_that_relies_on_what_does_not_hold(shop: Shop) -> None:
    shop.write(BROKEN)
    result = shop.madeus("run", str(shop.file))
    assert result.exit_code == 1
    assert SAID in result.stdout
    assert "--on-divergence ignore" in result.stdout
    assert "madeus drift" not in result.stdout
    assert shop.log() == ""


def test_a_resumed_run_asks_as_it_began_unless_it_is_told_otherwise(shop: Shop) -> None:
    shop.write(BROKEN)
    assert shop.madeus("run", str(shop.file)).exit_code == 1
    result = shop.madeus("run", "--resume", "last")
    assert (result.exit_code, SAID in result.stdout, shop.log()) == (1, True, "")
    result = shop.madeus("run", "--resume", "last", "--on-divergence", "ignore")
    assert (result.exit_code, shop.log()) == (0, "web\n"), result.output


def test_a_deployment_stops_and_says_how_to_bring_it_back(shop: Shop) -> None:
    shop.write(BROKEN)
    result = shop.madeus("deploy", str(shop.file))
    assert result.exit_code == 1
    assert SAID in result.stdout
    state = f"--state {shop.folder / 'state'}"
    assert f"what has drifted: madeus drift shop {state}; " in result.stdout
    assert f"bring it back: madeus repair shop --take-over {state}\n" in result.stdout
    assert shop.log() == ""


def test_a_deployment_may_ignore_what_probes_say(shop: Shop) -> None:
    shop.write(BROKEN)
    result = shop.madeus("deploy", str(shop.file), "--on-divergence", "ignore")
    assert (result.exit_code, shop.log()) == (0, "web\n"), result.output


def test_what_has_drifted_is_not_taken_down_unless_told_to(shop: Shop) -> None:
    assert shop.madeus("deploy", str(shop.file)).exit_code == 0
    (shop.folder / "running").unlink()
    result = shop.madeus("destroy", "shop", "--program", "teardown", "--yes")
    assert result.exit_code == 1
    assert "not as the model says, before leave db.running: db.running does not hold any more on local" in result.stdout
    assert "stop" not in shop.log()
    assert "shop" in CliRunner().invoke(cli, ["ps", "--state", str(shop.folder / "state")]).stdout
    result = shop.madeus("destroy", "shop", "--program", "teardown", "--yes", "--on-divergence", "ignore")
    assert result.exit_code == 0, result.output
    assert shop.log() == "web\nstop\n"
