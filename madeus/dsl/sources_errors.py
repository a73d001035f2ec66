"""Sentences about files: imports that go round and tables that cannot be understood."""

from __future__ import annotations

from madeus.diagnostics import Diagnostic, Span, error


def import_cycle(files: tuple[str, ...], span: Span, others: tuple[tuple[Span, str], ...]) -> Diagnostic:
    message = f"`{files[0]}` imports itself"
    if len(files) > 1:
        message += f", by way of {', '.join(f'`{name}`' for name in files[1:])}"
    return error(
        "MAD008",
        message,
        span,
        related=others,
        help="move what both files need into a third one that both import",
    )


def unreadable(name: str, reason: str, span: Span | None) -> Diagnostic:
    return error(
        "MAD001", f"`{name}` cannot be read: {reason}", span, help="paths are relative to the file that names them"
    )


def wrong_durations(name: str, reason: str, span: Span) -> Diagnostic:
    return error(
        "MAD009",
        f"`{name}` is no table of durations: {reason}",
        span,
        help='write { "Type.transition": [2.5, 10] }: seconds, or a pair of seconds',
    )
