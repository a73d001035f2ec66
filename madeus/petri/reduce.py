"""Smaller nets with the same answers (Berthelot 1987, Murata 1989), and the way back for their runs.

Kept for the places and transitions that a question speaks of: which markings of the kept places are reachable, which kept
transitions can fire, and whether a deadlock is reachable. Time is not kept: the reduced net is for untimed questions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from madeus.petri.net import Arcs, Net, NetBuilder
from madeus.petri.structure import dead_from_the_start

MORE_ARCS = 16
"""Arcs that fusing may add, about: with many producers and many products they would multiply."""

LONGER = 4
"""The transitions that are fused are together at most about so many times as many as those there were."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """A reduced net and what it was made from."""

    net: Net
    places: tuple[int, ...]
    """Number in the first net of each place that is left."""
    sequences: tuple[tuple[int, ...], ...]
    """Transitions of the first net that each transition stands for, fired one after the other."""

    def expand(self, firing: Iterable[int]) -> tuple[int, ...]:
        """A run of the first net from a run of the reduced one."""
        return tuple(t for transition in firing for t in self.sequences[transition])


def reduce_net(
    net: Net, places: Iterable[int] = (), transitions: Iterable[int] = (), rounds: int | None = None
) -> Reduction:
    """Reduce a net. places, transitions: numbers that the question speaks of, which are kept.

    rounds: how often the rules are tried, at most; each time takes about linear time.
    """
    work = _Work(net, frozenset(places), frozenset(transitions))
    work.drop_dead()
    changed = True
    for _ in count() if rounds is None else range(rounds):
        if not changed:
            break
        changed = work.drop_constant_places() | work.drop_twin_places() | work.drop_twin_transitions()
        changed |= work.drop_sinks() | work.fuse_series()
    return work.result()


_Sequence = tuple["int | _Sequence", "_Sequence | None"]
"""Transitions one after the other: (first, None) or (those before, those after)."""


class _Work:
    """The net being reduced, as maps that can change."""

    def __init__(self, net: Net, places: frozenset[int], transitions: frozenset[int]) -> None:
        self.net = net
        self.kept_places = places
        self.kept_transitions = transitions
        self.pre = {t: dict(arcs) for t, arcs in enumerate(net.pre)}
        self.post = {t: dict(arcs) for t, arcs in enumerate(net.post)}
        self.read = {t: dict(arcs) for t, arcs in enumerate(net.read)}
        self.inhibit = {t: dict(arcs) for t, arcs in enumerate(net.inhibit)}
        self.places = set(range(len(net.places)))
        self.sequence: dict[int, _Sequence] = {t: (t, None) for t in range(len(net.transitions))}
        self.lengths = dict.fromkeys(self.sequence, 1)
        """How many transitions of the first net each one stands for."""
        self.length = len(self.sequence)
        """Of all together."""
        self.visible = set(transitions)
        self.touching: dict[int, set[int]] = {p: set() for p in self.places}
        self.takers: dict[int, set[int]] = {p: set() for p in self.places}
        self.inhibited = [0] * len(net.places)
        """How many transitions each place inhibits."""
        for t in self.pre:
            for p in self._around(t):
                self.touching[p].add(t)
            for p in self.pre[t]:
                self.takers[p].add(t)
            for p in self.inhibit[t]:
                self.inhibited[p] += 1

    def _around(self, t: int) -> set[int]:
        return {*self.pre[t], *self.post[t], *self.read[t], *self.inhibit[t]}

    def _remove_transition(self, t: int) -> None:
        for p in self._around(t):
            self.touching[p].discard(t)
            self.takers[p].discard(t)
        for p in self.inhibit[t]:
            self.inhibited[p] -= 1
        for side in (self.pre, self.post, self.read, self.inhibit):
            del side[t]
        del self.sequence[t]
        self.length -= self.lengths.pop(t)

    def _remove_place(self, p: int) -> None:
        for t in self.touching.pop(p):
            for side in (self.pre, self.post, self.read, self.inhibit):
                side[t].pop(p, None)
        del self.takers[p]
        self.inhibited[p] = 0
        self.places.discard(p)

    def _may_go(self, p: int) -> bool:
        return p not in self.kept_places and p not in self.net.single

    def drop_dead(self) -> None:
        """Transitions that need a token from an unmarked siphon never fire."""
        for t in dead_from_the_start(self.net):
            self._remove_transition(t)

    def drop_constant_places(self) -> bool:
        """A place that no transition changes allows a transition always or never."""
        gone = False
        for p in list(self.places):
            tokens = self.net.initial[p]
            if any(self.pre[t].get(p, 0) != self.post[t].get(p, 0) for t in self.touching[p]):
                continue
            for t in list(self.touching[p]):
                asked = max(self.pre[t].get(p, 0), self.read[t].get(p, 0))
                if asked > tokens or self.inhibit[t].get(p, tokens + 1) <= tokens:
                    self._remove_transition(t)
                    gone = True
            if self._may_go(p):
                self._remove_place(p)
                gone = True
        return gone

    def drop_twin_places(self) -> bool:
        """Of two places with the same arcs and tokens one is enough."""
        seen: set[object] = set()
        gone = False
        for p in sorted(self.places, key=lambda p: (self._may_go(p), p)):
            sides = (self.pre, self.post, self.read, self.inhibit)
            arcs = frozenset((t, *(side[t].get(p, 0) for side in sides)) for t in self.touching[p])
            key = (arcs, self.net.initial[p])
            if key in seen and self._may_go(p):
                self._remove_place(p)
                gone = True
            seen.add(key)
        return gone

    def drop_twin_transitions(self) -> bool:
        """Of two transitions with the same arcs one is enough."""
        seen: set[object] = set()
        gone = False
        for t in sorted(self.pre, key=lambda t: (t not in self.visible, t)):
            sides = (self.pre, self.post, self.read, self.inhibit)
            key = tuple(frozenset(side[t].items()) for side in sides)
            if key in seen and t not in self.visible:
                self._remove_transition(t)
                gone = True
            seen.add(key)
        return gone

    def drop_sinks(self) -> bool:
        """A place that nobody takes from, reads or is inhibited by changes nothing."""
        gone = False
        for p in list(self.places):
            used = any(p in side[t] for t in self.touching[p] for side in (self.pre, self.read, self.inhibit))
            if not used and self._may_go(p):
                self._remove_place(p)
                gone = True
        return gone

    def fuse_series(self) -> bool:
        """Where the only producers of a place lead to one transition that needs nothing else, both fire as one.

        The second one touches no kept place and may fire at once, and nothing is inhibited by what it makes.
        """
        gone = False
        waiting = dict.fromkeys(self.places)
        queue = deque(waiting)
        while queue:
            p = queue.popleft()
            del waiting[p]
            second = self._second(p)
            if second is None:
                continue
            makes = self.post[second]
            follower = self.sequence[second]
            for t in self.touching[p] - {second}:
                del self.post[t][p]
                for place, weight in makes.items():
                    self.post[t][place] = self.post[t].get(place, 0) + weight
                    self.touching[place].add(t)
                self.sequence[t] = (self.sequence[t], follower)
                self.lengths[t] += self.lengths[second]
                self.length += self.lengths[second]
            for place in makes:
                # Others make its tokens now: it may be its turn.
                if place not in waiting:
                    waiting[place] = None
                    queue.append(place)
            self.touching[p] = {second}
            self._remove_transition(second)
            self._remove_place(p)
            gone = True
        return gone

    def _second(self, p: int) -> int | None:
        """The transition that may be fused with all that make tokens on a place."""
        if p not in self.places or not self._may_go(p) or self.net.initial[p]:
            return None
        if len(self.takers[p]) != 1 or self.inhibited[p]:
            return None
        (second,) = self.takers[p]
        if self.pre[second] != {p: 1} or self.read[second] or self.inhibit[second] or second in self.visible:
            return None
        makes = self.post[second]
        if p in makes or any(place in self.kept_places or place in self.net.single for place in makes):
            return None
        if any(self.inhibited[place] for place in makes):
            return None
        producers = len(self.touching[p]) - 1
        if (producers - 1) * (len(makes) - 1) > MORE_ARCS:
            return None
        if self.length + (producers - 1) * self.lengths[second] > LONGER * len(self.net.transitions) + MORE_ARCS:
            return None
        if any(p in self.read[t] or self.post[t].get(p, 0) > 1 for t in self.touching[p]):
            return None
        return second

    def result(self) -> Reduction:
        """The reduced net; a fused transition has the name and the label of the first one that it stands for."""
        net = self.net
        builder = NetBuilder(net.name)
        left = sorted(self.places)
        number = {p: builder.place(net.places[p], net.initial[p], p in net.single) for p in left}

        def renumbered(arcs: dict[int, int]) -> Arcs:
            return tuple((number[p], weight) for p, weight in sorted(arcs.items()))

        order = sorted(self.pre)
        for t in order:
            builder.transition(
                net.transitions[t],
                renumbered(self.pre[t]),
                renumbered(self.post[t]),
                renumbered(self.read[t]),
                renumbered(self.inhibit[t]),
                label=net.labels[t],
                urgent=net.urgent[t],
                interval=net.intervals[t],
            )
        bounds = None if net.bounds is None else [net.bounds[p] for p in left]
        return Reduction(builder.build(bounds), tuple(left), tuple(_flat(self.sequence[t]) for t in order))


def _flat(sequence: _Sequence) -> tuple[int, ...]:
    found: list[int] = []
    waiting: list[_Sequence] = [sequence]
    while waiting:
        first, then = waiting.pop()
        if then is not None:
            waiting.append(then)
        if isinstance(first, int):
            found.append(first)
        else:
            waiting.append(first)
    return tuple(found)
