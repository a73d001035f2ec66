"""Breadth-first search over encoded markings, reduced or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.canon import Canon
from madeus.checker.engines.explicit.encoding import Encoding
from madeus.checker.engines.explicit.stubborn import Stubborn
from madeus.checker.engines.explicit.target import Target
from madeus.semantics import Step

State = tuple[int, int]
"""A marking, and the memory of the target."""


class Search:
    """A net on integers with its stubborn sets."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.stubborn = Stubborn(encoding)
        net = encoding.net
        self.labels = net.labels
        self.start = self.enabled_in(encoding.initial)
        # With a clash possible, whatever fires may end the run for all: nothing is independent of anything.
        self.reducible = not net.single

    def enabled_in(self, marking: int) -> frozenset[int]:
        """What is enabled in a marking."""
        if marking & self.encoding.halting:
            return frozenset()
        count = range(len(self.encoding.net.transitions))
        return frozenset(t for t in count if self.encoding.is_enabled(marking, t))

    def enabled_after(self, enabled: frozenset[int], marking: int, transition: int) -> frozenset[int]:
        """What is enabled in the marking after a transition, from what was enabled before it."""
        if marking & self.encoding.halting:
            return frozenset()
        test = self.encoding.is_enabled
        affected = self.stubborn.affected[transition]
        return enabled.difference(affected).union([t for t in affected if test(marking, t)])

    def find(
        self,
        target: Target,
        watch: Watch,
        most: int | None = None,
        start: int | None = None,
        canon: Canon | None = None,
    ) -> Found:
        """A shortest run to a target, looking at no more than it must. Raises Exhausted; SetApart where canon does.

        most: number of states after which the search stops without an answer. start: another marking to begin from.
        canon: of the markings with one representative only the one that is found first is looked at.
        """
        encoding, stubborn = self.encoding, self.stubborn
        remember = target.remember
        first: State = (encoding.initial if start is None else start, target.start)
        parents: dict[State, tuple[int, State] | None] = {_key(first, canon): None}
        level: list[tuple[State, frozenset[int]]] = [(first, self.enabled_in(first[0]))]
        if target.reached(*first):
            return Found(path=(), states=1, last=first)
        while level:
            following: list[tuple[State, frozenset[int]]] = []
            for state, enabled in level:
                watch.tick()
                marking, memory = state
                before = _key(state, canon)
                chosen: Iterable[int] = enabled
                if self.reducible and len(enabled) > 1:
                    nearer = target.nearer(marking, memory)
                    chosen = stubborn.towards(marking, enabled, nearer)
                for t in chosen:
                    after = marking + encoding.delta[t]
                    state_after = (after, memory | remember[t] if remember else 0)
                    if canon is not None and t in canon.instructions:
                        canon.check(marking, after)
                    key = _key(state_after, canon)
                    if key in parents:
                        continue
                    parents[key] = (t, before)
                    if not after & encoding.halting and target.reached(*state_after):
                        return Found(self._path(parents, key), len(parents), last=state_after)
                    following.append((state_after, self.enabled_after(enabled, after, t)))
            if most is not None and len(parents) > most:
                return Found(None, len(parents), complete=False)
            level = following
        return Found(None, len(parents))

    def _path(self, parents: dict[State, tuple[int, State] | None], state: State) -> tuple[int, ...]:
        path: list[int] = []
        entry = parents[state]
        while entry is not None:
            path.append(entry[0])
            entry = parents[entry[1]]
        path.reverse()
        return tuple(path)

    def reduced(self, watch: Watch, most: int | None = None, canon: Canon | None = None) -> Reduced:
        """The graph that stubborn sets leave, of one marking for each representative. Raises Exhausted; SetApart.

        most: number of states after which it is left incomplete.
        """
        encoding, stubborn = self.encoding, self.stubborn
        index: dict[int, int] = {encoding.initial if canon is None else canon(encoding.initial): 0}
        markings = [encoding.initial]
        parents: list[tuple[int, int] | None] = [None]
        successors: list[list[int]] = []
        ends: list[int] = []
        fired: set[int] = set()
        waiting: dict[int, frozenset[int]] = {0: self.start}
        node = 0
        while node < len(markings):
            watch.tick()
            marking, enabled = markings[node], waiting.pop(node)
            if not enabled:
                ends.append(node)
            entry = parents[node]
            latest = stubborn.affected[entry[0]] if entry is not None else ()
            chosen: Iterable[int] = stubborn.choose(marking, enabled, latest) if self.reducible else enabled
            out: list[int] = []
            for t in chosen:
                fired.add(t)
                after = marking + encoding.delta[t]
                if canon is not None and t in canon.instructions:
                    canon.check(marking, after)
                key = after if canon is None else canon(after)
                target = index.get(key)
                if target is None:
                    target = index[key] = len(markings)
                    markings.append(after)
                    parents.append((t, node))
                    waiting[target] = self.enabled_after(enabled, after, t)
                out.append(target)
            successors.append(out)
            node += 1
            if most is not None and node > most:
                return Reduced(markings, parents, ends, fired, False, False)
        return Reduced(markings, parents, ends, fired, True, acyclic(successors), canon)

    def steps(self, path: Iterable[int]) -> list[Step]:
        """The steps that a firing sequence stands for."""
        return [label for t in path if (label := self.labels[t]) is not None]


def _key(state: State, canon: Canon | None) -> State:
    return state if canon is None else (canon(state[0]), state[1])


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a search."""

    path: tuple[int, ...] | None
    """Transitions of a shortest run; None: there is none."""
    states: int
    complete: bool = True
    """Whether the absence of a run is proved."""
    last: State = (0, 0)


@dataclass(frozen=True, slots=True)
class Reduced:
    """A reduced graph."""

    markings: list[int]
    parents: list[tuple[int, int] | None]
    ends: list[int]
    """Nodes where nothing is enabled, in the order of their distance."""
    fired: set[int]
    """Transitions that fire somewhere."""
    complete: bool
    acyclic: bool
    """Whether no run is endless."""
    canon: Canon | None = None
    """What chose the representatives, of a graph up to replicas."""

    def path_to(self, node: int) -> list[int]:
        """Transitions of a shortest run to a node."""
        path: list[int] = []
        entry = self.parents[node]
        while entry is not None:
            path.append(entry[0])
            entry = self.parents[entry[1]]
        path.reverse()
        return path


def acyclic(successors: list[list[int]]) -> bool:
    """Whether a graph has no cycle; it is given by the successors of each node."""
    waiting = [0] * len(successors)
    for out in successors:
        for target in out:
            waiting[target] += 1
    ready = [node for node, count in enumerate(waiting) if not count]
    for node in ready:
        for target in successors[node]:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return len(ready) == len(successors)
