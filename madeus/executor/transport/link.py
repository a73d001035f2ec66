"""A pair of byte streams to a shell on a host, cut into lines."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

ERROR_LIMIT = 4000
"""Bytes of the other side's stderr that are kept for messages."""


class Link(ABC):
    """Streams to a shell. First `line` reads the greeting line by line, then `listen` hands over every further one.

    A transport's own subclass feeds it from the callbacks of its library: `fed`, `complained`, `ended`.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._lines: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._frame: Callable[[bytes], None] | None = None
        self._lost: Callable[[str], None] | None = None
        self._ended: str | None = None
        self.broken = False
        """Whether it ended because the connection below it is gone."""

        self._errors = b""
        self._can_write = asyncio.Event()
        self._can_write.set()

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send bytes; nothing happens on a link that has ended."""

    @abstractmethod
    def close(self) -> None:
        """End it; `listen`'s `lost` is not called any more."""

    async def closed(self) -> None:  # noqa: B027 - not every link leaves something behind
        """Wait until nothing is left of it."""

    async def drain(self) -> None:
        """Wait until more may be written, or the link has ended."""
        await self._can_write.wait()

    async def line(self) -> bytes:
        """Next line, before `listen`.

        Raises:
            EOFError: the link has ended.
        """
        while not self._lines:
            if self._ended is not None:
                raise EOFError(self._ended)
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._lines.popleft()

    def listen(self, frame: Callable[[bytes], None], lost: Callable[[str], None]) -> None:
        """Call `frame` with every line from now on, and `lost` with the reason when the link breaks."""
        self._frame, self._lost = frame, lost
        while self._lines:
            frame(self._lines.popleft())
        if self._ended is not None:
            asyncio.get_running_loop().call_soon(lost, self._ended)

    def errors(self) -> bytes:
        """The last part of what came by stderr."""
        return self._errors

    def fed(self, data: bytes) -> None:
        """Bytes have come."""
        lines = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        self._rest = lines.pop()
        frame = self._frame
        if frame is not None:
            for line in lines:
                frame(line)
        elif lines:
            self._lines.extend(lines)
            self._wake()

    def complained(self, data: bytes) -> None:
        """Bytes have come by stderr."""
        self._errors = (self._errors + data)[-ERROR_LIMIT:]

    def ended(self, reason: str, broken: bool = False) -> None:
        """The other side has closed the link, or (`broken`) the connection below it is gone."""
        if self._ended is not None:
            return
        self.broken = broken
        self._ended = reason
        self._can_write.set()
        if self._rest and self._frame is None:
            self._lines.append(self._rest)
        self._wake()
        if self._lost is not None:
            self._lost(reason)

    def silence(self) -> None:
        """No more callbacks."""
        self._frame = self._lost = None

    def hold(self, held: bool) -> None:
        """Whether writers should wait."""
        if held:
            self._can_write.clear()
        else:
            self._can_write.set()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
