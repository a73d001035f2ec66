"""Switching: the old root or the new one at every moment, services around it, power cuts, restarts, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.executor.layers.agent.conftest import ROOT, Machine, Refused

pytestmark = pytest.mark.hosts

CLIENT = """
import os, sys, time
looked = failed = 0
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    for _ in range(100):
        looked += 1
        try:
            os.stat(sys.argv[2])
            with open(sys.argv[2]) as file:
                if file.read() != "base\\n":
                    failed += 1
        except OSError as error:
            failed += 1
            print(error, file=sys.stderr)
print(looked, failed, flush=True)
"""


def stack_of(number: int, **more: Any) -> dict[str, Any]:
    """The request for the stack base, c0, ..., c(number - 1) under the new layer c<number>."""
    below = [f"c{each}" for each in range(number)]
    return {"stack": ["base", *below], "writable": f"c{number}", "create": True, "freeze": True, **more}


def test_a_client_never_finds_the_root_missing_during_a_hundred_switches(rooted: Machine, tmp_path: Path) -> None:
    before = rooted.mounts()
    stop = tmp_path / "stop"
    client = subprocess.Popen(
        [
            "nsenter",
            f"--mount=/proc/{rooted._holder.pid}/ns/mnt",
            "--wd=/",
            "python3",
            "-c",
            CLIENT,
            str(stop),
            f"{ROOT}/etc/version",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    client.stdout.readline()
    for number in range(1, 101):
        # After the tenth, forth and back: the length of the stack is not what is tested here.
        answer = rooted.ask("switch", stack_of(number) if number < 10 else {**stack_of(9), "writable": f"c{number}"})
        assert answer["how"] == "beneath"
    stop.write_text("")
    said, errors = client.communicate(timeout=30)
    looked, failed = map(int, said.split())
    assert looked > 1000
    assert failed == 0, errors
    assert rooted.mounts() == before


def test_what_was_written_is_kept_and_the_layer_below_does_not_change_any_more(rooted: Machine) -> None:
    rooted.sh("echo one > /etc/x; rm /etc/version")
    rooted.ask("switch", stack_of(1))
    assert rooted.sh("cat /etc/x; test ! -e /etc/version; echo two > /etc/x; cat /etc/x") == "one\ntwo\n"
    assert (rooted.path("c0") / "etc/x").read_text() == "one\n"
    assert rooted.ask("layers")["layers"]["c0"]["frozen"] is True


def test_a_state_is_returned_to_any_number_of_times(rooted: Machine) -> None:
    rooted.sh("echo one > /etc/x")
    rooted.ask("switch", stack_of(1))
    rooted.sh("echo two > /etc/x")
    for number in range(2, 6):
        rooted.ask("switch", {"stack": ["base", "c0"], "writable": f"c{number}", "create": True, "freeze": True})
        assert rooted.sh("cat /etc/x; echo scratch > /etc/x") == "one\n"
    rooted.ask("switch", {"stack": ["base", "c0", "c1"], "writable": "c9", "create": True})
    assert rooted.sh("cat /etc/x") == "two\n"


def test_the_same_switch_again_does_nothing(rooted: Machine) -> None:
    assert rooted.ask("switch", stack_of(1))["how"] == "beneath"
    assert rooted.ask("switch", stack_of(1))["how"] == "already"


@pytest.mark.parametrize("expects", ([], ["base", "c9"], ["base"]), ids=("none", "another", "without the top"))
def test_a_stack_that_is_not_the_expected_one_is_left_alone(rooted: Machine, expects: list[str]) -> None:
    rooted.sh("echo one > /etc/x")
    before, layers, mounts = rooted.ask("current"), rooted.ask("layers"), rooted.mounts()
    with pytest.raises(Refused) as refused:
        rooted.ask("switch", stack_of(1, expects=expects))
    assert (refused.value.code, refused.value.error["code"]) == (1, "elsewhere")
    assert refused.value.error["current"] == ["base", "c0"]
    assert (rooted.ask("current"), rooted.ask("layers"), rooted.mounts()) == (before, layers, mounts)
    assert rooted.ask("switch", stack_of(1, expects=["base", "c0"]))["how"] == "beneath"
    assert rooted.ask("switch", stack_of(1, expects=["base", "c0"]))["how"] == "already"


def test_a_host_without_a_stack_has_not_the_expected_one(machine: Machine) -> None:
    machine.base()
    with pytest.raises(Refused) as refused:
        machine.ask("switch", stack_of(0, expects=["base", "c9"]))
    assert (refused.value.error["code"], refused.value.error["current"]) == ("elsewhere", [])
    assert machine.ask("switch", stack_of(0, expects=[]))["how"] == "first"
    assert machine.ask("switch", stack_of(0, expects=[]))["how"] == "already"


def test_services_stop_in_the_old_root_and_start_in_the_new_one(machine: Machine) -> None:
    machine.base()
    log = "/run/service.log"
    services = {
        "stop": [["sh", "-c", f"echo stop $(cat /etc/version) >> {log}"]],
        "start": [["sh", "-c", f"echo start $(cat /etc/version) >> {log}"], ["false"]],
    }
    machine.layer("v2", {"etc/version": "v2\n"})
    first = {"stack": ["base"], "writable": "c0", "create": True, "services": services}
    machine.ask("switch", first)
    answer = machine.ask("switch", {**first, "stack": ["base", "v2"], "writable": "c1"})
    assert machine.sh(f"cat {log}") == "start base\nstop base\nstart v2\n"
    assert [each["code"] for each in answer["services"]] == [0, 0, 1]
    assert 0 < answer["outage_ms"] <= answer["milliseconds"]


def test_what_goes_on_alike_does_not_start_services_that_were_down(machine: Machine) -> None:
    machine.base()
    services = {
        "stop": [["rm", "-f", "/run/a"], ["rm", "-f", "/run/b"]],
        "start": [["touch", "/run/a"], ["touch", "/run/b"]],
    }
    alike = {**services, "alike": [["ls", "/run/a"], ["ls", "/run/b"]]}
    machine.ask("switch", {"stack": ["base"], "writable": "c0", "create": True, "services": services})
    machine.sh("rm /run/b")
    machine.ask("switch", stack_of(1, services=alike))
    assert machine.sh("for each in a b; do test ! -e /run/$each || echo $each; done") == "a\n"
    machine.ask("switch", stack_of(2, services=services))
    assert machine.sh("ls /run/a /run/b") == "/run/a\n/run/b\n"


def test_a_process_of_the_old_stack_keeps_it_whole_and_is_told(rooted: Machine) -> None:
    rooted.sh(
        "setsid sh -c 'sleep 1; cat /etc/version /proc/sys/kernel/ostype > /run/late; sleep 60' >/dev/null 2>&1 &"
    )
    rooted.layer("v2", {"etc/version": "v2\n"})
    answer = rooted.ask("switch", {"stack": ["base", "v2"], "writable": "c1", "create": True})
    assert any("sleep" in each["command"] for each in answer["lingering"])
    assert rooted.sh("cat /etc/version") == "v2\n"
    deadline = time.monotonic() + 10
    while "Linux" not in rooted.sh("cat /run/late 2>/dev/null || true") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert rooted.sh("cat /run/late") == "base\nLinux\n"
    answer = rooted.ask("switch", {"stack": ["base"], "writable": "c2", "create": True, "lingering": "end"})
    for each in answer["lingering"]:
        pytest.fail(f"{each} was not ended")


def test_processes_of_the_stack_are_ended_when_asked(rooted: Machine) -> None:
    rooted.sh("setsid sleep 60 >/dev/null 2>&1 &")
    answer = rooted.ask("switch", {**stack_of(1), "lingering": "end"})
    assert answer["lingering"] == []


def test_persistent_directories_begin_with_what_the_stack_has_and_are_in_every_stack(machine: Machine) -> None:
    machine.base()
    machine.layer("db", {"var/lib/db/first": "from the package\n", "var/lib/db/gone": "x"})
    machine.layer("db2", {"var/lib/db/gone": None})
    (machine.path("db2") / "var/lib/db").chmod(0o700)
    where = {"persistent": ["/var/lib/db"]}
    machine.ask("switch", {"stack": ["base", "db", "db2"], "writable": "c0", "create": True, **where})
    assert machine.sh("ls /var/lib/db; stat -c %a /var/lib/db; echo row >> /var/lib/db/table") == "first\n700\n"
    machine.ask("switch", {"stack": ["base"], "writable": "c1", "create": True, **where})
    assert machine.sh("cat /var/lib/db/first /var/lib/db/table") == "from the package\nrow\n"
    assert not (machine.path("c0") / "var/lib/db/table").exists()


@pytest.mark.parametrize("path", ["relative", "/", "/proc/x", "/var/../etc", "/run"])
def test_what_every_stack_has_from_the_host_cannot_be_persistent(rooted: Machine, path: str) -> None:
    with pytest.raises(Refused) as refused:
        rooted.ask("switch", {**stack_of(1), "persistent": [path]})
    assert refused.value.error["code"] == "bad-request"


def test_a_persistent_path_behind_a_link_stays_in_the_root(machine: Machine, tmp_path: Path) -> None:
    machine.base()
    machine.layer("link", {"var/real/x": "1"})
    (machine.path("link") / "var/lib").mkdir()
    (machine.path("link") / "var/lib/db").symlink_to("/var/real")
    request = {"stack": ["base", "link"], "writable": "c0", "create": True, "persistent": ["/var/lib/db"]}
    machine.ask("switch", request)
    machine.sh("echo here > /var/real/y")
    assert (machine.store / "persistent/var/lib/db/y").read_text() == "here\n"


def test_without_beneath_the_switch_falls_back_and_says_so(rooted: Machine) -> None:
    rooted.sh("echo one > /etc/x")
    answer = rooted.ask("switch", stack_of(1), MADEUS_LAYERS_WITHOUT="beneath")
    assert answer["how"] == "restart"
    assert rooted.sh("cat /etc/x") == "one\n"
    before = rooted.mounts()
    rooted.ask("switch", stack_of(2), MADEUS_LAYERS_WITHOUT="beneath")
    assert rooted.mounts() == before


def test_without_lowerdir_plus_short_stacks_are_mounted_at_once_and_long_ones_refused(rooted: Machine) -> None:
    assert rooted.ask("switch", stack_of(1), MADEUS_LAYERS_WITHOUT="lowerdir+")["how"] == "beneath"
    layers = [f"{'l' * 56}{number:03}" for number in range(80)]
    for layer in layers:
        rooted.ask("create", {"layer": layer})
    with pytest.raises(Refused, match="this kernel cannot stack 81 layers") as refused:
        rooted.ask(
            "switch", {"stack": ["base", *layers], "writable": "c9", "create": True}, MADEUS_LAYERS_WITHOUT="lowerdir+"
        )
    assert refused.value.error["code"] == "too-old"
    assert rooted.sh("cat /etc/version") == "base\n"


def test_more_layers_than_overlay_takes_are_refused_by_number(rooted: Machine) -> None:
    for number in range(500):
        (rooted.store / f"layers/l{number}").mkdir()
        (rooted.store / f"layers/l{number}/data").mkdir()
        (rooted.store / f"layers/l{number}/layer.json").write_text('{"frozen": true, "kind": "cow"}')
    layers = [f"l{number}" for number in range(500)]
    with pytest.raises(Refused, match="501 read-only layers: overlays take at most 500; compact the stack"):
        rooted.ask("switch", {"stack": ["base", *layers], "writable": "x", "create": True})
    assert rooted.ask("switch", {"stack": ["base", *layers[:499]], "writable": "y", "create": True})["how"] == "beneath"


COMMON = (
    "layer.made",
    "layer.filled",
    "layer.named",
    "switch.stopped",
    "next.mounted",
    "next.system",
    "next.furnished",
)
RECORDED = ("file.written", "switch.recorded")
LAST = ("switch.started", "layer.freezing", "layer.frozen")


@pytest.mark.parametrize(
    ("without", "steps"),
    [
        ("", (*COMMON, *RECORDED, "switch.beneath", "switch.detached", *LAST)),
        ("beneath", (*COMMON, *RECORDED, "switch.bare", "switch.attached", *LAST)),
    ],
)
def test_a_switch_survives_a_power_cut_of_the_program_at_every_step(
    rooted: Machine, without: str, steps: tuple[str, ...]
) -> None:
    rooted.sh("echo one > /etc/x")
    before = rooted.mounts()
    services = {"stop": [["rm", "/run/up"]], "start": [["touch", "/run/up"]], "alike": [["ls", "/run/up"]]}
    rooted.ask("switch", {**stack_of(0), "services": {**services, "alike": []}})
    rooted.sh("touch /run/up")
    for number, step in enumerate(steps, start=1):
        before_it = ["base", *(f"c{each}" for each in range(number))]
        request = stack_of(number, services=services, expects=before_it)
        cut = rooted.run(
            *rooted.command("switch"),
            given=json.dumps(request).encode(),
            check=False,
            MADEUS_LAYERS_FAULT=step,
            MADEUS_LAYERS_WITHOUT=without,
        )
        assert cut.returncode in (-9, 137), step
        if step != "switch.bare":
            assert rooted.run("cat", f"{ROOT}/etc/x").stdout == b"one\n"
        rooted.ask("switch", request, MADEUS_LAYERS_WITHOUT=without)
        assert rooted.sh("cat /etc/x; ls /run/up") == "one\n/run/up\n", step
        current = rooted.ask("current")
        assert (current["stack"], current["writable"]) == (request["stack"], request["writable"])
        assert (current["started"], current["mounted"]) == (True, True)
        assert rooted.ask("layers")["layers"][f"c{number - 1}"]["frozen"] is True
        assert rooted.mounts() == before, step
        assert rooted.ask("switch", request)["how"] == "already"


def test_a_persistent_directory_survives_a_power_cut_while_it_is_filled(rooted: Machine) -> None:
    rooted.layer("db", {f"var/lib/db/{number}": "row\n" for number in range(20)})
    request = {"stack": ["base", "db"], "writable": "c1", "create": True, "persistent": ["/var/lib/db"]}
    for step in ("persistent.filled", "switch.stopped"):
        rooted.run(*rooted.command("switch"), given=json.dumps(request).encode(), check=False, MADEUS_LAYERS_FAULT=step)
    rooted.ask("switch", request)
    assert len(rooted.sh("ls /var/lib/db").split()) == 20


def test_after_a_power_cut_at_any_step_a_boot_brings_one_of_the_two_stacks(machine: Machine) -> None:
    machine.base()
    machine.ask("switch", {"stack": ["base"], "writable": "c0", "create": True})
    number = 0
    for step in range(1, 60):
        request = {**stack_of(1), "writable": f"d{step}", "freeze": False}
        done = machine.run(
            *machine.command("switch"), given=json.dumps(request).encode(), check=False, MADEUS_LAYERS_FAULT=str(step)
        )
        machine.run("umount", "-R", "-l", "/run/madeus-test")  # what is mounted is gone after a restart
        assert machine.ask("boot")["how"] == "first"
        assert machine.sh("cat /etc/version") == "base\n"
        number = step
        if done.returncode == 0:
            break
        machine.run("umount", "-R", "-l", "/run/madeus-test")
        (machine.store / "layers/current.json").write_text(
            json.dumps(
                {
                    "stack": ["base"],
                    "writable": "c0",
                    "persistent": [],
                    "services": {"stop": [], "start": []},
                    "leaving": [],
                }
            )
        )
        machine.ask("boot")
    assert number > 8


def test_boot_starts_the_services_once_for_each_restart(machine: Machine) -> None:
    machine.base()
    services = {"stop": [], "start": [["sh", "-c", "echo up >> /root/started"]]}
    machine.ask("switch", {"stack": ["base"], "writable": "c0", "create": True, "services": services})
    machine.run("umount", "-R", "-l", "/run/madeus-test")
    assert machine.ask("current")["mounted"] is False
    assert machine.ask("boot")["how"] == "first"
    assert machine.ask("boot")["how"] == "already"
    assert machine.sh("cat /root/started") == "up\nup\n"


def test_boot_without_a_stack_does_nothing(machine: Machine) -> None:
    assert machine.ask("boot")["how"] == "none"


def test_a_switch_that_cannot_be_leaves_the_old_stack_with_its_services(rooted: Machine) -> None:
    services = {"stop": [["rm", "/run/up"]], "start": [["touch", "/run/up"]]}
    rooted.ask("switch", {**stack_of(1), "services": services})
    rooted.layer("odd", {"etc/x": "1", "var": "a file where a mount point should be"})
    with pytest.raises(Refused, match=r"/var/lib/db cannot be a mount point|Not a directory"):
        rooted.ask(
            "switch",
            {
                "stack": ["base", "odd"],
                "writable": "c2",
                "create": True,
                "persistent": ["/var/lib/db"],
                "services": services,
            },
        )
    assert rooted.sh("cat /etc/version; ls /run/up") == "base\n/run/up\n"
    assert rooted.ask("current")["writable"] == "c1"


@pytest.mark.parametrize(
    "request_",
    [
        {"stack": [], "writable": "a"},
        {"writable": "a"},
        {"stack": ["base", "base"], "writable": "a"},
        {"stack": ["base"], "writable": "base"},
        {"stack": ["base"], "writable": "a", "services": {"start": ["apache2"]}},
    ],
)
def test_a_stack_that_makes_no_sense_is_a_bad_request(rooted: Machine, request_: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        rooted.ask("switch", request_)
    assert refused.value.code == 2


def test_nothing_is_written_to_a_read_only_layer(rooted: Machine) -> None:
    with pytest.raises(Refused, match="layer base is read-only"):
        rooted.ask("switch", {"stack": ["c0"], "writable": "base"})


def test_a_missing_layer_is_named_before_anything_happens(rooted: Machine) -> None:
    with pytest.raises(Refused, match="this host has no layer v7"):
        rooted.ask("switch", {"stack": ["base", "v7"], "writable": "c1", "create": True})
    assert "c1" not in rooted.ask("layers")["layers"]
