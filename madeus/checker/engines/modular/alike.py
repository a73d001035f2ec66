"""States of an island that nothing can tell apart but the identities of pushes: one of them stands for all.

Two programs push the same behavior to a component, in either order. The net keeps who pushed what, for the sake of waits; once
both pushes stand in the queue nothing else asks. Such states are bisimilar (Paige and Tarjan 1987), where a push is one step
whichever of the net's steps it is, and where they are seen as one the orders in which programs come do not multiply.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from madeus.checker.engines.modular.kinds import EVERYTHING, Kind

Stand = tuple[int, tuple[int, ...]]
"""A state of an island, and how many of the instructions that change it each program has behind it."""

UNIVERSE = 4_000
"""States that an island may ever be in, at most, for them to be looked at beforehand."""

NAMED = 2_000
"""States of islands, at most, for it to be looked whether some are alike."""

Node = tuple[int, int, tuple[int, ...]]
"""A state in one of some worlds: its world, itself, and how far the programs are."""


@dataclass(frozen=True, slots=True)
class Course:
    """What joint steps may do to an island, by what they ask of it and do to it."""

    free: tuple[int, ...]
    """Steps that are no instructions."""
    programs: tuple[tuple[tuple[int, ...], ...], ...]
    """For each program the steps that its instructions are, in their order."""
    pushes: frozenset[tuple[int, int]]
    """(program, instruction) of those of which it makes no difference to anything else which of its steps is taken."""
    looks: tuple[int, ...]
    """Steps that ask something of the island and change nothing."""


@dataclass(frozen=True, slots=True)
class World:
    """All that an island may ever be in, whatever the center does."""

    course: Course
    stands: frozenset[Stand]


def explored(kind: Kind, start: int, course: Course) -> World | None:
    """The states that an island comes to when the center lets it; None where they are too many."""
    first: Stand = (start, (0,) * len(course.programs))
    seen, pending = {first}, [first]
    while pending:
        if len(seen) > UNIVERSE:
            return None
        for _, found in _edges(kind, course, pending.pop()):
            if found not in seen:
                seen.add(found)
                pending.append(found)
    return World(course, frozenset(seen))


def _edges(kind: Kind, course: Course, stand: Stand) -> Iterator[tuple[Hashable, Stand]]:
    """(what a step is, where it leads to)."""
    state, behind = stand
    for number, after, _ in kind.steps(EVERYTHING, state):
        yield number, (after, behind)
    for part in course.free:
        found = kind.after(state, part)
        if found is not None:
            yield ("free", part), (found, behind)
    for program, at in enumerate(behind):
        if at < len(course.programs[program]):
            further = (*behind[:program], at + 1, *behind[program + 1 :])
            for part in course.programs[program][at]:
                found = kind.after(state, part)
                if found is not None:
                    word = (program,) if (program, at) in course.pushes else (program, part)
                    yield ("program", *word), (found, further)


@dataclass(frozen=True, slots=True)
class Merged:
    """What nothing can tell apart."""

    stand_in: dict[int, int]
    """State -> the one that stands for it wherever programs are, where that is another one."""
    classes: tuple[dict[Stand, int], ...]
    """For each world: equal numbers where nothing can tell states apart as the programs stand. Empty: nothing is known."""


def merged(kind: Kind, worlds: Sequence[World], steps: Sequence[Hashable], hidden: int, heads: int) -> Merged:
    """What nothing can tell apart in islands of a kind.

    steps: what each local step is; hidden: bits of a state that only steps ask for; heads: those of them of which questions
    ask whether there is any.
    """
    nodes = {(number, *stand) for number, world in enumerate(worlds) for stand in world.stands}
    unknown = Merged({}, tuple([{} for _ in worlds]))
    if len(nodes) > NAMED:
        return unknown

    def shown(node: Node) -> Hashable:
        world, state, behind = node
        value = kind.states[state]
        looks = tuple(kind.after(state, part) is not None for part in worlds[world].course.looks)
        return world, behind, value & ~hidden, bool(value & heads), looks

    classes = _numbered({node: shown(node) for node in nodes})
    if len(set(classes.values())) == len(nodes):
        return unknown
    edges = {
        (world, state, behind): [
            (steps[word] if isinstance(word, int) else word, (world, *after))
            for word, after in _edges(kind, worlds[world].course, (state, behind))
        ]
        for world, state, behind in nodes
    }
    while True:
        finer = _numbered(
            {
                node: (number, frozenset((word, classes[after]) for word, after in edges[node]))
                for node, number in classes.items()
            }
        )
        if max(finer.values()) == max(classes.values()):
            break
        classes = finer
    seen_as: dict[int, set[int]] = {}
    listed: tuple[dict[Stand, int], ...] = tuple([{} for _ in worlds])
    for (world, state, behind), number in classes.items():
        seen_as.setdefault(state, set()).add(number)
        listed[world][(state, behind)] = number
    first: dict[frozenset[int], int] = {}
    for state in sorted(seen_as):
        first.setdefault(frozenset(seen_as[state]), state)
    stand_in = {state: chosen for state, known in seen_as.items() if (chosen := first[frozenset(known)]) != state}
    return Merged(stand_in, listed)


def _numbered(signatures: Mapping[Node, Hashable]) -> dict[Node, int]:
    numbers: dict[Hashable, int] = {}
    return {node: numbers.setdefault(signature, len(numbers)) for node, signature in signatures.items()}
