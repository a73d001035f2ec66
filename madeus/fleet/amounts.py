"""Counts and shares of machines, and the direction in which a share of a small group is rounded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil, floor

Amount = int | float
"""A whole number of machines, or a share of them: 3 or 0.05."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)", re.ASCII)


def at_least(amount: Amount, total: int) -> int:
    """How many of `total` have to do well: a share is rounded up, so that a small group is not let off."""
    return min(amount, total) if isinstance(amount, int) else ceil(_steady(amount * total))


def at_most(amount: Amount, total: int) -> int:
    """How many of `total` may do badly: a share is rounded down, so that 5% of ten machines is none."""
    return amount if isinstance(amount, int) else floor(_steady(amount * total))


def batch(amount: Amount, total: int) -> int:
    """How many of `total` a batch takes: a share is rounded down, and every batch takes a machine."""
    return max(1, min(total, at_most(amount, total)))


def written(amount: Amount) -> str:
    """The amount as a person writes it: ``3`` or ``5%``."""
    return str(amount) if isinstance(amount, int) else f"{_steady(amount * 100):g}%"


def own_stages(text: str) -> tuple[Amount, ...] | None:
    """The sizes of ``stages [1, 10, 50%]`` (the brackets may be left out); None for another text. Raises ValueError.

    >>> own_stages("stages [1, 10, 50%]")
    (1, 10, 0.5)
    """
    word, _, sizes = text.strip().partition(" ")
    if word != "stages":
        return None
    return tuple(_size(size.strip()) for size in sizes.strip().removeprefix("[").removesuffix("]").split(","))


def _size(text: str) -> Amount:
    found = _SIZE.fullmatch(text)
    if found is not None:
        number = float(found[1])
        if found[2] and 0 < number <= 100:
            return number / 100
        if not found[2] and number >= 1 and number.is_integer():
            return int(number)
    raise ValueError(f"`{text}` is no size of a stage: write stages [1, 10, 50%]")


def written_stages(sizes: Sequence[Amount]) -> str:
    """Own stages as a person writes them."""
    return f"stages [{', '.join(map(written, sizes))}]"


def _steady(value: float) -> float:
    """Without the last digits, in which 0.07 * 100 is more than 7."""
    return round(value, 9)
