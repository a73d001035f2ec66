"""How long each question takes on stars, chains and stacks of N components, and how that grows when N doubles.

Run ``python benchmarks/checker_scale.py [N ...]``; 1000 2000 by default. Each row: a family, N, and for each question its
seconds of CPU time (the first has the order of events in it) and the ratio to the row above, at most 2.5 for a double.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import pairwise

from madeus.checker import Asked, Health, Portfolio, Problem, Unknown
from madeus.model import (
    And,
    Assembly,
    Available,
    Bounds,
    ComponentType,
    Connection,
    Deployable,
    Forbidden,
    Goal,
    Group,
    Instance,
    Interval,
    Marked,
    Multiplicity,
    Parallelism,
    Place,
    PortKind,
    ProvidePort,
    Sequence,
    Transition,
    UsePort,
)
from madeus.semantics import System

SERVICE = PortKind.SERVICE


def tier(name: str, needs: bool, many: bool = False) -> ComponentType:
    """A type with a fork, a join, a service from ``b`` on, and if it needs one, a service for its last transition."""
    multiplicity = Multiplicity.ALL if many else Multiplicity.ONE
    return ComponentType(
        name,
        (Place("a", initial=True), Place("b"), Place("c")),
        (
            Transition("p", "a", "b", interval=Interval(1, 3)),
            Transition("q", "a", "b", interval=Interval(1, 4)),
            Transition("r", "b", "c", interval=Interval(2, 3)),
        ),
        groups=(Group("up", ("b", "c")),),
        provides=(ProvidePort("early", SERVICE, ("up",)), ProvidePort("late", SERVICE, ("c",))),
        uses=(UsePort("need", SERVICE, ("r",), multiplicity=multiplicity),) if needs else (),
    )


def star(count: int) -> Assembly:
    """A hub that waits for all leaves; the leaves wait for its early service."""
    leaves = tuple(f"l{i}" for i in range(count))
    instances = (Instance("hub", "Hub"), *(Instance(name, "Leaf") for name in leaves))
    links = [Connection(name, "need", "hub", "early") for name in leaves]
    links += [Connection("hub", "need", name, "early") for name in leaves]
    types = {"Hub": tier("Hub", True, many=True), "Leaf": tier("Leaf", True)}
    return Assembly("star", types, instances, tuple(links))


def chain(count: int) -> Assembly:
    """Each component needs the one before it."""
    names = [f"l{i}" for i in range(count)]
    instances = (Instance(names[0], "First"), *(Instance(name, "Link") for name in names[1:]))
    links = tuple(Connection(b, "need", a, "late") for a, b in pairwise(names))
    return Assembly("chain", {"First": tier("First", False), "Link": tier("Link", True)}, instances, links)


def stack(count: int) -> Assembly:
    """``count`` replicas of a stack of four tiers."""
    instances: list[Instance] = []
    links: list[Connection] = []
    for replica in range(count):
        names = [f"t{level}[{replica}]" for level in range(4)]
        instances += [Instance(name, "First" if level == 0 else "Link") for level, name in enumerate(names)]
        links += [Connection(b, "need", a, "late") for a, b in pairwise(names)]
    types = {"First": tier("First", False), "Link": tier("Link", True)}
    return Assembly("stack", types, tuple(instances), tuple(links))


def questions(whole: Assembly) -> list[Asked]:
    """One of each kind."""
    first, last = whole.instances[0].name, whole.instances[-1].name
    up = Goal("up", And(tuple(Marked(i.name, "c") for i in whole.instances)))
    return [
        Health(),
        Deployable(up),
        Sequence(((first, "p"), (last, "r"))),
        Parallelism(),
        Bounds(up),
        Forbidden(And((Marked(first, "c"), Marked(last, "a")))),
        Available(first, "late"),
    ]


FLOORS = {("star", 1000): 2, ("chain", 1000): 2, ("star", 10_000): 20, ("chain", 10_000): 20, ("stack", 1000): 5}
"""Seconds of CPU time for each question."""


def measure(family: Callable[[int], Assembly], sizes: list[int]) -> None:
    """Print one table."""
    before: list[float] = []
    for size in sizes:
        whole = family(size)
        system, portfolio = System(whole), Portfolio()
        row: list[float] = []
        cells: list[str] = []
        for index, asked in enumerate(questions(whole)):
            began = time.process_time()
            verdict = portfolio.check(Problem(system, asked))
            seconds = time.process_time() - began
            row.append(seconds)
            ratio = f" x{seconds / before[index]:.1f}" if before and before[index] > 0.05 else ""
            mark = "?" if isinstance(verdict, Unknown) else ""
            cells.append(f"{type(asked).__name__.lower()} {seconds:.2f}{ratio}{mark}")
        floor = FLOORS.get((family.__name__, size))
        kept = "" if floor is None else f"  floor {floor:g} s {'kept' if max(row) <= floor else 'MISSED'}"
        print(f"{family.__name__:6} {size:6}  " + "  ".join(cells) + kept, flush=True)
        before = row


if __name__ == "__main__":
    asked_sizes = [int(word) for word in sys.argv[1:]] or [1000, 2000]
    for one in (star, chain, stack):
        measure(one, asked_sizes)
