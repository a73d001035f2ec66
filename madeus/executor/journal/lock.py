"""Who may drive an assembly: sessions of runs, and the lock that one of them holds.

A lock is a row that names the session which holds it. It is stale when the session's process is dead: the machine has
started anew, or no process of that number has that start time. Taking a run over raises its epoch, and every write of the
older session is refused from then on, so that a controller that was only paused does no harm.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import secrets
import socket
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from madeus.executor.journal.errors import AssemblyLocked, Holder, NotResumable
from madeus.executor.journal.events import RunState
from madeus.executor.journal.store import Journal

Enter = Callable[[Journal, sqlite3.Connection, str], None]
"""Called in the transaction that begins a run, with the run's name; what it raises keeps the run from beginning."""


def open_run(
    journal: Journal,
    *,
    assembly: str,
    stages: Sequence[Sequence[str]],
    file: str,
    base: str,
    digest: str,
    lock: str,
    program: Any,
    inventory: Any,
    settings: Any,
    take_over: bool = False,
    now: float | None = None,
    enter: Enter | None = None,
) -> Holder:
    """Write a new run's head and take the lock; the session that may write its records.

    enter: called in the same transaction.

    Raises:
        AssemblyLocked: a living controller holds the lock, and take_over was not asked for.
    """
    now = time.time() if now is None else now
    with journal.transaction() as connection:
        _free(journal, connection, lock, assembly, take_over, now)
        run = _new_id(connection, assembly, now)
        connection.execute(
            "INSERT INTO runs (id, assembly, stages, state, created, ended, epoch, file, base, digest, lock, program, "
            "inventory, settings) VALUES (?, ?, ?, ?, ?, NULL, 1, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(run, assembly, json.dumps([list(stage) for stage in stages]), RunState.RUNNING, now),
                *(file, base, digest, lock, json.dumps(program), json.dumps(inventory), json.dumps(settings)),
            ),
        )
        if enter is not None:
            enter(journal, connection, run)
        return _hold(connection, lock, run, 1, now)


def reopen_run(journal: Journal, run: str, take_over: bool = False) -> Holder:
    """Begin another session of a run and take the lock.

    Raises:
        AssemblyLocked: a living controller holds the lock, and take_over was not asked for.
        NotResumable: the run is done, abandoned or rolled back.
    """
    now = time.time()
    head = journal.head(run)
    with journal.transaction() as connection:
        state, epoch = connection.execute("SELECT state, epoch FROM runs WHERE id = ?", (run,)).fetchone()
        if state == RunState.DONE:
            raise NotResumable(run, "it is done")
        if state == RunState.ROLLED_BACK:
            raise NotResumable(run, "it was rolled back", "run it anew")
        if state == RunState.ABANDONED:
            raise NotResumable(run, "a later run has taken its assembly over")
        _free(journal, connection, head.lock, head.assembly, take_over, now, resumed=run)
        connection.execute(
            "UPDATE runs SET state = ?, ended = NULL, epoch = ? WHERE id = ?", (RunState.RUNNING, epoch + 1, run)
        )
        return _hold(connection, head.lock, run, epoch + 1, now)


def rolled_back(journal: Journal, run: str) -> None:
    """Note that the machines of a run that did not come to its end are what they were before it."""
    with journal.transaction() as connection:
        connection.execute(
            "UPDATE runs SET state = ? WHERE id = ? AND state IN (?, ?, ?)",
            (RunState.ROLLED_BACK, run, RunState.FAILED, RunState.STUCK, RunState.INTERRUPTED),
        )


def holder_of(journal: Journal, lock: str) -> Holder | None:
    """The session that holds a lock, alive or not."""
    rows = journal.query(
        "SELECT s.run, s.epoch, pid, ticks, machine, host, user, since FROM locks l "
        "JOIN sessions s ON s.run = l.run AND s.epoch = l.epoch WHERE key = ?",
        (lock,),
    )
    return Holder(*rows[0]) if rows else None


def is_alive(holder: Holder) -> bool:
    """Whether a session's process lives. One of another machine is taken for alive: it cannot be seen from here."""
    if holder.machine != machine_id():
        return holder.host != socket.gethostname()
    ticks = process_ticks(holder.pid)
    return ticks is not None and (not holder.ticks or ticks == holder.ticks)


def machine_id() -> str:
    """Identifier of this start of this machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def process_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine's start; 0: alive, not known; None: not alive."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass
        return 0
    except OSError:
        return 0
    return None if fields[0] in "ZX" else int(fields[19])


def _free(
    journal: Journal,
    connection: sqlite3.Connection,
    lock: str,
    assembly: str,
    take_over: bool,
    now: float,
    resumed: str = "",
) -> None:
    holder = holder_of(journal, lock)
    if holder is None:
        return
    if is_alive(holder) and not take_over:
        raise AssemblyLocked(assembly, holder)
    connection.execute("DELETE FROM locks WHERE key = ?", (lock,))
    if take_over and holder.run != resumed and is_alive(holder):
        connection.execute(
            "UPDATE runs SET state = ?, ended = ? WHERE id = ? AND state = ?",
            (RunState.ABANDONED, now, holder.run, RunState.RUNNING),
        )


def _hold(connection: sqlite3.Connection, lock: str, run: str, epoch: int, now: float) -> Holder:
    pid = os.getpid()
    holder = Holder(run, epoch, pid, process_ticks(pid) or 0, machine_id(), socket.gethostname(), user_name(), now)
    connection.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (run, epoch, holder.pid, holder.ticks, holder.machine, holder.host, holder.user, now),
    )
    connection.execute("INSERT INTO locks VALUES (?, ?, ?)", (lock, run, epoch))
    return holder


def user_name() -> str:
    """Of whoever runs this process; the number where the system knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _new_id(connection: sqlite3.Connection, assembly: str, now: float) -> str:
    """``lamp-20261121-103000-a1b2``: sorts by time within an assembly, easy to say, free of what a shell would read."""
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", assembly)[:40].strip("-") or "run"
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    while True:
        run = f"{stem}-{stamp}-{secrets.token_hex(2)}"
        if not connection.execute("SELECT 1 FROM runs WHERE id = ?", (run,)).fetchone():
            return run
