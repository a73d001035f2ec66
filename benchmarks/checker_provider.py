"""N servers suspended, and updated around one provider that is itself updated: races of "leave" against "use".

The programs in the shapes in which people write them: with and without waits, one program or several, one for each server, a
load balancer behind the servers, actions that fail. ``python benchmarks/checker_provider.py [N ...]``; 10 50 100 by default.
A row for each shape: for each question the engine, seconds of CPU time for all that the question takes (the first one of a row
has the translation in it), and the ratio to the row of the size before. At the end of a row the slowest question in CPU and in
wall time, and whether the former is at most 10 s where N is 100.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from madeus.checker import Asked, Budget, Health, Portfolio, Problem, Unknown
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
    Multiplicity,
    Parallelism,
    Place,
    PortKind,
    Program,
    ProvidePort,
    Push,
    Reach,
    Sequence,
    Terminates,
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


BALANCER = ComponentType(
    "Balancer",
    (Place("off", initial=True), Place("on")),
    (Transition("go", "off", "on", ("install",)), Transition("stop", "on", "off", ("update",))),
    ("install", "update"),
    uses=(UsePort("webs", PortKind.SERVICE, ("go",), multiplicity=Multiplicity.ALL),),
)
FLOOR = 10.0
"""Seconds for each question where N is 100."""


def whole(count: int, balanced: bool = False) -> Assembly:
    """The provider, its users, and perhaps a load balancer that uses all of them."""
    names = [f"s{i}" for i in range(count)]
    instances = [Instance("dep", "Dep"), *(Instance(name, "Server") for name in names)]
    links = [Connection(name, "dep", "dep", "service") for name in names]
    types = {"Dep": DEP, "Server": SERVER}
    if balanced:
        types["Balancer"] = BALANCER
        instances.append(Instance("lb", "Balancer"))
        links += [Connection("lb", "webs", name, "web") for name in names]
    return Assembly("site", types, tuple(instances), tuple(links))


def program(name: str, *instructions: Push | WaitComponent | WaitAll) -> Program:
    """A program of the site."""
    return Program(name, "site", instructions)


def each(count: int, behavior: str) -> list[Push]:
    """Push a behavior to all servers."""
    return [Push(f"s{i}", behavior) for i in range(count)]


def install(count: int, *more: Push) -> Program:
    """Everything is installed."""
    return program("install", Push("dep", "install"), *each(count, "install"), *more, WaitAll())


def provider() -> Program:
    """The provider is updated, whatever the servers do."""
    return program("provider", Push("dep", "update"), WaitComponent("dep"), Push("dep", "install"))


def site(count: int) -> System:
    """Programs one after the other, with waits wherever somebody might want them."""
    upgrade = program(
        "upgrade",
        *each(count, "suspend"),
        Push("dep", "update"),
        *(WaitComponent(f"s{i}") for i in range(count)),
        Push("dep", "install"),
        WaitComponent("dep"),
        *each(count, "install"),
        WaitAll(),
    )
    return System(whole(count), ((install(count),), (upgrade,)))


def race(count: int, failures: int = 0) -> System:
    """Servers and provider changed side by side; nobody waits."""
    servers = program("servers", *each(count, "suspend"), *each(count, "install"))
    return System(whole(count), ((install(count),), (servers, provider())), failures)


def shapes(count: int) -> Iterator[tuple[str, System]]:
    """All shapes, by name."""
    away, back = each(count, "suspend"), each(count, "install")
    names = [f"s{i}" for i in range(count)]
    yield "one after the other", site(count)
    yield "race", race(count)
    waiting = program("servers", *away, WaitAll(), *back)
    yield "race, wait all", System(whole(count), ((install(count),), (waiting, provider())))
    everything = (*install(count).instructions[:-1], *away, Push("dep", "update"), Push("dep", "install"), *back)
    yield "nothing waits", System(whole(count), ((program("all", *everything),),))
    rolling = [step for n in names for step in (Push(n, "suspend"), WaitComponent(n), Push(n, "install"))]
    yield "rolling", System(whole(count), ((install(count),), (program("rolling", *rolling), provider())))
    alone = [program(f"of {n}", Push(n, "suspend"), WaitComponent(n), Push(n, "install")) for n in names]
    yield "a program each", System(whole(count), ((install(count),), (*alone, provider())))
    balanced = program("servers", Push("lb", "update"), *away, *back)
    first = install(count, Push("lb", "install"))
    yield "load balancer", System(whole(count, balanced=True), ((first,), (balanced, provider())))
    one = program("one", Push("dep", "install"), *each(count, "install"))
    other = program("other", *away, Push("dep", "update"), Push("dep", "install"), *back)
    yield "side by side", System(whole(count), ((one, other),))
    servers = program("servers", *away, *back)
    yield "all side by side", System(whole(count), ((install(count), servers, provider()),))
    yield "race, 1 failure", race(count, 1)
    yield "race, 2 failures", race(count, 2)


def up(system: System) -> Goal:
    """Provider and servers run."""
    running = (Marked(i.name, "running") for i in system.assembly.instances if i.type != "Balancer")
    return Goal("up", And(tuple(running)))


def questions(system: System, count: int) -> list[Asked]:
    """Of each kind."""
    last = f"s{count - 1}"
    return [
        Health(),
        Deployable(up(system)),
        Deployable(up(system), Reach.POSSIBLE),
        Terminates(),
        Confluent(),
        Available("s0", "web"),
        Forbidden(And((Marked("s0", "running"), Marked("dep", "installed")))),
        Forbidden(And((Marked("s0", "maintenance"), Marked(last, "maintenance"), Marked("dep", "running")))),
        Sequence((("s0", "suspend"), ("dep", "update"))),
        Parallelism(),
    ]


def main(sizes: list[int]) -> None:
    """Print a row for each shape and size."""
    before: dict[tuple[str, int], float] = {}
    for size in sizes:
        for name, system in shapes(size):
            portfolio = Portfolio()
            cells: list[str] = []
            slowest = longest = 0.0
            for at, asked in enumerate(questions(system, size)):
                began, clock = time.process_time(), time.perf_counter()
                verdict = portfolio.check(Problem(system, asked), budget=Budget(seconds=60.0))
                seconds, longest = time.process_time() - began, max(longest, time.perf_counter() - clock)
                ratio = f" x{seconds / before[name, at]:.1f}" if before.get((name, at), 0.0) > 0.05 else ""
                before[name, at] = seconds
                mark = "?" if isinstance(verdict, Unknown) else ""
                slowest = max(slowest, float("inf") if mark else seconds)
                cells.append(f"{type(asked).__name__.lower()} {verdict.evidence.engine} {seconds:.2f}{ratio}{mark}")
            kept = "" if size != 100 else f"  floor {FLOOR:g} s {'kept' if slowest <= FLOOR else 'MISSED'}"
            times = f"slowest {slowest:.2f} s CPU, {longest:.2f} s wall"
            print(f"{name:20} N {size:4}  {'  '.join(cells)}  {times}{kept}", flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [10, 50, 100])
