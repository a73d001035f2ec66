"""Conditions on several modules, and where runs end: is there a choice of one state from each set of a product?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from madeus.checker.engines.explicit.target import Condition, Some
from madeus.checker.engines.modular.kinds import Kind
from madeus.checker.engines.modular.parts import NotModular
from madeus.checker.engines.modular.search import Product, Search
from madeus.checker.engines.modular.split import CENTER, Form, Split, satisfied

CLAUSES = 20_000
"""Ways to satisfy a condition that are tried one by one, at most."""

VETOES = 4_096
"""Sets of joint steps that the islands may hold back together where a run ends, at most."""


class Atom(NamedTuple):
    """A condition on one module."""

    module: int
    form: Form


Tree = Atom | bool | tuple[str, tuple["Tree", ...]]
"""A condition without negations but in atoms: ("and" | "or", parts)."""

Clause = dict[int, Form]
"""For some islands what their states have to satisfy."""


def tree(split: Split, condition: Condition, wanted: bool = True) -> Tree:
    """A condition on the net's places as one on modules; not wanted: its opposite."""
    owner = split.parts.owner
    if isinstance(condition, Some):
        by_module: dict[int, list[int]] = {}
        for place in condition.places:
            by_module.setdefault(owner[place], []).append(place)
        parts = [_atom(split, module, Some(tuple(places), 1), wanted) for module, places in by_module.items()]
        return _joined("or" if wanted else "and", parts)
    word, inner = condition
    if word == "not":
        return tree(split, inner[0], not wanted)
    return _joined(word if wanted else {"and": "or", "or": "and"}[word], [tree(split, part, wanted) for part in inner])


def _atom(split: Split, module: int, condition: Condition, wanted: bool) -> Atom:
    form = split.modules[module].form(condition)
    return Atom(module, form if wanted else ("not", (form,)))


def _joined(word: str, parts: Sequence[Tree]) -> Tree:
    """A conjunction or disjunction; atoms on one module become one."""
    neutral = word == "and"
    by_module: dict[int, list[Form]] = {}
    others: list[Tree] = []
    for part in parts:
        if isinstance(part, Atom):
            by_module.setdefault(part.module, []).append(part.form)
        elif isinstance(part, bool):
            if part != neutral:
                return part
        else:
            others.append(part)
    atoms = (Atom(m, forms[0] if len(forms) == 1 else (word, tuple(forms))) for m, forms in by_module.items())
    listed: list[Tree] = [*atoms, *others]
    if not listed:
        return neutral
    return listed[0] if len(listed) == 1 else (word, tuple(listed))


class Question:
    """A condition, asked of one product after another. Raises NotModular where it has too many clauses."""

    def __init__(self, search: Search, asked: Tree) -> None:
        self.search = search
        self.asked = asked
        self._center = sorted(set(_of_center(asked)), key=repr)
        self._clauses: dict[tuple[bool, ...], tuple[Clause, ...]] = {}

    def clauses(self, center: int) -> tuple[Clause, ...]:
        """What is left of the condition where the center is in a state: one of these has to be satisfied."""
        true = tuple([satisfied(atom.form, center) for atom in self._center])
        found = self._clauses.get(true)
        if found is None:
            left = _without_center(self.asked, dict(zip(self._center, true, strict=True)))
            found = self._clauses[true] = tuple(_clauses(left))
        return found

    def choice(self, product: Product) -> dict[int, int] | None:
        """A choice of states for all islands that satisfies the condition; None when there is none."""
        search = self.search
        left = search.left(product.center)
        costs = search.cheapest(product.sets) if search.costs else []
        for clause in self.clauses(product.center):
            chosen: dict[int, int] = {}
            spent = sum(costs)
            for island, form in clause.items():
                found = search.kinds[island].least(product.sets[island], form)
                if found is None:
                    break
                chosen[island] = found[1]
                spent += found[0] - (costs[island] if costs else 0)
            else:
                if spent <= left:
                    return any_states(search, product, chosen)
        return None


def any_states(search: Search, product: Product, chosen: dict[int, int]) -> dict[int, int]:
    """A choice of states, the cheapest where nothing was chosen."""
    for island, (kind, number) in enumerate(zip(search.kinds, product.sets, strict=True)):
        if island not in chosen:
            bits = next(bits for bits in kind.sets[number] if bits)
            chosen[island] = (bits & -bits).bit_length() - 1
    return chosen


def _of_center(asked: Tree) -> Iterator[Atom]:
    if isinstance(asked, Atom):
        if asked.module == CENTER:
            yield asked
    elif not isinstance(asked, bool):
        for part in asked[1]:
            yield from _of_center(part)


def _without_center(asked: Tree, known: dict[Atom, bool]) -> Tree:
    if isinstance(asked, Atom):
        return known[asked] if asked.module == CENTER else asked
    if isinstance(asked, bool):
        return asked
    word, parts = asked
    return _joined(word, [_without_center(part, known) for part in parts])


def _clauses(asked: Tree) -> list[Clause]:
    if isinstance(asked, bool):
        return [{}] if asked else []
    if isinstance(asked, Atom):
        return [{asked.module - 1: asked.form}]
    word, parts = asked
    if word == "or":
        found = [clause for part in parts for clause in _clauses(part)]
    else:
        found = [{}]
        for part in parts:
            more = _clauses(part)
            if len(found) * len(more) > CLAUSES:
                raise NotModular("the formula has too many cases")
            found = [_both(one, other) for one in found for other in more]
    if len(found) > CLAUSES:
        raise NotModular("the formula has too many cases")
    return found


def _both(one: Clause, other: Clause) -> Clause:
    made = dict(one)
    for island, form in other.items():
        made[island] = ("and", (made[island], form)) if island in made else form
    return made


class _Chain(NamedTuple):
    """States chosen so far; a linked list, that of the last island first."""

    state: int
    before: _Chain | None


class Ends:
    """Where runs end: no island has a step of its own, and of the joint steps each is held back by some island."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._options: dict[tuple[Kind, int, int, tuple[int, ...]], tuple[tuple[int, int, int], ...]] = {}

    def choice(
        self, product: Product, clause: Clause | None = None, fixed: dict[int, int] | None = None
    ) -> dict[int, int] | None:
        """States of all islands where a run ends, those of some satisfying a clause; None: there are none.

        fixed: states of some islands. Raises NotModular.
        """
        search, center = self.search, product.center
        steps = [step for step in search.candidates(center) if not step.move.cost]
        if any(not step.parts for step in steps):
            return None
        parts: dict[int, list[int]] = {}
        for at, step in enumerate(steps):
            for island, part in step.parts:
                parts.setdefault(island, [-1] * len(steps))[at] = part
        none = (-1,) * len(steps)
        left = search.left(center)
        views = dict(zip(search.alike, search.views(center), strict=True))
        reached: dict[int, tuple[int, _Chain | None]] = {0: (0, None)}
        for island, (kind, number) in enumerate(zip(search.kinds, product.sets, strict=True)):
            asked = tuple(parts.get(island, none))
            options = self._held(kind, number, views[kind], asked)
            form = None if clause is None else clause.get(island)
            if form is not None:
                options = tuple([o for o in options if satisfied(form, kind.states[o[2]])])
            if fixed is not None and island in fixed:
                options = tuple([o for o in options if o[2] == fixed[island]])
            following: dict[int, tuple[int, _Chain | None]] = {}
            for held, (spent, before) in reached.items():
                for more, cost, state in options:
                    both, total = held | more, spent + cost
                    if total <= left and (both not in following or following[both][0] > total):
                        following[both] = total, _Chain(state, before)
            if not following:
                return None
            if len(following) > VETOES:
                raise NotModular("too many steps wait for several components at once")
            reached = following
        wanted = (1 << len(steps)) - 1
        if wanted not in reached:
            return None
        chosen: list[int] = []
        chain = reached[wanted][1]
        while chain is not None:
            chosen.append(chain.state)
            chain = chain.before
        chosen.reverse()
        return dict(enumerate(chosen))

    def options(self, product: Product, island: int) -> list[int]:
        """States of an island in which it has no step of its own."""
        kind = self.search.kinds[island]
        view = self.search.view(product.center, island)
        return [state for _, state in kind.satisfying(product.sets[island], TRUE) if kind.blocked(view, state)]

    def _held(self, kind: Kind, number: int, view: int, asked: tuple[int, ...]) -> tuple[tuple[int, int, int], ...]:
        """(joint steps held back, cost, state) of the states without a step of their own."""
        key = (kind, number, view, asked)
        found = self._options.get(key)
        if found is None:
            listed = []
            for cost, state in kind.satisfying(number, TRUE):
                if kind.blocked(view, state):
                    held = sum(
                        1 << at for at, part in enumerate(asked) if part >= 0 and kind.after(state, part) is None
                    )
                    listed.append((held, cost, state))
            found = self._options[key] = tuple(listed)
        return found


TRUE: Form = ("and", ())
