"""Doing operations on hosts: each step in the journal before it begins and after it ended.

So the work of a killed controller is gone on with by the next one.

An operation that a host refuses before any root was switched is taken back: the new layers are deleted, nothing has changed.
After the first switch it can only go forward.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from madeus.executor.errors import ExecutorError, InputError, InternalError
from madeus.executor.layers.errors import (
    ELSEWHERE,
    AgentFailed,
    MachineBusy,
    MergeConflicts,
    OperationBroken,
    OperationRefused,
    StandsElsewhere,
)
from madeus.executor.layers.remarks import remarks
from madeus.executor.layers.store import LayerStore, Operation, OperationState, Request, Unfinished
from madeus.executor.transport.base import Outcome
from madeus.layers import HostStep, Verb
from madeus.layers.errors import NothingToDo, NotInChain, NotSpare

POLL = 0.05
"""Seconds between two looks at whether a machine is free."""


class Hosts(Protocol):
    """What carries steps out."""

    async def call(self, machine: str, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do a verb on a machine; what its agent answers. Raises ExecutorError."""

    async def fetch(self, machine: str, layer: str, holder: str) -> None:
        """Copy a layer from one machine to another. Raises ExecutorError."""

    async def seed(self, machine: str, layer: str, source: str) -> None:
        """Make a base layer. Raises ExecutorError."""

    async def run(self, machine: str, words: Sequence[str]) -> Outcome:
        """Run a command in the stack of a machine. Raises ExecutorError."""

    async def beat(self, machine: str) -> Mapping[str, Any]:
        """What tells that it is up: ``boot``, an identifier of its start, ``stack``, its layers. Raises ExecutorError."""

    async def make(self, machine: str, arguments: Mapping[str, Any]) -> None:
        """Fill the layer of a version as its role's definition says. Raises ExecutorError."""


@dataclass(frozen=True, slots=True)
class Performed:
    """An operation that came to its end."""

    operation: Operation
    resumed: tuple[Operation, ...] = ()
    """Interrupted operations on its machines that were gone on with first."""

    @property
    def switched(self) -> tuple[Mapping[str, Any], ...]:
        """What the hosts said of the switches: ``milliseconds``, ``how``, ``outage_ms``."""
        pairs = zip(self.operation.steps, self.operation.notes, strict=False)
        return tuple(note for step, note in pairs if step.verb is Verb.SWITCH and isinstance(note, dict))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What its switches have left behind, in sentences."""
        return tuple(remark for switch in self.switched for remark in remarks(switch))


async def perform(store: LayerStore, hosts: Hosts, request: Request, *, wait: float = 0.0, run: str = "") -> Performed:
    """Do an operation. wait: seconds that another operation on its machines may take to end.

    Raises:
        OperationRefused: the catalog does not allow it; nothing was done.
        MachineBusy: another operation is on one of its machines.
        StandsElsewhere: a host has another stack than the one that is known; nothing was done.
        OperationBroken, MergeConflicts: it came to no end; says whether anything has changed.
    """
    deadline = asyncio.get_running_loop().time() + wait
    resumed: list[Operation] = []
    while True:
        try:
            operation = store.begin(request, run)
            break
        except Unfinished as found:
            try:
                resumed.append(await resume(store, hosts, found.operation.number))
            except ExecutorError:
                if found.refused is not None:
                    raise found.refused from None
                raise
        except OperationRefused as error:
            # What was asked for again may be the very operation that was interrupted.
            if resumed and isinstance(error.refused, NotSpare | NothingToDo | NotInChain):
                return Performed(resumed[-1], tuple(resumed[:-1]))
            raise
        except MachineBusy:
            if asyncio.get_running_loop().time() >= deadline:
                raise
            await asyncio.sleep(POLL)
    if operation.is_open:
        await _drive(store, hosts, operation, fresh=True)
    return Performed(store.operation(operation.number), tuple(resumed))


async def perform_all(
    store: LayerStore, hosts: Hosts, requests: Sequence[Request], *, wait: float = 0.0, run: str = ""
) -> list[Performed | ExecutorError]:
    """Several operations at once; the results in their order, errors among them."""

    async def one(request: Request) -> Performed | ExecutorError:
        try:
            return await perform(store, hosts, request, wait=wait, run=run)
        except InternalError:
            raise
        except ExecutorError as error:
            return error

    return list(await asyncio.gather(*(one(request) for request in requests)))


async def resume(store: LayerStore, hosts: Hosts, number: int) -> Operation:
    """Go on with an operation whose controller is gone, or that broke.

    Raises:
        MachineBusy: its controller lives.
        OperationBroken, MergeConflicts: it came to no end again.
    """
    operation = store.take(number)
    if operation.state is OperationState.RUNNING:
        await _drive(store, hosts, operation, fresh=False)
    return store.operation(number)


async def _drive(store: LayerStore, hosts: Hosts, operation: Operation, fresh: bool) -> None:
    notes: list[Any] = list(operation.notes)[: operation.step]
    for index in range(operation.step, len(operation.steps)):
        step = operation.steps[index]
        try:
            note = await _step(hosts, step)
        except ExecutorError as error:
            await _give_up(store, hosts, operation, index, error, fresh)
            raise AssertionError("giving up raises") from error
        except asyncio.CancelledError:
            store.give_up(operation, "interrupted", False)
            raise
        notes.append(note)
        if index + 1 < len(operation.steps):
            store.advance(operation, notes)
    store.finish(operation, notes)


async def _step(hosts: Hosts, step: HostStep) -> Any:
    arguments = step.arguments
    if step.verb is Verb.FETCH:
        await hosts.fetch(step.machine, arguments["layer"], arguments["holder"])
        return {}
    if step.verb is Verb.SEED:
        await hosts.seed(step.machine, arguments["layer"], arguments["from"])
        return {}
    if step.verb is Verb.MAKE:
        await hosts.make(step.machine, arguments)
        return {}
    answer = await hosts.call(step.machine, step.verb, arguments)
    if step.verb is Verb.RESOLVE:
        conflicts = [str(one["path"]) for one in answer["done"] if one.get("conflict")]
        if conflicts:
            raise MergeConflicts(step.machine, conflicts)
    return answer


async def _give_up(
    store: LayerStore, hosts: Hosts, operation: Operation, index: int, error: ExecutorError, fresh: bool
) -> None:
    """A step did not succeed: take the operation back where nothing was switched, or leave it to be gone on with.

    fresh: nobody has begun it before. Where no host was asked anything there is nothing to take back.
    """
    said = isinstance(error, AgentFailed | MergeConflicts) or operation.steps[index].verb is Verb.MAKE
    if index == 0 and fresh and (isinstance(error, InputError) or (isinstance(error, AgentFailed) and not error.asked)):
        store.give_up(operation, error.message, True)
        raise error
    switching = any(step.verb is Verb.SWITCH for step in operation.steps[:index])
    if isinstance(error, AgentFailed) and error.code == ELSEWHERE:
        await _withdraw(store, hosts, operation, index, error, fresh and not switching)
    if isinstance(error, AgentFailed) and error.code == "in-use" and _may_end_here(operation, index):
        store.give_up(operation, error.message, True)
        raise error
    if operation.steps[index].verb is Verb.SWITCH and not switching:
        switching = not await _stands_as_before(hosts, operation, index)
    undone = said and not switching and operation.kind not in ("delete", "collect")
    if undone:
        try:
            if operation.steps[index].verb is Verb.SWITCH:
                # An agent that died on the way has stopped the services of the stack that still stands.
                await hosts.call(operation.steps[index].machine, "boot", {})
            for step in operation.undo:
                await _step(hosts, step)
        except ExecutorError:
            undone = False
    store.give_up(operation, error.message, undone)
    if undone and isinstance(error, MergeConflicts):
        raise error
    way_out = error.help if isinstance(error, AgentFailed) else ""
    raise OperationBroken(operation.summary, error.message, undone, way_out) from error


async def _withdraw(
    store: LayerStore, hosts: Hosts, operation: Operation, index: int, error: AgentFailed, unwritten: bool
) -> None:
    """Give up an operation whose machine has a stack that nobody here knows; it could not go on for ever.

    unwritten: its new layers were never current. Others stay on the host: somebody may have written to them, or stand on them.
    """
    if unwritten:
        with contextlib.suppress(ExecutorError):
            for step in operation.undo:
                await _step(hosts, step)
    switch = operation.steps[index]
    elsewhere = StandsElsewhere(
        *(switch.machine, operation.summary, switch.arguments["expects"], error.data.get("current", ())), not unwritten
    )
    store.give_up(operation, elsewhere.message, True)
    raise elsewhere from error


def _may_end_here(operation: Operation, index: int) -> bool:
    """Whether a deletion that a host refuses, as it stands on a layer that nobody here needs, leaves the catalog true enough.

    It would hold the whole catalog for ever otherwise. What a collection has deleted before that nobody can ask for again.
    """
    return operation.kind == "collect" or (operation.kind == "delete" and index == 0)


async def _stands_as_before(hosts: Hosts, operation: Operation, index: int) -> bool:
    """Whether a switch that a host could not do has left its root alone."""
    step = operation.steps[index]
    try:
        current = await hosts.call(step.machine, "current", {})
    except ExecutorError:
        return False
    return bool(current.get("writable") != step.arguments["writable"])
