"""Fingerprints of many hosts at once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from madeus.executor.errors import InputError, WorldError
from madeus.executor.fingerprint.asking import ask
from madeus.executor.fingerprint.augeas import has_augtool, parse_files
from madeus.executor.fingerprint.build import Parsed, build, lensed, reasons, wanted
from madeus.executor.fingerprint.rules import Rules
from madeus.executor.fingerprint.select import Decision, decide
from madeus.executor.inventory import Host, Inventory
from madeus.executor.transport.base import Transport
from madeus.executor.transport.pool import Transports
from madeus.fleet.fingerprint import Fingerprint, Fleet

PATIENCE = 20.0
"""Seconds that a host has to come back."""

LAYERED_ROOT = "/run/madeus/root"
"""Where the stack of a host's layers is."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to find out."""

    application: str
    """Name of a Debian package."""
    rules: Rules = field(default_factory=Rules)
    """See `madeus.executor.fingerprint.rules.load_rules`."""
    start: str | None = None
    """Command that starts the application for a trace: it is run on the host, under strace, and ended."""
    traces: int = 2
    """How often it is started."""
    seconds: float = 10.0
    """Longest time that a traced start may run."""
    root: str | None = None
    """Directory on the hosts to look into instead of their own root: a stack of layers, `LAYERED_ROOT`."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one host said."""

    survey: dict[str, Any]
    decisions: dict[str, Decision]
    read: dict[str, Any]


class NotThere(WorldError):
    """The application is not installed on a host."""

    def __init__(self, host: str, application: str) -> None:
        super().__init__(f"{host}: the package {application} is not installed")
        self.host, self.application = host, application


async def collect(
    hosts: Sequence[Host],
    transports: Transports,
    request: Request,
    limit: int = 50,
    told: Callable[[str, str], None] = lambda host, what: None,
) -> Fleet:
    """Fingerprints of hosts. limit: hosts that are looked at at one time. told: is called with a host and what it has come to.

    Hosts that cannot be looked at are in `Fleet.unreachable` with the reason. Raises InputError for no hosts.
    """
    if not hosts:
        raise InputError("there are no hosts to look at")
    slots = asyncio.Semaphore(limit)
    looks: dict[str, _Look] = {}
    failures: dict[str, str] = {}

    async def look(host: Host) -> None:
        async with slots:
            try:
                looks[host.name] = await _look(transports.of(host), request)
                told(host.name, "done")
            except WorldError as error:
                failures[host.name] = error.message
                told(host.name, error.message)

    async with asyncio.TaskGroup() as group:
        for host in hosts:
            group.create_task(look(host))
    parsed = await asyncio.to_thread(_parse, looks, request.rules)
    machines: dict[str, Fingerprint] = {}
    why: dict[str, dict[str, str]] = {}
    for name, one in sorted(looks.items()):
        machines[name] = build(name, one.survey, one.decisions, one.read, parsed, request.rules)
        why[name] = reasons(one.survey, one.decisions, one.read, parsed, request.rules)
    return Fleet(request.application, machines, why, dict(sorted(failures.items())))


async def _look(transport: Transport, request: Request) -> _Look:
    survey = await ask(
        transport,
        "survey",
        request.root,
        application=request.application,
        start=request.start,
        traces=request.traces,
        seconds=request.seconds,
        facts=request.rules.facts,
        included=request.rules.included,
    )
    if "missing" in survey:
        raise NotThere(transport.host, request.application)
    decisions = decide(survey, request.rules)
    return _Look(survey, decisions, await ask(transport, "read", request.root, **wanted(survey, decisions)))


def _parse(looks: dict[str, _Look], rules: Rules) -> Parsed:
    if not has_augtool():
        return {}
    return parse_files(pair for _, look in sorted(looks.items()) for pair in lensed(look.read, rules))


def fingerprint_hosts(
    inventory: Inventory,
    names: Sequence[str],
    request: Request,
    limit: int = 50,
    told: Callable[[str, str], None] = lambda host, what: None,
) -> Fleet:
    """The same for hosts of an inventory, by names, without an event loop. Raises UnknownHost, InputError."""
    hosts = [inventory.resolve(name) for name in names]

    async def run() -> Fleet:
        async with Transports(f"fingerprint-{secrets.token_hex(4)}", patience=PATIENCE) as transports:
            return await collect(hosts, transports, request, limit, told)

    return asyncio.run(run())
