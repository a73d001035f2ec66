"""From the grammar's alternatives to syntax nodes: one function for each name behind an arrow in `grammar.lark`.

The parser calls `Builder.build` when an alternative is complete, with all its values, signs included, and with the numbers of
its first and last token, from which come the node's span and its doc comment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from madeus.diagnostics import Diagnostic, Span
from madeus.dsl import syntax as s
from madeus.dsl import syntax_errors
from madeus.dsl.scan import Token
from madeus.dsl.strings import string

MOST_IN_A_ROW = 16
"""Signs or `not`s before one operand."""

Values = list[Any]
"""What the symbols of an alternative stand for: tokens, nodes, lists of nodes. Only the grammar knows which; the functions
below say it in their first lines."""

_SECONDS = {"ms": Fraction(1, 1000), "s": Fraction(1), "min": Fraction(60), "h": Fraction(3600), "d": Fraction(86400)}
_CLAUSES = {"in": "behaviors", "station": "stations", "takes": "takes", "idempotent": "idempotent"}


class Builder:
    """Makes the nodes of one text; `first` and `last` are set by the parser before each call."""

    __slots__ = ("diagnostics", "docs", "file", "first", "last", "tokens")

    def __init__(self, tokens: Sequence[Token], docs: dict[int, str], file: str) -> None:
        self.tokens, self.docs, self.file = tokens, docs, file
        self.diagnostics: list[Diagnostic] = []
        self.first = 0
        self.last = 0

    def span(self) -> Span:
        return self.between(self.first, self.last)

    def between(self, first: int, last: int) -> Span:
        """From one token to another, ends included."""
        a, b = self.tokens[first], self.tokens[last]
        return Span(self.file, a[4], a[5], b[6], b[7], a[2], b[3])

    def at(self, token: Token) -> Span:
        return Span(self.file, token[4], token[5], token[6], token[7], token[2], token[3])

    def doc(self) -> str | None:
        return self.docs.get(self.first)

    def report(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)


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


# ---- heads of blocks -------------------------------------------------------------------------------------------------


def broken_head(b: Builder, v: Values) -> Any:
    """`component <unreadable>`: the first word of the unreadable stretch is most likely the name."""
    return v[1]


def head(b: Builder, v: Values) -> Any:
    return v[1], tuple(v[2]), b.doc()


def program_head(b: Builder, v: Values) -> Any:
    return v[1], v[3], b.doc()


def verify_head(b: Builder, v: Values) -> Any:
    return v[1], (), b.doc()


def verify_after_head(b: Builder, v: Values) -> Any:
    return v[1], tuple(tuple(phase) for phase in v[3]), b.doc()


def rollout_head(b: Builder, v: Values) -> Any:
    return v[1], v[4], v[6], b.doc()


def role_head(b: Builder, v: Values) -> Any:
    return v[1], b.doc()


behavior_head = role_head


def _guessed(b: Builder, broken: s.Broken) -> s.Name:
    """The name an unreadable head most likely gave: the first word that the keyword is followed by."""
    first = b.tokens[b.first + 1]
    if first.start < broken.span.end and first.text in broken.words:
        return s.Name(first.text, b.at(first))
    return s.Name("", broken.span)


def component(b: Builder, v: Values) -> Any:
    found, members = v[0], tuple(v[2])
    if isinstance(found, s.Broken):
        return s.Component(_guessed(b, found), (), members, b.span(), b.doc(), True)
    return s.Component(found[0], found[1], members, b.span(), b.doc())


def assembly(b: Builder, v: Values) -> Any:
    found, statements = v[0], _only(b, v[2], "assembly")
    if isinstance(found, s.Broken):
        return s.Assembly(_guessed(b, found), (), statements, b.span(), b.doc(), True)
    return s.Assembly(found[0], found[1], statements, b.span(), b.doc())


def program(b: Builder, v: Values) -> Any:
    found, statements = v[0], _only(b, v[2], "program")
    if isinstance(found, s.Broken):
        return s.Program(_guessed(b, found), s.Name("", found.span), statements, b.span(), b.doc(), True)
    return s.Program(found[0], found[1], statements, b.span(), b.doc())


def verify(b: Builder, v: Values) -> Any:
    found, properties = v[0], tuple(v[2])
    if isinstance(found, s.Broken):
        return s.Verify(_guessed(b, found), (), properties, b.span(), b.doc(), True)
    return s.Verify(found[0], found[1], properties, b.span(), b.doc())


def rollout(b: Builder, v: Values) -> Any:
    found, settings = v[0], v[2] if len(v) == 4 else [*v[2], v[3]]
    if isinstance(found, s.Broken):
        nobody = s.Name("", found.span)
        return s.Rollout(_guessed(b, found), nobody, nobody, tuple(settings), b.span(), b.doc(), True)
    return s.Rollout(found[0], found[1], found[2], tuple(settings), b.span(), b.doc())


def role(b: Builder, v: Values) -> Any:
    found = v[0]
    bases = tuple(item for item in v[2] if isinstance(item, s.Name))
    versions = tuple(item for item in v[2] if not isinstance(item, s.Name))
    if isinstance(found, s.Broken):
        return s.Role(_guessed(b, found), bases, versions, b.span(), b.doc(), True)
    return s.Role(found[0], bases, versions, b.span(), b.doc())


_ASSEMBLY_ONLY = (s.Instance, s.Connect)
_PROGRAM_ONLY = (s.Add, s.Delete, s.Push, s.Wait, s.Disconnect)


def _only(b: Builder, statements: list[s.Statement], block: str) -> tuple[s.Statement, ...]:
    """The statements that belong into an assembly or a program; the others are reported and left out, in loops too."""
    kept: list[s.Statement] = []
    for statement in statements:
        if isinstance(statement, s.For):
            inner = _only(b, list(statement.statements), block)
            kept.append(
                s.For(statement.variable, statement.range, inner, statement.span, statement.doc, statement.broken)
            )
        elif block == "assembly" and isinstance(statement, _PROGRAM_ONLY):
            b.report(syntax_errors.wrong_block(statement.span, type(statement).__name__.lower(), "an assembly"))
        elif block == "program" and isinstance(statement, s.Instance):
            b.report(syntax_errors.instance_in_program(statement.span, statement.name.text))
        else:
            kept.append(statement)
    return tuple(kept)


# ---- declarations and members ----------------------------------------------------------------------------------------


def module(b: Builder, v: Values) -> Any:
    return tuple(v[0])


def import_(b: Builder, v: Values) -> Any:
    return s.Import(v[1], b.span(), b.doc())


def durations(b: Builder, v: Values) -> Any:
    return s.Durations(v[1], b.span(), b.doc())


def secret(b: Builder, v: Values) -> Any:
    return s.Secret(v[1], b.span(), b.doc())


def parameter(b: Builder, v: Values) -> Any:
    return s.Parameter(v[0], v[2], None, b.span(), b.doc())


def parameter_with_default(b: Builder, v: Values) -> Any:
    return s.Parameter(v[0], v[2], v[4], b.span(), b.doc())


def places(b: Builder, v: Values) -> Any:
    return s.Places(False, tuple(v[1]), tuple(v[2]), b.span(), b.doc())


def initial_places(b: Builder, v: Values) -> Any:
    return s.Places(True, tuple(v[2]), tuple(v[3]), b.span(), b.doc())


def group(b: Builder, v: Values) -> Any:
    return s.Group(v[1], tuple(v[3]), b.span(), b.doc())


def provide(b: Builder, v: Values) -> Any:
    return s.Provide(v[1][1], v[2], v[3], tuple(v[5]), b.span(), b.doc())


def use(b: Builder, v: Values) -> Any:
    counts: list[Token] = [word for word in v[4] if word.text != "optional"]
    optionals: list[Token] = [word for word in v[4] if word.text == "optional"]
    for repeated in (counts, optionals):
        for word in repeated[1:]:
            b.report(syntax_errors.twice(b.at(word), word.text, b.at(repeated[0])))
    multiplicity: Any = counts[0].text if counts else "one"
    return s.Use(v[1][1], v[2], v[3], multiplicity, bool(optionals), v[5][1], tuple(v[6]), b.span(), b.doc())


def behavior(b: Builder, v: Values) -> Any:
    return s.Behavior(v[0][0], (), b.span(), b.doc())


def behavior_block(b: Builder, v: Values) -> Any:
    if isinstance(v[0], s.Broken):
        return s.Behavior(_guessed(b, v[0]), tuple(v[2]), b.span(), b.doc(), True)
    return s.Behavior(v[0][0], tuple(v[2]), b.span(), b.doc())


def clause(b: Builder, v: Values) -> Any:
    return v[0], v[1] if len(v) > 1 else True


def transition(b: Builder, v: Values) -> Any:
    given: dict[str, Any] = {}
    words: dict[str, Token] = {}
    for word, value in v[6]:
        key = _CLAUSES[word.text]
        if key in given:
            b.report(syntax_errors.twice(b.at(word), word.text, b.at(words[key])))
        else:
            given[key], words[key] = value, word
    return s.Transition(
        v[1],
        v[3],
        v[5],
        tuple(given.get("behaviors", ())),
        tuple(given.get("stations", ())),
        given.get("takes"),
        "idempotent" in given,
        tuple(v[7]),
        b.span(),
        b.doc(),
    )


def broken_transition(b: Builder, v: Values) -> Any:
    return s.Broken("transition", v[1].words, b.span())


def exactly(b: Builder, v: Values) -> Any:
    return s.Interval(v[0], v[0], b.span())


def at_least(b: Builder, v: Values) -> Any:
    return s.Interval(v[0], None, b.span())


def between_durations(b: Builder, v: Values) -> Any:
    return s.Interval(v[0], v[2], b.span())


# ---- actions, rollouts, roles ----------------------------------------------------------------------------------------


def probe(b: Builder, v: Values) -> Any:
    return s.Probe(v[1], b.span(), b.doc())


def _items(parts: list[s.Value | s.Name]) -> tuple[s.Value | s.Option, ...]:
    """Values and names in a row: a name and the value right after it are an option, a name without one is a flag."""
    items: list[s.Value | s.Option] = []
    key: s.Name | None = None
    for part in parts:
        if isinstance(part, s.Name):
            if key is not None:
                items.append(s.Option(key, None, key.span))
            key = part
        elif key is not None:
            items.append(s.Option(key, part, key.span.to(part.span)))
            key = None
        else:
            items.append(part)
    if key is not None:
        items.append(s.Option(key, None, key.span))
    return tuple(items)


def action(b: Builder, v: Values) -> Any:
    return s.Action(v[0], _items(v[1]), (), b.span(), b.doc())


def capturing_action(b: Builder, v: Values) -> Any:
    return s.Action(v[0], _items(v[1]), tuple(v[3]), b.span(), b.doc())


def setting(b: Builder, v: Values) -> Any:
    return s.Setting(v[0], _items(v[1]), b.span(), b.doc())


def base(b: Builder, v: Values) -> Any:
    v[0].append(v[2])
    return v[0]


def origin(b: Builder, v: Values) -> Any:
    return v[1], v[2]


def role_version(b: Builder, v: Values) -> Any:
    return s.RoleVersion(v[1], v[2], v[3], b.span(), b.doc())


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


# ---- assemblies and programs -----------------------------------------------------------------------------------------


def instance_reference(b: Builder, v: Values) -> Any:
    return s.InstanceReference(v[0], None, v[0].span)


def indexed_instance_reference(b: Builder, v: Values) -> Any:
    return s.InstanceReference(v[0], v[1], b.span())


def reference(b: Builder, v: Values) -> Any:
    return s.Reference(v[0], v[2], b.span())


def instance(b: Builder, v: Values) -> Any:
    return s.Instance(v[0].name, v[0].index, v[2], tuple(v[3]), v[4], b.span(), b.doc())


def argument(b: Builder, v: Values) -> Any:
    return s.Argument(v[0], v[2], b.span())


def host(b: Builder, v: Values) -> Any:
    return s.Host(v[1], None, v[1].span)


def indexed_host(b: Builder, v: Values) -> Any:
    return s.Host(v[1], v[2], v[1].span.to(b.span()))


def connect(b: Builder, v: Values) -> Any:
    return s.Connect(v[1], v[3], b.span(), b.doc())


def disconnect(b: Builder, v: Values) -> Any:
    return s.Disconnect(v[1], v[3], b.span(), b.doc())


def for_head(b: Builder, v: Values) -> Any:
    return v[1], v[3]


def for_(b: Builder, v: Values) -> Any:
    if isinstance(v[0], s.Broken):
        first = s.Number(1, "1", v[0].span)
        only = s.Range(first, first, v[0].span)
        return s.For(_guessed(b, v[0]), only, tuple(v[2]), b.span(), b.doc(), True)
    return s.For(v[0][0], v[0][1], tuple(v[2]), b.span(), b.doc())


def add(b: Builder, v: Values) -> Any:
    made: s.Instance = v[1]
    if made.doc is not None:  # it stands between `add` and the name, and documents nothing
        made = replace(made, doc=None)
    return s.Add(made, b.span(), b.doc())


def delete(b: Builder, v: Values) -> Any:
    return s.Delete(v[1], b.span(), b.doc())


def push(b: Builder, v: Values) -> Any:
    return s.Push(v[1], v[2], v[3], b.span(), b.doc())


def wait(b: Builder, v: Values) -> Any:
    return s.Wait(v[1], b.span(), b.doc())


def wait_all(b: Builder, v: Values) -> Any:
    return s.Wait(None, b.span(), b.doc())


# ---- verify blocks ---------------------------------------------------------------------------------------------------


def goal(b: Builder, v: Values) -> Any:
    return s.Goal(v[1], v[3], b.span(), b.doc())


def deployable(b: Builder, v: Values) -> Any:
    return s.Deployable(v[1], v[2][1] if len(v) == 3 else "always", b.span(), b.doc())


def reachable(b: Builder, v: Values) -> Any:
    return s.Reachable(v[1], b.span(), b.doc())


def sequence(b: Builder, v: Values) -> Any:
    return s.Sequence(tuple(v[1]), b.span(), b.doc())


def parallelism(b: Builder, v: Values) -> Any:
    return s.Parallelism(v[1], tuple(v[3]) if len(v) == 4 else (), b.span(), b.doc())


def duration_bound(b: Builder, v: Values) -> Any:
    return s.DurationBound(v[1], v[2], b.span(), b.doc())


def boundaries(b: Builder, v: Values) -> Any:
    return s.Boundaries(v[1], b.span(), b.doc())


def forbidden(b: Builder, v: Values) -> Any:
    return s.Forbidden(v[1], b.span(), b.doc())


def available(b: Builder, v: Values) -> Any:
    return s.Available(v[1], v[3] if len(v) == 4 else None, b.span(), b.doc())


def terminates(b: Builder, v: Values) -> Any:
    return s.Terminates(b.span(), b.doc())


def confluent(b: Builder, v: Values) -> Any:
    return s.Confluent(b.span(), b.doc())


def parametric(b: Builder, v: Values) -> Any:
    return s.Parametric(v[1], v[3], v[4], b.span(), b.doc())


def broken_count(b: Builder, v: Values) -> Any:
    return v[1]


def with_failures(b: Builder, v: Values) -> Any:
    if isinstance(v[0], s.Broken):
        nought = s.Number(0, "0", v[0].span)
        return s.WithFailures(nought, tuple(v[2]), b.span(), b.doc(), True)
    return s.WithFailures(v[0], tuple(v[2]), b.span(), b.doc())


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


def builder_of(rule: str) -> Callable[[Builder, Values], Any]:
    """The function behind an arrow's name; a trailing underscore keeps it apart from Python's own words."""
    found: Callable[[Builder, Values], Any] = globals().get(f"{rule}_") or globals()[rule]
    return found
