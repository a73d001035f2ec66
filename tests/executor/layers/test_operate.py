"""Operations on simulated hosts: killed at every write of the journal, refused, broken, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from madeus.executor.journal.store import Journal
from madeus.executor.layers.errors import MachineBusy, MergeConflicts, OperationBroken, OperationRefused
from madeus.executor.layers.operate import perform, perform_all, resume
from madeus.executor.layers.simulated import DELETED, SimulatedHosts
from madeus.executor.layers.store import LayerStore, OperationState, Request
from madeus.executor.testing import Died
from madeus.layers import Catalog, Change, Occasion, Role
from madeus.layers.operation import assign, checkpoint, compact, reprovision, rollback, upgrade
from madeus.layers.removal import add_machine, collect, delete_version, forget_states
from madeus.layers.versioning import define, make, package


class Mortal(Journal):
    """A journal whose controller dies at one of its transactions."""

    def transaction(self) -> Any:
        return _dying(self, super().transaction())


class _dying:  # noqa: N801  # a context manager that reads like a function
    def __init__(self, journal: Any, inner: Any) -> None:
        self.journal, self.inner = journal, inner

    def __enter__(self) -> Any:
        if self.journal.dead:
            raise Died
        return self.inner.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        if kind is not None:
            return self.inner.__exit__(kind, error, trace)
        dies = self.journal.count == self.journal.dies_at
        self.journal.count += 1
        self.journal.dead = self.journal.dead or dies
        if dies and not self.journal.after:
            self.inner.__exit__(Died, Died(), None)
            raise Died
        self.inner.__exit__(None, None, None)
        if dies:
            raise Died
        return None


def quick(state: Path) -> Journal:
    """A journal that does not wait for the disk: nobody cuts the power here."""
    journal = Journal.open(state)
    journal._connection.execute("PRAGMA synchronous = OFF")
    return journal


def mortal(state: Path, dies_at: int, after: bool) -> LayerStore:
    plain = quick(state)
    journal = Mortal(plain.path, plain._connection)
    journal.__dict__.update(dies_at=dies_at, after=after, dead=False, count=0)
    return LayerStore(journal, alive=lambda holder: False)


def stored(state: Path, alive: bool = False) -> LayerStore:
    return LayerStore(quick(state), alive=lambda holder: alive)


def made(name: str) -> Callable[[Catalog, Occasion], Change]:
    return lambda catalog, occasion: Change("add", f"add {name}", add_machine(catalog, name), machines=(name,))


def defined(versions: list[str], **fields: Any) -> Callable[[Catalog, Occasion], Change]:
    def request(catalog: Catalog, occasion: Occasion) -> Change:
        role = Role("web", "debian", **fields)
        return Change("define", "define web", define(catalog, role, "", versions, occasion), machines=("role web",))

    return request


async def settled(store: LayerStore, hosts: SimulatedHosts) -> None:
    """Two spare machines, a role with two versions made on the first; the first has version 1 and a change of its own."""
    for request in (
        made("m1"),
        made("m2"),
        defined(["1", "2"], services=("nginx",)),
        lambda c, o: make(c, "web", "1", "m1", o),
        lambda c, o: make(c, "web", "2", "m1", o),
        lambda c, o: assign(c, "m1", "web", "1", o),
        lambda c, o: checkpoint(c, "m1", o),
    ):
        await perform(store, hosts, request)
    hosts["m1"].write("/etc/mine", "mine")


def true(store: LayerStore, hosts: SimulatedHosts) -> None:
    """The catalog says what is on the hosts."""
    catalog = store.catalog()
    for machine in catalog.machines.values():
        current = hosts[machine.name].current
        whole = (*current["stack"], current["writable"]) if current else ()
        assert whole == machine.stack
    for layer in catalog.layers.values():
        for holder in layer.holders:
            assert layer.id in hosts[holder].layers
            assert (layer.id in hosts[holder].frozen) == layer.frozen
    held = {(name, layer) for name, host in hosts.hosts.items() for layer in host.layers}
    assert held == {(holder, layer.id) for layer in catalog.layers.values() for holder in layer.holders}


OPERATIONS: dict[str, Request] = {
    "assign": lambda c, o: assign(c, "m2", "web", "2", o),
    "upgrade": lambda c, o: upgrade(c, "m1", "2", o),
    "reprovision": lambda c, o: reprovision(c, "m1", "web", "2", o),
    "rollback": lambda c, o: rollback(c, "m1", 1, o),
    "package": lambda c, o: package(c, "m1", "web", "1b", o),
    "compact": lambda c, o: compact(c, "m1", o),
    "checkpoint": lambda c, o: checkpoint(c, "m1", o),
    "make": lambda c, o: make(c, "web", "3", "m2", o),
    "delete": lambda c, o: delete_version(c, "web", "2"),
    "collect": lambda c, o: collect(c),
}


async def prepared(store: LayerStore, hosts: SimulatedHosts, name: str) -> None:
    await settled(store, hosts)
    if name == "package":
        await perform(store, hosts, lambda c, o: delete_version(c, "web", "2"))
    if name == "compact":
        for _ in range(3):
            await perform(store, hosts, lambda c, o: checkpoint(c, "m1", o))
    if name == "make":
        await perform(store, hosts, defined(["1", "2", "3"]))
    if name == "collect":
        await perform(store, hosts, lambda c, o: reprovision(c, "m1", "web", "2", o))
        await perform(store, hosts, lambda c, o: forget_states(c, "m1", [1, 2]))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[LayerStore, SimulatedHosts]]:
    store = stored(tmp_path)
    yield store, SimulatedHosts("m1", "m2")
    store.close()


@pytest.mark.parametrize("after", (False, True), ids=("before", "after"))
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_killed_at_any_write_is_gone_on_with(name: str, after: bool, tmp_path: Path) -> None:
    async def life(number: int) -> bool:
        state = tmp_path / str(number)
        hosts = SimulatedHosts("m1", "m2")
        store = stored(state)
        await prepared(store, hosts, name)
        store.close()
        dying = mortal(state, number, after)
        died = False
        try:
            await perform(dying, hosts, OPERATIONS[name])
        except Died:
            died = True
        dying.close()
        heir = stored(state)
        begun = len(heir.unfinished())
        for operation in heir.unfinished():
            await resume(heir, hosts, operation.number)
        true(heir, hosts)
        latest = heir.operations()[0]
        assert latest.state is OperationState.DONE
        if died and not begun and latest.kind != name:
            await perform(heir, hosts, OPERATIONS[name])
            true(heir, hosts)
        assert [one.kind for one in heir.operations()].count(name) >= 1
        heir.close()
        return died

    number = 0
    while asyncio.run(life(number)):
        number += 1
    assert number >= 2


@pytest.mark.parametrize("name", ("upgrade", "compact", "package"))
def test_each_step_may_be_done_twice(name: str, world: tuple[LayerStore, SimulatedHosts]) -> None:
    store, hosts = world

    async def scenario() -> None:
        await prepared(store, hosts, name)
        once = hosts.call

        async def twice(machine: str, verb: str, arguments: Any) -> Any:
            await once(machine, verb, arguments)
            return await once(machine, verb, arguments)

        hosts.call = twice  # type: ignore[method-assign]
        await perform(store, hosts, OPERATIONS[name])
        true(store, hosts)

    asyncio.run(scenario())


def test_a_full_disk_before_the_switch_leaves_everything_as_it_was(world: tuple[LayerStore, SimulatedHosts]) -> None:
    store, hosts = world

    async def scenario() -> None:
        await settled(store, hosts)
        before, shown = store.catalog(), hosts["m2"].shown()
        hosts["m2"].room = 2
        with pytest.raises(OperationBroken) as broken:
            await perform(store, hosts, OPERATIONS["assign"])
        assert broken.value.undone and "No space left on device" in broken.value.message
        assert broken.value.help == "nothing has changed: what it had begun was taken back"
        assert store.catalog() == before and hosts["m2"].shown() == shown
        assert store.operations()[0].state is OperationState.FAILED
        hosts["m2"].room = None
        await perform(store, hosts, OPERATIONS["assign"])
        true(store, hosts)

    asyncio.run(scenario())


def test_a_host_that_goes_away_in_the_middle_is_gone_on_with_by_the_next_operation(
    world: tuple[LayerStore, SimulatedHosts],
) -> None:
    store, hosts = world

    async def scenario() -> None:
        await settled(store, hosts)
        hosts.down.add("m2")
        with pytest.raises(OperationBroken) as broken:
            await perform(store, hosts, OPERATIONS["assign"])
        assert not broken.value.undone and "`madeus layers resume`" in broken.value.help
        assert [one.summary for one in store.unfinished()] == ["assign web 2"]
        hosts.down.clear()
        done = await perform(store, hosts, lambda c, o: checkpoint(c, "m2", o))
        assert [one.summary for one in done.resumed] == ["assign web 2"]
        true(store, hosts)

    asyncio.run(scenario())


def test_two_operations_at_once_on_one_machine_the_second_is_refused_or_waits(tmp_path: Path) -> None:
    one, other = stored(tmp_path, alive=True), stored(tmp_path, alive=True)
    hosts = SimulatedHosts("m1", "m2")

    async def scenario() -> None:
        await settled(one, hosts)
        go = asyncio.Event()
        call = hosts.call

        async def slow(machine: str, verb: str, arguments: Any) -> Any:
            await go.wait()
            return await call(machine, verb, arguments)

        hosts.call = slow  # type: ignore[method-assign]
        first = asyncio.ensure_future(perform(one, hosts, OPERATIONS["upgrade"]))
        await asyncio.sleep(0)
        with pytest.raises(MachineBusy) as busy:
            await perform(other, hosts, OPERATIONS["checkpoint"])
        assert "m1 is being changed (upgrade web 1 to 2) by process" in busy.value.message
        with pytest.raises(MachineBusy) as whole:
            await perform(other, hosts, OPERATIONS["delete"])
        assert "m1 is being changed" in whole.value.message
        second = asyncio.ensure_future(perform(other, hosts, OPERATIONS["checkpoint"], wait=60))
        await asyncio.sleep(0)
        go.set()
        await first
        done = await second
        assert done.operation.state is OperationState.DONE
        assert store_versions(one) == [("m1", "2"), ("m2", "")]
        true(one, hosts)

    asyncio.run(scenario())
    one.close()
    other.close()


def store_versions(store: LayerStore) -> list[tuple[str, str]]:
    return [(machine.name, machine.version) for machine in store.catalog().machines.values()]


def test_many_machines_at_once_keep_each_other_s_copies_of_a_layer(tmp_path: Path) -> None:
    store = stored(tmp_path)
    names = [f"m{number}" for number in range(1, 9)]
    hosts = SimulatedHosts(*names)

    async def scenario() -> None:
        await settled(store, hosts)
        for name in names[2:]:
            await perform(store, hosts, made(name))
        requests = [lambda c, o, name=name: assign(c, name, "web", "2", o) for name in names[1:]]
        results = await perform_all(store, hosts, requests)
        assert not [result for result in results if isinstance(result, Exception)]
        true(store, hosts)
        layer = store.catalog().roles["web"].versions[0].layer
        assert store.catalog().layers[layer].holders == set(names)

    asyncio.run(scenario())
    store.close()


def test_a_refusal_writes_nothing_down(world: tuple[LayerStore, SimulatedHosts]) -> None:
    store, hosts = world

    async def scenario() -> None:
        await settled(store, hosts)
        count = len(store.operations())
        with pytest.raises(OperationRefused) as refused:
            await perform(store, hosts, lambda c, o: upgrade(c, "m2", None, o))
        assert refused.value.exit_code == 2 and refused.value.message == "m2 is spare: it has no role yet"
        assert len(store.operations()) == count

    asyncio.run(scenario())


def test_a_controller_that_was_superseded_writes_nothing_more(tmp_path: Path) -> None:
    paused, heir = stored(tmp_path), stored(tmp_path)
    hosts = SimulatedHosts("m1", "m2")

    async def scenario() -> None:
        await settled(paused, hosts)
        operation = paused.begin(OPERATIONS["upgrade"])
        await resume(heir, hosts, operation.number)
        with pytest.raises(OperationBroken, match="another process has taken it over"):
            paused.advance(operation, [{}])
        true(heir, hosts)

    asyncio.run(scenario())
    paused.close()
    heir.close()


def test_a_merge_with_conflicts_stops_before_the_switch(world: tuple[LayerStore, SimulatedHosts]) -> None:
    store, hosts = world

    async def scenario() -> None:
        await settled(store, hosts)
        old, new = (version.layer for version in store.catalog().roles["web"].versions)
        mine = store.catalog().machines["m1"].stack[-1]
        for layer, text in ((old, "base"), (new, "theirs"), (mine, "mine")):
            hosts["m1"].layers[layer]["/etc/conf"] = text
        decision = [{"path": "/etc/conf", "how": "merge"}]
        before = store.catalog()
        with pytest.raises(MergeConflicts) as conflicts:
            await perform(store, hosts, lambda c, o: upgrade(c, "m1", "2", o, decision))
        assert conflicts.value.paths == ("/etc/conf",)
        assert store.catalog() == before and hosts["m1"].shown()["/etc/conf"] == "mine"
        true(store, hosts)

    asyncio.run(scenario())


def test_what_is_taken_is_shown_and_what_the_machine_had_can_be_gone_back_to(
    world: tuple[LayerStore, SimulatedHosts],
) -> None:
    store, hosts = world

    async def scenario() -> None:
        await settled(store, hosts)
        new = store.catalog().roles["web"].versions[1].layer
        hosts["m1"].layers[new].update({"/etc/conf": "theirs", "/etc/gone": "theirs"})
        hosts["m1"].write("/etc/conf", "mine")
        hosts["m1"].write("/etc/gone", DELETED)
        decision = [{"path": path, "how": "take"} for path in ("/etc/conf", "/etc/gone")]
        await perform(store, hosts, lambda c, o: upgrade(c, "m1", "2", o, decision))
        assert hosts["m1"].shown()["/etc/conf"] == "theirs" == hosts["m1"].shown()["/etc/gone"]
        await perform(store, hosts, lambda c, o: rollback(c, "m1", None, o))
        assert hosts["m1"].shown()["/etc/conf"] == "mine" and "/etc/gone" not in hosts["m1"].shown()

    asyncio.run(scenario())


def test_services_are_stopped_and_started_around_a_switch(world: tuple[LayerStore, SimulatedHosts]) -> None:
    store, hosts = world

    async def scenario() -> None:
        await settled(store, hosts)
        hosts["m1"].starts.clear()
        await perform(store, hosts, OPERATIONS["upgrade"])
        assert hosts["m1"].starts == ["-nginx", "+nginx"]

    asyncio.run(scenario())
