"""`madeus deploy`, `ps`, `show`, `reconfigure` and `destroy`, as processes."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from madeus.cli import cli
from tests.cli.test_run import madeus, start

MODEL = """
component Dep {
  initial place off
  place on
  provide service s at on
  provide data url: string at on
  transition start: off -> on { run "echo http://dep" -> url }
  behavior update {
    transition down: on -> off { run "[ ! -e slow ] || sleep 30; [ ! -e broken ]" }
  }
}
component Web {
  initial place off
  place on
  use service s during on
  use data url: string for start
  transition start: off -> on { run "echo ${url} >> log" }
  behavior stop {
    transition stop: on -> off { run "echo stopped >> log" }
  }
}
assembly site {
  dep: Dep
  web: Web
  lone: Dep
  connect web.s to dep.s
  connect web.url to dep.url
}
program upgrade for site {
  push web.stop
  push dep.update
  wait web
  wait dep
  push dep.deploy
  push web.deploy
  wait dep
  wait web
}
program cut for site {
  push dep.update
  wait dep
}
program lone for site {
  push lone.update
  wait lone
}
program teardown for site {
  push web.stop
  push dep.update
  push lone.update
  wait all
}
verify site after upgrade {
  goal back = web.on and dep.on
  deployable back
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "site.madeus").write_text(MODEL)
    yield tmp_path


@pytest.fixture
def live(folder: Path) -> Path:
    code, _, err = madeus(folder, "deploy", "site.madeus", "--progress", "none")
    assert code == 0, err
    return folder


def test_a_deployed_assembly_is_listed_shown_changed_and_forgotten(live: Path) -> None:
    code, out, _ = madeus(live, "ps")
    assert code == 0
    assert out.splitlines()[1].split()[:4] == ["site", "idle", "3", "1"]
    code, out, _ = madeus(live, "show", "site", "--format", "json")
    shown = json.loads(out)
    assert {c["component"]: c["places"] for c in shown["components"]} == {"dep": ["on"], "web": ["on"], "lone": ["on"]}
    assert shown["components"][0]["data"] == {"url": "http://dep"}
    code, out, err = madeus(live, "reconfigure", "site.madeus", "upgrade", "--progress", "none")
    assert code == 0, err
    assert "holds         terminates" in out
    assert "holds         no deadlock, no clash of tokens" in out
    assert "holds         deployable back" in out
    assert "no service in use is cut" in out
    assert (live / "log").read_text() == "http://dep\nstopped\nhttp://dep\n"
    code, out, _ = madeus(live, "show", "site", "--history")
    assert "connected: web.s to dep.s" in out
    assert "data: dep.url = http://dep" in out
    assert " upgrade: run site-" in out
    code, out, _ = madeus(live, "ps", "--format", "json")
    run = json.loads(out)["runs"][-1]
    assert madeus(live, "trace", run, "--html", "run.html")[0] == 0
    assert madeus(live, "status", run)[0] == 0
    code, out, _ = madeus(live, "destroy", "site", "--program", "teardown", "--yes", "--progress", "none")
    assert code == 0
    assert out.endswith("site is forgotten\n")
    assert (live / "log").read_text().count("stopped") == 2
    assert madeus(live, "ps")[1] == "nothing is deployed; `madeus deploy FILE` begins\n"


def test_what_is_violated_runs_only_by_force(live: Path) -> None:
    code, out, err = madeus(live, "reconfigure", "site.madeus", "cut")
    assert code == 1
    assert "violated      no deadlock, no clash of tokens" in out
    assert "dep.s is in use by web.s" in out
    assert err == "violated: nothing was started; --force runs it all the same\n"
    assert len(madeus(live, "runs")[1].splitlines()) == 2
    code, out, _ = madeus(live, "reconfigure", "site.madeus", "cut", "--force", "--progress", "none")
    assert code == 1
    assert "Deadlock: nothing can move" in out
    assert "  what waits keeps its components: give it up with the next program's --take-over\n" in out
    shown = madeus(live, "show", "site")[1]
    assert shown.endswith("  give it up with the next program's --take-over\n")
    assert "--resume" not in shown
    code, _, err = madeus(live, "reconfigure", "site.madeus", "upgrade")
    assert code == 1
    assert "which is stuck and not finished\n  give it up with --take-over: what it was in the middle of" in err
    code, _, err = madeus(live, "reconfigure", "site.madeus", "upgrade", "--take-over", "--progress", "none")
    assert code == 0, err


def test_a_recovery_without_a_beginning_where_a_failure_leaves_its_component_is_violated(live: Path) -> None:
    text = MODEL.replace(
        "transition down: on -> off {",
        "transition wipe: off -> bare\n    transition refill: bare -> ready\n    transition down: on -> off {",
    ).replace(
        "component Dep {\n  initial place off\n  place on",
        "component Dep {\n  initial place off\n  place on, bare, ready",
        1,
    )
    text = text.replace(
        "  behavior update {", "  behavior restore { transition back: off -> on station back }\n  behavior update {", 1
    )
    text += "program risky for site {\n  push lone.update on_failure push lone.restore\n  wait lone\n}\n"
    (live / "site.madeus").write_text(text)
    code, out, err = madeus(live, "reconfigure", "site.madeus", "risky")
    assert code == 1, out
    assert "  violated      declared recoveries begin where a failure leaves their component\n" in out
    assert "if lone.refill fails, lone is left at bare: no transition of lone.restore begins there\n" in out
    assert "if lone.down fails, lone is back at on: no transition of lone.restore begins there\n" in out
    assert "lone.wipe" not in out
    assert err == "violated: nothing was started; --force runs it all the same\n"
    (live / "site.madeus").write_text(text.replace("restore {", "restore { transition fill: bare -> on station fill\n"))
    code, out, err = madeus(live, "reconfigure", "site.madeus", "risky", "--progress", "none")
    assert code == 0, err
    assert "  holds         declared recoveries begin where a failure leaves their component\n" in out


def test_what_is_inconclusive_runs_only_by_force(live: Path) -> None:
    code, _, err = madeus(live, "reconfigure", "site.madeus", "upgrade", "--budget", "0s")
    assert (code, err) in (
        (3, "inconclusive: nothing was started; --force runs it all the same\n"),
        (0, err),  # an engine may answer without looking at the clock
    )


def test_a_dry_run_shows_the_check_and_the_plan(live: Path) -> None:
    code, out, _ = madeus(live, "reconfigure", "site.madeus", "upgrade", "--dry-run")
    assert code == 0
    assert "web.stop on local" in out
    assert "Nothing was started." in out
    code, out, _ = madeus(live, "deploy", "site.madeus", "--dry-run")
    assert code == 2


def test_a_changed_file_is_told_and_one_that_does_not_fit_is_refused(live: Path) -> None:
    text = (live / "site.madeus").read_text()
    (live / "site.madeus").write_text(text.replace("place on\n  use", "place on, idle\n  use", 1))
    code, out, _ = madeus(live, "reconfigure", "site.madeus", "upgrade", "--progress", "none")
    assert code == 0
    assert "the model has changed since version 1:\n  type Web: place idle added\n" in out
    (live / "site.madeus").write_text(
        text.replace("on", "up").replace("cupnect", "connect").replace("compupent", "component")
    )
    code, out, err = madeus(live, "reconfigure", "site.madeus", "upgrade")
    assert code == 2
    text = text.replace("place on\n", "place up\n").replace("at on\n", "at up\n").replace("-> on", "-> up")
    (live / "site.madeus").write_text(
        text.replace(": on ->", ": up ->").replace("during on", "during up").replace(".on", ".up")
    )
    code, out, err = madeus(live, "reconfigure", "site.madeus", "upgrade")
    assert code == 2
    assert "site cannot go on with this model:\n  dep is at on, and Dep has no place on any more\n" in err


def test_a_failed_change_is_resumed(live: Path) -> None:
    (live / "broken").touch()
    code, out, _ = madeus(live, "reconfigure", "site.madeus", "upgrade", "--progress", "none")
    assert code == 1
    code, out, _ = madeus(live, "ps")
    assert out.splitlines()[1].split()[:2] == ["site", "failed"]
    out = madeus(live, "show", "site")[1]
    assert re.search(r"dep .* failed \(update", out)
    assert "go on with it: madeus run --resume" in out
    code, _, err = madeus(live, "reconfigure", "site.madeus", "upgrade")
    assert code == 1
    assert "which is failed and not finished" in err
    assert "--take-over" in err
    (live / "broken").unlink()
    assert madeus(live, "run", "--resume", "last", "--progress", "none")[0] == 0
    assert madeus(live, "ps")[1].splitlines()[1].split()[:2] == ["site", "idle"]


def test_two_controllers_change_disjoint_components_at_once_and_overlapping_ones_are_refused(live: Path) -> None:
    (live / "slow").touch()
    first = start(live, "reconfigure", "site.madeus", "lone", "--progress", "none")
    for _ in range(200):
        if "running" in madeus(live, "ps")[1]:
            break
        time.sleep(0.05)
    code, _, err = madeus(live, "reconfigure", "site.madeus", "lone")
    assert code == 1
    assert "Error: lone of site is held by process" in err
    code, _, err = madeus(live, "destroy", "site", "--yes")
    assert code == 1
    assert "lone of site is held by process" in err
    (live / "slow").unlink()
    code, _, err = madeus(live, "reconfigure", "site.madeus", "upgrade", "--progress", "none")
    assert code == 0, err
    first.send_signal(2)
    first.communicate(timeout=30)
    assert first.returncode == 130
    code, out, _ = madeus(live, "show", "site", "--format", "json")
    assert json.loads(out)["state"] == "interrupted"
    code, _, err = madeus(live, "run", "--resume", "last", "--progress", "none")
    assert code == 2  # the latest is the other one, which is done
    name = next(r["run"] for r in json.loads(out)["runs"] if r["state"] == "interrupted")
    assert madeus(live, "run", "--resume", name, "--progress", "none")[0] == 0


def test_a_run_that_begins_elsewhere_meanwhile_makes_programs_be_looked_at_again(
    live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proofs: list[object] = []

    def prove_slowly(*asked: object) -> int:
        if not proofs:
            assert madeus(live, "reconfigure", "site.madeus", "lone", "--progress", "none")[0] == 0
        proofs.append(asked)
        return 0

    monkeypatch.chdir(live)
    monkeypatch.setenv("MADEUS_STATE", str(live / "state"))
    monkeypatch.setattr("madeus.cli.proving.prove", prove_slowly)
    result = CliRunner().invoke(cli, ["reconfigure", "site.madeus", "upgrade", "--progress", "none"])
    assert result.exit_code == 0, result.output
    assert "site has been changed by another run since it was looked at: looked at again" in result.output
    assert len(proofs) == 2
    assert madeus(live, "show", "site", "--format", "json")[1].count('"on"') == 2


MISTAKES = (
    (("show", "sit"), "no live assembly is called `sit`\n  there is site"),
    (("destroy", "sit", "--yes"), "no live assembly is called `sit`"),
    (
        ("destroy", "site", "--program", "nothing", "--yes"),
        "the model of site has no program nothing; there is upgrade, cut, lone",
    ),
    (("deploy", "site.madeus"), "\n  `madeus reconfigure FILE PROGRAM` changes it"),
    (("reconfigure", "site.madeus", "nothing"), "nothing"),
    (("reconfigure", "site.madeus"), "Missing argument 'PROGRAM...'"),
)


def test_mistakes_are_told_and_end_with_code_two(live: Path) -> None:
    for words, says in MISTAKES:
        code, _, err = madeus(live, *words)
        assert code == 2, words
        assert says in err


def test_what_was_never_deployed_cannot_be_changed(folder: Path) -> None:
    code, _, err = madeus(folder, "reconfigure", "site.madeus", "upgrade")
    assert code == 2
    assert "no live assembly is called `site`\n  `madeus deploy FILE` makes one" in err


def test_destroy_asks_first(live: Path) -> None:
    process = start(live, "destroy", "site")
    assert isinstance(process, subprocess.Popen)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert "site" in madeus(live, "ps")[1]


def test_a_run_beside_a_live_assembly_is_refused_with_the_way_out(live: Path) -> None:
    created = json.loads(madeus(live, "ps", "--format", "json")[1])["created"]
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created))
    code, out, err = madeus(live, "run", "site.madeus", "--program", "lone", "--progress", "none")
    assert (code, out) == (2, "")
    assert err == (
        f"Error: site is deployed and lives, from {live / 'site.madeus'}, since {since}: what a run does beside it is not "
        "known to it\n"
        "  `madeus reconfigure FILE PROGRAM` changes it, `madeus destroy site` forgets it, --anyway runs all the same\n"
    )
    assert madeus(live, "run", "site.madeus", "--dry-run")[0] == 0
    assert madeus(live, "run", "site.madeus", "--anyway", "--progress", "none")[0] == 0


def test_a_deployment_that_a_living_process_drives_is_waited_for_and_not_resumed(folder: Path) -> None:
    (folder / "site.madeus").write_text(
        MODEL.replace('"echo http://dep"', '"touch begun; while [ ! -e go ]; do sleep 0.05; done; echo u"')
    )
    first = start(folder, "deploy", "site.madeus", "--progress", "none")
    for _ in range(600):
        if (folder / "begun").exists():
            break
        time.sleep(0.05)
    code, _, err = madeus(folder, "deploy", "site.madeus")
    (folder / "go").touch()
    assert code == 2
    assert f"Error: site is being deployed by process {first.pid} of " in err
    assert "wait for its end (`madeus status site-" in err and f"kill -INT {first.pid}" in err
    assert "--resume" not in err
    first.communicate(timeout=60)
    assert first.returncode == 0
    code, _, err = madeus(folder, "deploy", "site.madeus")
    assert code == 2 and f"site is deployed already, from {folder / 'site.madeus'}, since 2" in err
