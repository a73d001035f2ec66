"""From what was found on a host to its fingerprint."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from madeus.executor.fingerprint.augeas import Setting
from madeus.executor.fingerprint.rules import Rules
from madeus.executor.fingerprint.select import Decision, Means
from madeus.fleet import item
from madeus.fleet.fingerprint import Fingerprint

Parsed = Mapping[tuple[str, bytes], list[Setting]]


def wanted(survey: Mapping[str, Any], decisions: Mapping[str, Decision]) -> dict[str, list[str]]:
    """What to read on the host: paths of files to bring back, and of ELF files that the survey did not look into."""
    return {
        "content": [path for path, one in decisions.items() if one.means is Means.CONTENT],
        "chunks": [],
        "elf": [path for path, o in decisions.items() if o.means is Means.LIBRARY and path not in survey["libraries"]],
    }


def lensed(read: Mapping[str, Any], rules: Rules) -> Iterator[tuple[str, bytes]]:
    """(lens, content) of the files that a lens is named for; of text, as lenses end at a NUL and call that all of it."""
    for path, text in read["content"].items():
        lens, content = rules.lens(path), base64.b64decode(text)
        if lens and b"\0" not in content:
            yield lens, content


def build(
    machine: str,
    survey: Mapping[str, Any],
    decisions: Mapping[str, Decision],
    read: Mapping[str, Any],
    parsed: Parsed,
    rules: Rules,
) -> Fingerprint:
    """The fingerprint of a machine."""
    applications = _applications(survey, rules)
    versions = {name: survey["installed"][name] for name in (*survey["packages"], *applications)}
    items = {item.package(name, version) for name, version in versions.items()}
    for name, value in survey["environment"].items():
        rule = rules.deciding(f"{item.ENVIRONMENT}/{name}")
        if rule is not None and rule.word == "include":
            items.add(item.variable(name, value))
    items.update(item.fact(name, value) for name, value in survey["facts"].items())
    content: set[str] = set()
    for path, decision in decisions.items():
        if decision.means is Means.LIBRARY:
            fact = survey["libraries"].get(path) or read["elf"].get(path)
            if fact is not None:
                items.add(item.library(fact["soname"], fact["version"], fact["build"][: item.HASH_LENGTH]))
        elif decision.means is Means.LINK:
            items.add(item.setting(path, ("link",), survey["files"][path]["link"]))
        elif decision.means is Means.CONTENT and path in read["chunks"]:
            found = _settings(path, read, parsed, rules)
            if found is None:
                content.update(f"{item.file(path)}/{value[: item.HASH_LENGTH]}" for value in read["chunks"][path])
            else:
                items.update(item.setting(path, names, value) for names, value in found)
    return Fingerprint(machine, frozenset(items), frozenset(content), frozenset(applications))


def _settings(path: str, read: Mapping[str, Any], parsed: Parsed, rules: Rules) -> list[Setting] | None:
    lens, text = rules.lens(path), read["content"].get(path)
    return parsed.get((lens, base64.b64decode(text))) if lens and text is not None else None


def _applications(survey: Mapping[str, Any], rules: Rules) -> list[str]:
    """Packages that use the application: by their dependencies, unless it needs them itself, and by rules."""
    inside = {*survey["packages"], *survey["own"]}
    by_rule = [name for name in survey["installed"] if rules.dependent(name)]
    return sorted({*survey["dependents"], *by_rule} - inside)


def reasons(
    survey: Mapping[str, Any],
    decisions: Mapping[str, Decision],
    read: Mapping[str, Any],
    parsed: Parsed,
    rules: Rules,
) -> dict[str, str]:
    """The reason of each decision, with what became of the file; by paths as they stand in items."""
    told = {}
    for path, decision in decisions.items():
        text = decision.text
        if decision.means is Means.CONTENT:
            lens = rules.lens(path)
            found = _settings(path, read, parsed, rules)
            if path in read["unreadable"]:
                text = f"- {decision.reason}; but it cannot be read: {read['unreadable'][path]}"
            elif found is not None:
                text = f"+ {decision.reason}; {_count(len(found), 'setting')} by {lens}"
            else:
                fault = "cannot read it" if path in read["content"] else "is not given so long a file"
                why = f" ({lens} {fault})" if lens else ""
                text = f"+ {decision.reason}; {_count(len(read['chunks'].get(path, ())), 'chunk')}{why}"
        told[item.file(path)] = text
    for where in survey["cut"]:
        told[item.file(where)] = "- it holds too many files for an `include` rule: only the first were looked at"
    return told


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
