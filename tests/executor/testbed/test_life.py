"""Beds that come, crash and go: nothing may stay behind. Needs root."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from madeus.executor.testbed import Testbed, TestbedError, registry, take_down
from madeus.executor.testbed.errors import BadDirectory, NoSuchBed
from madeus.executor.testbed.registry import BedFiles, ProcessId

pytestmark = pytest.mark.hosts


def ended(process: ProcessId | None) -> bool:
    """Whether the process goes within a few seconds."""
    for _ in range(200):
        if not registry.is_alive(process):
            return True
        time.sleep(0.05)
    return False


def processes(bed: Testbed) -> list[ProcessId]:
    record = bed.record
    found = [record.keeper, *(host.process for host in record.hosts)]
    return [process for process in found if process is not None]


def mounts_of_the_machine() -> set[str]:
    return set(Path("/proc/self/mountinfo").read_text().splitlines())


def marked(directory: Path) -> list[int]:
    return [pid for pid, place in registry.marked_processes() if place == str(directory)]


def test_down_leaves_no_process_mount_link_or_file(state: Path) -> None:
    before = mounts_of_the_machine(), {path.name for path in Path("/sys/class/net").iterdir()}
    bed = Testbed.up(3, state)
    left = processes(bed)
    bed.host("h1").exec("setsid sleep 1000 >/dev/null 2>&1 &")
    bed.down()
    assert not any(registry.is_alive(process) for process in left)
    assert not state.exists()
    assert marked(state) == []
    assert (mounts_of_the_machine(), {path.name for path in Path("/sys/class/net").iterdir()}) == before


def test_up_twice_adds_only_what_is_missing(state: Path) -> None:
    with Testbed.up(2, state) as bed:
        before = processes(bed)
        again = Testbed.up(["h2", "db1"], state, tied=False)
        assert (again.arrival.present, again.arrival.made, again.arrival.started) == (("h2",), ("db1",), ())
        assert processes(bed)[:3] == before
        # the old host knows the new one's name
        assert bed.host("h1").exec("timeout 2 bash -c '</dev/tcp/db1/22'")[0] == 0


def test_up_starts_what_is_down(state: Path) -> None:
    with Testbed.up(2, state) as bed:
        bed.host("h1").kill()
        assert Testbed.up(2, state, tied=False).arrival.started == ("h1",)


def test_a_killed_keeper_takes_its_hosts_along_and_the_next_up_begins_anew(state: Path) -> None:
    bed = Testbed.up(2, state, tied=False)
    bed.host("h1").exec("echo old > /root/file")
    left = processes(bed)
    os.kill(left[0].pid, signal.SIGKILL)
    assert all(ended(process) for process in left)
    with Testbed.up(2, state) as again:
        assert again.host("h1").exec("cat /root/file")[0] != 0


def test_down_cleans_up_after_a_killed_keeper(state: Path) -> None:
    bed = Testbed.up(1, state, tied=False)
    os.kill(processes(bed)[0].pid, signal.SIGKILL)
    take_down(state)
    assert not state.exists()
    assert marked(state) == []


def test_a_lost_record_does_not_lose_the_hosts(state: Path) -> None:
    bed = Testbed.up(2, state, tied=False)
    left = processes(bed)
    BedFiles(state).record.write_text("{")
    assert take_down(state) >= 1
    assert all(ended(process) for process in left)
    assert not state.exists()


def test_a_bed_whose_directory_is_gone_can_be_swept(state: Path) -> None:
    bed = Testbed.up(1, state, tied=False)
    left = processes(bed)
    shutil.rmtree(state)
    take_down(state)
    assert all(ended(process) for process in left)


def test_a_tied_bed_ends_with_its_process(state: Path) -> None:
    script = f"""
        import os, signal
        from pathlib import Path
        from madeus.executor.testbed import Testbed
        bed = Testbed.up(1, Path({str(state)!r}))
        print(bed.record.keeper.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    for _ in range(200):
        if not marked(state):
            break
        time.sleep(0.05)
    assert marked(state) == []
    take_down(state)


def test_an_up_that_is_killed_halfway_is_mended_by_the_next(state: Path) -> None:
    script = (
        f"from pathlib import Path; from madeus.executor.testbed import Testbed; Testbed.up(8, Path({str(state)!r}))"
    )
    for delay in (0.15, 0.3, 0.5):
        with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as process:
            time.sleep(delay)
            process.kill()
    with Testbed.up(2, state) as bed:
        assert [bed.host(name).exec("hostname") for name in ("h1", "h2")] == [(0, "h1\n"), (0, "h2\n")]
    assert marked(state) == []
    assert not state.exists()


def test_kept_disks_are_found_again(state: Path) -> None:
    bed = Testbed.up(2, state)
    bed.host("h2").exec("echo kept > /root/file")
    key = bed.known_hosts.read_text()
    bed.down(keep_disks=True)
    assert marked(state) == []
    with pytest.raises(NoSuchBed):
        Testbed.at(state)
    with Testbed.up(2, state) as again:
        assert again.arrival.started == ("h1", "h2")
        assert again.host("h2").exec("cat /root/file") == (0, "kept\n")
        assert [line.split()[1:] for line in again.known_hosts.read_text().splitlines()] == [
            line.split()[1:] for line in key.splitlines()
        ]
        words = ["ssh", "-F", str(again.ssh_config), "h2", "hostname"]
        assert subprocess.run(words, capture_output=True, check=False).stdout == b"h2\n"


def test_a_directory_with_other_files_is_refused_and_kept(state: Path) -> None:
    state.mkdir()
    (state / "thesis.tex").touch()
    with pytest.raises(BadDirectory, match="it holds other files"):
        Testbed.up(1, state)
    with pytest.raises(NoSuchBed):
        take_down(state)
    assert (state / "thesis.tex").exists()


def test_a_host_that_cannot_be_made_leaves_nothing(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = state.parent / "tools"
    tools.mkdir()
    for name in ("ssh", "ssh-keygen", "mount"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    (tools / "ip").write_text("#!/bin/sh\necho 'no veth in this kernel' >&2\nexit 1\n")
    (tools / "ip").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin")
    with pytest.raises(TestbedError, match="no veth in this kernel"):
        Testbed.up(2, state)
    assert marked(state) == []
    assert not state.exists()


def test_an_idle_bed_uses_no_processor_time(state: Path) -> None:
    with Testbed.up(2, state) as bed:
        keeper = bed.record.keeper
        assert keeper is not None

        def ticks() -> int:
            fields = Path(f"/proc/{keeper.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])

        before = ticks()
        time.sleep(0.5)
        assert ticks() - before <= 1
