"""A net taken apart: for each module the markings of its own places, and for each step what it asks of each module.

A step is *local* to an island when it changes that island alone and asks nothing of other islands. All others are *joint*.
What a step asks is a condition on each module by itself: a conjunction over the modules. A number that follows from places of
several modules is compared with one only (is there any?), which is such a conjunction, or a choice of modules: a variant of
the step for each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from madeus.checker.engines.explicit.target import Condition, Some
from madeus.checker.engines.modular.parts import NotModular, Parts
from madeus.petri.element import ElementKind
from madeus.petri.translate import Translation
from madeus.semantics import StepKind

CENTER = 0
"""Number of the module that all others may ask."""


class Count(NamedTuple):
    """A weighted number of tokens is at least, or less than, something."""

    terms: tuple[tuple[int, int, int], ...]
    """(shift, mask, factor)."""
    weight: int
    less: bool


class Guard(NamedTuple):
    """A condition on the state of one module."""

    need: int
    """Bits that have to be set."""
    bar: int
    """Bits that have to be clear."""
    counts: tuple[Count, ...]

    def admits(self, state: int) -> bool:
        """Whether a state satisfies it."""
        if state & self.need != self.need or state & self.bar:
            return False
        for terms, weight, less in self.counts:
            if (sum(factor * ((state >> shift) & mask) for shift, mask, factor in terms) < weight) != less:
                return False
        return True

    @property
    def bits(self) -> int:
        """The bits that it depends on."""
        found = self.need | self.bar
        for terms, _, _ in self.counts:
            for shift, mask, _ in terms:
                found |= mask << shift
        return found

    @property
    def always(self) -> bool:
        """Whether every state does."""
        return not (self.need or self.bar or self.counts)


class Part(NamedTuple):
    """What a step asks of a module and does there."""

    guard: Guard
    delta: int
    sets: int
    """Bits of memory that are set."""


class Move(NamedTuple):
    """A transition of the net, or a variant of one, by modules."""

    transition: int
    cost: int
    """Failures of islands that it is: 0 or 1. Those of the center take a token of a place of the center."""
    parts: dict[int, Part]


Form = tuple[str, int] | tuple[str, tuple["Form", ...]]
"""A condition on one module: ("some", bits), or ("and" | "or" | "not", parts)."""


def satisfied(form: Form, state: int) -> bool:
    """Whether a state of a module satisfies a form."""
    word, parts = form
    if isinstance(parts, int):
        return bool(state & parts)
    if word == "and":
        return all(satisfied(part, state) for part in parts)
    if word == "or":
        return any(satisfied(part, state) for part in parts)
    return not satisfied(parts[0], state)


@dataclass(frozen=True, slots=True)
class Memory:
    """A bit that a question keeps beside the marking: set by steps, or in all markings where a condition holds."""

    module: int
    steps: frozenset[int] = frozenset()
    """Transitions of the net that set it."""
    when: Condition | None = None


@dataclass(slots=True)
class Module:
    """A module's places and moves."""

    shifts: dict[int, int] = field(default_factory=dict)
    """Place of the net -> where its tokens are in a state."""
    masks: dict[int, int] = field(default_factory=dict)
    """Place of the net -> bits of its tokens, moved down to zero."""
    initial: int = 0
    bits: int = 0
    local: list[tuple[Move, Part, Guard | None]] = field(default_factory=list)
    """Local steps: (move, its part, what it asks of the center)."""
    remembers: list[tuple[Form, int]] = field(default_factory=list)
    """(form, bits of memory set where it holds)."""

    def form(self, condition: Condition) -> Form:
        """A condition on this module's places as a form."""
        if isinstance(condition, Some):
            return "some", sum(self.masks[p] << self.shifts[p] for p in condition.places)
        word, parts = condition
        return word, tuple(self.form(part) for part in parts)

    def marking(self, state: int) -> dict[int, int]:
        """Tokens of the places of a state."""
        return {p: (state >> shift) & self.masks[p] for p, shift in self.shifts.items()}

    def settle(self, state: int) -> int:
        """The state with the bits of memory that it sets by itself."""
        for form, bits in self.remembers:
            if not state & bits and satisfied(form, state):
                state |= bits
        return state


class Split:
    """A translated system by modules. Raises NotModular."""

    def __init__(self, translation: Translation, parts: Parts, memory: Sequence[Memory] = ()) -> None:
        self.translation = translation
        self.net = net = translation.net
        self.parts = parts
        self.modules = [Module() for _ in range(len(parts.islands) + 1)]
        if net.single or net.bounds is None:
            raise NotModular("a second token may come to a place")
        self._draw_places()
        center = self.modules[CENTER]
        places = (p for p in center.shifts if translation.elements[p].kind is ElementKind.POSITION)
        self.stands = sum(1 << center.shifts[p] for p in places)
        """Bits of the center that say where programs stand."""
        self.bits: list[Form] = []
        """The memory, as forms of its modules."""
        self._sets: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for kept in memory:
            self._remember(kept)
        self.joint: list[Move] = []
        """Steps that change the center or concern several islands."""
        self.budget: tuple[int, int] | None = None
        """Where the center keeps how many actions may fail: (shift, mask)."""
        self._budget_place = next((n for n, e in enumerate(translation.elements) if e.kind is ElementKind.BUDGET), -1)
        if self._budget_place >= 0:
            module = self.modules[CENTER]
            self.budget = module.shifts[self._budget_place], module.masks[self._budget_place]
        self._latches = self._draw_latches()
        known: set[object] = set()
        for t, label in enumerate(net.labels):
            for move in self._moves(t):
                # That one of some programs has begun is one bit here: what differed in which one it is does so no more.
                key = (label, *move.parts.items()) if self._stage(t) is not None else t
                if key == t or key not in known:
                    known.add(key)
                    self._sort(move)
        for module in self.modules:
            module.initial = module.settle(module.initial)

    def _draw_places(self) -> None:
        bounds = self.net.bounds
        assert bounds is not None
        for place, owner in enumerate(self.parts.owner):
            if owner < 0:
                continue
            module = self.modules[owner]
            width = max(1, bounds[place].bit_length())
            module.shifts[place] = module.bits
            module.masks[place] = (1 << width) - 1
            module.initial |= self.net.initial[place] << module.bits
            module.bits += width

    def _draw_latches(self) -> dict[int, int]:
        """For each stage of several programs that others come before: a bit of the center, set when one has begun."""
        system, center = self.translation.system, self.modules[CENTER]
        stages = [system.stage_of[i] for i, program in enumerate(system.programs) if program.instructions]
        latches: dict[int, int] = {}
        for stage in sorted(set(stages))[1:]:
            if stages.count(stage) > 1:
                latches[stage] = 1 << center.bits
                center.bits += 1
        return latches

    def _stage(self, t: int) -> int | None:
        """The stage that a step may begin, where it has a bit for that."""
        label = self.net.labels[t]
        if label is None or label.kind is not StepKind.PROGRAM or label.position:
            return None
        system = self.translation.system
        stage = system.stage_of[system.program_index[label.component]]
        return stage if stage in self._latches else None

    def _is_beside(self, t: int, place: int) -> bool:
        """Whether a place says that a program has not begun, of the stage that a step may begin."""
        element, system = self.translation.elements[place], self.translation.system
        if element.kind is not ElementKind.POSITION or element.name != "0":
            return False
        return self._stage(t) == system.stage_of[system.program_index[element.component]]

    def _remember(self, kept: Memory) -> None:
        module = self.modules[kept.module]
        bit = 1 << module.bits
        module.bits += 1
        self.bits.append(("some", bit))
        if kept.when is not None:
            module.remembers.append((module.form(kept.when), bit))
        for t in kept.steps:
            self._sets[t][kept.module] |= bit

    def _moves(self, t: int) -> Iterator[Move]:
        """The variants of a transition; none when it can never fire."""
        net, owner, sums = self.net, self.parts.owner, self.net.sums
        need: dict[int, int] = defaultdict(int)
        bar: dict[int, int] = defaultdict(int)
        counts: dict[int, list[Count]] = defaultdict(list)
        delta: dict[int, int] = defaultdict(int)
        choices: list[dict[int, Count]] = []
        taken = {place for place, _ in net.pre[t]}
        failing = self._budget_place in taken and any(owner[p] > CENTER for p in taken)
        for arcs, sign in ((net.pre[t], -1), (net.post[t], 1)):
            for place, weight in arcs:
                if owner[place] >= 0 and not (failing and place == self._budget_place):
                    delta[owner[place]] += sign * (weight << self.modules[owner[place]].shifts[place])
        stage = self._stage(t)
        begun = stage is not None and any(self._is_beside(t, place) for place, _ in net.inhibit[t])
        sets = dict(self._sets.get(t, {}))
        if stage is not None and begun:
            need[CENTER] |= self._latches[stage]
        elif stage is not None:
            sets[CENTER] = sets.get(CENTER, 0) | self._latches[stage]
        for arcs, less in ((net.pre[t], False), (net.read[t], False), (net.inhibit[t], True)):
            for place, weight in arcs:
                if less and begun and self._is_beside(t, place):
                    continue
                if place in sums:
                    if arcs is net.pre[t]:
                        continue  # what it counts is taken elsewhere
                    found = self._compared(place, weight, less)
                    if found is None:
                        return
                    single, several = found
                    for module, count in single:
                        counts[module].append(count)
                    if several:
                        choices.append(several)
                    continue
                if failing and place == self._budget_place:
                    continue
                holder = self.modules[owner[place]]
                mask, shift = holder.masks[place], holder.shifts[place]
                if mask == 1 and weight == 1:
                    (bar if less else need)[owner[place]] |= 1 << shift
                else:
                    counts[owner[place]].append(Count(((shift, mask, 1),), weight, less))
        for chosen in _chosen(choices):
            listed = {m: (*counts[m], *(c for n, c in chosen if n == m)) for m in {*counts, *(n for n, _ in chosen)}}
            touched = {*need, *bar, *listed, *delta, *sets}
            parts = {
                m: Part(Guard(need.get(m, 0), bar.get(m, 0), tuple(listed.get(m, ()))), delta.get(m, 0), sets.get(m, 0))
                for m in sorted(touched)
            }
            yield Move(t, int(failing), {m: p for m, p in parts.items() if p.delta or p.sets or not p.guard.always})

    def _compared(self, place: int, weight: int, less: bool) -> tuple[list[tuple[int, Count]], dict[int, Count]] | None:
        """What a comparison of a sum asks of each module, and of one of some; None: it is never true. Raises NotModular."""
        constant, terms = self.net.sums[place]
        bounds = self.net.bounds
        assert bounds is not None
        left = weight - constant
        by_module: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        offset: dict[int, int] = defaultdict(int)
        for p, factor in terms.items():
            module = self.modules[self.parts.owner[p]]
            by_module[self.parts.owner[p]].append((module.shifts[p], module.masks[p], factor))
            if factor < 0:
                # Count what is missing, so that no module counts less than nothing.
                offset[self.parts.owner[p]] -= factor * bounds[p]
        left += sum(offset.values())
        if len(by_module) == 1:
            ((only, listed),) = by_module.items()
            return [(only, Count(tuple(listed), left - offset[only], less))], {}
        if left <= 0:
            return None if less else ([], {})
        if left > 1:
            raise NotModular("a step asks for a number of several components together")
        each = {m: Count(tuple(listed), 1 - offset[m], less) for m, listed in by_module.items()}
        return (list(each.items()), {}) if less else ([], each)

    def _sort(self, move: Move) -> None:
        changed = {m for m, part in move.parts.items() if part.delta}
        if not changed:
            raise NotModular("a step changes nothing")
        islands = [m for m in move.parts if m != CENTER]
        if CENTER in changed or len(islands) != 1:
            self.joint.append(move)
            return
        center = move.parts.get(CENTER)
        if center is not None and center.sets:
            self.joint.append(move)
            return
        self.modules[islands[0]].local.append((move, move.parts[islands[0]], center and center.guard))


def _chosen(choices: list[dict[int, Count]]) -> Iterator[tuple[tuple[int, Count], ...]]:
    """One of each."""
    if not choices:
        yield ()
        return
    for rest in _chosen(choices[1:]):
        for entry in choices[0].items():
            yield (entry, *rest)
