"""The tables of rollouts, in the file of the runs: that a machine is begun and that its run is there are one write."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from madeus.executor.journal.errors import Holder, JournalTooNew
from madeus.executor.journal.lock import is_alive, machine_id, process_ticks, user_name
from madeus.executor.journal.store import Journal
from madeus.executor.rollout.errors import (
    MachinesHalfway,
    RolloutHalfway,
    RolloutHeld,
    RolloutTakenOver,
    RolloutUnfinished,
    UnknownRollout,
)
from madeus.executor.rollout.records import (
    HALFWAY,
    FailureRow,
    MachineRow,
    MachineState,
    RolloutRecord,
    RolloutRow,
    RolloutState,
)
from madeus.fleet.clusters import Cluster
from madeus.fleet.stages import Kind, Stage, Stages

SCHEMA = 2
"""Version of these tables; kept in their own table."""

TABLES = """
CREATE TABLE rollout_schema (version INTEGER NOT NULL) STRICT;
CREATE TABLE rollouts (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  assembly TEXT NOT NULL,
  file TEXT NOT NULL,
  digest TEXT NOT NULL,
  state TEXT NOT NULL,
  wanted TEXT NOT NULL,
  created REAL NOT NULL,
  ended REAL,
  epoch INTEGER NOT NULL,
  note TEXT NOT NULL,
  stages TEXT NOT NULL,
  holder TEXT,
  around TEXT NOT NULL
) STRICT;
CREATE TABLE rollout_machines (
  rollout TEXT NOT NULL,
  machine TEXT NOT NULL,
  state TEXT NOT NULL,
  run TEXT NOT NULL,
  undo TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  digest TEXT NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (rollout, machine)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollout_failures (
  number INTEGER PRIMARY KEY,
  rollout TEXT NOT NULL,
  machine TEXT NOT NULL,
  stage TEXT NOT NULL,
  cluster TEXT NOT NULL,
  signature TEXT NOT NULL,
  reason TEXT NOT NULL,
  difference TEXT NOT NULL,
  at REAL NOT NULL
) STRICT;
CREATE INDEX rollout_failures_of ON rollout_failures (rollout)
"""

BEFORE_TABLES = """
CREATE TABLE rollout_before (
  rollout TEXT NOT NULL,
  machine TEXT NOT NULL,
  runs TEXT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (rollout, machine)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollout_settings (
  rollout TEXT PRIMARY KEY,
  settings TEXT NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE rollout_failures ADD COLUMN whole TEXT NOT NULL DEFAULT ''
"""
"""Since version 2: what machines were before their upgrade, and values of the model's parameters."""

_ROLLOUT = "id, name, assembly, file, digest, state, wanted, created, ended, epoch, note, stages, holder, around"


def has_rollouts(journal: Journal) -> bool:
    """Whether the tables are there. Raises JournalTooNew for those of a later version."""
    if not journal.query("SELECT 1 FROM sqlite_schema WHERE name = 'rollout_schema'"):
        return False
    if _version(journal) > SCHEMA:
        raise JournalTooNew(journal.path, _version(journal), SCHEMA)
    return True


def make_tables(journal: Journal) -> None:
    """Make the tables where they are missing, and bring those of an earlier version up to date."""
    if has_rollouts(journal) and _version(journal) == SCHEMA:
        return
    with journal.transaction() as connection:
        version = _version(journal) if has_rollouts(journal) else 0
        for statement in ";\n".join((TABLES, BEFORE_TABLES)[version:]).split(";\n"):
            connection.execute(statement)
        connection.execute("DELETE FROM rollout_schema")
        connection.execute("INSERT INTO rollout_schema VALUES (?)", (SCHEMA,))


def _version(journal: Journal) -> int:
    return int(journal.query("SELECT version FROM rollout_schema")[0][0])


class Store:
    """One session's hold on a rollout. Every write looks first whether the rollout is still this session's."""

    def __init__(self, journal: Journal, id: str, epoch: int) -> None:
        self.journal, self.id, self.epoch = journal, id, epoch

    def put(
        self,
        row: MachineRow,
        failure: FailureRow | None = None,
        also: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        """Write how a machine stands, and what failed. also: called in the same transaction."""
        with self.journal.transaction() as connection:
            self._check(connection)
            put_machine(connection, self.id, row)
            if also is not None:
                also(connection)
            if failure is not None:
                connection.execute(
                    "INSERT INTO rollout_failures (rollout, machine, stage, cluster, signature, reason, difference, at, "
                    "whole) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(self.id, failure.machine, failure.stage, failure.cluster, failure.signature, failure.reason),
                        *(json.dumps(failure.difference), failure.at, failure.whole),
                    ),
                )

    def around(self, done: Sequence[str]) -> None:
        """Write which of the programs before and after the machines are done."""
        with self.journal.transaction() as connection:
            self._check(connection)
            connection.execute("UPDATE rollouts SET around = ? WHERE id = ?", (json.dumps(list(done)), self.id))

    def end(self, state: RolloutState, note: str, now: float) -> None:
        """Write how the rollout ended, and let it go."""
        with self.journal.transaction() as connection:
            self._check(connection)
            connection.execute(
                "UPDATE rollouts SET state = ?, note = ?, ended = ?, holder = NULL WHERE id = ?",
                (state, note, now, self.id),
            )

    def wanted(self) -> str:
        """What was asked for meanwhile: ``run``, ``freeze`` or ``abort``. Raises RolloutTakenOver."""
        found = self.journal.query("SELECT wanted, epoch FROM rollouts WHERE id = ?", (self.id,))
        if not found or found[0][1] != self.epoch:
            raise RolloutTakenOver(self.id)
        return str(found[0][0])

    def _check(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("SELECT epoch FROM rollouts WHERE id = ?", (self.id,)).fetchone()
        if found is None or found[0] != self.epoch:
            raise RolloutTakenOver(self.id)


def put_machine(connection: sqlite3.Connection, rollout: str, row: MachineRow) -> None:
    """Write how a machine stands, in a transaction of the caller's. What it was before is kept until it is known to be well."""
    if row.state in (MachineState.WAITING, MachineState.PASSED, MachineState.FAILED):
        connection.execute("DELETE FROM rollout_before WHERE rollout = ? AND machine = ?", (rollout, row.machine))
    connection.execute(
        "INSERT OR REPLACE INTO rollout_machines VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (rollout, row.machine, row.state, row.run, row.undo, row.attempt, row.digest, row.note),
    )


def begin(
    journal: Journal,
    *,
    name: str,
    assembly: str,
    file: str,
    digest: str,
    stages: Stages,
    now: float,
    settings: Sequence[str] = (),
) -> Store:
    """Write a new rollout, all of its machines waiting. settings: ``NAME=VALUE`` of parameters of the model."""
    make_tables(journal)
    with journal.transaction() as connection:
        id = _new_id(connection, name, now)
        connection.execute(
            f"INSERT INTO rollouts ({_ROLLOUT}) VALUES (?, ?, ?, ?, ?, ?, 'run', ?, NULL, 1, '', ?, ?, '[]')",
            (
                *(id, name, assembly, file, digest, RolloutState.RUNNING, now),
                json.dumps(stages_to_json(stages)),
                json.dumps(_me(now)),
            ),
        )
        _put_settings(connection, id, settings)
        for machine in stages.machines:
            put_machine(connection, id, MachineRow(machine))
    return Store(journal, id, 1)


def reopen(journal: Journal, id: str, digest: str, file: str, now: float, settings: Sequence[str] = ()) -> Store:
    """Begin another session of a rollout. Raises RolloutHeld when a living process drives it."""
    make_tables(journal)
    with journal.transaction() as connection:
        row = connection.execute(f"SELECT {_ROLLOUT} FROM rollouts WHERE id = ?", (id,)).fetchone()
        found = _rollout(journal, row)
        if found.state is RolloutState.RUNNING and found.holder is not None and is_alive(found.holder):
            raise RolloutHeld(found.holder)
        connection.execute(
            "UPDATE rollouts SET state = ?, wanted = 'run', ended = NULL, epoch = ?, note = '', holder = ?, digest = ?, "
            "file = ? WHERE id = ?",
            (RolloutState.RUNNING, found.epoch + 1, json.dumps(_me(now)), digest, file, id),
        )
        _put_settings(connection, id, settings)
    return Store(journal, id, found.epoch + 1)


def _put_settings(connection: sqlite3.Connection, id: str, settings: Sequence[str]) -> None:
    connection.execute("INSERT OR REPLACE INTO rollout_settings VALUES (?, ?)", (id, json.dumps(list(settings))))


def settings_of(journal: Journal, id: str) -> tuple[str, ...]:
    """``NAME=VALUE`` of parameters of the model that a rollout goes on with."""
    if _version(journal) < SCHEMA:
        return ()
    rows = journal.query("SELECT settings FROM rollout_settings WHERE rollout = ?", (id,))
    return tuple(json.loads(rows[0][0])) if rows else ()


def check_free(journal: Journal, assembly: str) -> None:
    """Whether a new rollout of an assembly may begin.

    Raises:
        RolloutUnfinished: the one before has not come to its end.
        MachinesHalfway: it was aborted with machines in the middle.
    """
    earlier = next((r for r in read_rollouts(journal) if r.assembly == assembly), None)
    if earlier is None or earlier.state is RolloutState.DONE:
        return
    if earlier.state is not RolloutState.ABORTED:
        driven = earlier.state is RolloutState.RUNNING and earlier.holder is not None and is_alive(earlier.holder)
        raise RolloutUnfinished(earlier.id, earlier.state, driven)
    on = (MachineState.UPGRADING, MachineState.TESTING, MachineState.UNDOING)
    halfway = [m for m, row in read_rollout(journal, earlier.id).machines.items() if row.state in on]
    if halfway:
        raise MachinesHalfway(earlier.id, halfway)


def check_over(journal: Journal, assembly: str, since: float) -> None:
    """Whether something may be done to an assembly beside its rollouts. since: when it was deployed; rollouts begun before
    that were of another one of its name.

    Raises:
        RolloutHalfway: one is running, or has stopped before its last stage.
    """
    for row in read_rollouts(journal):
        if row.assembly == assembly and row.created >= since and row.state in HALFWAY:
            driven = row.state is RolloutState.RUNNING and row.holder is not None and is_alive(row.holder)
            lost = row.state is RolloutState.RUNNING and not driven
            raise RolloutHalfway(row.id, assembly, "lost" if lost else row.state, row.holder if driven else None)


def ask_for(journal: Journal, id: str, wanted: str, now: float) -> bool:
    """Ask for a freeze or an abort; whether a living process will see to it. Else it is so already."""
    with journal.transaction() as connection:
        row = connection.execute(f"SELECT {_ROLLOUT} FROM rollouts WHERE id = ?", (id,)).fetchone()
        found = _rollout(journal, row)
        connection.execute("UPDATE rollouts SET wanted = ? WHERE id = ?", (wanted, id))
        if found.state is RolloutState.RUNNING and found.holder is not None and is_alive(found.holder):
            return True
        state = RolloutState.FROZEN if wanted == "freeze" else RolloutState.ABORTED
        connection.execute(
            "UPDATE rollouts SET state = ?, ended = ?, note = 'by command', holder = NULL WHERE id = ?",
            (state, now, id),
        )
    return False


def read_rollouts(journal: Journal) -> list[RolloutRow]:
    """All rollouts, the latest first."""
    if not has_rollouts(journal):
        return []
    return [_rollout(journal, r) for r in journal.query(f"SELECT {_ROLLOUT} FROM rollouts ORDER BY number DESC")]


def read_rollout(journal: Journal, name: str) -> RolloutRecord:
    """A rollout by its identifier, the end of it, its name, or ``last``. Raises UnknownRollout."""
    rows = read_rollouts(journal)
    found = [
        r for r in rows if name == "last" or r.id == name or (name and r.id.endswith(f"-{name}")) or r.name == name
    ]
    if not found:
        raise UnknownRollout(name, journal.path)
    head = found[0]
    machines = [
        MachineRow(m, MachineState(state), run, undo, attempt, digest, note)
        for m, state, run, undo, attempt, digest, note in journal.query(
            "SELECT machine, state, run, undo, attempt, digest, note FROM rollout_machines WHERE rollout = ?",
            (head.id,),
        )
    ]
    whole = "whole" if _version(journal) == SCHEMA else "''"
    failures = [
        FailureRow(number, machine, stage, cluster, signature, reason, tuple(json.loads(difference)), at, logs)
        for number, machine, stage, cluster, signature, reason, difference, at, logs in journal.query(
            f"SELECT number, machine, stage, cluster, signature, reason, difference, at, {whole} FROM rollout_failures "
            "WHERE rollout = ? ORDER BY number",
            (head.id,),
        )
    ]
    order = {m: n for n, m in enumerate(head.stages.machines)}
    machines.sort(key=lambda m: order.get(m.machine, len(order)))
    return RolloutRecord(head, {m.machine: m for m in machines}, tuple(failures))


def stages_to_json(stages: Stages) -> Any:
    """The stages as JSON."""
    return {
        "protocol": stages.protocol,
        "stages": [[s.name, s.kind, list(s.machines), s.cluster, s.threshold, s.wave, s.whole] for s in stages.stages],
        "representatives": [[c, list(m)] for c, m in stages.representatives],
        "clusters": [_cluster(c) for c in stages.clusters],
        "left_out": [_cluster(c) for c in stages.left_out],
    }


def stages_from_json(coded: Mapping[str, Any]) -> Stages:
    """The inverse."""
    return Stages(
        coded["protocol"],
        tuple(Stage(n, Kind(k), tuple(m), c, t, w, whole) for n, k, m, c, t, w, whole in coded["stages"]),
        tuple((c, tuple(m)) for c, m in coded["representatives"]),
        tuple(_cluster_back(c) for c in coded["clusters"]),
        tuple(_cluster_back(c) for c in coded["left_out"]),
    )


def _cluster(c: Cluster) -> list[Any]:
    apart = {machine: sorted(items) for machine, items in c.deviating}
    return [c.name, list(c.machines), sorted(c.differs), c.distance, list(c.medoids), sorted(c.lacks), apart]


def _cluster_back(coded: Sequence[Any]) -> Cluster:
    name, machines, differs, distance, medoids, *more = coded
    lacks, apart = more or ((), {})
    return Cluster(
        *(name, tuple(machines), frozenset(differs), distance, tuple(medoids)),
        lacks=frozenset(lacks),
        deviating=tuple((machine, frozenset(items)) for machine, items in apart.items()),
    )


def _rollout(journal: Journal, row: Sequence[Any]) -> RolloutRow:
    try:
        id, name, assembly, file, digest, state, wanted, created, ended, epoch, note, stages, holder, around = row
        return RolloutRow(
            *(id, name, assembly, file, digest, RolloutState(state), wanted, created, ended, epoch, note),
            stages_from_json(json.loads(stages)),
            Holder(id, epoch, *json.loads(holder)) if holder else None,
            tuple(json.loads(around)),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise journal.damaged(str(error)) from error


def _me(now: float) -> list[Any]:
    pid = os.getpid()
    return [pid, process_ticks(pid) or 0, machine_id(), socket.gethostname(), user_name(), now]


def _new_id(connection: sqlite3.Connection, name: str, now: float) -> str:
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", name)[:40].strip("-") or "rollout"
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    while True:
        id = f"{stem}-{stamp}-{secrets.token_hex(2)}"
        if not connection.execute("SELECT 1 FROM rollouts WHERE id = ?", (id,)).fetchone():
            return id
