"""Sets of states of one island: interned, closed under its own steps, shared by all islands that are alike.

A set is a tuple of k + 1 bitsets of numbers of states: those that are reached with at most 0, 1... k failed actions of the
island. Everything that is done to sets is done once for each set and each kind of island.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

from madeus.checker.engines.modular.split import Form, Guard, Module, Part, satisfied

EVERYTHING = -1
"""The view of a center that lets islands do whatever they like."""

Levels = tuple[int, ...]
"""A set: bitsets of states by the failures that they cost, each one within the next."""


def members(bits: int) -> Iterator[int]:
    """The numbers in a bitset, ascending."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


class Kind:
    """Islands that are alike: equal local steps over equal layouts of their states."""

    def __init__(self, module: Module, costs: int) -> None:
        self.module = module
        self.costs = costs
        """How many actions may fail."""
        self.asks: list[Guard] = []
        """Conditions on the center that local steps have; a *view* has a bit for each that holds."""
        numbers: dict[Guard, int] = {}
        self.moves: list[tuple[Part, int, int]] = []
        """Local steps: (part, number of its condition on the center or -1, cost)."""
        for move, part, guard in module.local:
            number = -1
            if guard is not None:
                number = numbers.setdefault(guard, len(numbers))
                if number == len(self.asks):
                    self.asks.append(guard)
            self.moves.append((part, number, move.cost))
        self.states: list[int] = []
        self.index: dict[int, int] = {}
        self.stand_in: dict[int, int] = {}
        """Number of a state -> number of the one that stands for it, see ``alike``."""
        self.sets: list[Levels] = []
        self._ids: dict[Levels, int] = {}
        self._parts: dict[Part, int] = {}
        self._listed: list[Part] = []
        self._steps: dict[tuple[int, int], tuple[tuple[int, int, int], ...]] = {}
        self._closed: dict[tuple[int, int], int] = {}
        self._applied: dict[tuple[int, int], int] = {}
        self._origins: dict[tuple[int, int, int], dict[int, int]] = {}
        self._within: dict[tuple[int, int], bool] = {}
        self._least: dict[tuple[int, Form], tuple[int, int] | None] = {}
        self._sat: dict[tuple[int, Form], bool] = {}
        self._blocked: dict[tuple[int, int], bool] = {}
        self._noted: set[tuple[int, int]] = set()
        self._images: set[tuple[int, int]] = set()
        """(state, state after a joint step) of the joint steps that leave the center as it is."""

    @staticmethod
    def signature(module: Module) -> object:
        """What islands that are alike have in common."""
        local = tuple((part, guard, move.cost) for move, part, guard in module.local)
        return module.bits, tuple(module.masks.values()), local, tuple(module.remembers)

    def number(self, state: int) -> int:
        """The number of a state."""
        found = self.index.get(state)
        if found is None:
            found = self.index[state] = len(self.states)
            self.states.append(state)
        return self.stand_in.get(found, found)

    def merge(self, stand_in: dict[int, int]) -> None:
        """From now on let some states be others."""
        self.stand_in = stand_in
        self._steps.clear()

    def intern(self, levels: Levels) -> int:
        """The number of a set."""
        found = self._ids.get(levels)
        if found is None:
            found = self._ids[levels] = len(self.sets)
            self.sets.append(levels)
        return found

    def only(self, state: int) -> int:
        """The set of one state."""
        return self.intern((1 << self.number(state),) * (self.costs + 1))

    def part(self, part: Part) -> int:
        """The number of what a joint step asks and does."""
        found = self._parts.get(part)
        if found is None:
            found = self._parts[part] = len(self._listed)
            self._listed.append(part)
        return found

    def looks(self, number: int) -> bool:
        """Whether a joint step asks something only, and changes nothing."""
        part = self._listed[number]
        return not part.delta and not part.sets

    def view(self, center: int) -> int:
        """What a state of the center lets local steps do."""
        return sum(1 << at for at, guard in enumerate(self.asks) if guard.admits(center))

    def steps(self, view: int, state: int) -> tuple[tuple[int, int, int], ...]:
        """Local steps of a state: (number of the step, state after it, cost)."""
        key = (view, state)
        found = self._steps.get(key)
        if found is None:
            value, listed = self.states[state], []
            for at, (part, ask, cost) in enumerate(self.moves):
                if (ask < 0 or view >> ask & 1) and part.guard.admits(value):
                    after = self.module.settle((value + part.delta) | part.sets)
                    listed.append((at, self.number(after), cost))
            found = self._steps[key] = tuple(listed)
        return found

    def closed(self, number: int, view: int) -> int:
        """A set with all that local steps lead to."""
        key = (number, view)
        found = self._closed.get(key)
        if found is None:
            levels: list[int] = []
            carried = 0
            for bits in self.sets[number]:
                reached, dearer = carried | bits, 0
                pending = list(members(reached))
                while pending:
                    for _, after, cost in self.steps(view, pending.pop()):
                        if cost:
                            dearer |= 1 << after
                        elif not reached >> after & 1:
                            reached |= 1 << after
                            pending.append(after)
                levels.append(reached)
                carried = reached | dearer
            found = self._closed[key] = self.intern(tuple(levels))
        return found

    def applied(self, number: int, part: int) -> int:
        """A set after a joint step; -1 when no state of it takes part."""
        key = (number, part)
        found = self._applied.get(key)
        if found is None:
            levels = self.sets[number]
            image: dict[int, int] = {}
            for state in members(levels[-1]):
                after = self.after(state, part)
                if after is not None:
                    image[state] = 1 << after
            made = tuple(sum({image[s] for s in members(bits) if s in image}) for bits in levels)
            found = self._applied[key] = self.intern(made) if made[-1] else -1
        return found

    def after(self, state: int, part: int) -> int | None:
        """The state after a joint step; None when it does not take part."""
        asked, value = self._listed[part], self.states[state]
        if not asked.guard.admits(value):
            return None
        return self.number(self.module.settle((value + asked.delta) | asked.sets))

    def cost(self, number: int, state: int) -> int | None:
        """The least cost of a state of a set; None when it is not in it."""
        return next((cost for cost, bits in enumerate(self.sets[number]) if bits >> state & 1), None)

    def origins(self, number: int, part: int, view: int) -> dict[int, int]:
        """What a set leads to by a joint step (-1: none) and local steps after it -> the cheapest state that it comes from."""
        key = (number, part, view)
        found = self._origins.get(key)
        if found is None:
            found = self._origins[key] = {}
            waiting = []
            for cost, state in self.satisfying(number, ("and", ())):
                after = state if part < 0 else self.after(state, part)
                if after is not None:
                    waiting.append((cost, 0, after, state))
            heapify(waiting)
            while waiting:
                cost, length, state, origin = heappop(waiting)
                if state not in found:
                    found[state] = origin
                    for _, after, more in self.steps(view, state):
                        heappush(waiting, (cost + more, length + 1, after, origin))
        return found

    def union(self, one: int, other: int) -> int:
        """The set of the states of both."""
        return self.intern(tuple([a | b for a, b in zip(self.sets[one], self.sets[other], strict=True)]))

    def within(self, one: int, other: int) -> bool:
        """Whether a set is within another one, at no greater cost."""
        key = (one, other)
        found = self._within.get(key)
        if found is None:
            pairs = zip(self.sets[one], self.sets[other], strict=True)
            found = self._within[key] = not any(a & ~b for a, b in pairs)
        return found

    def least(self, number: int, form: Form) -> tuple[int, int] | None:
        """(cost, state) of the cheapest state of a set that satisfies a form; None when none does."""
        key = (number, form)
        if key not in self._least:
            self._least[key] = next(self.satisfying(number, form), None)
        return self._least[key]

    def satisfying(self, number: int, form: Form) -> Iterator[tuple[int, int]]:
        """(cost, state) of the states of a set that satisfy a form, the cheapest first."""
        before = 0
        for cost, bits in enumerate(self.sets[number]):
            for state in members(bits & ~before):
                known = self._sat.get((state, form))
                if known is None:
                    known = self._sat[(state, form)] = satisfied(form, self.states[state])
                if known:
                    yield cost, state
            before = bits

    def blocked(self, view: int, state: int) -> bool:
        """Whether no local step is enabled but failures."""
        return all(cost for _, _, cost in self.steps(view, state))

    def note(self, number: int, part: int) -> None:
        """Keep what a joint step that leaves the center as it is does to a set."""
        if self.looks(part) or (number, part) in self._noted:
            return
        self._noted.add((number, part))
        for state in members(self.sets[number][-1]):
            after = self.after(state, part)
            if after is not None and after != state:
                self._images.add((state, after))

    def finite(self) -> bool:
        """Whether the steps that were looked at cannot go round, as long as the center stays as it is."""
        edges: dict[int, set[int]] = {}
        for (view, state), listed in self._steps.items():
            if view < 0:
                continue
            edges.setdefault(state, set()).update(after for _, after, _ in listed)
        for state, after in self._images:
            edges.setdefault(state, set()).add(after)
        return acyclic(edges)


def acyclic(edges: dict[int, set[int]]) -> bool:
    """Whether a graph has no cycle."""
    waiting: dict[int, int] = dict.fromkeys(edges, 0)
    for targets in edges.values():
        for target in targets:
            waiting[target] = waiting.get(target, 0) + 1
    ready = [node for node, count in waiting.items() if not count]
    for node in ready:
        for target in edges.get(node, ()):
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return len(ready) == len(waiting)


def kinds_of(modules: Sequence[Module], costs: int) -> list[Kind]:
    """The kind of each island."""
    known: dict[object, Kind] = {}
    found: list[Kind] = []
    for module in modules:
        signature = Kind.signature(module)
        if signature not in known:
            known[signature] = Kind(module, costs)
        found.append(known[signature])
    return found
