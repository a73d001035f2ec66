"""Text to syntax tree: the LALR machine, driven by hand so that keywords may be names and faults do not end the reading.

The machine reads the scanner's tokens with the tables of `grammar.lark`. Two things are decided here and not in the grammar:
a keyword counts as a name wherever the keyword does not fit, and a line end counts as NEWLINE right inside the blocks whose
lines end with it. When nothing fits, `recovery` mends or skips and puts BROKEN in place of the unreadable.

`parse` and `read` never raise: every fault of the text or the file is a diagnostic.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from madeus.diagnostics import Diagnostic, Severity, Span, error, in_order
from madeus.dsl import syntax_errors
from madeus.dsl.builder import Builder
from madeus.dsl.recovery import Recovery
from madeus.dsl.scan import MOST_FAULTS, Scanned, scan
from madeus.dsl.stack import CLOSING, OPENING, Bracket, Stack
from madeus.dsl.syntax import Module
from madeus.dsl.tables import Tables, tables

DEEPEST = 64
"""Brackets within brackets."""
_BEFORE_A_NAME = frozenset({".", ":", "["})


@dataclass(frozen=True, slots=True)
class SourceText:
    """The text of one file."""

    file: str
    """The name that spans and messages use."""
    text: str
    """With `\\n` line ends and without a byte order mark: what the offsets of spans count in."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was read: always a module, with `Broken` nodes where a stretch was not readable."""

    module: Module
    diagnostics: tuple[Diagnostic, ...]
    """In the order of the text."""
    source: SourceText

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)


def normalized(text: str) -> str:
    """Line ends as `\\n`, no byte order mark."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def decode(data: bytes, file: str) -> SourceText | Diagnostic:
    """Bytes as source text, or why they are not (MAD002)."""
    try:
        return SourceText(file, normalized(data.decode("utf-8")))
    except UnicodeDecodeError as fault:
        before = normalized(data[: fault.start].decode("utf-8"))
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        span = Span(file, line, column, line, column + 1, len(before), len(before) + 1)
        return error(
            "MAD002",
            f"the byte {data[fault.start]:#04x} at offset {fault.start} is not UTF-8",
            span,
            help="save the file as UTF-8; `iconv -f latin1 -t utf-8` converts an older one",
        )


def read(path: str | Path, file: str | None = None) -> SourceText | tuple[Diagnostic, ...]:
    """The text of a file, or the diagnostics that say why there is none; `file` is its name in messages."""
    name = str(path) if file is None else file
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as fault:
        reason = (fault.strerror if isinstance(fault, OSError) else None) or str(fault)
        return (error("MAD001", f"`{name}` cannot be read: {reason.lower()}", None),)
    found = decode(data, name)
    return found if isinstance(found, SourceText) else (found,)


def parse(text: str, file: str = "<text>") -> Parsed:
    """The syntax tree of a text and all its faults.

    Takes time in proportion to the text's length. The garbage collector rests meanwhile: nothing made here is garbage.
    """
    source = SourceText(file, normalized(text))
    table = tables()
    collecting = gc.isenabled()
    gc.disable()
    try:
        scanned = scan(source.text, file, table.words, table.signs)
        builder = Builder(scanned.tokens, scanned.docs, file)
        declarations = Machine(table, scanned, builder).run()
    finally:
        if collecting:
            gc.enable()
    end = scanned.tokens[-1]
    whole = Span(file, 1, 1, end.line, end.column, 0, end.end)
    diagnostics = in_order([*scanned.diagnostics, *builder.diagnostics])
    if len(diagnostics) > MOST_FAULTS:
        last = diagnostics[MOST_FAULTS - 1].span or whole
        diagnostics = (*diagnostics[:MOST_FAULTS], syntax_errors.too_many(last, MOST_FAULTS))
    return Parsed(Module(declarations, whole, tuple(scanned.comments)), diagnostics, source)


class Machine:
    """One reading of one text."""

    __slots__ = ("_builder", "_recovery", "_scanned", "_stack", "_table")

    def __init__(self, table: Tables, scanned: Scanned, builder: Builder) -> None:
        self._table, self._scanned, self._builder = table, scanned, builder
        self._stack = Stack(table)
        self._recovery = Recovery(table, scanned, builder, self._stack)

    def run(self) -> tuple[Any, ...]:
        """Read all tokens; the declarations."""
        table, stack, builder, recovery = self._table, self._stack, self._builder, self._recovery
        actions, keywords = table.actions, table.keywords
        states, values, firsts, brackets = stack.states, stack.values, stack.firsts, stack.brackets
        gotos, lengths, origins, builders = table.gotos, table.lengths, table.origins, table.builders
        tokens = self._scanned.tokens
        position, line_ended = 0, -1
        while True:
            token = tokens[position]
            kind = token[0]
            if token[8] and brackets:
                if recovery.breaks_out(position):
                    position = recovery.close_before(position)
                    continue
                if brackets[-1].lines and line_ended != position:
                    line_ended = position
                    kind = "NEWLINE"
            row = actions[states[-1]]
            if kind in keywords and (kind not in row or "NAME" in row):
                kind = self._reading(position, kind)
            before: list[int] | None = None
            target = row.get(kind)
            while target is not None and target < 0:
                if before is None:
                    before = states[:]
                rule = -1 - target
                length = lengths[rule]
                make = builders[rule]
                if length:
                    first = firsts[-length]
                    if make is not None:
                        taken = values[-length:]
                        builder.first = first
                        del values[-length:], firsts[-length:]
                        values.append(make(builder, taken))
                        firsts.append(first)
                    del states[-length:]
                else:
                    builder.first = position
                    values.append(make(builder, []))
                    firsts.append(position)
                state = gotos[states[-1]][origins[rule]]
                states.append(state)
                if kind == "$END" and state == table.end:
                    declarations: tuple[Any, ...] = values[-1]
                    return declarations
                target = actions[state].get(kind)
            if target is None:
                position = recovery.mend(position, kind, before or states[:])
                continue
            if kind in CLOSING:
                brackets.pop()
            elif kind in OPENING:
                if len(brackets) >= DEEPEST:
                    position = recovery.too_deep(position)
                    continue
                brackets.append(Bracket(position, len(states), "NEWLINE" in actions[target]))
            states.append(target)
            values.append(token)
            firsts.append(position)
            if kind != "NEWLINE":
                builder.last = position
                position += 1

    def _reading(self, position: int, keyword: str) -> str:
        """Whether a word that is a keyword is read as one or as a name."""
        stack, tokens = self._stack, self._scanned.tokens
        following = tokens[position + 1]
        if not stack.fits(keyword):
            return keyword if self._recovery.begins_statement(position) and stack.in_text() else "NAME"
        if not stack.fits("NAME"):
            return keyword
        if following.text in _BEFORE_A_NAME and keyword not in {"TRUE", "FALSE"}:
            return "NAME"
        if keyword == "PROBE" and following.kind != "NAME" and following.kind not in self._table.keywords:
            return "NAME"
        return keyword
