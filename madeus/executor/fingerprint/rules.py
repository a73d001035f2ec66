"""Vendor rules: which resources of an application matter, in a vendor's or a user's own words.

A text file, one rule a line, ``#`` comments. Patterns as in `madeus.fleet.granularity.glob`::

    application mariadb-server*              the applications that a shipped file is for
    exclude /var/lib/mysql/**                data
    include /etc/mysql/**
    exclude environment/TERM                 an environment variable
    dependent php*-mysql                     packages that use the application without depending on it
    lens /etc/mysql/**.cnf MySQL.lns         which Augeas lens reads a file
    fact mariadb/shutdown test -e /x && echo unclean    a command: the first line that it prints is an item of that name

Of ``include`` and ``exclude`` rules that match, of ``lens`` rules, and of ``fact`` rules of one name the last one decides.
``lens PATTERN -`` reads nothing. A fact's command is the rest of the line, run by the host's shell; it must change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from madeus.diagnostics.suggest import nearest
from madeus.executor.errors import InputError
from madeus.fleet.granularity import bad_pattern, glob
from madeus.fleet.item import ENVIRONMENT

WORDS = {"application": 1, "include": 1, "exclude": 1, "dependent": 1, "lens": 2, "fact": 2}
"""Rule -> number of its arguments; only `application` and `fact` take more."""

_LONG = ("application", "fact")
_WILD = re.compile(r"[*?\[]")
_LENS = re.compile(r"-|[A-Z][A-Za-z0-9_]*\.[a-z][A-Za-z0-9_]*")
_WANTED = {"lens": "a pattern and a lens", "fact": "a name and a command"}


class BadRules(InputError):
    """A rules file that is missing, unreadable, or has a line that is no rule. line: 1-based, 0: of no line."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")
        self.file, self.line, self.reason = file, line, reason


@dataclass(frozen=True, slots=True)
class Rule:
    """One line."""

    word: str
    pattern: str
    argument: str
    """Lens of a `lens` rule, command of a `fact` rule; else empty."""
    where: str
    """File and line, for reasons."""

    @property
    def text(self) -> str:
        """As it is written."""
        return " ".join(filter(None, (self.word, self.pattern, self.argument)))


@dataclass(frozen=True)
class Rules:
    """Rules in the order in which they are evaluated."""

    rules: tuple[Rule, ...] = ()

    @cached_property
    def _compiled(self) -> list[tuple[re.Pattern[str], Rule]]:
        return [(glob(rule.pattern), rule) for rule in reversed(self.rules)]

    def deciding(self, name: str) -> Rule | None:
        """The `include` or `exclude` rule that decides on a path or on ``environment/NAME``."""
        return self._last(name, ("include", "exclude"))

    def lens(self, path: str) -> str:
        """The lens for a file; empty: none."""
        rule = self._last(path, ("lens",))
        return rule.argument if rule is not None and rule.argument != "-" else ""

    @property
    def facts(self) -> dict[str, str]:
        """Commands of the `fact` rules, by name."""
        return {rule.pattern: rule.argument for rule in self.rules if rule.word == "fact"}

    @property
    def included(self) -> list[tuple[str, str]]:
        """Of `include` rules for paths: the directory to look into, and the regular expression of the paths.

        A pattern that begins with a wildcard names only what is known of otherwise: it would be a walk over the whole disk.
        """
        found = []
        for rule in self.rules:
            if rule.word == "include" and rule.pattern.startswith("/"):
                plain = rule.pattern[: len(rule.pattern) if not (at := _WILD.search(rule.pattern)) else at.start()]
                where = plain if plain == rule.pattern else plain.rpartition("/")[0]
                if where:
                    found.append((where, glob(rule.pattern).pattern))
        return found

    def dependent(self, package: str) -> bool:
        """Whether a package counts as a dependent application."""
        return self._last(package, ("dependent",)) is not None

    def _last(self, name: str, words: tuple[str, ...]) -> Rule | None:
        return next((rule for pattern, rule in self._compiled if rule.word in words and pattern.fullmatch(name)), None)


def parse_rules(text: str, file: str) -> Iterator[Rule]:
    """The rules of a text. Raises BadRules."""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        word, arguments = words[0], words[1:]
        if word not in WORDS:
            near = nearest(word, WORDS)
            raise BadRules(file, number, f"`{word}` is no rule" + (f"; did you mean `{near}`?" if near else ""))
        if len(arguments) < WORDS[word] or (len(arguments) > WORDS[word] and word not in _LONG):
            wanted = _WANTED.get(word, "one pattern")
            raise BadRules(file, number, f"`{word}` takes {wanted}")
        for pattern in arguments[:1] if word in _WANTED else arguments:
            if reason := _wrong(word, pattern):
                raise BadRules(file, number, reason)
        if word == "lens" and not _LENS.fullmatch(arguments[1]):
            raise BadRules(file, number, f"`{arguments[1]}` is no lens: write one as MySQL.lns, or - for none")
        if word in _WANTED:
            yield Rule(word, arguments[0], " ".join(arguments[1:]), f"{file}:{number}")
        else:
            yield from (Rule(word, argument, "", f"{file}:{number}") for argument in arguments)


def _wrong(word: str, pattern: str) -> str:
    """Why a pattern can name nothing; empty when it can."""
    if word == "fact":
        return ""
    if fault := bad_pattern(pattern):
        return f"`{pattern}` is no pattern: {fault}"
    if word in ("include", "exclude", "lens") and not pattern.startswith(("/", "*", "?", "[")):
        if word != "lens" and pattern.startswith(f"{ENVIRONMENT}/"):
            return ""
        more = "" if word == "lens" else f", or {ENVIRONMENT}/NAME for a variable"
        return f"`{pattern}` names no file: begin with / or *{more}"
    return ""


def shipped_rules(application: str) -> Iterator[Rule]:
    """The rules that come with the program for an application: those for all, then its own."""
    folder = files("madeus.executor.fingerprint") / "rules"
    for resource in sorted(folder.iterdir(), key=lambda resource: (resource.name != "all.rules", resource.name)):
        found = list(parse_rules(resource.read_text(encoding="utf-8"), resource.name))
        if any(rule.word == "application" and glob(rule.pattern).fullmatch(application) for rule in found):
            yield from found


def load_rules(application: str, own: Iterable[Path] = ()) -> Rules:
    """Shipped rules for an application, and after them those of the user's files. Raises BadRules."""
    rules = list(shipped_rules(application))
    for path in own:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise BadRules(str(path), 0, error.strerror or str(error)) from None
        except UnicodeDecodeError:
            raise BadRules(str(path), 0, "is not UTF-8") from None
        rules += parse_rules(text, str(path))
    return Rules(tuple(rules))
