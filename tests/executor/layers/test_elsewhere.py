"""Two state stores that drive the layers of one simulated host."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from madeus.executor.inventory import Host, Inventory
from madeus.executor.layers.api import Layers
from madeus.executor.layers.errors import AgentFailed, OperationBroken, OperationRefused, StandsElsewhere
from madeus.executor.layers.simulated import SimulatedHosts
from madeus.executor.layers.store import LayerStore, OperationState
from madeus.executor.testing import Died
from madeus.layers import SPARE, LayerKind
from madeus.model import Role, RoleVersion
from tests.executor.layers.test_operate import mortal

INVENTORY = Inventory(hosts={name: Host(name) for name in ("m1", "m2")})
WEB = Role("web", "debian", (RoleVersion("1"), RoleVersion("2", "1")))
Act = Callable[[Layers], Awaitable[Any]]


class Stores:
    """State stores by name, over the same hosts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts = SimulatedHosts("m1", "m2")

    def __call__(self, store: str, act: Act) -> Any:
        async def whole() -> Any:
            async with Layers(LayerStore.open(self.folder / store), self.hosts, INVENTORY) as layers:
                return await act(layers)

        return asyncio.run(whole())

    @property
    def there(self) -> tuple[str, ...]:
        current = self.hosts["m1"].current
        return (*current["stack"], current["writable"])


async def assigned(layers: Layers) -> None:
    await layers.define(WEB, Path("/"))
    (done,) = await layers.assign("web", ["m1"], "1")
    assert done.error is None


async def taken(layers: Layers) -> None:
    """Another store takes the machine over, and changes it."""
    await layers.adopt("m1")
    await layers.checkpoint("m1", "of another store")


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    stores = Stores(tmp_path)
    stores("first", assigned)
    stores.hosts["m1"].write("/etc/first", "first")
    return stores


def refused(stores: Stores, store: str, act: Act) -> StandsElsewhere:
    """What refuses an operation, which leaves the machine as it is."""
    host = stores.hosts["m1"]
    before, shown, starts = stores.there, host.shown(), list(host.starts)
    with pytest.raises(StandsElsewhere) as error:
        stores(store, act)
    assert (stores.there, host.shown(), host.starts) == (before, shown, starts)
    return error.value


def test_a_host_that_another_store_has_stacked_is_no_new_one(stores: Stores) -> None:
    there = stores.there

    async def assign(layers: Layers) -> Any:
        (done,) = await layers.assign(SPARE, ["m1"])
        if done.error is not None:
            raise done.error

    error = refused(stores, "second", assign)
    assert (error.known, error.there, error.exit_code) == ((), there, 1)
    assert error.message.startswith("m1: ") and "known here:  empty" in error.message
    assert f"on the host: {there[-1]} on {len(there) - 1} others" in error.message
    assert error.help is not None and "`madeus host adopt m1`" in error.help
    assert "the stack was left alone" in error.help

    async def free(layers: Layers) -> None:
        assert not layers.catalog.machine("m1").stack and not layers.store.unfinished()

    stores("second", free)


OPERATIONS: dict[str, Act] = {
    "rollback": lambda layers: layers.rollback("m1"),
    "compact": lambda layers: layers.compact("m1"),
    "checkpoint": lambda layers: layers.checkpoint("m1", "mine"),
    "package": lambda layers: layers.package("m1", "web", "1b"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_leaves_a_stack_that_the_store_does_not_know(name: str, tmp_path: Path) -> None:
    stores = Stores(tmp_path)

    async def settled(layers: Layers) -> None:
        await layers.define(Role("web", "debian", (RoleVersion("1"),)), Path("/"))
        await layers.assign("web", ["m1"])
        for _ in range(3):
            await layers.checkpoint("m1", "first")

    stores("first", settled)
    stores("second", taken)
    stores.hosts["m1"].write("/etc/second", "second")
    layers = set(stores.hosts["m1"].layers)
    refused(stores, "first", OPERATIONS[name])
    assert set(stores.hosts["m1"].layers) == layers  # what the refused operation had made is gone, the others are not


def test_what_was_adopted_and_what_was_known_can_both_be_returned_to(stores: Stores) -> None:
    first = stores.there
    stores("second", taken)
    stores.hosts["m1"].write("/etc/second", "second")
    there = stores.there

    async def scenario(layers: Layers) -> None:
        performed = await layers.adopt("m1")
        assert performed.operation.summary == f"adopt {there[-1]} on {len(there) - 1} others"
        machine = layers.catalog.machine("m1")
        assert (machine.role, machine.version, machine.stack) == ("web", "1", there) == ("web", "1", stores.there)
        (state,) = layers.catalog.states_of("m1")
        assert (state.stack, state.why) == (first, "adopt")
        await layers.rollback("m1")
        shown = stores.hosts["m1"].shown()
        assert shown["/etc/first"] == "first" and "/etc/second" not in shown
        assert layers.catalog.states_of("m1")[0].stack == there
        await layers.collect()
        await layers.rollback("m1")
        assert stores.hosts["m1"].shown()["/etc/second"] == "second"

    stores("first", scenario)
    refused(stores, "second", lambda layers: layers.rollback("m1"))


def test_a_stack_of_unknown_layers_is_adopted_as_spare_and_can_be_packaged(stores: Stores) -> None:
    async def scenario(layers: Layers) -> None:
        await layers.adopt("m1")
        machine = layers.catalog.machine("m1")
        assert (machine.role, machine.stack) == (SPARE, stores.there)
        kinds = [layers.catalog.layer(name).kind for name in machine.stack]
        assert kinds == [LayerKind.BASE, *[LayerKind.COPY] * (len(kinds) - 1)]
        await layers.package("m1", "web", "1")
        (done,) = await layers.assign("web", ["m2"])
        assert done.error is None and stores.hosts["m2"].shown()["/etc/first"] == "first"

    stores("second", scenario)


def test_what_is_known_already_is_not_adopted(stores: Stores) -> None:
    with pytest.raises(OperationRefused, match="nothing to take over"):
        stores("first", lambda layers: layers.adopt("m1"))


def test_known_layers_that_the_host_has_lost_are_no_state(stores: Stores) -> None:
    first = stores.there
    stores("second", taken)
    host = stores.hosts["m1"]
    host.current = {"stack": ["debian"], "writable": "new", "persistent": []}
    host.layers = {"debian": host.layers["debian"], "new": {}}

    async def scenario(layers: Layers) -> None:
        await layers.adopt("m1")
        assert not layers.catalog.states_of("m1")
        assert layers.catalog.machine("m1").stack == ("debian", "new")
        assert all("m1" not in layers.catalog.layer(name).holders for name in first[1:])

    stores("first", scenario)


def test_an_interrupted_operation_whose_own_stack_stands_is_gone_on_with(stores: Stores, tmp_path: Path) -> None:
    async def killed(layers: Layers) -> None:
        store = mortal(tmp_path / "first", 1, False)  # the switch was done, its end was not noted
        with pytest.raises(Died):
            await Layers(store, stores.hosts, INVENTORY).checkpoint("m1", "killed")
        store.close()

    stores("other", killed)
    own = stores.there
    store = LayerStore.open(tmp_path / "first")
    number = store.operations()[0].number
    assert store.operations()[0].state is OperationState.RUNNING and store.catalog().machine("m1").stack != own
    store.close()

    async def resumed(layers: Layers) -> None:
        layers.store._alive = lambda holder: False
        (operation,) = await layers.resume()
        assert (operation.number, operation.state) == (number, OperationState.DONE)
        assert layers.catalog.machine("m1").stack == own

    stores("first", resumed)
    assert stores.there == own


def test_an_interrupted_operation_is_given_up_when_another_store_came_between(stores: Stores, tmp_path: Path) -> None:
    async def killed(layers: Layers) -> None:
        store = mortal(tmp_path / "first", 1, False)
        with pytest.raises(Died):
            await Layers(store, stores.hosts, INVENTORY).checkpoint("m1", "killed")
        store.close()

    stores("other", killed)
    stores.hosts["m1"].write("/etc/killed", "killed")
    own = stores.there[-1]

    async def away(layers: Layers) -> None:
        await layers.adopt("m1")
        await layers.define(WEB, Path("/"))
        (done,) = await layers.reprovision("web", ["m1"], "1")
        assert done.error is None

    stores("second", away)

    async def scenario(layers: Layers) -> None:
        layers.store._alive = lambda holder: False
        with pytest.raises(StandsElsewhere) as error:
            await layers.resume()
        assert error.value.help is not None and "its layers stay on the host" in error.value.help
        assert stores.hosts["m1"].layers[own] == {"/etc/killed": "killed"}
        assert not layers.store.unfinished()
        await layers.adopt("m1")
        await layers.rollback("m1")
        assert stores.hosts["m1"].shown()["/etc/first"] == "first"

    stores("first", scenario)


def test_a_collection_leaves_what_another_store_stands_on(stores: Stores) -> None:
    stores("second", lambda layers: layers.adopt("m1"))
    stores("first", lambda layers: layers.reprovision("web", ["m1"], "1"))

    async def back(layers: Layers) -> None:
        await layers.adopt("m1")
        await layers.rollback("m1")

    stores("second", back)

    async def scenario(layers: Layers) -> None:
        await layers.forget("m1", [1])
        held = set(stores.hosts["m1"].layers)
        with pytest.raises(AgentFailed) as error:
            await layers.collect()
        assert error.value.code == "in-use" and set(stores.hosts["m1"].layers) == held
        assert not layers.store.unfinished()
        await layers.adopt("m1")
        assert await layers.collect() is None
        assert set(stores.hosts["m1"].layers) == held and stores.hosts["m1"].shown()["/etc/first"] == "first"

    stores("first", scenario)


def test_adopting_gives_up_what_was_interrupted(stores: Stores, tmp_path: Path) -> None:
    def full() -> None:
        stores.hosts["m1"].room = 0

    stores("second", taken)
    full()
    with pytest.raises((OperationBroken, StandsElsewhere)):
        stores("first", lambda layers: layers.checkpoint("m1", "mine"))
    stores.hosts["m1"].room = None
    stores("first", lambda layers: layers.adopt("m1"))
    stores("first", lambda layers: layers.checkpoint("m1", "mine"))


def test_a_rollback_asks_the_host_once(stores: Stores) -> None:
    stores("first", lambda layers: layers.checkpoint("m1", "before"))
    stores.hosts["m1"].calls.clear()
    stores("first", lambda layers: layers.rollback("m1"))
    assert stores.hosts["m1"].calls == ["switch"]
