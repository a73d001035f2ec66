"""The words between a process and a running OpenSSH client that shares its connection (``ControlMaster``).

OpenSSH's PROTOCOL.mux, version 4: packets with their length in front, over a Unix socket; a session's streams are descriptors
that are handed over. No `ssh` is started for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from dataclasses import dataclass, field

HELLO, VERSION = 0x00000001, 4
NEW_SESSION, ALIVE_CHECK, TERMINATE = 0x10000002, 0x10000004, 0x10000005
EXIT_MESSAGE, ALIVE, SESSION_OPENED = 0x80000004, 0x80000005, 0x80000006

_NO_ESCAPE = 0xFFFFFFFF
_REQUEST = 1
_LONGEST = 1 << 18


class NotShared(Exception):
    """There is no connection behind the socket, or it gives no session."""


class NoSession(NotShared):
    """There is one, but the host opens no session, or does not say."""


@dataclass(slots=True)
class Session:
    """A command that runs on the host; our ends of its streams."""

    control: socket.socket
    """The session ends when this is closed."""

    streams: list[socket.socket] = field(default_factory=list)
    """Standard input, output and error."""

    def close(self) -> None:
        """Close all."""
        for one in (self.control, *self.streams):
            one.close()


async def open_session(path: str, command: str, seconds: float) -> Session:
    """Run a command over the connection that is shared at a path. seconds: until the host must have agreed.

    Raises:
        NotShared: nobody listens there, or the listener is somebody else's.
        NoSession: see there.
    """
    session = Session(await _connect(path))
    theirs: list[socket.socket] = []
    trouble: type[NotShared] = NotShared
    try:
        async with asyncio.timeout(seconds):
            await _greet(session.control)
            trouble = NoSession
            head = struct.pack(">II", NEW_SESSION, _REQUEST) + _text(b"")
            # Neither a terminal, nor X11, nor the agent, nor a subsystem.
            await _send(
                session.control,
                head + struct.pack(">5I", 0, 0, 0, 0, _NO_ESCAPE) + _text(b"") + _text(command.encode()),
            )
            for _ in range(3):
                ours, other = socket.socketpair()
                session.streams.append(ours)
                theirs.append(other)
                ours.setblocking(False)
                socket.send_fds(session.control, [b"\0"], [other.fileno()])
            kind, _ = await _receive(session.control)
        if kind != SESSION_OPENED:
            raise NoSession("the host opens no session")
    except (OSError, EOFError, TimeoutError, struct.error) as error:
        session.close()
        raise trouble(str(error)) from error
    except BaseException:
        session.close()
        raise
    finally:
        for one in theirs:
            one.close()
    return session


async def process_of(path: str, seconds: float = 2.0) -> int | None:
    """The process that shares its connection at a path; None: there is none."""
    try:
        control = await _connect(path)
    except NotShared:
        return None
    with control, contextlib.suppress(OSError, EOFError, TimeoutError, struct.error):
        async with asyncio.timeout(seconds):
            await _greet(control)
            await _send(control, struct.pack(">II", ALIVE_CHECK, _REQUEST))
            kind, rest = await _receive(control)
            return int(struct.unpack(">II", rest[:8])[1]) if kind == ALIVE else None
    return None


async def terminate(path: str, seconds: float = 2.0) -> bool:
    """End the connection that is shared at a path, with all that goes over it; whether there was one."""
    try:
        control = await _connect(path)
    except NotShared:
        return False
    sent = False
    with control, contextlib.suppress(OSError, EOFError, TimeoutError, struct.error):
        async with asyncio.timeout(seconds):
            await _greet(control)
            await _send(control, struct.pack(">II", TERMINATE, _REQUEST))
            sent = True
            while True:  # it may end without a word
                await _receive(control)
    return sent


def exit_code(packet: bytes) -> int | None:
    """What the command of a session returned, of what came over its control socket; None: not said."""
    while len(packet) >= 16:
        length, kind, _, code = struct.unpack(">4I", packet[:16])
        if kind == EXIT_MESSAGE:
            return int(code)
        packet = packet[4 + length :]
    return None


async def _connect(path: str) -> socket.socket:
    """A socket whose other end is a process of this user's."""
    control = socket.socket(socket.AF_UNIX)
    control.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(control, path)
        credentials = control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        owner = struct.unpack("3i", credentials)[1]
        if owner != os.geteuid():
            raise NotShared(f"it belongs to the user {owner}")
    except OSError as error:
        control.close()
        raise NotShared(error.strerror or str(error)) from error
    except BaseException:
        control.close()
        raise
    return control


async def _greet(control: socket.socket) -> None:
    await _send(control, struct.pack(">II", HELLO, VERSION))
    kind, rest = await _receive(control)
    if kind != HELLO or struct.unpack(">I", rest[:4])[0] != VERSION:
        raise EOFError("it speaks another version")


async def _send(control: socket.socket, packet: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(control, struct.pack(">I", len(packet)) + packet)


async def _receive(control: socket.socket) -> tuple[int, bytes]:
    (length,) = struct.unpack(">I", await _exactly(control, 4))
    if not 4 <= length <= _LONGEST:
        raise EOFError("it speaks another language")
    packet = await _exactly(control, length)
    return struct.unpack(">I", packet[:4])[0], packet[4:]


async def _exactly(control: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = await asyncio.get_running_loop().sock_recv(control, count - len(found))
        if not piece:
            raise EOFError("it has ended")
        found += piece
    return found


def _text(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content
