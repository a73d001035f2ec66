"""Layers in the store: made, frozen, deleted; power cuts, two at once, full disks, bad requests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.executor.layers.agent.conftest import Machine, Refused

pytestmark = pytest.mark.hosts


def test_a_layer_is_made_once(machine: Machine) -> None:
    assert machine.ask("create", {"layer": "a"}) == {"created": True}
    (machine.path("a") / "kept").write_text("x")
    assert machine.ask("create", {"layer": "a"}) == {"created": False}
    assert (machine.path("a") / "kept").exists()


def test_a_frozen_layer_is_not_made_again(machine: Machine) -> None:
    machine.ask("create", {"layer": "a"})
    assert machine.ask("freeze", {"layer": "a"}) == {"frozen": True}
    assert machine.ask("freeze", {"layer": "a"}) == {"frozen": False}
    with pytest.raises(Refused, match="layer a exists and is read-only") as refused:
        machine.ask("create", {"layer": "a"})
    assert refused.value.error["code"] == "frozen"


def test_what_is_asked_of_no_layer_names_it(machine: Machine) -> None:
    with pytest.raises(Refused, match=r"^this host has no layer gone$") as refused:
        machine.ask("freeze", {"layer": "gone"})
    assert (refused.value.code, refused.value.error["code"], refused.value.error["layer"]) == (1, "no-layer", "gone")


@pytest.mark.parametrize("layer", ["../x", "", "a/b", ".x", "a" * 65, "agent-0", 7])
def test_identifiers_that_could_lead_elsewhere_are_bad_requests(machine: Machine, layer: object) -> None:
    with pytest.raises(Refused) as refused:
        machine.ask("create", {"layer": layer})
    assert (refused.value.code, refused.value.error["code"]) == (2, "bad-request")


@pytest.mark.parametrize("given", ["[]", "{", "7"])
def test_a_request_that_is_no_object_is_a_bad_one(machine: Machine, given: str) -> None:
    done = machine.run(*machine.command("create"), given=given.encode(), check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "bad-request"
    assert done.stderr == b""


def test_an_unknown_verb_names_the_known_ones(machine: Machine) -> None:
    with pytest.raises(Refused, match="there is no verb 'explode': boot, create, current"):
        machine.ask("explode")


def test_layers_are_deleted_once(machine: Machine) -> None:
    machine.layer("a", {"etc/x": "1"})
    assert machine.ask("delete", {"layers": ["a", "b"]}) == {"deleted": ["a"], "absent": ["b"]}
    assert machine.ask("delete", {"layers": ["a", "b"]}) == {"deleted": [], "absent": ["a", "b"]}
    assert machine.ask("layers") == {"layers": {}}


def test_a_layer_of_the_current_stack_is_not_deleted_nor_what_was_to_go_with_it(rooted: Machine) -> None:
    rooted.ask("create", {"layer": "spare"})
    for layer in ("base", "c0"):
        with pytest.raises(Refused) as refused:
            rooted.ask("delete", {"layers": ["spare", layer]})
        assert refused.value.error["code"] == "in-use"
    assert rooted.sh("cat /etc/version") == "base\n"
    assert "spare" in rooted.ask("layers")["layers"]


def test_the_writable_layer_of_the_current_stack_is_not_frozen(rooted: Machine) -> None:
    with pytest.raises(Refused, match="layer c0 is the writable one of the current stack") as refused:
        rooted.ask("freeze", {"layer": "c0"})
    assert refused.value.error["code"] == "in-use"
    assert rooted.ask("layers")["layers"]["c0"]["frozen"] is False


def test_creating_survives_a_power_cut_at_every_step(machine: Machine) -> None:
    steps, answer = machine.survive("create", {"layer": "a"})
    assert steps >= 3
    assert "created" in answer
    assert machine.ask("layers")["layers"]["a"] == {"frozen": False, "kind": "cow"}


def test_freezing_and_deleting_survive_a_power_cut_at_every_step(machine: Machine) -> None:
    machine.ask("create", {"layer": "a"})
    assert machine.survive("freeze", {"layer": "a"})[0] >= 3
    assert machine.ask("layers")["layers"]["a"]["frozen"] is True
    assert machine.survive("delete", {"layers": ["a"]})[0] >= 1
    assert machine.ask("layers") == {"layers": {}}
    assert [path.name for path in (machine.store / "layers").iterdir() if not path.name.startswith("agent-")] == []


def test_two_at_once_wait_for_each_other_and_say_who_holds_the_store(machine: Machine) -> None:
    machine.ask("create", {"layer": "a"})
    holder = subprocess.Popen(
        ["flock", "--no-fork", str(machine.store / "lock"), "sh", "-c", "echo; exec sleep 30"], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    try:
        holder.stdout.readline()
        with pytest.raises(Refused, match=r"another operation holds the store .*create, pid") as refused:
            machine.ask("create", {"layer": "b", "wait": 0.1})
        assert (refused.value.code, refused.value.error["code"]) == (75, "busy")
        assert machine.ask("layers")["layers"].keys() == {"a"}  # looking waits for nobody
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert machine.ask("create", {"layer": "b", "wait": 0.1}) == {"created": True}


def test_a_full_disk_is_named_and_leaves_the_old_stack(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "small", capacity="24m")
    try:
        machine.base()
        machine.ask("switch", {"stack": ["base"], "writable": "c0", "create": True})
        machine.sh("echo mine > /etc/mine")
        machine.run("sh", "-c", f"cat /dev/zero > {machine.store}/filler || true")
        with pytest.raises(Refused, match=r"no space is left on the file system of .* \(0 bytes are free\)") as refused:
            machine.ask("switch", {"stack": ["base", "c0"], "writable": "c1", "create": True, "freeze": True})
        assert refused.value.error["code"] == "no-space"
        assert machine.sh("cat /etc/mine") == "mine\n"
        current = machine.ask("current")
        assert (current["stack"], current["writable"], current["mounted"]) == (["base"], "c0", True)
        machine.run("rm", str(machine.store / "filler"))
        request = {"stack": ["base", "c0"], "writable": "c1", "create": True, "freeze": True}
        assert machine.ask("switch", request)["how"] == "beneath"
        assert machine.sh("cat /etc/mine") == "mine\n"
    finally:
        machine.close()


def test_sizes_count_a_file_with_two_names_once(machine: Machine) -> None:
    machine.ask("create", {"layer": "a"})
    data = machine.path("a")
    (data / "one").write_bytes(b"x" * 5000)
    (data / "two").hardlink_to(data / "one")
    found = machine.ask("sizes", {"layers": ["a"]})["sizes"]["a"]
    assert (found["files"], found["bytes"]) == (2, 5000)
    assert 5000 <= found["disk"] <= 16384
