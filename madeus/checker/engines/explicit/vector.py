"""Exhaustive breadth-first search, a whole level at a time, on arrays of 64-bit words.

NumPy does it: compiled, kept for twenty years, on every platform, imported in a tenth of a second. (Numba makes faster inner
loops, but is ten times the size, lags behind Python's releases and compiles for seconds before the first state.) A state is
kept once, in eight bytes for each 64 bits of marking and four for the number of its level; see ``visited``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.asleep import MetAgain, Sleep, may_sleep, merged
from madeus.checker.engines.explicit.encoding import Encoding
from madeus.checker.engines.explicit.target import Condition, Some
from madeus.checker.engines.explicit.visited import Flags, Visited, Words, fingerprints, sorted_states

_WORD = (1 << 64) - 1
CHUNK = 1 << 16
"""States that are expanded together, so that the arrays in between stay small."""


class Sweep:
    """Every reachable state of a net, level by level."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.words = max(1, -(-encoding.bits // 64))
        count = len(encoding.net.transitions)
        self.need = [self._split(m) for m in encoding.need]
        self.bar = [self._split(m) for m in encoding.bar]
        # Fields do not cross words, so adding word by word never carries over.
        self.delta = [self._change(t) for t in range(count)]
        self.tests = [
            [(t.shift // 64, np.uint64(t.shift % 64), np.uint64(t.mask), t.weight, t.less) for t in tests]
            for tests in encoding.tests
        ]
        self.halting = self._split(encoding.halting)
        first = [(encoding.initial >> (64 * k)) & _WORD for k in range(self.words)]
        self.initial: Words = np.array([first], dtype=np.uint64)
        self.visited = Visited()
        """What was found so far."""

    def _split(self, mask: int) -> list[tuple[int, np.uint64]]:
        words = ((k, (mask >> (64 * k)) & _WORD) for k in range(self.words))
        return [(k, np.uint64(m)) for k, m in words if m]

    def _change(self, t: int) -> list[tuple[int, np.uint64]]:
        net, change = self.encoding.net, [0] * self.words
        for arcs, sign in ((net.pre[t], -1), (net.post[t], 1)):
            for place, weight in arcs:
                shift = self.encoding.fields[place].shift
                change[shift // 64] += sign * (weight << (shift % 64))
        return [(k, np.uint64(c & _WORD)) for k, c in enumerate(change) if c]

    def enabled(self, columns: Words, t: int) -> npt.NDArray[np.intp]:
        """Rows in which a transition is enabled. columns: the states' words, each word of all states together."""
        flags = self._flags(columns, t)
        return np.arange(columns.shape[1]) if flags is None else np.flatnonzero(flags)

    def _flags(self, columns: Words, t: int) -> Any:
        """For each state whether a transition is enabled; None: in all of them."""
        flags: Any = None
        for k, mask in self.need[t]:
            now = (columns[k] & mask) == mask
            flags = now if flags is None else flags & now
        for k, mask in self.bar[t]:
            now = (columns[k] & mask) == 0
            flags = now if flags is None else flags & now
        for k, shift, mask, weight, less in self.tests[t]:
            now = (((columns[k] >> shift) & mask) < weight) == less
            flags = now if flags is None else flags & now
        for k, mask in self.halting:
            now = (columns[k] & mask) == 0
            flags = now if flags is None else flags & now
        return flags

    def fire(self, states: Words, t: int) -> Words:
        """The states after a transition, in their place."""
        for k, change in self.delta[t]:
            states[:, k] += change
        return states

    def run(self, watch: Watch, stop: Callable[[Words], Flags] | None = None) -> tuple[int, ...] | None:
        """Go through all levels. stop: marks states to stop at; returns the transitions of a shortest run to one of them.

        Raises Exhausted.
        """
        if may_sleep(self.encoding):
            before = watch.states
            try:
                return self._levels(watch, stop, Sleep(self.encoding))
            except MetAgain:
                watch.states = before
        return self._levels(watch, stop, None)

    def _levels(
        self, watch: Watch, stop: Callable[[Words], Flags] | None, sleep: Sleep | None
    ) -> tuple[int, ...] | None:
        self.visited = Visited()
        marks, first = sorted_states(self.initial)
        self.visited.add(first, marks, 0)
        level, number = [first], 0
        asleep = None if sleep is None else np.zeros((1, sleep.words), dtype=np.uint64)
        while level:
            for states in level:
                watch.tick(len(states))
                if stop is not None:
                    hit = np.flatnonzero(stop(states))
                    if len(hit):
                        return self._path(states[hit[:1]], number)
            watch.check()
            number += 1
            if sleep is None or asleep is None:
                level = list(self._next(level, number, watch))
            else:
                (states,) = level
                level.clear()
                found = self._awake(states, asleep, number, watch, sleep)
                del states, asleep
                level, asleep = ([], None) if found is None else ([found[0]], found[1])
        return None

    def _awake(
        self, states: Words, asleep: Words, number: int, watch: Watch, sleep: Sleep
    ) -> tuple[Words, Words] | None:
        """The states of the next level, and what sleeps in them; None when there are none. Raises MetAgain."""
        made: list[Words] = []
        dozing: list[Words] = []
        for begin in range(0, len(states), CHUNK):
            chunk = states[begin : begin + CHUNK]
            columns = np.ascontiguousarray(chunk.T)
            taken = np.ascontiguousarray(asleep[begin : begin + CHUNK].T)
            for t in range(len(self.need)):
                k, bit = sleep.word[t], sleep.bit[t]
                awake, flags = (taken[k] & bit) == 0, self._flags(columns, t)
                rows = np.flatnonzero(awake if flags is None else awake & flags)
                if len(rows):
                    made.append(self.fire(chunk[rows], t))
                    dozing.append(taken[:, rows].T & sleep.independent[t])
                    taken[k, rows] |= bit
            watch.check()
        del states, asleep
        if not made:
            return None
        marks, new, left = merged(made, dozing, self.visited, watch)
        self.visited.add(new, marks, number)
        return new, left

    def _next(self, level: list[Words], number: int, watch: Watch) -> Iterator[Words]:
        """The states of the next level. Takes those of the level before out of their list."""
        level.reverse()
        while level:
            # Small pieces are expanded together: a round costs as much for one state as for thousands.
            taken = [level.pop()]
            while level and sum(map(len, taken)) + len(level[-1]) <= CHUNK:
                taken.append(level.pop())
            states = np.concatenate(taken) if len(taken) > 1 else taken[0]
            for begin in range(0, len(states), CHUNK):
                chunk = states[begin : begin + CHUNK]
                columns = np.ascontiguousarray(chunk.T)
                made: list[Words] = []
                for t in range(len(self.need)):
                    rows = self.enabled(columns, t)
                    if len(rows):
                        made.append(self.fire(chunk[rows], t))
                watch.check()
                if not made:
                    continue
                successors = np.concatenate(made)
                made.clear()
                marks, new = sorted_states(successors)
                del successors
                fresh = self.visited.levels(new, marks) < 0
                if fresh.any():
                    new = new[fresh]
                    self.visited.add(new, marks[fresh], number)
                    yield new

    def _path(self, target: Words, number: int) -> tuple[int, ...]:
        """Transitions of a shortest run to a state of a level: backwards, by what was found one level before."""
        path: list[int] = []
        for level in range(number - 1, -1, -1):
            for t in range(len(self.need)):
                before = target.copy()
                for k, change in self.delta[t]:
                    before[:, k] -= change
                if self.visited.levels(before, fingerprints(before))[0] == level and len(self.enabled(before.T, t)):
                    target = before
                    path.append(t)
                    break
        path.reverse()
        return tuple(path)


def evaluate(condition: Condition, states: Words) -> Flags:
    """For each state whether a condition holds."""
    if isinstance(condition, Some):
        flags = np.zeros(len(states), dtype=np.bool_)
        mask, k = condition.mask, 0
        while mask:
            if mask & _WORD:
                flags |= (states[:, k] & np.uint64(mask & _WORD)) != 0
            mask >>= 64
            k += 1
        return flags
    word, parts = condition
    if word == "not":
        return ~evaluate(parts[0], states)
    flags = np.full(len(states), word == "and")
    for part in parts:
        flags = flags & evaluate(part, states) if word == "and" else flags | evaluate(part, states)
    return flags


def count_bits(states: Words, mask: int) -> npt.NDArray[np.int64]:
    """For each state the number of bits that it has in common with a mask."""
    total = np.zeros(len(states), dtype=np.int64)
    k = 0
    while mask:
        if mask & _WORD:
            total += np.bitwise_count(states[:, k] & np.uint64(mask & _WORD))
        mask >>= 64
        k += 1
    return total
