"""Counts and shares of machines, and the direction in which a share of a small group is rounded."""

from __future__ import annotations

from math import ceil, floor

Amount = int | float
"""A whole number of machines, or a share of them: 3 or 0.05."""


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


def _steady(value: float) -> float:
    """Without the last digits, in which 0.07 * 100 is more than 7."""
    return round(value, 9)
