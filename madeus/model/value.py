"""Values that a model may carry: parameters of instances, arguments of actions, contents of data ports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time."""

    seconds: float
    """Length in seconds, finite and not negative."""

    def __str__(self) -> str:
        return format_seconds(self.seconds)


@dataclass(frozen=True, slots=True)
class Secret:
    """The name of a secret; its value is asked for when an action needs it and is never part of a model."""

    name: str


Value = str | bool | int | float | Duration | Secret | tuple["Value", ...] | tuple[tuple[str, "Value"], ...]
"""A literal. A list is a tuple of values, a map is a tuple of (key, value) pairs. Strings may hold ``${name}``."""


class ValueType(StrEnum):
    """Types of parameters and data ports."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DURATION = "duration"
    ADDRESS = "address"
    LIST = "list"


def format_seconds(seconds: float) -> str:
    """Write a number of seconds as the language does: ``250ms``, ``12s``, ``3min``, ``1h``.

    The largest unit that gives a whole number is taken, else seconds with up to six decimals.
    """
    if seconds == float("inf"):
        return "infinity"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    milliseconds = round(seconds * 1000, 6)
    if 0 < seconds < 1 and milliseconds == int(milliseconds):
        return f"{int(milliseconds)}ms"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"
