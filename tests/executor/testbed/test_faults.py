"""Hosts that are killed, frozen and cut off. Needs root."""

import select
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.testbed import Testbed
from madeus.executor.testbed.errors import HostIsDown, HostIsFrozen, NotInThisMode

pytestmark = pytest.mark.hosts


def can_reach(bed: Testbed, source: str, target: str) -> bool:
    return bed.host(source).exec(f"timeout 0.5 bash -c '</dev/tcp/{target}/22'")[0] == 0


def says_something(bed: Testbed, name: str, seconds: float) -> bool:
    """Whether the machine gets a word from the host's sshd."""
    host = bed.host(name)
    try:
        with socket.create_connection((host.address, host.port), timeout=seconds) as connection:
            return connection.recv(4) == b"SSH-"
    except (TimeoutError, ConnectionRefusedError):
        return False


@pytest.fixture
def session(bed: Testbed) -> Iterator[subprocess.Popen[bytes]]:
    """A login to web1 that writes a line every 50 ms."""
    command = "echo $$ > /run/session; while sleep 0.05; do echo x; done"
    with subprocess.Popen(
        ["ssh", "-F", str(bed.ssh_config), "web1", command], stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"x\n"
        yield process
        process.kill()


def hears(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether a byte arrives within `seconds`, after what is in the pipe already."""
    assert process.stdout is not None
    while select.select([process.stdout], [], [], 0.0)[0]:
        if not process.stdout.read(1 << 16):
            return False
    return bool(select.select([process.stdout], [], [], seconds)[0])


def is_silent(process: subprocess.Popen[bytes]) -> bool:
    """Whether nothing arrives for half a second, once what was on its way is there."""
    return any(not hears(process, 0.5) for _ in range(20))


def test_a_killed_host_refuses_connections_and_comes_back_with_its_disk(bed: Testbed) -> None:
    host = bed.host("web2")
    host.exec("echo kept > /root/file; echo lost > /run/file; echo '192.0.2.1 elsewhere' >> /etc/hosts")
    before = host.record.process
    host.kill()
    assert host.record.state == "down"
    assert host.record.process is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host.address, host.port), timeout=5)
    assert not can_reach(bed, "db1", "web2")
    with pytest.raises(HostIsDown, match="`madeus testbed start web2` brings it back"):
        host.exec("true")
    host.start()
    assert host.exec("cat /root/file; cat /run/file") == (1, "kept\ncat: /run/file: No such file or directory\n")
    assert "192.0.2.1 elsewhere" in host.exec("cat /etc/hosts")[1]
    assert says_something(bed, "web2", 10)
    assert can_reach(bed, "db1", "web2")
    assert host.record.process != before


def test_killing_twice_and_starting_twice_change_nothing(bed: Testbed) -> None:
    host = bed.host("web2")
    host.kill()
    host.kill()
    host.start()
    first = host.record.process
    host.start()
    assert host.record.process == first


def test_a_kill_ends_the_sessions_of_the_host(bed: Testbed, session: subprocess.Popen[bytes]) -> None:
    bed.host("web1").kill()
    assert session.wait(timeout=20) != 0
    bed.host("web1").start()


def test_a_host_whose_pid_1_ends_by_itself_is_known_to_be_down(bed: Testbed) -> None:
    host = bed.host("web2")
    host.exec("kill -TERM 1")
    for _ in range(200):
        if host.record.state == "down":
            break
        time.sleep(0.02)
    assert host.record.state == "down"
    host.start()
    assert host.exec("hostname") == (0, "web2\n")


def test_a_frozen_host_stands_still_and_goes_on(bed: Testbed, session: subprocess.Popen[bytes]) -> None:
    host = bed.host("web1")
    host.freeze()
    assert host.record.state == "frozen"
    assert is_silent(session)
    assert not says_something(bed, "web1", 0.3)
    with pytest.raises(HostIsFrozen):
        host.exec("true")
    host.thaw()
    assert hears(session, 20)
    assert says_something(bed, "web1", 20)


def test_a_frozen_host_can_be_killed_and_started(bed: Testbed) -> None:
    host = bed.host("web2")
    host.freeze()
    host.kill()
    host.start()
    assert host.exec("hostname") == (0, "web2\n")


def test_a_partition_loses_packets_in_both_directions_without_a_sign(
    bed: Testbed, session: subprocess.Popen[bytes]
) -> None:
    host = bed.host("web1")
    host.partition()
    try:
        assert host.record.partitioned
        assert is_silent(session)
        assert session.poll() is None
        with pytest.raises(TimeoutError):
            socket.create_connection((host.address, host.port), timeout=0.5)
        assert not can_reach(bed, "db1", "web1")
        assert not can_reach(bed, "web1", "db1")
    finally:
        host.heal()
    assert hears(session, 60)
    assert says_something(bed, "web1", 20)
    assert can_reach(bed, "db1", "web1")


def test_what_runs_on_a_partitioned_host_goes_on(bed: Testbed) -> None:
    host = bed.host("web1")
    words = [
        "ssh",
        "-F",
        str(bed.ssh_config),
        "web1",
        "rm -f /run/n; for i in 1 2 3; do echo $i >> /run/n; sleep 0.2; done",
    ]
    with subprocess.Popen(words) as process:
        assert host.exec("for i in $(seq 200); do test -s /run/n && exit; sleep 0.05; done; exit 1")[0] == 0
        host.partition()
        assert host.exec("for i in $(seq 200); do grep -q 3 /run/n && exit; sleep 0.05; done; exit 1")[0] == 0
        assert process.poll() is None
        host.heal()
        assert process.wait(timeout=60) == 0


def test_a_host_that_dies_behind_a_cut_cable_does_not_say_so(bed: Testbed, session: subprocess.Popen[bytes]) -> None:
    host = bed.host("web1")
    host.partition()
    host.kill()
    assert is_silent(session)
    assert session.poll() is None
    host.heal()
    assert session.wait(timeout=60) != 0
    host.start()
    assert says_something(bed, "web1", 20)


def test_a_host_started_behind_a_cut_cable_is_still_cut_off(bed: Testbed) -> None:
    host = bed.host("web2")
    host.partition()
    host.kill()
    host.start()
    assert host.record.partitioned
    assert not can_reach(bed, "db1", "web2")
    assert not says_something(bed, "web2", 0.3)
    host.heal()
    assert can_reach(bed, "db1", "web2")
    assert says_something(bed, "web2", 20)


def test_hosts_that_share_the_machines_network_cannot_be_cut_off(state: Path) -> None:
    with Testbed.up(1, state, mode="lo") as bed, pytest.raises(NotInThisMode, match="not possible in mode lo"):
        bed.host("h1").partition()
