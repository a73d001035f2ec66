"""The controller's own machine as a host: the agent is a child process in a session of its own.

Jobs outlive the controller here as they do elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
from pathlib import Path

from typing_extensions import override

from madeus.executor.errors import ConnectionFailed
from madeus.executor.transport.agent import AgentTransport
from madeus.executor.transport.link import Link

LINGER = 5.0
"""Seconds that a closed agent has to end by itself."""


class LocalTransport(AgentTransport):
    """Jobs and files on this machine, as the user who runs the controller."""

    @override
    async def _open(self, command: str) -> Link:
        try:
            process, ours = _start(command)
        except OSError as error:
            raise ConnectionFailed(self.host, "", f"no shell could be started here: {error}") from None
        link = _LocalLink(process)
        await asyncio.get_running_loop().create_connection(lambda: _Streams(link), sock=ours)
        return link


def _start(command: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A shell that reads from and writes to the other end of a socket."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    try:
        with theirs:
            process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "HOME": str(Path.home())},
            )
    except OSError:
        ours.close()
        raise
    return process, ours


class _LocalLink(Link):
    """A socket to a child process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self.process = process
        self.transport: asyncio.Transport | None = None

    @override
    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    @override
    def close(self) -> None:
        self.silence()
        if self.transport is not None:
            self.transport.close()

    @override
    async def closed(self) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self.process.wait, LINGER)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class _Streams(asyncio.Protocol):
    """The event loop's end of the socket."""

    def __init__(self, link: _LocalLink) -> None:
        self.link = link

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.link.transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self.link.fed(data)

    @override
    def pause_writing(self) -> None:
        self.link.hold(True)

    @override
    def resume_writing(self) -> None:
        self.link.hold(False)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.link.process.poll()
        self.link.ended(f"the agent has ended: {exc}" if exc else "the agent has ended")
