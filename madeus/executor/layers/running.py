"""Runs inside layers: each transition of an instance that lives ``in layer`` is a checkpoint of its machine.

Before the first of the transitions that run there at one time the state of the machine is recorded, and the transition acts
in a new copy. Transitions that overlap on a machine share a checkpoint: a switch under a running command would leave what
it still writes out of the new stack.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from madeus.executor.inventory import Host, Inventory
from madeus.executor.layers.api import Done, Layers, Resolver
from madeus.executor.layers.host import AgentHosts, enter_prefix
from madeus.executor.layers.operate import Hosts
from madeus.executor.layers.rooted import RootedTransport
from madeus.executor.layers.store import LayerStore
from madeus.executor.transport.base import Transport
from madeus.executor.transport.pool import Transports
from madeus.layers import SPARE
from madeus.layers.operation import before_run
from madeus.model import Add
from madeus.semantics import System

PATIENCE = 120.0
"""Seconds that another operation on a machine may take before a transition fails for it."""

MakeHosts = Callable[[LayerStore], Hosts]
"""Hosts in place of those of the inventory, for simulations."""


class LayeredRun:
    """The layered roots that one run acts in."""

    def __init__(
        self, run: str, state: Path, inventory: Inventory, transports: Transports, hosts: MakeHosts | None = None
    ) -> None:
        """state: directory of the journal. transports: of the run."""
        self.run = run
        # A connection of its own: the journal's is in the hands of the thread that writes the run.
        store = LayerStore.open(state)
        resolve = Resolver(store, inventory)
        made = hosts(store) if hosts else AgentHosts(resolve, transports, state / "layers", store.recipe)
        self._layers = Layers(store, made, inventory, PATIENCE)
        self._locks: dict[str, asyncio.Lock] = {}
        self._acting: dict[str, int] = {}
        self.remarks: list[str] = []
        """What checkpoints have left behind, in sentences."""

    @property
    def recorded(self) -> tuple[str, ...]:
        """Machines whose state before the run is recorded."""
        return tuple(state.machine for state in before_run(self._layers.catalog, self.run))

    def transport(self, inner: Transport) -> Transport:
        """The channel into the layered root of a host."""
        return RootedTransport(inner, enter_prefix())

    @asynccontextmanager
    async def transition(self, host: Host, name: str, begun: bool) -> AsyncIterator[None]:
        """The time in which a transition acts on a host. begun: it did so in an earlier session: its commands may be running.

        Raises:
            ExecutorError: the checkpoint could not be made.
        """
        machine = host.name
        async with self._locks.setdefault(machine, asyncio.Lock()):
            if not self._acting.get(machine) and not begun:
                await self._stack(machine)
                performed = await self._layers.checkpoint(machine, name, self.run)
                self.remarks += [f"{machine}, before {name}: {remark}" for remark in performed.remarks]
            self._acting[machine] = self._acting.get(machine, 0) + 1
        try:
            yield
        finally:
            self._acting[machine] -= 1

    async def rollback(self) -> list[Done]:
        """Return every machine to what it was before the run; none when it has changed none."""
        return await self._layers.before(self.run)

    def close(self) -> None:
        """Close the state store."""
        self._layers.store.close()

    async def _stack(self, machine: str) -> None:
        """A machine without a stack gets one of its own system, as spare."""
        catalog = self._layers.catalog
        known = catalog.machines.get(machine)
        if known is None or not known.stack:
            for done in await self._layers.assign(SPARE, [machine]):
                if done.error is not None:
                    raise done.error


def acts_in_layers(system: System) -> bool:
    """Whether an instance of a system, or one that its programs add, lives in layers."""
    added = (i.instance for program in system.programs for i in program.instructions if isinstance(i, Add))
    return any(instance.layered for instance in (*system.instances.values(), *added))
