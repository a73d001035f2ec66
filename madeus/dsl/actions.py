"""Actions of transitions and probes: names in `${...}`, options of the built-in kinds, what is captured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from madeus.diagnostics import Span, nearest
from madeus.dsl import names_errors, structure_errors, types_errors
from madeus.dsl import syntax as s
from madeus.dsl.report import Report
from madeus.dsl.values import Environment, describe, evaluate
from madeus.model import Action, Duration, Secret, Value, ValueType
from madeus.model.action import ENTRY_POINTS

BUILT_IN = ("run", "script", "copy", "template", "service", "package", "wait_tcp", "wait_http", "python")
"""Kinds of actions that come with the product; the registry is open."""
_CLOSED = frozenset(("run", "service", "package", "wait_tcp", "wait_http", "copy"))
"""Kinds that read no names but those in `${...}`."""
_COMMON = {
    "timeout": "a time such as `30s`",
    "within": "a time such as `30s`",
    "backoff": "a time such as `1s`",
    "retry": "a whole number",
    "user": "a text",
    "directory": "a text",
    "environment": 'a map such as `{ KEY = "value" }`',
    "sensitive": "no value, or `true` or `false`",
}
_MAY_BE_EMPTY = frozenset(("sensitive",))
_HOST = re.compile(r"host\.[A-Za-z_][A-Za-z0-9_-]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(slots=True)
class ActionScope:
    """What `${...}` may name in the actions of one transition."""

    report: Report
    transition: str
    """Empty for the probe of a place."""
    parameters: Mapping[str, ValueType | None]
    bound: frozenset[str]
    """Data use ports bound to the transition."""
    ports: Mapping[str, Span]
    """All data use ports of the component."""
    provided: frozenset[str]
    """Data provide ports, which cannot be read."""
    secrets: Mapping[str, Span]
    broken: tuple[s.Broken, ...] = ()
    open: bool = False
    used: set[str] = field(default_factory=set)
    """Parameters and data ports that were read."""
    secrets_used: set[str] = field(default_factory=set)
    opaque: bool = False
    """Some action may read names on its own (a template)."""

    def known(self) -> list[str]:
        """Everything that may be named."""
        return [*self.parameters, *sorted(self.bound), *self.secrets, "host.name", "host.address", "instance.name"]

    def look_up(self, hole: s.Interpolation) -> None:
        """Check one `${...}`."""
        path = hole.path
        if path in self.parameters or path in self.bound:
            self.used.add(path)
        elif path in self.ports:
            self.used.add(path)
            if self.transition:
                self.report.add(types_errors.hole_not_bound(path, self.transition, hole.span, self.ports[path]))
            else:
                reason = "the probe of a place reads no data ports"
                self.report.add(names_errors.unknown_hole(path, hole.span, (), reason))
        elif path in self.secrets:
            self.secrets_used.add(path)
        elif path == "instance.name" or _HOST.fullmatch(path):
            return
        elif path in self.provided:
            reason = f"`{path}` is a provide port, which the component itself cannot read"
            self.report.add(names_errors.unknown_hole(path, hole.span, (), reason))
        elif not self.open and not (_NAME.fullmatch(path) and any(part.declares(path) for part in self.broken)):
            self.report.add(names_errors.unknown_hole(path, hole.span, self.known()))


def lower_action(action: s.Action, scope: ActionScope) -> Action:
    """An action with its values; `${...}` stay in the strings, a literal `${` is kept as `$${`."""
    kind = action.name.text
    if kind not in BUILT_IN:
        near = nearest(kind, BUILT_IN)
        if near is not None:
            scope.report.add(names_errors.misspelt_action(kind, near, action.name.span))
    if kind not in _CLOSED:
        scope.opaque = True
    arguments: list[Value] = []
    options: list[tuple[str, Value]] = []
    seen: dict[str, Span] = {}
    for item in action.items:
        if not isinstance(item, s.Option):
            value = _value(item, scope)
            if value is not None:
                arguments.append(value)
            continue
        name = item.name.text
        if name in seen:
            scope.report.add(names_errors.duplicate_key("the option", name, item.name.span, seen[name]))
            continue
        seen[name] = item.name.span
        option = True if item.value is None else _value(item.value, scope)
        if option is None:
            continue
        if kind in BUILT_IN:
            _check_option(kind, item, option, scope)
        options.append((name, option))
    return Action(kind, tuple(arguments), tuple(options), tuple(name.text for name in action.captures))


@cache
def installed() -> frozenset[str]:
    """Kinds of actions that installed packages bring, beside those of the product."""
    from importlib import metadata  # most files name none

    return frozenset(entry.name for entry in metadata.entry_points(group=ENTRY_POINTS))


def lower_probe(action: s.Action, scope: ActionScope) -> Action:
    """The action of a probe; values that it gives are reported."""
    if action.captures:
        scope.report.add(structure_errors.probe_captures(action.captures[0].span.to(action.captures[-1].span)))
    return lower_action(action, scope)


def _value(value: s.Expression, scope: ActionScope) -> Value | None:
    match value:
        case s.Interpolation():
            scope.look_up(value)
            if value.path in scope.secrets and value.path not in scope.parameters and value.path not in scope.bound:
                return Secret(value.path)
            return f"${{{value.path}}}"
        case s.String():
            pieces: list[str] = []
            for part in value.parts:
                if isinstance(part, str):
                    pieces.append(part.replace("${", "$${"))
                else:
                    scope.look_up(part)
                    pieces.append(f"${{{part.path}}}")
            return "".join(pieces)
        case s.Percent():
            return value.raw
        case s.ListValue():
            items = [_value(item, scope) for item in value.items]
            return None if None in items else tuple(cast("list[Value]", items))
        case s.MapValue():
            return _map(value, scope)
        case s.Name():
            if value.text in scope.parameters:
                scope.used.add(value.text)
                return f"${{{value.text}}}"
            if not scope.open:
                known = [f'"{value.text}"', *scope.parameters]
                scope.report.add(names_errors.unknown_value(value.text, value.span, known))
            return None
        case _:
            return evaluate(value, Environment(scope.report, open=scope.open))


def _map(value: s.MapValue, scope: ActionScope) -> Value | None:
    pairs: list[tuple[str, Value]] = []
    seen: dict[str, Span] = {}
    for entry in value.entries:
        key = entry.key.text
        if key in seen:
            scope.report.add(names_errors.duplicate_key("the key", key, entry.key.span, seen[key]))
        seen.setdefault(key, entry.key.span)
        inner = _value(entry.value, scope)
        if inner is None:
            return None
        pairs.append((key, inner))
    return tuple(pairs)


def _check_option(kind: str, option: s.Option, value: Value, scope: ActionScope) -> None:
    name = option.name.text
    wanted = _COMMON.get(name)
    if wanted is None:
        near = _nearest_option(name) if len(name) > 3 and name not in _KNOWN else None
        if near is not None:
            scope.report.add(names_errors.misspelt_option(name, kind, near, option.name.span))
        return
    if option.value is None:
        if name not in _MAY_BE_EMPTY:
            scope.report.add(types_errors.wrong_option(name, kind, wanted, "nothing", option.span))
        return
    if isinstance(option.value, s.Interpolation):
        declared = scope.parameters.get(option.value.path)
        if declared is None or _takes(name, _SAMPLES[declared]):
            return
        got = f"the {declared} `{option.value.path}`"
    elif _takes(name, value):
        return
    else:
        got = describe(value)
    scope.report.add(types_errors.wrong_option(name, kind, wanted, got, option.value.span))


_WORDS = """
absent argument command contains directory_mode disabled enabled expect file from group header host input latest mode name owner
port present purge recommends reloaded restarted shell source started status stdin stopped to url with
"""
_KNOWN = frozenset(_WORDS.split())
"""Words that options of single kinds of actions are called, none of which is a misspelt common one."""
_SAMPLES: Mapping[ValueType, Value] = {
    ValueType.STRING: "",
    ValueType.ADDRESS: "",
    ValueType.INT: 1,
    ValueType.FLOAT: 1.5,
    ValueType.BOOL: True,
    ValueType.DURATION: Duration(1.0),
    ValueType.LIST: (("a", "b"),),
}
"""A value of each type, to ask whether an option takes it."""


@cache
def _nearest_option(name: str) -> str | None:
    return nearest(name, _COMMON)


def _takes(name: str, value: Value) -> bool:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    match name:
        case "timeout" | "within" | "backoff":
            return isinstance(value, Duration) or number or (isinstance(value, float) and value >= 0)
        case "retry":
            return number
        case "environment":
            return isinstance(value, tuple) and all(isinstance(item, tuple) and len(item) == 2 for item in value)
        case "sensitive":
            return isinstance(value, bool)
        case _:
            return isinstance(value, str | Secret)
