"""Doing one action on this machine or on a scripted host."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from madeus.executor.action import ActionResult, Attempt, Context, Registry, RuntimeValue, execute
from madeus.executor.inventory import Host
from madeus.executor.transport.fake import FakeWorld, run_virtual
from madeus.executor.transport.pool import Transports
from madeus.model.action import Action
from madeus.model.value import Value

LOCAL = Host("local", transport="local")


def action(kind: str, *arguments: Value, outputs: tuple[str, ...] = (), **options: Value) -> Action:
    """An action as the parser makes it; ``from_`` is the option ``from``."""
    return Action(kind, arguments, tuple((name.rstrip("_"), value) for name, value in options.items()), outputs)


def do(
    what: Action,
    base: Path,
    scope: Mapping[str, RuntimeValue] | None = None,
    registry: Registry | None = None,
    **settings: Any,
) -> ActionResult:
    """Do it here."""

    async def main() -> ActionResult:
        async with Transports(f"test-{secrets.token_hex(6)}") as transports:
            host = transports.of(LOCAL)
            context = Context(LOCAL, host, scope or {}, base, ("c", "t", 0), **settings)
            try:
                return await execute(what, context, registry or Registry.installed())
            finally:
                await transports.forget()

    return asyncio.run(main())


def pretend(
    what: Action,
    world: FakeWorld,
    scope: Mapping[str, RuntimeValue] | None = None,
    *,
    resume: bool = False,
    **settings: Any,
) -> tuple[ActionResult, list[Attempt], float]:
    """Do it on a scripted host: the result, the attempts that were told, the time it took there."""
    told: list[Attempt] = []

    async def notify(attempt: Attempt) -> None:
        told.append(attempt)

    async def main() -> tuple[ActionResult, float]:
        host = Host("far")
        context = Context(
            host,
            world.transport("far", "r"),
            scope or {},
            Path(),
            ("c", "t", 0),
            notify=notify,
            random=lambda: 0.5,
            **settings,
        )
        result = await execute(what, context, Registry.installed(), resume=resume)
        return result, asyncio.get_running_loop().time()

    try:
        result, seconds = run_virtual(main())
    except BaseException as error:
        error.told = told  # type: ignore[attr-defined]  # for the assertions of the tests
        raise
    return result, told, seconds
