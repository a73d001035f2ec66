"""Models as JSON and back, exactly: what the journal keeps of an assembly, its programs and whatever they hold.

A frozen dataclass becomes an object whose key ``$`` names its class and whose other keys are the fields that differ from
their default; an enumeration ``{"$": class, "is": value}``; a mapping ``{"$": "map", "of": [[key, value], ...]}``, in order; a
tuple an array; an infinite number ``{"$": "inf"}``. ``from_json(to_json(x)) == x``, with the same types throughout.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from math import inf
from typing import Any, TypeVar

from madeus.model import action, assembly, component, model, program, property, rollout, value

T = TypeVar("T")

FORMAT = 1
"""Version of the JSON form; a change that older programs would misread raises it."""

_MODULES = (action, assembly, component, model, program, property, rollout, value)


class NotAModel(ValueError):
    """A JSON value that stands for no part of a model; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@cache
def _classes() -> dict[str, type]:
    """Every dataclass and enumeration of the model by name."""
    return {
        name: found
        for module in _MODULES
        for name, found in inspect.getmembers(module, inspect.isclass)
        if found.__module__.startswith("madeus.model.") and (is_dataclass(found) or issubclass(found, Enum))
    }


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Name and default of each field; MISSING for one without."""
    return tuple((f.name, _default(f)) for f in fields(kind))


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def to_json(part: object) -> Any:
    """A JSON value for a part of a model: an assembly, a program, a value.

    Raises TypeError for anything that is no part of a model.
    """
    if part is None or (isinstance(part, str | bool | int) and not isinstance(part, Enum)):
        return part
    if isinstance(part, float):
        return {"$": "inf"} if part == inf else part
    if isinstance(part, tuple):
        return [to_json(item) for item in part]
    if isinstance(part, Enum):
        return {"$": type(part).__name__, "is": part.value}
    if isinstance(part, Mapping):
        return {"$": "map", "of": [[to_json(key), to_json(item)] for key, item in part.items()]}
    if is_dataclass(part) and type(part).__name__ in _classes():
        coded: dict[str, Any] = {"$": type(part).__name__}
        kind: Any = type(part)
        for name, default in _fields(kind):
            held = getattr(part, name)
            if default is MISSING or held != default or type(held) is not type(default):
                coded[name] = to_json(held)
        return coded
    raise TypeError(f"{type(part).__name__} is no part of a model")


def from_json(coded: Any) -> Any:
    """The part of a model that a JSON value stands for. Raises NotAModel for a value that `to_json` does not give."""
    if coded is None or isinstance(coded, str | bool | int | float):
        return coded
    if isinstance(coded, list):
        return tuple([from_json(item) for item in coded])
    if not isinstance(coded, dict) or "$" not in coded:
        raise NotAModel(f"an object without the key `$`: {str(coded)[:80]}")
    tag = coded["$"]
    try:
        if tag == "inf":
            return inf
        if tag == "map":
            return {from_json(key): from_json(item) for key, item in coded["of"]}
        kind = _classes()[tag]
        if issubclass(kind, Enum):
            return kind(coded["is"])
        return kind(**{name: from_json(item) for name, item in coded.items() if name != "$"})
    except NotAModel:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise NotAModel(f"no `{tag}`: {error}") from error


def read(kind: type[T], coded: Any) -> T:
    """The same, of a given type. Raises NotAModel for anything else."""
    part = from_json(coded)
    if not isinstance(part, kind):
        raise NotAModel(f"a {type(part).__name__} where a {kind.__name__} belongs")
    return part
