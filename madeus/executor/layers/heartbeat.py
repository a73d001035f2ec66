"""Whether machines are up: asked over the executor's connections, round after round, kept in the state store.

A machine is *up*, *down*, or *changed*: it was restarted, or the stack on it is another than the one that is known. A host of
the inventory that nobody has met yet becomes a spare machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from madeus.executor.errors import ExecutorError
from madeus.executor.inventory import LOCAL, Inventory
from madeus.executor.layers.api import Layers
from madeus.executor.layers.errors import said
from madeus.executor.layers.store import Seen


class Status(StrEnum):
    """How a machine is."""

    UNKNOWN = "unknown"
    """Nobody has asked yet."""
    UP = "up"
    DOWN = "down"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class News:
    """What a round has found to be different from the one before."""

    machine: str
    status: Status
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.machine} is {self.status}" + (f": {self.reason}" if self.reason else "")


NEW = "new: spare"
"""Reason of the first news of a machine that was not known."""


class Heartbeat:
    """Asks all machines of a state store."""

    def __init__(self, layers: Layers, inventory: Inventory | None = None, patience: float = 10.0) -> None:
        """inventory: where new machines may appear. patience: seconds that a machine has to answer."""
        self._layers, self._inventory, self._patience = layers, inventory, patience

    async def round(self) -> list[News]:
        """Ask each machine once; what is different now."""
        found = [News(name, Status.UNKNOWN, NEW) for name in await self._meet()]
        machines = sorted(self._layers.catalog.machines)
        found += [news for news in await asyncio.gather(*map(self._ask, machines)) if news is not None]
        return found

    async def watch(self, interval: float, tell: Callable[[Sequence[News]], None]) -> None:
        """Rounds without end, `interval` seconds from the end of one to the begin of the next."""
        while True:
            tell(await self.round())
            await asyncio.sleep(interval)

    async def _meet(self) -> list[str]:
        known = self._layers.catalog.machines
        names = [name for name in (self._inventory.hosts if self._inventory else ()) if name not in known]
        new = [name for name in names if name != LOCAL]
        for name in new:
            await self._layers.add(name)
        return new

    async def _ask(self, machine: str) -> News | None:
        store = self._layers.store
        before = store.seen(machine)
        try:
            async with asyncio.timeout(self._patience):
                facts = await self._layers.hosts.beat(machine)
        except TimeoutError:
            return self._note(machine, before, Status.DOWN, f"no answer in {self._patience:g} s", None)
        except ExecutorError as error:
            return self._note(machine, before, Status.DOWN, error.message.removeprefix(f"{machine}: "), None)
        reason = self._different(machine, before.facts, facts)
        return self._note(machine, before, Status.CHANGED if reason else Status.UP, reason, facts)

    def _different(self, machine: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
        if before.get("boot") not in (None, now["boot"]):
            return "it was restarted"
        known = self._layers.catalog.machines[machine].stack
        there = tuple(now.get("stack") or ())
        if there == known or any(machine in one.locks for one in self._layers.store.open_operations()):
            return ""
        return f"its stack is {said(there)}, not {said(known)}"

    def _note(
        self, machine: str, before: Seen, status: Status, reason: str, facts: Mapping[str, Any] | None
    ) -> News | None:
        kept = {**(before.facts if facts is None else facts), "reason": reason}
        self._layers.store.beat(machine, str(status), kept, answered=facts is not None)
        same = before.status == status and before.facts.get("reason", "") == reason
        return None if same else News(machine, status, reason)
