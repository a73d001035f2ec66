"""Resuming on scripted hosts: the controller dies at every write of its journal."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from madeus.executor.api import RunOptions, resume_run_async, run_assembly_async
from madeus.executor.journal.events import RunState
from madeus.executor.journal.read import read_run
from madeus.executor.journal.store import Journal
from madeus.executor.testing import MortalJournal, assert_conforms, run_until_death, virtual_options
from madeus.executor.transport.base import Job
from madeus.executor.transport.fake import FakeWorld, Reply, run_virtual
from madeus.model import Assembly
from madeus.semantics import StepKind
from tests.executor.run.assemblies import lamp


def script(host: str, job: Job) -> Reply:
    seconds = 1 + sum(job.id.encode()) % 7 / 7
    return Reply(seconds=seconds, stdout=b"10.0.0.7\n" if "provision" in job.script else b"")


def seen(world: FakeWorld) -> Counter[str]:
    return Counter(world.jobs[key].script.split(" >>")[0] for key in world.started)


def deaths(state: Path, assembly: Assembly, make: Callable[[], FakeWorld], after: bool, pause: float) -> int:
    """Run and die at write 0, 1, ... of the first controller until one lives; each time resume and look at the end."""
    dies_at = 0
    while True:
        world = make()

        async def one(world: FakeWorld = world, dies_at: int = dies_at) -> bool:
            died = asyncio.Event()
            journal = MortalJournal.mortal(state, dies_at, after, died.set)
            options = virtual_options(world, RunOptions(state=state))
            result = await run_until_death(
                run_assembly_async(assembly, options=replace(options, journal=journal)), died
            )
            journal.close()
            lived = result is not None
            if result is None:
                await asyncio.sleep(pause)
                plain = Journal.open(state)
                plain.query("DELETE FROM locks")  # the dead controller's process is this one, which lives
                run = plain.find("last")
                if read_run(run, journal=plain).head.state is RunState.DONE:
                    assert after
                    plain.close()
                    return False
                plain.close()
                result = await resume_run_async("last", options)
            assert result.state is RunState.DONE
            assert set(seen(world).values()) == {1}
            assert len(seen(world)) == 9
            conf = assert_conforms(result.trace, assembly)
            assert conf.components == result.configuration.components
            assert read_run("last", state).trace == result.trace
            assert not any(e.step.kind is StepKind.FAIL for e in result.trace.events)
            return lived

        if run_virtual(one()):
            return dies_at
        dies_at += 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("pause", [0.0, 100.0])
def test_each_action_runs_once_wherever_the_controller_dies(state: Path, after: bool, pause: float) -> None:
    died = deaths(state, lamp("/log"), lambda: FakeWorld(script), after, pause)
    assert died >= 9
