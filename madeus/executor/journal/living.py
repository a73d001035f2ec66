"""Rows of live assemblies: what stays known of a deployment after its run, and the runs that have changed it.

The rows hold what was settled when the last finished run was merged; what later runs have done is in their recorded steps. So
nothing is lost when a controller dies, and nothing has to be written at the end of a run.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from madeus.executor.journal.store import Journal


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A live assembly."""

    name: str
    created: float
    """Seconds since the Unix epoch."""
    version: int
    """Number of its latest model."""
    state: Any = field(repr=False)
    """Instances and configuration, as JSON; see `madeus.executor.live.state`."""
    inventory: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A model that a live assembly has had."""

    number: int
    created: float
    file: str
    base: str
    digest: str
    secrets: tuple[str, ...]
    model: Any = field(repr=False)
    """The assembly's types and its programs, as JSON."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A run that changes, or has changed, a live assembly."""

    number: int
    run: str
    version: int
    writes: tuple[str, ...]
    """Components that the run may change."""
    reads: tuple[str, ...]
    """Further components that must not change while it goes on."""
    merged: bool
    """Whether its effect is in the assembly's state."""


def live_rows(journal: Journal) -> list[LiveRow]:
    """All live assemblies, by name."""
    rows = journal.query("SELECT name, created, version, state, inventory FROM live ORDER BY name")
    return [_live(journal, row) for row in rows]


def live_row(journal: Journal, name: str) -> LiveRow | None:
    """The live assembly of that name."""
    rows = journal.query("SELECT name, created, version, state, inventory FROM live WHERE name = ?", (name,))
    return _live(journal, rows[0]) if rows else None


def version_stamps(journal: Journal, name: str) -> list[tuple[int, float]]:
    """Number and time of the models that a live assembly has had, in order."""
    rows = journal.query("SELECT number, created FROM versions WHERE assembly = ? ORDER BY number", (name,))
    return [(int(number), float(created)) for number, created in rows]


def version_rows(journal: Journal, name: str, after: int = 0) -> list[VersionRow]:
    """The models that a live assembly has had after the one of a number, in order."""
    rows = journal.query(
        "SELECT number, created, file, base, digest, secrets, model FROM versions WHERE assembly = ? AND number > ? "
        "ORDER BY number",
        (name, after),
    )
    try:
        return [_version(row) for row in rows]
    except ValueError as error:
        raise journal.damaged(str(error)) from error


def live_text(journal: Journal, name: str) -> tuple[float, int, str, str] | None:
    """The row of a live assembly as it is written: created, version, state, inventory."""
    rows = journal.query("SELECT created, version, state, inventory FROM live WHERE name = ?", (name,))
    return rows[0] if rows else None


def change_rows(journal: Journal, name: str) -> list[ChangeRow]:
    """The runs that have changed a live assembly, in order."""
    rows = journal.query(
        "SELECT number, run, version, writes, reads, merged FROM changes WHERE assembly = ? ORDER BY number", (name,)
    )
    try:
        return [_change(r) for r in rows]
    except ValueError as error:
        raise journal.damaged(str(error)) from error


def insert_live(connection: sqlite3.Connection, row: LiveRow) -> None:
    """Write a new live assembly."""
    values = (row.name, row.created, row.version, json.dumps(row.state), json.dumps(row.inventory))
    connection.execute("INSERT INTO live VALUES (?, ?, ?, ?, ?)", values)


def insert_version(connection: sqlite3.Connection, name: str, row: VersionRow) -> None:
    """Write a model of a live assembly, and make it the latest."""
    secrets, model = json.dumps(row.secrets), json.dumps(row.model)
    values = (name, row.number, row.created, row.file, row.base, row.digest, secrets, model)
    connection.execute("INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    connection.execute("UPDATE live SET version = ? WHERE name = ?", (row.number, name))


def insert_change(
    connection: sqlite3.Connection,
    name: str,
    run: str,
    version: int,
    writes: tuple[str, ...],
    reads: tuple[str, ...],
) -> None:
    """Write down that a run changes a live assembly."""
    connection.execute(
        "INSERT INTO changes (assembly, run, version, writes, reads, merged) VALUES (?, ?, ?, ?, ?, 0)",
        (name, run, version, json.dumps(writes), json.dumps(reads)),
    )


def settle_changes(connection: sqlite3.Connection, name: str, runs: Iterable[str], state: Any) -> None:
    """Write the state of a live assembly that the effects of runs are part of."""
    connection.execute("UPDATE live SET state = ? WHERE name = ?", (json.dumps(state), name))
    connection.executemany(
        "UPDATE changes SET merged = 1 WHERE assembly = ? AND run = ?", [(name, run) for run in runs]
    )


def replace_inventory(connection: sqlite3.Connection, name: str, inventory: Any) -> None:
    """Write the inventory that a live assembly is on from now on."""
    connection.execute("UPDATE live SET inventory = ? WHERE name = ?", (json.dumps(inventory), name))


def delete_live(connection: sqlite3.Connection, name: str) -> None:
    """Forget a live assembly; its runs stay in the journal."""
    connection.execute("DELETE FROM live WHERE name = ?", (name,))
    connection.execute("DELETE FROM versions WHERE assembly = ?", (name,))
    connection.execute("DELETE FROM changes WHERE assembly = ?", (name,))


def abandon_run(connection: sqlite3.Connection, run: str, now: float) -> None:
    """Give a run up: its controller, should it live, finds out at its next write."""
    connection.execute("UPDATE runs SET state = 'abandoned', ended = ? WHERE id = ?", (now, run))
    connection.execute("DELETE FROM locks WHERE run = ?", (run,))


def take_back_run(connection: sqlite3.Connection, run: str) -> None:
    """Note that the machines of a run are what they were before it; nobody drives it any more."""
    connection.execute("UPDATE runs SET state = 'rolled back' WHERE id = ? AND state <> 'abandoned'", (run,))
    connection.execute("DELETE FROM locks WHERE run = ?", (run,))


def _version(row: tuple[Any, ...]) -> VersionRow:
    number, created, file, base, digest, secrets, model = row
    return VersionRow(number, created, file, base, digest, tuple(json.loads(secrets)), json.loads(model))


def _change(row: tuple[Any, ...]) -> ChangeRow:
    number, run, version, writes, reads, merged = row
    return ChangeRow(number, run, version, tuple(json.loads(writes)), tuple(json.loads(reads)), bool(merged))


def _live(journal: Journal, row: tuple[Any, ...]) -> LiveRow:
    name, created, version, state, inventory = row
    try:
        return LiveRow(name, created, version, json.loads(state), json.loads(inventory))
    except ValueError as error:
        raise journal.damaged(str(error)) from error
