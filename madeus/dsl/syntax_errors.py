"""Sentences about syntax: one builder for each fault the parser meets."""

from __future__ import annotations

from collections.abc import Iterable

from madeus.diagnostics import Diagnostic, Edit, Fix, Span, error

NAMES = {
    "type_name": "the name of a component type",
    "type_word": "a type such as `address`",
    "parameter_type": "a type such as `string` or `int`",
    "held_name": "a place or group name",
    "captured_name": "the name of a data port",
    "element_name": "the name of a port, place, transition or behavior",
    "value_name": "a value",
    "key_name": "a key",
    "fleet_name": "the name of a fleet",
    "origin_kind": "a kind of origin such as `package`",
    "origin_name": "the name of the origin",
    "base_name": "the name of a base",
}
"""What a name stands for, by the grammar's rule; others are called after their rule: `place_name` is `a place name`."""

VALUES = frozenset({"STRING", "NUMBER", "TIME", "PERCENT", "TRUE", "FALSE", "HOLE", "LSQB", "LBRACE", "LPAR", "MINUS"})
_KINDS = {
    "STRING": 'a string in `"`',
    "NUMBER": "a number",
    "TIME": "a duration such as `5s`",
    "PERCENT": "a share such as `95%`",
    "HOLE": "`${...}`",
    "NEWLINE": "a new line",
    "$END": "the end of the file",
}
_MOST_SHOWN = 5


def name_of(rule: str) -> str:
    """A rule that makes a name, in words."""
    if rule in NAMES:
        return NAMES[rule]
    words = rule.replace("_", " ")
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def in_words(terminals: Iterable[str], names: Iterable[str], spelling: dict[str, str]) -> str:
    """What would fit, for a reader: `a place name, `,` or `}``."""
    wanted = set(terminals) - {"BROKEN", "NAME"}
    known = list(dict.fromkeys(name_of(rule) for rule in names))
    if len(wanted & VALUES) >= 4:
        wanted -= VALUES
        known = [*(name for name in known if name != "a value"), "a value"]
    if "NEWLINE" in wanted:
        wanted.discard("SEMICOLON")
    keywords = sorted(spelling[word] for word in wanted if word in spelling and spelling[word][0].isalpha())
    signs = sorted(spelling[word] for word in wanted if word in spelling and not spelling[word][0].isalpha())
    shown = [*known, *(_KINDS[word] for word in sorted(wanted) if word in _KINDS and word != "$END")]
    shown += [f"`{sign}`" for sign in signs]
    if len(keywords) > _MOST_SHOWN:
        shown.append(f"a statement ({', '.join(f'`{word}`' for word in keywords)})")
    else:
        shown += [f"`{word}`" for word in keywords]
    if "$END" in wanted:
        shown.append(_KINDS["$END"])
    if not shown:
        return "nothing more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def shown(kind: str, text: str) -> str:
    """A token as found, for a reader."""
    if kind == "$END":
        return "the end of the file"
    if kind == "NEWLINE":
        return "the end of the line"
    first = text.split("\n", 1)[0]
    if kind == "STRING":
        return f"the string {first}" if len(text) <= 30 else "a string"
    return f"`{first}`" if len(first) <= 40 else f"`{first[:40]}…`"


def unexpected(span: Span, found: str, expected: str, after: str | None, help: str | None) -> Diagnostic:
    """The general fault."""
    where = f" after {after}" if after is not None else ""
    return error("MAD020", f"expected {expected}{where}, found {found}", span, help=help)


def statement_instead_of_name(span: Span, expected: str, after: str, keyword: str, statement: Span) -> Diagnostic:
    """A line breaks off where a name should follow, and the next one begins with a keyword."""
    return error(
        "MAD025",
        f"expected {expected} after {after}, but a new statement begins",
        span,
        related=((statement, f"`{keyword}` begins a statement here"),),
        help=f"complete the line; if `{keyword}` is meant as a name write it on the same line",
    )


def unclosed(opening: Span, sign: str, found: Span, what: str, others: int) -> Diagnostic:
    """Something that must stand outside of the bracket comes before its end."""
    closing = {"{": "}", "(": ")", "[": "]"}[sign]
    notes = (f"{others} more around it {'is' if others == 1 else 'are'} not closed either",) if others else ()
    return error(
        "MAD021",
        f"this `{sign}` is not closed",
        opening,
        related=((found, f"`{closing}` was expected before {what}"),),
        help=f"add `{closing}`",
        notes=notes,
    )


def not_open(span: Span, sign: str) -> Diagnostic:
    """A closing bracket too many."""
    return error("MAD022", f"nothing is open that this `{sign}` could close", span, help="delete it")


def misspelt(span: Span, found: str, keyword: str) -> Diagnostic:
    """Nearly a keyword."""
    return error(
        "MAD023",
        f"`{found}` is not a keyword",
        span,
        help=f"did you mean `{keyword}`?",
        fix=Fix(f"write `{keyword}`", (Edit(span, keyword),)),
    )


def wrong_sign(span: Span, found: str, sign: str) -> Diagnostic:
    """`=` for `:` and the like."""
    return error(
        "MAD024",
        f"expected `{sign}`, found `{found}`",
        span,
        help=f"write `{sign}` instead",
        fix=Fix(f"write `{sign}`", (Edit(span, sign),)),
    )


def missing_sign(span: Span, sign: str, after: str) -> Diagnostic:
    """One sign or small word is left out right before the span."""
    at = Span(span.file, span.start_line, span.start_column, span.start_line, span.start_column, span.start, span.start)
    return error(
        "MAD024",
        f"`{sign}` is missing after {after}",
        span,
        help=f"write `{sign}` before this",
        fix=Fix(f"insert `{sign}`", (Edit(at, f"{sign} "),)),
    )


def needless_sign(span: Span, found: str) -> Diagnostic:
    """A sign too many."""
    advice = "statements are not separated by signs" if found == ";" else f"delete the `{found}`"
    return error(
        "MAD024", f"`{found}` does not belong here", span, help=advice, fix=Fix("delete it", (Edit(span, ""),))
    )


def too_deep(span: Span, outermost: Span) -> Diagnostic:
    """Brackets in brackets, more than anybody means."""
    return error("MAD026", "this is nested too deep to be read", span, related=((outermost, "the outermost one"),))


def twice(span: Span, word: str, first: Span) -> Diagnostic:
    """A clause or word that was given before."""
    return error("MAD027", f"`{word}` is given a second time", span, related=((first, "first given here"),))


def too_many(span: Span, count: int) -> Diagnostic:
    """The parser gives up."""
    return error("MAD028", f"more than {count} faults: the rest of the file is not read", span)


def wrong_block(span: Span, keyword: str, block: str) -> Diagnostic:
    """A statement of another kind of block."""
    homes = HOMES.get(keyword)
    advice = f"`{keyword}` belongs into {homes}" if homes else None
    return error("MAD029", f"`{keyword}` cannot stand in {block}", span, help=advice)


def instance_in_program(span: Span, name: str) -> Diagnostic:
    """An instance declared in a program instead of added."""
    return error("MAD029", "a program does not declare instances", span, help=f"write `add {name}: ...`")


_COMPONENT = "a component"
_VERIFY = "a verify block"
_PROGRAM = "a program"
HOMES = {
    **dict.fromkeys(("place", "initial", "group", "provide", "use", "behavior"), _COMPONENT),
    "transition": "a component or one of its behaviors",
    "connect": "an assembly or a program",
    "for": "an assembly or a program",
    **dict.fromkeys(("add", "delete", "disconnect", "push", "wait"), _PROGRAM),
    **dict.fromkeys(
        (
            "goal",
            "deployable",
            "reachable",
            "sequence",
            "parallelism",
            "duration",
            "boundaries",
            "forbidden",
            "available",
            "terminates",
            "confluent",
            "parametric",
            "with",
        ),
        _VERIFY,
    ),
    **dict.fromkeys(("base", "version", "persistent", "policy", "lingering"), "a role"),
    **dict.fromkeys(
        ("import", "durations", "secret", "component", "assembly", "program", "verify", "rollout", "role"),
        "the file itself, outside of all blocks",
    ),
}
"""Where the statements belong, by their first word."""
