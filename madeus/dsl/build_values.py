"""Builders of lists, names, values, expressions and formulas; see `madeus.dsl.build`."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from madeus.diagnostics import Span
from madeus.dsl import syntax as s
from madeus.dsl import syntax_errors
from madeus.dsl.builder import MOST_IN_A_ROW, Builder, Values
from madeus.dsl.scan import Token
from madeus.dsl.strings import string

_SECONDS = {"ms": Fraction(1, 1000), "s": Fraction(1), "min": Fraction(60), "h": Fraction(3600), "d": Fraction(86400)}


# ---- lists and shapes ------------------------------------------------------------------------------------------------


def none(b: Builder, v: Values) -> Any:
    return []


def none_given(b: Builder, v: Values) -> Any:
    return None


def one(b: Builder, v: Values) -> Any:
    return [v[0]]


def another(b: Builder, v: Values) -> Any:
    v[0].append(v[2])
    return v[0]


def more(b: Builder, v: Values) -> Any:
    v[0].append(v[1])
    return v[0]


def same(b: Builder, v: Values) -> Any:
    return v[0]


def second(b: Builder, v: Values) -> Any:
    return v[1]


def third(b: Builder, v: Values) -> Any:
    return v[2]


between = second


def nothing_between(b: Builder, v: Values) -> Any:
    return []


def between_and_last(b: Builder, v: Values) -> Any:
    return [*v[1], v[2]]


def name(b: Builder, v: Values) -> Any:
    t = v[0]
    return s.Name(t[1], Span(b.file, t[4], t[5], t[6], t[7], t[2], t[3]))


# ---- values and expressions ------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _measure(text: str) -> tuple[Fraction, str]:
    """Number and unit of a NUMBER, TIME or PERCENT token; unreadable ones count as 0, they are reported already."""
    end = next((index for index, letter in enumerate(text) if letter not in "0123456789."), len(text))
    if any(len(part) > 18 for part in text[:end].split(".")):
        return Fraction(0), text[end:]
    return Fraction(text[:end]), text[end:]


def string_(b: Builder, v: Values) -> Any:
    return string(v[0], b.at(v[0]), b.report)


def quoted_name(b: Builder, v: Values) -> Any:
    return s.Name(string(v[0], b.at(v[0]), b.report).value, b.at(v[0]))


def number(b: Builder, v: Values) -> Any:
    raw: str = v[0][1]
    if raw[0] == "0" and len(raw) > 1 and raw.isdigit() and len(raw) <= 18:
        octal = set(raw) <= set("01234567")
        return s.Number(int(raw, 8) if octal else 0, raw, b.span())
    value, _ = _measure(raw)
    return s.Number(value.numerator if "." not in raw else value, raw, b.span())


def duration(b: Builder, v: Values) -> Any:
    value, unit = _measure(v[0][1])
    return s.Duration(value * _SECONDS.get(unit, 0), v[0][1], b.span())


def percent(b: Builder, v: Values) -> Any:
    return s.Percent(_measure(v[0][1])[0] / 100, v[0][1], b.span())


def boolean(b: Builder, v: Values) -> Any:
    return s.Boolean(v[0][1] == "true", b.span())


def hole(b: Builder, v: Values) -> Any:
    return s.Interpolation(v[0][1].removeprefix("${").removesuffix("}").strip(), b.span())


def empty_list(b: Builder, v: Values) -> Any:
    return s.ListValue((), b.span())


def list_(b: Builder, v: Values) -> Any:
    return s.ListValue(tuple(v[1]), b.span())


def empty_map(b: Builder, v: Values) -> Any:
    return s.MapValue((), b.span())


def map_(b: Builder, v: Values) -> Any:
    return s.MapValue(tuple(v[1]), b.span())


def entry(b: Builder, v: Values) -> Any:
    return s.Entry(v[0], v[2], b.span())


def term(b: Builder, v: Values) -> Any:
    v[0].append((v[1][1], v[2]))
    return v[0]


def sum_(b: Builder, v: Values) -> Any:
    return s.Sum(v[0][0], (*v[0][1:], (v[1][1], v[2])), b.span())


def product(b: Builder, v: Values) -> Any:
    return s.Product((*v[0], v[2]), b.span())


def _negated(b: Builder, signs: list[Token], operand: s.Expression) -> s.Expression:
    """Signs in a row are read one by one as long as anybody may mean it."""
    if len(signs) > MOST_IN_A_ROW:
        b.report(syntax_errors.too_deep(b.at(signs[MOST_IN_A_ROW]), b.at(signs[0])))
    for sign in reversed(signs[:MOST_IN_A_ROW]):
        operand = s.Negative(operand, b.at(sign).to(b.span()))
    return operand


def negative(b: Builder, v: Values) -> Any:
    return _negated(b, v[0], v[1])


def negative_parenthesized(b: Builder, v: Values) -> Any:
    return _negated(b, v[0], v[2])


parenthesized = second


def index(b: Builder, v: Values) -> Any:
    return v[1]


def range_(b: Builder, v: Values) -> Any:
    return s.Range(v[0], v[2], b.span())


# ---- formulas -------------------------------------------------------------------------------------------------------


def comparison(b: Builder, v: Values) -> Any:
    return s.Comparison(v[0][1], v[1], b.span())


def or_(b: Builder, v: Values) -> Any:
    return s.Or((*v[0], v[2]), b.span())


def and_(b: Builder, v: Values) -> Any:
    return s.And((*v[0], v[2]), b.span())


def not_(b: Builder, v: Values) -> Any:
    words: list[Token] = v[0]
    if len(words) > MOST_IN_A_ROW:
        b.report(syntax_errors.too_deep(b.at(words[MOST_IN_A_ROW]), b.at(words[0])))
    formula = v[1]
    for word in reversed(words[:MOST_IN_A_ROW]):
        formula = s.Not(formula, b.at(word).to(b.span()))
    return formula


def atom(b: Builder, v: Values) -> Any:
    return s.Atom(v[0], b.span())
