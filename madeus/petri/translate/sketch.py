"""A net under construction: transitions with guards, and places whose tokens follow from others.

A guard is a conjunction of clauses, a clause a disjunction of alternatives, an alternative a conjunction of tests of one place
each. Petri nets have conjunctions only, so a transition with a disjunction is drawn once for each way to satisfy it; where that
would multiply, a *sum place* counts how many of the alternatives hold, and one read arc asks for at least one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from madeus.model import Interval
from madeus.petri.element import Element, ElementKind
from madeus.petri.net import Arcs, Net, NetBuilder
from madeus.petri.translate.facts import Event
from madeus.semantics.step import URGENT, Step, StepKind

SPLIT = 4
"""Ways to satisfy a guard that are drawn as transitions of their own before sum places are tried."""

SPLIT_AT_MOST = 4096
"""Ways that are drawn where no sum place can help."""


class TranslationError(Exception):
    """The system cannot be translated to a net of reasonable size, or names what does not exist."""


class Test(NamedTuple):
    """At least ``weight`` tokens on a place or, when not positive, fewer."""

    place: int
    weight: int = 1
    positive: bool = True

    def negated(self) -> Test:
        """The opposite test."""
        return Test(self.place, self.weight, not self.positive)


Alternative = tuple[Test, ...]
"""Every test holds."""

Clause = tuple[Alternative, ...]
"""Some alternative holds; an empty one never."""

Guard = tuple[Clause, ...]
"""Every clause holds."""

NEVER: Clause = ()
ALWAYS: Guard = ()

Tag = tuple[int, Event]
"""A local event of a component, by the component's number in the sketch."""


class _Draft(NamedTuple):
    name: str
    label: Step
    pre: tuple[int, ...]
    post: tuple[int, ...]
    tests: Iterable[Test]
    interval: Interval | None
    tags: Sequence[Tag]
    delta: Sequence[tuple[int, int]]


class Sketch:
    """Places and drafts of transitions; ``net`` adds the arcs of sum places and builds."""

    def __init__(self, name: str) -> None:
        self.builder = NetBuilder(name)
        self.elements: list[Element] = []
        self._bounds: list[int] = []
        self._room: list[int] = []  # bounds, where two tokens that clash count, too
        self._drafts: list[_Draft] = []
        self._names: dict[str, int] = {}
        self._terms: dict[int, dict[int, int]] = {}
        self._sums: dict[tuple[int, frozenset[tuple[int, int]]], int] = {}
        self._flags: dict[Tag, list[tuple[int, int]]] = {}
        self.everywhere: dict[StepKind, Guard] = {}
        """Guards of all transitions for steps of a kind that are drafted from now on."""

    def place(
        self,
        element: Element,
        name: str,
        tokens: int = 0,
        single: bool = False,
        bound: int = 1,
        *,
        clashing: bool = False,
    ) -> int:
        """Add a place. bound: the largest number of tokens, before a clash ends the run.

        single: two tokens in it clash. clashing: they do by a sum that it is part of.
        """
        number = self.builder.place(name, tokens, single)
        self.elements.append(element)
        self._bounds.append(bound)
        self._room.append(bound + (single or clashing))
        return number

    def sum(
        self, element: Element, name: str, constant: int, terms: Mapping[int, int], bound: int | None = None
    ) -> int:
        """A place that always holds ``constant`` plus the tokens of other places times their factors; never a negative number.

        bound: the largest number of tokens, where it is known. Equal sums are one place.
        """
        basic: dict[int, int] = {}
        for place, factor in terms.items():
            inner = self._terms.get(place)
            if inner is None:
                basic[place] = basic.get(place, 0) + factor
                continue
            constant += factor * (self.builder.initial[place] - self._now(inner))
            for deeper, times in inner.items():
                basic[deeper] = basic.get(deeper, 0) + factor * times
        basic = {place: factor for place, factor in basic.items() if factor}
        if constant == 0 and list(basic.values()) == [1]:
            return next(iter(basic))
        most = constant + sum(factor * self._bounds[place] for place, factor in basic.items() if factor > 0)
        most = most if bound is None else min(most, bound)
        key = (constant, frozenset(basic.items()))
        known = self._sums.get(key)
        if known is not None:
            self._bounds[known] = min(self._bounds[known], most)
        else:
            known = self.place(element, self._unique(name), constant + self._now(basic), bound=most)
            self._sums[key] = known
            self._terms[known] = basic
        return known

    def _now(self, terms: Mapping[int, int]) -> int:
        return sum(factor * self.builder.initial[place] for place, factor in terms.items())

    def flag(self, element: Element, name: str, tokens: int, changes: Mapping[Tag, int]) -> int:
        """A place that local events set (+1) and clear (-1), wherever they are drawn."""
        number = self.place(element, self._unique(name), tokens)
        for tag, change in changes.items():
            self._flags.setdefault(tag, []).append((number, change))
        return number

    def transition(
        self,
        label: Step,
        pre: Sequence[int],
        post: Sequence[int],
        guard: Guard = ALWAYS,
        *,
        interval: Interval | None = None,
        tag: Tag | None = None,
        other: Tag | None = None,
        delta: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Draft the transitions of a step: one for each way to satisfy its guard.

        tag, other: the local events that it is. delta: further changes of places, as (place, tokens).
        """
        tags = [t for t in (tag, other) if t is not None]
        guard = (*guard, *self.everywhere.get(label.kind, ()))
        ways: Iterable[Alternative] = self._ways(label, pre, guard) if guard else ((),)
        for tests in ways:
            name = self._unique(str(label))
            self._drafts.append(_Draft(name, label, tuple(pre), tuple(post), tests, interval, tags, delta))

    def _unique(self, name: str) -> str:
        count = self._names.get(name, 0) + 1
        self._names[name] = count
        return name if count == 1 else f"{name} #{count}"

    def _ways(self, label: Step, pre: Sequence[int], guard: Guard) -> Iterable[Alternative]:
        base: set[Test] = set()
        facts = _Known(pre)
        pending = facts.propagate(guard, base)
        if pending is None:
            return ()
        while _count(pending) > SPLIT:
            best = max((c for c in pending if self._summable(c)), key=len, default=None)
            if best is None:
                break
            pending.remove(best)
            base.add(self._any_of(label, best))
        if _count(pending) > SPLIT_AT_MOST:
            raise TranslationError(f"{label} can be enabled in more than {SPLIT_AT_MOST} ways")
        ways = []
        for choice in product(*pending):
            tests = {*base, *(test for alternative in choice for test in alternative)}
            if not any(_contradict(test, tests) for test in tests):
                ways.append(_strongest(tests))
        return dict.fromkeys(ways)

    def _summable(self, clause: Clause) -> bool:
        return all(
            len(alternative) == 1
            and alternative[0].weight == 1
            and (alternative[0].positive or self._room[alternative[0].place] <= 1)
            for alternative in clause
        )

    def _any_of(self, label: Step, clause: Clause) -> Test:
        tests = [alternative[0] for alternative in clause]
        constant = sum(not test.positive for test in tests)
        terms: dict[int, int] = {}
        for test in tests:
            terms[test.place] = terms.get(test.place, 0) + (1 if test.positive else -1)
        element = Element(ElementKind.SUM, label.component, f"ways of {label}")
        return Test(self.sum(element, f"ways of {label}", constant, terms))

    def net(self) -> Net:
        """The finished net."""
        summed: dict[int, list[tuple[int, int]]] = {}
        for place, terms in self._terms.items():
            for basic, factor in terms.items():
                summed.setdefault(basic, []).append((place, factor))
        for draft in self._drafts:
            pre, post = _arcs(draft, self._flags, summed)
            read = tuple([(test.place, test.weight) for test in draft.tests if test.positive])
            inhibit = tuple([(test.place, test.weight) for test in draft.tests if not test.positive])
            urgent = draft.label.kind in URGENT
            self.builder.transition(
                draft.name, pre, post, read, inhibit, label=draft.label, urgent=urgent, interval=draft.interval
            )
        initial = self.builder.initial
        sums = {place: (initial[place] - self._now(terms), terms) for place, terms in self._terms.items()}
        return self.builder.build(self._bounds, sums)


def _arcs(
    draft: _Draft, flags: Mapping[Tag, list[tuple[int, int]]], summed: Mapping[int, list[tuple[int, int]]]
) -> tuple[Arcs, Arcs]:
    pre = [(place, 1) for place in draft.pre]
    post = [(place, 1) for place in draft.post]
    changes = [*draft.delta, *(change for tag in draft.tags for change in flags.get(tag, ()))]
    if summed:
        total: dict[int, int] = {}
        moved = [*((place, -1) for place in draft.pre), *((place, 1) for place in draft.post), *changes]
        for place, tokens in moved:
            for sum_place, factor in summed.get(place, ()):
                total[sum_place] = total.get(sum_place, 0) + factor * tokens
        changes.extend(total.items())
    for place, tokens in changes:
        if tokens < 0:
            pre.append((place, -tokens))
        elif tokens > 0:
            post.append((place, tokens))
    return tuple(pre), tuple(post)


class _Known:
    """Tests that are known to hold, for simplifying a guard."""

    def __init__(self, pre: Sequence[int]) -> None:
        self.at_least = dict.fromkeys(pre, 1)
        self.fewer: dict[int, int] = {}

    def propagate(self, guard: Guard, base: set[Test]) -> list[Clause] | None:
        """Clauses with a real choice left; tests that have to hold go to ``base``. None: the guard cannot be satisfied."""
        pending = list(guard)
        changed = True
        while changed:
            changed = False
            rest: list[Clause] = []
            for clause in pending:
                left = self._simplified(clause)
                if left is None:
                    continue
                if not left:
                    return None
                if len(left) == 1:
                    changed = True
                    for test in left[0]:
                        if self._contradicts(test):
                            return None
                        self._learn(test)
                        base.add(test)
                else:
                    rest.append(left)
            pending = rest
        return pending

    def _simplified(self, clause: Clause) -> Clause | None:
        """The alternatives that are still possible, without what is known; None: the clause holds."""
        left: dict[Alternative, None] = {}
        for alternative in clause:
            if any(self._contradicts(test) for test in alternative):
                continue
            reduced = tuple([test for test in alternative if not self._implies(test)])
            if not reduced:
                return None
            left[reduced] = None
        return tuple(left)

    def _implies(self, test: Test) -> bool:
        if test.positive:
            return self.at_least.get(test.place, 0) >= test.weight
        return test.place in self.fewer and self.fewer[test.place] <= test.weight

    def _contradicts(self, test: Test) -> bool:
        if test.positive:
            return test.place in self.fewer and self.fewer[test.place] <= test.weight
        return self.at_least.get(test.place, 0) >= test.weight

    def _learn(self, test: Test) -> None:
        if test.positive:
            self.at_least[test.place] = max(self.at_least.get(test.place, 0), test.weight)
        else:
            self.fewer[test.place] = min(self.fewer.get(test.place, test.weight), test.weight)


def _count(pending: Sequence[Clause]) -> int:
    count = 1
    for clause in pending:
        count *= len(clause)
    return count


def _contradict(test: Test, tests: set[Test]) -> bool:
    if test.positive:
        return any(not o.positive and o.place == test.place and o.weight <= test.weight for o in tests)
    return False


def _strongest(tests: set[Test]) -> Alternative:
    """The tests without those that follow from others, in order of places."""
    best: dict[tuple[int, bool], int] = {}
    for place, weight, positive in tests:
        key = (place, positive)
        known = best.get(key, weight)
        best[key] = max(known, weight) if positive else min(known, weight)
    return tuple(Test(place, weight, positive) for (place, positive), weight in sorted(best.items()))
