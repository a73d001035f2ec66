"""What the command line does with layers, on simulated hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from madeus.executor.errors import UnknownHost
from madeus.executor.inventory import Host, Inventory
from madeus.executor.layers.announced import announce
from madeus.executor.layers.api import Layers
from madeus.executor.layers.errors import OperationBroken, OperationRefused
from madeus.executor.layers.heartbeat import Heartbeat, News, Status
from madeus.executor.layers.simulated import SimulatedHost, SimulatedHosts
from madeus.executor.layers.store import LayerStore
from madeus.layers import Policy
from madeus.model import FilePolicy, Role, RoleVersion

INVENTORY = Inventory(hosts={name: Host(name) for name in ("m1", "m2", "m3")})
WEB = Role("web", "debian", (RoleVersion("1"), RoleVersion("2", "1")), policies=(FilePolicy("/etc/merged", "merge"),))


def act(state: Path, hosts: SimulatedHosts, what: Callable[[Layers], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        async with Layers(LayerStore.open(state), hosts, INVENTORY) as layers:
            return await what(layers)

    return asyncio.run(whole())


@pytest.fixture
def hosts() -> SimulatedHosts:
    def made(host: SimulatedHost, arguments: Any) -> None:
        version = str(arguments["version"])
        files = {"/srv/version": version, "/etc/asked": version, "/etc/merged": "base", "/etc/same": "same"}
        host.layers[arguments["layer"]].update(files)

    hosts = SimulatedHosts("m1", "m2", "m3")
    hosts.made = made
    return hosts


def test_assigning_makes_what_is_missing_once_and_brings_it_to_the_others(
    tmp_path: Path, hosts: SimulatedHosts
) -> None:
    async def scenario(layers: Layers) -> None:
        await layers.define(WEB, tmp_path)
        done = await layers.assign("web", ["m1", "m2", "m3"])
        assert [one.error for one in done] == [None, None, None]
        assert all(hosts[name].shown()["/srv/version"] == "2" for name in ("m1", "m2", "m3"))
        kinds = [one.kind for one in layers.store.operations()]
        assert kinds.count("make") == 2 and kinds.count("add") == 3

    act(tmp_path, hosts, scenario)


def test_a_version_that_somebody_else_makes_meanwhile_is_not_made_again(tmp_path: Path, hosts: SimulatedHosts) -> None:
    async def whole() -> None:
        one, other = (Layers(LayerStore.open(tmp_path), hosts, INVENTORY) for _ in range(2))
        async with one, other:
            told: list[str] = []
            one.tell = other.tell = told.append
            await one.define(WEB, tmp_path)
            make = other.make

            async def late(role: str, version: str, machine: str) -> Any:
                """As if the other machine's operation had held the role until now."""
                assert [result.error for result in await one.assign(role, ["m1"], version)] == [None]
                return await make(role, version, machine)

            other.make = late  # type: ignore[method-assign]
            assert [result.error for result in await other.assign("web", ["m2"], "1")] == [None]
            assert [hosts[name].shown()["/srv/version"] for name in ("m1", "m2")] == ["1", "1"]
            assert [operation.kind for operation in one.store.operations()].count("make") == 1
            assert told == ["m2: making web 1", "m1: making web 1"]

    asyncio.run(whole())


def test_what_every_host_has_of_itself_is_not_brought_from_the_first(tmp_path: Path, hosts: SimulatedHosts) -> None:
    role = Role("db", "debian11", (RoleVersion("1", source="host:/srv/db"),), source="host:/srv/debian11")

    async def scenario(layers: Layers) -> None:
        await layers.define(role, tmp_path)
        await layers.assign("db", ["m1", "m2"])
        version = layers.catalog.roles["db"].versions[0].layer
        assert layers.catalog.layers["debian11"].source == "host:/srv/debian11"
        assert layers.catalog.layers[version].source == "host:/srv/db"
        assert hosts["m2"].layers[version] == {"/source": "host:/srv/db"}

    act(tmp_path, hosts, scenario)


def test_an_error_on_one_machine_is_none_of_the_others(tmp_path: Path, hosts: SimulatedHosts) -> None:
    async def scenario(layers: Layers) -> None:
        await layers.define(WEB, tmp_path)
        await layers.assign("web", ["m1"], "1")
        hosts.down.add("m2")
        done = await layers.assign("web", ["m2", "m3"], "1")
        assert "nothing listens there" in str(done[0].error) and done[1].error is None

    act(tmp_path, hosts, scenario)


def test_a_host_that_nobody_knows_is_no_machine(tmp_path: Path, hosts: SimulatedHosts) -> None:
    async def scenario(layers: Layers) -> None:
        with pytest.raises(UnknownHost, match="unknown host `m7`"):
            await layers.assign("spare", ["m7"])

    act(tmp_path, hosts, scenario)


def test_an_upgrade_asks_about_masked_files_and_does_what_it_is_told(tmp_path: Path, hosts: SimulatedHosts) -> None:
    async def scenario(layers: Layers) -> None:
        await layers.define(WEB, tmp_path)
        await layers.assign("web", ["m1"], "1")
        hosts["m1"].write("/etc/asked", "mine")
        hosts["m1"].write("/etc/merged", "mine")
        hosts["m1"].write("/etc/same", "same")
        before = layers.catalog
        found = {one.mask.path: str(one.how) for one in await layers.decisions("m1", None)}
        assert found == {"/etc/asked": "ask", "/etc/merged": "keep"}
        (refused,) = await layers.upgrade(["m1"])
        assert isinstance(refused.error, OperationRefused)
        assert refused.error.message == "files that m1 has changed would hide those of web 2:\n  /etc/asked"
        assert layers.catalog.machines == before.machines and hosts["m1"].shown()["/srv/version"] == "1"
        (done,) = await layers.upgrade(["m1"], policies=[Policy("/etc/**", "take")])
        assert done.error is None and hosts["m1"].shown()["/etc/asked"] == "2"
        assert hosts["m1"].shown()["/etc/merged"] == "mine"
        await layers.rollback("m1")
        assert hosts["m1"].shown()["/etc/asked"] == "mine"

    act(tmp_path, hosts, scenario)


def test_files_that_change_between_the_question_and_the_switch_are_asked_about_again(
    tmp_path: Path, hosts: SimulatedHosts
) -> None:
    role = Role("web", "debian", (RoleVersion("1"), RoleVersion("2", "1")))
    made = {"1": {"/etc/a": "1", "/etc/log": "1"}, "2": {"/etc/a": "2", "/etc/log": "2"}}
    hosts.made = lambda host, arguments: host.layers[arguments["layer"]].update(made[arguments["version"]])
    kept = [Policy("/etc/log", "keep")]

    async def scenario(layers: Layers) -> None:
        await layers.define(role, tmp_path)
        await layers.assign("web", ["m1"], "1")
        call, edits = hosts["m1"].call, iter(["mine", "again", "third", "fourth"])

        def edited(verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            if verb == "switch":
                hosts["m1"].write("/etc/log", next(edits))
                hosts["m1"].write("/etc/a", hosts["m1"].shown()["/etc/log"])
            return call(verb, arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SimulatedHost, "call", lambda host, verb, arguments: edited(verb, arguments))
            (asked,) = await layers.upgrade(["m1"], policies=kept)
            assert isinstance(asked.error, OperationRefused) and asked.error.message.endswith(":\n  /etc/a")
            (moving,) = await layers.upgrade(["m1"], policies=[*kept, Policy("/etc/a", "take")])
            assert isinstance(moving.error, OperationBroken) and moving.error.undone
            assert moving.error.message.endswith("changed since it was decided what is shown of them: /etc/a")
        assert hosts["m1"].shown()["/etc/a"] == "fourth" and layers.catalog.machine("m1").version == "1"
        (done,) = await layers.upgrade(["m1"], policies=[*kept, Policy("/etc/a", "take")])
        assert done.error is None and (hosts["m1"].shown()["/etc/a"], hosts["m1"].shown()["/etc/log"]) == (
            "2",
            "fourth",
        )

    act(tmp_path, hosts, scenario)


def test_a_version_may_be_packaged_from_a_machine_that_its_definition_names(
    tmp_path: Path, hosts: SimulatedHosts
) -> None:
    role = Role("web", "debian", (RoleVersion("1"), RoleVersion("2", "1", package="m1")))

    async def scenario(layers: Layers) -> None:
        await layers.define(role, tmp_path)
        await layers.assign("web", ["m1"], "1")
        hosts["m1"].write("/etc/good", "good")
        await layers.assign("web", ["m2"])
        assert hosts["m2"].shown()["/etc/good"] == "good"

    act(tmp_path, hosts, scenario)


def test_the_heartbeat_tells_what_is_new_down_up_and_changed(tmp_path: Path, hosts: SimulatedHosts) -> None:
    async def scenario(layers: Layers) -> None:
        heart = Heartbeat(layers, Inventory(hosts={"m1": Host("m1"), "m2": Host("m2")}))
        first = await heart.round()
        assert first[:2] == [News(name, Status.UNKNOWN, "new: spare") for name in ("m1", "m2")]
        assert first[2:] == [News("m1", Status.UP), News("m2", Status.UP)]
        assert await heart.round() == []
        hosts.down.add("m2")
        assert [str(news) for news in await heart.round()] == ["m2 is down: nothing listens there (m2)"]
        assert await heart.round() == []
        hosts.down.clear()
        hosts["m2"].boots += 1
        assert await heart.round() == [News("m2", Status.CHANGED, "it was restarted")]
        assert await heart.round() == [News("m2", Status.UP)]
        await layers.assign("spare", ["m1"])
        assert await heart.round() == []
        hosts["m1"].current = {}
        (news,) = await heart.round()
        assert news.status is Status.CHANGED and news.reason.startswith("its stack is empty, not m1-")

    act(tmp_path, hosts, scenario)


def test_a_machine_that_announces_itself_is_found_where_it_is(tmp_path: Path) -> None:
    announce(tmp_path, "rack 3", "10.0.3.7")
    announce(tmp_path, "rack4", "10.0.4.1")
    path = announce(tmp_path, "rack4", "10.0.4.2")
    from madeus.executor.inventory import load_inventory

    found = load_inventory(path)
    assert (found.hosts["rack 3"].address, found.hosts["rack4"].address) == ("10.0.3.7", "10.0.4.2")
