"""The gate of a machine: commands, HTTP probes and metrics after its upgrade, at once and again after the soak time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from madeus.executor.action.base import Context, RuntimeValue
from madeus.executor.action.execute import execute
from madeus.executor.action.registry import Registry
from madeus.executor.errors import ActionFailed, HostError, InputError, WorldError
from madeus.executor.inventory import Host
from madeus.executor.layers.host import enter_prefix
from madeus.executor.layers.rooted import RootedTransport
from madeus.executor.rollout.compare import p_worse
from madeus.executor.rollout.ended import Said
from madeus.executor.transport.pool import Transports
from madeus.fleet.settings import CommandTest, HttpTest, MetricTest, Test, TransitionTest
from madeus.model import Action, Duration

SAMPLES = 10
"""Values of a metric on each machine."""

OTHERS = 5
"""Machines not yet upgraded that are compared with."""

PATIENCE = 30.0
"""Seconds that a metric's command may take."""


@dataclass(frozen=True)
class Gate:
    """How machines are tested."""

    tests: Sequence[Test]
    soak: float
    """Seconds."""
    registry: Registry
    transports: Callable[[str], Transports]
    base: Path
    rooted: Callable[[str], bool] = lambda machine: False
    """Whether the instances of a machine live in its layers: then commands are run there."""

    async def passes(self, host: Host, others: Sequence[Host], name: str) -> tuple[str, Said] | None:
        """None when every test passes; else which one does not, and why.

        others: machines not yet upgraded. name: of this testing, never used before. Raises HostError when the machine is not
        reached, InputError when the test cannot be done as written.
        """
        async with self.transports(name) as transports:
            ask = _Asker(self, transports)
            try:
                failed = await ask.all(host)
                if failed is None:
                    failed = await self._watch(ask, host, others[:OTHERS])
                if failed is None and self.soak:
                    failed = await ask.all(host)
                return failed
            finally:
                await transports.forget()

    async def _watch(self, ask: _Asker, host: Host, others: Sequence[Host]) -> tuple[str, Said] | None:
        """Let the soak time go by, and look at the metrics meanwhile."""
        metrics = [t for t in self.tests if isinstance(t, MetricTest)]
        if not metrics:
            if self.soak:
                await asyncio.sleep(self.soak)
            return None
        others = list(others)
        mine: list[list[float]] = [[] for _ in metrics]
        theirs: list[list[float]] = [[] for _ in metrics]
        for _ in range(SAMPLES):
            for number, metric in enumerate(metrics):
                values = await asyncio.gather(
                    ask.value(host, metric), *(ask.value(other, metric) for other in others), return_exceptions=True
                )
                first, *rest = values
                if isinstance(first, ActionFailed):
                    return str(metric), _said(first)
                if isinstance(first, BaseException):
                    raise first
                mine[number].append(first)
                theirs[number] += [v for v in rest if isinstance(v, float)]
                # One that is away is not waited for again and again.
                others = [o for o, v in zip(others, rest, strict=True) if not isinstance(v, HostError)]
            await asyncio.sleep(self.soak / SAMPLES)
        for number, metric in enumerate(metrics):
            if theirs[number]:
                p = p_worse(mine[number], theirs[number], metric.better)
                if p < metric.significance:
                    here, there = median(mine[number]), median(theirs[number])
                    why = f"worse than on machines not yet upgraded: median {here:g}, there {there:g}, p = {p:.2g}"
                    return str(metric), Said.of(why)
        return None


class _Asker:
    """Does the tests of one testing; each command has a name of its own."""

    def __init__(self, gate: Gate, transports: Transports) -> None:
        self._gate, self._transports, self._count = gate, transports, 0

    async def all(self, host: Host) -> tuple[str, Said] | None:
        for test in self._gate.tests:
            match test:
                case CommandTest(command, within):
                    action = Action("run", (command,), (("timeout", Duration(within)),))
                case HttpTest(url, status, within):
                    action = Action("wait_http", (url,), (("status", status), ("within", Duration(within))))
                case TransitionTest() | MetricTest():
                    continue
            try:
                # A page is the same one from wherever on the host it is asked for; its own root surely has what asks.
                await self._do(host, action, isinstance(test, CommandTest))
            except ActionFailed as error:
                return str(test), _said(error)
        return None

    async def value(self, host: Host, metric: MetricTest) -> float:
        action = Action("run", (metric.command,), (("timeout", Duration(PATIENCE)),))
        printed = await self._do(host, action, True)
        try:
            return float(printed.split()[0])
        except (ValueError, IndexError):
            raise ActionFailed("run", host.name, f"the metric printed {printed[:60]!r}, which is no number") from None

    async def _do(self, host: Host, action: Action, inside: bool) -> str:
        self._count += 1
        transport = self._transports.of(host)
        if inside and self._gate.rooted(host.name):
            transport = RootedTransport(transport, enter_prefix())
        scope: Mapping[str, RuntimeValue] = {
            **{f"host.{name}": value for name, value in host.variables},
            "host.name": host.name,
            "host.address": host.address or host.name,
        }
        context = Context(host, transport, scope, self._gate.base, ("rollout", "test", self._count), idempotent=True)
        await context.transport.connect()
        result = await execute(action, context, self._gate.registry)
        return result.stdout.decode(errors="replace")


def _said(error: ActionFailed) -> Said:
    return Said.of(error.reason, error.stdout, error.stderr)


async def reachable(host: Host, transports: Transports) -> str:
    """Empty when a machine can be reached, else why not."""
    try:
        await transports.of(host).connect()
    except InputError:
        raise
    except WorldError as error:
        return error.message
    return ""
