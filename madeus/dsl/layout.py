"""How each node is written: on one line as cells that line up with those of its neighbours, or as a head with a body.

Pure text from nodes; where comments and empty lines go is `format`'s part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from madeus.dsl import syntax as s
from madeus.dsl.tables import tables

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:-+[A-Za-z0-9_]+)*\Z")


def names(items: Iterable[s.Name]) -> str:
    return ", ".join(item.text for item in items)


# ---- values, expressions, formulas -----------------------------------------------------------------------------------


def expression(node: s.Expression) -> str:
    """An expression with as few parentheses as give the same tree."""
    match node:
        case s.Name():
            return node.text
        case s.Negative():
            return f"-{_operand(node.operand, (s.Sum, s.Product))}"
        case s.Product():
            return " * ".join(_operand(factor, (s.Sum, s.Product)) for factor in node.factors)
        case s.Sum():
            rest = "".join(f" {sign} {_operand(term, (s.Sum,))}" for sign, term in node.rest)
            return f"{_operand(node.first, (s.Sum,))}{rest}"
        case _:
            return value(node)


def _operand(node: s.Expression, wrapped: tuple[type, ...]) -> str:
    text = expression(node)
    return f"({text})" if isinstance(node, wrapped) else text


def value(node: s.Value) -> str:
    match node:
        case s.String() | s.Number() | s.Duration() | s.Percent():
            return node.raw
        case s.Boolean():
            return "true" if node.value else "false"
        case s.Interpolation():
            return f"${{{node.path}}}"
        case s.ListValue():
            return f"[{', '.join(map(expression, node.items))}]"
        case s.MapValue():
            entries = ", ".join(f"{entry.key.text} = {expression(entry.value)}" for entry in node.entries)
            return f"{{ {entries} }}" if entries else "{}"


def formula(node: s.Formula) -> str:
    """A formula with as few parentheses as give the same tree."""
    match node:
        case s.Atom():
            return reference(node.reference)
        case s.Not():
            inner = formula(node.operand)
            return f"not ({inner})" if isinstance(node.operand, s.And | s.Or) else f"not {inner}"
        case s.And():
            return " and ".join(_wrapped(part, (s.And, s.Or)) for part in node.parts)
        case s.Or():
            return " or ".join(_wrapped(part, (s.Or,)) for part in node.parts)


def _wrapped(node: s.Formula, kinds: tuple[type, ...]) -> str:
    text = formula(node)
    return f"({text})" if isinstance(node, kinds) else text


def index(node: s.Index | None) -> str:
    match node:
        case None:
            return ""
        case s.Range():
            return f"[{range_(node)}]"
        case _:
            return f"[{expression(node)}]"


def range_(node: s.Range) -> str:
    return f"{expression(node.low)}..{expression(node.high)}"


def instance_reference(node: s.InstanceReference) -> str:
    return f"{node.name.text}{index(node.index)}"


def reference(node: s.Reference) -> str:
    return f"{instance_reference(node.instance)}.{node.element.text}"


def comparison(node: s.Comparison) -> str:
    return f"{node.operator} {expression(node.value)}"


def host(node: s.Host | None) -> str:
    if node is None:
        return ""
    text = node.name.text
    if not _WORD.match(text) or text in tables().words:
        text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
        text = f'"{text}"'
    return f"on {text}{index(node.index)}"


def parameter(node: s.Parameter) -> str:
    default = "" if node.default is None else f" = {expression(node.default)}"
    return f"{node.name.text}: {node.type.text}{default}"


# ---- statements on one line ------------------------------------------------------------------------------------------


def action(node: s.Action | s.Probe | s.Setting | s.Broken) -> str:
    """One line of an action block."""
    match node:
        case s.Broken():
            return ""
        case s.Probe():
            return f"probe {action(node.action)}"
        case _:
            pieces = [node.name.text]
            for item in node.items:
                if not isinstance(item, s.Option):
                    pieces.append(value(item))
                elif item.value is None:
                    pieces.append(item.name.text)
                else:
                    pieces.append(f"{item.name.text} {value(item.value)}")
            if isinstance(node, s.Action) and node.captures:
                pieces.append(f"-> {names(node.captures)}")
            return " ".join(pieces)


def interval(node: s.Interval | None) -> str:
    if node is None:
        return ""
    if node.high is None:
        return f"takes {node.low.raw}.."
    return f"takes {node.low.raw}" if node.low == node.high else f"takes {node.low.raw}..{node.high.raw}"


def _clause(word: str, items: tuple[s.Name, ...]) -> str:
    return f"{word} {names(items)}" if items else ""


def _typed(name: s.Name, type: s.Name | None) -> str:
    return name.text if type is None else f"{name.text}: {type.text}"


def cells(node: s.Node) -> list[str]:
    """A statement as the cells of its line, without the block it may end with; empty cells take no room."""
    match node:
        case s.Transition():
            return [
                f"transition {node.name.text}:",
                f"{node.source.text} -> {node.target.text}",
                _clause("in", node.behaviors),
                _clause("station", node.stations),
                interval(node.takes),
                "idempotent" if node.idempotent else "",
            ]
        case s.Provide():
            return ["provide", node.kind, _typed(node.name, node.type), f"at {names(node.at)}"]
        case s.Use():
            words: list[str] = [] if node.multiplicity == "one" else [node.multiplicity]
            words += ["optional"] if node.optional else []
            return [
                "use",
                node.kind,
                _typed(node.name, node.type),
                " ".join(words),
                f"{node.binding} {names(node.targets)}",
            ]
        case s.Instance():
            arguments = ", ".join(f"{argument.name.text} = {expression(argument.value)}" for argument in node.arguments)
            made = f"{node.type.text}({arguments})" if arguments else node.type.text
            return [f"{node.name.text}{index(node.index)}:", made, host(node.host), "in layer" if node.layered else ""]
        case s.Connect():
            return [f"connect {reference(node.use)}", f"to {reference(node.provide)}"]
        case s.Disconnect():
            return [f"disconnect {reference(node.use)}", f"from {reference(node.provide)}"]
        case s.RoleLine():
            return [node.word, node.value.raw, "" if node.how is None else node.how.text]
        case s.Lingering():
            return ["lingering", node.how.text, ""]
        case s.RoleVersion():
            origin = ""
            if isinstance(node.origin, s.String):
                origin = f"from {node.origin.raw}"
            elif node.origin is not None:
                origin = f"from {node.origin[0].text} {node.origin[1].text}"
            return [f"version {node.version.raw}", origin, "" if node.after is None else f"after {node.after.raw}"]
        case _:
            return [line(node)]


def line(node: s.Node) -> str:
    """Any other statement, or the head of one with a block."""
    match node:
        case s.Import():
            return f"import {node.path.raw}"
        case s.Durations():
            return f"durations {node.path.raw}"
        case s.Secret():
            return f"secret {node.name.text}"
        case s.Component() | s.Assembly():
            given = ", ".join(map(parameter, node.parameters))
            word = "component" if isinstance(node, s.Component) else "assembly"
            return f"{word} {node.name.text}({given})" if given else f"{word} {node.name.text}"
        case s.Program():
            rollback = " on_failure rollback" if node.rollback else ""
            return f"program {node.name.text} for {node.assembly.text}{rollback}"
        case s.Verify():
            after = ", ".join(" and ".join(name.text for name in phase) for phase in node.after)
            return f"verify {node.assembly.text} after {after}" if after else f"verify {node.assembly.text}"
        case s.Rollout():
            return f"rollout {node.name.text} of program {node.program.text} over {node.fleet.text}"
        case s.Role():
            return f"role {node.name.text}"
        case s.Base():
            return f"base {node.name.text}" + ("" if node.source is None else f" from {node.source.raw}")
        case s.Places():
            return f"{'initial ' if node.initial else ''}place {names(node.names)}"
        case s.Group():
            return f"group {node.name.text} = {names(node.places)}"
        case s.Behavior():
            return f"behavior {node.name.text}"
        case s.Action() | s.Probe() | s.Setting():
            return action(node)
        case s.Parameter():
            return parameter(node)
        case s.For():
            return f"for {node.variable.text} in {range_(node.range)}"
        case s.Add():
            return f"add {' '.join(filter(None, cells(node.instance)))}"
        case s.Delete():
            return f"delete {instance_reference(node.instance)}"
        case s.Push():
            label = "" if node.label is None else f" as {node.label.text}"
            failed = "" if node.on_failure is None else f" on_failure push {reference(node.on_failure)}"
            return f"push {reference(node.behavior)}{label}{failed}"
        case s.Wait():
            return "wait all" if node.target is None else f"wait {instance_reference(node.target)}"
        case _:
            return _property(node)


def _property(node: s.Node) -> str:
    match node:
        case s.Goal():
            return f"goal {node.name.text} = {formula(node.formula)}"
        case s.Deployable():
            return f"deployable {node.goal.text}{'' if node.mode == 'always' else f' {node.mode}'}"
        case s.Reachable():
            return f"reachable {node.goal.text}"
        case s.Sequence():
            return f"sequence {', '.join(map(reference, node.steps))}"
        case s.Parallelism():
            bound = "" if node.bound is None else f" {comparison(node.bound)}"
            of = f" of {', '.join(map(instance_reference, node.of))}" if node.of else ""
            return f"parallelism{bound}{of}"
        case s.DurationBound():
            return f"duration {node.goal.text} {comparison(node.bound)}"
        case s.Boundaries():
            return f"boundaries {node.goal.text}"
        case s.Forbidden():
            return f"forbidden {formula(node.formula)}"
        case s.Available():
            off = "" if node.off is None else f" off {comparison(node.off)}"
            return f"available {reference(node.port)}{off}"
        case s.Terminates():
            return "terminates"
        case s.Confluent():
            return "confluent"
        case s.Parametric():
            return f"parametric {reference(node.transition)} for {node.goal.text} {comparison(node.bound)}"
        case s.WithFailures():
            return f"with failures {expression(node.count)}"
        case _:
            raise TypeError(f"a {type(node).__name__} is not a statement")
