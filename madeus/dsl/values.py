"""Expressions to values, and whether a value is of a type.

`None` stands for a value that could not be made out and was reported; whoever gets it keeps silent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from madeus.diagnostics import Span
from madeus.dsl import names_errors, types_errors
from madeus.dsl import syntax as s
from madeus.dsl.report import Report
from madeus.model import Duration, Secret, Value, ValueType, format_seconds

_LARGEST = 10**18


@dataclass(slots=True)
class Environment:
    """What names stand for in an expression."""

    report: Report
    values: Mapping[str, Value | None] = field(default_factory=dict)
    """Parameters and loop variables; `None` for a known one without a value."""
    secrets: Mapping[str, Span] = field(default_factory=dict)
    open: bool = False
    """Some declarations could not be read: an unknown name may be one of theirs."""
    used: set[str] = field(default_factory=set)
    """Names that were looked up."""
    secrets_used: set[str] = field(default_factory=set)

    def inside(self, name: str, value: Value | None) -> Environment:
        """The same with one more name, for the turn of a loop."""
        return Environment(
            self.report, {**self.values, name: value}, self.secrets, self.open, self.used, self.secrets_used
        )

    def name(self, name: s.Name) -> Value | None:
        """The value of a name."""
        if name.text in self.values:
            self.used.add(name.text)
            return self.values[name.text]
        if not self.open and name.text:
            self.report.once("MAD060", name.span, lambda: names_errors.unknown_value(name.text, name.span, self.values))
        return None

    def hole(self, hole: s.Interpolation, alone: bool) -> Value | None:
        """The value of `${name}`; a secret has to stand alone."""
        path = hole.path
        if path in self.values:
            self.used.add(path)
            return self.values[path]
        if path in self.secrets:
            self.secrets_used.add(path)
            if alone:
                return Secret(path)
            reason = "a secret stands alone in a value: `${" + path + "}` without other text"
            self.report.add(names_errors.unknown_hole(path, hole.span, (), reason))
        elif not self.open:
            known = (*self.values, *self.secrets)
            self.report.once("MAD061", hole.span, lambda: names_errors.unknown_hole(path, hole.span, known))
        return None


def evaluate(expression: s.Expression, env: Environment) -> Value | None:
    """The value of an expression, or `None` when it has none, which is reported."""
    match expression:
        case s.Number():
            number = expression.value
            return number if isinstance(number, int) else float(number)
        case s.String():
            return _string(expression, env)
        case s.Name():
            return env.name(expression)
        case s.Boolean():
            return expression.value
        case s.Duration():
            return Duration(float(expression.seconds))
        case s.Percent():
            return float(expression.share)
        case s.Interpolation():
            return env.hole(expression, alone=True)
        case s.ListValue():
            items = [evaluate(item, env) for item in expression.items]
            return None if None in items else tuple(cast("list[Value]", items))
        case s.MapValue():
            return _map(expression, env)
        case s.Negative():
            operand = _number(expression.operand, env)
            return None if operand is None else -operand
        case s.Product():
            product: int | float = 1
            factors = [_number(factor, env) for factor in expression.factors]
            for factor in factors:
                if factor is None:
                    return None
                product = product * factor
                if not _fits(product, expression.span, env):
                    return None
            return product
        case s.Sum():
            first = _number(expression.first, env)
            rest = [(sign, _number(term, env)) for sign, term in expression.rest]
            if first is None:
                return None
            total: int | float = first
            for sign, term in rest:
                if term is None:
                    return None
                total = total + term if sign == "+" else total - term
            return total if _fits(total, expression.span, env) else None


def _fits(number: int | float, span: Span, env: Environment) -> bool:
    if abs(number) <= _LARGEST and not (isinstance(number, float) and math.isnan(number)):
        return True
    env.report.add(types_errors.too_large(span))
    return False


def _number(expression: s.Expression, env: Environment) -> int | float | None:
    value = evaluate(expression, env)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        env.report.add(types_errors.no_arithmetic(describe(value), expression.span))
        return None
    return value


def _string(string: s.String, env: Environment) -> Value | None:
    if not any(isinstance(part, s.Interpolation) for part in string.parts):
        return "".join(cast("tuple[str, ...]", string.parts))
    if len(string.parts) == 1:
        hole = cast(s.Interpolation, string.parts[0])
        value = env.hole(hole, alone=True)
        return value if value is None or isinstance(value, Secret) else written(value)
    pieces: list[str] = []
    whole = True
    for part in string.parts:
        if isinstance(part, str):
            pieces.append(part)
            continue
        value = env.hole(part, alone=False)
        if value is None:
            whole = False
        else:
            pieces.append(written(value))
    return "".join(pieces) if whole else None


def _map(value: s.MapValue, env: Environment) -> Value | None:
    seen: dict[str, Span] = {}
    pairs: list[tuple[str, Value]] = []
    whole = True
    for entry in value.entries:
        key = entry.key.text
        if key in seen:
            env.report.add(names_errors.duplicate_key("the key", key, entry.key.span, seen[key]))
        seen.setdefault(key, entry.key.span)
        inner = evaluate(entry.value, env)
        if inner is None:
            whole = False
        else:
            pairs.append((key, inner))
    return tuple(pairs) if whole else None


def written(value: Value) -> str:
    """A value as it stands inside a longer text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return " ".join(written(item) for item in value)
    if isinstance(value, Secret):
        return value.name
    return str(value)


def whole_number(expression: s.Expression, env: Environment, what: str) -> int | None:
    """The value of an expression where only a whole number makes sense."""
    value = evaluate(expression, env)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        env.report.add(types_errors.not_a_number(describe(value), what, expression.span))
        return None
    return value


def describe(value: Value) -> str:
    """What a value is, in words."""
    word = type_word(value)
    if isinstance(value, Duration):
        return f"the time {format_seconds(value.seconds)}"
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def type_word(value: Value) -> str:
    """The name of a value's own type."""
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "string"
        case Duration():
            return "duration"
        case Secret():
            return "secret"
        case _:
            return "list"


def conform(value: Value, wanted: ValueType) -> Value | None:
    """The value as one of the wanted type, or `None` when it is not of it. Whole numbers are floats too."""
    match wanted:
        case ValueType.STRING | ValueType.ADDRESS:
            return value if isinstance(value, str | Secret) else None
        case ValueType.BOOL:
            return value if isinstance(value, bool) else None
        case ValueType.INT:
            return value if isinstance(value, int) and not isinstance(value, bool) else None
        case ValueType.FLOAT:
            return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case ValueType.DURATION:
            return value if isinstance(value, Duration) else None
        case ValueType.LIST:
            return value if isinstance(value, tuple) else None


def value_type(name: s.Name, report: Report) -> ValueType | None:
    """The type of a value by its name."""
    try:
        return ValueType(name.text)
    except ValueError:
        report.add(names_errors.unknown_value_type(name.text, name.span, [t.value for t in ValueType]))
        return None
