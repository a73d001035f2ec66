"""The joint steps alone (after Christensen and Petrucci 2000), and beside each state of the center what each island may be in.

Between two joint steps the islands move by themselves and see nothing of each other but the center, which stands still. So the
configurations that one sequence of joint steps leads to are

    {center} x S1 x S2 x ... x Sn      (Si: what island i may be in),

exactly: every choice of one state from each set is reached. A joint step asks each island for something and does something to
it, and leads from such a product to another one. Where actions may fail each state of a set has a cost, the failures that it
takes, and of the product those choices are reached whose costs together are within what the center has left.

A product within another one with the same center adds nothing to what is reached and is left out. Two with the same center
that differ in one island alone are one product together, with what either has for that island: so the orders in which programs
come to many islands one by one do not multiply. What is left of N islands that do alike things is a number of products that
grows with N about as the programs' texts do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from madeus.checker.engine import Watch
from madeus.checker.engines.modular.kinds import Kind, acyclic, kinds_of, members
from madeus.checker.engines.modular.pushes import Course, Pushes
from madeus.checker.engines.modular.split import CENTER, Guard, Move, Split

NOTHING = Guard(0, 0, ())


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """A joint step, ready to be taken."""

    move: Move
    guard: Guard
    """On the center."""
    delta: int
    sets: int
    parts: tuple[tuple[int, int], ...]
    """(index of an island, number of the part in its kind)."""


@dataclass(frozen=True, slots=True)
class Product:
    """What one sequence of joint steps leads to."""

    center: int
    sets: tuple[int, ...]
    """For each island the number of its set in its kind."""
    before: int
    """The product it was made of, by its number; -1 for the first, and for those that are made of two."""
    by: Joint | None
    """The joint step that made it."""
    both: tuple[int, ...] = ()
    """The two products that it is made of, where they differ in one island alone."""
    course: Course = ()
    """The pushes that made it, where they are several."""


class Search:
    """All products. Islands are counted from 0 here; island i is module i + 1.

    reduce: pushes are not tried in every order; merge: states that nothing but the identity of pushes tells apart are one.
    """

    def __init__(self, split: Split, reduce: bool = True, merge: bool = True) -> None:
        self.split = split
        self.merge = merge
        self.module = split.modules[CENTER]
        self.costs = (split.translation.system.failures or 0) if split.budget is not None else 0
        """How many actions may fail; 0 also where any number may."""
        self.kinds = kinds_of(split.modules[1:], self.costs)
        self.alike: list[Kind] = list(dict.fromkeys(self.kinds))
        self._number = {kind: number for number, kind in enumerate(self.alike)}
        self._of_kind = {kind: [i for i, k in enumerate(self.kinds) if k is kind] for kind in self.alike}
        self.joint = [self._ready(move) for move in split.joint]
        self._stands = split.stands
        self._by_stand: dict[int, list[Joint]] = {-1: []}
        """Joint steps by a bit of the center that says where their program stands; -1: they are no instructions."""
        for bit in members(self._stands):
            self._by_stand[bit] = []
        for step in self.joint:
            self._by_stand[next(members(step.guard.need & self._stands), -1)].append(step)
        self._candidates: dict[int, tuple[Joint, ...]] = {}
        self._asked = 0
        """Bits of the center that islands ask for."""
        for guard in (guard for kind in self.alike for guard in kind.asks):
            self._asked |= guard.bits
        self._views: dict[int, tuple[int, ...]] = {}
        self._pushes = Pushes(self, merge) if reduce else None
        self.products: list[Product] = []
        self._depths: list[int] = []
        """How many joint steps each product is away from the first one."""
        self._waiting: list[tuple[int, int]] = []
        """(joint steps, product) of those that were not gone through; a heap."""
        self._order: list[int] = []
        """Products that were gone through, in that order."""
        self._at: dict[int, list[int]] = {}
        self._follows: dict[int, set[int]] = {}
        self.taken: set[int] = set()
        """Transitions of the net that joint steps are and that fire."""

    def _ready(self, move: Move) -> Joint:
        center = move.parts.get(CENTER)
        parts = tuple([(m - 1, self.kinds[m - 1].part(part)) for m, part in move.parts.items() if m != CENTER])
        if center is None:
            return Joint(move, NOTHING, 0, 0, parts)
        return Joint(move, center.guard, center.delta, center.sets, parts)

    def candidates(self, center: int) -> tuple[Joint, ...]:
        """Joint steps that the center admits."""
        found = self._candidates.get(center)
        if found is None:
            near = [step for bit in members(center & self._stands) for step in self._by_stand[bit]]
            found = tuple([step for step in (*near, *self._by_stand[-1]) if step.guard.admits(center)])
            self._candidates[center] = found
        return found

    def views(self, center: int) -> tuple[int, ...]:
        """What each kind of island sees of a state of the center."""
        center &= self._asked
        found = self._views.get(center)
        if found is None:
            found = self._views[center] = tuple([kind.view(center) for kind in self.alike])
        return found

    def view(self, center: int, island: int) -> int:
        """What one island sees."""
        return self.views(center)[self._number[self.kinds[island]]]

    def left(self, center: int) -> int:
        """How many actions of islands may have failed."""
        if self.split.budget is None:
            return 0
        shift, mask = self.split.budget
        return (center >> shift) & mask

    def cheapest(self, sets: Iterable[int]) -> list[int]:
        """The least cost of each island's set."""
        return [
            next(cost for cost, bits in enumerate(kind.sets[number]) if bits)
            for kind, number in zip(self.kinds, sets, strict=True)
        ]

    def run(self, watch: Watch) -> Iterator[int]:
        """Go through all products, those after fewer joint steps first; yields the number of each that adds something.

        A second time it begins with those that are known. Raises Exhausted.
        """
        if not self.products:
            self._begin()
        turn = 0
        while turn < len(self._order) or self._waiting:
            new = turn == len(self._order)
            number = self._waiting[0][1] if new else self._order[turn]
            if number in self._at[self.products[number].center]:
                if not new:
                    watch.reuse(1)
                else:
                    watch.tick()
                    watch.check()
                yield number
            if new:
                # Not before: who asked may have had enough, and then this one has not been gone through.
                heappop(self._waiting)
                self._order.append(number)
                if number in self._at[self.products[number].center]:
                    self._expand(number)
            turn += 1

    def _begin(self) -> None:
        modules = self.split.modules[1:]
        start = [kind.only(module.initial) for kind, module in zip(self.kinds, modules, strict=True)]
        first = self.module.initial
        for kind, view in zip(self.alike, self.views(first), strict=True):
            for island in self._of_kind[kind]:
                start[island] = kind.closed(start[island], view)
        self._add(Product(first, tuple(start), -1, None))

    def _expand(self, number: int) -> None:
        enough = self._enough(self.products[number])
        if enough is None:
            for step in self.candidates(self.products[number].center):
                made = self._after(number, step)
                if made is not None:
                    self._add(made)
            return
        for course in enough:
            made = self._pass(number, course)
            while made is not None:
                # What there is one way to go on from need not be looked at.
                following = self._enough(made)
                if following is None or len(following) > 1:
                    self._add(made)
                    break
                made = self._pass(number, following[0], made)

    def _enough(self, product: Product) -> tuple[Course, ...] | None:
        """See ``Pushes.enough``."""
        return self._pushes.enough(product.center, product.sets) if self._pushes is not None else None

    def _pass(self, number: int, course: Course, then: Product | None = None) -> Product | None:
        """A product after some pushes, those between left out; None when they cannot be taken.

        then: what was made of it before them.
        """
        product = self.products[number] if then is None else then
        center, views, sets = product.center, self.views(product.center), list(product.sets)
        for push in course:
            ((island, _),) = push[0].parts
            kind, made = self.kinds[island], -1
            for step in push:
                after = kind.applied(sets[island], step.parts[0][1])
                if after >= 0:
                    made = after if made < 0 else kind.union(made, after)
                    self.taken.add(step.move.transition)
            if made < 0:
                return None
            sets[island] = made
            center = self.module.settle(center + push[0].delta)
            before, views = views, self.views(center)
            self._close(sets, push[0], before, views)
        if self.costs and sum(self.cheapest(sets)) > self.left(center):
            return None
        self._follows.setdefault(product.center, set()).add(center)
        return Product(center, tuple(sets), number, None, course=(*product.course, *course) if then else course)

    def unfolded(self, number: int) -> int:
        """A product that is made of another one by several pushes, made by them one by one."""
        product = self.products[number]
        number = product.before
        for push in product.course:
            passed = -1
            for step in push:
                made = self._after(number, step)
                if made is not None and (passed < 0 or made.sets != self.products[passed].sets):
                    before, passed = passed, self._keep(made)
                    if before >= 0:
                        sets = self._joined(self.products[before].sets, made.sets)
                        assert sets is not None  # the steps that a push is change one island
                        passed = self._keep(Product(made.center, sets, -1, None, (before, passed)))
            number = passed
        return number

    def _after(self, number: int, step: Joint) -> Product | None:
        """What a joint step makes of a product; None when it cannot be taken."""
        product = self.products[number]
        center, views = product.center, self.views(product.center)
        sets = list(product.sets)
        for island, part in step.parts:
            after = self.kinds[island].applied(sets[island], part)
            if after < 0:
                return None
            sets[island] = after
        following = self.module.settle((center + step.delta) | step.sets)
        if self.costs and sum(self.cheapest(sets)) > self.left(following):
            return None
        self._close(sets, step, views, self.views(following))
        self.taken.add(step.move.transition)
        if following == center:
            for island, part in step.parts:
                self.kinds[island].note(product.sets[island], part)
        else:
            self._follows.setdefault(center, set()).add(following)
        return Product(following, tuple(sets), number, step)

    def _close(self, sets: list[int], step: Joint, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        if before == after:
            for island, _ in step.parts:
                kind = self.kinds[island]
                sets[island] = kind.closed(sets[island], after[self._number[kind]])
            return
        changed: set[Kind] = set()
        for kind, old, new in zip(self.alike, before, after, strict=True):
            if old != new:
                changed.add(kind)
                for island in self._of_kind[kind]:
                    sets[island] = kind.closed(sets[island], new)
        for island, _ in step.parts:
            kind = self.kinds[island]
            if kind not in changed:
                sets[island] = kind.closed(sets[island], after[self._number[kind]])

    def _add(self, product: Product) -> None:
        """Keep a product, unless it adds nothing; together with another one where both of them are one product again."""
        beside = self._at.setdefault(product.center, [])
        for other in beside:
            if self._within(product.sets, self.products[other].sets):
                return
        beside[:] = [other for other in beside if not self._within(self.products[other].sets, product.sets)]
        number = self._keep(product)
        for other in beside:
            joined = self._joined(self.products[other].sets, product.sets)
            if joined is not None:
                beside.remove(other)
                self._add(Product(product.center, joined, -1, None, (other, number)))
                return
        beside.append(number)
        heappush(self._waiting, (self._depths[number], number))

    def _keep(self, product: Product) -> int:
        """The number of a new product."""
        number = len(self.products)
        self.products.append(product)
        if product.both:
            depth = max(self._depths[before] for before in product.both)
        else:
            depth = self._depths[product.before] + (len(product.course) or 1) if product.before >= 0 else 0
        self._depths.append(depth)
        return number

    def _joined(self, one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...] | None:
        """The sets of both where they differ in one island; None when they do in several."""
        apart = -1
        for island, (a, b) in enumerate(zip(one, other, strict=True)):
            if a != b:
                if apart >= 0:
                    return None
                apart = island
        return (*one[:apart], self.kinds[apart].union(one[apart], other[apart]), *one[apart + 1 :])

    def _within(self, one: tuple[int, ...], other: tuple[int, ...]) -> bool:
        return all(a == b or kind.within(a, b) for kind, a, b in zip(self.kinds, one, other, strict=True))

    def finite(self) -> bool:
        """Whether no run is endless, as far as the products that were gone through tell; False: perhaps."""
        return acyclic(self._follows) and all(kind.finite() for kind in self.alike)

    def fired(self) -> set[int]:
        """Transitions of the net that fire in some run, of all products that were gone through."""
        found = set(self.taken)
        seen: set[tuple[int, int, int, int]] = set()
        for numbers in self._at.values():
            for number in numbers:
                product = self.products[number]
                views = dict(zip(self.alike, self.views(product.center), strict=True))
                costs = self.cheapest(product.sets)
                spare = self.left(product.center) - sum(costs)
                for island, (kind, which) in enumerate(zip(self.kinds, product.sets, strict=True)):
                    key = (island, which, views[kind], spare + costs[island])
                    if key in seen:
                        continue
                    seen.add(key)
                    found.update(self._local(island, *key[1:]))
        return found

    def _local(self, island: int, number: int, view: int, most: int) -> Iterator[int]:
        kind, before = self.kinds[island], 0
        local = self.split.modules[island + 1].local
        for spent, bits in enumerate(kind.sets[number]):
            for state in range(len(kind.states)):
                if (bits & ~before) >> state & 1:
                    for at, _, cost in kind.steps(view, state):
                        if spent + cost <= most:
                            yield local[at][0].transition
            before = bits
