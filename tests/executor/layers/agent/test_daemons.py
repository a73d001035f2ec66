"""Processes that nobody named as services, at a switch: taken along, told, ended, and kept from writing into a frozen layer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.executor.layers.agent.conftest import Machine

pytestmark = pytest.mark.hosts

PINGER = """#!/bin/sh
sleep 4320 &
trap 'kill $!; exit' TERM
wait
"""

SCRIPT = """#!/bin/sh
NAME=pinger
DAEMON=/usr/sbin/$NAME
PIDFILE=/run/${NAME}.pid
case "$1" in
start) setsid $DAEMON < /dev/null > /dev/null 2>&1 & echo $! > $PIDFILE; echo start >> /root/calls ;;
stop)
  kill $(cat $PIDFILE); while kill -0 $(cat $PIDFILE) 2> /dev/null; do sleep 0.01; done
  rm $PIDFILE; echo stop >> /root/calls ;;
status) kill -0 $(cat $PIDFILE 2> /dev/null) 2> /dev/null ;;
esac
"""


@pytest.fixture
def served(rooted: Machine) -> Iterator[Machine]:
    """A stack with a service of a package that runs, and that nobody has named."""
    rooted.layer(
        "v1", {"etc/init.d/pinger": SCRIPT, "usr/sbin/pinger": PINGER, "etc/init.d/other": "#!/bin/sh\nexit 0\n"}
    )
    for name in ("etc/init.d/pinger", "usr/sbin/pinger", "etc/init.d/other"):
        (rooted.path("v1") / name).chmod(0o755)
    rooted.ask("switch", {"stack": ["base", "v1"], "writable": "c1", "create": True})
    rooted.sh("/etc/init.d/pinger start")
    yield rooted
    for pid in {**processes("/usr/sbin/pinger"), **processes("sleep 4320")}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def upon(served: Machine, number: int, lingering: str, **more: Any) -> dict[str, Any]:
    """A checkpoint: a new copy upon the present stack."""
    stack = ["base", "v1", *(f"c{each}" for each in range(1, number))]
    request = {"stack": stack, "writable": f"c{number}", "create": True, "freeze": True, "lingering": lingering}
    return served.ask("switch", {**request, **more})


def processes(word: str) -> dict[int, int]:
    """Processes in stacks with this word in their command, and their roots (numbers of a device)."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            root = (process / "root").stat().st_dev
            if root != Path("/").stat().st_dev and word in (process / "cmdline").read_text().replace("\0", " "):
                found[int(process.name)] = root
    return found


def running_in(word: str) -> list[int]:
    """Roots of the processes, each once: a shell that has just forked is there twice for a moment."""
    return sorted(set(processes(word).values()))


def visible(served: Machine) -> int:
    return int(served.run("stat", "-c", "%d", "/run/madeus-test/root").stdout)


def test_a_service_of_a_package_goes_on_in_the_new_stack(served: Machine) -> None:
    answer = upon(served, 2, "restart")
    assert [(each["argv"], each["code"]) for each in answer["services"]] == [
        (["/etc/init.d/pinger", "stop"], 0),
        (["/etc/init.d/pinger", "start"], 0),
    ]
    assert answer["lingering"] == []
    assert running_in("sbin/pinger") == [visible(served)]
    assert served.ask("layers")["layers"]["c1"]["running"] == ["pinger"]


def test_a_return_to_a_state_starts_what_ran_in_it(served: Machine) -> None:
    upon(served, 2, "restart")
    served.sh("/etc/init.d/pinger stop")
    upon(served, 3, "restart")
    assert running_in("sbin/pinger") == []
    back = {"stack": ["base", "v1", "c1"], "writable": "c4", "create": True, "freeze": True, "lingering": "end"}
    served.ask("switch", {**back, "retire": ["c3"]})
    assert running_in("sbin/pinger") == [visible(served)]
    back = {"stack": ["base", "v1", "c1", "c2"], "writable": "c5", "create": True, "freeze": True, "lingering": "end"}
    served.ask("switch", {**back, "retire": ["c4"]})
    assert running_in("sbin/pinger") == []


def test_a_service_that_is_named_is_not_called_twice(served: Machine) -> None:
    named = {"stop": [["/etc/init.d/pinger", "stop"]], "start": [["/etc/init.d/pinger", "start"]]}
    upon(served, 2, "restart", services=named)
    upon(served, 3, "restart", services=named)
    assert served.sh("cat /root/calls") == "start\nstop\nstart\nstop\nstart\n"


def test_what_was_running_is_started_also_when_the_power_was_cut_on_the_way(served: Machine) -> None:
    for number, step in enumerate(("switch.stopped", "next.mounted", "switch.recorded", "switch.detached"), start=2):
        stack = ["base", "v1", *(f"c{each}" for each in range(1, number))]
        request = {"stack": stack, "writable": f"c{number}", "create": True, "freeze": True, "lingering": "restart"}
        served.run(*served.command("switch"), given=_line(request), check=False, MADEUS_LAYERS_FAULT=step)
        assert running_in("sbin/pinger") == []
        served.ask("switch", request)
        assert running_in("sbin/pinger") == [visible(served)], step
        assert served.ask("layers")["layers"][f"c{number - 1}"]["running"] == ["pinger"]


def test_what_was_running_goes_on_in_the_old_stack_when_the_new_one_cannot_come(served: Machine) -> None:
    request = {"stack": ["base", "v1", "c1"], "writable": "c2", "create": True, "lingering": "restart"}
    served.run(*served.command("switch"), given=_line(request), check=False, MADEUS_LAYERS_FAULT="switch.stopped")
    served.ask("boot")
    assert running_in("sbin/pinger") == [visible(served)]
    assert served.ask("current")["writable"] == "c1"


def test_what_was_running_comes_back_with_the_machine(served: Machine) -> None:
    upon(served, 2, "restart")
    served.run("umount", "-R", "-l", "/run/madeus-test")
    assert served.ask("boot")["how"] == "first"
    assert visible(served) in running_in("sbin/pinger")


def test_another_process_is_told_and_cannot_write_into_the_layer_that_is_frozen(served: Machine) -> None:
    served.sh("setsid sh -c 'while true; do sleep 0.05; echo late >> /etc/late; done' > /dev/null 2>&1 < /dev/null &")
    answer = upon(served, 2, "restart")
    told = [each for each in answer["lingering"] if each["name"] == "sh"]
    assert len(told) == 1 and "echo late" in told[0]["command"] and "writes" not in told[0]
    assert answer["guarded"] is True
    before = (served.path("c1") / "etc/late").read_text() if (served.path("c1") / "etc/late").exists() else ""
    time.sleep(0.3)
    assert ((served.path("c1") / "etc/late").read_text() if before else "") == before
    served.sh("echo new > /etc/late")
    served.ask("switch", {"stack": ["base", "v1", "c1", "c2"], "writable": "c3", "create": True, "lingering": "end"})
    end = {each["pid"] for each in answer["lingering"]}
    served.run("sh", "-c", f"kill -9 {' '.join(map(str, end))} 2> /dev/null; true")


def test_a_process_that_has_a_file_open_is_told_with_it(served: Machine) -> None:
    served.sh("exec > /root/log; setsid sh -c 'while true; do echo again; sleep 0.05; done' 2>&1 < /dev/null &")
    answer = upon(served, 2, "restart")
    told = next(each for each in answer["lingering"] if each["name"] == "sh")
    assert told["writes"] == ["/root/log"]
    assert answer["guarded"] is False
    served.run("kill", "-9", str(told["pid"]))


def test_left_alone_means_that_nothing_is_stopped_or_guarded(served: Machine) -> None:
    answer = upon(served, 2, "leave")
    assert answer["services"] == [] and answer["guarded"] is False
    assert any("pinger" in each["command"] for each in answer["lingering"])
    assert visible(served) not in running_in("sbin/pinger")


def test_all_is_ended_when_that_is_wanted_but_services_go_on(served: Machine) -> None:
    served.sh("setsid sleep 4321 > /dev/null 2>&1 < /dev/null &")
    answer = upon(served, 2, "end")
    assert answer["lingering"] == []
    assert running_in("sleep 4321") == []
    assert running_in("sbin/pinger") == [visible(served)]


def test_what_was_left_in_earlier_stacks_is_ended_with_the_rest(served: Machine) -> None:
    served.sh("setsid sleep 4323 > /dev/null 2>&1 < /dev/null &")
    upon(served, 2, "restart")
    served.sh("setsid sleep 4322 > /dev/null 2>&1 < /dev/null &")
    assert [each["command"] for each in upon(served, 3, "restart")["lingering"]] == ["sleep 4322"]
    assert len(processes("sleep 4323")) == len(processes("sleep 4322")) == 1
    upon(served, 4, "end")
    assert processes("sleep 4323") == processes("sleep 4322") == {}


def _line(request: dict[str, Any]) -> bytes:
    return json.dumps(request).encode()
