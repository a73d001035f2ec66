"""Sleep sets for whole levels (Godefroid 1996): every state is still found, but seldom by more than one way.

Where t and u are both enabled and independent, t u and u t lead to the same state. Of a state's steps, those that were taken
before t and are independent of t sleep after it: what they lead to there has been found from here. A state that several steps
lead to sleeps with what sleeps after all of them. That takes all of them to be known before the state is expanded, and they
are where they come from one level: so a state that is met again on a later level ends this search (``MetAgain``), and the plain
one has to be made. Nets whose markings say how many steps were taken, those of programs among them, have no such states.
"""

from __future__ import annotations

import numpy as np

from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.encoding import Encoding
from madeus.checker.engines.explicit.stubborn import Stubborn
from madeus.checker.engines.explicit.visited import Visited, Words, fingerprints

MOST = 1024
"""Transitions of a net, at most: each is a bit of every state of two levels."""


class MetAgain(Exception):
    """A state was met on a later level than the one where it was found first."""


class Sleep:
    """Which steps are independent of which."""

    def __init__(self, encoding: Encoding) -> None:
        count = len(encoding.net.transitions)
        self.words = -(-count // 64)
        stubborn = Stubborn(encoding)
        self.word = [t // 64 for t in range(count)]
        self.bit = [np.uint64(1 << (t % 64)) for t in range(count)]
        self.independent = np.full((count, self.words), np.uint64(0xFFFFFFFFFFFFFFFF))
        for t in range(count):
            for u in (*stubborn.dependent[t], t):
                self.independent[t, u // 64] &= ~self.bit[u]


def may_sleep(encoding: Encoding) -> bool:
    """Whether sleep sets are worth a try: with a clash possible nothing is independent of anything."""
    return not encoding.halting and 1 < len(encoding.net.transitions) <= MOST


def merged(states: list[Words], sleeping: list[Words], visited: Visited, watch: Watch) -> tuple[Words, Words, Words]:
    """(fingerprints, states, what sleeps in them) of what is new in a level, each state once, sorted; empties the lists.

    Raises MetAgain.
    """
    every, asleep = np.concatenate(states), np.concatenate(sleeping)
    states.clear()
    sleeping.clear()
    marks = fingerprints(every)
    order = np.argsort(marks)
    marks = marks[order]
    watch.check()
    begins = np.ones(len(marks), dtype=np.bool_)
    again = np.flatnonzero(marks[1:] == marks[:-1])
    if len(again):
        same = (every[order[again + 1], 1:] == every[order[again], 1:]).all(axis=1)
        begins[again[same] + 1] = False
        # All that is the same as what stands before it adds to what has to stay awake there.
        first = np.flatnonzero(begins)
        asleep = np.bitwise_and.reduceat(asleep[order], first, axis=0)
        marks, order = marks[first], order[first]
    else:
        asleep = asleep[order]
    new = every[order]
    if (visited.levels(new, marks) >= 0).any():
        raise MetAgain
    return marks, new, asleep
