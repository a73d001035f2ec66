"""The tables of the journal, and how a connection to it is set up."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EISDIR
from pathlib import Path

from madeus.executor.journal.errors import JournalBusy, JournalTooNew, JournalUnusable, NoJournal

SCHEMA = 2
"""Version of the tables; kept in ``PRAGMA user_version``."""

APPLICATION = 0x4D414455
"""``PRAGMA application_id``: tells a journal from any other SQLite file."""

BUSY_SECONDS = 60.0
"""How long to wait for other processes that write."""

TABLES = """
CREATE TABLE runs (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  assembly TEXT NOT NULL,
  stages TEXT NOT NULL,
  state TEXT NOT NULL,
  created REAL NOT NULL,
  ended REAL,
  epoch INTEGER NOT NULL,
  file TEXT NOT NULL,
  base TEXT NOT NULL,
  digest TEXT NOT NULL,
  lock TEXT NOT NULL,
  program TEXT NOT NULL,
  inventory TEXT NOT NULL,
  settings TEXT NOT NULL
) STRICT;
CREATE TABLE sessions (
  run TEXT NOT NULL REFERENCES runs(id),
  epoch INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  ticks INTEGER NOT NULL,
  machine TEXT NOT NULL,
  host TEXT NOT NULL,
  user TEXT NOT NULL,
  since REAL NOT NULL,
  PRIMARY KEY (run, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE locks (
  key TEXT PRIMARY KEY,
  run TEXT NOT NULL,
  epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE steps (
  run TEXT NOT NULL,
  seq INTEGER NOT NULL,
  time REAL NOT NULL,
  kind TEXT NOT NULL,
  component TEXT NOT NULL,
  element TEXT NOT NULL,
  station TEXT NOT NULL,
  position INTEGER NOT NULL,
  cause INTEGER NOT NULL,
  produced TEXT,
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
  run TEXT NOT NULL,
  fired INTEGER NOT NULL,
  action INTEGER NOT NULL,
  number INTEGER NOT NULL,
  execution INTEGER NOT NULL,
  kind TEXT NOT NULL,
  host TEXT NOT NULL,
  state TEXT NOT NULL,
  job TEXT,
  boot TEXT,
  began REAL,
  ended REAL,
  seconds REAL,
  exit_code INTEGER,
  changed INTEGER,
  stdout BLOB NOT NULL,
  stderr BLOB NOT NULL,
  error TEXT,
  help TEXT,
  outputs TEXT,
  PRIMARY KEY (run, fired, action, number)
) STRICT;
"""

LIVE_TABLES = """
CREATE TABLE live (
  name TEXT PRIMARY KEY,
  created REAL NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL,
  inventory TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE versions (
  assembly TEXT NOT NULL,
  number INTEGER NOT NULL,
  created REAL NOT NULL,
  file TEXT NOT NULL,
  base TEXT NOT NULL,
  digest TEXT NOT NULL,
  secrets TEXT NOT NULL,
  model TEXT NOT NULL,
  PRIMARY KEY (assembly, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE changes (
  number INTEGER PRIMARY KEY,
  assembly TEXT NOT NULL,
  run TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  writes TEXT NOT NULL,
  reads TEXT NOT NULL,
  merged INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_of ON changes (assembly);
"""
"""Since version 2: assemblies that live on after the run that made them."""

STAGES = (TABLES, LIVE_TABLES)
"""What each version adds to the one before it."""


def open_database(path: Path, create: bool) -> sqlite3.Connection:
    """A connection to the journal: write-ahead log, every commit on the disk before it counts.

    create: make the file and its directory (readable by the user alone) when they are missing. Without it, one that cannot be
    written can be read. The connection may be used from several threads, one at a time.

    Raises:
        NoJournal: it is missing, without create.
        JournalUnusable: no permission, no database, damaged.
        JournalTooNew: of a later version.
    """
    if create:
        try:
            _make(path)
        except OSError as error:
            reason = f"cannot be made: {error.strerror or error}"
            raise JournalUnusable(path, reason, "name a directory of yours with --state") from None
    elif not path.exists():
        raise NoJournal(path)
    with guarded(path):
        if not create and not writable(path):
            return _for_reading(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _set_up(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _make(path: Path) -> None:
    """Make the file where it is missing. One that is there is not opened: to close it would let go of every lock that this
    process has on it (POSIX), and another process would take its log away as the last one that uses it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR)) from None
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES)) from None


def writable(path: Path) -> bool:
    """Whether this process may write a file and beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _for_reading(path: Path) -> sqlite3.Connection:
    """A journal on a read-only disk, or of another user: as it stands, no log is made beside it."""
    log = path.with_name(f"{path.name}-wal")
    # What a killed controller has left in the log counts; SQLite reads it where it finds the log's index, too.
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, isolation_level=None, check_same_thread=False)
    try:
        version = _pragma(connection, "user_version")
        _check_ours(connection, path, version)
        if version < SCHEMA:
            raise JournalUnusable(path, "is of an older madeus and cannot be brought up to date: it cannot be written")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_ours(connection: sqlite3.Connection, path: Path, version: int) -> None:
    application = _pragma(connection, "application_id")
    if application == APPLICATION and version > SCHEMA:
        raise JournalTooNew(path, version, SCHEMA)
    if application != APPLICATION:
        raise JournalUnusable(path, "is a database of another program", "name another directory with --state")


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if _pragma(connection, "user_version") != SCHEMA:
        connection.execute("BEGIN IMMEDIATE")
        version, application = _pragma(connection, "user_version"), _pragma(connection, "application_id")
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        new = version == 0 and application == 0 and tables == 0
        if new or (application == APPLICATION and 0 < version < SCHEMA):
            for statement in ";\n".join(STAGES[version:]).split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
            connection.execute("COMMIT")
            return
        connection.execute("ROLLBACK")
    _check_ours(connection, path, _pragma(connection, "user_version"))


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    found = connection.execute(f"PRAGMA {name}").fetchone()[0]
    assert isinstance(found, int)
    return found


def _full(path: Path) -> bool:
    from shutil import disk_usage

    try:
        return disk_usage(path.parent).free == 0
    except OSError:
        return False


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what SQLite says into sentences about the journal."""
    way_out = "move it away, or name another directory with --state; on the hosts the jobs keep their results"
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite's own message quotes a name that is no text
        raise JournalUnusable(path, "is damaged: it holds a name that is no text", way_out) from error
    except sqlite3.DatabaseError as error:
        text = str(error)
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise JournalBusy(path) from error
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
            raise JournalUnusable(path, f"is damaged: {text}", way_out) from error
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _full(path)):
            raise JournalUnusable(
                path, "cannot be written: the disk is full", "make room, then resume the run"
            ) from error
        if path.is_dir():
            raise JournalUnusable(path, "is a directory", way_out) from error
        raise JournalUnusable(path, f"cannot be used: {text}", way_out) from error
