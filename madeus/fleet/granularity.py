"""How closely items are looked at: the coarser, the fewer clusters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from madeus.fleet.item import is_versioned, major, split


class Grain(StrEnum):
    """What of an item tells machines apart."""

    EXACT = "exact"
    """Its key and all of its value."""
    MAJOR = "major"
    """Its key and the first number of its version; the whole value where that is no version."""
    PRESENCE = "presence"
    """Its key alone."""
    IGNORE = "ignore"
    """Nothing."""


@dataclass(frozen=True, slots=True)
class GrainRule:
    """A grain for the keys of a pattern."""

    pattern: str
    """For whole keys: ``*`` and ``?`` stay within a segment, ``**`` goes over segments, ``[ab]`` is one of these."""
    grain: Grain


@dataclass(frozen=True, slots=True)
class Granularity:
    """Rules in order; of those that match a key the last one decides, and without one it is looked at exactly."""

    rules: tuple[GrainRule, ...] = ()

    def coarsen(self, items: Iterable[str]) -> frozenset[str]:
        """What is left of items under these rules."""
        if not self.rules:
            return frozenset(items)
        return Coarsening(self).coarsen(frozenset(items))


REMEMBERED = 4096
"""Sets whose coarsened form is kept."""


class Coarsening:
    """Applies a granularity, and remembers what became of each item and of some sets."""

    def __init__(self, granularity: Granularity) -> None:
        self._rules = [(glob(rule.pattern), rule.grain) for rule in reversed(granularity.rules)]
        self._items: dict[str, str | None] = {}
        self._sets: dict[frozenset[str], frozenset[str]] = {}

    def coarsen(self, items: frozenset[str]) -> frozenset[str]:
        """What is left of items."""
        if not self._rules:
            return items
        if items not in self._sets:
            if len(self._sets) >= REMEMBERED:
                self._sets.clear()
            self._sets[items] = frozenset(left for item in items if (left := self._item(item)) is not None)
        return self._sets[items]

    def _item(self, item: str) -> str | None:
        if item not in self._items:
            self._items[item] = self._coarse(item)
        return self._items[item]

    def _coarse(self, item: str) -> str | None:
        key, value = split(item)
        match next((grain for pattern, grain in self._rules if pattern.fullmatch(key)), Grain.EXACT):
            case Grain.EXACT:
                return item
            case Grain.MAJOR:
                return f"{key}/{major(value)}" if is_versioned(item) else item
            case Grain.PRESENCE:
                return f"{key}/"
            case Grain.IGNORE:
                return None


def glob(pattern: str) -> re.Pattern[str]:
    """A pattern of keys or paths as a regular expression for the whole of them; it never fails to compile.

    >>> bool(glob("/etc/*/my.cnf").fullmatch("/etc/mysql/my.cnf")), bool(glob("/etc/*").fullmatch("/etc/a/b"))
    (True, False)
    >>> bool(glob("/etc/**").fullmatch("/etc/a/b"))
    True
    """
    parts: list[str] = []
    place = 0
    while place < len(pattern):
        if pattern.startswith("**", place):
            parts.append(".*")
            place += 2
            continue
        character = pattern[place]
        closing = pattern.find("]", place + 2)
        if character == "[" and closing > 0:
            listed = pattern[place + 1 : closing]
            negated = "^" if listed[0] in "!^" and len(listed) > 1 else ""
            listed = re.sub(r"([\\\[\]^&|~])", r"\\\1", listed[len(negated) :])
            parts.append(_range(negated, listed, pattern[place : closing + 1]))
            place = closing
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(character) or re.escape(character))
        place += 1
    return re.compile("".join(parts), re.DOTALL)


def bad_pattern(pattern: str) -> str:
    """What is wrong with a pattern, though it can be read as plain text; empty for a good one.

    >>> bad_pattern("/etc/[ab]/*"), bad_pattern("/etc/[ab"), bad_pattern("/etc/[z-a]")
    ('', 'a `[` without a `]`', '`[z-a]` is no range')
    """
    place = 0
    while (place := pattern.find("[", place)) >= 0:
        closing = pattern.find("]", place + 2)
        if closing < 0:
            return "a `[` without a `]`"
        written = pattern[place : closing + 1]
        if glob(written).pattern == re.escape(written):
            return f"`{written}` is no range"
        place = closing + 1
    return ""


def _range(negated: str, listed: str, written: str) -> str:
    try:
        re.compile(f"[{negated}{listed}]")
    except re.error:
        return re.escape(written)
    return f"[{negated}{listed}]"


def parse_rule(text: str) -> GrainRule:
    """``PATTERN=GRAIN`` as a rule. Raises ValueError, with a sentence."""
    pattern, sign, grain = text.rpartition("=")
    if not sign or not pattern:
        raise ValueError(f"`{text}` is no rule: write PATTERN=GRAIN, such as package/php*=major")
    if fault := bad_pattern(pattern):
        raise ValueError(f"`{pattern}` is no pattern: {fault}")
    try:
        return GrainRule(pattern, Grain(grain))
    except ValueError:
        raise ValueError(f"`{grain}` is no granularity: {', '.join(Grain)}") from None
