"""Transports of one run, by host: opened lazily, closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from madeus.executor.errors import HostError
from madeus.executor.inventory import Host
from madeus.executor.transport.base import Transport
from madeus.executor.transport.place import place

if TYPE_CHECKING:
    from madeus.executor.transport.kept import KeptConnections
    from madeus.executor.transport.ssh import SshConnections, SshTransport


class Transports:
    """Opens the right transport for each host; use it as an asynchronous context manager."""

    def __init__(self, run: str, *, patience: float = 60.0, make: Callable[[Host], Transport] | None = None) -> None:
        """`patience`: seconds that a broken connection may take to come back. `make` replaces the choice, for simulations."""
        self.run = run
        self._patience = patience
        self._make = make or self._choose
        self._transports: dict[str, Transport] = {}
        self._connections: SshConnections | None = None
        self._kept: KeptConnections | None = None
        self._unkept: list[Host] = []

    def of(self, host: Host) -> Transport:
        """The transport of a host, always the same; nothing is opened yet."""
        transport = self._transports.get(host.name)
        if transport is None:
            transport = self._transports[host.name] = self._make(host)
        return transport

    async def forget(self) -> list[HostError]:
        """Delete what the used hosts keep of this run; troubles are collected, not raised."""
        results = await asyncio.gather(*(t.forget(self.run) for t in self._transports.values()), return_exceptions=True)
        troubles = []
        for result in results:
            if isinstance(result, HostError):
                troubles.append(result)
            elif isinstance(result, BaseException):
                raise result
        return troubles

    async def close(self) -> None:
        """Close every channel. Jobs go on."""
        await asyncio.gather(*(transport.close() for transport in self._transports.values()))
        if self._connections is not None:
            await self._connections.close()
        if self._unkept and place(make=False):
            from madeus.executor.transport.kept import end_other

            await end_other(self._unkept)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _choose(self, host: Host) -> Transport:
        if host.transport == "local":
            from madeus.executor.transport.local import LocalTransport

            return LocalTransport(host.name, self.run, patience=self._patience)
        if host.persist:
            from madeus.executor.transport.kept import KeptConnections, KeptTransport

            if self._kept is None:
                self._kept = KeptConnections()
            return KeptTransport(host, self.run, self._kept, lambda: self._direct(host), patience=self._patience)
        self._unkept.append(host)
        return self._direct(host)

    def _direct(self, host: Host) -> SshTransport:
        """A transport with a connection of its own."""
        from madeus.executor.transport.sooner import import_asyncssh

        import_asyncssh()
        from madeus.executor.transport.ssh import SshConnections, SshTransport

        if self._connections is None:
            self._connections = SshConnections()
        return SshTransport(host, self.run, self._connections, patience=self._patience)
