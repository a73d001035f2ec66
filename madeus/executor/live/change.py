"""Deploying, changing and forgetting live assemblies: what is known before a run, and the run itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from madeus.executor.api import Life, Origin, RunOptions, run_assembly_async, waited
from madeus.executor.inventory import Inventory
from madeus.executor.journal.living import (
    LiveRow,
    VersionRow,
    abandon_run,
    delete_live,
    insert_change,
    insert_live,
    insert_version,
    live_row,
    replace_inventory,
    settle_changes,
    take_back_run,
)
from madeus.executor.journal.snapshot import inventory_to_json
from madeus.executor.journal.store import Journal
from madeus.executor.live.claims import Claims, claims
from madeus.executor.live.difference import Difference, adapted, compare
from madeus.executor.live.errors import CannotChange, ChangedMeanwhile, ComponentsHeld, DeployedAlready
from madeus.executor.live.memory import Memory
from madeus.executor.live.read import Change, Live, read_live
from madeus.executor.live.state import NOTHING, LiveState, given_up, merged, restored, state_to_json
from madeus.executor.result import RunResult
from madeus.model import Add, Assembly, Program, Push
from madeus.model.codec import read, to_json
from madeus.semantics import System

Stages = Sequence[Sequence[Program]]

Correction = Callable[[LiveState], LiveState]
"""From where the store says that an assembly stands to where it really does."""


@dataclass(frozen=True)
class Intent:
    """What a run on a live assembly is to do, looked at before it begins."""

    live: Live
    stages: tuple[tuple[Program, ...], ...]
    programs: Mapping[str, Program]
    """All programs of the model."""
    model: Assembly
    """The assembly as the file has it."""
    difference: Difference
    begin: LiveState
    """Where the part of the assembly stands that no other run has."""
    claims: Claims
    taken_over: tuple[Change, ...] = ()
    """Unfinished runs that are given up."""
    origin: Origin = field(default_factory=Origin)
    correction: Correction | None = None
    """Puts right what the store says, where the hosts say otherwise."""
    memory: Memory | None = None

    @property
    def system(self) -> System:
        """The system that would be driven; actions may fail any number of times."""
        return System(
            self.begin.assembly(self.live.name, self.model.types), self.stages, None, self.begin.configuration
        )

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the programs push to and what is not there, in sentences: they would never come to their end."""
        there = {i.name for i in self.begin.instances}
        programs = [p for stage in self.stages for p in stage]
        there.update(i.instance.name for p in programs for i in p.instructions if isinstance(i, Add))
        pushes = ((p, i) for p in programs for i in p.instructions if isinstance(i, Push))
        return tuple(
            f"`{push}` of {program.name}: {push.component} is not deployed"
            for program, push in pushes
            if push.component not in there
        )


def look(
    journal: Journal,
    name: str,
    model: Assembly,
    stages: Stages,
    programs: Mapping[str, Program],
    origin: Origin,
    take_over: bool = False,
    correction: Correction | None = None,
    memory: Memory | None = None,
) -> Intent:
    """What programs would do on a live assembly, the model being that of a file. Nothing is changed.

    take_over: give up the unfinished runs that stand in the way. correction: of components that the programs change.
    memory: for many runs on one assembly by one process.

    Raises:
        NoLiveAssembly: there is none of that name.
        CannotChange: the model does not fit what lives.
        ComponentsHeld: another run has components that the programs touch.
    """
    live = read_live(journal, name, memory)
    programs = {n: p for n, p in programs.items() if p.assembly == model.name}
    made = tuple(tuple(stage) for stage in stages)
    own = claims(made, [i.name for i in live.state.instances], live.state.configuration.connections())
    changed = model.types != live.types
    standing: list[Change] = []
    for change in live.unfinished:
        disputed = own.disputed(change.claims)
        if not disputed and not changed:
            continue
        if not take_over or change.holder is not None:
            raise ComponentsHeld(name, disputed, change.row.run, change.status, change.holder)
        standing.append(change)
    state = live.state
    for change in standing:
        state = given_up(state, live.types, change.row.writes)
    others = {c for change in live.unfinished if change not in standing for c in change.row.writes}
    state = state.without(others)
    added = {i.instance.name for p in programs.values() for i in p.instructions if isinstance(i, Add)}
    difference = compare(state, live.types, model, added | others)
    if difference.problems:
        raise CannotChange(name, difference.problems)
    begin = adapted(state, model)
    if correction is not None:
        begin = correction(begin)
    return Intent(live, made, programs, model, difference, begin, own, tuple(standing), origin, correction, memory)


def look_stored(journal: Journal, live: Live, program: str, take_over: bool = False) -> Intent:
    """What a program of the stored model would do; `look` raises. Raises KeyError for an unknown program."""
    latest = live.latest
    origin = Origin(Path(latest.file) if latest.file else None, Path(latest.base), latest.digest, latest.secrets)
    stages = ((live.programs[program],),)
    return look(journal, live.name, read(Assembly, latest.model["assembly"]), stages, live.programs, origin, take_over)


def reconfigure(intent: Intent, options: RunOptions | None = None) -> RunResult:
    """Run the programs of an intent.

    Raises, beside what `run_assembly` does:
        ChangedMeanwhile: another run has changed the components since.
    """
    return waited(reconfigure_async(intent, options))


async def reconfigure_async(
    intent: Intent,
    options: RunOptions | None = None,
    entered: Callable[[sqlite3.Connection, str], None] | None = None,
) -> RunResult:
    """`reconfigure` in a loop of one's own. entered: told the run's name in the transaction that begins it."""
    options = options or RunOptions()
    inventory = options.inventory or intent.live.inventory
    name = intent.live.name

    def enter(journal: Journal, connection: sqlite3.Connection, run: str) -> None:
        now = look(
            journal,
            name,
            intent.model,
            intent.stages,
            intent.programs,
            intent.origin,
            bool(intent.taken_over),
            intent.correction,
            intent.memory,
        )
        if now.begin != intent.begin or now.live.row.version != intent.live.row.version:
            raise ChangedMeanwhile(name)
        _settle(connection, now, options.wall())
        version = now.live.row.version
        if now.model.types != now.live.types or now.programs != now.live.programs:
            version += 1
            insert_version(connection, name, _version(version, now.model, now.programs, now.origin, options.wall()))
        if options.inventory is not None:
            replace_inventory(connection, name, inventory_to_json(inventory))
        insert_change(connection, name, run, version, tuple(sorted(now.claims.writes)), tuple(sorted(now.claims.reads)))
        if entered is not None:
            entered(connection, run)

    lock = "\n".join(("live", name, *sorted(intent.claims.writes)))
    life = Life(name, intent.begin.configuration, lock, enter)
    return await run_assembly_async(
        intent.begin.assembly(name, intent.model.types),
        intent.stages,
        intent.origin,
        replace(options, inventory=inventory, take_over=options.take_over or bool(intent.taken_over)),
        life,
    )


def deploy(
    assembly: Assembly,
    stages: Stages = (),
    programs: Mapping[str, Program] | None = None,
    origin: Origin | None = None,
    options: RunOptions | None = None,
) -> RunResult:
    """Deploy an assembly that lives on afterwards.

    programs: all programs of the model. Raises, beside what `run_assembly` does:
        DeployedAlready: one of that name lives.
    """
    options, origin = options or RunOptions(), origin or Origin()
    name, now = assembly.name, options.wall()
    added = {i.instance.name for stage in stages for p in stage for i in p.instructions if isinstance(i, Add)}
    writes = tuple(sorted({*assembly.instance, *added}))

    def enter(journal: Journal, connection: sqlite3.Connection, run: str) -> None:
        refuse_second(journal, name)
        inventory = inventory_to_json(options.inventory or Inventory())
        insert_live(connection, LiveRow(name, now, 1, state_to_json(NOTHING), inventory))
        own = {n: p for n, p in (programs or {}).items() if p.assembly == name}
        insert_version(connection, name, _version(1, assembly, own, origin, now))
        insert_change(connection, name, run, 1, writes, ())

    life = Life(name, None, "\n".join(("live", name)), enter)
    return waited(run_assembly_async(assembly, stages, origin, options, life))


def refuse_second(journal: Journal, name: str) -> None:
    """Raise DeployedAlready when an assembly of that name lives."""
    if live_row(journal, name) is not None:
        live = read_live(journal, name)
        file, since = live.latest.file, live.row.created
        for change in sorted(live.unfinished, key=lambda c: c.holder is None):  # one that is driven tells most
            raise DeployedAlready(name, file, since, change.row.run, change.holder, change == live.changes[0])
        raise DeployedAlready(name, file, since)


def forget(journal: Journal, name: str, now: float) -> None:
    """Forget a live assembly; nothing is done on its hosts. Unfinished runs that nobody drives are given up.

    Raises:
        NoLiveAssembly: there is none of that name.
        ComponentsHeld: a run is on.
    """
    with journal.transaction() as connection:
        live = read_live(journal, name)
        for change in live.unfinished:
            if change.holder is not None:
                raise ComponentsHeld(name, change.row.writes, change.row.run, change.status, change.holder)
            abandon_run(connection, change.row.run, now)
        delete_live(connection, name)


def take_runs_back(
    journal: Journal,
    connection: sqlite3.Connection,
    name: str,
    runs: Sequence[str],
    own: Collection[str],
    before: LiveState,
) -> None:
    """Write, in a transaction of the caller's, that some components stand again where they stood before runs that moved them.

    Their machines are what they were then; `before`: where the live assembly stood. No controller drives the runs any more.
    """
    live = read_live(journal, name)
    state = restored(live.settled, own, before)
    over = [c.row.run for c in live.changes if not c.row.merged and (c.finished or c.row.run in runs)]
    settle_changes(connection, name, over, state_to_json(state))
    for run in runs:
        take_back_run(connection, run)


def _settle(connection: sqlite3.Connection, now: Intent, clock: float) -> None:
    """Write what finished runs, and those that are given up, have made of the assembly."""
    live, state = now.live, now.live.settled
    over = [change.row.run for change in live.changes if change.finished and not change.row.merged]
    for change in now.taken_over:
        abandon_run(connection, change.row.run, clock)
        own = set(change.row.writes)
        gone = given_up(live.state, live.types, own)
        state = merged(state, own, {i.name: i for i in gone.instances}, gone.configuration, gone.effects)
        over.append(change.row.run)
    if over:
        settle_changes(connection, live.name, over, state_to_json(state))


def _version(
    number: int, assembly: Assembly, programs: Mapping[str, Program], origin: Origin, now: float
) -> VersionRow:
    model: Any = {
        "assembly": to_json(assembly),
        "programs": {name: to_json(p) for name, p in programs.items()},
    }
    file = str(origin.file.absolute()) if origin.file else ""
    base = str((origin.base or (origin.file.parent if origin.file else Path())).absolute())
    return VersionRow(number, now, file, base, origin.digest, origin.secrets, model)
