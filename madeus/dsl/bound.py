"""The right-hand side of a question: a comparison that makes sense with a value of the right kind."""

from __future__ import annotations

from typing import NamedTuple

from madeus.dsl import program_errors, types_errors
from madeus.dsl import syntax as s
from madeus.dsl.values import Environment, describe, evaluate, type_word
from madeus.model import Comparison, Duration


class Bound(NamedTuple):
    """A comparison with a value: seconds, or a number of things."""

    comparison: Comparison
    value: float


_UPPER_AND_LOWER = ("<", "<=", ">", ">=")


def duration_bound(
    written: s.Comparison, env: Environment, what: str, operators: tuple[str, ...] = _UPPER_AND_LOWER
) -> Bound | None:
    """A bound that is a time."""
    sensible = _operator(written, env, what, operators)
    value = evaluate(written.value, env)
    if value is None:
        return None
    if not isinstance(value, Duration):
        span = written.value.span
        if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
            env.report.add(program_errors.negative_number("a time", span))
        else:
            env.report.add(types_errors.wrong_type(what, "duration", type_word(value), span))
        return None
    return Bound(Comparison(written.operator), value.seconds) if sensible else None


def number_bound(written: s.Comparison, env: Environment, what: str) -> Bound | None:
    """A bound that is a whole number."""
    value = evaluate(written.value, env)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        env.report.add(types_errors.not_a_number(describe(value), what, written.value.span))
        return None
    if value < 0:
        env.report.add(program_errors.negative_number(what, written.value.span))
        return None
    return Bound(Comparison(written.operator), value)


def _operator(written: s.Comparison, env: Environment, what: str, operators: tuple[str, ...]) -> bool:
    if written.operator in operators:
        return True
    allowed = ", ".join(f"`{operator}`" for operator in operators)
    env.report.add(program_errors.senseless_comparison(written.operator, what, allowed, written.span))
    return False
