"""Names of places and transitions in the alphabets of other tools, each way with its inverse.

A character that a tool does not take is written as its code point in hexadecimal between two marks; so is the mark itself, and
the first character of a word that means something else to the tool.
"""

from __future__ import annotations

import re


class Escape:
    """One way to write names.

    allowed: a regular expression for one character that may stand for itself. mark: a character of the tool's alphabet,
    outside ``allowed``. reserved: a regular expression for words that are not names there.
    """

    def __init__(self, allowed: str, mark: str, reserved: str) -> None:
        self._allowed = re.compile(allowed)
        self._mark = mark
        self._reserved = re.compile(reserved, re.DOTALL)
        self._code = re.compile(f"{re.escape(mark)}([0-9a-f]+){re.escape(mark)}")

    def encode(self, name: str) -> str:
        """The name in the tool's alphabet; never empty for a name that is not."""
        if self._reserved.fullmatch(name):
            return self._coded(name[0]) + "".join(map(self._written, name[1:]))
        return "".join(map(self._written, name))

    def encode_apart(self, name: str) -> str:
        """Another word that stands for the name, one that ``encode`` never makes."""
        return f"{self._mark}0{ord(name[0]):x}{self._mark}" + "".join(map(self._written, name[1:]))

    def decode(self, word: str) -> str:
        """The name that a word of the tool stands for: the inverse of ``encode``."""
        return self._code.sub(lambda match: chr(int(match[1], 16)), word)

    def _written(self, character: str) -> str:
        return character if self._allowed.fullmatch(character) else self._coded(character)

    def _coded(self, character: str) -> str:
        return f"{self._mark}{ord(character):x}{self._mark}"


LOLA = Escape(
    r"[A-Za-z0-9_.\-\[\]#/!'+]",
    "%",
    "PLACE|MARKING|TRANSITION|CONSUME|PRODUCE|SAFE|STRONG|WEAK|FAIR|[0-9]+",
)
"""LoLA 2: its scanner takes everything but white space and ``,;:(){}`` in a name, and knows nine words and numbers."""


TAPAAL = Escape(r"[A-Za-z0-9]", "_", "(?i:true|false)|[0-9].*")
"""TAPAAL: identifiers of letters, digits and underscores that no digit begins."""


def braced(name: str) -> str:
    """A name as TINA takes any: between braces, with braces and backslashes escaped."""
    return "{" + re.sub(r"([{}\\])", r"\\\1", name) + "}"


def unbraced(word: str) -> str:
    """The inverse of ``braced``."""
    return re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL)


def quoted(name: str) -> str:
    """A name as a quoted DOT identifier."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(word: str) -> str:
    """The inverse of ``quoted``."""
    return re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL)
