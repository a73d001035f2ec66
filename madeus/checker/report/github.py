"""The report as workflow commands of GitHub Actions: annotations beside the lines they speak of, and a last line."""

from __future__ import annotations

from madeus.checker.report.model import Report
from madeus.checker.report.place import path_of
from madeus.checker.report.text import Line, closing, run
from madeus.diagnostics import CODES, Diagnostic, Severity

MOST_CHARACTERS = 60_000
"""Of one message; GitHub cuts a longer one without a word."""
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(report: Report) -> str:
    """One command for each diagnostic, and the last line of the text report."""
    lines: list[str] = []
    for file in report.files:
        lines += [command(d, file.file) for d in file.diagnostics]
        for result in file.results:
            told = "\n".join(run(result.explanation)) if result.explanation is not None else ""
            for at, diagnostic in enumerate(result.diagnostics):
                lines.append(command(diagnostic, file.file, "" if at else told))
    lines += [piece.text for piece in closing(report) if isinstance(piece, Line)]
    return "".join(f"{line}\n" for line in lines)


def command(diagnostic: Diagnostic, file: str, more: str = "") -> str:
    """The annotation of a diagnostic."""
    span = diagnostic.span
    places = {"file": path_of(span.file if span is not None else file)}
    if span is not None:
        places |= {"line": str(span.start_line), "endLine": str(span.end_line)}
        # Columns are only shown, and only accepted, within one line.
        if span.start_line == span.end_line:
            places |= {"col": str(span.start_column), "endColumn": str(span.end_column)}
    places["title"] = f"{diagnostic.code}: {CODES[diagnostic.code].title}"
    message = "\n".join(part for part in (diagnostic.message, *diagnostic.notes, diagnostic.help or "", more) if part)[
        :MOST_CHARACTERS
    ]
    properties = ",".join(f"{name}={_property(value)}" for name, value in places.items())
    return f"::{_COMMANDS[diagnostic.severity]} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
