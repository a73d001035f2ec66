"""Runs on test hosts: a host that restarts while its controller is dead, and one that is cut off."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.api import RunOptions, resume_run, run_assembly, run_assembly_async
from madeus.executor.inventory import load_inventory
from madeus.executor.journal.read import read_run
from madeus.executor.reconcile import Decisions
from madeus.executor.testbed import Testbed
from madeus.executor.testing import assert_conforms
from madeus.model import Assembly, Instance, Transition
from tests.executor.run.assemblies import action, chain

pytestmark = [pytest.mark.hosts, pytest.mark.long]

ROOT = Path(__file__).parents[3]


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Testbed]:
    with Testbed.up(["h1", "h2"], tmp_path / "bed") as made:
        yield made


def pair(idempotent: bool = False) -> Assembly:
    command = "echo begun >> /root/log; sleep 6; echo done >> /root/log"
    slow = Transition("slow", "p0", "p1", actions=(action(command),), idempotent=idempotent)
    kind = chain("T", slow, ("then", "echo then >> /root/log"))
    return Assembly("pair", {"T": kind}, (Instance("a", "T", "h1"), Instance("b", "T", "h2")))


def controller(state: str, inventory: str, idempotent: str) -> None:
    """Body of a controller's process."""
    options = RunOptions(state=Path(state), inventory=load_inventory(Path(inventory)))
    run_assembly(pair(idempotent == "True"), options=options)


def log_of(bed: Testbed, host: str) -> list[str]:
    return bed.host(host).exec("cat /root/log 2>/dev/null || true")[1].split()


def killed_while_it_sleeps(state: Path, bed: Testbed, idempotent: bool) -> None:
    given = [str(state), str(bed.inventory), str(idempotent)]
    code = f"from tests.executor.run.test_on_hosts import controller; controller(*{given})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    for _ in range(200):
        if all(log_of(bed, host) for host in ("h1", "h2")):
            break
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_commands_go_on_without_their_controller_and_are_found_again(state: Path, bed: Testbed) -> None:
    killed_while_it_sleeps(state, bed, False)
    result = resume_run("last", RunOptions(state=state))
    assert result.ok, result.failures
    for host in ("h1", "h2"):
        assert log_of(bed, host) == ["begun", "done", "then"]
    assert_conforms(result.trace, pair())


def test_after_a_restart_of_its_host_an_action_is_undecided(state: Path, bed: Testbed) -> None:
    killed_while_it_sleeps(state, bed, False)
    bed.host("h2").kill()
    bed.host("h2").start()
    first = resume_run("last", RunOptions(state=state))
    assert [(f.name, f.undecided) for f in first.failures] == [("b.slow", True)]
    assert first.configuration.components["a"].places == {"p2"}
    second = resume_run("last", RunOptions(state=state), Decisions(assume_done=frozenset({"b.slow"})))
    assert second.ok, second.failures
    assert log_of(bed, "h1") == ["begun", "done", "then"]
    assert log_of(bed, "h2")[-1] == "then"
    assert log_of(bed, "h2").count("begun") <= 1
    assert read_run("last", state).status == "done"


def test_after_a_restart_of_its_host_an_idempotent_action_is_run_again(state: Path, bed: Testbed) -> None:
    killed_while_it_sleeps(state, bed, True)
    bed.host("h2").kill()
    bed.host("h2").start()
    result = resume_run("last", RunOptions(state=state))
    assert result.ok, result.failures
    assert log_of(bed, "h2")[-2:] == ["done", "then"]


def test_a_partition_does_no_harm(state: Path, bed: Testbed) -> None:
    async def main() -> bool:
        options = RunOptions(state=state, inventory=load_inventory(bed.inventory))
        task = asyncio.ensure_future(run_assembly_async(pair(), options=options))
        await asyncio.sleep(3)
        bed.host("h2").partition()
        await asyncio.sleep(2)
        bed.host("h2").heal()
        return (await task).ok

    assert asyncio.run(main())
    assert log_of(bed, "h2") == ["begun", "done", "then"]
