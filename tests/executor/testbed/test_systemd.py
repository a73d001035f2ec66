"""Test hosts whose PID 1 is systemd."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.testbed import Host, Testbed, TestbedError
from madeus.executor.testbed.systemd import PROGRAM

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.skipif(
        not Path(PROGRAM).exists(), reason="this machine's root has no systemd: apt-get install systemd-sysv"
    ),
]


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    with Testbed.up(["y1"], tmp_path_factory.mktemp("systemd") / "bed", name="systemd", systemd=True) as up:
        yield up


def up(host: Host) -> str:
    """What systemd says of the whole when it has come up."""
    deadline = time.monotonic() + 60
    while True:
        said = host.exec("systemctl is-system-running 2>&1")[1].strip()
        if said in ("running", "degraded") or time.monotonic() > deadline:
            return said
        time.sleep(0.1)


def test_systemd_comes_up_with_nothing_failed_and_systemctl_is_real(bed: Testbed) -> None:
    host = bed.host("y1")
    assert up(host) == "running", host.exec("systemctl --failed --no-pager; journalctl -b -p err --no-pager")[1]
    assert host.exec("cat /proc/1/comm")[1] == "systemd\n"
    unit = "[Service]\nExecStart=/bin/sleep 4327\n[Install]\nWantedBy=multi-user.target\n"
    host.exec(f"printf '{unit}' > /etc/systemd/system/own.service; systemctl daemon-reload; systemctl enable --now own")
    assert host.exec("systemctl is-active own")[1] == "active\n"
    assert host.exec("findmnt -no PROPAGATION /")[1] == "shared\n"


def test_what_is_enabled_starts_again_after_a_power_cut(bed: Testbed) -> None:
    host = bed.host("y1")
    host.kill()
    host.start()
    assert up(host) == "running"
    assert host.exec("systemctl is-active own")[1] == "active\n"


def test_a_bed_that_is_up_without_it_does_not_get_it(bed: Testbed, tmp_path: Path) -> None:
    with (
        Testbed.up(["n1"], tmp_path / "bed", name="nosystemd") as other,
        pytest.raises(TestbedError, match="its bed is up without systemd"),
    ):
        Testbed.up(["n2"], other.files.directory, name="nosystemd", systemd=True)
