"""What is refused on real test hosts, and what daemons do at a checkpoint, by the commands that people type."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.testbed import Testbed
from tests.executor.layers.controller import Controller

pytestmark = pytest.mark.hosts

SCRIPT = """#!/bin/sh
NAME=pingd
DAEMON=/usr/sbin/$NAME
PIDFILE=/run/${NAME}.pid
case "$1" in
start) start-stop-daemon --start --background --make-pidfile --pidfile $PIDFILE --startas $DAEMON ;;
stop) start-stop-daemon --stop --retry 5 --pidfile $PIDFILE --remove-pidfile ;;
status) start-stop-daemon --status --pidfile $PIDFILE ;;
esac
"""

ROLE = """
role shop {
  base debian12
  version "1" {
    copy "pingd" to "/usr/sbin/pingd" mode 0755
    copy "pingd.init" to "/etc/init.d/pingd" mode 0755
    run "mkdir -p /srv/site; echo 1 > /srv/site/version; echo 1 > /etc/asked"
  }
  version "2" after "1" { run "echo 2 > /srv/site/version; echo 2 > /etc/asked" }
  version "3" after "2" { run "echo 3 > /srv/site/version" }
}

component Site {
  initial place off
  place started, online
  transition start:   off -> started    { run "service pingd start; setsid sleep 4325 > /dev/null 2>&1 < /dev/null &" }
  transition publish: started -> online { run "sleep 0.1; service pingd status" }
}

assembly site { site: Site on r1 in layer }
"""


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    with Testbed.up(["r1", "r2"], tmp_path_factory.mktemp("refused") / "bed", name="layerrefused", layers=True) as up:
        yield up


@pytest.fixture(scope="module")
def madeus(bed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    folder = tmp_path_factory.mktemp("controller")
    (folder / "site.madeus").write_text(ROLE)
    (folder / "pingd").write_text("#!/bin/sh\nsleep 4324 &\ntrap 'kill $!; exit' TERM\nwait\n")
    (folder / "pingd.init").write_text(SCRIPT)
    controller = Controller(folder, bed.files.inventory)
    controller("role", "define", "site.madeus")
    controller("role", "assign", "shop", "r1", "r2", "--version", "1")
    return controller


def test_a_service_that_a_transition_has_started_goes_on_in_the_next_one_and_the_rest_is_told(
    madeus: Controller,
) -> None:
    told = madeus("run", "site.madeus", "--progress", "none")
    assert "r1, before site.publish: 1 process goes on in the stack from before and does not see the new one:" in told
    assert ": sleep 4325\n" in told and "pingd" not in told
    assert "nothing can be written there any more: that stack is read-only now" in told
    root = "stat -c %d /proc/$(cat /run/pingd.pid)/root /proc/self/root"
    assert len(set(madeus.inside("r1", root).split())) == 1
    madeus("rollback", "r1")  # to what was before the second transition: the service ran in it
    assert madeus.inside(
        "r1", f"service pingd status && echo up; {root} | uniq | wc -l; pgrep -c -f 'sleep 432[5]' || true"
    ) == ("up\n1\n0\n")


def test_of_two_operations_at_once_one_waits_or_is_refused(madeus: Controller) -> None:
    slow = [madeus.start("role", "reprovision", "shop", "r2", "--version", "1") for _ in range(3)]
    waiting = madeus.start("role", "reprovision", "shop", "r2", "--version", "1", "--wait", "60")
    ends = [(process.communicate(timeout=120), process.returncode) for process in (*slow, waiting)]
    codes = sorted(code for _, code in ends[:3])
    assert codes[0] == 0 and set(codes) <= {0, 1} and ends[3][1] == 0
    for (_, err), code in ends[:3]:
        assert code == 0 or err.startswith("Error: r2 is being changed (reprovision shop 1) by process "), err
    assert madeus.inside("r2", "cat /srv/site/version") == "1\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("role", "upgrade", "r1", "--to", "9"), "Error: r1: shop has no version 9\n  there is: 1, 2, 3\n"),
        (
            ("role", "delete", "shop", "1"),
            "Error: shop 1 is needed by shop 2\n  delete the last version of the chain first\n",
        ),
        (("role", "assign", "shop", "r1"), "Error: r1 is shop 1, not spare\n"),
        (("rollback", "r1", "77"), "Error: r1 has no state 77\n"),
        (("rollback", "r7"), "Error: there is no machine or run r7\n  did you mean r1?\n"),
        (("host", "rename", "r1", "r2"), "Error: there is a machine r2 already\n"),
        (("host", "rename", "r1", "renamed"), "Error: unknown host `renamed` in the inventory"),
    ],
)
def test_what_cannot_be_is_said_plainly_and_changes_nothing(
    madeus: Controller, words: tuple[str, ...], said: str
) -> None:
    before = madeus.lines("layers", "history")[0]
    assert said in madeus(*words, code=2)
    assert madeus.lines("layers", "history")[0] == before


def test_a_version_that_a_machine_or_a_state_has_is_not_deleted_and_a_downgrade_names_the_way_back(
    madeus: Controller,
) -> None:
    madeus("role", "delete", "shop", "3")
    madeus("role", "upgrade", "r2", "--to", "2", "--take", "/etc/asked")
    assert "Error: shop 2 is needed by r2\n" in madeus("role", "delete", "shop", "2", code=2)
    refused = madeus("role", "upgrade", "r2", "--to", "1", code=2)
    number = madeus.lines("states", "r2")[1]["number"]
    assert (
        f"r2 is shop 2: 1 comes before it\n  a machine goes back to what it was: `madeus rollback r2 {number}`"
        in refused
    )
    madeus("rollback", "r2", str(number))
    needed = madeus("role", "delete", "shop", "2", code=2)
    assert "Error: shop 2 is needed by r2@" in needed and "`madeus states HOST --forget N` forgets a state" in needed


def test_a_machine_that_is_renamed_in_its_inventory_goes_on_with_its_states(madeus: Controller, bed: Testbed) -> None:
    inventory = Path(bed.files.inventory)
    before = inventory.read_text()
    states = [line["number"] for line in madeus.lines("states", "r2")[1:]]
    try:
        inventory.write_text(before.replace("[hosts.r2]", "[hosts.front]"))
        assert madeus("host", "rename", "r2", "front") == "rename r2 to front\n"
        assert [line["number"] for line in madeus.lines("states", "front")[1:]] == states
        madeus("rollback", "front")
        assert madeus.inside("front", "cat /srv/site/version") == "2\n"
    finally:
        inventory.write_text(before)
    madeus("host", "rename", "front", "r2")
    assert madeus.inside("r2", "cat /srv/site/version") == "2\n"
