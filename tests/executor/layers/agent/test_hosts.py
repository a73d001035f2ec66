"""The program on test hosts: over the host's own root, and after a power cut of the whole host."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from madeus.executor.layers.agent.bundle import bundle
from madeus.executor.testbed import Host, Testbed

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with Testbed.up(["s1"], tmp_path_factory.mktemp("stacks") / "bed", name="stacks", layers=True) as bed:
        program = bundle()
        place = bed.files.hosts / "s1/store/layers"
        place.mkdir()
        (place / Path(program.path).name).write_bytes(program.content)
        yield bed.host("s1")


def ask(host: Host, verb: str, **request: Any) -> dict[str, Any]:
    script = f"python3 -I -S {bundle().path} {verb} <<'END'\n{json.dumps(request)}\nEND"
    code, said = host.exec(script, timeout=60)
    assert code == 0, said
    answer: dict[str, Any] = json.loads(said)["ok"]
    return answer


def mounted_again(host: Host) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while not (found := ask(host, "current"))["started"]:
        assert time.monotonic() < deadline, host.exec("cat /var/log/madeus-boot.log")
        time.sleep(0.05)
    return found


def test_a_stack_over_the_hosts_own_root_comes_back_after_a_power_cut(host: Host) -> None:
    assert ask(host, "seed", layer="base", **{"from": "/"})["how"] == "bind"
    services = {"stop": [], "start": [["sh", "-c", "echo up > /run/service"]]}
    persistent = ["/var/lib/data"]
    first: dict[str, Any] = {"stack": ["base"], "writable": "c0", "create": True}
    ask(host, "switch", **first, services=services, persistent=persistent)
    ask(host, "exec", argv=["sh", "-c", "echo kept > /etc/mine; echo row > /var/lib/data/table; mkdir /etc/apt/own"])
    ask(
        host,
        "switch",
        **{**first, "stack": ["base", "c0"], "writable": "c1"},
        services=services,
        persistent=persistent,
        freeze=True,
    )
    host.kill()
    host.start()
    found = mounted_again(host)
    assert (found["stack"], found["writable"], found["mounted"]) == (["base", "c0"], "c1", True)
    look = ["sh", "-c", "cat /etc/mine /var/lib/data/table /run/service; ls -d /etc/apt/own; cat /etc/hostname"]
    assert ask(host, "exec", argv=look)["output"] == "kept\nrow\nup\n/etc/apt/own\ns1\n"
    assert host.exec("cat /etc/mine")[0] != 0  # the host's own root is not the layered one


def test_a_power_cut_in_the_middle_of_a_switch_leaves_a_stack(host: Host) -> None:
    current = mounted_again(host)
    below = [*current["stack"], current["writable"]]
    for number, step in enumerate(
        ("layer.filled", "next.mounted", "switch.recorded", "switch.beneath", "switch.detached")
    ):
        request = {"stack": below, "writable": f"p{number}", "create": True}
        host.exec(
            f"MADEUS_LAYERS_FAULT={step} python3 -I -S {bundle().path} switch <<'END'\n{json.dumps(request)}\nEND",
            timeout=60,
        )
        host.kill()
        host.start()
        found = mounted_again(host)
        assert found["writable"] in (current["writable"], request["writable"])
        assert ask(host, "exec", argv=["cat", "/etc/mine"])["output"] == "kept\n"
        assert ask(host, "switch", **request)["how"] in ("already", "beneath")
        assert ask(host, "exec", argv=["cat", "/etc/mine"])["output"] == "kept\n"
        current = ask(host, "current")


def test_two_hosts_or_more_can_share_a_root_of_the_machine(host: Host) -> None:
    code, said = host.exec("ls -d /opt/madeus-roots/bookworm-*[!w]")
    if code != 0:
        pytest.skip("no minimal root is in the cache: madeus testbed up 1 --root debootstrap:bookworm")
    root = said.split()[0]
    ask(host, "seed", layer="bookworm", **{"from": root})
    ask(host, "switch", stack=["bookworm"], writable="b0", create=True)
    told = ask(
        host, "exec", argv=["sh", "-c", "grep -c bookworm /etc/os-release; dpkg -l | grep -c ^ii; touch /etc/mine"]
    )
    assert told["code"] == 0
    assert "/etc/mine" in ask(host, "listing", layers=["b0"])["entries"]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_host_with_python_3_9_does_every_verb(tmp_path: Path) -> None:
    with Testbed.up(["o1"], tmp_path / "bed", name="old-python", layers=True, root="bullseye+python3") as bed:
        program = bundle()
        place = bed.files.hosts / "o1/store/layers"
        place.mkdir()
        (place / Path(program.path).name).write_bytes(program.content)
        old = bed.host("o1")
        assert old.exec("python3 -V")[1].startswith("Python 3.9.")
        ask(old, "seed", layer="base", **{"from": "/"})
        ask(old, "switch", stack=["base"], writable="c0", create=True, persistent=["/var/lib/x"])
        edit = ["sh", "-c", "echo 1 > /etc/mine; rm /etc/debian_version"]
        assert ask(old, "exec", argv=edit, services="deny")["code"] == 0
        stack: dict[str, Any] = {"stack": ["base", "c0"], "writable": "c1", "create": True, "freeze": True}
        assert ask(old, "switch", **stack, persistent=["/var/lib/x"])["how"] == "beneath"
        pulled = ask(old, "pull", layer="c0", to="/var/lib/madeus/c0.tar")
        ask(old, "push", layer="p0", **{"from": "/var/lib/madeus/c0.tar"}, sha256=pulled["sha256"])
        assert ask(old, "listing", layers=["p0"], hash=True)["entries"]["/etc/debian_version"]["kind"] == "whiteout"
        (row,) = ask(old, "masked", old=["c0"], new=["p0"], below=["base"])["masked"]
        assert (row["path"], row["same"]) == ("/etc/mine", True)
        ask(old, "create", layer="i")
        decisions = [{"path": "/etc/mine", "how": "merge"}]
        done = ask(old, "resolve", into="i", old=["c0"], new=["p0"], below=["base"], decisions=decisions)["done"]
        assert done == [{"path": "/etc/mine", "how": "merge", "conflict": False}]
        assert ask(old, "merge", layers=["c0", "p0"], into="m")["made"] is True
        assert ask(old, "sizes", layers=["m"])["sizes"]["m"]["bytes"] == 2
        assert ask(old, "delete", layers=["m", "i"])["deleted"] == ["m", "i"]
        assert ask(old, "boot")["how"] == "already"
        assert old.exec(f"echo in | python3 -I -S {program.path} enter -- cat") == (0, "in\n")
