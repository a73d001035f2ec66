"""Values of the model as plain Python ones, for callables and templates."""

from __future__ import annotations

from typing import Any

from madeus.executor.action.base import Masked, RuntimeValue
from madeus.model.value import Duration


def python_value(value: RuntimeValue) -> Any:
    """A value as Python code likes it: secrets in the clear, durations in seconds, lists, dictionaries."""
    if isinstance(value, Masked):
        return value.plain
    if isinstance(value, Duration):
        return value.seconds
    if isinstance(value, tuple):
        if value and all(isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) for item in value):
            return {item[0]: python_value(item[1]) for item in value if isinstance(item, tuple)}
        return [python_value(item) for item in value]
    return value
