"""Tables of measured durations: `durations "measured.json"`.

A JSON object from ``"Type.transition"``, ``"instance.transition"`` or ``"assembly/instance.transition"`` to a number of
seconds or a pair of them. Intervals belong to types in the model, so an instance with times of its own gets a type of its
own, called ``Type@instance``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from madeus.diagnostics import Span
from madeus.dsl import names_errors, sources_errors, structure_errors
from madeus.dsl import syntax as s
from madeus.dsl.parser import read
from madeus.dsl.report import Report
from madeus.dsl.sources import LARGEST_FILE, Source
from madeus.model import Add, Assembly, ComponentType, Instance, Interval, Program, format_seconds


@dataclass(slots=True)
class Tables:
    """What durations are applied to."""

    types: dict[str, ComponentType]
    assemblies: dict[str, Assembly]
    programs: dict[str, Program]


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    span: Span
    interval: Interval


def apply_durations(
    written: s.Durations, source: Source, tables: Tables, report: Report, files: dict[str, str], *, names_known: bool
) -> None:
    """Read one table and put its times into the types; files: takes the text, for messages.

    names_known: whether all names of the model were understood; else entries that fit nothing are passed over.
    """
    path, span = source.directory / written.path.value, written.path.span
    name = str(path)
    try:
        if path.is_file() and path.stat().st_size > LARGEST_FILE:
            report.add(sources_errors.unreadable(name, "it is too large", span))
            return
        if path.exists() and not path.is_file():
            report.add(sources_errors.unreadable(name, "it is no regular file", span))
            return
    except (OSError, ValueError) as fault:
        report.add(sources_errors.unreadable(name, str(fault), span))
        return
    found = read(path, name)
    if isinstance(found, tuple):
        reason = found[0].message.partition("cannot be read: ")[2] or found[0].message
        report.add(sources_errors.unreadable(name, reason, span))
        return
    files.setdefault(name, found.text)
    for entry in _entries(name, found.text, span, report):
        _apply(entry, tables, report if names_known else Report())


def _entries(name: str, text: str, span: Span, report: Report) -> list[_Entry]:
    try:
        table = json.loads(text)
    except RecursionError:
        report.add(sources_errors.wrong_durations(name, "it is nested too deep", span))
        return []
    except ValueError as fault:
        report.add(sources_errors.wrong_durations(name, str(fault), span))
        return []
    if not isinstance(table, dict):
        report.add(sources_errors.wrong_durations(name, "it is no object", span))
        return []
    entries: list[_Entry] = []
    for key, value in table.items():
        at = _key_span(name, text, key) or span
        pair = value if isinstance(value, list) else [value, value]
        if len(pair) != 2 or not all(_is_time(item) for item in pair):
            reason = f'"{key}" is neither a number of seconds nor a pair of them'
            report.add(sources_errors.wrong_durations(name, reason, at))
        elif pair[0] > pair[1]:
            low, high = format_seconds(float(pair[0])), format_seconds(float(pair[1]))
            report.add(structure_errors.empty_interval(key, low, high, at))
        else:
            entries.append(_Entry(key, at, Interval(float(pair[0]), float(pair[1]))))
    return entries


def _is_time(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < 1e18 and not math.isnan(value)


def _key_span(name: str, text: str, key: str) -> Span | None:
    quoted = json.dumps(key, ensure_ascii=False)
    start = text.find(quoted)
    if start < 0:
        return None
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    return Span(name, line, column, line, column + len(quoted), start, start + len(quoted))


def _apply(entry: _Entry, tables: Tables, report: Report) -> None:
    owner, _, transition = entry.key.rpartition(".")
    kind = tables.types.get(owner)
    if kind is not None and transition in kind.transition:
        _set_type(owner, transition, entry.interval, tables)
        return
    assembly, slash, instance = owner.rpartition("/")
    found = False
    for name in list(tables.assemblies):
        if not slash or name == assembly:
            found = _set_instances(name, instance, transition, entry.interval, tables, bool(slash)) or found
    if not found:
        report.each(names_errors.unknown_duration(entry.key, entry.span, _known(tables)))


def _known(tables: Tables) -> list[str]:
    known = [f"{name}.{t}" for name, kind in tables.types.items() if "@" not in name for t in kind.transition]
    for assembly in tables.assemblies.values():
        for instance in assembly.instances[:1000]:
            known.extend(f"{instance.name}.{t}" for t in assembly.types[instance.type].transition)
    return known


def _with_interval(kind: ComponentType, transition: str, interval: Interval, name: str) -> ComponentType:
    transitions = tuple(replace(t, interval=interval) if t.name == transition else t for t in kind.transitions)
    return replace(kind, name=name, transitions=transitions)


def _set_type(name: str, transition: str, interval: Interval, tables: Tables) -> None:
    """All instances of a type; those with times of their own keep what their own entries said only if these come later."""
    special = [n for n in tables.types if n == name or n.startswith(f"{name}@")]
    for special_name in special:
        tables.types[special_name] = _with_interval(tables.types[special_name], transition, interval, special_name)
    for key, assembly in tables.assemblies.items():
        changed = {n: tables.types[n] for n in special if n in assembly.types}
        if changed:
            tables.assemblies[key] = replace(assembly, types={**assembly.types, **changed})


def _set_instances(
    name: str, wanted: str, transition: str, interval: Interval, tables: Tables, qualified: bool
) -> bool:
    """Instances of an assembly by name, or all replicas; whether there is one with that transition."""
    assembly = tables.assemblies[name]
    types: dict[str, ComponentType] = {}
    renamed: dict[str, str] = {}

    def specialise(instance: Instance) -> Instance:
        if instance.name != wanted and instance.name.partition("[")[0] != wanted:
            return instance
        kind = types.get(instance.type) or assembly.types.get(instance.type)
        if kind is None or transition not in kind.transition:
            return instance
        base = instance.type.partition("@")[0]
        special = f"{base}@{name}/{instance.name}" if qualified else f"{base}@{instance.name}"
        types[special] = _with_interval(kind, transition, interval, special)
        renamed[instance.name] = special
        return replace(instance, type=special)

    instances = tuple(specialise(instance) for instance in assembly.instances)
    for key, program in tables.programs.items():
        if program.assembly == name:
            instructions = tuple(Add(specialise(i.instance)) if isinstance(i, Add) else i for i in program.instructions)
            tables.programs[key] = replace(program, instructions=instructions)
    if not renamed:
        return False
    tables.types.update(types)
    used = {instance.type for instance in instances} | {
        i.instance.type
        for program in tables.programs.values()
        if program.assembly == name
        for i in program.instructions
        if isinstance(i, Add)
    }
    kept: Mapping[str, ComponentType] = {n: k for n, k in {**assembly.types, **types}.items() if n in used}
    tables.assemblies[name] = replace(assembly, types=kept, instances=instances)
    return True
