"""Exhaustive breadth-first search, a whole level at a time, on arrays of 64-bit words.

NumPy does it: compiled, kept for twenty years, on every platform, imported in a tenth of a second. (Numba makes faster inner
loops, but is ten times the size, lags behind Python's releases and compiles for seconds before the first state.) A state takes
eight bytes for each 64 bits of marking and eight for a fingerprint to sort by; equal fingerprints are compared word by word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.encoding import Encoding
from madeus.checker.engines.explicit.target import Condition, Some

Words = npt.NDArray[np.uint64]
"""States, a row each."""
Flags = npt.NDArray[np.bool_]

_WORD = (1 << 64) - 1
_MIX = np.uint64(0x9E3779B97F4A7C15)
CHUNK = 1 << 18
"""States that are expanded together, so that the arrays in between stay small."""


class Level:
    """Sorted states and their fingerprints."""

    def __init__(self, states: Words) -> None:
        marks = _fingerprints(states)
        order = np.argsort(marks, kind="stable")
        marks, states = marks[order], states[order]
        if len(marks) > 1:
            fresh = np.ones(len(marks), dtype=np.bool_)
            fresh[1:] = (marks[1:] != marks[:-1]) | (states[1:] != states[:-1]).any(axis=1)
            if not fresh.all():
                marks, states = marks[fresh], states[fresh]
        self.marks, self.states = marks, states

    def contains(self, states: Words, marks: Words) -> Flags:
        """For each state whether it is here."""
        if not len(self.marks):
            return np.zeros(len(states), dtype=np.bool_)
        at = np.searchsorted(self.marks, marks)
        at[at == len(self.marks)] = 0
        found: Flags = (self.marks[at] == marks) & (self.states[at] == states).all(axis=1)
        return found


class Sweep:
    """Every reachable state of a net, level by level."""

    def __init__(self, encoding: Encoding, remember: tuple[int, ...] = (), memory: int = 0) -> None:
        self.encoding = encoding
        self.words = max(1, -(-encoding.bits // 64))
        self.width = self.words + (1 if remember else 0)
        count = len(encoding.net.transitions)
        self.need = [self._split(m) for m in encoding.need]
        self.bar = [self._split(m) for m in encoding.bar]
        # Fields do not cross words, so adding word by word never carries over.
        self.delta = [self._change(t) for t in range(count)]
        self.tests = [
            [(t.shift // 64, np.uint64(t.shift % 64), np.uint64(t.mask), t.weight, t.less) for t in tests]
            for tests in encoding.tests
        ]
        self.remember = [np.uint64(m) for m in remember]
        self.halting = self._split(encoding.halting)
        first = [(encoding.initial >> (64 * k)) & _WORD for k in range(self.words)]
        if remember:
            first.append(memory)
        self.initial: Words = np.array([first], dtype=np.uint64)
        self.levels: list[Level] = []
        """The levels in order, each sorted."""

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

    def enabled(self, states: Words, t: int) -> npt.NDArray[np.intp]:
        """Rows in which a transition is enabled."""
        flags: Any = None
        for k, mask in self.need[t]:
            now = (states[:, k] & mask) == mask
            flags = now if flags is None else flags & now
        for k, mask in self.bar[t]:
            now = (states[:, k] & mask) == 0
            flags = now if flags is None else flags & now
        for k, shift, mask, weight, less in self.tests[t]:
            now = (((states[:, k] >> shift) & mask) < weight) == less
            flags = now if flags is None else flags & now
        for k, mask in self.halting:
            now = (states[:, k] & mask) == 0
            flags = now if flags is None else flags & now
        return np.arange(len(states)) if flags is None else np.flatnonzero(flags)

    def fire(self, states: Words, t: int) -> Words:
        """The states after a transition."""
        after = states.copy()
        for k, change in self.delta[t]:
            after[:, k] += change
        if self.remember:
            after[:, -1] |= self.remember[t]
        return after

    def run(self, watch: Watch, stop: Callable[[Words], Flags] | None = None) -> tuple[int, ...] | None:
        """Go through all levels. stop: marks states to stop at; returns the transitions of a shortest run to one of them.

        Raises Exhausted.
        """
        level = Level(self.initial)
        runs: list[Level] = []
        while len(level.marks):
            self.levels.append(level)
            watch.tick(len(level.marks))
            watch.check()
            if stop is not None:
                hit = np.flatnonzero(stop(level.states))
                if len(hit):
                    return self._path(level.states[hit[0]])
            _remember_run(runs, level)
            level = self._next(level, runs, watch)
        return None

    def _next(self, level: Level, runs: list[Level], watch: Watch) -> Level:
        parts: list[Words] = []
        for begin in range(0, len(level.marks), CHUNK):
            chunk = level.states[begin : begin + CHUNK]
            made: list[Words] = []
            for t in range(len(self.need)):
                rows = self.enabled(chunk, t)
                if len(rows):
                    made.append(self.fire(chunk[rows], t))
            if made:
                new = Level(np.concatenate(made))
                known = np.zeros(len(new.marks), dtype=np.bool_)
                for run in runs:
                    known |= run.contains(new.states, new.marks)
                parts.append(new.states[~known])
            watch.check()
        if not parts:
            return Level(self.initial[:0])
        return Level(np.concatenate(parts)) if len(parts) > 1 else Level(parts[0])

    def _path(self, target: Words) -> tuple[int, ...]:
        path: list[int] = []
        for level in reversed(self.levels[:-1]):
            for t in range(len(self.need)):
                rows = self.enabled(level.states, t)
                if not len(rows):
                    continue
                hit = np.flatnonzero((self.fire(level.states[rows], t) == target).all(axis=1))
                if len(hit):
                    target = level.states[rows[hit[0]]]
                    path.append(t)
                    break
        path.reverse()
        return tuple(path)


def _fingerprints(states: Words) -> Words:
    marks = states[:, 0].copy()
    for k in range(1, states.shape[1]):
        marks ^= marks >> np.uint64(29)
        marks *= _MIX
        marks += states[:, k]
    return marks


def _remember_run(runs: list[Level], level: Level) -> None:
    """Keep the sorted runs few: one that is not much larger than the next is merged with it."""
    runs.append(level)
    while len(runs) > 1 and len(runs[-2].marks) < 2 * len(runs[-1].marks):
        last, before = runs.pop(), runs.pop()
        runs.append(Level(np.concatenate((before.states, last.states))))


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
