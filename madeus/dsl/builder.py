"""What the functions that make nodes share: the tokens, where an alternative began and ended, and where faults go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from madeus.diagnostics import Diagnostic, Span
from madeus.dsl.scan import Token

MOST_IN_A_ROW = 16
"""Signs or `not`s before one operand."""

Values = list[Any]
"""What the symbols of an alternative stand for: tokens, nodes, lists of nodes. Which ones, only the grammar knows."""


class Builder:
    """Makes the nodes of one text; `first` and `last` are set by the parser before each call."""

    __slots__ = ("diagnostics", "docs", "file", "first", "last", "tokens")

    def __init__(self, tokens: Sequence[Token], docs: dict[int, str], file: str) -> None:
        self.tokens, self.docs, self.file = tokens, docs, file
        self.diagnostics: list[Diagnostic] = []
        self.first = 0
        self.last = -1

    def span(self) -> Span:
        return self.between(self.first, self.last)

    def between(self, first: int, last: int) -> Span:
        """From one token to another, ends included."""
        a, b = self.tokens[first], self.tokens[last]
        return Span(self.file, a[4], a[5], b[6], b[7], a[2], b[3])

    def at(self, token: Token) -> Span:
        return Span(self.file, token[4], token[5], token[6], token[7], token[2], token[3])

    def doc(self) -> str | None:
        return self.docs.get(self.first)

    def report(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)
