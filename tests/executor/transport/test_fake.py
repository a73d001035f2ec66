"""Scripted hosts and virtual time."""

from __future__ import annotations

import asyncio
import time

import pytest

from madeus.executor.errors import ConnectionLost, JobRefused, JobVanished
from madeus.executor.inventory import Host
from madeus.executor.transport.base import Finished, Job, Running, Vanished
from madeus.executor.transport.fake import FakeWorld, Reply, run_virtual
from madeus.executor.transport.pool import Transports


def test_scripted_jobs_take_virtual_time_side_by_side() -> None:
    world = FakeWorld(lambda host, job: Reply(seconds=3600 * int(job.id), stdout=host.encode()))

    async def main() -> float:
        async with Transports("r", make=world.transport_maker("r")) as transports:
            hosts = [transports.of(Host(name)) for name in ("a", "b")]
            outcomes = await asyncio.gather(*(host.perform(Job(str(n), "x")) for host in hosts for n in (1, 2, 5)))
            assert [outcome.stdout for outcome in outcomes] == [b"a"] * 3 + [b"b"] * 3
        return asyncio.get_running_loop().time()

    begun = time.monotonic()
    assert run_virtual(main()) == 5 * 3600
    assert time.monotonic() - begun < 60
    assert world.started == [("a", "1"), ("a", "2"), ("a", "5"), ("b", "1"), ("b", "2"), ("b", "5")]


def test_a_scripted_job_runs_once_however_often_it_is_started() -> None:
    world = FakeWorld(lambda host, job: Reply(1))

    async def main() -> None:
        one, two = world.transport("a", "r"), world.transport("a", "r")
        await one.start(Job("j", "x"))
        assert isinstance(await two.find("j"), Running)
        await two.start(Job("j", "x"))
        assert (await two.wait("j")).seconds == 1 and isinstance(await one.find("j"), Finished)

    run_virtual(main())
    assert world.started == [("a", "j")]


def test_faults_are_injected() -> None:
    replies = {
        "refused": Reply(refused="full"),
        "vanishes": Reply(1, vanishes=True),
        "long": Reply(50),
        "killed": Reply(9),
    }
    world = FakeWorld(lambda host, job: replies[job.id])

    async def main() -> None:
        host = world.transport("a", "r")
        with pytest.raises(JobRefused, match="a: full"):
            await host.perform(Job("refused", "x"))
        with pytest.raises(JobVanished):
            await host.perform(Job("vanishes", "x"))
        await host.start(Job("killed", "x"))
        await host.kill("killed")
        outcome = await host.wait("killed")
        assert outcome.killed and outcome.exit_code == 143
        await host.start(Job("long", "x"))
        waiting = asyncio.create_task(host.wait("long"))
        await asyncio.sleep(1)
        world.unreachable("a", ConnectionLost("a", "", "cut"))
        with pytest.raises(ConnectionLost):
            await waiting
        world.unreachable("a", None)
        assert isinstance(await host.find("long"), Running)
        world.restart("a")
        assert await host.find("long") == Vanished("the host was restarted")

    run_virtual(main())


def test_a_job_of_nothing_leaves_its_files_to_the_fake_host() -> None:
    world = FakeWorld()

    async def main() -> None:
        host = world.transport("a", "r")
        assert await host.put("/etc/x", b"1", 0o600) is True
        assert await host.put("/etc/x", b"1") is False
        assert await host.get("/etc/x") == b"1"
        kinds = [fact.kind for fact in await host.stat(["/etc/x", "/etc", "/nope"])]
        assert kinds == ["file", "directory", "absent"]

    run_virtual(main())
