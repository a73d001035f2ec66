"""Names, values, expressions and formulas: the leaves of the syntax tree. Import them from `madeus.dsl.syntax`."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from madeus.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Name:
    """A word that names something."""

    text: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Broken:
    """A statement that could not be read; it stands where the statement would."""

    kind: str
    """The keyword it began with (`place`, `transition`, ...), or an empty text."""
    words: frozenset[str] = field(compare=False)
    """Every name in the faulty stretch: it may have declared or meant any of them."""
    span: Span = field(compare=False)

    def declares(self, name: str) -> bool:
        """Whether the faulty text may have declared that name: then nobody reports it as unknown."""
        return name in self.words


# ---- values ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interpolation:
    """`${port}`, in a string or on its own."""

    path: str
    """What stands between the braces without the blanks around it; not checked here in any way."""
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class String:
    """`"..."` or three quotes on both sides.

    `\\"`, `\\\\`, `\\n`, `\\r` and `\\t` are escapes, any other backslash stays; `$${` is a literal `${`. A text
    in triple quotes that begins with a line end loses it and the blanks that all of its lines begin with.
    """

    parts: tuple[str | Interpolation, ...]
    """Literal stretches (never empty, never two in a row) and holes."""
    raw: str = field(compare=False)
    """As written, with the quotes."""
    span: Span = field(compare=False)

    @property
    def value(self) -> str:
        """The text, holes written as `${path}`."""
        return "".join(part if isinstance(part, str) else f"${{{part.path}}}" for part in self.parts)


@dataclass(frozen=True, slots=True)
class Number:
    """`3`, `0644` (octal), `2.5`; never negative, see `Negative`."""

    value: int | Fraction
    """Whole numbers are `int`."""
    raw: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Duration:
    """`5min`; units are ms, s, min, h, d."""

    seconds: Fraction
    raw: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Percent:
    """`95%`."""

    share: Fraction
    """95/100 for `95%`."""
    raw: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""

    value: bool
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class ListValue:
    """`["a", "b"]`."""

    items: tuple[Expression, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """`KEY = value` in a map."""

    key: Name
    value: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class MapValue:
    """`{ KEY = value, K2 = value }`."""

    entries: tuple[Entry, ...]
    span: Span = field(compare=False)


Value: TypeAlias = String | Number | Duration | Percent | Boolean | Interpolation | ListValue | MapValue


# ---- expressions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Negative:
    """`-n`."""

    operand: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Product:
    """`a * b * c`."""

    factors: tuple[Expression, ...]
    """Two or more."""
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Sum:
    """`a + b - c`."""

    first: Expression
    rest: tuple[tuple[Literal["+", "-"], Expression], ...]
    """One or more."""
    span: Span = field(compare=False)


Expression: TypeAlias = Value | Name | Negative | Product | Sum
"""A `Name` in it is a parameter or a loop variable."""


@dataclass(frozen=True, slots=True)
class Range:
    """`1..n`, both ends included."""

    low: Expression
    high: Expression
    span: Span = field(compare=False)


Index: TypeAlias = Expression | Range
"""What stands in `web[...]`: one replica or a range of them."""


@dataclass(frozen=True, slots=True)
class Argument:
    """`workers = 8` where an instance is made."""

    name: Name
    value: Expression
    span: Span = field(compare=False)


# ---- references and formulas -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InstanceReference:
    """`web`, `web[2]` or `web[1..3]`."""

    name: Name
    index: Index | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """`web[i].db`: an element (port, place, transition, behavior) of an instance."""

    instance: InstanceReference
    element: Name
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Atom:
    """An instance's place (marked) or port (active) in a formula."""

    reference: Reference
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """`not f`."""

    operand: Formula
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """`f and g`; binds tighter than `or`."""

    parts: tuple[Formula, ...]
    """Two or more."""
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """`f or g`."""

    parts: tuple[Formula, ...]
    """Two or more."""
    span: Span = field(compare=False)


Formula: TypeAlias = Atom | Not | And | Or


@dataclass(frozen=True, slots=True)
class Comparison:
    """`<= 3min`."""

    operator: Literal["<", "<=", ">", ">=", "="]
    value: Expression
    span: Span = field(compare=False)
