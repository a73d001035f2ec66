"""The formatter: the one layout of a syntax tree, with every comment kept.

Statements stand one on a line, two blanks deeper for each block. Neighbours of one kind (transitions, ports, instances,
connections) line up in columns until an empty line, a comment or a block of several lines parts them. A block of one short
action stays on its transition's line. One empty line is kept where there were any, and put between top-level blocks.

A comment stays before the statement it precedes or behind the one it follows on a line; one from inside a statement moves
before it. A `///` that documents nothing becomes `//` where it would begin to document something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from madeus.diagnostics import Diagnostic
from madeus.dsl import layout
from madeus.dsl import syntax as s
from madeus.dsl.parser import parse
from madeus.dsl.scan import is_doc

WIDTH = 128
"""Cells of a line that one-line blocks keep within."""
_WIDEST_CELL = 48
"""Wider cells do not push their neighbours' columns."""
_INDENT = "  "
_BLOCKS = (s.Component, s.Assembly, s.Program, s.Verify, s.Rollout, s.Role)
_TABLES = (s.Transition, s.Provide, s.Use, s.Instance, s.Connect, s.Disconnect, s.RoleVersion, s.RoleLine)
_TABLES_WITH: dict[type, type] = {s.Lingering: s.RoleLine}
"""What stands in the columns of another kind."""


class Unformattable(ValueError):
    """The text has syntax errors."""

    def __init__(self, file: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"{file} has syntax errors")
        self.diagnostics = diagnostics
        """The errors."""


def format(text: str, file: str = "<text>") -> str:
    """A text in the one layout, with `\\n` line ends. Raises `Unformattable` for a text with syntax errors."""
    parsed = parse(text, file)
    if not parsed.ok:
        raise Unformattable(file, parsed.diagnostics)
    return format_module(parsed.module)


def format_module(module: s.Module) -> str:
    """The text of a tree without `Broken` nodes."""
    writer = _Writer(module.comments)
    writer.statements(module.declarations, 0, None)
    return "".join(f"{line}\n" for line in writer.lines)


@dataclass(slots=True)
class _Row:
    """A statement's line before it is lined up with its neighbours."""

    kind: type
    cells: list[str]
    depth: int


@dataclass(slots=True)
class _Writer:
    """The lines written so far and the comments still to come."""

    comments: Sequence[s.Comment]
    lines: list[str] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)
    """Neighbours that wait for their columns."""
    next: int = 0
    """The first comment not written yet."""

    def statements(self, items: Sequence[s.Node], depth: int, end: int | None) -> None:
        """The statements of one block, and the comments up to its end (`None`: of the file)."""
        line: int | None = None
        before: s.Node | None = None
        for number, item in enumerate(items):
            follower = items[number + 1].span.start if number + 1 < len(items) else end
            leading = self._take(item.span.start)
            doc = _doc(item)
            documented = 0 if doc is None else doc.count("\n") + 1
            first = leading[0].span.start_line if leading else item.span.start_line
            if line is not None and (first - line > 1 or _parted(before, item)):
                self._line("", 0)
            self._leading(leading, documented, depth)
            if leading and item.span.start_line - leading[-1].span.end_line > 1:
                self._line("", 0)
            line = self._statement(item, depth, follower)
            before = item
        rest = self._take(end)
        if rest and line is not None and rest[0].span.start_line - line > 1:
            self._line("", 0)
        self._leading(rest, len(rest), depth)
        self._flush()

    def _take(self, end: int | None) -> list[s.Comment]:
        """The comments that begin before an offset, each once."""
        start = self.next
        while self.next < len(self.comments) and (end is None or self.comments[self.next].span.start < end):
            self.next += 1
        return list(self.comments[start : self.next])

    def _has_comments(self, end: int) -> bool:
        return self.next < len(self.comments) and self.comments[self.next].span.start < end

    def _leading(self, comments: list[s.Comment], documented: int, depth: int) -> None:
        """Comments on lines of their own; the last `documented` doc comments among them stay such."""
        docs = sum(_documents(comment) for comment in comments)
        line: int | None = None
        for comment in comments:
            if line is not None and comment.span.start_line - line > 1:
                self._line("", 0)
            text = comment.text
            if is_doc(text):
                real = _documents(comment) and docs <= documented
                docs -= _documents(comment)
                text = text if real else text[1:]
            self._line(text, depth)
            line = comment.span.end_line

    def _statement(self, item: s.Node, depth: int, follower: int | None) -> int:
        """One statement with what follows it on its line; the source line it ends on."""
        body = _body(item)
        end = item.span.end
        if isinstance(item, (*_BLOCKS, s.For, s.WithFailures)) or body:
            inline = self._inline(item, body, depth)
            if inline is None:
                self._block(item, body, depth)
                return self._behind(item, follower, depth, None)
            return self._behind(item, follower, depth, [*layout.cells(item), inline])
        hoisted = self._take(end)
        self._leading(hoisted, 0, depth)
        return self._behind(item, follower, depth, layout.cells(item))

    def _inline(self, item: s.Node, body: Sequence[s.Node], depth: int) -> str | None:
        """The block on its statement's line, or `None` when it has to stand on lines of its own."""
        if (
            not isinstance(item, s.Transition | s.Places | s.RoleVersion)
            or len(body) != 1
            or self._has_comments(item.span.end)
        ):
            return None
        block = f"{{ {layout.line(body[0])} }}"
        width = sum(len(cell) + 1 for cell in layout.cells(item) if cell) + len(block) + depth * len(_INDENT)
        return block if width <= WIDTH and "\n" not in block else None

    def _block(self, item: s.Node, body: Sequence[s.Node], depth: int) -> None:
        head = " ".join(filter(None, layout.cells(item)))
        parameters = item.parameters if isinstance(item, s.Component | s.Assembly) else ()
        if parameters and (
            self._has_comments(parameters[-1].span.end) or any(one.doc is not None for one in parameters)
        ):
            self._line(f"{head.partition('(')[0]}(", depth)
            self.statements(parameters, depth + 1, parameters[-1].span.end)
            head = ")"
        empty = not body and not self._has_comments(item.span.end)
        self._line(f"{head} {{}}" if empty else f"{head} {{", depth)
        if not empty:
            self.statements(body, depth + 1, item.span.end)
            self._line("}", depth)

    def _behind(self, item: s.Node, follower: int | None, depth: int, cells: list[str] | None) -> int:
        """Write a statement's cells (`None`: its block is written) and the comments behind it on its last line."""
        line = item.span.end_line
        trailing: list[str] = []
        while self._has_trailing(line, follower):
            comment = self.comments[self.next]
            trailing.append(comment.text)
            line = comment.span.end_line
            self.next += 1
        text = " ".join(trailing)
        if isinstance(item, s.Parameter) and cells is not None:
            cells[-1] += ","
        if cells is None:
            if text:
                self.lines[-1] += f"  {text}"
        elif (kind := _TABLES_WITH.get(type(item), type(item))) in _TABLES and not any(
            "\n" in cell for cell in (*cells, text)
        ):
            width = {s.Transition: 7, s.RoleVersion: 4}.get(kind, len(cells))
            cells += [""] * (width - len(cells))
            if self.rows and (self.rows[-1].kind is not kind or self.rows[-1].depth != depth):
                self._flush()
            self.rows.append(_Row(kind, [*cells, f" {text}" if text else ""], depth))
        else:
            self._line("  ".join(filter(None, [" ".join(filter(None, cells)), text])), depth)
        return line

    def _has_trailing(self, line: int, follower: int | None) -> bool:
        if self.next >= len(self.comments):
            return False
        comment = self.comments[self.next]
        if follower is not None and comment.span.start >= follower:
            return False
        return not comment.own_line and comment.span.start_line == line

    def _line(self, text: str, depth: int) -> None:
        self._flush()
        self.lines.append(f"{_INDENT * depth}{text}".rstrip() if "\n" not in text else f"{_INDENT * depth}{text}")

    def _flush(self) -> None:
        """Line up the waiting rows and write them."""
        rows = self.rows
        if not rows:
            return
        widths = [
            max((len(row.cells[column]) for row in rows if len(row.cells[column]) <= _WIDEST_CELL), default=0)
            for column in range(len(rows[0].cells))
        ]
        for row in rows:
            pieces = [f"{cell:<{width}}" for cell, width in zip(row.cells, widths, strict=True) if width or cell]
            self.lines.append(f"{_INDENT * row.depth}{' '.join(pieces)}".rstrip())
        self.rows = []


def _doc(item: s.Node) -> str | None:
    """A statement's doc comment, if its kind can have one."""
    doc: str | None = getattr(item, "doc", None)
    return doc


def _documents(comment: s.Comment) -> bool:
    """Whether a comment may document what follows it."""
    return comment.own_line and is_doc(comment.text)


def _parted(before: s.Node | None, item: s.Node) -> bool:
    return isinstance(before, _BLOCKS) or (before is not None and isinstance(item, _BLOCKS))


def _body(item: s.Node) -> Sequence[s.Node]:
    """What stands in a statement's braces."""
    match item:
        case s.Component():
            return item.members
        case s.Assembly() | s.Program() | s.For():
            return item.statements
        case s.Verify() | s.WithFailures():
            return item.properties
        case s.Rollout():
            return item.settings
        case s.Role():
            return item.items
        case s.RoleVersion():
            return item.actions
        case s.Behavior():
            return item.transitions
        case s.Transition():
            return item.actions
        case s.Places():
            return item.body
        case _:
            return ()
