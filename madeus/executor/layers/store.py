"""The catalog of layers in the state store, and the journal of the operations on it.

An operation is written down whole before its first step: which rows of the catalog will be others, which steps on hosts lead
there. From then on it holds its machines. Every step is noted before it begins and after it ended; the catalog changes in the
same transaction that notes the end of the last one. Whoever finds an operation without a living controller goes on with it:
steps may be done twice with the effect of once.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from madeus.executor.journal.errors import Holder
from madeus.executor.journal.lock import is_alive, machine_id, process_ticks
from madeus.executor.journal.store import Journal
from madeus.executor.layers.errors import MachineBusy, OperationBroken, OperationRefused
from madeus.executor.layers.rows import catalog_of, difference, step_from_json, step_to_json
from madeus.executor.layers.schema import is_set_up, set_up
from madeus.layers import Catalog, Change, HostStep, Occasion, Refused

WHOLE = "*"
"""Lock of an operation that needs the whole catalog for itself."""

Request = Callable[[Catalog, Occasion], Change]
"""An operation with all but the catalog and the occasion: called again when the catalog may have changed."""


class OperationState(StrEnum):
    """How far an operation is."""

    RUNNING = "running"
    BROKEN = "broken"
    """It stopped on the way; it holds its machines until somebody goes on with it."""
    FAILED = "failed"
    """It was taken back."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as it is written down."""

    number: int
    kind: str
    summary: str
    locks: tuple[str, ...]
    state: OperationState
    began: float
    ended: float | None
    holder: Holder
    step: int
    """Steps that are done."""
    notes: tuple[Any, ...]
    """What hosts said of the steps that are done, in order."""
    error: str
    run: str
    """The run that it was part of, or empty."""
    steps: tuple[HostStep, ...] = field(repr=False, default=())
    undo: tuple[HostStep, ...] = field(repr=False, default=())

    @property
    def is_open(self) -> bool:
        """Whether it has still to come to an end."""
        return self.state in (OperationState.RUNNING, OperationState.BROKEN)


@dataclass(frozen=True, slots=True)
class Seen:
    """How a machine was when it was asked last."""

    status: str = "unknown"
    since: float = 0.0
    """Seconds since the Unix epoch when it became so."""
    answered: float | None = None
    """When it answered last."""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Unfinished(Exception):
    """An operation without a living controller is in the way; go on with it first."""

    def __init__(self, operation: Operation, refused: OperationRefused | None = None) -> None:
        """refused: what is said when it cannot be gone on with."""
        super().__init__(operation.summary)
        self.operation, self.refused = operation, refused


class LayerStore:
    """The layers' part of a state store."""

    def __init__(
        self,
        journal: Journal,
        wall: Callable[[], float] = time.time,
        alive: Callable[[Holder], bool] = is_alive,
        unique: Callable[[], str] = lambda: secrets.token_hex(3),
    ) -> None:
        self.journal, self._wall, self._alive, self._unique = journal, wall, alive, unique
        self._busy: set[int] = set()
        """Operations that this very store drives."""

    @classmethod
    def open(cls, state: Path | None = None, create: bool = True) -> LayerStore:
        """The store of a state directory. Raises as `Journal.open` does."""
        journal = Journal.open(state, create)
        try:
            if create:
                set_up(journal)
            return cls(journal)
        except BaseException:
            journal.close()
            raise

    def close(self) -> None:
        """Close the file. Idempotent."""
        self.journal.close()

    def catalog(self) -> Catalog:
        """What is known."""
        if not is_set_up(self.journal):
            return Catalog()
        try:
            return catalog_of(self.journal.query("SELECT kind, name, body FROM layers_catalog"))
        except (ValueError, KeyError, TypeError) as error:
            raise self.journal.damaged(f"layers: {error}") from error

    def begin(self, request: Request, run: str = "") -> Operation:
        """Write an operation down and take its machines. One without steps is done when this returns.

        Raises:
            OperationRefused: the catalog does not allow it.
            MachineBusy: a living controller's operation holds one of its machines.
            Unfinished: a dead one's does.
        """
        set_up(self.journal)
        with self.journal.transaction() as connection:
            before = self.catalog()
            try:
                change = request(before, Occasion(self._unique(), self._wall()))
            except Refused as refused:
                error = OperationRefused(refused)
                waiting = self.unfinished()
                if waiting:  # the catalog will be another one when it has come to its end
                    raise Unfinished(waiting[0], error) from refused
                raise error from refused
            locks = change.machines or (WHOLE,)
            self._check_free(locks)
            rows, gone = difference(before, change.catalog)
            plan = {
                "rows": [[*key, body] for key, body in rows.items()],
                "gone": [list(key) for key in gone],
                "steps": [step_to_json(step) for step in change.steps],
                "undo": [step_to_json(step) for step in change.undo],
            }
            now, empty = self._wall(), not change.steps
            state = OperationState.DONE if empty else OperationState.RUNNING
            cursor = connection.execute(
                "INSERT INTO layers_operations (kind, summary, locks, state, began, ended, holder, plan, step, notes, error, "
                "run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, '[]', '', ?)",
                (
                    *(change.operation, change.summary, json.dumps(locks), state, now, now if empty else None),
                    *(json.dumps(asdict(_this_process(now))), json.dumps(plan), run),
                ),
            )
            number = cursor.lastrowid
            assert number is not None
            if empty:
                self._apply(connection, plan)
            else:
                connection.executemany("INSERT INTO layers_locks VALUES (?, ?)", [(name, number) for name in locks])
        if not empty:
            self._busy.add(number)
        return self.operation(number)

    def take(self, number: int) -> Operation:
        """Go on with an operation in place of its dead controller.

        Raises:
            MachineBusy: its controller lives.
        """
        found = self.operation(number)
        with self.journal.transaction() as connection:
            found = self.operation(number)
            if found.is_open and self._is_driven(found):
                raise MachineBusy(found.locks[0], found.summary, found.holder)
            connection.execute(
                "UPDATE layers_operations SET holder = ?, state = 'running', error = '' WHERE number = ? AND state IN "
                "('running', 'broken')",
                (json.dumps(asdict(_this_process(self._wall()))), number),
            )
        self._busy.add(number)
        return self.operation(number)

    def advance(self, operation: Operation, notes: Sequence[Any]) -> None:
        """Note that a step has ended, and that the next one begins. notes: what the hosts said of those that are done."""
        with self._written(operation) as connection:
            connection.execute(
                "UPDATE layers_operations SET step = ?, notes = ? WHERE number = ?",
                (len(notes), json.dumps(list(notes)), operation.number),
            )

    def finish(self, operation: Operation, notes: Sequence[Any]) -> None:
        """Note the end of the last step: the catalog changes, the machines are free."""
        with self._written(operation) as connection:
            plan = self._plan(operation.number)
            self._apply(connection, plan)
            connection.execute(
                "UPDATE layers_operations SET state = 'done', ended = ?, step = ?, notes = ? WHERE number = ?",
                (self._wall(), len(operation.steps), json.dumps(list(notes)), operation.number),
            )
            connection.execute("DELETE FROM layers_locks WHERE operation = ?", (operation.number,))
        self._busy.discard(operation.number)

    def give_up(self, operation: Operation, error: str, undone: bool) -> None:
        """Note that an operation came to no end. undone: it was taken back, and its machines are free."""
        with self._written(operation) as connection:
            state = OperationState.FAILED if undone else OperationState.BROKEN
            connection.execute(
                "UPDATE layers_operations SET state = ?, ended = ?, error = ? WHERE number = ?",
                (state, self._wall() if undone else None, error, operation.number),
            )
            if undone:
                connection.execute("DELETE FROM layers_locks WHERE operation = ?", (operation.number,))
        self._busy.discard(operation.number)

    def operation(self, number: int) -> Operation:
        """An operation by its number. Raises LookupError."""
        return self._operations("WHERE number = ?", (number,))[0]

    def operations(self, machine: str = "") -> list[Operation]:
        """All operations, or those of one machine, the latest first."""
        if not is_set_up(self.journal):
            return []
        found = self._operations("ORDER BY number DESC")
        return [one for one in found if not machine or machine in one.locks]

    def unfinished(self) -> list[Operation]:
        """Operations that nobody drives and that have not come to an end, the oldest first."""
        if not is_set_up(self.journal):
            return []
        found = self._operations("WHERE state IN ('running', 'broken') ORDER BY number")
        return [one for one in found if not self._is_driven(one)]

    def recipe(self, role: str, version: str) -> Any:
        """What a role's definition says of a version, as JSON; None: nothing."""
        rows = self.journal.query("SELECT body FROM layers_recipes WHERE role = ? AND version = ?", (role, version))
        return json.loads(rows[0][0]) if rows else None

    def keep_recipes(self, role: str, recipes: Sequence[tuple[str, Any]]) -> None:
        """Keep what a role's definition says of its versions, in place of what it said before."""
        with self.journal.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO layers_recipes VALUES (?, ?, ?)",
                [(role, version, json.dumps(body)) for version, body in recipes],
            )

    def met(self, machine: str, inventory: str) -> None:
        """Keep where a machine is described. inventory: path; empty: nowhere."""
        with self.journal.transaction() as connection:
            connection.execute(
                "INSERT INTO layers_hosts VALUES (?, ?, 'unknown', ?, NULL, '{}') ON CONFLICT DO UPDATE SET inventory = "
                "CASE WHEN excluded.inventory = '' THEN inventory ELSE excluded.inventory END",
                (machine, inventory, self._wall()),
            )

    def inventory_of(self, machine: str) -> str:
        """Path of the inventory that describes a machine; empty: none is known."""
        if not is_set_up(self.journal):
            return ""
        rows = self.journal.query("SELECT inventory FROM layers_hosts WHERE machine = ?", (machine,))
        return str(rows[0][0]) if rows else ""

    def seen(self, machine: str) -> Seen:
        """How a machine was when it was asked last."""
        rows = self.journal.query("SELECT status, since, seen, facts FROM layers_hosts WHERE machine = ?", (machine,))
        return Seen(rows[0][0], rows[0][1], rows[0][2], json.loads(rows[0][3])) if rows else Seen()

    def beat(self, machine: str, status: str, facts: Mapping[str, Any], answered: bool) -> None:
        """Note how a machine is now. answered: whether it did."""
        now = self._wall()
        with self.journal.transaction() as connection:
            connection.execute(
                "INSERT INTO layers_hosts VALUES (?, '', ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "since = CASE WHEN status = excluded.status THEN since ELSE excluded.since END, status = excluded.status, "
                "seen = coalesce(excluded.seen, seen), facts = excluded.facts",
                (machine, status, now, now if answered else None, json.dumps(dict(facts))),
            )

    def open_operations(self) -> list[Operation]:
        """Operations that have not come to an end."""
        return self._operations("WHERE state IN ('running', 'broken')")

    def renamed(self, old: str, new: str) -> None:
        """A machine has another name."""
        with self.journal.transaction() as connection:
            connection.execute("UPDATE layers_hosts SET machine = ? WHERE machine = ?", (new, old))

    def unmet(self, machine: str) -> None:
        """Nothing is kept of a machine any more."""
        with self.journal.transaction() as connection:
            connection.execute("DELETE FROM layers_hosts WHERE machine = ?", (machine,))

    def _check_free(self, locks: Sequence[str]) -> None:
        held = dict(self.journal.query("SELECT name, operation FROM layers_locks"))
        inside = list(held) if WHOLE in locks else [name for name in (*locks, WHOLE) if name in held]
        for name in inside:
            other = self.operation(held[name])
            if self._is_driven(other):
                raise MachineBusy("" if name == WHOLE else name, other.summary, other.holder)
            raise Unfinished(other)

    def _is_driven(self, operation: Operation) -> bool:
        if operation.state is OperationState.BROKEN:
            return False
        return operation.number in self._busy or self._alive(operation.holder)

    @contextmanager
    def _written(self, operation: Operation) -> Iterator[Any]:
        """A transaction of the controller that drives an operation; another one's writes are refused."""
        with self.journal.transaction() as connection:
            now = self.operation(operation.number)
            if not now.is_open or now.holder != operation.holder:
                raise OperationBroken(now.summary, "another process has taken it over", False)
            yield connection

    def _apply(self, connection: Any, plan: Any) -> None:
        connection.executemany("INSERT OR REPLACE INTO layers_catalog VALUES (?, ?, ?)", plan["rows"])
        connection.executemany("DELETE FROM layers_catalog WHERE kind = ? AND name = ?", plan["gone"])

    def _plan(self, number: int) -> Any:
        return json.loads(self.journal.query("SELECT plan FROM layers_operations WHERE number = ?", (number,))[0][0])

    def _operations(self, where: str, parameters: Sequence[Any] = ()) -> list[Operation]:
        rows = self.journal.query(
            "SELECT number, kind, summary, locks, state, began, ended, holder, step, notes, error, run, plan "
            f"FROM layers_operations {where}",
            parameters,
        )
        found = []
        try:
            for row in rows:
                plan = json.loads(row[12])
                found.append(
                    Operation(
                        *(row[0], row[1], row[2], tuple(json.loads(row[3])), OperationState(row[4]), row[5], row[6]),
                        *(Holder(**json.loads(row[7])), row[8], tuple(json.loads(row[9])), row[10], row[11]),
                        tuple(step_from_json(step) for step in plan["steps"]),
                        tuple(step_from_json(step) for step in plan["undo"]),
                    )
                )
        except (ValueError, KeyError, TypeError) as error:
            raise self.journal.damaged(f"layers: {error}") from error
        return found


def _this_process(now: float) -> Holder:
    pid = os.getpid()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return Holder("", 1, pid, process_ticks(pid) or 0, machine_id(), socket.gethostname(), user, now)
