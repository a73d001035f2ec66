"""Sentences about values and the types of ports."""

from __future__ import annotations

from collections.abc import Sequence

from madeus.diagnostics import Diagnostic, Edit, Fix, Span, error

_SHOWN = 12
"""Names in a message."""


def wrong_type(what: str, wanted: str, got: str, span: Span, declared: Span | None = None) -> Diagnostic:
    return error(
        "MAD085",
        f"{what} is {_article(wanted)}, not {_article(got)}",
        span,
        related=((declared, "declared here"),) if declared is not None else (),
        help=_WAYS.get(wanted),
    )


_WAYS = {
    "string": "texts stand in double quotes",
    "duration": "times carry a unit: `30s`, `5min`",
    "int": "whole numbers are written without a point and without quotes",
    "bool": "write `true` or `false`",
    "list": "lists stand in brackets: `[1, 2]`",
}


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def missing_argument(name: str, type_name: str, value_type: str, span: Span, declared: Span) -> Diagnostic:
    return error(
        "MAD086",
        f"`{type_name}` needs a value for its parameter `{name}`",
        span,
        related=((declared, "declared without a default here"),),
        help=f"write `{type_name}({name} = <{value_type}>)`",
    )


def not_a_number(got: str, what: str, span: Span) -> Diagnostic:
    return error("MAD087", f"{what} needs a whole number, and this is {got}", span)


def no_arithmetic(got: str, span: Span) -> Diagnostic:
    return error("MAD087", f"`+`, `-` and `*` work on numbers, and this is {got}", span)


def wrong_option(option: str, action: str, wanted: str, got: str, span: Span) -> Diagnostic:
    return error("MAD088", f"`{option}` of `{action}` takes {wanted}, not {got}", span)


def too_large(span: Span) -> Diagnostic:
    return error("MAD089", "the number has more than 18 digits", span, help="the language counts up to 10^18")


def circular_parameters(names: tuple[str, ...], span: Span, others: tuple[tuple[Span, str], ...]) -> Diagnostic:
    chain = " -> ".join(f"`{name}`" for name in (*names, names[0]))
    return error(
        "MAD090",
        f"the default of `{names[0]}` needs its own value: {chain}",
        span,
        related=others,
        help="give one of them a value of its own",
    )


def parameter_without_value(name: str, assembly: str, span: Span) -> Diagnostic:
    return error(
        "MAD091",
        f"the parameter `{name}` of assembly `{assembly}` has no value",
        span,
        help=f"give it a default, or a value from outside: `{assembly}.{name}=...`",
    )


def unknown_override(key: str, near: str | None, parameters: Sequence[str]) -> Diagnostic:
    """parameters: all that the file's assemblies have, as ``assembly.parameter``."""
    more = f" and {len(parameters) - _SHOWN} more" if len(parameters) > _SHOWN else ""
    there = ", ".join(f"`{p}`" for p in parameters[:_SHOWN]) + more
    short = parameters[0].rpartition(".")[2] if parameters else ""
    return error(
        "MAD092",
        f"the setting `{key}` names no parameter of an assembly",
        None,
        help=f"did you mean `{near}`?"
        if near
        else f"there is {there}; settings are written `{short}=value` or `{parameters[0]}=value`"
        if parameters
        else "no assembly of the file has parameters",
    )


def wrong_override(key: str, value: str, wanted: str, declared: Span) -> Diagnostic:
    return error(
        "MAD092",
        f"the setting `{key}={value}` does not give {_article(wanted)}",
        declared,
        help=_WAYS.get(wanted),
    )


# ---- ports -----------------------------------------------------------------------------------------------------------


def kind_mismatch(
    use: str, use_kind: str, provide: str, provide_kind: str, span: Span, ends: tuple[Span, Span]
) -> Diagnostic:
    return error(
        "MAD095",
        f"`{use}` uses {_kind(use_kind)}, and `{provide}` provides {_kind(provide_kind)}",
        span,
        related=((ends[0], f"uses {_kind(use_kind)}"), (ends[1], f"provides {_kind(provide_kind)}")),
        help="connect ports of the same kind",
    )


def _kind(kind: str) -> str:
    return "data" if kind == "data" else "a service"


def not_a_service(port: str, span: Span, declared: Span) -> Diagnostic:
    return error(
        "MAD095",
        f"`{port}` provides data, which never goes off",
        span,
        related=((declared, "a data port"),),
        help="`available` asks about services",
    )


def wrong_direction(port: str, is_use: bool, span: Span, declared: Span, swap: bool, what: str = "") -> Diagnostic:
    is_, wanted = ("use", "provide") if is_use else ("provide", "use")
    return error(
        "MAD096",
        f"`{port}` is a {is_} port, and a {wanted} port is meant here",
        span,
        related=((declared, f"the {is_} port"),),
        help=what or ("swap the two ends: `connect <use port> to <provide port>`" if swap else None),
    )


def data_type_mismatch(
    use: str, use_type: str, provide: str, provide_type: str, span: Span, ends: tuple[Span, Span]
) -> Diagnostic:
    return error(
        "MAD097",
        f"`{use}` wants {_article(use_type)}, and `{provide}` gives {_article(provide_type)}",
        span,
        related=((ends[0], use_type), (ends[1], provide_type)),
        help="give both ports the same type",
    )


def data_without_type(name: str, span: Span) -> Diagnostic:
    return error(
        "MAD098",
        f"the data port `{name}` says no type",
        span,
        help=f"write `{name}: string`, or another type",
        fix=Fix(
            "add `: string`",
            (Edit(span._replace(start_line=span.end_line, start_column=span.end_column, start=span.end), ": string"),),
        ),
    )


def service_with_type(name: str, span: Span) -> Diagnostic:
    return error("MAD098", f"the service port `{name}` has no value, so it has no type", span, help="drop the type")


def data_at_many(name: str, span: Span, group: Span | None) -> Diagnostic:
    if group is not None:
        return error(
            "MAD099",
            f"the data port `{name}` is bound to a group",
            span,
            related=((group, "the group"),),
            help="data is produced when one place is entered: name that place",
        )
    return error(
        "MAD099",
        f"the data port `{name}` is bound to more than one place",
        span,
        help="data is produced when one place is entered: keep one, or declare one port a place",
    )


def data_during(name: str, span: Span) -> Diagnostic:
    return error(
        "MAD100",
        f"the data port `{name}` is used `during` a place",
        span,
        help="data is read by transitions: bind it with `for`",
    )


def captured_elsewhere(
    port: str, transition: str, destination: str, bound: str, span: Span, declared: Span
) -> Diagnostic:
    return error(
        "MAD101",
        f"`{transition}` leads to `{destination}`, and the data port `{port}` is produced at `{bound}`",
        span,
        related=((declared, f"bound to `{bound}` here"),),
        help=f"capture it in a transition to `{bound}`, or bind the port to `{destination}`",
    )


def not_captured(port: str, owner: str, span: Span, help_: str | None, declared: Span | None) -> Diagnostic:
    return error(
        "MAD102",
        f"`{port}` is no data provide port of `{owner}`",
        span,
        related=((declared, "declared here"),) if declared is not None else (),
        help=help_,
    )


def produced_twice(port: str, transition: str, other: str, span: Span, first: Span) -> Diagnostic:
    return error(
        "MAD103",
        f"`{transition}` and `{other}` are joined and both produce `{port}`",
        span,
        related=((first, f"`{other}` produces it here"),),
        help="which value counts would be left to chance: let one of them produce it",
    )


def hole_not_bound(port: str, transition: str, span: Span, declared: Span) -> Diagnostic:
    return error(
        "MAD104",
        f"the data port `{port}` is not bound to `{transition}`",
        span,
        related=((declared, "bound to other transitions here"),),
        help=f"add `{transition}` to the port's `for`",
    )
