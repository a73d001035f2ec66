"""The largest number of transitions that run at once: raised from below until it meets a bound, or no run has one more."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from madeus.checker import judge
from madeus.checker.counterexample import confirm
from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.compiled import REDUCED, Compiled
from madeus.checker.engines.explicit.local import local_bounds
from madeus.checker.engines.explicit.target import Target
from madeus.checker.verdict import Verdict, Width
from madeus.model import Parallelism
from madeus.petri.element import Element, ElementKind
from madeus.semantics import StepKind, System

if TYPE_CHECKING:
    from madeus.checker.engines.explicit.visited import Flags, Words

STEP = 2_000
"""States of a search for one more transition at once that begins where the most so far run."""
STRIDES = 20
"""Length of a greedy run: so many times the number of transitions of the net."""


def parallelism(system: System, compiled: Compiled, question: Parallelism, watch: Watch) -> Verdict:
    """Exact. Raises Exhausted."""
    count = _Count(compiled, frozenset(question.components))
    bounds = local_bounds(system)
    ceiling = sum(b for name, b in bounds.items() if not question.components or name in question.components)
    path = max((greedy(compiled, count, newest) for newest in (False, True)), key=lambda p: count(_after(compiled, p)))
    last = _after(compiled, path)
    proved = True
    keep = compiled.keeping(compiled.conditions.some(count.places))
    while count(last) < ceiling:
        target = Target(_at_least(count, count(last) + 1), count.nearer)
        found = compiled.search.find(target, watch, STEP, last)
        if found.path is not None:
            path += found.path
        else:
            # Nothing leads on from there, or not soon: from the start again.
            found = compiled.find(target, keep, watch, REDUCED if find_spec("numpy") else None)
            proved = found.complete
            if found.path is None:
                break
            path = found.path
        last = found.last[0]
    if not proved:
        path = _everything(compiled, count, path, watch)
        last = _after(compiled, path)
    trace, _ = confirm(system, compiled.search.steps(path))
    return judge.compare_width(question, Width(count(last), count(last), count.names(last), trace))


class _Count:
    """Counts the transitions that run in a marking."""

    def __init__(self, compiled: Compiled, components: frozenset[str]) -> None:
        encoding, raising = compiled.encoding, compiled.search.stubborn.raising
        self.places: dict[int, Element] = {
            n: e
            for n, e in enumerate(compiled.translation.elements)
            if e.kind is ElementKind.RUNNING and (not components or e.component in components)
        }
        self.bits = {n: encoding.fields[n].mask for n in self.places}
        self.mask = sum(self.bits.values())
        self.raising = {n: frozenset(raising[n]) for n in self.places}

    def __call__(self, marking: int) -> int:
        return (marking & self.mask).bit_count()

    def nearer(self, marking: int, _: int) -> set[int]:
        """One of these fires before more run: what starts a transition that does not run."""
        return {t for n, bit in self.bits.items() if not marking & bit for t in self.raising[n]}

    def names(self, marking: int) -> tuple[str, ...]:
        """The transitions that run, qualified."""
        return tuple(sorted(f"{e.component}.{e.name}" for n, e in self.places.items() if marking & self.bits[n]))


def _at_least(count: _Count, wanted: int) -> Callable[[int, int], bool]:
    return lambda marking, _: count(marking) >= wanted


def _after(compiled: Compiled, path: tuple[int, ...]) -> int:
    return compiled.encoding.initial + sum(compiled.encoding.delta[t] for t in path)


def greedy(compiled: Compiled, count: _Count, newest: bool) -> tuple[int, ...]:
    """A run in which actions end only when nothing else can happen, up to where the most run.

    newest: whether the action that began last ends first.
    """
    search, encoding = compiled.search, compiled.encoding
    ending = frozenset(t for t, label in enumerate(search.labels) if label is not None and label.kind is StepKind.END)
    failing = frozenset(t for t, label in enumerate(search.labels) if label is not None and label.kind is StepKind.FAIL)
    marking, enabled = encoding.initial, search.start
    began: dict[int, int] = {}
    path: list[int] = []
    best, at = count(marking), 0
    for clock in range(STRIDES * len(search.labels)):
        for t in enabled:
            began.setdefault(t, clock)
        urgent = enabled - ending - failing
        choice = urgent or enabled & ending
        if not choice:
            break
        t = (max if newest and not urgent else min)(choice, key=lambda u: (began[u], u))
        began.pop(t)
        marking += encoding.delta[t]
        enabled = search.enabled_after(enabled, marking, t)
        began = {u: c for u, c in began.items() if u in enabled}
        path.append(t)
        if count(marking) > best:
            best, at = count(marking), len(path)
    return tuple(path[:at])


def _everything(compiled: Compiled, count: _Count, path: tuple[int, ...], watch: Watch) -> tuple[int, ...]:
    """A run to the most that run at once, by all reachable markings."""
    from madeus.checker.engines.explicit.vector import Sweep, count_bits

    best = count(_after(compiled, path))

    def more(states: Words) -> Flags:
        return count_bits(states, count.mask) > best

    while True:
        longer = Sweep(compiled.encoding).run(watch, more)
        if longer is None:
            return path
        path, best = longer, count(_after(compiled, longer))
