"""From a string as written to its literal stretches and holes."""

from __future__ import annotations

import re
from collections.abc import Callable

from madeus.diagnostics import Diagnostic, Span
from madeus.dsl import scan_errors
from madeus.dsl.scan import Token
from madeus.dsl.syntax_values import Interpolation, String

_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_MARK = re.compile(r"\\([\s\S])|\$\$\{|\$\{([^}{\n]*)\}|\$\{")


def string(token: Token, span: Span, report: Callable[[Diagnostic], None]) -> String:
    """The node of a STRING token; reports `${` that nothing closes."""
    raw = token.text
    quotes = 3 if raw.startswith('"""') else 1
    closed = len(raw) >= 2 * quotes and raw.endswith('"' * quotes)
    text = raw[quotes : len(raw) - quotes if closed else len(raw)]
    if quotes == 1 and "\\" not in text and "$" not in text:
        return String((text,) if text else (), raw, span)
    drop = _indentation(text) if quotes == 3 else 0
    offset = quotes
    if quotes == 3 and text.startswith("\n"):
        text, offset = text[1:], offset + 1
    parts: list[str | Interpolation] = []
    literal: list[str] = []
    position = 0
    margin = quotes == 3 and offset > quotes
    inside = _Inside(token.text, span)
    open_hole = False
    for mark in _MARK.finditer(text):
        literal.append(_without_margin(text, position, mark.start(), drop, margin))
        position = mark.end()
        where = inside.span(offset + mark.start(), offset + mark.end())
        if mark.group(1) is not None:
            literal.append(_ESCAPES.get(mark.group(1), mark.group()))
        elif mark.group(2) is not None:
            _close(parts, literal)
            parts.append(Interpolation(mark.group(2).strip(), where))
        elif mark.group() == "$${":
            literal.append("${")
        else:
            if not open_hole:  # one report a string is enough
                report(scan_errors.open_hole(where))
            open_hole = True
            literal.append("${")
    literal.append(_without_margin(text, position, len(text), drop, margin))
    _close(parts, literal)
    return String(tuple(parts), raw, span)


def _close(parts: list[str | Interpolation], literal: list[str]) -> None:
    text = "".join(literal)
    literal.clear()
    if text:
        parts.append(text)


def _indentation(text: str) -> int:
    """How many blanks all lines with something on them begin with; the line of the closing quotes counts too.

    0 when the text begins on the line of its opening quotes.
    """
    if not text.startswith("\n"):
        return 0
    lines = text[1:].split("\n")
    kept = [line for line in lines[:-1] if line.strip()] + lines[-1:]
    return min(len(line) - len(line.lstrip(" ")) for line in kept)


def _without_margin(text: str, start: int, end: int, drop: int, margin: bool) -> str:
    """A stretch of a text in triple quotes without the blanks its lines have in common."""
    stretch = text[start:end]
    if not margin or not drop:
        return stretch
    lines = stretch.split("\n")
    first = start == 0 or text[start - 1] == "\n"
    return "\n".join(
        line[min(drop, len(line) - len(line.lstrip(" "))) :] if first or number else line
        for number, line in enumerate(lines)
    )


class _Inside:
    """Spans of stretches of a token's text, asked for in order; each letter is looked at once."""

    __slots__ = ("_column", "_line", "_position", "_span", "_text")

    def __init__(self, text: str, span: Span) -> None:
        self._text, self._span = text, span
        self._position, self._line, self._column = 0, span.start_line, span.start_column

    def span(self, start: int, end: int) -> Span:
        breaks = self._text.count("\n", self._position, start)
        if breaks:
            self._line += breaks
            self._column = start - self._text.rfind("\n", self._position, start)
        else:
            self._column += start - self._position
        self._position = start
        line, column, file, offset = self._line, self._column, self._span.file, self._span.start
        return Span(file, line, column, line, column + end - start, offset + start, offset + end)
