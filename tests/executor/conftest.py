"""Hosts for the executor's tests: this machine, this machine by a real sshd, and scripted ones."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest

from madeus.executor.errors import TakenOver
from madeus.executor.inventory import Host
from madeus.executor.transport.base import Transport
from madeus.executor.transport.fake import FakeWorld
from madeus.executor.transport.pool import Transports
from tests.executor.sshd import SSHD, Sshd

Opened = Callable[[], AbstractAsyncContextManager[Transport]]


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One server for all tests that do not harm it."""
    if not Path(SSHD).exists():
        pytest.skip("needs an OpenSSH server")
    server = Sshd(tmp_path_factory.mktemp("sshd")).start()
    yield server
    server.stop()


@pytest.fixture
def run_name() -> str:
    """A run that nobody else has."""
    return f"test-{secrets.token_hex(6)}"


def host_of(kind: str, request: pytest.FixtureRequest) -> Host:
    if kind == "ssh":
        server: Sshd = request.getfixturevalue("sshd")
        return server.host()
    return Host("local", transport="local")


def opener(host: Host, run_name: str) -> Opened:
    @asynccontextmanager
    async def opening() -> AsyncIterator[Transport]:
        async with Transports(run_name, patience=10) as transports:
            transport = transports.of(host)
            try:
                yield transport
            finally:
                with suppress(TakenOver):  # a newer controller of the same test cleans up
                    await transport.forget(run_name)

    return opening


@pytest.fixture(params=["local", "ssh"])
def opened(request: pytest.FixtureRequest, run_name: str) -> Opened:
    """A transport to a real shell; what it leaves on the host is deleted at the end."""
    return opener(host_of(request.param, request), run_name)


@pytest.fixture(params=["local", "ssh", "fake"])
def any_transport(request: pytest.FixtureRequest, run_name: str) -> Opened:
    """A transport of any kind; the fake one's jobs print nothing and succeed."""
    if request.param != "fake":
        return opener(host_of(request.param, request), run_name)
    world = FakeWorld()

    @asynccontextmanager
    async def faking() -> AsyncIterator[Transport]:
        yield world.transport("fake", run_name)

    return faking
