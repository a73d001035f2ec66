"""A machine that gets another name, and operations that no host was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from madeus.executor.errors import UnknownHost
from madeus.executor.inventory import Host, Inventory, load_inventory
from madeus.executor.layers.announced import announce
from madeus.executor.layers.api import Layers, Resolver
from madeus.executor.layers.errors import OperationRefused
from madeus.executor.layers.simulated import SimulatedHosts
from madeus.executor.layers.store import LayerStore, OperationState


def test_a_machine_is_renamed_after_its_inventory(tmp_path: Path) -> None:
    path = tmp_path / "hosts.toml"
    path.write_text('hosts.rack.address = "192.0.2.1"\n')

    async def scenario() -> None:
        async with Layers(LayerStore.open(tmp_path), SimulatedHosts("rack"), load_inventory(path)) as layers:
            await layers.add("rack")
            with pytest.raises(UnknownHost, match="shelf"):
                await layers.rename("rack", "shelf")
            assert list(layers.catalog.machines) == ["rack"]
        path.write_text('hosts.shelf.address = "192.0.2.1"\n')
        for inventory in (load_inventory(path), None):
            async with Layers(LayerStore.open(tmp_path), SimulatedHosts(), inventory) as layers:
                await layers.rename(*("rack", "shelf") if inventory else ("shelf", "shelf2"))
            path.write_text('hosts.shelf2.address = "192.0.2.1"\n')
        async with Layers(LayerStore.open(tmp_path), SimulatedHosts()) as layers:
            assert Resolver(layers.store, None)("shelf2").address == "192.0.2.1"

    asyncio.run(scenario())


def test_a_machine_that_announced_itself_keeps_its_address_under_its_new_name(tmp_path: Path) -> None:
    path = announce(tmp_path, "rack", "192.0.2.1")
    announce(tmp_path, "other", "192.0.2.2")

    async def scenario() -> None:
        async with Layers(LayerStore.open(tmp_path), SimulatedHosts(), load_inventory(path)) as layers:
            await layers.add("rack")
            await layers.add("other")
            with pytest.raises(OperationRefused, match="there is a machine other already"):
                await layers.rename("rack", "other")
        async with Layers(LayerStore.open(tmp_path), SimulatedHosts()) as layers:
            await layers.rename("rack", "shelf")
            resolve = Resolver(layers.store, None)
            assert (resolve("shelf").address, resolve("other").address) == ("192.0.2.1", "192.0.2.2")

    asyncio.run(scenario())


def test_an_operation_on_a_host_that_no_inventory_has_any_more_changes_nothing_and_holds_nothing(
    tmp_path: Path,
) -> None:
    class Gone(SimulatedHosts):
        async def call(self, machine: str, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            raise UnknownHost("m1", Path("hosts.toml"), None)

    async def scenario() -> None:
        async with Layers(
            LayerStore.open(tmp_path), SimulatedHosts("m1"), Inventory(hosts={"m1": Host("m1")})
        ) as layers:
            await layers.assign("spare", ["m1"])
        async with Layers(LayerStore.open(tmp_path), Gone("m1")) as layers:
            with pytest.raises(UnknownHost):
                await layers.checkpoint("m1", "by hand")
            assert layers.store.operations("m1")[0].state is OperationState.FAILED
            assert layers.store.unfinished() == []

    asyncio.run(scenario())
