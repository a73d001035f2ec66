"""The LALR machine's stack, and questions about what it would take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from madeus.dsl.scan import Token
from madeus.dsl.tables import Tables

OPENING = frozenset({"LBRACE", "LPAR", "LSQB"})
CLOSING = frozenset({"RBRACE", "RPAR", "RSQB"})


class Bracket(NamedTuple):
    """An open bracket."""

    token: int
    """Its token's number."""
    depth: int
    """How many states lie below it."""
    lines: bool
    """Right inside of it line ends count."""


class Stack:
    """States, the values between them and the number of each value's first token; the open brackets."""

    __slots__ = ("_table", "brackets", "firsts", "states", "values")

    def __init__(self, table: Tables) -> None:
        self._table = table
        self.states: list[int] = [table.start]
        self.values: list[Any] = []
        self.firsts: list[int] = []
        self.brackets: list[Bracket] = []

    def in_text(self) -> bool:
        """Not right inside a block whose lines are free words."""
        return not (self.brackets and self.brackets[-1].lines)

    def fits(self, terminal: str, states: list[int] | None = None) -> bool:
        """Whether a terminal would be taken now; exact, not only by the tables' joined lookaheads."""
        return self.after(terminal, self.states if states is None else states) is not None

    def after(self, terminal: str, states: list[int]) -> list[int] | None:
        """The states after a terminal, or `None` when it does not fit."""
        table = self._table
        target = table.actions[states[-1]].get(terminal)
        if target is None:
            return None
        if target >= 0:
            return [*states, target]
        states = states[:]
        while target is not None and target < 0:
            rule = -1 - target
            length = table.lengths[rule]
            if length:
                del states[-length:]
            states.append(table.gotos[states[-1]][table.origins[rule]])
            if states[-1] == table.end and terminal == "$END":
                return states
            target = table.actions[states[-1]].get(terminal)
        if target is None:
            return None
        states.append(target)
        return states

    def lists(self, states: list[int]) -> bool:
        """Whether something unreadable would be taken as one statement of a list, not as the head of a block."""
        broken = self.after("BROKEN", states)
        return broken is not None and broken[-2] in self._table.lists

    def expected(self, states: list[int]) -> tuple[set[str], set[str]]:
        """The terminals that fit, and the rules that a name would be."""
        terminals = {word for word in self._table.actions[states[-1]] if self.fits(word, states)}
        names: set[str] = set()
        if "NAME" in terminals:
            named = self.after("NAME", states)
            assert named is not None
            names = {
                self._table.origins[-1 - target] for target in self._table.actions[named[-1]].values() if target < 0
            }
        return terminals, names

    def cut(self, depth: int) -> int | None:
        """Drop all states above the first `depth` ones and their brackets; the first token dropped, if any."""
        first = self.firsts[depth - 1] if depth <= len(self.firsts) else None
        del self.states[depth:], self.values[depth - 1 :], self.firsts[depth - 1 :]
        while self.brackets and self.brackets[-1].depth >= depth:
            self.brackets.pop()
        return first

    def levels(self) -> Iterable[int]:
        """Depths at which an unreadable stretch may be taken, the innermost first.

        A list of statements counts also while it is empty and its state has yet to make the empty list; one whose bracket
        is closed already does not.
        """
        table = self._table
        closed = 0
        for depth in range(len(self.states), 0, -1):
            target = table.actions[self.states[depth - 1]].get("BROKEN")
            if not closed and target is not None and (target >= 0 or table.lengths[-1 - target] == 0):
                yield depth
            below = self.values[depth - 2] if depth > 1 else None
            if isinstance(below, Token) and below.kind in CLOSING:
                closed += 1
            elif closed and isinstance(below, Token) and below.kind in OPENING:
                closed -= 1
