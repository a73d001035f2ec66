"""One round of ``madeus check``: files in, a report out, with what is known shown as soon as it is known."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from madeus.checker.explanation import Where
from madeus.checker.plan import NothingChosen, Wish
from madeus.checker.portfolio import MissingLibrary, UnknownEngine
from madeus.checker.report.model import Block, Checked, FileReport, Report
from madeus.checker.report.text import Line, Piece, Tone, answer, closing, heading
from madeus.checker.session import Memory, Session
from madeus.cli.cache import edition
from madeus.cli.loading import InputError

if TYPE_CHECKING:
    from madeus.checker.engine import Progress
    from madeus.dsl import Loaded
    from madeus.model import Model


@dataclass(frozen=True, slots=True)
class Round:
    """What does not change from one round to the next."""

    files: tuple[str, ...]
    settings: Mapping[str, str]
    wish: Wish
    memory: Memory | None
    strict: bool
    version: str


Show = Callable[[Iterable[Piece], Mapping[str, str]], None]
"""Shows pieces of the text report; the texts are those that the spans of diagnostics speak of."""


def check_files(what: Round, show: Show) -> Report:
    """Check the files one after another.

    Raises InputError for a block, an engine or an assembly that is not there in any of them.
    """
    ticker = Ticker()
    reports: list[FileReport] = []
    missing: list[str] = []
    for file in what.files:
        loaded = load_file(file, what.settings)
        show(loaded.diagnostics, loaded.files)
        blocks: tuple[Block, ...] = ()
        if loaded.model is not None:
            try:
                blocks = _check(what, loaded, loaded.model, show, ticker)
            except NothingChosen as error:
                missing.append(f"{file}: {error}")
        reports.append(FileReport(file, blocks, loaded.diagnostics, loaded.files))
    if missing and len(missing) == len([r for r in reports if not r.faulty]):
        raise InputError(missing[0])
    report = Report(tuple(reports), what.strict, what.version)
    show(closing(report), {})
    return report


def load_file(file: str, settings: Mapping[str, str]) -> Loaded:
    """Load a file, with the memory's garbage collector out of the way."""
    from madeus.dsl import load

    return load(Path(file), settings=dict(settings))


def _check(what: Round, loaded: Loaded, model: Model, show: Show, ticker: Ticker) -> tuple[Block, ...]:
    try:
        name = edition(what.version) if what.memory is not None else what.version
        session = Session(what.wish, what.memory, name, ticker)
    except (UnknownEngine, MissingLibrary) as error:
        raise InputError(f"--engine {what.wish.engine}: {error}") from error
    where: Where = loaded.source_map.get
    blocks: list[Block] = []
    for ask in session.plan(model, where):
        show(heading(ask.head), loaded.files)
        results: list[Checked] = []
        for result in session.answer(ask, where):
            ticker.clear()
            show(answer(result), loaded.files)
            results.append(result)
        blocks.append(replace(ask.head, results=tuple(results)))
    return tuple(blocks)


class Ticker:
    """One line on a terminal's standard error that tells how far a long question is, and wipes itself out."""

    def __init__(self) -> None:
        self._active = sys.stderr.isatty()
        self._shown = False
        self._last = 0.0

    def __call__(self, problem: object, progress: Progress) -> None:
        """Show how far an engine is, at most four times a second."""
        now = time.monotonic()
        if not self._active or now - self._last < 0.25:
            return
        self._last = now
        line = f"{progress.engine}: {progress.states:,} states, {progress.seconds:.0f} s  {problem}"
        sys.stderr.write(f"\r\x1b[K{line[:100]}")
        sys.stderr.flush()
        self._shown = True

    def clear(self) -> None:
        """Wipe the line out."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False


_STYLES: dict[Tone, dict[str, object]] = {
    Tone.HEADING: {"bold": True},
    Tone.GOOD: {"fg": "green"},
    Tone.BAD: {"fg": "red", "bold": True},
    Tone.UNSURE: {"fg": "yellow", "bold": True},
    Tone.ASIDE: {"dim": True},
}


def terminal(pieces: Iterable[Piece], texts: Mapping[str, str]) -> None:
    """Show pieces on standard output: with colours on a terminal, plainly elsewhere."""
    import click

    colours = sys.stdout.isatty()
    for piece in pieces:
        if isinstance(piece, Line):
            style = _STYLES.get(piece.tone, {}) if colours else {}
            click.echo(click.style(piece.text, **style) if style else piece.text)  # type: ignore[arg-type]  # keywords of style
            continue
        from rich.console import Console

        from madeus.diagnostics.render import plain, print_diagnostics

        if colours:
            print_diagnostics(Console(), (piece,), texts)
        else:
            click.echo(plain((piece,), texts), nl=False)


def errors_only(pieces: Iterable[Piece], texts: Mapping[str, str]) -> None:
    """For the forms that machines read: a text's errors go to standard error too, where a person looks for them."""
    from madeus.diagnostics import Diagnostic

    faults = [piece for piece in pieces if isinstance(piece, Diagnostic) and piece.is_error and piece.code < "MAD160"]
    if faults:
        from rich.console import Console

        from madeus.diagnostics.render import print_diagnostics

        print_diagnostics(Console(stderr=True), faults, texts)


def listing(what: Round) -> tuple[list[str], int]:
    """Lines of ``--list``, and the exit code."""
    lines: list[str] = []
    code = 0
    for file in what.files:
        loaded = load_file(file, what.settings)
        if loaded.model is None:
            errors_only(loaded.diagnostics, loaded.files)
            code = 2
            continue
        session = Session(replace(what.wish, engine="auto"), None, what.version)
        for ask in session.plan(loaded.model, loaded.source_map.get):
            place = ask.span.place if ask.span is not None else file
            lines.append(f"{place}: {f'{ask.number} verify {ask.title}' if ask.number else ask.title}")
            lines += [f"  {ask.number}#{number}  {problem}" for number, problem, _ in ask.problems if ask.number]
    return lines, code
