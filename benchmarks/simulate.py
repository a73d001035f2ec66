"""Overhead of the simulator's engine for each transition, on chains and stars of 1,000 and 10,000 components.

    python benchmarks/simulate.py [--most 10000]

Four families: a chain (each component waits for the one before), a star around one provider, a star whose hub uses all through
one port, and a star whose hub has a port for each. The floor, in the same run, is a heap of as many timed events without
any semantics. Growth is the time for ten times the size, divided by ten.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from heapq import heappop, heappush

from madeus.model import (
    Assembly,
    ComponentType,
    Connection,
    Instance,
    Multiplicity,
    Place,
    PortKind,
    ProvidePort,
    Transition,
    UsePort,
)
from madeus.semantics import System, simulate

LINK = ComponentType(
    "Link",
    (Place("off", True), Place("ready"), Place("on")),
    (Transition("prepare", "off", "ready"), Transition("start", "ready", "on")),
    provides=(ProvidePort("service", PortKind.SERVICE, ("on",)),),
    uses=(UsePort("before", PortKind.SERVICE, ("start",), optional=True),),
)


def _assembly(name: str, types: list[ComponentType], instances: list[Instance], links: list[Connection]) -> Assembly:
    return Assembly(name, {t.name: t for t in types}, tuple(instances), tuple(links))


def chain(n: int) -> Assembly:
    instances = [Instance(f"c{i}", "Link") for i in range(n)]
    links = [Connection(f"c{i}", "before", f"c{i - 1}", "service") for i in range(1, n)]
    return _assembly("chain", [LINK], instances, links)


def star_of_users(n: int) -> Assembly:
    instances = [Instance(f"c{i}", "Link") for i in range(n)]
    links = [Connection(f"c{i}", "before", "c0", "service") for i in range(1, n)]
    return _assembly("star_of_users", [LINK], instances, links)


def _hub(n: int, uses: list[UsePort], name: str, port: Callable[[int], str]) -> Assembly:
    hub = ComponentType("Hub", (Place("off", True), Place("on")), (Transition("start", "off", "on"),), uses=tuple(uses))
    instances = [Instance("hub", "Hub"), *(Instance(f"c{i}", "Link") for i in range(n))]
    links = [Connection("hub", port(i), f"c{i}", "service") for i in range(n)]
    return _assembly(name, [LINK, hub], instances, links)


def star_of_providers(n: int) -> Assembly:
    use = UsePort("all", PortKind.SERVICE, ("start",), multiplicity=Multiplicity.ALL)
    return _hub(n, [use], "star_of_providers", lambda i: "all")


def star_of_ports(n: int) -> Assembly:
    uses = [UsePort(f"u{i}", PortKind.SERVICE, ("start",)) for i in range(n)]
    return _hub(n, uses, "star_of_ports", lambda i: f"u{i}")


def floor(transitions: int) -> float:
    """Seconds for as many timed events through a heap, and nothing else."""
    start = time.perf_counter()
    heap: list[tuple[float, int]] = []
    for i in range(transitions):
        heappush(heap, (float(i % 97), i))
    while heap:
        heappop(heap)
    return time.perf_counter() - start


def measure(family: Callable[[int], Assembly], n: int) -> tuple[int, float]:
    """Transitions, and the least seconds of three simulations."""
    best = float("inf")
    count = 0
    for _ in range(3):
        system = System(family(n))
        start = time.perf_counter()
        result = simulate(system, lambda component, transition: 1.0)
        best = min(best, time.perf_counter() - start)
        count = len(result.trace.executions)
        assert result.deadlock is None
        del result
    return count, best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=10_000)
    most = parser.parse_args().most
    sizes = [n for n in (1_000, 10_000, 100_000) if n <= most]
    print(
        f"{'family':20}{'components':>12}{'transitions':>13}{'seconds':>10}{'ms/transition':>15}{'x floor':>9}{'growth':>9}"
    )
    for family in (chain, star_of_users, star_of_providers, star_of_ports):
        before = 0.0
        for n in sizes:
            count, seconds = measure(family, n)
            growth = f"{seconds / before / 10:.2f}" if before else "-"
            before = seconds
            row = f"{family.__name__:20}{n:>12}{count:>13}{seconds:>10.3f}{seconds / count * 1000:>15.4f}"
            print(f"{row}{seconds / floor(count):>9.0f}{growth:>9}")


if __name__ == "__main__":
    main()
