"""``madeus rollout status``, ``freeze`` and ``abort``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madeus.cli.failing import state_option, telling
from madeus.cli.loading import InputError
from madeus.cli.outcome import printable

if TYPE_CHECKING:
    from madeus.executor.rollout.records import Report, RolloutRecord

SHOWN = 8
"""Machines of one line that are named; lines of a difference."""

TAIL = 6
"""Lines of output that are shown."""


@click.command(epilog="Exit codes: 0 shown, 2 there is no such rollout.")
@click.argument("name", metavar="[ROLLOUT]", default="last")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="json: one value.")
@click.option("--report", type=int, metavar="N", help="Show all of the report of that number.")
@state_option
def status(name: str, form: str, report: int | None, state: Path | None) -> None:
    """Show how far a rollout is, stage by stage, and its open reports.

    Failures of one cluster with the same signature are one report: the first is shown, the others are counted. A report is open
    until each of its machines is upgraded.

    \b
    Examples:
      madeus rollout status
      madeus rollout status release2 --report 1
    """
    record = _read(name, state)
    if report is not None:
        show_report(record, report)
    elif form == "json":
        click.echo(json.dumps(as_json(record), indent=1))
    else:
        show_record(record)


@click.command(epilog="Exit codes: 0 asked for, 2 there is no such rollout.")
@click.argument("name", metavar="[ROLLOUT]", default="last")
@state_option
def freeze(name: str, state: Path | None) -> None:
    """Begin no further machine; those that are on come to their end. `madeus rollout resume` goes on.

    \b
    Examples:
      madeus rollout freeze
    """
    _ask(name, "freeze", state)


@click.command(epilog="Exit codes: 0 asked for, 2 there is no such rollout.")
@click.argument("name", metavar="[ROLLOUT]", default="last")
@state_option
def abort(name: str, state: Path | None) -> None:
    """Stop a rollout where it stands; no further machine is touched until `madeus rollout resume`.

    \b
    Examples:
      madeus rollout abort
    """
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
    _show_reports(record.reports)
    passed = record.count(MachineState.PASSED)
    bad, away = record.count(*BAD), record.count(MachineState.UNREACHABLE)
    middle = record.count(MachineState.UPGRADING, MachineState.TESTING)
    on = f", {middle} in the middle" if middle else ""
    click.echo(f"{passed} of {total} machines upgraded, {bad} failed, {away} unreachable{on}")
    if row.state not in ("done",):
        click.echo(f"go on with: madeus rollout resume {row.id}")


def _show_reports(reports: Sequence[Report]) -> None:
    """Those that need a person, each with its first failure; the others that are folded into it are counted."""
    for number, report in enumerate(reports, 1):
        if not report.open:
            continue
        named = ", ".join(report.open[:SHOWN])
        more = len(report.open) - SHOWN
        folded = len(report.machines) - 1
        click.echo(f"  report {number} cluster {report.cluster}, {report.signature}")
        click.echo(f"           {named}{f' and {more} more' if more > 0 else ''}")
        if folded:
            click.echo(f"           folded into that of {report.first.machine}: {folded} more of the kind")
        for line in tail(report.first.reason):
            click.echo(f"           | {line}")
        whole = report.first.whole or (
            f"madeus rollout status --report {number}" if is_cut(report.first.reason) else ""
        )
        if whole:
            click.echo(f"           whole: {whole}")
        if report.first.difference:
            click.echo(f"           {report.first.machine} differs from the reference in")
            for line in report.first.difference[:SHOWN]:
                click.echo(f"             {line}")
            rest = len(report.first.difference) - SHOWN
            if rest > 0:
                click.echo(f"             and {rest} more: madeus rollout status --report {number}")
    closed = sum(not report.open for report in reports)
    if closed:
        click.echo(
            f"  {closed} report{'s' * (closed > 1)} closed: each of their machines is upgraded, or failed in another way since"
        )


def show_report(record: RolloutRecord, number: int) -> None:
    """All of one report. Raises InputError when there is none of that number."""
    if not 1 <= number <= len(record.reports):
        count = len(record.reports)
        raise InputError(f"--report {number}: rollout {record.row.id} has {count} report{'s' * (count != 1)}")
    report = record.reports[number - 1]
    click.echo(f"report {number} of rollout {record.row.id}: {'open' if report.open else 'closed'}")
    click.echo(f"cluster {report.cluster}, {report.signature}")
    click.echo(f"machines: {', '.join(report.machines)}")
    if report.open and report.open != report.machines:
        click.echo(f"open on: {', '.join(report.open)}")
    click.echo(f"{report.first.machine}, in {report.first.stage}, said")
    for line in report.first.reason.splitlines():
        click.echo(f"  {printable(line)}")
    if report.first.whole:
        click.echo(f"whole: {report.first.whole}")
    if report.first.difference:
        click.echo(f"{report.first.machine} differs from the reference in")
        for line in report.first.difference:
            click.echo(f"  {line}")


def tail(reason: str) -> list[str]:
    """The first line of a reason and its last ones."""
    lines = [printable(line) for line in reason.splitlines() if line.strip()]
    return lines if len(lines) <= TAIL + 1 else [lines[0], "...", *lines[-TAIL:]]


def is_cut(reason: str) -> bool:
    """Whether `tail` leaves some of it out."""
    return "..." in tail(reason)


def _state(record: RolloutRecord) -> str:
    return "lost (its process is gone)" if _is_lost(record) else str(record.row.state)


def _is_lost(record: RolloutRecord) -> bool:
    from madeus.executor.journal.lock import is_alive

    row = record.row
    return row.state == "running" and (row.holder is None or not is_alive(row.holder))


def as_json(record: RolloutRecord) -> dict[str, Any]:
    """The same as one value."""
    row = record.row
    return {
        "id": row.id,
        "rollout": row.name,
        "assembly": row.assembly,
        "state": "lost" if _is_lost(record) else row.state,
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
                "open": list(r.open),
                "folded": len(r.machines) - 1,
                "machine": r.first.machine,
                "stage": r.first.stage,
                "reason": r.first.reason,
                "tail": tail(r.first.reason),
                "whole": r.first.whole or None,
                "difference": list(r.first.difference),
            }
            for r in record.reports
        ],
    }
