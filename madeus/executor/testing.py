"""For tests of deployments: whether a run conforms to the semantics, a clock that jumps, a controller that dies on command.

Scripted hosts are in `madeus.executor.transport.fake`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from madeus.executor.api import Origin, RunOptions, resume_run_async, run_assembly_async
from madeus.executor.journal.events import Record
from madeus.executor.journal.store import Journal
from madeus.executor.reconcile import Decisions
from madeus.executor.result import RunResult
from madeus.executor.transport.fake import FakeWorld, VirtualTimeLoop, run_virtual
from madeus.executor.transport.pool import Transports
from madeus.model import Assembly, Program
from madeus.semantics import Configuration, StepKind, System, Trace, replay

T = TypeVar("T")


def assert_conforms(
    trace: Trace,
    assembly: Assembly,
    stages: Sequence[Sequence[Program]] = (),
    begin: Configuration | None = None,
) -> Configuration:
    """Whether the step relation allows a trace, and its times and causes make sense; where it ends.

    Raises:
        NotAllowed: a step was taken that was not enabled.
        AssertionError: time goes back, a cause lies in the future, or an END belongs to another transition's FIRE.
    """
    now = 0.0
    for index, event in enumerate(trace.events):
        assert event.time >= now, f"time goes back at event {index}"
        assert -1 <= event.cause < index, f"the cause of event {index} is not before it"
        now = event.time
        if event.step.kind in (StepKind.END, StepKind.FAIL):
            began = trace.events[event.cause].step
            same = (began.component, began.element) == (event.step.component, event.step.element)
            assert same and began.kind in (StepKind.FIRE, StepKind.RETRY), f"event {index} ends what has not begun"
    conf = None
    for conf in replay(System(assembly, stages, None, begin), [event.step for event in trace.events]):  # noqa: B007
        pass
    assert conf is not None
    return conf


class Died(BaseException):
    """A write of a controller that is dead."""


class MortalJournal(Journal):
    """A journal whose controller dies at one of its writes: before anything of it is on the disk, or after all of it is.

    What dying means is up to `die`: ``os._exit`` in a process of its own, or a flag for whoever drives the controller. Once
    dead nothing is written any more.
    """

    dies_at: int
    after: bool
    die: Callable[[], None]
    writes: int
    dead: bool

    @classmethod
    def mortal(cls, state: Path, dies_at: int, after: bool, die: Callable[[], None]) -> MortalJournal:
        """dies_at: number of the write, from 0; after: once it is on the disk."""
        plain = Journal.open(state)
        journal = cls(plain.path, plain._connection)
        journal.dies_at, journal.after, journal.die = dies_at, after, die
        journal.writes, journal.dead = 0, False
        return journal

    @override
    def write(self, run: str, epoch: int, records: Sequence[Record]) -> None:
        if self.dead:
            raise Died
        self.dead = self.writes == self.dies_at
        self.writes += 1
        if self.dead and not self.after:
            self.die()
            raise Died
        super().write(run, epoch, records)
        if self.dead:
            self.die()
            raise Died


class Inline(Executor):
    """An executor without threads: work is done when it is handed over. What has `Died` never ends."""

    @override
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Do it now."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Died:
            pass
        except Exception as error:
            future.set_exception(error)
        return future


async def run_until_death(work: Coroutine[Any, Any, T], died: asyncio.Event) -> T | None:
    """The result of a controller's work, or None when `died` was set before: then nothing of it goes on."""
    task = asyncio.ensure_future(work)
    death = asyncio.ensure_future(died.wait())
    await asyncio.wait((task, death), return_when=asyncio.FIRST_COMPLETED)
    death.cancel()
    if task.done():
        return task.result()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    with contextlib.suppress(Died, asyncio.CancelledError):
        task.result()
    return None


def virtual_options(world: FakeWorld, options: RunOptions) -> RunOptions:
    """Options for a run on scripted hosts in a `VirtualTimeLoop`, whose times are the loop's."""

    def now() -> float:
        return asyncio.get_running_loop().time()

    return replace(
        options,
        transports=lambda run: Transports(run, make=world.transport_maker(run)),
        clock=now,
        wall=now,
        journal_thread=Inline,
    )


def run_on_fakes(
    world: FakeWorld,
    assembly: Assembly,
    stages: Sequence[Sequence[Program]] = (),
    *,
    options: RunOptions,
    origin: Origin | None = None,
) -> RunResult:
    """Run on scripted hosts; a deployment of an hour takes milliseconds."""
    return run_virtual(run_assembly_async(assembly, stages, origin, virtual_options(world, options)))


def resume_on_fakes(
    world: FakeWorld, run: str, *, options: RunOptions, decisions: Decisions | None = None
) -> RunResult:
    """Resume a run on scripted hosts."""
    return run_virtual(resume_run_async(run, virtual_options(world, options), decisions))


__all__ = [
    "Died",
    "FakeWorld",
    "Inline",
    "MortalJournal",
    "VirtualTimeLoop",
    "assert_conforms",
    "resume_on_fakes",
    "run_on_fakes",
    "run_until_death",
    "virtual_options",
]
