"""Connections that break, controllers that die: jobs go on and are found again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from madeus.executor.errors import ConnectionLost, HostError, TakenOver
from madeus.executor.inventory import Host
from madeus.executor.transport.base import Finished, Job, Running
from madeus.executor.transport.pool import Transports
from tests.executor.sshd import Sshd

CONTROLLER = """
import asyncio, sys
from pathlib import Path
from madeus.executor.inventory import Host
from madeus.executor.transport.base import Job
from madeus.executor.transport.pool import Transports

async def main():
    run, folder, kind, port = sys.argv[1:5]
    here = Host("local", transport="local")
    if kind == "ssh":
        keys = Path(sys.argv[5])
        here = Host("here", address="127.0.0.1", port=int(port), user=sys.argv[6], identity=keys / "id",
                    known_hosts=keys / "known_hosts", ssh_config=keys / "ssh_config")
    host = Transports(run).of(here)
    await host.perform(Job("before", f"echo x >> {folder}/before; echo before"))
    waiting = f"while [ ! -e {folder}/go ]; do sleep 0.05; done"
    await host.start(Job("during", f"echo x >> {folder}/during; echo one; {waiting}; echo two"))
    await host.start(Job("short", f"echo x >> {folder}/short; sleep 0.3; echo short"))
    while not (Path(folder) / "short").exists(): await asyncio.sleep(0.01)
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
def own_sshd(tmp_path: Path) -> object:
    server = Sshd(tmp_path / "sshd").start()
    yield server
    server.stop()


@pytest.mark.parametrize("kind", ["local", "ssh"])
def test_jobs_outlive_a_controller_that_is_killed_and_are_attached_again(
    kind: str, request: pytest.FixtureRequest, run_name: str, tmp_path: Path
) -> None:
    arguments = [run_name, str(tmp_path), kind, "0"]
    here = Host("local", transport="local")
    if kind == "ssh":
        server: Sshd = request.getfixturevalue("sshd")
        here = server.host()
        arguments = [run_name, str(tmp_path), kind, str(server.port), str(server.folder), str(here.user)]
    controller = subprocess.Popen([sys.executable, "-c", CONTROLLER, *arguments], stdout=subprocess.PIPE)
    assert controller.stdout is not None and controller.stdout.readline() == b"ready\n"
    controller.send_signal(signal.SIGKILL)
    controller.wait()
    controller.stdout.close()

    async def main() -> None:
        async with Transports(run_name) as transports:
            host = transports.of(here)
            found = await host.find("before")
            assert isinstance(found, Finished) and found.outcome.stdout == b"before\n"
            assert isinstance(await host.find("during"), Running)
            (tmp_path / "go").touch()
            # Starting them again, as a controller that knows nothing would, runs nothing twice.
            await host.start(Job("during", "echo never"))
            assert (await host.wait("during")).stdout == b"one\ntwo\n"
            for _ in range(100):
                found = await host.find("short")
                if isinstance(found, Finished):
                    break
                await asyncio.sleep(0.05)
            assert isinstance(found, Finished) and found.outcome.stdout == b"short\n"
            assert (await host.perform(Job("short", "echo never"))).stdout == b"short\n"
            await transports.forget()

    asyncio.run(main())
    for name in ("before", "during", "short"):
        assert (tmp_path / name).read_text() == "x\n"


def test_a_cut_connection_comes_back_and_no_job_is_lost_or_doubled(
    own_sshd: Sshd, run_name: str, tmp_path: Path
) -> None:
    async def main() -> None:
        async with Transports(run_name, patience=20) as transports:
            host = transports.of(own_sshd.host())
            await host.connect()
            jobs = [Job(f"j{n}", f"echo x >> {tmp_path}/j{n}; sleep {0.1 * n}; seq {500 * n}") for n in range(12)]
            waiting = [asyncio.create_task(host.perform(job)) for job in jobs]
            for _ in range(3):
                await asyncio.sleep(0.15)
                own_sshd.cut()
            outcomes = await asyncio.gather(*waiting)
            for n, outcome in enumerate(outcomes):
                assert outcome.stdout.split() == [b"%d" % k for k in range(1, 500 * n + 1)]
                assert (tmp_path / f"j{n}").read_text() == "x\n"
            await transports.forget()

    asyncio.run(main())


def test_an_upload_that_was_cut_is_sent_again_whole(own_sshd: Sshd, run_name: str) -> None:
    async def main() -> None:
        async with Transports(run_name, patience=20) as transports:
            host = transports.of(own_sshd.host())
            await host.connect()
            data = os.urandom(1 << 20) * 12
            sending = asyncio.create_task(host.perform(Job("big", "wc -c; md5sum /dev/null", stdin=data)))
            await asyncio.sleep(0.05)
            own_sshd.cut()
            assert (await sending).stdout.split()[0] == str(len(data)).encode()
            await transports.forget()

    asyncio.run(main())


def test_an_idle_connection_that_was_cut_is_opened_again_by_the_next_use(own_sshd: Sshd, run_name: str) -> None:
    async def main() -> None:
        async with Transports(run_name, patience=20) as transports:
            host = transports.of(own_sshd.host())
            assert (await host.perform(Job("a", "echo a"))).stdout == b"a\n"
            own_sshd.cut()
            await asyncio.sleep(0.2)
            assert (await host.perform(Job("b", "echo b"))).stdout == b"b\n"
            await transports.forget()

    asyncio.run(main())


def test_a_host_that_does_not_come_back_is_reported_after_the_patience(own_sshd: Sshd, run_name: str) -> None:
    async def main() -> None:
        async with Transports(run_name, patience=0.5) as transports:
            host = transports.of(own_sshd.host())
            await host.start(Job("long", "sleep 2"))
            await asyncio.sleep(0.3)
            own_sshd.stop()
            with pytest.raises(ConnectionLost) as caught:
                await host.wait("long")
            assert "did not come back within 0.5 s: nothing listens on port" in str(caught.value)
            assert caught.value.help == "jobs that were started go on on the host; resume the run when it is reachable"
            with pytest.raises(HostError):
                await host.perform(Job("next", "true"))
            own_sshd.start()
            assert isinstance(await host.find("long"), Finished | Running)
            assert (await host.perform(Job("next", "true"))).exit_code == 0
            await host.kill("long", 0)
            await transports.forget()

    asyncio.run(main())


def test_an_older_controller_can_start_nothing_after_a_newer_one_has_asked(
    own_sshd: Sshd, run_name: str, tmp_path: Path
) -> None:
    async def main() -> None:
        async with Transports(run_name) as old, Transports(run_name) as new:
            first, second = old.of(own_sshd.host()), new.of(own_sshd.host())
            await first.start(Job("mine", "sleep 3; echo mine"))
            assert (await first.connect()).owner == 1
            await asyncio.sleep(0.2)
            assert isinstance(await second.find("mine"), Running)
            assert (await second.connect()).owner == 2
            with pytest.raises(TakenOver, match="another controller drives this run now"):
                await first.perform(Job("late", f"touch {tmp_path}/late"))
            assert (await second.wait("mine")).stdout == b"mine\n"
            assert not (tmp_path / "late").exists()
            await new.forget()

    asyncio.run(main())


def test_hosts_of_two_names_on_one_machine_do_not_disturb_each_other(own_sshd: Sshd, run_name: str) -> None:
    async def main() -> None:
        async with Transports(run_name) as transports:
            one, two = transports.of(own_sshd.host("one")), transports.of(own_sshd.host("two"))
            results = await asyncio.gather(one.perform(Job("a", "echo 1")), two.perform(Job("a", "echo 2")))
            assert [result.stdout for result in results] == [b"1\n", b"2\n"]
            await transports.forget()

    asyncio.run(main())


def test_a_closed_transport_refuses_work_and_closing_twice_is_fine(run_name: str) -> None:
    async def main() -> None:
        transports = Transports(run_name)
        host = transports.of(Host("local", transport="local"))
        await host.perform(Job("a", "true"))
        await transports.forget()
        await transports.close()
        await transports.close()
        with pytest.raises(ConnectionLost):
            await host.perform(Job("b", "true"))

    asyncio.run(main())
