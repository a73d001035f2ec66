"""What the door for Python programs raises, and how a name is looked up in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from madeus.diagnostics import Diagnostic

Named = TypeVar("Named")


class LoadError(Exception):
    """A file has errors. diagnostics: all of them, warnings included; the message shows them with their source lines."""

    def __init__(self, diagnostics: Sequence[Diagnostic], texts: Mapping[str, str]) -> None:
        super().__init__(diagnostics, texts)
        self.diagnostics = tuple(diagnostics)
        self.texts = texts

    def __str__(self) -> str:
        from madeus.diagnostics.render import plain

        return "\n" + plain(self.diagnostics, self.texts)


class SelectionError(ValueError):
    """What was asked for is not in the file: an unknown assembly or program, or one of several without saying which."""


def look_up(table: Mapping[str, Named], name: str, what: str) -> Named:
    """The entry called name. Raises SelectionError with a suggestion, or with the names there are."""
    if name in table:
        return table[name]
    raise SelectionError(unknown(what, name, table))


def unknown(what: str, name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """The sentence for a name that is not known: a suggestion, or the list of those that are."""
    near = get_close_matches(name, list(known), n=1)
    if near:
        return f"there is no {what} {name}; did you mean {near[0]}?"
    return f"there is no {what} {name}; there is: {', '.join(known) or 'none'}"
