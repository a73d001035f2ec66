"""Text to tokens, without any knowledge of the grammar; never fails: what it cannot read it reports and mends.

Token kinds are the terminals of `grammar.lark`: a keyword has the kind of its keyword everywhere, and the parser takes it as
a name where the keyword does not fit. Comments are kept apart, for the formatter and as doc comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from madeus.diagnostics import Diagnostic, Span
from madeus.dsl import scan_errors
from madeus.dsl.syntax import Comment


class Token(NamedTuple):
    """A word, number, string or sign. Lines and columns from 1, offsets from 0, the end exclusive."""

    kind: str
    text: str
    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int
    fresh: bool
    """The first token on its line."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A whole text in tokens."""

    tokens: list[Token]
    """Ends with a token of kind `$END`."""
    comments: list[Comment]
    docs: dict[int, str]
    """Token number to the doc comment in the lines before it."""
    diagnostics: list[Diagnostic]
    faulty_lines: set[int]
    """Lines with a reported fault: what does not fit there needs no second report."""


MOST_FAULTS = 500
_UNITS = frozenset({"ms", "s", "min", "h", "d"})
_MOST_DIGITS = 18

# Only single classes repeat possessively: before Python 3.11.4 groups that do match wrongly.
_PATTERN = re.compile(
    r"""[ \t\f\v\r]*(?:
      (?P<newline>\n[ \t\f\v\r\n]*+)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:-++[A-Za-z0-9_]+)*)
    | (?P<sign>->|\.\.|<=|>=|[{}()\[\]:;,.=<>+*-])
    | (?P<triple>\"""[^"\\]*+(?:(?:\\[\s\S]|"(?!""))[^"\\]*+)*\""")
    | (?P<string>(?!\""")"[^"\\\n]*+(?:\\.[^"\\\n]*+)*")
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?P<unit>%|[A-Za-z_][A-Za-z0-9_]*)?)
    | (?P<line_comment>//[^\n]*)
    | (?P<block_comment>/\*[\s\S]*?\*/)
    | (?P<hole>\$\{[^}{$\n"]*+\})
    | (?P<open_triple>\"""[\s\S]*)
    | (?P<open_string>"[^\n]*)
    | (?P<open_comment>/\*[\s\S]*)
    | (?P<open_hole>\$\{[^\s}{"]*)
    | (?P<end>\Z)
    | (?P<stray>[\s\S])
    )""",
    re.VERBOSE,
)
_STRAY_WORD = re.compile(r"[\w-]*\w")


class _Scanner:
    """State of one scan; `run` is called once."""

    __slots__ = ("comments", "diagnostics", "docs", "faulty", "file", "line", "line_start", "pending", "text", "tokens")

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.tokens: list[Token] = []
        self.comments: list[Comment] = []
        self.docs: dict[int, str] = {}
        self.diagnostics: list[Diagnostic] = []
        self.faulty: set[int] = set()
        self.line, self.line_start = 1, 0
        self.pending: list[str] = []

    def run(self, words: Mapping[str, str], signs: Mapping[str, str]) -> Scanned:
        text, tokens = self.text, self.tokens
        match, new, append = _PATTERN.match, tuple.__new__, tokens.append
        position, line, line_start, fresh = 0, 1, 0, True
        while True:
            found = match(text, position)
            assert found is not None  # the last alternatives take any character and the end
            group = found.lastgroup
            position = found.end()
            if group == "word" or group == "sign":
                start, _ = found.span(group)
                word = text[start:position]
                kind = words.get(word, "NAME") if group == "word" else signs[word]
                column = start - line_start + 1
                if self.pending:
                    self._doc()
                append(new(Token, (kind, word, start, position, line, column, line, column + position - start, fresh)))
                fresh = False
            elif group == "newline":
                line += text.count("\n", found.start(), position)
                line_start = text.rfind("\n", 0, position) + 1
                fresh = True
            elif group == "end":
                column = position - line_start + 1
                append(new(Token, ("$END", "", position, position, line, column, line, column, fresh)))
                return Scanned(tokens, self.comments, self.docs, self.diagnostics, self.faulty)
            else:
                assert group is not None
                self.line, self.line_start = line, line_start
                start = found.start(group)
                fresh, position = self._other(group, start, position, fresh, found.group("unit"))
                line, line_start = self.line, self.line_start

    def _other(self, group: str, start: int, end: int, fresh: bool, unit: str | None) -> tuple[bool, int]:
        """Everything but words, signs and line ends; whether the next token is the first on its line, and where to go on."""
        match group:
            case "string" | "triple":
                self._token("STRING", start, end, fresh)
            case "number":
                self._number(start, end, fresh, unit)
            case "hole":
                self._token("HOLE", start, end, fresh)
            case "line_comment" | "block_comment":
                return self._comment(start, end, fresh), end
            case "open_comment":
                self._report(scan_errors.open_comment(self._span(start, start + 2)))
                return self._comment(start, end, fresh), end
            case "open_string" | "open_triple":
                triple = group == "open_triple"
                self._report(scan_errors.open_string(self._span(start, start + (3 if triple else 1)), triple))
                if not triple:
                    end = self._before_closing_brace(start, end)
                self._token("STRING", start, end, fresh)
            case "open_hole":
                self._report(scan_errors.open_hole(self._span(start, end)))
                self._token("HOLE", start, end, fresh)
            case _:
                return self._stray(start, fresh)
        return False, end

    def _span(self, start: int, end: int) -> Span:
        """The span of a stretch that begins on the current line."""
        lines = self.text.count("\n", start, end)
        last = self.text.rfind("\n", start, end) + 1 if lines else self.line_start
        return Span(self.file, self.line, start - self.line_start + 1, self.line + lines, end - last + 1, start, end)

    def _before_closing_brace(self, start: int, end: int) -> int:
        """Where a string that does not end most likely should have: `{ run "x }` leaves its block open otherwise."""
        before, rest = self.text[self.line_start : start], self.text[start:end].rstrip()
        if len(rest) > 1 and rest[-1] == "}" and before.count("{") > before.count("}"):
            return start + len(rest) - 1
        return end

    def _token(self, kind: str, start: int, end: int, fresh: bool) -> None:
        if self.pending:
            self._doc()
        span = self._span(start, end)
        self.tokens.append(
            Token(
                kind,
                self.text[start:end],
                start,
                end,
                span.start_line,
                span.start_column,
                span.end_line,
                span.end_column,
                fresh,
            )
        )
        self._pass_lines(span)

    def _pass_lines(self, span: Span) -> None:
        if span.end_line != span.start_line:
            self.line = span.end_line
            self.line_start = span.end - span.end_column + 1

    def _doc(self) -> None:
        self.docs[len(self.tokens)] = "\n".join(self.pending)
        self.pending.clear()

    def _report(self, diagnostic: Diagnostic) -> None:
        """Report the first fault of a line."""
        assert diagnostic.span is not None
        line = diagnostic.span.start_line
        if line not in self.faulty and len(self.diagnostics) <= MOST_FAULTS:
            self.diagnostics.append(diagnostic)
        self.faulty.add(line)

    def _comment(self, start: int, end: int, fresh: bool) -> bool:
        text = self.text[start:end].rstrip()
        span = self._span(start, start + len(text))
        previous = max(
            self.tokens[-1].end_line if self.tokens else 0, self.comments[-1].span.end_line if self.comments else 0
        )
        self.comments.append(Comment(text, span, fresh, max(span.start_line - previous, 0) if previous else 0))
        if fresh and is_doc(text):
            self.pending.append(text[3:].removeprefix(" "))
        self._pass_lines(self._span(start, end))
        return fresh or span.end_line != span.start_line

    def _number(self, start: int, end: int, fresh: bool, unit: str | None) -> None:
        span = self._span(start, end)
        digits = self.text[start : end - len(unit or "")]
        whole = digits.split(".")
        kind = "NUMBER"
        if unit == "%":
            kind = "PERCENT"
        elif unit is not None:
            kind = "TIME"
            if unit not in _UNITS:
                self._report(scan_errors.unknown_unit(span, digits, unit))
        if any(len(part) > _MOST_DIGITS for part in whole):
            self._report(scan_errors.too_many_digits(span))
        elif kind == "NUMBER" and len(whole) == 1 and digits[0] == "0" and not set(digits) <= set("01234567"):
            self._report(scan_errors.not_octal(span))
        self._token(kind, start, end, fresh)

    def _stray(self, start: int, fresh: bool) -> tuple[bool, int]:
        """Characters that mean nothing: a run of them is one fault; a word with letters beyond ASCII stays a name."""
        text, end = self.text, start + 1
        letters = _STRAY_WORD.match(text, start)
        if letters is not None:
            end = letters.end()
            if self.tokens and self.tokens[-1].end == start and self.tokens[-1].kind == "NAME":
                last = self.tokens.pop()
                start, fresh = last.start, last.fresh
            self._report(scan_errors.stray_letters(self._span(start, end), text[start:end]))
            self._token("NAME", start, end, fresh)
            return False, end
        while end < len(text) and end - start < 10_000 and _is_stray(text[end]):
            end += 1
        self._report(scan_errors.stray(self._span(start, end), text[start:end]))
        return fresh, end


def _is_stray(character: str) -> bool:
    if character.isascii():
        return not (character.isalnum() or character in '_{}()[]:;,.=<>+*-/"$ \t\r\n\f\v')
    return not character.isalnum() or not _STRAY_WORD.match(character)


def is_doc(comment: str) -> bool:
    """Whether a comment is a doc comment: three slashes and not more."""
    return comment.startswith("///") and not comment.startswith("////")


def scan(text: str, file: str, words: Mapping[str, str], signs: Mapping[str, str]) -> Scanned:
    """All tokens of a text whose line ends are `\\n`.

    `words` and `signs` map keywords and signs to their terminals. Takes time in proportion to the text's length.
    """
    return _Scanner(text, file).run(words, signs)
