"""Finding drift: every probe of a live assembly is asked over the executor's own connections, all at once."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from madeus.executor.action.registry import Registry
from madeus.executor.api import RunOptions, waited
from madeus.executor.drift.answer import Answer, Drift
from madeus.executor.drift.ask import Asker, check_probe
from madeus.executor.drift.question import Question, questions
from madeus.executor.errors import ExecutorError
from madeus.executor.inventory import Inventory
from madeus.executor.live.difference import adapted, compare
from madeus.executor.live.errors import CannotChange
from madeus.executor.live.read import Live, read_one
from madeus.executor.live.state import LiveState
from madeus.executor.preflight import NotRunnable
from madeus.executor.scope import Scopes, names_in
from madeus.executor.secrets import SecretMissing, Vault, gather_secrets
from madeus.executor.transport.pool import Transports
from madeus.model import Assembly, ComponentType
from madeus.semantics import System

PATIENCE = 5.0
"""Seconds that a broken connection may take to come back while one only looks."""

LETTING_GO = 5.0
"""Seconds that hosts have to drop what they keep of the looks."""


def find_drift(name: str, options: RunOptions | None = None, model: Assembly | None = None) -> Drift:
    """Compare a live assembly with what its hosts say.

    model: the assembly of a newer file, whose probes are asked in place of the stored ones.

    Raises:
        NoLiveAssembly, JournalUnusable: see there.
        CannotChange: what lives does not fit the newer model.
        NotRunnable: a probe is not well written, or needs a secret without a value; nothing was looked at.
    """
    options = options or RunOptions()
    live = read_one(name, options.state)
    types, state = live.types, live.state
    if model is not None:
        difference = compare(state, types, model)
        if difference.problems:
            raise CannotChange(name, difference.problems)
        types, state = model.types, adapted(state, model)
    busy = _busy(live)
    asked = questions(state, types, [i.name for i in state.instances if i.name not in busy])
    answers = look(live, state, types, asked, options)
    # What a run has moved meanwhile was asked about a place where it is no more.
    now = read_one(name, options.state)
    busy |= {c: run for c, run in _moved(live, now).items() if c not in busy}
    told = {q.component for q in asked} | set(busy)
    unasked = tuple(i.name for i in state.instances if i.name not in told)
    kept = tuple(answer for answer in answers if answer.question.component not in busy)
    return Drift(name, kept, tuple(sorted(busy.items())), unasked)


def look(
    live: Live,
    state: LiveState,
    types: Mapping[str, ComponentType],
    asked: Sequence[Question],
    options: RunOptions | None = None,
) -> tuple[Answer, ...]:
    """The answers to some questions about a live assembly, in their order. Raises NotRunnable."""
    options = options or RunOptions()
    if not asked:
        return ()
    return waited(look_async(live, state, types, asked, options))


async def look_async(
    live: Live, state: LiveState, types: Mapping[str, ComponentType], asked: Sequence[Question], options: RunOptions
) -> tuple[Answer, ...]:
    """`look` for callers in an event loop."""
    registry = options.registry or Registry.installed()
    inventory = options.inventory or live.inventory
    known = _secrets(live, options)
    _check(asked, inventory, registry, live.latest.secrets, known)
    system = System(state.assembly(live.name, types), begin=state.configuration)
    vault = Vault(known)
    make = partial(Transports, patience=PATIENCE) if options.transports is Transports else options.transports
    transports = make(f"look-{secrets.token_hex(6)}")
    asker = Asker(
        registry, Scopes(system, inventory, known, vault), transports.of, Path(live.latest.base or Path()), vault
    )
    total = asyncio.Semaphore(options.limit or inventory.total_limit)
    rooms: dict[str, asyncio.Semaphore] = {}

    async def one(question: Question) -> Answer:
        host = inventory.resolve(question.host)
        room = rooms.setdefault(host.name, asyncio.Semaphore(host.limit))
        async with total, room:
            return await asker.ask(question, types[system.instances[question.component].type], state.configuration)

    try:
        return tuple(await asyncio.gather(*map(one, asked)))
    finally:
        with contextlib.suppress(TimeoutError, ExecutorError):
            async with asyncio.timeout(LETTING_GO):
                await transports.forget()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LETTING_GO):
                await transports.close()


def _secrets(live: Live, options: RunOptions) -> dict[str, str]:
    """Values of the model's secrets, as far as they are known."""
    names = live.latest.secrets
    given = {name: value for name, value in options.secrets.items() if name in names}
    return {**gather_secrets(names, options.secrets_file), **given}


def _check(
    asked: Iterable[Question],
    inventory: Inventory,
    registry: Registry,
    declared: Sequence[str],
    given: Mapping[str, str],
) -> None:
    problems: dict[tuple[str, str], ExecutorError] = {}
    for question in asked:
        where = f"probe of {question}"
        try:
            inventory.resolve(question.host)
            check_probe(question.probe, registry)
        except ExecutorError as error:
            problems.setdefault((where, error.message), error)
        for name in sorted((names_in(question.probe) & set(declared)) - set(given)):
            missing = SecretMissing(name)
            problems.setdefault((where, missing.message), missing)
    if problems:
        raise NotRunnable(tuple((where, error) for (where, _), error in problems.items()))


def _busy(live: Live) -> dict[str, str]:
    """Components that a run which goes on may change."""
    return {c: change.row.run for change in live.unfinished if change.holder is not None for c in change.row.writes}


def _moved(before: Live, now: Live) -> dict[str, str]:
    """Components that are no longer where they were."""
    runs = {c: change.row.run for change in now.changes for c in change.row.writes}
    old, new = before.state.configuration.components, now.state.configuration.components
    return {name: runs.get(name, "") for name, state in old.items() if new.get(name) != state} | _busy(now)
