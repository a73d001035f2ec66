"""A controller that is killed while it changes a live assembly: nothing is done twice, and what was done stays known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from madeus.executor.api import Origin, RunOptions, resume_run
from madeus.executor.journal.read import read_run
from madeus.executor.journal.store import Journal
from madeus.executor.live.change import Intent, deploy, look, reconfigure
from madeus.executor.live.errors import ComponentsHeld
from madeus.executor.live.read import read_one
from madeus.executor.testing import MortalJournal
from madeus.model import Action, Assembly, Push, WaitAll
from tests.build import assembly, kind, program

ROOT = Path(__file__).parents[2]
STEPS = ("t: a -> b in go", "u: b -> c in go")
CHANGE = program("change", Push("x", "go"), Push("y", "go"), WaitAll())


def chain(log: str) -> Assembly:
    """Two components, each with two actions that write a line."""
    made = assembly([kind("T", "places a* b c", *STEPS)], "x:T y:T")
    acting = tuple(
        replace(t, actions=(Action("run", (f"echo ${{instance.name}}.{t.name} >> {log}",)),))
        for t in made.types["T"].transitions
    )
    return replace(made, types={"T": replace(made.types["T"], transitions=acting, behaviors=("go",))})


def intend(journal: Journal, log: str) -> Intent:
    return look(journal, "test", chain(log), [[CHANGE]], {"change": CHANGE}, Origin())


def mortal_controller(state: str, log: str, dies_at: str) -> None:
    """Body of a controller's process."""
    journal = MortalJournal.mortal(Path(state), int(dies_at), True, lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert reconfigure(intend(journal, log), RunOptions(journal=journal)).ok


def change(state: Path, dies_at: int) -> bool:
    """Deploy, and let a controller change it that dies at a write; whether it died."""
    log = state / "log"
    assert deploy(chain(str(log)), (), {"change": CHANGE}, options=RunOptions(state=state)).ok
    given = [str(state), str(log), str(dies_at)]
    code = f"from tests.reconfiguration.test_killed_change import mortal_controller; mortal_controller(*{given})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def go_on(state: Path) -> None:
    live = read_one("test", state)
    if live.status == "lost":
        journal = Journal.open(state)
        with pytest.raises(ComponentsHeld, match="which is lost and not finished"):
            intend(journal, str(state / "log"))
        journal.close()
        assert read_run("last", state).system.begin is not None
        assert resume_run("last", RunOptions(state=state)).ok
    live = read_one("test", state)
    assert live.status == "idle"
    assert {name: set(s.places) for name, s in live.state.configuration.components.items()} == {"x": {"c"}, "y": {"c"}}
    assert sorted((state / "log").read_text().splitlines()) == ["x.t", "x.u", "y.t", "y.u"]


def test_a_change_whose_controller_is_killed_goes_on_where_it_was(state: Path) -> None:
    assert change(state, 2)
    go_on(state)


@pytest.mark.long
@pytest.mark.parametrize("dies_at", range(12))
def test_each_command_of_a_change_runs_once_wherever_the_controller_is_killed(state: Path, dies_at: int) -> None:
    change(state, dies_at)
    go_on(state)
