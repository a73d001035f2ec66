"""``madeus rollout status``, ``freeze`` and ``abort``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madeus.cli.failing import state_option, telling

if TYPE_CHECKING:
    from madeus.executor.rollout.records import RolloutRecord

SHOWN = 8
"""Machines of one line that are named."""


@click.command(epilog="Exit codes: 0 shown, 2 there is no such rollout.")
@click.argument("name", metavar="[ROLLOUT]", default="last")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: one value.")
@state_option
def status(name: str, form: str, state: Path | None) -> None:
    """Show how far a rollout is, stage by stage, and its failures folded by cluster and signature."""
    record = _read(name, state)
    if form == "json":
        click.echo(json.dumps(as_json(record), indent=1))
    else:
        show_record(record)


@click.command(epilog="Exit codes: 0 asked for, 2 there is no such rollout.")
@click.argument("name", metavar="[ROLLOUT]", default="last")
@state_option
def freeze(name: str, state: Path | None) -> None:
    """Begin no further machine; those that are on come to their end. `madeus rollout resume` goes on."""
    _ask(name, "freeze", state)


@click.command(epilog="Exit codes: 0 asked for, 2 there is no such rollout.")
@click.argument("name", metavar="[ROLLOUT]", default="last")
@state_option
def abort(name: str, state: Path | None) -> None:
    """Stop a rollout where it stands; no further machine is touched until `madeus rollout resume`."""
    _ask(name, "abort", state)


def _read(name: str, state: Path | None) -> RolloutRecord:
    from madeus.executor.journal.store import Journal
    from madeus.executor.rollout.store import read_rollout

    with telling():
        journal = Journal.open(state, create=False)
        try:
            return read_rollout(journal, name)
        finally:
            journal.close()


def _ask(name: str, wanted: str, state: Path | None) -> None:
    from madeus.executor.journal.store import Journal
    from madeus.executor.rollout.records import RolloutState
    from madeus.executor.rollout.store import ask_for, read_rollout

    with telling():
        journal = Journal.open(state, create=False)
        try:
            record = read_rollout(journal, name)
            if record.row.state is RolloutState.DONE:
                click.echo(f"rollout {record.row.id} is done", err=True)
                sys.exit(0)
            seen = ask_for(journal, record.row.id, wanted, time.time())
        finally:
            journal.close()
    done = {"freeze": "frozen", "abort": "aborted"}[wanted]
    click.echo(f"rollout {record.row.id}: {'asked for; its process sees to it' if seen else done}")


def show_record(record: RolloutRecord) -> None:
    """How a rollout stands."""
    from madeus.executor.rollout.records import BAD, MachineState

    row, total = record.row, len(record.machines)
    note = f": {row.note}" if row.note else ""
    click.echo(f"rollout {row.id} {_state(record)}{note}")
    for stage in row.stages.stages:
        rows = [record.machines[m] for m in stage.machines]
        counts = {s: [r.machine for r in rows if r.state is s] for s in MachineState}
        told = ", ".join(f"{len(m)} {s}" for s, m in counts.items() if m)
        click.echo(f"  {stage.name}: {told}")
        for state in (*BAD, MachineState.UNREACHABLE):
            for one in (r for r in rows if r.state is state):
                click.echo(f"    {one.machine} {state}: {one.note.splitlines()[-1] if one.note else ''}")
    for cluster in row.stages.left_out:
        click.echo(f"  {cluster.name}: left out, {len(cluster.machines)} machines of which none could test")
    for report in record.reports:
        named = ", ".join(report.machines[:SHOWN])
        more = len(report.machines) - SHOWN
        click.echo(f"  report   cluster {report.cluster}, {report.signature}")
        click.echo(f"           {named}{f' and {more} more' if more > 0 else ''}")
        if report.first.difference:
            click.echo(f"           differs from the reference in: {', '.join(report.first.difference[:SHOWN])}")
    passed = record.count(MachineState.PASSED)
    bad, away = record.count(*BAD), record.count(MachineState.UNREACHABLE)
    click.echo(f"{passed} of {total} machines upgraded, {bad} failed, {away} unreachable")
    if row.state not in ("done",):
        click.echo(f"go on with: madeus rollout resume {row.id}")


def _state(record: RolloutRecord) -> str:
    from madeus.executor.journal.lock import is_alive

    row = record.row
    lost = row.state == "running" and (row.holder is None or not is_alive(row.holder))
    return "lost (its process is gone)" if lost else str(row.state)


def as_json(record: RolloutRecord) -> dict[str, Any]:
    """The same as one value."""
    row = record.row
    return {
        "id": row.id,
        "rollout": row.name,
        "assembly": row.assembly,
        "state": row.state,
        "note": row.note,
        "sessions": row.epoch,
        "stages": [
            {"name": s.name, "kind": s.kind, "cluster": s.cluster, "machines": list(s.machines), "required": s.required}
            for s in row.stages.stages
        ],
        "machines": [
            {"machine": m.machine, "state": m.state, "run": m.run, "attempts": m.attempt, "note": m.note}
            for m in record.machines.values()
        ],
        "left_out": [c.name for c in row.stages.left_out],
        "reports": [
            {
                "cluster": r.cluster,
                "signature": r.signature,
                "machines": list(r.machines),
                "reason": r.first.reason,
                "difference": list(r.first.difference),
            }
            for r in record.reports
        ],
    }
