"""A host with systemd: the unit that brings its stack back was written by a switch, and is run by systemd."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.testbed import Testbed
from madeus.executor.testbed.systemd import PROGRAM
from tests.executor.layers.controller import Controller

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.skipif(
        not Path(PROGRAM).exists(), reason="this machine's root has no systemd: apt-get install systemd-sysv"
    ),
]

SCRIPT = """#!/bin/sh
case "$1" in
start) start-stop-daemon --start --background --make-pidfile --pidfile /run/pingd.pid --startas /usr/sbin/pingd ;;
stop) start-stop-daemon --stop --retry 5 --pidfile /run/pingd.pid --remove-pidfile ;;
status) start-stop-daemon --status --pidfile /run/pingd.pid ;;
esac
"""

ROLE = """
role shop {
  base debian12
  service "pingd"
  version "1" {
    copy "pingd" to "/usr/sbin/pingd" mode 0755
    copy "pingd.init" to "/etc/init.d/pingd" mode 0755
    run "mkdir -p /srv/site; echo 1 > /srv/site/version"
  }
  version "2" after "1" { run "echo 2 > /srv/site/version" }
}
"""


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    place = tmp_path_factory.mktemp("systemd") / "bed"
    with Testbed.up(["u1"], place, name="layersystemd", layers=True, systemd=True) as up:
        yield up


@pytest.fixture(scope="module")
def madeus(bed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    folder = tmp_path_factory.mktemp("controller")
    (folder / "site.madeus").write_text(ROLE)
    (folder / "pingd").write_text("#!/bin/sh\nsleep 4326 &\ntrap 'kill $!; exit' TERM\nwait\n")
    (folder / "pingd.init").write_text(SCRIPT)
    controller = Controller(folder, bed.files.inventory)
    controller("role", "define", "site.madeus")
    controller("role", "assign", "shop", "u1", "--version", "1")
    return controller


def came_up(bed: Testbed) -> str:
    deadline = time.monotonic() + 60
    while (said := bed.host("u1").exec("systemctl is-active madeus-layers")[1].strip()) == "activating":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return said


def test_systemd_brings_the_stack_and_its_services_back_after_a_power_cut(madeus: Controller, bed: Testbed) -> None:
    madeus("role", "upgrade", "u1")
    madeus.inside("u1", "echo mine > /etc/mine")
    assert bed.host("u1").exec("systemd-analyze verify /etc/systemd/system/madeus-layers.service 2>&1") == (0, "")
    bed.host("u1").kill()
    bed.host("u1").start()
    assert came_up(bed) == "active", bed.host("u1").exec("systemctl status madeus-layers --no-pager")[1]
    assert madeus.inside("u1", "cat /srv/site/version /etc/mine; service pingd status && echo up") == "2\nmine\nup\n"
    assert "pingd" in bed.host("u1").exec("systemctl status madeus-layers --no-pager")[1]  # in the group of the unit


def test_the_unit_may_be_stopped_and_started_without_an_outage(madeus: Controller, bed: Testbed) -> None:
    before = madeus.inside("u1", "cat /run/pingd.pid")
    bed.host("u1").exec("systemctl restart madeus-layers; systemctl stop madeus-layers; systemctl start madeus-layers")
    assert came_up(bed) == "active"
    assert madeus.inside("u1", "cat /run/pingd.pid; service pingd status && echo up") == f"{before}up\n"


def test_a_rollback_after_the_restart_is_as_before_it(madeus: Controller, bed: Testbed) -> None:
    madeus("rollback", "u1")
    assert (
        madeus.inside("u1", "cat /srv/site/version; ls /etc/mine 2> /dev/null; service pingd status && echo up")
        == "1\nup\n"
    )
