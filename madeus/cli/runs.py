"""``madeus runs``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.failing import state_option, telling
from madeus.cli.table import make_table, print_table

if TYPE_CHECKING:
    from rich.text import Text

    from madeus.executor.journal.events import RunHead

SHORTEST = (0, 1, 2, 4)
"""Columns of the list where there is room for no more."""


@click.command(epilog="Exit codes: 0 shown, 1 the journal cannot be read.")
@click.option(
    "--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="json: one run on a line."
)
@click.option(
    "--number", "-n", type=click.IntRange(1), default=20, show_default=True, help="How many, the latest first."
)
@state_option
def runs(form: str, number: int, state: Path | None) -> None:
    """List the runs, the latest first. A run whose controller died is `lost`: it can be resumed.

    \b
    Examples:
      madeus runs
      madeus runs -n 5 --format json
    """
    from madeus.executor.journal.read import is_lost
    from madeus.executor.journal.store import FILE, Journal, state_directory

    if not (state_directory(state) / FILE).exists():
        if form == "text":
            print(f"no runs yet in {state_directory(state)}")
        return
    with telling():
        journal = Journal.open(state, create=False)
        try:
            heads = journal.heads()[:number]
            states = ["lost" if is_lost(journal, head) else str(head.state) for head in heads]
        finally:
            journal.close()
    if form == "json":
        for head, word in zip(heads, states, strict=True):
            programs = [list(stage) for stage in head.stages]
            line = {"run": head.id, "state": word, "assembly": head.assembly, "programs": programs, "file": head.file}
            print(json.dumps({**line, "started": head.created, "ended": head.ended, "sessions": head.epoch}))
        return
    from time import localtime, strftime

    from rich.console import Console
    from rich.text import Text

    colour = {"done": "green", "failed": "red", "stuck": "red", "lost": "yellow", "interrupted": "yellow"}

    def row(head: RunHead, word: str, short: bool) -> tuple[str | Text, ...]:
        seconds = f"{head.ended - head.created:.1f}" if head.ended else ""
        stages = ", ".join("+".join(stage) for stage in head.stages)
        begun = strftime("%m-%d %H:%M" if short else "%Y-%m-%d %H:%M:%S", localtime(head.created))
        file = Path(head.file).name if short else head.file
        return head.id, Text(word, colour.get(word, "")), begun, seconds, stages, file

    listed = list(zip(heads, states, strict=True))
    headings = ("run", "state", "started", "seconds", "programs", "file")
    print_table(
        Console(highlight=False, soft_wrap=True, markup=False),
        make_table(headings, [row(*one, False) for one in listed]),
        make_table(headings, [row(*one, True) for one in listed]),
        make_table(
            [headings[i] for i in SHORTEST], [[row(*one, True)[i] for i in SHORTEST] for one in listed], ("programs",)
        ),
    )
