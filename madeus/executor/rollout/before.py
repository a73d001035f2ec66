"""What a machine was before its upgrade: kept from its first run on until it has passed or is back.

The run's begin and this row are one write, so is the end of taking back: no controller can die between them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from sqlite3 import Connection

from madeus.executor.journal.store import Journal
from madeus.executor.live.state import LiveState, state_from_json, state_to_json
from madeus.model.codec import NotAModel


@dataclass(frozen=True, slots=True)
class Before:
    """A machine as it was."""

    runs: tuple[str, ...]
    """Runs of its slice since then, the first one first."""
    state: LiveState
    """Its own instances, where they stood, and what they were connected to."""


def note_before(
    connection: Connection, rollout: str, machine: str, run: str, begin: LiveState, own: Collection[str]
) -> None:
    """Write, in the transaction that begins a run, where the instances of its machine stand; the first time only."""
    rows = connection.execute(
        "SELECT runs FROM rollout_before WHERE rollout = ? AND machine = ?", (rollout, machine)
    ).fetchall()
    if rows:
        runs = json.dumps([*json.loads(rows[0][0]), run])
        connection.execute(
            "UPDATE rollout_before SET runs = ? WHERE rollout = ? AND machine = ?", (runs, rollout, machine)
        )
        return
    near = {
        n for c in begin.configuration.connections() if c.user in own or c.provider in own for n in (c.user, c.provider)
    }
    kept = begin.without({i.name for i in begin.instances} - near - set(own))
    connection.execute(
        "INSERT INTO rollout_before VALUES (?, ?, ?, ?)",
        (rollout, machine, json.dumps([run]), json.dumps(state_to_json(kept))),
    )


def read_before(journal: Journal, rollout: str, machine: str) -> Before | None:
    """What a machine was; None: it is what it was. Raises JournalUnusable for a damaged journal."""
    rows = journal.query("SELECT runs, state FROM rollout_before WHERE rollout = ? AND machine = ?", (rollout, machine))
    if not rows:
        return None
    try:
        return Before(tuple(map(str, json.loads(rows[0][0]))), state_from_json(json.loads(rows[0][1])))
    except (ValueError, NotAModel) as error:
        raise journal.damaged(str(error)) from error
