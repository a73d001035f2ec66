"""Pushes that need not be tried in every order: a partial-order reduction of joint steps (see ``explicit.stubborn``).

A program's push to an island changes the island's queue and where the program stands. It is always enabled, and nearly nothing
can tell whether it came before or after something else: in the net it is several steps (the queue is empty, or something is in
it), but whichever of them there is leads to the same. So it is enough to take the pushes of a set of programs and nothing else
where

- every state of the island's set admits one of the steps that the push is;
- whatever may happen before it keeps it enabled, can happen after it as well, and leads to the same state by a step of the
  same name: the steps of the island by itself, and the joint steps that concern the island or where the program stands. This is
  looked up in all states that the island may ever be in;
- but for the pushes of other programs to the same island: those that are past do not come again, and those that are to come are
  behind the push that their program stands at, which is in the set, too.

Then every run that takes one of these pushes can take it first; one that ends does; and one that takes none can be prefixed
with it, for no question asks about queues. Programs only go forward, so nothing is put off for ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from madeus.checker.engines.modular.kinds import Kind
from madeus.checker.engines.modular.split import CENTER, Guard
from madeus.model import Push
from madeus.petri.element import ElementKind
from madeus.semantics import Step, StepKind

if TYPE_CHECKING:
    from madeus.checker.engines.modular.search import Joint, Search

UNIVERSE = 4_000
"""States that an island may ever be in, at most, for its pushes to be compared with everything else."""

EVERYTHING = -1
"""The view of a center that lets islands do whatever they like."""

At = tuple[int, int]
"""An instruction: (program, position)."""


_Stand = tuple[int, tuple[int, ...]]
"""A state of an island, and how many of the instructions that change it each program has behind it."""


class _Group(NamedTuple):
    """The joint steps that a push is."""

    island: int
    steps: tuple[Joint, ...]
    parts: tuple[int, ...]
    """What they ask of the island and do to it."""


class Pushes:
    """The pushes of the center's programs to islands."""

    def __init__(self, search: Search) -> None:
        self.search = search
        split = search.split
        translation = split.translation
        system = translation.system
        self._places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        """Program -> (bit of the center, position)."""
        center = split.modules[CENTER]
        for place, shift in center.shifts.items():
            element = translation.elements[place]
            if element.kind is ElementKind.POSITION:
                program = system.program_index[element.component]
                self._places[program].append((1 << shift, int(element.name)))
        self._mask = sum(bit for places in self._places.values() for bit, _ in places)
        self._positions: dict[int, dict[int, int]] = {}
        self._of: dict[Joint, At | None] = {}
        by_position: dict[At, list[Joint]] = defaultdict(list)
        for step in search.joint:
            at = self._at(step)
            self._of[step] = at
            if at is not None:
                by_position[at].append(step)
        self._touching: dict[int, list[Joint]] = defaultdict(list)
        for step in search.joint:
            for island, _ in step.parts:
                self._touching[island].append(step)
        self._groups = {at: group for at, steps in by_position.items() if (group := self._group(at, steps))}
        self._others: dict[At, tuple[Joint, ...] | None] = {}
        self._commutes: dict[object, bool] = {}
        self._alone: dict[object, bool] = {}
        self._admitted: dict[tuple[Kind, int, tuple[int, ...]], bool] = {}
        self._worlds: dict[int, int] = {}
        self._known: dict[object, int] = {}
        self._turns: dict[tuple[int, At], tuple[int, int]] = {}
        """(island, instruction) -> (slot of its program, number of it among those that change the island)."""
        self._ready: dict[tuple[int, int, int], list[int]] = {}
        self._states: list[frozenset[_Stand] | None] = []
        """All states of the islands that are alike and that programs do alike things to; None where they are too many."""

    def _at(self, step: Joint) -> At | None:
        label = self._label(step)
        if label.kind is not StepKind.PROGRAM:
            return None
        return self.search.split.translation.system.program_index[label.component], label.position

    def _label(self, step: Joint) -> Step:
        label = self.search.split.net.labels[step.move.transition]
        assert label is not None
        return label

    def _group(self, at: At, steps: list[Joint]) -> _Group | None:
        """The group of an instruction; None when it is not a push of a program of the center to an island, alone."""
        program, position = at
        bits = {p: bit for bit, p in self._places.get(program, ())}
        system = self.search.split.translation.system
        if position not in bits or not isinstance(system.programs[program].instructions[position], Push):
            return None
        guard, delta = Guard(bits[position], 0, ()), bits[position + 1] - bits[position]
        if any(len(s.parts) != 1 or s.guard != guard or s.delta != delta or s.sets for s in steps):
            return None
        islands = {s.parts[0][0] for s in steps}
        if len(islands) != 1:
            return None
        return _Group(islands.pop(), tuple(steps), tuple(s.parts[0][1] for s in steps))

    def positions(self, center: int) -> dict[int, int]:
        """Where the programs of the center stand."""
        center &= self._mask
        found = self._positions.get(center)
        if found is None:
            found = self._positions[center] = {
                program: next(position for bit, position in places if center & bit)
                for program, places in self._places.items()
            }
        return found

    def enough(self, center: int, sets: tuple[int, ...]) -> tuple[Joint, ...] | None:
        """Joint steps that are enough to take, pushes all of them; None when all have to be taken."""
        positions = self.positions(center)
        for first in positions.items():
            chosen = self._closure(first, positions, sets)
            if chosen is not None:
                return tuple(step for at in chosen for step in self._groups[at].steps)
        return None

    def _closure(self, first: At, positions: dict[int, int], sets: tuple[int, ...]) -> list[At] | None:
        chosen, pending = [first], [first]
        while pending:
            at = pending.pop()
            group = self._groups.get(at)
            if group is None or not self._admits(group, sets[group.island]):
                return None
            others = self._conflicts(at, group)
            if others is None:
                return None
            for other in others:
                coming = self._of[other]
                assert coming is not None
                program, position = coming
                if program == at[0] or positions.get(program, -1) > position:
                    continue
                if program not in positions:
                    return None
                more = (program, positions[program])
                if more not in chosen:
                    chosen.append(more)
                    pending.append(more)
        return chosen

    def _admits(self, group: _Group, number: int) -> bool:
        """Whether every state of a set admits the push."""
        kind = self.search.kinds[group.island]
        key = (kind, number, group.parts)
        found = self._admitted.get(key)
        if found is None:
            states = (state for _, state in kind.satisfying(number, ("and", ())))
            found = self._admitted[key] = all(any(True for _ in self._after(kind, s, group.parts)) for s in states)
        return found

    @staticmethod
    def _after(kind: Kind, state: int, parts: tuple[int, ...]) -> Iterator[int]:
        return (after for part in parts if (after := kind.after(state, part)) is not None)

    def _conflicts(self, at: At, group: _Group) -> tuple[Joint, ...] | None:
        """Instructions that do not commute with a push; None when something else does not."""
        if at not in self._others:
            self._others[at] = self._found_conflicts(at, group)
        return self._others[at]

    def _found_conflicts(self, at: At, group: _Group) -> tuple[Joint, ...] | None:
        if self._states[self._world(group.island)] is None or not self._alone_too(at, group):
            return None
        found: list[Joint] = []
        here = {bit for bit, position in self._places[at[0]] if position == at[1]}
        there = {bit for bit, position in self._places[at[0]] if position == at[1] + 1}
        later = {bit for bit, position in self._places[at[0]] if position > at[1]}
        for other in self.search.joint:
            if other in group.steps:
                continue
            guard, coming = other.guard, self._of[other]
            if coming is not None and coming[0] == at[0]:
                continue  # before or after the push, never beside it
            if any(guard.need & bit for bit in later):
                continue  # after the push only
            touches = any(guard.need & bit for bit in here) or any(guard.bar & bit for bit in there)
            if not touches and all(island != group.island for island, _ in other.parts):
                continue
            parts = dict(other.parts)
            if touches or not self._commute(at, group, parts[group.island]):
                if coming is None:
                    return None
                found.append(other)
        return tuple(found)

    def _world(self, island: int) -> int:
        """The number of the set of all states that an island may be in, whatever the center does."""
        if island not in self._worlds:
            free: dict[int, None] = {}
            orders: dict[int, dict[int, dict[int, None]]] = {}
            for step in self._touching[island]:
                part, at = dict(step.parts)[island], self._of[step]
                if self.search.kinds[island].looks(part):
                    continue
                if at is None:
                    free[part] = None
                else:
                    orders.setdefault(at[0], {}).setdefault(at[1], {})[part] = None
            for slot, program in enumerate(sorted(orders)):
                for number, position in enumerate(sorted(orders[program])):
                    self._turns[(island, (program, position))] = slot, number
            courses = tuple(tuple(tuple(orders[p][at]) for at in sorted(orders[p])) for p in sorted(orders))
            kind = self.search.kinds[island]
            start = kind.number(self.search.split.modules[island + 1].initial)
            key = (kind, start, tuple(sorted(free)), courses)
            if key not in self._known:
                self._known[key] = len(self._states)
                self._states.append(_explored(kind, start, key[2], courses))
            self._worlds[island] = self._known[key]
        return self._worlds[island]

    def _before(self, at: At, island: int) -> tuple[int, int, int]:
        """(world, program's slot, number of the instruction in it): what names the states in which an instruction may come."""
        return self._world(island), *self._turns[(island, at)]

    def _in(self, before: tuple[int, int, int]) -> list[int]:
        """The states in which an instruction may come."""
        world, slot, number = before
        if before not in self._ready:
            states = self._states[world] or ()
            self._ready[before] = list(dict.fromkeys(state for state, stands in states if stands[slot] == number))
        return self._ready[before]

    def _alone_too(self, at: At, group: _Group) -> bool:
        """Whether the steps of an island by itself commute with a push."""
        before = self._before(at, group.island)
        key = (before, group.parts)
        if key not in self._alone:
            kind = self.search.kinds[group.island]
            self._alone[key] = all(self._diamonds(kind, group.parts, state) for state in self._in(before))
        return self._alone[key]

    def _commute(self, at: At, group: _Group, part: int) -> bool:
        """Whether a push may come before a joint step wherever it may come after it."""
        before = self._before(at, group.island)
        key = (before, group.parts, part)
        if key not in self._commutes:
            kind = self.search.kinds[group.island]
            self._commutes[key] = all(self._swaps(kind, group.parts, part, state) for state in self._in(before))
        return self._commutes[key]

    def _diamonds(self, kind: Kind, parts: tuple[int, ...], state: int) -> bool:
        """Whether the push may come first wherever it comes after a step of the island."""
        pushed = list(self._after(kind, state, parts))
        for at, after, cost in kind.steps(EVERYTHING, state):
            ends = list(self._after(kind, after, parts))
            if pushed and not ends:
                return False
            for end in ends:
                if not any(
                    reached == end and cost == more and self._alike(kind, at, beside)
                    for first in pushed
                    for beside, reached, more in kind.steps(EVERYTHING, first)
                ):
                    return False
        return True

    def _alike(self, kind: Kind, one: int, other: int) -> bool:
        """Whether two steps of an island ask the same of the center and are the same step of the model."""
        if one == other:
            return True
        if kind.moves[one][1] != kind.moves[other][1]:
            return False
        labels, modules = self.search.split.net.labels, self.search.split.modules
        islands = (module.local for k, module in zip(self.search.kinds, modules[1:], strict=True) if k is kind)
        return all(labels[local[one][0].transition] == labels[local[other][0].transition] for local in islands)

    def _swaps(self, kind: Kind, parts: tuple[int, ...], part: int, state: int) -> bool:
        after = kind.after(state, part)
        if after is None:
            return True
        pushed, ends = list(self._after(kind, state, parts)), list(self._after(kind, after, parts))
        if pushed and not ends:
            return False
        reached = {kind.after(first, part) for first in pushed}
        return reached.issuperset(ends)


def _explored(
    kind: Kind, start: int, free: tuple[int, ...], courses: tuple[tuple[tuple[int, ...], ...], ...]
) -> frozenset[_Stand] | None:
    """States that an island comes to when the center lets it. free: joint steps; courses: those of programs, in their order."""
    first: _Stand = (start, (0,) * len(courses))
    seen, pending = {first}, [first]
    while pending:
        if len(seen) > UNIVERSE:
            return None
        state, stands = pending.pop()
        near = [(after, stands) for _, after, _ in kind.steps(EVERYTHING, state)]
        near.extend((after, stands) for part in free if (after := kind.after(state, part)) is not None)
        for program, at in enumerate(stands):
            if at < len(courses[program]):
                further = (*stands[:program], at + 1, *stands[program + 1 :])
                near.extend((a, further) for p in courses[program][at] if (a := kind.after(state, p)) is not None)
        for found in near:
            if found not in seen:
                seen.add(found)
                pending.append(found)
    return frozenset(seen)
