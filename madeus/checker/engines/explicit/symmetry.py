"""Replicas: components that may change places without anything changing, found in the net itself.

A *replica* is a set of components, and two of them are interchangeable when exchanging their places maps the transitions of
components onto each other, arc by arc (an automorphism of that part of the net; Starke 1991, Schmidt 2000). What remains are
the steps of programs, which name components one by one. They matter only while they are still to come, so which replicas are
interchangeable depends on where the programs stand: those that all instructions treat alike up to the next ``wait all``. The
relation

    {(m, s(m)): s exchanges replicas that are interchangeable where the programs stand in m}

is a bisimulation as long as no instruction makes a difference between replicas that it finds in different states: where fewer
replicas are interchangeable after an instruction than before it, those that it sets apart have to be in the same state then,
and the exchange has no effect. The search checks that at each such instruction. Where it is not so, it starts again with the
replicas that all instructions still to come treat alike, which are never set apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from madeus.model import Connection, WaitAll
from madeus.petri.element import Element, ElementKind
from madeus.petri.net import Net
from madeus.petri.translate import Translation
from madeus.semantics import StepKind

TRIES = 64
"""Pairs that turn out to be different after which no more of one kind are compared."""

Swap = Mapping[int, int]
"""Places that an exchange moves -> where to. Its own inverse."""


@dataclass(frozen=True, slots=True)
class Orbit:
    """Replicas, any two of which are interchangeable as far as the steps of components go."""

    components: tuple[tuple[str, ...], ...]
    """Components of each replica."""
    blocks: tuple[tuple[int, ...], ...]
    """Places of each replica, in corresponding order."""

    def swap(self, one: int, other: int) -> Swap:
        """The exchange of two replicas."""
        first, second = self.blocks[one], self.blocks[other]
        return {**dict(zip(first, second, strict=True)), **dict(zip(second, first, strict=True))}


def find_orbits(translation: Translation) -> tuple[Orbit, ...]:
    """The replicas of a translated system: sets of components connected with each other alone, else single components."""
    finder = _Finder(translation)
    found: list[Orbit] = []
    taken: set[str] = set()
    for alike in (*finder.by_size(finder.islands()), *finder.by_size((name,) for name in translation.outline.courses)):
        free = [replica for replica in alike if taken.isdisjoint(replica)]
        for orbit in finder.orbits(free):
            found.append(orbit)
            taken.update(name for replica in orbit.components for name in replica)
    return tuple(found)


class _Finder:
    def __init__(self, translation: Translation) -> None:
        self.translation = translation
        self.net = translation.net
        self.places: dict[str, list[int]] = defaultdict(list)
        for number, element in enumerate(translation.elements):
            if element.kind not in (ElementKind.POSITION, ElementKind.BUDGET):
                self.places[element.component].append(number)
        outline = translation.outline
        self.neighbors: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for c in (*outline.lasting, *outline.passing):
            self.neighbors[c.user].append((c.use, c.provider, c.provide))
            self.neighbors[c.provider].append((c.use, c.user, c.provide))
        self.passing = {str(c): c for c in outline.passing}
        self.moves = [label is None or label.kind is not StepKind.PROGRAM for label in self.net.labels]
        self.keys: dict[object, int] = defaultdict(int)
        for t, moves in enumerate(self.moves):
            if moves:
                self.keys[_key(self.net, t)] += 1

    def islands(self) -> Iterator[tuple[str, ...]]:
        """Components connected with each other through components whose types occur more than once, if there are several."""
        courses = self.translation.outline.courses
        count: dict[tuple[str, ...], int] = defaultdict(int)
        for course in courses.values():
            count[course.types] += 1
        several = [name for name, course in courses.items() if count[course.types] > 1]
        seen: set[str] = set()
        for name in several:
            if name in seen:
                continue
            island, pending = [name], [name]
            seen.add(name)
            while pending:
                for _, other, _ in self.neighbors[pending.pop()]:
                    if other not in seen and other in courses and count[courses[other].types] > 1:
                        seen.add(other)
                        island.append(other)
                        pending.append(other)
            types = {courses[member].types for member in island}
            if 1 < len(island) == len(types):
                yield tuple(sorted(island, key=lambda member: courses[member].types))

    def by_size(self, candidates: Iterable[tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
        """The candidates that look alike, together."""
        alike: dict[object, list[tuple[str, ...]]] = defaultdict(list)
        courses = self.translation.outline.courses
        for replica in candidates:
            inside = {name: courses[name].types for name in replica}
            looks = tuple(
                (
                    courses[name].types,
                    tuple(point.behavior for point in courses[name].pushes),
                    len(self.places[name]),
                    tuple(
                        sorted((use, str(inside.get(other, other)), end) for use, other, end in self.neighbors[name])
                    ),
                )
                for name in replica
            )
            alike[looks].append(replica)
        return [group for group in alike.values() if len(group) > 1]

    def orbits(self, alike: Sequence[tuple[str, ...]]) -> Iterator[Orbit]:
        """Replicas that look alike, told apart."""
        waiting = list(alike)
        tries = TRIES
        while len(waiting) > 1:
            first, *rest = waiting
            members, waiting = [first], []
            blocks: list[tuple[int, ...]] = []
            for other in rest:
                pair = self._blocks(first, other) if tries else None
                if pair is None or (blocks and blocks[0] != pair[0]):
                    waiting.append(other)
                    tries = max(0, tries - 1)
                    continue
                blocks = blocks or [pair[0]]
                blocks.append(pair[1])
                members.append(other)
            if len(members) > 1:
                yield Orbit(tuple(members), tuple(blocks))

    def _blocks(self, one: tuple[str, ...], other: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Places of two replicas in corresponding order; None when they are not interchangeable."""
        swap = self._named(one, other)
        if swap is None or not self._sums(swap):
            return None
        net = self.net
        touched = {t for p in swap for side in self._sides() for t in side[p] if self.moves[t]}
        if any((p in net.single) != (q in net.single) for p, q in swap.items()):
            return None
        if net.bounds is not None and any(net.bounds[p] != net.bounds[q] for p, q in swap.items()):
            return None
        if any(self.keys.get(_key(net, t, swap), 0) != self.keys[_key(net, t)] for t in touched):
            return None
        first = tuple(p for p in sorted(swap) if self._owner(p, one, other))
        second = tuple(swap[p] for p in first)
        apart = len(swap) == 2 * len(first) and not set(first) & set(second)
        return (first, second) if apart and all(swap[swap[p]] == p for p in first) else None

    def _owner(self, place: int, one: tuple[str, ...], other: tuple[str, ...]) -> bool:
        """Whether a place that an exchange moves belongs to the first replica."""
        component = self.translation.elements[place].component
        if component in one or component in other:
            return component in one
        labels = (self.net.labels[t] for side in self._sides() for t in side[place] if self.moves[t])
        return any(label is not None and label.component in one for label in labels)

    def _sides(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        return self.net.consumers, self.net.producers, self.net.readers, self.net.inhibited

    def _named(self, one: tuple[str, ...], other: tuple[str, ...]) -> dict[int, int] | None:
        """The exchange of the places whose names say what they are; None when one has no counterpart."""
        courses = self.translation.outline.courses
        rename = {**dict(zip(one, other, strict=True)), **dict(zip(other, one, strict=True))}
        origins: dict[tuple[str, str], str] = {("", ""): ""}
        for name, image in rename.items():
            pairs = zip(courses[name].pushes, courses[image].pushes, strict=True)
            origins.update(((name, a.origin), b.origin) for a, b in pairs)
        swap: dict[int, int] = {}
        for name, image in rename.items():
            for place in self.places[name]:
                kind, _, word, behind = self.translation.elements[place]
                if kind is ElementKind.SUM:
                    continue
                if kind in (ElementKind.HEAD, ElementKind.NEXT, ElementKind.LAST):
                    word = origins[(name, word)]
                    behind = origins[(name, behind)] if behind else ""
                elif kind is ElementKind.CONNECTION:
                    c = self.passing[word]
                    word = str(Connection(image, c.use, rename.get(c.provider, c.provider), c.provide))
                numbers = self.translation.by_element.get(Element(kind, image, word, behind), ())
                if len(numbers) != 1:
                    return None
                swap[place] = numbers[0]
        return swap

    def _sums(self, swap: dict[int, int]) -> bool:
        """Add the places kept for conditions, told by the transitions that touch them. False: one has no counterpart."""
        net, elements = self.net, self.translation.elements
        near = {t for p in swap for side in self._sides() for t in side[p] if self.moves[t]}
        arcs = (side[t] for t in near for side in (net.pre, net.post, net.read, net.inhibit))
        sums = sorted({p for listed in arcs for p, _ in listed if elements[p].kind is ElementKind.SUM})
        touching = {p: frozenset(self._roles(p)) for p in sums}
        # Transitions without their arcs to such places, as they are and exchanged.
        plain: dict[object, list[int]] = defaultdict(list)
        named = {t for roles in touching.values() for t, _, _ in roles}
        for t in named | near:
            plain[_key(net, t, ignore=elements)].append(t)
        image: dict[int, int] = {}
        for t in named:
            found = plain.get(_key(net, t, swap, elements), [])
            if len(found) != 1:
                if _key(net, t, swap, elements) == _key(net, t, ignore=elements):
                    found = [t]
                else:
                    return False
            image[t] = found[0]
        by_roles: dict[object, list[int]] = defaultdict(list)
        for p in sums:
            by_roles[touching[p]].append(p)
        for p in sums:
            wanted = frozenset((image[t], side, weight) for t, side, weight in touching[p])
            if wanted == touching[p]:
                continue
            found = by_roles.get(wanted, [])
            if len(found) != 1:
                return False
            swap[p] = found[0]
        return True

    def _roles(self, place: int) -> Iterator[tuple[int, int, int]]:
        sides = zip(self._sides(), (self.net.pre, self.net.post, self.net.read, self.net.inhibit), strict=True)
        for number, (by_place, arcs) in enumerate(sides):
            for t in by_place[place]:
                if self.moves[t]:
                    yield t, number, dict(arcs[t])[place]


def _key(net: Net, t: int, swap: Swap | None = None, ignore: Sequence[Element] = ()) -> object:
    """What a transition does, after an exchange. ignore: elements of the places; those kept for conditions are left out."""
    label = net.labels[t]
    exchanged = swap or {}
    return label and label.kind, *(
        frozenset(
            (exchanged.get(p, p), weight) for p, weight in side[t] if not (ignore and ignore[p].kind is ElementKind.SUM)
        )
        for side in (net.pre, net.post, net.read, net.inhibit)
    )


Invariant = Callable[[Swap], bool]
"""Whether a question stays the same under an exchange."""


class Instructions:
    """The instructions of the programs, and which replicas they treat alike."""

    def __init__(self, translation: Translation) -> None:
        net, system = translation.net, translation.system
        self.places: dict[tuple[int, int], int] = {}
        for number, element in enumerate(translation.elements):
            if element.kind is ElementKind.POSITION:
                self.places[(system.program_index[element.component], int(element.name))] = number
        self.transitions: dict[tuple[int, int], list[int]] = defaultdict(list)
        for t, label in enumerate(net.labels):
            if label is not None and label.kind is StepKind.PROGRAM:
                self.transitions[(system.program_index[label.component], label.position)].append(t)
        self.waits = {
            (i, at)
            for i, program in enumerate(system.programs)
            for at, instruction in enumerate(program.instructions)
            if isinstance(instruction, WaitAll)
        }
        self.lengths = [len(p.instructions) for p in system.programs]
        self.stage_of = system.stage_of
        self.net = net
        self._keys = {at: {_key(net, t) for t in found} for at, found in self.transitions.items()}

    def alike(self, at: tuple[int, int], swap: Swap) -> bool:
        """Whether an instruction does the same after an exchange."""
        return all(_key(self.net, t, swap) in self._keys[at] for t in self.transitions.get(at, ()))

    def coming(self, positions: Sequence[int], strict: bool) -> Iterator[tuple[int, int]]:
        """The instructions up to the next ``wait all`` of each program that may have begun; strict: all still to come."""
        unfinished = [i for i, at in enumerate(positions) if at < self.lengths[i]]
        if not unfinished:
            return
        stage = min(self.stage_of[i] for i in unfinished)
        for i in unfinished:
            if not strict and self.stage_of[i] != stage:
                continue
            for at in range(positions[i], self.lengths[i]):
                yield i, at
                if not strict and (i, at) in self.waits:
                    break
