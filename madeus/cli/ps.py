"""``madeus ps``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.failing import state_option, telling
from madeus.cli.table import make_table, print_table

if TYPE_CHECKING:
    from rich.text import Text

    from madeus.executor.live.read import Live


@click.command(epilog="Exit codes: 0 shown, 1 the journal cannot be read.")
@click.option(
    "--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="json: one on a line."
)
@state_option
def ps(form: str, state: Path | None) -> None:
    """List the live assemblies: what has been deployed and not been destroyed.

    An assembly is `idle` when no run on it is left unfinished.

    \b
    Examples:
      madeus ps
      madeus ps --format json
    """
    from madeus.executor.live.read import read_all

    with telling():
        found = read_all(state)
    if form == "json":
        for live in found:
            line = {"assembly": live.name, "state": live.status, "version": live.row.version}
            line |= {"components": len(live.state.instances), "created": live.row.created}
            line |= {"runs": [c.row.run for c in live.changes], "file": live.latest.file}
            print(json.dumps(line))
        return
    if not found:
        print("nothing is deployed; `madeus deploy FILE` begins")
        return
    from time import localtime, strftime

    from rich.console import Console
    from rich.text import Text

    def row(live: Live, short: bool) -> tuple[str | Text, ...]:
        since = strftime("%m-%d %H:%M" if short else "%Y-%m-%d %H:%M:%S", localtime(live.row.created))
        style = "green" if live.status == "idle" else "yellow"
        words = (live.name, Text(live.status, style), str(len(live.state.instances)), str(live.row.version), since)
        return (*words, Path(live.latest.file).name) if short else (*words, live.changes[-1].row.run, live.latest.file)

    headings = ("assembly", "state", "components", "version", "deployed")
    print_table(
        Console(highlight=False, soft_wrap=True, markup=False),
        make_table((*headings, "last run", "file"), [row(live, False) for live in found]),
        make_table((*headings, "file"), [row(live, True) for live in found]),
        make_table(headings, [row(live, True)[:-1] for live in found], ("assembly",)),
    )
