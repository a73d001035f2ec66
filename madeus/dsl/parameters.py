"""Parameters of component types and assemblies: their types and the values they take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from madeus.diagnostics import Span
from madeus.dsl import names_errors, types_errors
from madeus.dsl import syntax as s
from madeus.dsl.report import Report
from madeus.dsl.values import Environment, conform, evaluate, type_word, value_type
from madeus.model import Duration, Value, ValueType


@dataclass(slots=True)
class ParameterInfo:
    """A declared parameter."""

    name: str
    span: Span
    type: ValueType | None
    """`None` for a type that could not be made out."""
    required: bool
    default: Value | None
    """`None` when there is none, or none that could be made out."""


def declare(
    parameters: Iterable[s.Parameter],
    owner: str,
    report: Report,
    secrets: Mapping[str, Span],
    given: Mapping[str, Value | None],
    open_: bool,
) -> tuple[dict[str, ParameterInfo], set[str]]:
    """Parameters by name with their defaults, and the names that defaults read.

    A default may read the other parameters, in any order, but not in a circle. given: values from outside, which replace
    defaults.
    """
    declared: dict[str, s.Parameter] = {}
    infos: dict[str, ParameterInfo] = {}
    for parameter in parameters:
        name = parameter.name.text
        if name in declared:
            report.add(names_errors.duplicate_parameter(name, owner, parameter.name.span, declared[name].name.span))
            continue
        declared[name] = parameter
        infos[name] = ParameterInfo(
            name, parameter.name.span, value_type(parameter.type, report), parameter.default is None, None
        )
    used: set[str] = set()
    needs = {name: _names(p.default) & declared.keys() for name, p in declared.items()}
    circle = _circular(needs, set(given))
    if circle:
        spans = tuple((declared[name].name.span, f"`{name}`") for name in circle[1:])
        report.add(types_errors.circular_parameters(circle, declared[circle[0]].name.span, spans))
    values: dict[str, Value | None] = {name: given.get(name) for name in declared}
    for name in _order(needs):
        info, parameter = infos[name], declared[name]
        if parameter.default is None or name in given:
            info.default = values[name]
            continue
        env = Environment(report, values, secrets, open_, used)
        value = evaluate(parameter.default, env)
        if value is not None and info.type is not None:
            value = check(value, info, f"`{name}`", parameter.default.span, report, parameter.type.span)
        info.default = values[name] = value
    return infos, used


def check(
    value: Value, info: ParameterInfo, what: str, span: Span, report: Report, declared: Span | None
) -> Value | None:
    """The value as one of the parameter's type; a mismatch is reported."""
    if info.type is None:
        return value
    fitting = conform(value, info.type)
    if fitting is None:
        report.add(types_errors.wrong_type(what, info.type, type_word(value), span, declared))
    return fitting


def _names(expression: s.Expression | None) -> set[str]:
    if expression is None:
        return set()
    nodes = s.walk(expression)
    return {n.text if isinstance(n, s.Name) else n.path for n in nodes if isinstance(n, s.Name | s.Interpolation)}


def _order(needs: Mapping[str, set[str]]) -> list[str]:
    """Names with those they need before them; where that goes in a circle, in order of declaration."""
    done: dict[str, None] = {}
    for start in needs:
        stack = [(start, iter(sorted(needs[start])))]
        entered = {start}
        while stack:
            name, rest = stack[-1]
            following = next((n for n in rest if n not in done and n not in entered), None)
            if following is None:
                done[name] = None
                stack.pop()
            else:
                entered.add(following)
                stack.append((following, iter(sorted(needs[following]))))
    return list(done)


def _circular(needs: Mapping[str, set[str]], given: set[str]) -> tuple[str, ...]:
    """Names that need each other in a circle, in its order; none: empty. Values from outside break circles."""
    finished = set(given)
    for start in needs:
        path: dict[str, None] = {}
        stack = [(start, iter(sorted(needs[start])))] if start not in finished else []
        if stack:
            path[start] = None
        while stack:
            name, rest = stack[-1]
            following = next((n for n in rest if n not in finished), None)
            if following is None:
                finished.add(name)
                del path[name]
                stack.pop()
            elif following in path:
                names = list(path)
                return tuple(names[names.index(following) :])
            else:
                path[following] = None
                stack.append((following, iter(sorted(needs[following]))))
    return ()


def parse_text(text: str, wanted: ValueType) -> Value | None:
    """A value written outside of any file (`lamp.n=5`), or `None` when it is not of the type. Lists are parted by commas."""
    text = text.strip()
    match wanted:
        case ValueType.STRING | ValueType.ADDRESS:
            return text
        case ValueType.BOOL:
            return {"true": True, "false": False}.get(text)
        case ValueType.INT:
            return int(text) if len(text) <= 19 and text.removeprefix("-").isdecimal() else None
        case ValueType.FLOAT:
            return _float(text)
        case ValueType.DURATION:
            for unit, size in _UNITS:
                number = _float(text.removesuffix(unit)) if text.endswith(unit) else None
                if number is not None and number >= 0:
                    return Duration(number * size)
            return None
        case ValueType.LIST:
            return tuple(item.strip() for item in text.split(",")) if text else ()


_UNITS = (("ms", 0.001), ("min", 60.0), ("s", 1.0), ("h", 3600.0), ("d", 86400.0))


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < 1e18 else None
