"""``madeus status``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madeus.cli.failing import state_option, telling

if TYPE_CHECKING:
    from madeus.cli.board import Board
    from madeus.executor.journal.read import RunRecord


@click.command(epilog="Exit codes: 0 shown, 2 there is no such run.")
@click.argument("run", default="last")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="json: one value.")
@state_option
def status(run: str, form: str, state: Path | None) -> None:
    """Show how far a run is: its components, their places, what runs, what failed. RUN: the latest unless given.

    \b
    Examples:
      madeus status
      madeus status lamp-20261121-103000-a1b2
      madeus status a1b2 --format json
    """
    from madeus.cli.board import Board
    from madeus.executor.journal.read import read_run

    with telling():
        record = read_run(run, state)
    board = Board(record.system).take_all((e.step, e.time) for e in record.trace.events)
    for row in board.rows.values():
        row.host = record.inventory.resolve(row.host).name
    if form == "json":
        print(json.dumps(_as_json(record, board), indent=1))
    else:
        _print(record, board)


def _as_json(record: RunRecord, board: Board) -> dict[str, Any]:
    return {
        "run": record.head.id,
        "state": record.status,
        "assembly": record.head.assembly,
        "programs": [list(stage) for stage in record.head.stages],
        "file": record.head.file or None,
        "started": record.head.created,
        "ended": record.head.ended,
        "sessions": record.head.epoch,
        "makespan": record.trace.makespan,
        "transitions_done": board.ended,
        "components": [
            {
                "component": row.component,
                "host": row.host,
                "places": row.places,
                "running": sorted(row.running),
                "failed": sorted(row.failed),
                "idle": row.idle,
            }
            for row in board.rows.values()
        ],
    }


def _print(record: RunRecord, board: Board) -> None:
    import time

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    head = record.head
    what = ", ".join(" and ".join(stage) for stage in head.stages)
    console.print(f"{head.id} {record.status}", style="bold")
    console.print(
        f"assembly {head.assembly}{f', program {what}' if what else ''}{f', {head.file}' if head.file else ''}"
    )
    begun = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(head.created))
    resumed = {1: "", 2: ", resumed once"}.get(head.epoch, f", resumed {head.epoch - 1} times")
    console.print(
        f"started {begun}, {board.ended} transitions done, last step at {record.trace.makespan:.1f} s{resumed}"
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("component", "host", "place", "transition"):
        table.add_column(heading)
    for row in board.rows.values():
        doing = Text(", ".join(f"{t} since {since:.1f} s" for t, since in row.running.items()))
        if row.failed:
            doing.append(f"{', '.join(row.failed)} failed", "bold red")
        table.add_row(row.component, row.host, Text(", ".join(row.places), "green" if row.idle else ""), doing)
    console.print(table)
    if record.status in ("failed", "lost", "interrupted"):
        console.print(f"go on with: madeus run --resume {head.id}")
