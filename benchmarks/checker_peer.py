"""The peer of the checker's benchmarks: SNAKES' state graph of the same net, for as many components as it manages.

Needs ``madeus[referee]``. Run ``python benchmarks/checker_peer.py`` for the star, the stack and the provider.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from madeus.checker import Asked, Budget, Portfolio, Problem, Unknown
from madeus.semantics import System

PATIENCE = 20.0
"""Seconds after which the peer has given up."""


def compare(
    name: str, make: Callable[[int], tuple[System, Asked]], sizes: list[int], ours: list[int], floor: float
) -> None:
    """Print how far the peer comes, and us: seconds of CPU time, ratios where both answer, and whether the floor is kept.

    make: the system of a size and its question. ours: sizes that only we are asked about; floor: seconds for the last of them.
    """
    for size in (*sizes, *ours):
        system, asked = make(size)
        began = time.process_time()
        verdict = Portfolio().check(Problem(system, asked), budget=Budget(seconds=120.0))
        mine = time.process_time() - began
        kind = "inconclusive" if isinstance(verdict, Unknown) else type(verdict).__name__.lower()
        line = f"{name:10} N {size:5}  {kind:6} {verdict.evidence.engine:10} {mine:8.3f} s"
        if size in sizes:
            began = time.process_time()
            peer = Portfolio().check(Problem(system, asked), "referee", Budget(seconds=PATIENCE))
            if isinstance(peer, Unknown):
                print(f"{line}   SNAKES gives up after {PATIENCE:.0f} s")
                sizes = [s for s in sizes if s <= size]
                continue
            assert type(peer) is type(verdict)
            theirs = time.process_time() - began
            line += f"   SNAKES {theirs:8.2f} s  ratio {theirs / max(mine, 1e-6):,.0f}"
        if ours and size == ours[-1]:
            line += f"   floor {floor:g} s {'kept' if mine <= floor and kind != 'inconclusive' else 'MISSED'}"
        print(line, flush=True)


def main() -> None:
    """The three families."""
    from checker_provider import race, site, up
    from checker_scale import stack, star

    from madeus.model import And, Deployable, Goal, Marked

    def scaled(family: Callable[[int], object]) -> Callable[[int], tuple[System, Asked]]:
        def make(size: int) -> tuple[System, Asked]:
            whole = family(size)
            goal = Goal("up", And(tuple(Marked(i.name, "c") for i in whole.instances)))  # type: ignore[attr-defined]
            return System(whole), Deployable(goal)  # type: ignore[arg-type]

        return make

    compare("star", scaled(star), [1, 2, 3], [10_000], 20.0)
    compare("stack", scaled(stack), [1, 2], [1_000], 5.0)
    compare("provider", lambda n: (system := site(n), Deployable(up(system))), [1, 2, 3, 4], [100], 10.0)
    compare("race", lambda n: (system := race(n), Deployable(up(system))), [1, 2, 3, 4], [100], 10.0)


if __name__ == "__main__":
    main()
