"""Programs on live assemblies: time of a step, of a program on 1,000 components, and of checking a server with n dependencies.

Run ``python benchmarks/reconfigure.py [N ...]``; the numbers of dependencies, 100 by default. Bounds to stay under: 0.1 ms a
step, 2 s for 1,000 components, 10 s for checking 100 dependencies. The floor is the time of the bare steps, without looking
for them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import madeus
from madeus.checker import Budget, Health, Portfolio, Problem
from madeus.checker.verdict import Holds
from madeus.model import Deployable, Goal, Marked, Terminates
from madeus.semantics import Configuration, System, apply, simulate
from madeus.semantics.time import middle

EXAMPLE = Path(__file__).parents[1] / "examples/reconfiguration/server_deps.madeus"
PROGRAMS = ("deploy_deps", "deploy_server", "update_all")
STEP_MS, SIMULATION_S, CHECK_S = 0.1, 2.0, 10.0


def live(n: int, *programs: str) -> tuple[System, madeus.Design]:
    """The last program on an assembly on which the others have run."""
    design = madeus.load(EXAMPLE, n=n)
    site = design.model.assemblies["site"]
    begin: Configuration | None = None
    for name in programs[:-1]:
        begin = simulate(System(site, [[design.model.programs[name]]], 0, begin), middle).configuration
    return System(site, [[design.model.programs[programs[-1]]]], 0, begin), design


def simulating(n: int) -> bool:
    """Simulate the update of a live server."""
    system, _ = live(n, *PROGRAMS)
    began = time.perf_counter()
    found = simulate(system, middle)
    seconds = time.perf_counter() - began
    steps = [event.step for event in found.trace.events]
    began = time.perf_counter()
    conf = system.initial()
    for step in steps:
        conf = apply(system, conf, step)
    floor = time.perf_counter() - began
    each = 1000 * seconds / len(steps)
    good = each <= STEP_MS and (n > 500 or seconds <= SIMULATION_S) and found.deadlock is None
    print(
        f"{2 * n + 1:6} components, {len(steps):6} steps simulated in {seconds:.3f} s: {each:.4f} ms a step, "
        f"{seconds / floor:.1f} times the bare steps  {'ok' if good else 'TOO SLOW'}"
    )
    return good


def checking(n: int) -> bool:
    """Check the update of a live server, as ``madeus reconfigure`` does before it begins."""
    system, _ = live(n, *PROGRAMS)
    portfolio = Portfolio()
    goal = Deployable(Goal("up", Marked("server", "running")))
    total, engines = 0.0, []
    good = True
    for question in (Terminates(), Health(), goal):
        began = time.perf_counter()
        verdict = portfolio.check(Problem(system, question), budget=Budget(60))
        total += time.perf_counter() - began
        engines.append(verdict.evidence.engine or "nobody")
        good = good and isinstance(verdict, Holds)
    good = good and total <= CHECK_S
    by, told = ", ".join(dict.fromkeys(engines)), "ok" if good else "TOO SLOW"
    print(f"{n:6} dependencies checked from where they stand in {total:.3f} s by {by}  {told}")
    return good


def main() -> int:
    """Run all; 1 when a bound is not kept."""
    sizes = [int(word) for word in sys.argv[1:]] or [100]
    good = [simulating(n) for n in (50, 500, 5000)]
    good += [checking(n) for n in sizes]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
