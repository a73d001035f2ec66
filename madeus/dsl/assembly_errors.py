"""Sentences about instances, loops and connections."""

from __future__ import annotations

from madeus.diagnostics import Diagnostic, Span, error, warning

INSTANCE_LIMIT = 100_000
"""Most instances of one assembly."""
CONNECTION_LIMIT = 500_000
"""Most connections of one assembly, and most turns of all its loops together."""


def unconnected(
    instance: str, port: str, type_name: str, span: Span, declared: Span, later: Span | None, rest: int
) -> Diagnostic:
    message = f"`{instance}.{port}` is connected to nothing"
    notes = (f"nor are {rest} more of its like",) if rest else ()
    related = ((declared, f"`{type_name}` needs it"),)
    if later is not None:
        return warning(
            "MAD120",
            message,
            span,
            related=(*related, (later, "connected here, by a program")),
            help="until that program has run, whatever needs the port waits",
            notes=notes,
        )
    return error(
        "MAD120",
        message,
        span,
        related=related,
        help=f"write `connect {instance}.{port} to <instance>.<port>`, or declare the port `optional`",
        notes=notes,
    )


def too_many_connections(port: str, span: Span, first: Span, declared: Span) -> Diagnostic:
    return error(
        "MAD121",
        f"`{port}` takes one connection and gets another",
        span,
        related=((first, "the first"), (declared, "declared here"))
        if first != span
        else ((declared, "declared here"),),
        help="declare the port `any` (one provider is enough) or `all` (it needs every one), or connect it once",
    )


def empty_range(low: int, high: int, span: Span) -> Diagnostic:
    return error("MAD122", f"the range {low}..{high} is empty", span, help="both ends count: `1..3` is 1, 2, 3")


def too_many(what: str, limit: int, span: Span) -> Diagnostic:
    return error("MAD123", f"this makes more than {limit:,} {what}", span, help="choose smaller bounds")


def ranges_differ(instances: int, hosts: int, span: Span, first: Span) -> Diagnostic:
    return error(
        "MAD124",
        f"{_count(instances, 'instance')} on {_count(hosts, 'host')}",
        span,
        related=((first, _count(instances, "instance")),),
        help="give both the same number, or name one host for all",
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def negative_index(value: int, span: Span) -> Diagnostic:
    return error("MAD125", f"{value} cannot number a replica", span, help="replicas are numbered from 0 or 1 on")


def circular_wait(steps: tuple[tuple[str, str, Span], ...], assembly: str) -> Diagnostic:
    """steps: what waits, for what, and where that is written."""
    chain = ", ".join(f"`{one}` waits for `{other}`" for one, other, _ in steps)
    return warning(
        "MAD126",
        f"in assembly `{assembly}` these wait for each other for ever: {chain}",
        steps[0][2],
        related=tuple((span, f"`{one}` waits for `{other}`") for one, other, span in steps[1:]),
        help="the deployment stops here on every run: one of them has to do without the other",
    )


def never_kept(port: str, instance_port: str, span: Span, declared: Span, assembly: str) -> Diagnostic:
    return warning(
        "MAD127",
        f"in assembly `{assembly}` the port `{instance_port}` never takes a user, and `{port}` needs it",
        span,
        related=((declared, "goes off again as soon as it is up"),),
        help="the behavior `deploy` leaves its places, so it refuses users: bind it to the place where `deploy` ends, or to a "
        "group that `deploy` stays in",
    )


def never_active(port: str, instance_port: str, span: Span, declared: Span, assembly: str) -> Diagnostic:
    return warning(
        "MAD127",
        f"in assembly `{assembly}` the port `{instance_port}` never comes up, and `{port}` needs it",
        span,
        related=((declared, "never comes up when deployed"),),
        help="its places are not all reached by the behavior `deploy`",
    )
