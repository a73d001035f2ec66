"""The tables of layers in the journal's file. They have a version of their own."""

from __future__ import annotations

from madeus.executor.journal.errors import JournalTooNew
from madeus.executor.journal.store import Journal

SCHEMA = 1
"""Version of the tables; kept in ``layers_schema``."""

TABLES = """
CREATE TABLE layers_schema (version INTEGER NOT NULL) STRICT;
CREATE TABLE layers_catalog (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE layers_recipes (
  role TEXT NOT NULL,
  version TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (role, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE layers_hosts (
  machine TEXT PRIMARY KEY,
  inventory TEXT NOT NULL,
  status TEXT NOT NULL,
  since REAL NOT NULL,
  seen REAL,
  facts TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE layers_operations (
  number INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  summary TEXT NOT NULL,
  locks TEXT NOT NULL,
  state TEXT NOT NULL,
  began REAL NOT NULL,
  ended REAL,
  holder TEXT NOT NULL,
  plan TEXT NOT NULL,
  step INTEGER NOT NULL,
  notes TEXT NOT NULL,
  error TEXT NOT NULL,
  run TEXT NOT NULL
) STRICT;
CREATE TABLE layers_locks (name TEXT PRIMARY KEY, operation INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


def set_up(journal: Journal) -> None:
    """Make the tables, unless they are there.

    Raises:
        JournalTooNew: of a later version.
    """
    if _version(journal) == SCHEMA:
        return
    with journal.transaction() as connection:
        found = _version(journal)
        if found > SCHEMA:
            raise JournalTooNew(journal.path, found, SCHEMA)
        if found == 0:
            for statement in TABLES.strip().removesuffix(";").split(";\n"):
                connection.execute(statement)
            connection.execute("INSERT INTO layers_schema VALUES (?)", (SCHEMA,))


def is_set_up(journal: Journal) -> bool:
    """Whether the tables are there."""
    return _version(journal) > 0


def _version(journal: Journal) -> int:
    if not journal.query("SELECT 1 FROM sqlite_schema WHERE name = 'layers_schema'"):
        return 0
    return int(journal.query("SELECT version FROM layers_schema")[0][0])
