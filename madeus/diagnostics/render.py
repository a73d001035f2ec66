"""Diagnostics on a terminal: message, place, the source line with the exact stretch underlined, related places, help.

Columns are screen cells here: wide characters take two, tabs are shown as blanks up to the next stop of four, control
characters as a replacement sign, and of an overlong line only the surroundings of the stretch are shown. NO_COLOR is
obeyed by rich's console.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import StringIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from madeus.diagnostics.diagnostic import Diagnostic, Severity
from madeus.diagnostics.span import Span

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}
_TAB = 4
_LEAST_WIDTH = 40


class Sources:
    """The texts that diagnostics speak of, cut into lines once for each file."""

    __slots__ = ("_lines", "_texts")

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._lines: dict[str, list[str]] = {}

    def line(self, span: Span) -> str | None:
        """The line a span starts on, without its end; `None` when the text is not known or has no such line."""
        if span.file not in self._lines:
            text = self._texts.get(span.file)
            if text is None:
                return None
            self._lines[span.file] = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        lines = self._lines[span.file]
        return lines[span.start_line - 1] if 0 < span.start_line <= len(lines) else None


def print_diagnostics(console: Console, diagnostics: Iterable[Diagnostic], texts: Mapping[str, str]) -> None:
    """Print diagnostics, each followed by an empty line; `texts` maps a file's name (as in the spans) to its text."""
    sources = Sources(texts)
    for diagnostic in diagnostics:
        console.print(render(diagnostic, sources, console.width), soft_wrap=True, highlight=False)


def plain(diagnostics: Iterable[Diagnostic], texts: Mapping[str, str], width: int = 100) -> str:
    """The same without any colour, as a string."""
    out = StringIO()
    print_diagnostics(Console(file=out, width=width, no_color=True, force_terminal=False), diagnostics, texts)
    return out.getvalue()


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; an empty text for none."""
    counts = dict.fromkeys(Severity, 0)
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += 1
    return ", ".join(f"{count} {name}{'s' * (count > 1)}" for name, count in counts.items() if count)


def render(diagnostic: Diagnostic, sources: Sources, width: int = 100) -> Text:
    """One diagnostic as styled text that ends with an empty line, drawn for a terminal `width` cells wide."""
    style = _STYLE[diagnostic.severity]
    text = Text()
    text.append(f"{diagnostic.severity}[{diagnostic.code}]", style)
    text.append(f": {_shown(diagnostic.message)}\n", "bold")
    spans = [span for span in (diagnostic.span, *(span for span, _ in diagnostic.related)) if span is not None]
    gutter = len(str(max((span.start_line for span in spans), default=1)))
    if diagnostic.span is not None:
        _excerpt(text, diagnostic.span, "", sources, gutter, width, style, "^")
    for span, words in diagnostic.related:
        _excerpt(text, span, words, sources, gutter, width, "cyan", "-")
    for note in diagnostic.notes:
        _aside(text, "note", note, gutter)
    if diagnostic.help is not None:
        _aside(text, "help", diagnostic.help, gutter)
    text.append("\n")
    text.right_crop(1)
    return text


def _aside(text: Text, kind: str, words: str, gutter: int) -> None:
    text.append(f"{' ' * gutter} = ", "blue")
    text.append(f"{kind}: ", "bold")
    indent = "\n" + " " * (gutter + 3 + len(kind) + 2)
    text.append(f"{indent.join(_shown(line) for line in words.splitlines())}\n")


def _excerpt(
    text: Text, span: Span, words: str, sources: Sources, gutter: int, width: int, style: str, mark: str
) -> None:
    text.append(f"{' ' * gutter}--> ", "blue")
    text.append(f"{_shown(span.place)}\n")
    line = sources.line(span)
    if line is None:
        if words:
            text.append(f"{' ' * gutter}  = {words}\n")
        return
    first = min(span.start_column - 1, len(line))
    goes_on = span.end_line > span.start_line
    last = len(line) if goes_on else min(max(span.end_column - 1, first), len(line))
    before, marked, after = _window(line, first, last, max(width - gutter - 4, _LEAST_WIDTH))
    text.append(f"{span.start_line:>{gutter}} | ", "blue")
    text.append(f"{before}{marked}{after}".rstrip() + "\n")
    text.append(f"{' ' * gutter} | ", "blue")
    underline = mark * max(cell_len(marked), 1)
    if goes_on:
        words = f"{words} (to line {span.end_line})" if words else f"to line {span.end_line}"
    text.append(f"{' ' * cell_len(before)}")
    text.append(f"{underline}{' ' if words else ''}{_shown(words)}\n", style)


def _window(line: str, first: int, last: int, width: int) -> tuple[str, str, str]:
    """What is shown of a line: before, in and after the stretch; at most about `width` cells, cuts marked by `…`."""
    lead = line[max(0, first - width) : first]
    rest = line[first : min(last, first + width)]
    tail = line[last : last + width] if last - first <= width else ""
    before = _expanded(lead, 0) if first <= width else _shown(lead.replace("\t", " "))
    marked = _expanded(rest, cell_len(before))
    after = _expanded(tail, cell_len(before) + cell_len(marked))
    cut_before, cut_after = first > width, last + width < len(line) or last - first > width
    if cell_len(before) + cell_len(marked) + cell_len(after) > width or cut_before or cut_after:
        marked, cut = _fit(marked, width - 4)
        cut_after = cut_after or cut
        room = width - cell_len(marked) - 2
        keep, cut = _fit(before[::-1], max(room * 2 // 3, room - cell_len(after)))
        before, cut_before = keep[::-1], cut_before or cut
        after, cut = _fit(after, room - cell_len(before))
        cut_after = cut_after or cut
    return ("…" if cut_before else "") + before, marked, after + ("…" if cut_after else "")


def _fit(text: str, cells: int) -> tuple[str, bool]:
    """As much of the text's beginning as takes at most that many cells, and whether something was left off."""
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > cells:
            return text[:index], True
    return text, False


def _expanded(text: str, column: int) -> str:
    """Tabs as blanks up to the next stop, counted from the cell the text starts at."""
    if "\t" not in text:
        return _shown(text)
    pieces: list[str] = []
    for character in _shown(text, keep="\t"):
        shown = " " * (_TAB - column % _TAB) if character == "\t" else character
        pieces.append(shown)
        column += cell_len(shown)
    return "".join(pieces)


def _shown(text: str, keep: str = "") -> str:
    """Control characters, direction marks and lone surrogates as a replacement sign: nothing in a text moves the cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep or c == " " else "\ufffd" for c in text)
