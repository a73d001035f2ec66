"""Controllers in processes of their own, killed by SIGKILL; the commands are real ones of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from madeus.executor.api import RunOptions, resume_run, run_assembly
from madeus.executor.journal.events import RunState
from madeus.executor.journal.read import read_run
from madeus.executor.journal.store import Journal
from madeus.executor.testing import MortalJournal, assert_conforms
from tests.executor.run.assemblies import LAMP_LINES, lamp

ROOT = Path(__file__).parents[3]


def mortal_controller(state: str, log: str, dies_at: str, after: str) -> None:
    """Body of a controller's process."""
    journal = MortalJournal.mortal(
        Path(state), int(dies_at), after == "True", lambda: os.kill(os.getpid(), signal.SIGKILL)
    )
    assert run_assembly(lamp(log), options=RunOptions(journal=journal)).ok


def killed(state: Path, log: Path, dies_at: int, after: bool) -> bool:
    """Run a controller that dies at a write; whether it did."""
    given = [str(state), str(log), str(dies_at), str(after)]
    code = f"from tests.executor.run.test_kill import mortal_controller; mortal_controller(*{given})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def go_on(state: Path, log: Path) -> None:
    """Resume, and look whether everything is as if nothing had happened."""
    record = read_run("last", state)
    if record.head.state is RunState.DONE:
        return
    assert record.status == "lost"
    result = resume_run("last", RunOptions(state=state))
    assert result.ok
    assert sorted(log.read_text().splitlines()) == LAMP_LINES
    assert_conforms(result.trace, lamp(str(log)))
    assert read_run("last", state).trace == result.trace


def test_a_killed_run_goes_on_where_it_was(state: Path) -> None:
    assert killed(state, state / "log", 3, after=True)
    go_on(state, state / "log")


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True])
def test_each_command_runs_once_wherever_the_controller_is_killed(state: Path, after: bool) -> None:
    dies_at = 0
    while killed(state, log := state / f"log{dies_at}", dies_at, after):
        go_on(state, log)
        dies_at += 1
    assert dies_at > 5


def test_a_run_whose_controller_is_dead_is_lost_and_its_lock_is_free(state: Path) -> None:
    log = state / "log"
    assert killed(state, log, 2, after=False)
    assert read_run("last", state).status == "lost"
    result = run_assembly(lamp(str(log)), options=RunOptions(state=state))
    assert result.ok
    journal = Journal.open(state, create=False)
    assert [head.state for head in journal.heads()] == [RunState.DONE, RunState.RUNNING]
    journal.close()
