"""The journal: one SQLite file that holds every run of its user, written batch by batch.

Each write is one transaction, begun IMMEDIATE, that first looks whether the run still belongs to the session that writes (its
epoch): a controller that was paused and superseded finds out at its next write, and writes nothing.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from madeus.executor.journal.errors import FencedOff, Holder, JournalUnusable, UnknownRun
from madeus.executor.journal.events import (
    AttemptRecord,
    AttemptState,
    Record,
    RunEnded,
    RunHead,
    RunState,
    StepRecord,
)
from madeus.executor.journal.schema import guarded, open_database

FILE = "state.db"

_AT_ONCE = 500
"""Names in one question."""

_HEAD = "id, assembly, stages, state, created, ended, epoch, file, base, digest, lock"
_STEP = "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ATTEMPT = """
INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET execution = excluded.execution, state = excluded.state, job = coalesce(excluded.job, job),
  boot = coalesce(excluded.boot, boot), began = coalesce(began, excluded.began), ended = excluded.ended,
  seconds = excluded.seconds, exit_code = excluded.exit_code, changed = excluded.changed, stdout = excluded.stdout,
  stderr = excluded.stderr, error = excluded.error, help = excluded.help, outputs = excluded.outputs
"""


def state_directory(named: Path | None = None, environment: Mapping[str, str] | None = None) -> Path:
    """Where the journal is: the directory named, $MADEUS_STATE, $XDG_STATE_HOME/madeus, or ~/.local/state/madeus."""
    environment = os.environ if environment is None else environment
    if named is not None:
        return named.expanduser().absolute()
    if environment.get("MADEUS_STATE"):
        return Path(environment["MADEUS_STATE"]).expanduser().absolute()
    home = environment.get("XDG_STATE_HOME")
    return (Path(home) if home and Path(home).is_absolute() else Path.home() / ".local/state") / "madeus"


class Journal:
    """An open journal. Its methods may be called from several threads, one at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, state: Path | None = None, create: bool = True) -> Journal:
        """The journal of a state directory (see `state_directory`).

        Raises JournalUnusable, JournalTooNew or JournalBusy.
        """
        path = state_directory(state) / FILE
        return cls(path, open_database(path, create))

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction that writes; rolled back when the body raises."""
        with guarded(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a SELECT."""
        with guarded(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def write(self, run: str, epoch: int, records: Sequence[Record]) -> None:
        """Write records of a run, all or none; on the disk when this returns.

        Raises:
            FencedOff: the run belongs to a later session.
            JournalUnusable: the disk is full, the file damaged.
        """
        with self.transaction() as connection:
            self.check_epoch(connection, run, epoch)
            steps = [_step_row(run, r) for r in records if isinstance(r, StepRecord)]
            attempts = [(run, *r) for r in records if isinstance(r, AttemptRecord)]
            if steps:
                connection.executemany(_STEP, steps)
            if attempts:
                connection.executemany(_ATTEMPT, attempts)
            for record in records:
                if isinstance(record, RunEnded):
                    connection.execute(
                        "UPDATE runs SET state = ?, ended = ? WHERE id = ?", (record.state, record.time, run)
                    )
                    connection.execute("DELETE FROM locks WHERE run = ? AND epoch = ?", (run, epoch))

    def check_epoch(self, connection: sqlite3.Connection, run: str, epoch: int) -> None:
        """Raise FencedOff unless the run belongs to the session of that number."""
        found = connection.execute("SELECT epoch, state FROM runs WHERE id = ?", (run,)).fetchone()
        if found is None or found[0] != epoch or found[1] == RunState.ABANDONED:
            later = self.sessions(run)
            raise FencedOff(run, later[-1] if later and later[-1].epoch > epoch else None)

    def find(self, name: str) -> str:
        """The run of that name: whole, its beginning, or the end after the last dash; ``last`` is the latest.

        Raises:
            UnknownRun: none, or several.
        """
        if name == "last":
            latest = self.query("SELECT id FROM runs ORDER BY number DESC LIMIT 1")
            if not latest:
                raise UnknownRun(name, self.path)
            return str(latest[0][0])
        ids = [str(row[0]) for row in self.query("SELECT id FROM runs ORDER BY number")]
        if name in ids:
            return name
        matches = tuple(i for i in ids if name and (i.startswith(name) or i.endswith(f"-{name}")))
        if len(matches) != 1:
            raise UnknownRun(name, self.path, matches)
        return matches[0]

    def heads(self) -> list[RunHead]:
        """All runs, the latest first, without their snapshots."""
        return [self._head(row) for row in self.query(f"SELECT {_HEAD} FROM runs ORDER BY number DESC")]

    def head(self, run: str) -> RunHead:
        """A run with its snapshots. Raises UnknownRun."""
        rows = self.query(f"SELECT {_HEAD}, program, inventory, settings FROM runs WHERE id = ?", (run,))
        if not rows:
            raise UnknownRun(run, self.path)
        program, inventory, settings = (self._json(text) for text in rows[0][-3:])
        return replace(self._head(rows[0][:-3]), program=program, inventory=inventory, settings=settings)

    def steps(self, run: str, since: int = 0) -> list[StepRecord]:
        """The steps of a run, in order. since: from the one of that number on."""
        from madeus.semantics import Step, StepKind  # not needed by those who keep other things here

        rows = self.query(
            "SELECT seq, time, kind, component, element, station, position, cause, produced FROM steps "
            "WHERE run = ? AND seq >= ? ORDER BY seq",
            (run, since),
        )
        try:
            records = [StepRecord(r[0], r[1], Step(StepKind(r[2]), *r[3:7]), r[7], r[8]) for r in rows]
        except ValueError as error:
            raise self.damaged(str(error)) from error
        if any(record.seq != index for index, record in enumerate(records, since)):
            raise self.damaged(f"steps of run {run} are missing")
        return records

    def step_counts(self, runs: Sequence[str]) -> dict[str, int]:
        """How many steps runs have taken; those that have taken none are not there."""
        found: dict[str, int] = {}
        for begin in range(0, len(runs), _AT_ONCE):
            some = runs[begin : begin + _AT_ONCE]
            sql = f"SELECT run, max(seq) + 1 FROM steps WHERE run IN ({', '.join('?' * len(some))}) GROUP BY run"
            found.update(self.query(sql, some))
        return found

    def attempts(self, run: str, after: int = 0) -> list[AttemptRecord]:
        """The attempts of a run's actions, in the order in which they began."""
        rows = self.query(
            "SELECT fired, action, number, execution, kind, host, state, job, boot, began, ended, seconds, exit_code, "
            "changed, stdout, stderr, error, help, outputs FROM attempts WHERE run = ? AND rowid > ? ORDER BY rowid",
            (run, after),
        )
        try:
            return [AttemptRecord._make((*r[:6], AttemptState(r[6]), *r[7:])) for r in rows]
        except ValueError as error:
            raise self.damaged(str(error)) from error

    def sessions(self, run: str) -> list[Holder]:
        """The controllers that have driven a run, in order."""
        return [
            Holder(*row)
            for row in self.query(
                "SELECT run, epoch, pid, ticks, machine, host, user, since FROM sessions WHERE run = ? ORDER BY epoch",
                (run,),
            )
        ]

    def damaged(self, detail: str) -> JournalUnusable:
        """The error for content that this program never writes."""
        return JournalUnusable(self.path, f"is damaged: {detail}", "name another directory with --state")

    def _head(self, row: Sequence[Any]) -> RunHead:
        try:
            stages = tuple(tuple(stage) for stage in self._json(row[2]))
            return RunHead(row[0], row[1], stages, RunState(row[3]), *row[4:])
        except (TypeError, ValueError) as error:
            raise self.damaged(str(error)) from error

    def _json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise self.damaged(f"{error}") from error


def _step_row(run: str, record: StepRecord) -> tuple[Any, ...]:
    kind, component, element, station, position = record.step
    time, cause, produced = record.time, record.cause, record.produced
    return (run, record.seq, time, kind, component, element, station, position, cause, produced)
