"""N servers suspended, and updated around one provider that is itself updated: races of "leave" against "use".

Run ``python benchmarks/checker_provider.py [N ...]``; 10 50 100 by default. The explicit engine, with stubborn sets.
"""

from __future__ import annotations

import sys

from madeus.checker import Asked, Budget, Health, Portfolio, Problem
from madeus.model import (
    And,
    Assembly,
    Available,
    ComponentType,
    Confluent,
    Connection,
    Deployable,
    Forbidden,
    Goal,
    Instance,
    Marked,
    Parallelism,
    Place,
    PortKind,
    Program,
    ProvidePort,
    Push,
    Sequence,
    Transition,
    UsePort,
    WaitAll,
    WaitComponent,
)
from madeus.semantics import System

DEP = ComponentType(
    "Dep",
    (Place("undeployed", initial=True), Place("installed"), Place("running")),
    (
        Transition("install", "undeployed", "installed", ("install",)),
        Transition("run", "installed", "running", ("install",)),
        Transition("update", "running", "installed", ("update",)),
    ),
    ("install", "update"),
    provides=(ProvidePort("service", PortKind.SERVICE, ("running",)),),
)
SERVER = ComponentType(
    "Server",
    (Place("undeployed", initial=True), Place("allocated"), Place("running"), Place("maintenance")),
    (
        Transition("allocate", "undeployed", "allocated", ("install",), ("fresh",)),
        Transition("restart", "maintenance", "allocated", ("install",), ("resumed",)),
        Transition("start", "allocated", "running", ("install",)),
        Transition("suspend", "running", "maintenance", ("suspend",)),
    ),
    ("install", "suspend"),
    provides=(ProvidePort("web", PortKind.SERVICE, ("running",)),),
    uses=(UsePort("dep", PortKind.SERVICE, holders=("running",)),),
)


def site(count: int) -> System:
    """The provider, its users, and the two programs one after the other."""
    names = [f"s{i}" for i in range(count)]
    instances = (Instance("dep", "Dep"), *(Instance(name, "Server") for name in names))
    links = tuple(Connection(name, "dep", "dep", "service") for name in names)
    whole = Assembly("site", {"Dep": DEP, "Server": SERVER}, instances, links)
    install = Program("install", "site", (Push("dep", "install"), *(Push(n, "install") for n in names), WaitAll()))
    upgrade = Program(
        "upgrade",
        "site",
        (
            *(Push(n, "suspend") for n in names),
            Push("dep", "update"),
            *(WaitComponent(n) for n in names),
            Push("dep", "install"),
            WaitComponent("dep"),
            *(Push(n, "install") for n in names),
            WaitAll(),
        ),
    )
    return System(whole, ((install,), (upgrade,)))


def main(sizes: list[int]) -> None:
    """Print a row for each size."""
    for size in sizes:
        system, portfolio = site(size), Portfolio()
        back = Goal("back", And(tuple(Marked(i.name, "running") for i in system.assembly.instances)))
        questions: list[Asked] = [
            Health(),
            Deployable(back),
            Confluent(),
            Available("s0", "web"),
            Forbidden(And((Marked("s0", "running"), Marked("dep", "installed")))),
            Sequence((("s0", "suspend"), ("dep", "update"))),
            Parallelism(),
        ]
        cells = []
        for asked in questions:
            verdict = portfolio.check(Problem(system, asked), "explicit", Budget(seconds=60.0))
            kind, word = type(verdict).__name__.lower(), type(asked).__name__.lower()
            cells.append(f"{word} {kind} {verdict.evidence.seconds:.2f} s/{verdict.evidence.states}")
        print(f"N {size:4}  " + "  ".join(cells), flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [10, 50, 100])
