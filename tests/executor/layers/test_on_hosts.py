"""Layers on real test hosts, by the commands that people type: the agent, SSH and the state store together."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator

import pytest

from madeus.executor.testbed import Testbed
from tests.executor.layers.controller import Controller

pytestmark = pytest.mark.hosts

ROLE = """
role shop {
  base debian12
  persistent "/srv/uploads"
  policy     "/etc/merged"  merge
  version "1" {
    run "mkdir -p /srv/site; echo 1 > /srv/site/version; printf 'a\\nb\\nc\\nd\\ne\\n' > /etc/merged; echo 1 > /etc/asked"
  }
  version "2" after "1" {
    run "echo 2 > /srv/site/version; sed -i s/e/E/ /etc/merged; echo 2 > /etc/asked"
    run "test ! -e /etc/leftover"
  }
}

component Site(good: bool = true) {
  initial place off
  place written, online
  transition write:   off -> written    { copy "page.txt" to "/srv/site/page" mode 0640 }
  transition publish: written -> online { run "${good} && grep -q page /srv/site/page" }
}

assembly site(good: bool = true) {
  site: Site(good = good) on l1 in layer
}
"""


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    with Testbed.up(["l1", "l2"], tmp_path_factory.mktemp("layers") / "bed", name="layerctl", layers=True) as up:
        yield up


@pytest.fixture(scope="module")
def madeus(bed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    folder = tmp_path_factory.mktemp("controller")
    (folder / "site.madeus").write_text(ROLE)
    (folder / "page.txt").write_text("page\n")
    controller = Controller(folder, bed.files.inventory)
    controller("role", "define", "site.madeus")
    controller("role", "assign", "shop", "l1", "l2", "--version", "1")
    return controller


def test_a_version_is_made_once_and_every_machine_shows_it(madeus: Controller) -> None:
    assert [madeus.inside(host, "cat /srv/site/version") for host in ("l1", "l2")] == ["1\n", "1\n"]
    (role,) = [line for line in madeus.lines("role", "list") if line["role"] == "shop"]
    assert role["machines"] == {"l1": "1", "l2": "1"}
    assert madeus.inside("l1", "ls /usr/sbin/policy-rc.d 2>&1 || true").startswith("ls:")


def test_an_upgrade_merges_asks_and_is_taken_back_with_what_persists_left_alone(madeus: Controller) -> None:
    madeus.inside("l1", "sed -i s/a/A/ /etc/merged; echo mine > /etc/asked; echo one > /srv/uploads/one")
    refused = madeus("role", "upgrade", "l1", code=2)
    assert "files that l1 has changed would hide those of shop 2:\n  /etc/asked\n" in refused
    assert madeus.inside("l1", "cat /srv/site/version") == "1\n"
    found = {str(line["path"]): line["how"] for line in map(json.loads, _conflicts(madeus))}
    assert found == {"/etc/asked": "ask", "/etc/merged": "merge"}
    told = madeus("role", "upgrade", "l1", "--take", "/etc/asked")
    assert "merged /etc/merged" in told and "took the new /etc/asked" in told
    assert madeus.inside("l1", "cat /srv/site/version /etc/asked; tr -d '\\n' < /etc/merged") == "2\n2\nAbcdE"
    madeus.inside("l1", "echo two > /srv/uploads/two; rm /etc/merged")
    madeus("rollback", "l1")
    assert madeus.inside("l1", "cat /srv/site/version /etc/asked; tr -d '\\n' < /etc/merged") == "1\nmine\nAbcde"
    assert madeus.inside("l1", "cat /srv/uploads/one /srv/uploads/two") == "one\ntwo\n"
    madeus("rollback", "l1")
    assert madeus.inside("l1", "cat /srv/site/version; ls /etc/merged 2>&1 || true").startswith("2\nls:")
    madeus("rollback", "l1", "1")


def _conflicts(madeus: Controller) -> list[str]:
    out = madeus("conflicts", "l1", "--format", "json", code=1)
    return [line for line in out.splitlines() if line.startswith("{")]


def test_processes_of_the_old_stack_are_ended_by_a_rollback_and_left_alone_by_a_checkpoint(madeus: Controller) -> None:
    madeus.inside("l2", "setsid sleep 4321 > /dev/null 2>&1 < /dev/null &")
    madeus("run", "site.madeus", "--progress", "none")
    assert madeus.inside("l2", "pgrep -f 'sleep 432[1]' | wc -l").strip() == "1"
    madeus("role", "reprovision", "shop", "l2", "--version", "1")
    assert madeus.inside("l2", "pgrep -f 'sleep 432[1]' | wc -l").strip() == "0"


def test_a_run_that_fails_leaves_the_machine_as_it_was(madeus: Controller) -> None:
    madeus.inside("l1", "echo old > /srv/site/page")
    told = madeus("run", "site.madeus", "--set", "good=false", "--on-failure", "rollback", "--progress", "none", code=1)
    assert "rolled back" in told and "l1: what it was before the run" in told
    assert madeus.inside("l1", "cat /srv/site/page") == "old\n"


def test_a_killed_controller_s_operation_is_gone_on_with(madeus: Controller, bed: Testbed) -> None:
    for pause in (0.3, 0.5, 0.7, 0.9):
        before = madeus.lines("states", "l2")[0]
        process = madeus.start("role", "reprovision", "shop", "l2", "--version", "1")
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        madeus("layers", "resume")
        after = madeus.lines("states", "l2")[0]
        stack = after["stack"]
        assert isinstance(stack, list)
        current = json.loads(bed.host("l2").exec("cat /var/lib/madeus/layers/current.json")[1])
        assert [*current["stack"], current["writable"]] == stack
        assert stack == before["stack"] or stack[:2] == before["stack"][:2]  # type: ignore[index]
        assert madeus.inside("l2", "cat /srv/site/version") == "1\n"


def test_the_heartbeat_sees_a_host_go_and_come_back(madeus: Controller, bed: Testbed) -> None:
    madeus("host", "watch", "--once")
    bed.host("l2").kill()
    try:
        assert "l2 is down" in madeus("host", "watch", "--once", code=1)
    finally:
        bed.host("l2").start()
    madeus("layers", "resume")
    (found,) = [line for line in madeus.lines("host", "list") if line["machine"] == "l2"]
    assert found["status"] == "down"
