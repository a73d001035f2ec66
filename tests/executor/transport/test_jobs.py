"""Jobs on a real shell, locally and over SSH, and what every transport promises."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from pathlib import Path

import pytest

from madeus.executor.errors import JobRefused, JobVanished
from madeus.executor.transport.base import Absent, Finished, Job, Running, Vanished, job_id
from tests.executor.conftest import Opened

CASE = "needs root"


def test_what_a_job_prints_and_its_exit_code_come_back(opened: Opened) -> None:
    async def main() -> None:
        async with opened() as host:
            outcome = await host.perform(Job("a", "echo out; echo err >&2; exit 3"))
            assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (3, b"out\n", b"err\n")
            assert not outcome.truncated and not outcome.killed

    asyncio.run(main())


def test_files_that_a_job_makes_can_be_read_by_others_as_after_a_login(opened: Opened) -> None:
    async def main() -> None:
        async with opened() as host:
            assert (await host.perform(Job("mask", "umask"))).stdout == b"0022\n"

    asyncio.run(main())


def test_a_job_that_was_started_twice_runs_once(opened: Opened, tmp_path: Path) -> None:
    async def main() -> None:
        job = Job("once", f"echo x >> {tmp_path}/count; sleep 0.2; wc -l < {tmp_path}/count")
        async with opened() as host:
            await host.start(job)
            await host.start(job)
            assert (await host.wait("once")).stdout.strip() == b"1"
            assert (await host.perform(job)).stdout.strip() == b"1"
        assert (tmp_path / "count").read_text() == "x\n"

    asyncio.run(main())


def test_two_controllers_that_start_the_same_job_run_it_once(opened: Opened, tmp_path: Path) -> None:
    async def main() -> None:
        job = Job("once", f"echo x >> {tmp_path}/count; sleep 0.3; echo done")
        async with opened() as first:
            await first.start(job)
            await asyncio.sleep(0.1)
            async with opened() as second:
                assert (await second.perform(job)).stdout == b"done\n"
        assert (tmp_path / "count").read_text() == "x\n"

    asyncio.run(main())


def test_large_and_binary_outputs_come_back_unchanged(opened: Opened, tmp_path: Path) -> None:
    async def main() -> None:
        data = os.urandom(1 << 20)
        (tmp_path / "data").write_bytes(data)
        async with opened() as host:
            outcome = await host.perform(Job("big", f"cat {tmp_path}/data; head -c 5000 {tmp_path}/data >&2"))
            assert outcome.stdout == data and outcome.stderr == data[:5000]
            assert not outcome.truncated
            every = bytes(range(256))
            assert (await host.perform(Job("echo", "cat", stdin=every * 4))).stdout == every * 4

    asyncio.run(main())


def test_outputs_over_the_limit_keep_their_ends_and_say_so(opened: Opened) -> None:
    async def main() -> None:
        async with opened() as host:
            outcome = await host.perform(Job("big", "echo BEGIN; head -c 3000000 /dev/zero; echo END"))
            assert outcome.truncated and outcome.stdout_size == 3000010
            assert outcome.stdout.startswith(b"BEGIN\n") and outcome.stdout.endswith(b"END\n")
            assert b"\n[... 1951434 bytes left out ...]\n" in outcome.stdout
            small = await host.perform(Job("small", "seq 1 100000", output_limit=100))
            numbers = b"".join(b"%d\n" % n for n in range(1, 100001))
            cut = b"\n[... %d bytes left out ...]\n" % (len(numbers) - 100)
            assert small.stdout == numbers[:50] + cut + numbers[-50:]

    asyncio.run(main())


def test_input_of_any_size_reaches_the_job(opened: Opened, tmp_path: Path) -> None:
    async def main() -> None:
        data = os.urandom(5_000_001)
        path = tmp_path / "input"
        path.write_bytes(data)
        async with opened() as host:
            for name, given in (("bytes", data), ("file", path)):
                outcome = await host.perform(Job(name, "sha256sum", stdin=given))
                assert outcome.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()
            assert (await host.perform(Job("none", "wc -c"))).stdout.strip() == b"0"
            assert (await host.perform(Job("empty", "wc -c", stdin=b""))).stdout.strip() == b"0"

    asyncio.run(main())


def test_environment_directory_and_quoting_survive_the_way(opened: Opened, tmp_path: Path) -> None:
    place = tmp_path / "a b'c"
    place.mkdir()

    async def main() -> None:
        value = 'it\'s "quoted" $HOME `x` \\ \n second\tline é'
        async with opened() as host:
            job = Job("env", 'pwd; printf %s "$VALUE"', environment=(("VALUE", value),), directory=str(place))
            outcome = await host.perform(job)
            assert outcome.stdout.decode() == f"{place}\n{value}"
            lost = await host.perform(Job("lost", "echo never", directory="/no/such"))
            assert lost.exit_code == 126 and lost.stdout == b""
            assert b"cannot enter the directory /no/such" in lost.stderr
            assert (await host.perform(Job("home", "pwd", directory="~"))).stdout.strip().decode() == (
                await host.connect()
            ).home

    asyncio.run(main())


def test_a_command_longer_than_an_argument_may_be_runs(opened: Opened) -> None:
    async def main() -> None:
        text = "x" * 300_000
        async with opened() as host:
            outcome = await host.perform(Job("long", f"cat <<'END' | wc -c\n{text}\nEND"))
            assert outcome.stdout.strip() == b"300001"

    asyncio.run(main())


def test_a_command_is_not_seen_in_the_process_list(opened: Opened) -> None:
    async def main() -> None:
        async with opened() as host:
            outcome = await host.perform(
                Job(
                    "ps",
                    "# password-hunter2\ncat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c password-hunte[r]2 || :",
                )
            )
            assert outcome.stdout.strip() == b"0"

    asyncio.run(main())


def test_many_jobs_at_once_do_not_mix_their_results(opened: Opened) -> None:
    async def main() -> None:
        async with opened() as host:
            outcomes = await asyncio.gather(
                *(host.perform(Job(f"j{n}", f"seq {n} {n + 400 * (n % 5)}")) for n in range(40))
            )
            for n, outcome in enumerate(outcomes):
                assert outcome.stdout.split() == [b"%d" % k for k in range(n, n + 400 * (n % 5) + 1)]

    asyncio.run(main())


def test_find_tells_absent_running_and_finished(any_transport: Opened) -> None:
    async def main() -> None:
        async with any_transport() as host:
            assert await host.find("never") == Absent()
            await host.perform(Job("done", "true"))
            found = await host.find("done")
            assert isinstance(found, Finished) and found.outcome.exit_code == 0

    asyncio.run(main())


def test_a_forgotten_run_is_absent_and_may_start_again(any_transport: Opened) -> None:
    async def main() -> None:
        async with any_transport() as host:
            await host.perform(Job("done", "true"))
            await host.forget(host.run)
            assert await host.find("done") == Absent()
            assert (await host.perform(Job("done", "true"))).exit_code == 0

    asyncio.run(main())


def test_waiting_for_a_job_nobody_started_is_an_error(any_transport: Opened) -> None:
    async def main() -> None:
        async with any_transport() as host:
            await host.connect()
            with pytest.raises(LookupError):
                await host.wait("never")

    asyncio.run(main())


def test_an_absent_job_of_before_a_restart_is_vanished(any_transport: Opened) -> None:
    async def main() -> None:
        async with any_transport() as host:
            boot = (await host.connect()).boot_id
            assert await host.find("never", boot) == Absent()
            assert isinstance(await host.find("never", "another boot"), Vanished)

    asyncio.run(main())


def test_a_running_job_is_found_by_the_next_controller_which_waits_for_it(opened: Opened, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened() as first:
            await first.start(Job("slow", f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; seq 1 3000"))
            await asyncio.sleep(0.2)
            async with opened() as second:
                found = await second.find("slow")
                assert isinstance(found, Running)
                (tmp_path / "go").touch()
                outcome = await second.wait("slow")
                assert outcome.stdout.split() == [b"%d" % n for n in range(1, 3001)]
                assert outcome.seconds >= 0.2

    asyncio.run(main())


def test_a_job_whose_processes_were_killed_from_outside_has_vanished(opened: Opened, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened() as host:
            await host.start(Job("gone", f"echo $$ $PPID > {tmp_path}/pids; sleep 100"))
            await asyncio.sleep(0.3)
            pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
            async with opened() as other:
                assert isinstance(await other.find("gone"), Running)
                for pid in reversed(pids):
                    os.kill(pid, 9)
                with pytest.raises(JobVanished, match="job gone was started but left no result"):
                    await other.wait("gone")
                assert isinstance(await other.find("gone"), Vanished)

    asyncio.run(main())


def test_kill_ends_the_whole_family_of_a_job_and_nothing_else(opened: Opened, tmp_path: Path) -> None:
    family = f"""
        echo $$ >> {tmp_path}/pids
        (trap '' TERM; echo child; sleep 60) & echo $! >> {tmp_path}/pids
        setsid sh -c 'echo $$ >> {tmp_path}/pids; sleep 60' &
        sh -c 'setsid sh -c "echo \\$\\$ >> {tmp_path}/pids; exec sleep 60" &'
        sleep 60"""

    async def main() -> None:
        async with opened() as host:
            await host.start(Job("family", family))
            await host.start(Job("other", "sleep 2; echo unharmed"))
            pids = await asyncio.to_thread(written, tmp_path / "pids", 4)
            await host.kill("family", grace=0.3)
            assert not [pid for pid in pids if alive(int(pid))]
            outcome = await host.wait("family")
            assert outcome.killed and outcome.exit_code == 143
            assert (await host.wait("other")).stdout == b"unharmed\n"

    asyncio.run(main())


def test_a_job_that_ignores_sigterm_is_killed_after_the_grace(opened: Opened) -> None:
    async def main() -> None:
        async with opened() as host:
            await host.start(Job("deaf", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"))
            await asyncio.sleep(0.2)
            await host.kill("deaf", grace=0.2)
            outcome = await host.wait("deaf")
            assert outcome.killed and outcome.exit_code == 137 and outcome.stdout == b"deaf\n"

    asyncio.run(main())


def test_killing_an_ended_or_unknown_job_is_no_error(any_transport: Opened) -> None:
    async def main() -> None:
        async with any_transport() as host:
            await host.perform(Job("done", "true"))
            await host.kill("done")
            await host.kill("never")
            found = await host.find("done")
            assert isinstance(found, Finished) and not found.outcome.killed

    asyncio.run(main())


def test_a_daemon_left_behind_does_not_hold_up_its_job(opened: Opened, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened() as host:
            begun = time.monotonic()
            outcome = await host.perform(
                Job("daemon", f"(echo late; sleep 30) & echo $! > {tmp_path}/pid; echo started")
            )
            assert b"started" in outcome.stdout and time.monotonic() - begun < 25
            os.kill(int((tmp_path / "pid").read_text()), 9)

    asyncio.run(main())


def test_daemons_of_jobs_do_not_ignore_the_signals_of_terminals(opened: Opened) -> None:
    async def main() -> None:
        async with opened() as host:
            outcome = await host.perform(Job("signals", "grep SigIgn /proc/self/status"))
            ignored = int(outcome.stdout.split()[1], 16)
            assert not ignored & 0b110  # SIGINT and SIGQUIT

    asyncio.run(main())


def test_an_unknown_user_is_refused_and_the_job_has_not_run(opened: Opened) -> None:
    async def main() -> None:
        async with opened() as host:
            with pytest.raises(JobRefused, match="there is no user nobody-knows"):
                await host.perform(Job("user", "true", user="nobody-knows"))
            with pytest.raises(JobRefused, match="cannot be the name of a user"):
                await host.perform(Job("user", "true", user="; reboot"))
            assert await host.find("user") == Absent()

    asyncio.run(main())


@pytest.mark.skipif(os.getuid() != 0, reason=CASE)
def test_root_runs_a_job_as_another_user_with_his_own_surroundings(opened: Opened) -> None:
    async def main() -> None:
        async with opened() as host:
            job = Job("user", "id -un; echo $USER $A; cat", user="nobody", stdin=b"input", environment=(("A", "b c"),))
            assert (await host.perform(job)).stdout == b"nobody\nnobody b c\ninput"
            await host.start(Job("long", "sleep 60", user="nobody"))
            await asyncio.sleep(0.3)
            await host.kill("long", 0.5)
            assert (await host.wait("long")).killed

    asyncio.run(main())


def test_nothing_of_an_ephemeral_job_stays(opened: Opened, run_name: str) -> None:
    async def main() -> None:
        async with opened() as host:
            await host.perform(Job("quick", "echo x", stdin=b"y", ephemeral=True))
            for _ in range(100):
                left = kept(run_name, host.host)
                if not left:
                    break
                await asyncio.sleep(0.02)
            assert left == []

    asyncio.run(main())


def test_the_directory_of_a_forgotten_run_is_gone(opened: Opened, run_name: str) -> None:
    async def main() -> None:
        async with opened() as host:
            await host.perform(Job("a", "true"))
            assert "a.job" in kept(run_name, host.host)

    asyncio.run(main())
    assert not Path(f"/var/tmp/madeus-{os.getuid()}/{run_name}").exists()


def test_a_full_state_directory_refuses_the_job(opened: Opened, run_name: str) -> None:
    async def main() -> None:
        async with opened() as host:
            await host.connect()
            place = Path(f"/var/tmp/madeus-{os.getuid()}/{run_name}/{host.host}")
            (place / "blocked.pid").mkdir()
            with pytest.raises(JobRefused, match="could not be written"):
                await host.perform(Job("blocked", "true"))
            (place / "blocked.pid").rmdir()
            assert (await host.perform(Job("blocked", "true"))).exit_code == 0

    asyncio.run(main())


def test_job_identifiers_differ_for_different_names() -> None:
    names = [
        ("web[1]", "a"),
        ("web", "1", "a"),
        ("web.1", "a"),
        ("web~5b1~5d", "a"),
        ("", "a"),
        ("a", ""),
        ("a",),
        ("é",),
        ("a" * 300,),
        ("a" * 301,),
    ]
    made = [job_id(*parts) for parts in names]
    assert len(set(made)) == len(made)
    for name in made:
        Job(name, "")
    assert job_id("web[1]", "start", 2) == "web~5b1~5d.start.2"


@pytest.mark.parametrize("bad", ["", "a/b", "..", ".a", "a b", "a'", "x" * 121, "é"])
def test_a_bad_job_identifier_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="bad job identifier"):
        Job(bad, "true")


def test_a_nul_in_a_command_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Job("a", "echo \0")
    with pytest.raises(ValueError, match="bad name of an environment variable"):
        Job("a", "true", environment=(("a-b", ""),))


def kept(run: str, host: str) -> list[str]:
    """Files of jobs that the host has."""
    place = Path(f"/var/tmp/madeus-{os.getuid()}/{run}/{host}")
    return [path.name for path in place.iterdir() if path.name != "owner"]


def written(path: Path, words: int) -> list[str]:
    """The words in a file, as soon as it has so many."""
    while len(found := path.read_text().split() if path.exists() else []) < words:
        time.sleep(0.02)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False
