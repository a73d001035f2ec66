"""Sentences about letters, numbers and strings: one builder for each fault the scanner meets."""

from __future__ import annotations

from madeus.diagnostics import Diagnostic, Edit, Fix, Span, error

_LOOKALIKES = {
    "“": '"',
    "”": '"',
    "„": '"',
    "«": '"',
    "»": '"',
    "‘": '"',
    "’": '"',
    "'": '"',
    "–": "-",
    "—": "-",
    "−": "-",
    "→": "->",
    "⇒": "->",
    "≤": "<=",
    "≥": ">=",
    "…": "..",
    "#": "//",
    "!": "not",
    "&": "and",
    "|": "or",
    "\u00a0": "an ordinary blank",
    "\u2003": "an ordinary blank",
}
_UNITS = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "m": "min",
    "mn": "min",
    "mins": "min",
    "minute": "min",
    "minutes": "min",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "msec": "ms",
    "millis": "ms",
    "S": "s",
    "H": "h",
    "D": "d",
    "MS": "ms",
    "Min": "min",
    "MIN": "min",
}


def stray(span: Span, text: str) -> Diagnostic:
    """Characters outside of strings and comments that are none of the language's."""
    first = text[0]
    name = f"`{first}`" if first.isprintable() and first != " " else f"character U+{ord(first):04X}"
    message = f"{name} has no meaning here"
    if len(text) > 1:
        message = f"{name} and {len(text) - 1} more after it have no meaning here"
    if first == "\0":
        message = "a NUL character stands in the text"
    meant = _LOOKALIKES.get(first)
    advice = None
    if meant is not None:
        advice = f"write {meant}" if " " in meant else f"write `{meant}`"
    return error("MAD010", message, span, help=advice)


def stray_letters(span: Span, text: str) -> Diagnostic:
    """A word with letters that names do not have."""
    shown = text if len(text) <= 40 else text[:40] + "…"
    return error(
        "MAD010",
        f"`{shown}` is not a name",
        span,
        help="names consist of the letters a to z and A to Z, digits, `_` and `-`; other letters may stand in strings",
    )


def open_string(span: Span, triple: bool) -> Diagnostic:
    """A string without its closing quotes."""
    if triple:
        return error("MAD011", "this text does not end", span, help='close it with `"""`')
    return error(
        "MAD011",
        "this string does not end on its line",
        span,
        help='close it with `"`; a text of several lines stands between `"""` and `"""`',
    )


def open_comment(span: Span) -> Diagnostic:
    """A block comment without its end."""
    return error("MAD012", "this comment does not end", span, help="close it with `*/`")


def open_hole(span: Span) -> Diagnostic:
    """`${` without `}`, outside of a string or in one."""
    return error(
        "MAD015",
        "this interpolation does not end",
        span,
        help="close it with `}`; for the shell's own `${...}` write `$${...}`",
    )


def unknown_unit(span: Span, digits: str, unit: str) -> Diagnostic:
    """A number directly followed by letters that are no unit."""
    meant = _UNITS.get(unit) or _UNITS.get(unit.lower())
    shown = unit if len(unit) <= 40 else unit[:40] + "…"
    if meant is not None and len(digits) < 40:
        return error(
            "MAD013",
            f"`{shown}` is not a unit",
            span,
            help=f"write `{digits}{meant}`",
            fix=Fix(f"write `{meant}`", (Edit(span, f"{digits}{meant}"),)),
        )
    return error("MAD013", f"`{shown}` is not a unit", span, help="the units are ms, s, min, h, d and %")


def too_many_digits(span: Span) -> Diagnostic:
    """A number nobody means."""
    return error("MAD014", "this number has too many digits", span, help="at most 18 stand on each side of the point")


def not_octal(span: Span) -> Diagnostic:
    """A leading zero and a digit 8 or 9."""
    return error(
        "MAD014",
        "a number that begins with 0 is octal and has the digits 0 to 7 only",
        span,
        help="leave the 0 off for a decimal number",
    )
