"""``madeus trace``."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.failing import telling
from madeus.cli.loading import InputError

if TYPE_CHECKING:
    from madeus.view.document import Document

WIDEST = 160


@click.command(epilog="Exit codes: 0 shown, 2 there is no such run, or the file is not a trace.")
@click.argument("source")
@click.option(
    "--html", type=click.Path(dir_okay=False), help="Write one page: timeline, outputs, markings step by step."
)
@click.option("--chrome", type=click.Path(dir_okay=False), help="Write a Chrome trace; ui.perfetto.dev opens it.")
@click.option("--text/--no-text", default=None, help="Print a timeline. Default: when nothing is written to a file.")
@click.option("--state", type=click.Path(path_type=Path), help="Directory of the journal. Default: the usual one.")
def trace(source: str, html: str | None, chrome: str | None, text: bool | None, state: Path | None) -> None:
    """Show what ran when: SOURCE is a run, or a file that `madeus simulate --trace` wrote.

    \b
    Examples:
      madeus simulate examples/openstack.madeus --trace openstack.json
      madeus trace openstack.json
      madeus trace openstack.json --html openstack.html --chrome openstack-perfetto.json
    """
    shown = find(source, state)
    if html is not None:
        from madeus.view.page import trace_page

        page = trace_page(
            shown.trace,
            shown.assembly,
            shown.details,
            programs=shown.programs,
            banner=shown.banner,
            begin=shown.begin,
        )
        _write("--html", html, page)
    if chrome is not None:
        from madeus.view.chrome import chrome_trace

        _write("--chrome", chrome, json.dumps(chrome_trace(shown.trace, shown.assembly, shown.details)))
    if text or (text is None and html is None and chrome is None):
        _print(shown)


def find(source: str, state: Path | None = None) -> Document:
    """The trace that a word on the command line speaks of: a file, else a run. Raises InputError or ExecutionError.

    state: directory of the journal; None: the usual one.
    """
    from madeus.view.document import read_document

    path = Path(source)
    if not path.exists():
        run = _run(source, state)
        if run is None:
            raise InputError(f"there is no run {source}, and no file of that name")
        return run
    try:
        return read_document(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: not a trace: it is not UTF-8 text") from error
    except ValueError as error:
        raise InputError(f"{source}: {error}") from error


def _run(run: str, state: Path | None) -> Document | None:
    """A run of the journal, or None when there is no journal. Raises InputError or ExecutionError."""
    from madeus.executor.journal.read import read_run
    from madeus.executor.journal.store import FILE, state_directory
    from madeus.view.run import run_document

    if not (state_directory(state) / FILE).exists():
        return None
    with telling():
        return run_document(read_run(run, state))


def _print(shown: Document) -> None:
    from rich.console import Console
    from rich.text import Text

    from madeus.view.gantt import Mark, critical_path_text, gantt_text

    width = min(shutil.get_terminal_size((100, 24)).columns, WIDEST)
    style = {Mark.CRITICAL: "yellow", Mark.FAILED: "bold red", Mark.RUNNING: "cyan"}
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    for line in gantt_text(shown.trace, shown.assembly, width, shown.details).splitlines():
        mark = next((m for m in style if line.startswith(f"{m} ")), None)
        console.print(Text(line, style[mark] if mark else ""))
    console.print(Text(critical_path_text(shown.trace, shown.assembly)))
    console.print(Text(f"makespan {shown.trace.makespan:.3f} s, {len(shown.trace.executions)} transitions"))


def _write(option: str, target: str, text: str) -> None:
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{option} {target}: {error.strerror}") from error
