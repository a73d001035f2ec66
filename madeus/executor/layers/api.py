"""Layers from Python: what the command line does, on machines of an inventory.

::

    async with Layers.open(inventory=load_inventory(Path("hosts.toml"))) as layers:
        await layers.assign("webserver", ["web1", "web2"], "2.0.54")
        await layers.rollback("web1")
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from madeus.executor.errors import ExecutorError, InternalError
from madeus.executor.inventory import Host, Inventory, load_inventory
from madeus.executor.journal.lock import rolled_back
from madeus.executor.layers.announced import FILE, rename_announced
from madeus.executor.layers.definition import ON_THE_HOST, recipes_of, role_of
from madeus.executor.layers.errors import AgentFailed, OperationBroken, OperationRefused, StandsElsewhere
from madeus.executor.layers.host import AgentHosts
from madeus.executor.layers.operate import Hosts, Performed, perform, resume
from madeus.executor.layers.store import LayerStore, Operation, Request
from madeus.executor.transport.base import Outcome
from madeus.executor.transport.pool import Transports
from madeus.layers import SPARE, Catalog, Change, Occasion, Policy, Refused
from madeus.layers.adoption import adopt
from madeus.layers.errors import Masked, NothingToDo, StillSpare
from madeus.layers.mask import Decision, Entry, FileKind, Mask, decide, to_check, to_resolve, undecided
from madeus.layers.operation import (
    assign,
    before_run,
    checkpoint,
    compact,
    following,
    reprovision,
    rollback,
    stack_of,
    upgrade,
)
from madeus.layers.removal import (
    add_machine,
    collect,
    delete_layer,
    delete_role,
    delete_version,
    forget_states,
    remove_machine,
    rename_machine,
)
from madeus.layers.versioning import bring, define, make, package

if TYPE_CHECKING:
    from madeus.model import Role

ATTEMPTS = 3
"""Of an upgrade whose machine goes on changing files that hide those of the new version."""

LETTING_GO = 5.0
"""Seconds that hosts have to drop what they keep of the commands that were run there."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one machine: `performed`, or the `error`."""

    machine: str
    performed: Performed | None = None
    decisions: tuple[Decision, ...] = ()
    """Of an upgrade: what was done with masked files."""
    error: ExecutorError | None = None


class Layers:
    """The layers of a state store and the machines that they are on. An asynchronous context manager."""

    def __init__(
        self,
        store: LayerStore,
        hosts: Hosts,
        inventory: Inventory | None = None,
        wait: float = 0.0,
        transports: Transports | None = None,
    ) -> None:
        """inventory: None: the ones that the machines were met in. wait: seconds for other operations on a machine to end."""
        self.store, self.hosts, self.wait = store, hosts, wait
        self._inventory, self._transports = inventory, transports
        self._making = asyncio.Lock()
        self.tell: Callable[[str], None] = lambda sentence: None
        """Is told what takes its time, before it begins."""

    @classmethod
    def open(cls, state: Path | None = None, inventory: Inventory | None = None, wait: float = 0.0) -> Layers:
        """Over the transports of the inventory. Raises as `Journal.open` does."""
        store = LayerStore.open(state)
        # A name of its own: of two controllers of one run on a host, the older one would be fenced off.
        transports = Transports(f"layers-{secrets.token_hex(6)}")
        resolve = Resolver(store, inventory)
        cache = store.journal.path.parent / "layers"
        return cls(store, AgentHosts(resolve, transports, cache, store.recipe), inventory, wait, transports)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transports is not None:
            with contextlib.suppress(TimeoutError, ExecutorError):
                async with asyncio.timeout(LETTING_GO):
                    await self._transports.forget()
            await self._transports.close()
        self.store.close()

    @property
    def catalog(self) -> Catalog:
        """What is known now."""
        return self.store.catalog()

    async def each(self, machines: Sequence[str], act: Callable[[str], Awaitable[Done]]) -> list[Done]:
        """Do something on several machines at once; an error on one is no error of the others."""

        async def one(machine: str) -> Done:
            try:
                return await act(machine)
            except InternalError:
                raise
            except ExecutorError as error:
                return Done(machine, error=error)

        return list(await asyncio.gather(*(one(machine) for machine in machines)))

    async def define(self, role: Role, base: Path) -> Performed:
        """Make a role of the language known. base: directory that files of its actions are relative to.

        Raises:
            NotRunnable: actions of its versions are unknown or not well written.
            OperationRefused: the catalog does not allow it.
        """
        from madeus.executor.layers.build import check_versions  # actions are not needed to roll back

        check_versions(role)
        values, source = role_of(role, base)

        def request(catalog: Catalog, occasion: Occasion) -> Change:
            after = define(catalog, values, source, [version.name for version in role.versions], occasion)
            return Change("define", f"define role {role.name}", after, machines=(f"role {role.name}",))

        performed = await self._perform(request)
        self.store.keep_recipes(role.name, recipes_of(role, base))
        return performed

    async def assign(self, role: str, machines: Sequence[str], version: str | None = None) -> list[Done]:
        """Give spare machines a role; versions that have still to be made are made on the first."""
        known = self.catalog.machines
        spare = [one for one in machines if one not in known or known[one].role == SPARE]
        if spare:  # the others are refused: nothing need be made for them
            await self._ready(role, spare, version)
        return await self.each(machines, lambda m: self._one(m, lambda c, o: assign(c, m, role, version, o)))

    async def reprovision(self, role: str, machines: Sequence[str], version: str | None = None) -> list[Done]:
        """Make machines anew."""
        await self._ready(role, machines, version)
        return await self.each(machines, lambda m: self._one(m, lambda c, o: reprovision(c, m, role, version, o)))

    async def upgrade(
        self, machines: Sequence[str], version: str | None = None, policies: Sequence[Policy] = ()
    ) -> list[Done]:
        """Upgrade machines. policies: come before those of the role."""
        return await self.each(machines, lambda m: self._upgrade(m, version, policies))

    async def _upgrade(self, machine: str, version: str | None, policies: Sequence[Policy]) -> Done:
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._upgrade_once(machine, version, policies)
            except OperationBroken as error:
                cause = error.__cause__
                if not (error.undone and isinstance(cause, AgentFailed) and cause.code == "changed"):
                    raise
        return await self._upgrade_once(machine, version, policies)

    async def _upgrade_once(self, machine: str, version: str | None, policies: Sequence[Policy]) -> Done:
        decisions = await self.decisions(machine, version, policies)
        asked = undecided(decisions)
        if asked:
            role, _, target = following(self.catalog, machine, version)
            raise OperationRefused(Masked(machine, f"{role.name} {role.versions[target].name}", asked))
        told, seen = to_resolve(decisions), to_check(decisions)
        done = await self._one(machine, lambda c, o: upgrade(c, machine, version, o, told, seen))
        return replace(done, decisions=tuple(decisions))

    async def decisions(
        self, machine: str, version: str | None, policies: Sequence[Policy] = (), role: str | None = None
    ) -> list[Decision]:
        """What would be done with files of a machine that hide some of a later version. Nothing is changed but that the machine
        gets the layers of that version.

        Raises:
            OperationRefused: the version does not follow the machine's one.
        """
        catalog = self.catalog
        try:
            found, now, target = following(catalog, machine, version)
            if role is not None and role != found.name:
                catalog.role(role)
                raise Refused(f"{machine} is {found.name} {catalog.machine(machine).version}, not {role}")
        except Refused as refused:
            raise OperationRefused(refused) from refused
        await self._ready(found.name, [machine], version)
        catalog = self.catalog
        below = stack_of(found, found.versions[now].name)
        added = stack_of(found, found.versions[target].name)[len(below) :]
        if any(machine not in catalog.layers[layer].holders for layer in added):
            await self._perform(lambda c, o: bring(c, machine, added, o))
        copies = catalog.copies(catalog.machine(machine).stack)
        stacks = {"old": list(copies), "new": list(added), "below": list(below)}
        rows = (await self.hosts.call(machine, "masked", stacks))["masked"]
        sides = ("mine", "theirs", "base")
        masks = [Mask(row["path"], *(_entry(row, side) for side in sides)) for row in rows if is_mask(row)]
        return decide(masks, [*policies, *found.policies])

    async def rollback(self, machine: str, number: int | None = None, run: str = "") -> Performed:
        """Return a machine to a state; None: the latest."""
        return await self._perform(lambda c, o: rollback(c, machine, number, o), run)

    async def rollback_run(self, name: str) -> list[Done]:
        """Return every machine of a run to what it was before the run. name: as `Journal.find` takes it.

        Raises:
            UnknownRun: there is no such run.
            OperationRefused: it has changed nothing in layers.
        """
        run = self.store.journal.find(name)
        done = await self.before(run)
        if not done:
            raise OperationRefused(NothingToDo(f"run {run} has changed nothing in the layers of a machine"))
        if not any(one.error for one in done):
            rolled_back(self.store.journal, run)
        return done

    async def before(self, run: str) -> list[Done]:
        """The same for the whole name of a run; nothing where it has changed nothing."""
        numbers = {state.machine: state.number for state in before_run(self.catalog, run)}

        async def one(machine: str) -> Done:
            return Done(machine, await self.rollback(machine, numbers[machine]))

        return await self.each(list(numbers), one)

    async def checkpoint(self, machine: str, why: str, run: str = "") -> Performed:
        """Record the state of a machine and go on in a new copy."""
        return await self._perform(lambda c, o: checkpoint(c, machine, o, why, run), run)

    async def compact(self, machine: str) -> Performed:
        """One layer in place of all that a machine has changed."""
        return await self._perform(lambda c, o: compact(c, machine, o))

    async def make(self, role: str, version: str, machine: str) -> Performed:
        """Make a version on a machine: as its definition says, or by packaging the machine that this names."""
        recipe = self.store.recipe(role, version)
        if recipe is not None and recipe.get("package"):
            return await self.package(recipe["package"], role, version)
        given = recipe.get("from", "") if recipe is not None else ""
        source = given if given.startswith(ON_THE_HOST) else ""
        return await self._perform(lambda c, o: make(c, role, version, machine, o, source))

    async def package(self, machine: str, role: str, version: str) -> Performed:
        """What a machine has become, as a version."""
        return await self._perform(lambda c, o: package(c, machine, role, version, o))

    async def delete(self, role: str, version: str | None = None) -> Performed:
        """Take the last version of a role away, or the role."""
        if version is None:
            return await self._perform(lambda c, o: delete_role(c, role))
        return await self._perform(lambda c, o: delete_version(c, role, version))

    async def delete_layer(self, layer: str) -> Performed:
        """Take a layer away that nobody needs."""
        return await self._perform(lambda c, o: delete_layer(c, layer))

    async def forget(self, machine: str, numbers: Sequence[int]) -> Performed:
        """Forget states of a machine."""
        return await self._perform(lambda c, o: forget_states(c, machine, numbers))

    async def collect(self) -> Performed | None:
        """Take away every layer that nobody needs; None: there is none."""
        try:
            return await self._perform(lambda c, o: collect(c))
        except OperationRefused as error:
            if isinstance(error.refused, NothingToDo):
                return None
            raise

    async def add(self, machine: str) -> Performed:
        """Make a machine known, as spare."""
        where = self._inventory.path if self._inventory else None
        found = Resolver(self.store, self._inventory)(machine)  # a name that is nowhere is no machine
        performed = await self._perform(
            lambda c, o: Change("add", f"add machine {found.name}", add_machine(c, found.name), machines=(found.name,))
        )
        self.store.met(found.name, str(where.absolute()) if where else "")
        return performed

    async def adopt(self, machine: str) -> Performed:
        """Take over the stack that a machine has, whoever has put it there. What is known of it becomes a state.

        Raises:
            OperationRefused: it is the one that is known.
        """
        if machine not in self.catalog.machines:
            await self.add(machine)
        for one in self.store.unfinished():
            if machine in one.locks:
                with contextlib.suppress(StandsElsewhere):  # it is given up then
                    await resume(self.store, self.hosts, one.number)
        current = await self.hosts.call(machine, "current", {})
        there = [*current["stack"], current["writable"]] if current["writable"] else []
        layers = (await self.hosts.call(machine, "layers", {}))["layers"]
        held = {name: bool(meta["frozen"]) for name, meta in layers.items()}
        return await self._perform(lambda c, o: adopt(c, machine, there, held, o))

    async def rename(self, old: str, new: str) -> Performed:
        """Give a machine another name: the one that its inventory has given it. One that announced itself is announced anew.

        Raises:
            UnknownHost: the inventory knows none of that name.
            OperationRefused: there is no such machine, or another one of that name.
        """
        known = self.store.inventory_of(old)
        announced = self.store.journal.path.parent / FILE
        if Path(known) == announced and new not in self.catalog.machines:
            rename_announced(announced, old, new)
        elif old in self.catalog.machines and (self._inventory is None or new not in self._inventory.hosts):
            (load_inventory(Path(known)) if known else self._inventory or Inventory()).resolve(new)
        performed = await self._perform(lambda c, o: rename_machine(c, old, new))
        self.store.renamed(old, new)
        return performed

    async def remove(self, machine: str) -> Performed:
        """Forget a machine."""
        performed = await self._perform(lambda c, o: remove_machine(c, machine))
        self.store.unmet(machine)
        return performed

    async def inside(self, machine: str, words: Sequence[str]) -> Outcome:
        """Run a command in the stack of a machine."""
        try:
            if not self.catalog.machine(machine).stack:
                raise StillSpare(machine)
        except Refused as refused:
            raise OperationRefused(refused) from refused
        return await self.hosts.run(machine, words)

    async def resume(self) -> list[Operation]:
        """Go on with every operation that nobody drives."""
        return [await resume(self.store, self.hosts, one.number) for one in self.store.unfinished()]

    async def _ready(self, role: str, machines: Sequence[str], version: str | None) -> None:
        """See to it that the machines are known and the versions of a role up to this one are made."""
        for machine in machines:
            if machine not in self.catalog.machines:
                await self.add(machine)
            elif self._inventory is not None and self._inventory.path is not None:
                self.store.met(machine, str(self._inventory.path.absolute()))
        catalog = self.catalog
        try:
            found = catalog.role(role)
            upto = len(found.versions) if version is None else found.index(version) + 1
        except Refused as refused:
            raise OperationRefused(refused) from refused
        async with self._making:  # several machines of one call may lack the same versions
            for one in found.versions[:upto]:
                if self.catalog.is_made(one.layer):
                    continue
                self.tell(f"{machines[0]}: making {role} {one.name}")
                try:
                    await self.make(role, one.name, machines[0])
                except OperationRefused as error:
                    if not isinstance(error.refused, NothingToDo):  # somebody else has made it while we waited
                        raise

    async def _one(self, machine: str, request: Request) -> Done:
        return Done(machine, await self._perform(request))

    async def _perform(self, request: Request, run: str = "") -> Performed:
        return await perform(self.store, self.hosts, request, wait=self.wait, run=run)


class Resolver:
    """Hosts by the names of machines: from an inventory that was given, else from those that they were met in."""

    def __init__(self, store: LayerStore, inventory: Inventory | None) -> None:
        self._store, self._given = store, inventory
        self._read: dict[str, Inventory] = {}

    def __call__(self, machine: str) -> Host:
        """The host of a machine. Raises UnknownHost, InventoryError."""
        if self._given is not None and machine in self._given.hosts:
            return self._given.hosts[machine]
        where = self._store.inventory_of(machine)
        if not where:
            return (self._given or Inventory()).resolve(machine)
        if where not in self._read:
            self._read[where] = load_inventory(Path(where))
        return self._read[where].resolve(machine)


def is_mask(row: Mapping[str, Any]) -> bool:
    """Whether what the agent says of a path is a mask: not where both sides show the same, or nothing."""
    return not row["same"] and not (row["mine"] in (None, "whiteout") and row["theirs"] == "whiteout")


def _entry(row: Mapping[str, Any], side: str) -> Entry | None:
    """One side of what the agent says of a masked path."""
    if row[side] in (None, "whiteout"):
        return None
    try:
        kind = FileKind(row[side])
    except ValueError:
        kind = FileKind.OTHER
    digest = row.get(f"{side}_sha256") or row.get(f"{side}_target") or ""
    owner = (row.get(f"{side}_uid", 0), row.get(f"{side}_gid", 0))
    return Entry(kind, row.get(f"{side}_mode", 0), row.get(f"{side}_size", 0), digest, owner)
