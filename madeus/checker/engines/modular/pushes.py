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

Two programs that go round the same islands would be tried at each pair of places where they may stand. But a run in which the
other program's push to the same island comes before this one takes all that the other program pushes until then before it, too,
and these commute with everything else while this program does not move: they may all come at once (``Course``). So the
programs are either side by side, or one of them has run ahead up to where it matters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from madeus.checker.engines.modular import alike
from madeus.checker.engines.modular.kinds import EVERYTHING, Kind
from madeus.checker.engines.modular.split import CENTER, Guard
from madeus.model import Push
from madeus.petri.element import ElementKind
from madeus.semantics import Step, StepKind

if TYPE_CHECKING:
    from madeus.checker.engines.modular.search import Joint, Search

Place = tuple[int, int, int]
"""Where an instruction may come: (world, program's slot, number of the instruction in it)."""

QUEUE = (ElementKind.HEAD, ElementKind.NEXT, ElementKind.LAST)
"""Places that say in which order which pushes stand in a queue."""

At = tuple[int, int]
"""An instruction: (program, position)."""

Course = tuple[tuple["Joint", ...], ...]
"""Pushes one after the other, each as the joint steps that it is."""


class _Group(NamedTuple):
    """The joint steps that a push is."""

    island: int
    steps: tuple[Joint, ...]
    parts: tuple[int, ...]
    """What they ask of the island and do to it."""


class Pushes:
    """The pushes of the center's programs to islands."""

    def __init__(self, search: Search, merge: bool) -> None:
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
        self._stopping: dict[tuple[int, int], list[int]] = {}
        self._against: dict[At, tuple[At, ...] | None] = {}
        self._plans: dict[int, tuple[tuple[_Group, tuple[Course, ...]], ...]] = {}
        self._commutes: dict[object, bool] = {}
        self._alone: dict[object, bool] = {}
        self._admitted: dict[tuple[Kind, int, tuple[int, ...]], bool] = {}
        self._worlds: dict[int, int] = {}
        self._known: dict[object, int] = {}
        self._turns: dict[tuple[int, At], tuple[int, int]] = {}
        """(island, instruction) -> (slot of its program, number of it among those that change the island)."""
        self._ready: dict[Place, list[alike.Stand]] = {}
        self._all: list[alike.World | None] = []
        """All states of the islands that are alike and that programs do alike things to; None where they are too many."""
        self._classes: dict[int, dict[alike.Stand, int]] = {}
        """World -> what nothing can tell apart in it, see ``alike``."""
        if merge and self._groups:
            self._merge()

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

    def enough(self, center: int, sets: tuple[int, ...]) -> tuple[Course, ...] | None:
        """Sequences of pushes that are enough to take; None when all joint steps have to be taken."""
        key = center & self._mask
        if key not in self._plans:
            self._plans[key] = self._planned(self.positions(center))
        for group, courses in self._plans[key]:
            if self._admits(group, sets[group.island]):
                return courses
        positions = self.positions(center)
        for first in positions.items():
            chosen = self._closure(first, positions, sets)
            if chosen is not None:
                return tuple([(self._groups[at].steps,) for at in chosen])
        return None

    def _planned(self, positions: dict[int, int]) -> tuple[tuple[_Group, tuple[Course, ...]], ...]:
        """For each push that programs stand at what is enough if it is possible, the best first."""
        found: list[tuple[_Group, tuple[Course, ...]]] = []
        for first in positions.items():
            group = self._groups.get(first)
            courses = None if group is None else self._courses(first, group, positions)
            if group is not None and courses is not None:
                found.append((group, courses))
        # Few ways are better; among as many, those that keep programs together: the way to the others' pushes is long.
        found.sort(key=lambda plan: (len(plan[1]), -min((len(course) for course in plan[1][1:]), default=0)))
        return tuple(found)

    def _courses(self, first: At, group: _Group, positions: dict[int, int]) -> tuple[Course, ...] | None:
        """A push, or for each other program its pushes on the way to what does not commute with that."""
        rivals = self._rivals(first, group)
        if rivals is None:
            return None
        until: dict[int, int] = {}
        for program, position in rivals:
            if positions.get(program, -1) <= position:
                until[program] = min(position, until.get(program, position))
        found: list[Course] = [(group.steps,)]
        for program, last in until.items():
            if program not in positions:
                return None
            course = self._run_up(program, range(positions[program], last + 1), first[0], positions)
            if not course:
                return None
            found.append(course)
        return tuple(found)

    def _run_up(self, program: int, over: range, halted: int, positions: dict[int, int]) -> Course:
        """The pushes of a program up to one that does not commute with a third one's; the halted program does not move."""
        stops = self._stops(program, halted)
        if stops[over.start] >= over.stop:
            return tuple([self._groups[(program, position)].steps for position in over])
        course: list[tuple[Joint, ...]] = []
        for at in ((program, position) for position in over):
            push = self._groups.get(at)
            rivals = None if push is None else self._rivals(at, push)
            if push is None or rivals is None:
                break
            if any(p not in (program, halted) and positions.get(p, -1) <= position for p, position in rivals):
                break
            course.append(push.steps)
        return tuple(course)

    def _stops(self, program: int, halted: int) -> list[int]:
        """For each instruction of a program the next one from it on that is no push, or that third programs may hinder."""
        key = (program, halted)
        found = self._stopping.get(key)
        if found is None:
            count = len(self.search.split.translation.system.programs[program].instructions)
            found = self._stopping[key] = [count] * (count + 1)
            for position in range(count - 1, -1, -1):
                push = self._groups.get((program, position))
                rivals = None if push is None else self._rivals((program, position), push)
                free = rivals is not None and all(other in key for other, _ in rivals)
                found[position] = found[position + 1] if free else position
        return found

    def _rivals(self, at: At, group: _Group) -> tuple[At, ...] | None:
        """Instructions of other programs that do not commute with a push; None when something else does not."""
        if at not in self._against:
            self._against[at] = self._conflicts(at, group)
        return self._against[at]

    def _closure(self, first: At, positions: dict[int, int], sets: tuple[int, ...]) -> list[At] | None:
        chosen, pending = [first], [first]
        while pending:
            at = pending.pop()
            group = self._groups.get(at)
            if group is None or not self._admits(group, sets[group.island]):
                return None
            rivals = self._rivals(at, group)
            if rivals is None:
                return None
            for program, position in rivals:
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

    def _conflicts(self, at: At, group: _Group) -> tuple[At, ...] | None:
        if self._all[self._world(group.island)] is None or not self._alone_too(at, group):
            return None
        found: dict[At, None] = {}
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
            if touches or not self._commute(at, group, other):
                if coming is None:
                    return None
                found[coming] = None
        return tuple(found)

    def _world(self, island: int) -> int:
        """The number of the set of all states that an island may be in, whatever the center does."""
        if island not in self._worlds:
            free: dict[int, None] = {}
            looks: dict[int, None] = {}
            orders: dict[int, dict[int, dict[int, None]]] = {}
            for step in self._touching[island]:
                part, at = dict(step.parts)[island], self._of[step]
                if self.search.kinds[island].looks(part):
                    looks[part] = None
                elif at is None:
                    free[part] = None
                else:
                    orders.setdefault(at[0], {}).setdefault(at[1], {})[part] = None
            pushes = set()
            for slot, program in enumerate(sorted(orders)):
                for number, position in enumerate(sorted(orders[program])):
                    self._turns[(island, (program, position))] = slot, number
                    if (program, position) in self._groups:
                        pushes.add((slot, number))
            programs = tuple(tuple(tuple(orders[p][at]) for at in sorted(orders[p])) for p in sorted(orders))
            course = alike.Course(tuple(sorted(free)), programs, frozenset(pushes), tuple(sorted(looks)))
            kind = self.search.kinds[island]
            start = kind.number(self.search.split.modules[island + 1].initial)
            key = (kind, start, course)
            if key not in self._known:
                self._known[key] = len(self._all)
                self._all.append(alike.explored(kind, start, course))
            self._worlds[island] = self._known[key]
        return self._worlds[island]

    def _merge(self) -> None:
        """Let states of islands that nothing can tell apart be one."""
        search = self.search
        labels, modules = search.split.net.labels, search.split.modules
        for kind in search.alike:
            islands = [island for island, other in enumerate(search.kinds) if other is kind]
            numbers = dict.fromkeys(self._world(island) for island in islands)
            known = [world for number in numbers if (world := self._all[number]) is not None]
            if len(known) < len(numbers):
                continue
            steps = [
                (ask, cost, tuple([labels[modules[island + 1].local[at][0].transition] for island in islands]))
                for at, (_, ask, cost) in enumerate(kind.moves)
            ]
            hidden = heads = 0
            elements = search.split.translation.elements
            for place, shift in kind.module.shifts.items():
                if elements[place].kind in QUEUE:
                    hidden |= kind.module.masks[place] << shift
                    if elements[place].kind is ElementKind.HEAD:
                        heads |= kind.module.masks[place] << shift
            found = alike.merged(kind, known, steps, hidden, heads)
            kind.merge(found.stand_in)
            self._classes.update(zip(numbers, found.classes, strict=True))

    def _before(self, at: At, island: int) -> Place:
        """The states in which an instruction may come."""
        return self._world(island), *self._turns[(island, at)]

    def _in(self, before: Place) -> list[alike.Stand]:
        """The states in which an instruction may come."""
        number, slot, turn = before
        if before not in self._ready:
            world = self._all[number]
            self._ready[before] = [s for s in world.stands if s[1][slot] == turn] if world is not None else []
        return self._ready[before]

    def _alone_too(self, at: At, group: _Group) -> bool:
        """Whether the steps of an island by itself commute with a push."""
        before = self._before(at, group.island)
        key = (before, group.parts)
        if key not in self._alone:
            kind = self.search.kinds[group.island]
            self._alone[key] = all(self._diamonds(kind, group.parts, before, stand) for stand in self._in(before))
        return self._alone[key]

    def _commute(self, at: At, group: _Group, other: Joint) -> bool:
        """Whether a push may come before a joint step wherever it may come after it."""
        before, coming = self._before(at, group.island), self._of[other]
        turn = None if coming is None else self._turns.get((group.island, coming))
        part = dict(other.parts)[group.island]
        push = None if coming is None else self._groups.get(coming)
        again = (part,) if push is None else push.parts  # which of its steps a push is does not matter
        key = (before, group.parts, part, again, turn)
        if key not in self._commutes:
            kind = self.search.kinds[group.island]
            self._commutes[key] = all(
                self._swaps(kind, group.parts, (part, again), before, turn, stand) for stand in self._in(before)
            )
        return self._commutes[key]

    def _same(self, world: int, behind: tuple[int, ...], states: Iterable[int]) -> set[int]:
        """States as numbers that are equal where nothing can tell them apart as the programs stand."""
        classes = self._classes.get(world)
        return {classes[(state, behind)] for state in states} if classes else set(states)

    def _diamonds(self, kind: Kind, parts: tuple[int, ...], before: Place, stand: alike.Stand) -> bool:
        """Whether the push may come first wherever it comes after a step of the island."""
        (world, slot, _), (state, behind) = before, stand
        further = _further(behind, slot)
        pushed = list(self._after(kind, state, parts))
        for at, after, cost in kind.steps(EVERYTHING, state):
            ends = list(self._after(kind, after, parts))
            if pushed and not ends:
                return False
            reached = [
                found
                for first in pushed
                for beside, found, more in kind.steps(EVERYTHING, first)
                if cost == more and self._alike(kind, at, beside)
            ]
            if not self._same(world, further, reached).issuperset(self._same(world, further, ends)):
                return False
        return True

    def _swaps(
        self,
        kind: Kind,
        parts: tuple[int, ...],
        other: tuple[int, tuple[int, ...]],
        before: Place,
        turn: tuple[int, int] | None,
        stand: alike.Stand,
    ) -> bool:
        (world, slot, _), (state, behind), (part, again) = before, stand, other
        if turn is not None and behind[turn[0]] != turn[1]:
            return True
        after = kind.after(state, part)
        if after is None:
            return True
        pushed, ends = list(self._after(kind, state, parts)), list(self._after(kind, after, parts))
        if pushed and not ends:
            return False
        reached = [found for first in pushed for found in self._after(kind, first, again)]
        further = _further(behind, slot)
        if turn is not None:
            further = _further(further, turn[0])
        return self._same(world, further, reached).issuperset(self._same(world, further, ends))

    def _alike(self, kind: Kind, one: int, other: int) -> bool:
        """Whether two steps of an island ask the same of the center and are the same step of the model."""
        if one == other:
            return True
        if kind.moves[one][1] != kind.moves[other][1]:
            return False
        labels, modules = self.search.split.net.labels, self.search.split.modules
        islands = (module.local for k, module in zip(self.search.kinds, modules[1:], strict=True) if k is kind)
        return all(labels[local[one][0].transition] == labels[local[other][0].transition] for local in islands)


def _further(behind: tuple[int, ...], slot: int) -> tuple[int, ...]:
    """One program has one more instruction behind it."""
    return (*behind[:slot], behind[slot] + 1, *behind[slot + 1 :])
