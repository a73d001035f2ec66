"""Whether an output is the one that a page shows."""

from __future__ import annotations

import re

_VARIES = re.compile(
    r"(?P<dots>\.\.\.)"
    r"|(?P<run>[\w-]+-\d{8}-\d{6}-[0-9a-f]{4})"
    r"|(?P<date>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"
    r"|(?P<time>\d+\.\d+)"
    r"|(?P<space>[ \t]+)"
)


def matches(shown: str, output: str, times_vary: bool = False) -> bool:
    """Whether they say the same.

    ``...`` alone on a line stands for any lines, within a line for anything. Names of runs and dates may be others; runs of
    blanks have any length. times_vary: numbers with a decimal point may be others, and so may be what is critical.
    """
    if times_vary:
        shown, output = (re.sub(r"[ \t]+critical$", "", text, flags=re.MULTILINE) for text in (shown, output))
    return re.fullmatch(pattern(shown, times_vary), _clean(output)) is not None


def pattern(shown: str, times_vary: bool) -> str:
    """The regular expression for a shown output."""
    parts = []
    for line in _clean(shown).splitlines():
        parts.append(r"(?:.*\n)*?" if line.strip() == "..." else _line(line, times_vary) + r"\n")
    return "".join(parts)


def _clean(text: str) -> str:
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "".join(f"{line}\n" for line in lines)


def _line(line: str, times_vary: bool) -> str:
    made, end = [], 0
    for found in _VARIES.finditer(line):
        made.append(re.escape(line[end : found.start()]))
        end = found.end()
        match found.lastgroup:
            case "dots":
                made.append(".*?")
            case "run":
                made.append(r"[\w-]+-\d{8}-\d{6}-[0-9a-f]{4}")
            case "date":
                made.append(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
            case "time" if times_vary:
                made.append(r"\d+\.\d+")
            case "space":
                made.append(r"[ \t]*" if found.start() == 0 else r"[ \t]+")
            case _:
                made.append(re.escape(found[0]))
    return "".join([*made, re.escape(line[end:])])
