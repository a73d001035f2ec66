"""Sentences about the life cycle of a component type."""

from __future__ import annotations

from collections.abc import Sequence

from madeus.diagnostics import Diagnostic, Edit, Fix, Span, error, warning


def listed(words: Sequence[str]) -> str:
    """`a`, `b` and `c`."""
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def no_initial_place(owner: str, span: Span, first_place: Span | None) -> Diagnostic:
    fix = None
    if first_place is not None:
        fix = Fix(
            "make the first place the initial one", (Edit(first_place._replace(end=first_place.start), "initial "),)
        )
    return error(
        "MAD110",
        f"`{owner}` has no initial place",
        span,
        help="an instance begins somewhere: write `initial place ...`",
        fix=fix,
    )


def unreachable_place(name: str, owner: str, span: Span, entered: bool) -> Diagnostic:
    return warning(
        "MAD111",
        f"the place `{name}` of `{owner}` is never reached",
        span,
        help="the transitions that lead to it start from places that are never reached either"
        if entered
        else "no transition leads to it and it is not initial",
    )


def behavior_without_transitions(name: str, owner: str, span: Span) -> Diagnostic:
    return warning(
        "MAD112",
        f"the behavior `{name}` of `{owner}` has no transitions",
        span,
        help=f"put transitions in its block, or name it in them: `in {name}`",
    )


def behavior_cannot_start(name: str, owner: str, span: Span, sources: Sequence[tuple[str, Span]]) -> Diagnostic:
    return warning(
        "MAD112",
        f"the behavior `{name}` of `{owner}` can never start",
        span,
        related=tuple((place, "never reached") for _, place in sources),
        help=f"its transitions leave {listed([place for place, _ in sources])}, which nothing leads to",
    )


def station_on_two_places(name: str, place: str, other: str, span: Span, first: Span) -> Diagnostic:
    return error(
        "MAD113",
        f"the station `{name}` joins transitions to different places, `{other}` and `{place}`",
        span,
        related=((first, f"to `{other}` here"),),
        help="a station belongs to one place: give it another name here",
    )


def join_never_complete(
    owner: str, place: str, taken: Sequence[tuple[str, Span]], missing: Sequence[tuple[str, Span]], behavior: str
) -> Diagnostic:
    related = tuple((span, f"`{name}` is never taken together with it") for name, span in missing)
    names = [name for name, _ in (*taken, *missing)]
    return warning(
        "MAD114",
        f"the join of {listed(names)} before `{place}` of `{owner}` never completes",
        taken[0][1],
        related=related,
        help="transitions of one behavior that enter a place wait for each other; give those that do not belong together "
        "stations of their own: `station first`",
        notes=(f"behavior `{behavior}` stops there",),
    )


def initial_place_needs_service(port: str, place: str, span: Span, declared: Span) -> Diagnostic:
    return error(
        "MAD115",
        f"the use port `{port}` is needed during `{place}`, which is initial",
        span,
        related=((declared, "marked as soon as the instance is made"),),
        help="nothing is connected at that moment: bind the port to a later place, or to transitions with `for`",
    )


def empty_interval(transition: str, low: str, high: str, span: Span, notes: tuple[str, ...] = ()) -> Diagnostic:
    return error(
        "MAD116",
        f"`{transition}` takes at least {low} and at most {high}",
        span,
        help=f"swap the two: `takes {high}..{low}`",
        notes=notes,
    )


def action_in_place(name: str, span: Span) -> Diagnostic:
    return error(
        "MAD117",
        f"a place does nothing, so `{name}` cannot stand here",
        span,
        help=f"put it in a transition, or write `probe {name} ...` to look whether the place holds",
        fix=Fix("make it a probe", (Edit(span._replace(end=span.start), "probe "),)),
    )


def second_probe(span: Span, first: Span) -> Diagnostic:
    return error("MAD118", "there are two probes", span, related=((first, "the first"),), help="keep one")


def probe_captures(span: Span) -> Diagnostic:
    return error(
        "MAD119",
        "a probe gives no values: it succeeds or not",
        span,
        help="remove `->`; an action of a transition gives values",
    )
