"""Every state once: sorted arrays of 64-bit words, and the number of the level that each was found on.

A fingerprint of all words takes the place of a state's first word, out of which it can be had again: so a state of 256 bits
takes 32 bytes, and four for its level. Runs of sorted states are merged as they grow (O'Neil et al. 1996), piece by piece, so
that the old ones go while the new one comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
"""States, a row each."""
Flags = npt.NDArray[np.bool_]

_SHIFT = np.uint64(29)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_UNMIX = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
SEGMENT = 1 << 19
"""States of a piece of a run."""


def fingerprints(states: Words) -> Words:
    """A number for each state; with the state's other words it says what the first is."""
    marks = states[:, 0].copy()
    for k in range(1, states.shape[1]):
        marks ^= marks >> _SHIFT
        marks *= _MIX
        marks += states[:, k]
    return marks


def first_words(marks: Words, rest: Words) -> Words:
    """The first words of states, from their fingerprints and their other words."""
    words = marks.copy()
    for k in range(rest.shape[1] - 1, -1, -1):
        words -= rest[:, k]
        words *= _UNMIX
        words ^= (words >> _SHIFT) ^ (words >> np.uint64(58))
    return words


@dataclass(frozen=True, slots=True)
class Segment:
    """States sorted by their fingerprints."""

    marks: Words
    rest: Words
    """All words but the first."""
    level: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.marks)

    def split(self, last: np.uint64) -> tuple[Segment, Segment]:
        """The states with a fingerprint up to one, and those after it."""
        at = int(np.searchsorted(self.marks, last, side="right"))
        return self._part(slice(None, at)), self._part(slice(at, None))

    def _part(self, rows: slice) -> Segment:
        return Segment(self.marks[rows], self.rest[rows], self.level[rows])

    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self.marks.nbytes + self.rest.nbytes + self.level.nbytes


def sorted_states(states: Words) -> tuple[Words, Words]:
    """States without repetitions, sorted by their fingerprints: (fingerprints, states)."""
    marks = fingerprints(states)
    order = np.argsort(marks)
    marks = marks[order]
    again = np.flatnonzero(marks[1:] == marks[:-1])
    if len(again):
        same = (states[order[again + 1], 1:] == states[order[again], 1:]).all(axis=1)
        fresh = np.ones(len(marks), dtype=np.bool_)
        fresh[again[same] + 1] = False
        marks, order = marks[fresh], order[fresh]
    return marks, states[order]


class Visited:
    """The states that were found, in sorted runs of pieces; no two pieces of a run share a fingerprint."""

    def __init__(self) -> None:
        self._runs: list[list[Segment]] = []

    def __len__(self) -> int:
        return sum(len(segment) for run in self._runs for segment in run)

    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return sum(segment.nbytes() for run in self._runs for segment in run)

    def levels(self, states: Words, marks: Words) -> npt.NDArray[np.int64]:
        """For each of some states, sorted by fingerprint, the level it was found on; -1: it was not."""
        found = np.full(len(marks), -1, dtype=np.int64)
        for run in self._runs:
            begin = 0
            for segment in run:
                if begin == len(marks):
                    break
                end = int(np.searchsorted(marks, segment.marks[-1], side="right"))
                if end > begin:
                    some = slice(begin, end)
                    at = np.searchsorted(segment.marks, marks[some])
                    same = (segment.marks[at] == marks[some]) & (segment.rest[at] == states[some, 1:]).all(axis=1)
                    np.copyto(found[some], segment.level[at], where=same)
                begin = end
        return found

    def add(self, states: Words, marks: Words, level: int) -> None:
        """Keep states that are new, sorted by fingerprint."""
        self._runs.append([Segment(marks, states[:, 1:].copy(), np.full(len(marks), level, dtype=np.uint32))])
        while len(self._runs) > 1 and _size(self._runs[-2]) < 2 * _size(self._runs[-1]):
            last, before = self._runs.pop(), self._runs.pop()
            self._runs.append(list(_merged(before, last)))


def _size(run: list[Segment]) -> int:
    return sum(map(len, run))


def _merged(one: list[Segment], other: list[Segment]) -> Iterator[Segment]:
    """Two runs as one. Takes the pieces out of both as it goes, so that their memory is free again."""
    for run in (one, other):
        run.reverse()
    ready: list[Segment] = []
    while one or other:
        last = min(run[-1].marks[-1] for run in (one, other) if run)
        for run in (one, other):
            if not run:
                continue
            taken, left = run.pop().split(last)
            if len(taken):
                ready.append(taken)
            if len(left):
                run.append(left)
        if sum(map(len, ready)) >= SEGMENT:
            yield from _together(ready)
    if ready:
        yield from _together(ready)


def _together(parts: list[Segment]) -> Iterator[Segment]:
    """Pieces of SEGMENT states, or some more, out of parts that overlap; empties the list."""
    marks = np.concatenate([part.marks for part in parts])
    rest = np.concatenate([part.rest for part in parts])
    level = np.concatenate([part.level for part in parts])
    parts.clear()
    # Two sorted halves in turn: what timsort is good at.
    order = np.argsort(marks, kind="stable")
    marks = marks[order]
    begin = 0
    while begin < len(marks):
        at = min(begin + SEGMENT, len(marks)) - 1
        end = int(np.searchsorted(marks, marks[at], side="right"))
        rows = order[begin:end]
        yield Segment(marks[begin:end].copy(), rest[rows], level[rows])
        begin = end
