"""A session over a connection that an OpenSSH client shares, as streams to a shell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from typing_extensions import override

from madeus.executor.transport.link import Link
from madeus.executor.transport.mux import Session, exit_code

LAST_WORDS = 1.0
"""Seconds between the end of the output and the news of how the command has ended."""


class KeptLink(Link):
    """The streams of a session."""

    def __init__(self) -> None:
        super().__init__()
        self._transports: list[asyncio.Transport] = []
        self._code: int | None = None
        self._late: asyncio.TimerHandle | None = None

    @classmethod
    async def over(cls, session: Session) -> KeptLink:
        """The link of a session."""
        link, loop = cls(), asyncio.get_running_loop()
        takers = (_ignore, link.fed, link.complained, link._told)
        ends = (_nothing, link._silent, _nothing, link._gone)
        try:
            for sock, take, end in zip((*session.streams, session.control), takers, ends, strict=True):
                transport, _ = await loop.create_connection(partial(_Stream, link, take, end), sock=sock)
                link._transports.append(transport)
        except BaseException:
            session.close()
            raise
        return link

    @override
    def write(self, data: bytes) -> None:
        if self._transports and not self._transports[0].is_closing():
            self._transports[0].write(data)

    @override
    def close(self) -> None:
        self.silence()
        if self._late is not None:
            self._late.cancel()
        for transport in self._transports:
            transport.close()

    def _told(self, packet: bytes) -> None:
        code = exit_code(packet)
        self._code = code if code is not None else self._code
        if self._code is not None and self._late is not None:
            self._gone()

    def _silent(self) -> None:
        """No more output: the command has ended, or the connection."""
        if self._code is not None:
            self._gone()
        elif self._ended is None:
            self._late = asyncio.get_running_loop().call_later(LAST_WORDS, self._gone)

    def _gone(self) -> None:
        self.ended("the agent has ended", broken=self._code is None)
        self.close()


class _Stream(asyncio.Protocol):
    """The event loop's end of one stream."""

    def __init__(self, link: Link, take: Callable[[bytes], None], end: Callable[[], None]) -> None:
        self._link, self._take, self._end = link, take, end

    @override
    def data_received(self, data: bytes) -> None:
        self._take(data)

    @override
    def pause_writing(self) -> None:
        self._link.hold(True)

    @override
    def resume_writing(self) -> None:
        self._link.hold(False)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end()


def _ignore(data: bytes) -> None:
    """Nothing comes from there."""


def _nothing() -> None:
    """Its end alone means nothing."""
