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
        self._waiting: list[asyncio.Future[None]] = []
        """Resolved when what is pending has been written. One for each who waits: a shared one would be cancelled with any."""
        self._writing: list[asyncio.Future[None]] | None = None
        """The same of the batch that is being written; None when there is none."""
        self._hurried = False
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None
        self.broken: asyncio.Future[Exception] = self._loop.create_future()
        """Resolved with the error when a batch could not be written; nothing is written any more."""

    def add(self, record: Record) -> None:
        """Append a record to the next batch."""
        self._pending.append(record)
        if self._timer is None and self._writing is None:
            self._timer = self._loop.call_later(LINGER, self._flush)

    async def durable(self) -> None:
        """Wait until every record added so far is on the disk.

        Raises what `Journal.write` raised, then and ever after.
        """
        if self._error is not None:
            raise self._error
        if not self._pending and self._writing is None:
            return
        written: asyncio.Future[None] = self._loop.create_future()
        if self._pending:
            self._waiting.append(written)
            if self._writing is None and not self._hurried:
                if self._timer is not None:
                    self._timer.cancel()
                # Not at once: others that are ready in this round of the loop join the batch.
                self._timer = self._loop.call_later(0, self._flush)
                self._hurried = True
        elif self._writing is not None:
            self._writing.append(written)
        await written

    async def close(self) -> None:
        """Write what is left. Raises as `durable`."""
        try:
            while self._pending or self._writing is not None:
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
        self._writing, self._waiting = self._waiting, []
        written = self._loop.run_in_executor(self._thread, self._journal.write, self._run, self._epoch, batch)
        written.add_done_callback(self._flushed)

    def _flushed(self, written: asyncio.Future[None]) -> None:
        error = written.exception()
        waiting, self._writing = self._writing or [], None
        if isinstance(error, Exception):
            self._error = error
            self._pending.clear()
            self.broken.set_result(error)
            for future in (*waiting, *self._waiting):
                if not future.done():
                    future.set_exception(error)
            return
        for future in waiting:
            if not future.done():
                future.set_result(None)
        if self._waiting:
            self._flush()
        elif self._pending:
            self._timer = self._loop.call_later(LINGER, self._flush)
