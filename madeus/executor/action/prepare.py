"""From an action as written to a `Call`: interpolated, every argument and option known and of its type."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from madeus.diagnostics.suggest import nearest
from madeus.executor.action.base import (
    COMMAND_OPTIONS,
    COMMON_OPTIONS,
    ActionKind,
    Call,
    Kind,
    Masked,
    Parameter,
    RuntimeValue,
    reveal,
    show,
)
from madeus.executor.action.interpolate import interpolate, references
from madeus.executor.errors import InvalidAction
from madeus.model.action import Action
from madeus.model.value import Duration, Value

_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
_DURATION = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>ms|s|min|h|d|)")


def parameters(kind: ActionKind) -> tuple[Parameter, ...]:
    """Every option that a kind takes, the common ones included."""
    own = kind.describe().options
    taken = {option.name for option in own}
    common = (*COMMON_OPTIONS, *(COMMAND_OPTIONS if kind.takes_command_options else ()))
    return (*own, *(option for option in common if option.name not in taken))


def prepare(kind: ActionKind, action: Action, scope: Mapping[str, RuntimeValue]) -> Call:
    """The action ready to be done.

    Raises:
        InvalidAction: an unknown option, a missing or superfluous argument, a value of the wrong type.
        InterpolationError: see `interpolate`.
    """
    check_shape(kind, action)
    description = kind.describe()
    values = [interpolate(value, scope) for value in action.arguments]
    given = {name: interpolate(value, scope) for name, value in action.options}
    arguments: list[Any] = []
    for position, parameter in enumerate(description.arguments):
        rest = values[position:]
        if parameter.many:
            arguments.append(tuple(convert(action.kind, parameter, value) for value in rest))
        elif rest:
            arguments.append(convert(action.kind, parameter, rest[0]))
        else:
            arguments.append(parameter.default)
    options: dict[str, Any] = {}
    for parameter in parameters(kind):
        if parameter.name in given:
            options[parameter.name] = convert(action.kind, parameter, given[parameter.name])
        else:
            options[parameter.name] = parameter.default
    call = Call(action.kind, tuple(arguments), options, action.outputs)
    kind.check(call)
    return call


def check_action(kind: ActionKind, action: Action) -> None:
    """What can be said of an action before anything is known of the run: names, arity, types of values without ``${...}``.

    Raises:
        InvalidAction: as `prepare` would.
    """
    check_shape(kind, action)
    by_name = {parameter.name: parameter for parameter in parameters(kind)}
    takers = kind.describe().arguments
    pairs = [(takers[min(place, len(takers) - 1)], value) for place, value in enumerate(action.arguments)]
    pairs += [(by_name[name], value) for name, value in action.options]
    if not any(references(value) for _, value in pairs):
        prepare(kind, action, {})
        return
    for parameter, value in pairs:
        if not references(value):
            convert(action.kind, parameter, interpolate(value, {}))


def check_shape(kind: ActionKind, action: Action) -> None:
    """Names and arity alone."""
    description = kind.describe()
    known = {parameter.name: parameter for parameter in parameters(kind)}
    seen: set[str] = set()
    for name, _ in action.options:
        if name not in known:
            near = nearest(name, known)
            way_out = f"did you mean `{near}`?" if near else f"options: {', '.join(sorted(known))}"
            raise InvalidAction(action.kind, f"unknown option `{name}`", way_out)
        if name in seen:
            raise InvalidAction(action.kind, f"the option `{name}` is given twice")
        seen.add(name)
    takers = description.arguments
    least = sum(1 for taker in takers if taker.required)
    if len(action.arguments) < least:
        missing = takers[len(action.arguments)]
        raise InvalidAction(action.kind, f"{missing.name} is missing: {missing.summary}", _example(description.example))
    if len(action.arguments) > len(takers) and not (takers and takers[-1].many):
        extra = show(action.arguments[len(takers)])
        raise InvalidAction(
            action.kind,
            f"takes {len(takers)} value{'s' * (len(takers) != 1)}, `{extra}` is too many",
            _example(description.example),
        )
    for name in (
        parameter.name for parameter in description.options if parameter.required and parameter.name not in seen
    ):
        raise InvalidAction(
            action.kind, f"the option `{name}` is missing: {known[name].summary}", _example(description.example)
        )
    if description.outputs is not None and len(action.outputs) > description.outputs:
        many = "takes no output" if not description.outputs else f"takes at most {description.outputs} outputs"
        raise InvalidAction(action.kind, f"{many}, `-> {', '.join(action.outputs)}` is too many")


def convert(action: str, parameter: Parameter, value: RuntimeValue) -> Any:
    """A value as the Python value that a parameter's kind stands for (see `Call`).

    Raises:
        InvalidAction: it is not of that kind.
    """
    try:
        converted = _convert(parameter.kind, value)
    except ValueError:
        wanted = {
            Kind.DURATION: "a duration such as 30s",
            Kind.MODE: "a mode such as 0644",
            Kind.CODES: "exit codes from 0 to 255",
        }.get(parameter.kind, f"{'an' if parameter.kind.value[0] in 'aeiou' else 'a'} {parameter.kind.value}")
        raise InvalidAction(action, f"`{parameter.name}` must be {wanted}, not `{show(value)}`") from None
    if parameter.choices and converted not in parameter.choices:
        near = nearest(str(converted), parameter.choices)
        raise InvalidAction(
            action,
            f"`{parameter.name}` cannot be `{show(converted)}`",
            f"did you mean `{near}`?" if near else f"one of: {', '.join(parameter.choices)}",
        )
    return converted


def _convert(kind: Kind, value: RuntimeValue) -> Any:
    plain: Any = value.plain if isinstance(value, Masked) else value
    match kind:
        case Kind.ANY:
            return value
        case Kind.STRING:
            return _string(value)
        case Kind.FLAG:
            return _flag(plain)
        case Kind.INTEGER:
            return _integer(plain)
        case Kind.NUMBER:
            return float(_scalar(plain))
        case Kind.DURATION:
            return _duration(plain)
        case Kind.MODE:
            mode = int(plain, 8) if isinstance(plain, str) else _integer(plain)
            if not 0 <= mode <= 0o7777:
                raise ValueError
            return mode
        case Kind.STRINGS:
            items: Sequence[Any] = value if isinstance(value, tuple) else (value,)
            return tuple(_string(item) for item in items)
        case Kind.CODES:
            return _codes(plain)
        case Kind.MAP:
            return _map(value)


def _string(value: Any) -> str | Masked:
    if isinstance(value, Masked):
        return value
    if isinstance(value, tuple):
        raise ValueError
    return reveal(value)


def _scalar(value: Any) -> str | int | float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError
    return value


def _integer(value: Any) -> int:
    value = _scalar(value)
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    return int(value)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise ValueError


def _duration(value: Any) -> float:
    if isinstance(value, Duration):
        return value.seconds
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if not match:
            raise ValueError
        return float(match["number"]) * _UNITS[match["unit"]]
    seconds = float(_scalar(value))
    if not 0 <= seconds < float("inf"):
        raise ValueError
    return seconds


def _codes(value: Any) -> tuple[int, ...]:
    items: Sequence[Any] = (
        value.split(",") if isinstance(value, str) else value if isinstance(value, tuple) else (value,)
    )
    codes = tuple(_integer(item) for item in items)
    if not codes or not all(0 <= code <= 255 for code in codes):
        raise ValueError
    return codes


def _map(value: Any) -> tuple[tuple[str, Value | Masked], ...]:
    if not isinstance(value, tuple):
        raise ValueError
    for item in value:
        if not (isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)):
            raise ValueError
    return tuple((name, _string(inner)) for name, inner in value)


def _example(example: str) -> str:
    return f"for example: {example}" if example else ""
