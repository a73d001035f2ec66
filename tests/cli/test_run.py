"""`madeus run` and the commands that look at runs, as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.journal.read import read_run

MODEL = """
secret pw
component Db(code: int = 0, pause: float = 0.0) {
  initial place waiting
  place provisioned, started
  provide data ip: address at provisioned
  provide service sql at started
  transition provision: waiting -> provisioned takes 1s..3s { run "echo 10.0.0.7" -> ip }
  transition start: provisioned -> started takes 1s {
    run "echo $$ > pid; sleep ${pause}; echo start >> log"
    run "echo said ${pw} >&2; exit ${code}"
  }
}
component Web {
  initial place waiting
  place up
  use data ip: address for start
  use service db for start
  transition start: waiting -> up { run "echo ${instance.name} ${ip} >> log" }
}
assembly lamp(code: int = 0, pause: float = 0.0) {
  db: Db(code = code, pause = pause)
  web[1..2]: Web
  connect web.ip to db.ip
  connect web.db to db.sql
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "lamp.madeus").write_text(MODEL)
    yield tmp_path


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "MADEUS_STATE": str(folder / "state"), "MADEUS_SECRET_PW": "hunter2", "COLUMNS": "60"}


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    code = "import sys; from madeus.cli import main; main()"
    command = [sys.executable, "-c", code, *words]
    return subprocess.Popen(
        command, cwd=folder, env=environment(folder), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def madeus(folder: Path, *words: str) -> tuple[int, str, str]:
    process = start(folder, *words)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def wait_for(path: Path) -> str:
    for _ in range(600):
        if path.exists() and path.read_text().strip():
            return path.read_text().strip()
        time.sleep(0.05)
    raise AssertionError(f"{path} does not come")


def run_name(out: str) -> str:
    return next(line for line in out.splitlines() if line.startswith("run lamp-")).split()[1]


def test_a_run_ends_with_a_table_and_how_to_see_it(folder: Path) -> None:
    code, out, err = madeus(folder, "run", "lamp.madeus")
    assert code == 0, err
    assert sorted((folder / "log").read_text().splitlines()) == ["start", "web[1] 10.0.0.7", "web[2] 10.0.0.7"]
    assert "db.start" in out
    assert "makespan" in out
    name = run_name(out)
    assert f"madeus trace {name} --html" in out
    assert "db is started" in err
    code, out, _ = madeus(folder, "status")
    assert code == 0
    assert f"{name} done" in out
    code, out, _ = madeus(folder, "runs")
    assert str(folder / "lamp.madeus") in out
    code, out, _ = madeus(folder, "runs", "--format", "json")
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["done"]
    code, out, _ = madeus(folder, "logs", name, "db.start")
    assert "! said ***" in out
    assert "hunter2" not in out
    code, out, err = madeus(folder, "trace", name)
    assert code == 0, err


def test_a_failed_run_says_what_failed_and_the_command_that_resumes(folder: Path) -> None:
    code, out, _ = madeus(folder, "run", "lamp.madeus", "--set", "code=3", "--progress", "none")
    assert code == 1
    assert "db.start on local: failed\n  run on local failed: exit code 3" in out
    assert "| said ***" in out
    assert "not started because of it: web[1].start, web[2].start" in out
    name = run_name(out)
    assert f"resume with: madeus run --resume {name}" in out
    code, out, err = madeus(folder, "logs", name, "web[1].start")
    assert (code, out, err) == (0, "", "web[1].start has done no action in this run\n")
    code, out, _ = madeus(folder, "run", "--resume", name)
    assert code == 1
    assert (folder / "log").read_text() == "start\n"
    code, out, _ = madeus(folder, "status", name, "--format", "json")
    assert json.loads(out)["components"][0]["failed"] == ["start"]
    assert json.loads(out)["sessions"] == 2


def test_ctrl_c_ends_what_runs_and_a_resume_goes_on(folder: Path) -> None:
    process = start(folder, "run", "lamp.madeus", "--set", "pause=30")
    pid = int(wait_for(folder / "pid"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "stopping: 1 running" in err
    assert "interrupted" in out
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert "interrupted" in madeus(folder, "runs")[1]


def test_a_second_ctrl_c_leaves_at_once_and_the_run_can_be_resumed(folder: Path) -> None:
    (folder / "lamp.madeus").write_text(MODEL.replace("sleep ${pause}", "trap '' TERM; sleep ${pause} & wait; sleep 2"))
    process = start(folder, "run", "lamp.madeus", "--set", "pause=2")
    wait_for(folder / "pid")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "stopping" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 130
    assert "madeus run --resume lamp-" in err
    assert "\x1b" not in err
    assert "lost" in madeus(folder, "runs")[1]
    code, _, err = madeus(folder, "run", "--resume", "last", "--progress", "none")
    assert code == 0, err


def test_a_second_run_of_an_assembly_is_refused_with_the_holder_named(folder: Path) -> None:
    process = start(folder, "run", "lamp.madeus", "--set", "pause=20")
    wait_for(folder / "pid")
    code, _, err = madeus(folder, "run", "lamp.madeus")
    assert code == 1
    assert f"assembly lamp is being run by process {process.pid}" in err
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 130


def test_json_lines_are_for_machines(folder: Path) -> None:
    code, out, err = madeus(folder, "run", "lamp.madeus", "--format", "json", "--set", "code=4")
    assert code == 1
    assert err == ""
    events = [json.loads(line) for line in out.splitlines()]
    assert events[0]["event"] == "run_began"
    assert events[-1]["event"] == "result"
    assert events[-1]["failures"][0]["exit_code"] == 4
    assert events[-1]["resume"].startswith("madeus run --resume lamp-")
    assert all("time" in event for event in events)


def test_a_dry_run_starts_nothing_and_hides_secrets(folder: Path) -> None:
    code, out, err = madeus(folder, "run", "lamp.madeus", "--dry-run")
    assert code == 0, err
    assert "db.provision on local" in out
    assert "echo web[2] <db.ip> >> log" in out
    assert "echo said ***" in out
    assert "predicted 3.0 s" in out
    assert not (folder / "log").exists()
    assert not (folder / "state").exists()
    code, out, _ = madeus(folder, "run", "lamp.madeus", "--dry-run", "--format", "json")
    assert [t["transition"] for t in json.loads(out)["transitions"]][:2] == ["provision", "start"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run",), "which file?"),
        (("run", "none.madeus"), ""),
        (("run", "lamp.madeus", "--inventory", "none.toml"), "none.toml: cannot be read"),
        (("run", "lamp.madeus", "--retry", "db.start"), "go with --resume"),
        (("run", "--resume", "last"), "there is no journal"),
        (("run", "lamp.madeus", "--secrets", "lamp.madeus"), "others can read it"),
        (("status", "nothing"), "there is no journal"),
        (("logs", "nothing"), "there is no journal"),
        (("run", "lamp.madeus", "-a", "lmap"), "did you mean lamp?"),
    ],
)
def test_mistakes_are_told_in_a_sentence(folder: Path, words: tuple[str, ...], message: str) -> None:
    code, _, err = madeus(folder, *words)
    assert code == 2, err
    assert message in err
    assert "Traceback" not in err


def test_a_damaged_journal_is_told_in_a_sentence(folder: Path) -> None:
    (folder / "state").mkdir()
    (folder / "state/state.db").write_bytes(b"garbage " * 4096)
    for words in (("run", "lamp.madeus"), ("runs",), ("status",), ("run", "--resume", "last")):
        code, _, err = madeus(folder, *words)
        assert code == 1
        assert "state.db is damaged" in err
        assert "Traceback" not in err


@pytest.mark.parametrize("command", ["run", "status", "runs", "logs"])
def test_help_has_examples(folder: Path, command: str) -> None:
    code, out, _ = madeus(folder, command, "--help")
    assert code == 0
    assert f"Examples:\n    madeus {command}" in out
    assert "Exit codes: 0" in out


def test_status_names_the_host_that_the_inventory_gives(folder: Path) -> None:
    (folder / "one.madeus").write_text(
        'component A {\n  initial place a\n  place b\n  transition t: a -> b { run "true" }\n'
        "  transition nothing: a -> b\n}\nassembly one { x: A on g[1] }\n"
    )
    (folder / "hosts.toml").write_text('[groups.g]\nhosts = ["node"]\n[hosts.node]\ntransport = "local"\n')
    code, _, err = madeus(folder, "run", "one.madeus", "-i", "hosts.toml", "--progress", "none")
    assert code == 0, err
    code, out, _ = madeus(folder, "status", "--format", "json")
    assert json.loads(out)["components"][0]["host"] == "node"
    assert "node" in madeus(folder, "status")[1]
    assert {execution.host for execution in read_run("last", folder / "state").details.values()} == {"node"}


def test_a_name_with_brackets_is_quoted_for_the_shell_in_what_may_be_copied(folder: Path) -> None:
    (folder / "slow.py").write_text(
        'import time\n\ndef f(context):\n    open("pid", "w").write("1")\n    time.sleep(30)\n'
    )
    (folder / "one.madeus").write_text(
        'component A {\n  initial place a\n  place b\n  transition t: a -> b { python "slow:f" }\n}\n'
        "assembly one { x[1..1]: A }\n"
    )
    process = start(folder, "run", "one.madeus")
    wait_for(folder / "pid")
    process.kill()
    process.communicate()
    code, out, _ = madeus(folder, "run", "--resume", "last", "--progress", "none")
    assert code == 1
    assert "--retry 'x[1].t'\n" in out and "--assume-done 'x[1].t'\n" in out


def test_a_dry_run_says_what_acts_in_layers_and_where_a_checkpoint_comes_before_it(folder: Path) -> None:
    (folder / "site.madeus").write_text(
        """
component Site {
  initial place off
  place there, online
  transition install: off -> there    takes 2s { run "install" }
  transition fresh:   off -> there    takes 1s { run "fresh" }
  transition publish: there -> online takes 1s { run "publish" }
}
assembly frontend {
  a: Site on w1 in layer
  b: Site on w2
}
"""
    )
    (folder / "hosts.toml").write_text('hosts.w1.address = "192.0.2.1"\nhosts.w2.address = "192.0.2.2"\n')
    words = ("run", "site.madeus", "--inventory", "hosts.toml", "--dry-run")
    code, out, err = madeus(folder, *words)
    assert code == 0, err
    said = [line.split("  ", 3)[-1].strip() for line in out.splitlines() if ".install" in line or ".publish" in line]
    assert [line.partition(" on ")[2] for line in said] == [
        "w1, in layer, after a checkpoint",
        "w2",
        "w1, in layer, after a checkpoint",
        "w2",
    ]
    assert "a.fresh on w1, in layer\n" in out
    assert "checkpoints of machines, to which `madeus rollback` returns: 2 of w1\n" in out
    found = json.loads(madeus(folder, *words, "--format", "json")[1])["transitions"]
    marks = {(t["component"], t["transition"]): (t["in_layer"], t["checkpoint"]) for t in found}
    assert marks[("a", "publish")] == (True, True) and marks[("a", "fresh")] == (True, False)
    assert marks[("b", "install")] == (False, False)
    assert not (folder / "state").exists()
