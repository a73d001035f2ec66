"""Taking the layers of a machine back to what they were before runs that were done on it."""

from __future__ import annotations

from collections.abc import Sequence

from madeus.executor.api import RunOptions
from madeus.executor.inventory import Inventory
from madeus.executor.journal.store import Journal
from madeus.executor.layers.api import Layers, Resolver
from madeus.executor.layers.host import AgentHosts
from madeus.executor.layers.operate import Hosts, resume
from madeus.executor.layers.running import PATIENCE
from madeus.executor.layers.store import LayerStore, OperationState
from madeus.layers.operation import before_run

ROLLBACK = "rollback"
"""Kind of the operation."""


async def layers_back(
    journal: Journal, inventory: Inventory, options: RunOptions, machine: str, runs: Sequence[str], name: str
) -> None:
    """Take them back, once: what an earlier controller has begun is gone on with, what it has done is not done again.

    runs: in order. name: of the connections, never used before. Raises ExecutorError: they are not what they were.
    """
    store = LayerStore(journal, options.wall)
    found = (state for run in runs for state in before_run(store.catalog(), run) if state.machine == machine)
    state = next(found, None)
    if state is None:
        return  # no transition has acted on the machine
    async with options.transports(name) as transports:
        hosts: Hosts
        if options.layer_hosts is not None:
            hosts = options.layer_hosts(store)
        else:
            cache = journal.path.parent / "layers"
            hosts = AgentHosts(Resolver(store, inventory), transports, cache, store.recipe)
        for operation in store.unfinished():
            if machine in operation.locks:
                await resume(store, hosts, operation.number)
        # Named after the last run: a run is taken back no more than once.
        done = (
            o
            for o in store.operations(machine)
            if (o.kind, o.run, o.state) == (ROLLBACK, runs[-1], OperationState.DONE)
        )
        if next(done, None) is None:
            await Layers(store, hosts, inventory, PATIENCE).rollback(machine, state.number, runs[-1])
        await transports.forget()
