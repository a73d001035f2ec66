"""Formulas over the configurations of an event graph: those that some configuration satisfies, and when.

A configuration is a set of events closed under ``before``. An atom is true in it when for some of its spans the first event
is in and the second is out; so a conjunction of atoms and negated ones is satisfiable exactly when the past of the events
that must be in has none of those that must be out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import inf
from typing import NamedTuple

from madeus.checker.engines.structural.events import EventGraph
from madeus.checker.engines.structural.shape import NEVER, START, Span
from madeus.model import Active, And, Formula, Marked, Not, Or, PortKind

TERMS = 4096
"""Largest number of conjunctions that a formula is unfolded into."""


class TooLarge(Exception):
    """A formula has too many conjunctions."""


class Term(NamedTuple):
    """A conjunction: events that have happened, events that have not."""

    done: frozenset[int]
    not_done: frozenset[int]


TRUE = Term(frozenset(), frozenset())


def clauses(graph: EventGraph, atom: Marked | Active) -> list[list[Span]]:
    """An atom as an AND of ORs of spans, in the events of the whole graph."""
    made = graph.shape_of(atom.component)

    def lifted(spans: tuple[Span, ...] | list[Span]) -> list[Span]:
        return [Span(graph.event(atom.component, s.on), graph.event(atom.component, s.off)) for s in spans]

    if isinstance(atom, Marked):
        if atom.place not in made.enter:
            return [[]]
        return [lifted([Span(made.enter[atom.place], made.leave.get(atom.place, NEVER))])]
    port = made.kind.provide[atom.port]
    if port.kind is PortKind.DATA:
        on = made.enter.get(port.bound[0], NEVER)
        return [lifted([Span(on, NEVER)])] if on != NEVER else [[]]
    table = graph.system.tables[made.kind.name]
    return [lifted(made.spans(holder, table)) for holder in port.bound]


def terms(graph: EventGraph, formula: Formula, positive: bool = True) -> list[Term]:
    """The formula (or its negation) as an OR of conjunctions, without those that are plainly false. Raises TooLarge."""
    match formula:
        case Not(part):
            return terms(graph, part, not positive)
        case And(parts) if positive:
            return _product([terms(graph, p) for p in parts])
        case Or(parts) if not positive:
            return _product([terms(graph, p, False) for p in parts])
        case And(parts) | Or(parts):
            return _limited([t for p in parts for t in terms(graph, p, positive)])
        case Marked() | Active() as atom:
            if positive:
                return _product([[t for s in spans for t in _inside(graph, s)] for spans in clauses(graph, atom)])
            return _limited(
                [term for spans in clauses(graph, atom) for term in _product([list(_outside(graph, s)) for s in spans])]
            )


def _inside(graph: EventGraph, span: Span) -> Iterator[Term]:
    if span.on != START and not (span.on >= 0 and graph.happens[span.on]):
        return
    yield Term(
        frozenset() if span.on == START else frozenset((span.on,)),
        frozenset() if span.off == NEVER else frozenset((span.off,)),
    )


def _outside(graph: EventGraph, span: Span) -> Iterator[Term]:
    if span.on == NEVER:
        yield TRUE
        return
    if span.on != START:
        yield Term(frozenset(), frozenset((span.on,)))
    if span.off != NEVER and graph.happens[span.off]:
        yield Term(frozenset((span.off,)), frozenset())


def _limited(found: list[Term]) -> list[Term]:
    if len(found) > TERMS:
        raise TooLarge
    return found


def _product(factors: list[list[Term]]) -> list[Term]:
    # Conjunctions of one term each are merged first: the usual goal has thousands of them.
    single = [f[0] for f in factors if len(f) == 1]
    done = frozenset().union(*(t.done for t in single))
    not_done = frozenset().union(*(t.not_done for t in single))
    many = [f for f in factors if len(f) != 1]
    count = 1
    for factor in many:
        count *= len(factor)
        if count > TERMS:
            raise TooLarge
    return [
        Term(done.union(*(t.done for t in chosen)), not_done.union(*(t.not_done for t in chosen)))
        for chosen in product(*many)
    ]


def satisfied(graph: EventGraph, term: Term) -> set[int] | None:
    """The least configuration in which a conjunction holds; None when there is none."""
    if not term.done.isdisjoint(term.not_done):
        return None
    past = graph.past(term.done)
    return past if past.isdisjoint(term.not_done) else None


def final(graph: EventGraph, formula: Formula) -> bool:
    """Whether a formula holds where the runs end."""
    match formula:
        case And(parts):
            return all(final(graph, part) for part in parts)
        case Or(parts):
            return any(final(graph, part) for part in parts)
        case Not(part):
            return not final(graph, part)
        case Marked() | Active() as atom:
            return all(any(_lasts(graph, span) for span in spans) for spans in clauses(graph, atom))


def _lasts(graph: EventGraph, span: Span) -> bool:
    came = span.on == START or (span.on >= 0 and bool(graph.happens[span.on]))
    return came and (span.off == NEVER or not graph.happens[span.off])


class NotMonotone(Exception):
    """A formula may be true for a while, so that the time to it is no maximum and minimum of times of events."""


class Moment(NamedTuple):
    """From when a formula holds for good: a time, and the event that brings it (START: it always held)."""

    time: float
    event: int


def moment(graph: EventGraph, formula: Formula, times: list[float]) -> Moment:
    """When a formula comes to hold for good. Raises NotMonotone."""
    match formula:
        case And(parts):
            return max((moment(graph, p, times) for p in parts), default=Moment(0.0, START), key=_by_time(graph))
        case Or(parts):
            return min((moment(graph, p, times) for p in parts), default=Moment(inf, NEVER), key=_by_time(graph))
        case Not(part):
            if all(satisfied(graph, term) is None for term in terms(graph, part)):
                return Moment(0.0, START)
            raise NotMonotone
        case Marked() | Active() as atom:
            key = _by_time(graph)
            found = (
                min((_begins(s, times) for s in spans), default=Moment(inf, NEVER), key=key)
                for spans in _stable(graph, atom)
            )
            return max(found, default=Moment(0.0, START), key=key)


def _by_time(graph: EventGraph) -> Callable[[Moment], tuple[float, int]]:
    return lambda m: (m.time, graph.rank[m.event] if m.event >= 0 else -1)


def _stable(graph: EventGraph, atom: Marked | Active) -> list[list[Span]]:
    """The clauses of an atom, of the spans that count: those whose first event makes it true for good."""
    if isinstance(atom, Active) and graph.shape_of(atom.component).constant[atom.port]:
        return clauses(graph, atom)
    found: list[list[Span]] = []
    for spans in clauses(graph, atom):
        # What holds a single place that is left holds for no time at all: nothing ever keeps it from being left.
        lasting = [s for s in spans if _lasts(graph, s)]
        if len(spans) > 1 and len(lasting) < len(spans):
            raise NotMonotone
        found.append(lasting)
    return found


def _begins(span: Span, times: list[float]) -> Moment:
    if span.on < 0:
        return Moment(0.0, START) if span.on == START else Moment(inf, NEVER)
    return Moment(times[span.on], span.on)
