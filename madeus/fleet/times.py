"""Times of a simulated rollout: constants and distributions, read from text and sampled many at once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sampler = Callable[[int], NDArray[np.float64]]

_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_TIME = r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|min|h|d)"
_RANGE = re.compile(rf"{_TIME}\s*\.\.\s*{_TIME}")
_NAMED = re.compile(rf"(exponential|normal|lognormal)\s+{_TIME}(?:\s+{_TIME})?")


class Law(StrEnum):
    """A distribution."""

    CONSTANT = "constant"
    UNIFORM = "uniform"
    EXPONENTIAL = "exponential"
    NORMAL = "normal"
    LOGNORMAL = "lognormal"


@dataclass(frozen=True, slots=True)
class Time:
    """A time in seconds, or a distribution of times."""

    law: Law
    first: float
    """The value; the least one of `uniform`; the mean of the others."""
    second: float = 0.0
    """The greatest one of `uniform`; the standard deviation of `normal` and `lognormal`."""

    @property
    def mean(self) -> float:
        """Seconds."""
        return (self.first + self.second) / 2 if self.law is Law.UNIFORM else self.first

    def sample(self, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """So many times, none below 0."""
        import numpy as np

        match self.law:
            case Law.CONSTANT:
                return np.full(count, self.first)
            case Law.UNIFORM:
                return generator.uniform(self.first, self.second, count)
            case Law.EXPONENTIAL:
                return generator.exponential(self.first, count)
            case Law.NORMAL:
                drawn: NDArray[np.float64] = np.maximum(generator.normal(self.first, self.second, count), 0.0)
                return drawn
            case Law.LOGNORMAL:
                wide = math.log1p((self.second / self.first) ** 2)
                return generator.lognormal(math.log(self.first) - wide / 2, math.sqrt(wide), count)

    def __str__(self) -> str:
        match self.law:
            case Law.CONSTANT:
                return span(self.first)
            case Law.UNIFORM:
                return f"{span(self.first)}..{span(self.second)}"
            case Law.EXPONENTIAL:
                return f"exponential {span(self.first)}"
            case _:
                return f"{self.law} {span(self.first)} {span(self.second)}"


def constant(seconds: float) -> Time:
    """The same time always."""
    return Time(Law.CONSTANT, seconds)


def parse_time(text: str) -> Time:
    """``10min``, ``5min..15min``, ``exponential 10min``, ``normal 10min 2min`` or ``lognormal 10min 5min``.

    Raises ValueError with the forms for a text of another one.
    """
    text = text.strip()
    if match := re.fullmatch(_TIME, text):
        return constant(_seconds(match[1], match[2]))
    if match := _RANGE.fullmatch(text):
        low, high = _seconds(match[1], match[2]), _seconds(match[3], match[4])
        if low <= high:
            return Time(Law.UNIFORM, low, high)
    elif match := _NAMED.fullmatch(text):
        law, mean = Law(match[1]), _seconds(match[2], match[3])
        second = _seconds(match[4], match[5]) if match[4] else None
        if mean > 0 and (second is None) == (law is Law.EXPONENTIAL):
            return Time(law, mean, second or 0.0)
    raise ValueError(
        f"{text!r}: write 10min, 5min..15min, `exponential 10min`, `normal 10min 2min`, `lognormal 10min 5min`"
    )


def span(seconds: float) -> str:
    """A time as a person reads it: ``90s``, ``10min``, ``8.3h``, ``3.5d``."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size * (2 if unit != "min" else 1):
            return f"{round(seconds / size, 1):g}{unit}"
    return f"{round(seconds, 1):g}s"


def _seconds(number: str, unit: str) -> float:
    return float(number) * _UNITS[unit]
