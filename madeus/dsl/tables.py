"""The parse tables that Lark makes of `grammar.lark`, in a form of our own; the only module that imports Lark.

Making them takes longer than reading most files, so they are kept as JSON in the user's cache directory under a name made of
the grammar; without a writable cache they are made each time. Nothing but numbers and names is kept,
so a damaged or foreign file can do no harm beyond being thrown away.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from madeus.dsl.build import builder_of
from madeus.dsl.builder import Builder, Values

GRAMMAR = Path(__file__).with_name("grammar.lark")
_FORMAT = 1
_LISTS = ("items", "members", "transitions", "lines", "settings", "statements", "properties", "role_items")


@dataclass(frozen=True, slots=True)
class Tables:
    """LALR(1) tables."""

    start: int
    end: int
    actions: list[dict[str, int]]
    """State and terminal to the next state (0 and up: shift) or to a rule r as -1 - r (reduce)."""
    gotos: list[dict[str, int]]
    """State and rule name to the next state."""
    lengths: list[int]
    """How many symbols a rule takes off the stack."""
    origins: list[str]
    """The name of what a rule makes."""
    builders: list[Any]
    """The function that makes its value, or `None` where a single value is handed on."""
    words: dict[str, str]
    """Keyword to terminal."""
    signs: dict[str, str]
    """Sign to terminal."""
    spelling: dict[str, str]
    """Terminal to keyword or sign."""
    keywords: frozenset[str]
    """The terminals of keywords."""
    lists: frozenset[int]
    """The states right behind a list of statements."""


@cache
def tables() -> Tables:
    """The tables of the grammar, from the cache where there is one."""
    grammar = GRAMMAR.read_text("utf-8")
    key = hashlib.sha256(f"{_FORMAT}\0{grammar}".encode()).hexdigest()[:24]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError):
        return _loaded(json.loads((_cache_directory() / f"grammar-{key}.json").read_bytes()))
    raw = _generated(grammar)
    with contextlib.suppress(OSError, RuntimeError):  # no home directory is a RuntimeError
        _store(_cache_directory() / f"grammar-{key}.json", json.dumps(raw, separators=(",", ":")))
    return _loaded(raw)


def _cache_directory() -> Path:
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given.startswith("/") else Path("~/.cache").expanduser()
    return base / "madeus"


def _store(path: Path, text: str) -> None:
    """Write a file at once or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _generated(grammar: str) -> dict[str, Any]:
    """Let Lark make the tables; a conflict in the grammar is an error of ours and raises lark's GrammarError."""
    from lark import Lark
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class Unused(Lexer):
        """The scanner is our own: it has to keep comments and to go on after a fault."""

        def __init__(self, *_: object) -> None: ...

        def lex(self, *_: object) -> Any:
            return iter(())

    lark = Lark(grammar, parser="lalr", lexer=Unused, start="module")
    table = lark.parse_interactive().parser_state.parse_conf
    rules: dict[Any, int] = {}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    number = {state: index for index, state in enumerate(table.states)}
    for row in table.states.values():
        action: dict[str, int] = {}
        goto: dict[str, int] = {}
        for symbol, (what, target) in row.items():
            if what is not Shift:
                action[symbol] = -1 - rules.setdefault(target, len(rules))
            elif symbol.isupper() or symbol.startswith("$"):
                action[symbol] = number[target]
            else:
                goto[symbol] = number[target]
        actions.append(action)
        gotos.append(goto)
    spelling = {terminal.name: terminal.pattern.value for terminal in lark.terminals if terminal.pattern.type == "str"}
    return {
        "start": number[table.start_state],
        "end": number[table.end_state],
        "actions": actions,
        "gotos": gotos,
        "rules": [[str(rule.origin.name), len(rule.expansion), rule.alias] for rule in rules],
        "spelling": spelling,
    }


def _handed_on(_: Builder, values: Values) -> Any:
    return values[0]


def _loaded(raw: dict[str, Any]) -> Tables:
    spelling: dict[str, str] = {name: text.replace("\\", "") for name, text in raw["spelling"].items()}
    words = {text: name for name, text in spelling.items() if text[0].isalpha()}
    lengths: list[int] = []
    builders: list[Any] = []
    for _, length, alias in raw["rules"]:
        lengths.append(length)
        builders.append(None if alias is None and length == 1 else builder_of(alias))
    return Tables(
        raw["start"],
        raw["end"],
        raw["actions"],
        raw["gotos"],
        lengths,
        [origin for origin, _, _ in raw["rules"]],
        builders,
        words,
        {text: name for name, text in spelling.items() if not text[0].isalpha()},
        spelling,
        frozenset(words.values()),
        frozenset(goto[name] for goto in raw["gotos"] for name in _LISTS if name in goto),
    )
