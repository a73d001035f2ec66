"""How the bed's keeper is spoken to: one JSON object a message over a Unix SEQPACKET socket, descriptors beside it.

A request is `{"do": NAME, ...}`; the answer is `{"ok": ...}` or `{"error": CLASS, "arguments": [...]}`.
"""

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from madeus.executor.testbed.errors import SENT_BY_NAME, KeeperFailed, NoSuchBed, TestbedError

LIMIT = 1 << 20
"""Longest message, in bytes."""

Message = dict[str, Any]


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, readable by root alone. The path may be longer than a socket's address may be."""
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    old = os.umask(0o177)
    try:
        _at(path, server.bind)
    finally:
        os.umask(old)
    server.listen(64)
    return server


def connect(path: Path) -> socket.socket:
    """A connection to the keeper behind `path`. Raises NoSuchBed."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LIMIT)
    try:
        _at(path, client.connect)
    except OSError as error:
        client.close()
        raise NoSuchBed(str(path.parent)) from error
    return client


def _at(path: Path, act: Any) -> None:
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        act(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)


def send(connection: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Send one message and, beside it, descriptors."""
    socket.send_fds(connection, [json.dumps(message).encode()], list(descriptors))


def receive(connection: socket.socket) -> tuple[Message | None, list[int]]:
    """The next message and the descriptors that came with it; None at the end."""
    data, descriptors, _, _ = socket.recv_fds(connection, LIMIT, 3)
    return (json.loads(data) if data else None), descriptors


def answer(connection: socket.socket, directory: Path) -> Any:
    """The keeper's answer. Raises the error that it sent, or KeeperFailed when it hung up."""
    try:
        message, _ = receive(connection)
    except ConnectionError:
        message = None
    if message is None:
        raise KeeperFailed(str(directory), "it ended before it answered; see keeper.log there")
    if "error" in message:
        raise carried(message)
    return message["ok"]


def refusal(error: TestbedError) -> Message:
    """The message that carries `error`."""
    return {"error": type(error).__name__, "arguments": list(error.args)}


def carried(message: Message) -> TestbedError:
    """The error that `message` carries."""
    return SENT_BY_NAME[message["error"]](*message["arguments"])
