"""Sentences about programs, verify blocks, rollouts and roles."""

from __future__ import annotations

from madeus.diagnostics import Diagnostic, Span, error, warning


def added_again(name: str, span: Span, first: Span) -> Diagnostic:
    return error(
        "MAD130",
        f"`{name}` exists already when it is added",
        span,
        related=((first, "made here"),),
        help="choose another name, or delete the first one before",
    )


def deleted_before(name: str, span: Span, deleted: Span) -> Diagnostic:
    return error("MAD131", f"`{name}` has been deleted before", span, related=((deleted, "deleted here"),))


def deleted_connected(name: str, connection: str, span: Span, connected: Span | None, disconnect: str) -> Diagnostic:
    return error(
        "MAD132",
        f"`{name}` is deleted while `{connection}` is connected",
        span,
        related=((connected, "connected here"),) if connected is not None else (),
        help=f"write `{disconnect}` before it",
    )


def not_connected(connection: str, span: Span, disconnected: Span | None) -> Diagnostic:
    return error(
        "MAD133",
        f"there is no connection `{connection}` to take away",
        span,
        related=((disconnected, "disconnected here before"),) if disconnected is not None else (),
    )


def push_cannot_start(component: str, behavior: str, span: Span, declared: Span) -> Diagnostic:
    return warning(
        "MAD134",
        f"`{behavior}` does nothing when it is pushed to `{component}` here",
        span,
        related=((declared, "none of its transitions leaves a place marked then"),),
        help="push the behavior that brings the component there first",
    )


def label_given_later(name: str, span: Span, given: Span) -> Diagnostic:
    return error(
        "MAD135",
        f"the label `{name}` is given only after this `wait`",
        span,
        related=((given, "given here"),),
        help="put the `push` before the `wait`",
    )


def recovery_differs(pushed: int, recovering: int, span: Span) -> Diagnostic:
    return error(
        "MAD136",
        f"{pushed} components are pushed, and {recovering} would recover",
        span,
        help="name the same replicas in both, or one single component",
    )


def added_unconnected(instance: str, port: str, span: Span, declared: Span) -> Diagnostic:
    return warning(
        "MAD137",
        f"`{instance}.{port}` is connected to nothing when the program ends",
        span,
        related=((declared, "the type needs it"),),
        help=f"write `connect {instance}.{port} to <instance>.<port>`, or declare the port `optional`",
    )


# ---- verify ----------------------------------------------------------------------------------------------------------


def senseless_comparison(operator: str, what: str, allowed: str, span: Span) -> Diagnostic:
    return error("MAD140", f"`{operator}` makes no sense for {what}", span, help=f"write one of {allowed}")


def short_sequence(span: Span) -> Diagnostic:
    return error("MAD141", "a sequence of one transition says nothing", span, help="name two or more, in their order")


def nested_failures(span: Span, outer: Span) -> Diagnostic:
    return error(
        "MAD142",
        "`with failures` stands in another one",
        span,
        related=((outer, "the outer one"),),
        help="put the two blocks side by side",
    )


def foreign_program(program: str, of: str, assembly: str, span: Span, declared: Span) -> Diagnostic:
    return error(
        "MAD143",
        f"the program `{program}` is for assembly `{of}`, not for `{assembly}`",
        span,
        related=((declared, f"for `{of}`"),),
    )


def ambiguous_element(name: str, owner: str, span: Span, place: Span, port: Span) -> Diagnostic:
    return error(
        "MAD144",
        f"`{name}` of `{owner}` is a place and a provide port",
        span,
        related=((place, "the place"), (port, "the port")),
        help="rename one of the two: a formula could mean either",
    )


def one_instance(name: str, count: int, what: str, span: Span) -> Diagnostic:
    return error(
        "MAD145",
        f"{what} is about one instance, and `{name}` is {count}",
        span,
        help=f"name one of them: `{name}[...]`",
    )


def negative_number(what: str, span: Span) -> Diagnostic:
    return error("MAD146", f"{what} cannot be negative", span)


# ---- rollouts and roles ----------------------------------------------------------------------------------------------


def wrong_setting(name: str, form: str, span: Span) -> Diagnostic:
    return error("MAD150", f"the setting `{name}` cannot be read", span, help=f"write `{form}`")


def two_protocols(protocol: Span, stages: Span) -> Diagnostic:
    return error(
        "MAD150",
        "`stages` takes the place of a protocol",
        stages,
        related=((protocol, "the protocol"),),
        help="keep one of the two",
    )


def wrong_base(role: str, count: int, span: Span) -> Diagnostic:
    return error(
        "MAD151",
        f"role `{role}` has {'no base' if count == 0 else f'{count} bases'}",
        span,
        help="write exactly one `base <layer>`",
    )


def broken_chain(version: str, role: str, span: Span, first: Span, reason: str) -> Diagnostic:
    return error(
        "MAD152",
        f'version "{version}" of role `{role}` {reason}',
        span,
        related=((first, "this one"),) if first != span else (),
        help="versions form one line: the first has no `after`, each other one names the one before it",
    )


def wrong_origin(word: str, span: Span) -> Diagnostic:
    return error("MAD153", f"a version cannot come from a `{word}`", span, help="write `from package <machine>`")
