"""From the grammar's alternatives to syntax nodes: one function for each name behind an arrow in `grammar.lark`.

The parser calls `Builder.build` when an alternative is complete, with all its values, signs included, and with the numbers of
its first and last token, from which come the node's span and its doc comment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from madeus.dsl import build_values, syntax_errors
from madeus.dsl import syntax as s
from madeus.dsl.builder import Builder, Values
from madeus.dsl.scan import Token

_CLAUSES = {"in": "behaviors", "station": "stations", "takes": "takes", "idempotent": "idempotent"}

# ---- heads of blocks -------------------------------------------------------------------------------------------------


def broken_head(b: Builder, v: Values) -> Any:
    """`component <unreadable>`: the first word of the unreadable stretch is most likely the name."""
    return v[1]


def head(b: Builder, v: Values) -> Any:
    return v[1], tuple(v[2]), b.doc()


def program_head(b: Builder, v: Values) -> Any:
    return v[1], v[3], len(v) > 4, b.doc()


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
    return s.Program(found[0], found[1], statements, b.span(), b.doc(), False, found[2])


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
    if isinstance(found, s.Broken):
        return s.Role(_guessed(b, found), tuple(v[2]), b.span(), b.doc(), True)
    return s.Role(found[0], tuple(v[2]), b.span(), b.doc())


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
    return s.Base(v[1], v[3] if len(v) > 2 else None, b.span())


def role_line(b: Builder, v: Values) -> Any:
    return s.RoleLine(b.tokens[b.first].text, v[1], None, b.span(), b.doc())


def policy(b: Builder, v: Values) -> Any:
    return s.RoleLine("policy", v[1], v[2], b.span(), b.doc())


def lingering(b: Builder, v: Values) -> Any:
    return s.Lingering(v[1], b.span(), b.doc())


def origin(b: Builder, v: Values) -> Any:
    return v[1], v[2]


def role_version(b: Builder, v: Values) -> Any:
    return s.RoleVersion(v[1], v[2], v[3], tuple(v[4]), b.span(), b.doc())


# ---- assemblies and programs -----------------------------------------------------------------------------------------


def instance_reference(b: Builder, v: Values) -> Any:
    return s.InstanceReference(v[0], None, v[0].span)


def indexed_instance_reference(b: Builder, v: Values) -> Any:
    return s.InstanceReference(v[0], v[1], b.span())


def reference(b: Builder, v: Values) -> Any:
    return s.Reference(v[0], v[2], b.span())


def instance(b: Builder, v: Values) -> Any:
    return s.Instance(v[0].name, v[0].index, v[2], tuple(v[3]), v[4], b.span(), b.doc())


def layered_instance(b: Builder, v: Values) -> Any:
    return replace(instance(b, v), layered=True)


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


def builder_of(rule: str) -> Callable[[Builder, Values], Any]:
    """The function behind an arrow's name; a trailing underscore keeps it apart from Python's own words."""
    for functions in (globals(), vars(build_values)):
        found: Callable[[Builder, Values], Any] | None = functions.get(f"{rule}_") or functions.get(rule)
        if found is not None:
            return found
    raise KeyError(rule)
