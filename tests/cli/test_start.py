"""What commands import before they do anything: a person waits for it each time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from madeus.executor.inventory import load_inventory
from madeus.executor.layers.api import Layers
from madeus.executor.layers.simulated import SimulatedHosts
from madeus.executor.layers.store import LayerStore
from madeus.model import Role, RoleVersion

LIBRARIES = {"asyncssh", "cryptography", "jinja2", "lark", "numpy", "z3", "rich", "immutables"}
ROOMS = {
    *("madeus.api", "madeus.questions", "madeus.dsl", "madeus.model", "madeus.semantics", "madeus.petri"),
    *("madeus.checker", "madeus.planner", "madeus.view", "madeus.web", "madeus.diagnostics", "madeus.executor.action"),
}
WORKING = {"asyncio", "ssl", "sqlite3", "madeus.executor", "madeus.layers", "madeus.fleet"}
"""What telling about a command has no use for."""


def imported(of: set[str], *words: str, **environment: str) -> tuple[list[str], int, str]:
    """Which of these modules a command imports, its exit code, and what it prints."""
    program = (
        f"import sys\nfrom madeus.cli import main\nsys.argv = ['madeus', *{list(words)!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    code = end.code or 0\n"
        f"print('imported:', *sorted({of!r} & set(sys.modules)), code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    *said, last = done.stdout.splitlines()
    *found, code = last.split()[1:]
    return found, int(code), "\n".join(said)


@pytest.mark.parametrize(
    "words", [["--version"], ["--help"], ["rollback", "--help"], ["host", "--help"], ["run", "--help"]]
)
def test_telling_about_a_command_imports_nothing_that_does_anything(words: list[str]) -> None:
    found, code, said = imported(LIBRARIES | ROOMS | WORKING, *words)
    assert (found, code) == ([], 0)
    assert "madeus" in said


def test_completion_imports_nothing_that_does_anything() -> None:
    asked = {"_MADEUS_COMPLETE": "bash_complete", "COMP_WORDS": "madeus roll", "COMP_CWORD": "1"}
    found, _, said = imported(LIBRARIES | ROOMS | WORKING, **asked)
    assert (found, said.split()) == ([], ["plain,rollback", "plain,rollout"])


def test_the_door_for_programs_imports_nothing_before_a_name_is_used() -> None:
    program = (
        f"import sys, madeus\nprint(sorted({LIBRARIES | ROOMS | WORKING!r} & set(sys.modules)), 'load' in dir(madeus))\n"
        "madeus.load\nprint('madeus.api' in sys.modules, 'asyncio' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[] True", "True False"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with a machine that has a state to return to, and that nobody answers for."""
    inventory = tmp_path / "hosts.toml"
    inventory.write_text('[hosts.m1]\naddress = "127.0.0.1"\nport = 9\n')

    async def assigned() -> None:
        async with Layers(
            LayerStore.open(tmp_path / "state"), SimulatedHosts("m1"), load_inventory(inventory)
        ) as layers:
            await layers.define(Role("web", "debian", (RoleVersion("1"),)), tmp_path)
            assert [done.error for done in await layers.assign("web", ["m1"])] == [None]
            await layers.checkpoint("m1", "a state to return to")

    asyncio.run(assigned())
    return tmp_path / "state"


def test_a_rollback_imports_neither_language_nor_model_nor_semantics(state: Path) -> None:
    found, code, _ = imported(LIBRARIES - {"asyncssh", "cryptography"} | ROOMS, "rollback", "m1", "--state", str(state))
    assert (found, code) == ([], 1)  # 1: the host refuses the connection
