"""The fenced blocks of the manual's pages.

A block's language says what becomes of it; ``title="name"`` after the language makes it a file of the page's directory. HTML
comments right before a block are its marks; each mark means one thing:

    <!-- hosts -->              needs root and test hosts
    <!-- times vary -->         numbers with a decimal point may be others
    <!-- gives MAD050 MAD115 -->    loading it gives exactly these diagnostics
    <!-- with parts.madeus -->  loaded with the declarations of that earlier file
    <!-- an action -->          one action, without the transition around it
    <!-- fails -->              its last command ends with a code that is not 0
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The project."""

_FENCE = re.compile(r"^( *)```(\S*)(.*)$")
_MARK = re.compile(r"^ *<!-- (.+?) -->$")
_TITLE = re.compile(r'title="([^"]+)"')
_MARKS = ("hosts", "times vary", "gives", "with", "an action", "fails")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    """Path of the page below the project."""
    line: int
    """Line of its fence, from 1."""
    language: str
    title: str
    """Name of the file that it is; empty when it is none."""
    marks: tuple[str, ...]
    text: str

    @property
    def where(self) -> str:
        """Page and line, for messages."""
        return f"{self.page}:{self.line}"

    @property
    def needs_hosts(self) -> bool:
        """Whether it needs root and test hosts."""
        return "hosts" in self.marks

    def named_by(self, mark: str) -> list[str]:
        """Words after a mark; empty when it has none."""
        return [word for found in self.marks if found.split()[0] == mark for word in found.split()[1:]]


@dataclass(frozen=True)
class Command:
    """A line after ``$``, and what the page shows below it."""

    text: str
    shown: str


def pages() -> list[Path]:
    """README.md and every page of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order. Raises ValueError for an unclosed block and an unknown mark."""
    return blocks_in(page.read_text(encoding="utf-8"), str(page.relative_to(ROOT)))


def blocks_in(text: str, page: str) -> list[Block]:
    """The same for a text."""
    found: list[Block] = []
    marks: list[str] = []
    opening: tuple[int, str, str, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if opening is not None:
            start, indent, language, rest = opening
            if fence and not fence[2] and fence[1] == indent:
                title = _TITLE.search(rest)
                body = "".join(inner.removeprefix(indent) + "\n" for inner in inside)
                found.append(Block(page, start, language, title[1] if title else "", tuple(marks), body))
                opening, inside, marks = None, [], []
            else:
                inside.append(line)
        elif fence:
            unknown = [mark for mark in marks if not mark.startswith(_MARKS)]
            if unknown:
                raise ValueError(f"{page}:{number}: no such mark: {unknown[0]}")
            opening = (number, fence[1], fence[2], fence[3])
        elif mark := _MARK.match(line):
            marks.append(mark[1])
        elif line.strip():
            marks = []
    if opening is not None:
        raise ValueError(f"{page}:{opening[0]}: the block is not closed")
    return found


def commands_in(block: Block) -> list[Command]:
    """The commands of a console block. ``> `` goes on with the line above. Raises ValueError where output comes first."""
    commands: list[tuple[list[str], list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            commands.append(([line[2:]], []))
        elif not commands:
            raise ValueError(f"{block.where}: a console block begins with `$ `")
        elif line.startswith("> ") and not commands[-1][1]:
            commands[-1][0].append(line[2:])
        else:
            commands[-1][1].append(line)
    return [Command("\n".join(words), "\n".join(shown)) for words, shown in commands]
