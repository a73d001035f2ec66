"""The one writer of a run: records go to the journal in batches, one commit for all that came during the one before.

A commit waits for the disk, in a thread of its own; the loop that drives the run never does. A record that something
hangs on (an action must not start before the journal says so) is awaited with `durable`; the others go along, at the latest
a moment later.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, ThreadPoolExecutor

from madeus.executor.journal.events import Record
from madeus.executor.journal.store import Journal

LINGER = 0.05
"""Seconds that a record nobody waits for may stay in memory."""


class Writer:
    """Batches of one session of a run. Belongs to the event loop it was made in."""

    def __init__(self, journal: Journal, run: str, epoch: int, thread: Executor | None = None) -> None:
        """thread: where to wait for the disk; a thread of its own unless given. It is shut down by `close`."""
        self._journal, self._run, self._epoch = journal, run, epoch
        self._loop = asyncio.get_running_loop()
        self._thread = thread or ThreadPoolExecutor(1, thread_name_prefix="madeus-journal")
        self._pending: list[Record] = []
        self._next: asyncio.Future[None] | None = None
        """Resolved when what is pending has been written."""
        self._current: asyncio.Future[None] | None = None
        """The same of the batch that is being written."""
        self._hurried = False
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None
        self.broken: asyncio.Future[Exception] = self._loop.create_future()
        """Resolved with the error when a batch could not be written; nothing is written any more."""

    def add(self, record: Record) -> None:
        """Append a record to the next batch."""
        self._pending.append(record)
        if self._timer is None and self._current is None:
            self._timer = self._loop.call_later(LINGER, self._flush)

    async def durable(self) -> None:
        """Wait until every record added so far is on the disk.

        Raises what `Journal.write` raised, then and ever after.
        """
        if self._error is not None:
            raise self._error
        if self._pending:
            if self._next is None:
                self._next = self._loop.create_future()
            if self._current is None and not self._hurried:
                if self._timer is not None:
                    self._timer.cancel()
                # Not at once: others that are ready in this round of the loop join the batch.
                self._timer = self._loop.call_later(0, self._flush)
                self._hurried = True
            await asyncio.shield(self._next)
        elif self._current is not None:
            await asyncio.shield(self._current)

    async def close(self) -> None:
        """Write what is left. Raises as `durable`."""
        try:
            while self._pending or self._current is not None:
                await self.durable()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._thread.shutdown(wait=True)

    def _flush(self) -> None:
        self._timer, self._hurried = None, False
        if self._error is not None:
            return
        batch, self._pending = self._pending, []
        self._current, self._next = self._next or self._loop.create_future(), None
        written = self._loop.run_in_executor(self._thread, self._journal.write, self._run, self._epoch, batch)
        written.add_done_callback(self._flushed)

    def _flushed(self, written: asyncio.Future[None]) -> None:
        error = written.exception()
        batch, self._current = self._current, None
        assert batch is not None
        if isinstance(error, Exception):
            self._error = error
            self._pending.clear()
            self.broken.set_result(error)
            for future in (batch, self._next):
                if future is not None and not future.done():
                    future.set_exception(error)
                    future.exception()  # retrieved here: perhaps nobody waits for it
            return
        if not batch.done():
            batch.set_result(None)
        if self._next is not None:
            self._flush()
        elif self._pending:
            self._timer = self._loop.call_later(LINGER, self._flush)
