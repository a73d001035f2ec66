"""A message to a person about their text, as a value: what terminals, editors and report formats are all fed with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from madeus.diagnostics.span import Span


class Severity(StrEnum):
    """How bad it is. Only errors stop a command (exit code 2)."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement of a stretch of text; an empty stretch inserts, an empty text deletes."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of the text that would mend the fault; edits do not overlap."""

    title: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a source text."""

    code: str
    """A code of the register in `madeus.diagnostics.codes`, such as `MAD020`."""
    severity: Severity
    message: str
    """One sentence without a full stop, saying what is wrong here; names stand in backquotes."""
    span: Span | None
    """What the sentence speaks of; `None` when no text could be read at all."""
    related: tuple[tuple[Span, str], ...] = ()
    """Other places that matter, each with a few words: `declared here`."""
    help: str | None = None
    """What the reader may do about it."""
    fix: Fix | None = None
    notes: tuple[str, ...] = ()
    """Further facts, one sentence each."""

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


def error(
    code: str,
    message: str,
    span: Span | None,
    *,
    related: tuple[tuple[Span, str], ...] = (),
    help: str | None = None,
    fix: Fix | None = None,
    notes: tuple[str, ...] = (),
) -> Diagnostic:
    """A diagnostic of severity error."""
    return Diagnostic(code, Severity.ERROR, message, span, related, help, fix, notes)


def warning(
    code: str,
    message: str,
    span: Span | None,
    *,
    related: tuple[tuple[Span, str], ...] = (),
    help: str | None = None,
    fix: Fix | None = None,
    notes: tuple[str, ...] = (),
) -> Diagnostic:
    """A diagnostic of severity warning."""
    return Diagnostic(code, Severity.WARNING, message, span, related, help, fix, notes)


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by file and position, those without a span first; equal ones once."""

    def key(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
        span = diagnostic.span
        if span is None:
            return ("", -1, -1, diagnostic.code, diagnostic.message)
        return (span.file, span.start, span.end, diagnostic.code, diagnostic.message)

    return tuple(sorted(dict.fromkeys(diagnostics), key=key))
