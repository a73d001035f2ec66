"""The questions of ``madeus net``: how many markings a net reaches, and whether it can come to rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madeus.checker.engine import Watch
    from madeus.petri import Net

INCONCLUSIVE = 3
SHOWN = 200
"""Firings of a run that are listed at most."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines to show, and an exit code."""

    text: str
    code: int


def markings(net: Net, budget: float | None, memory: int | None) -> Answer:
    """The number of reachable markings. budget: seconds; memory: bytes; None: no limit."""
    from madeus.checker.bare import Markings, Unbounded, count_markings

    watch, clear = _watch("markings", net, budget, memory)
    found = count_markings(net, watch)
    clear()
    seconds = f"{watch.seconds:.2f} s"
    if isinstance(found, Markings):
        lines = [
            f"reachable markings       {found.states} ({seconds})",
            f"tokens on one place      {found.tokens} at most",
        ]
        return Answer(_lines(lines), 0)
    if isinstance(found, Unbounded):
        lines = [
            f"reachable markings       infinitely many ({seconds})",
            f"place                    {found.place} may hold any number of tokens",
            *_listed("after", found.before),
            *_listed("repeat", found.again),
        ]
        return Answer(_lines(lines), 0)
    return Answer(_lines([f"reachable markings       inconclusive: {found.why}; {found.states} or more"]), INCONCLUSIVE)


def dead_marking(net: Net, budget: float | None, memory: int | None) -> Answer:
    """Whether a dead marking is reachable, with a shortest run. budget, memory: as for ``markings``."""
    from madeus.checker.bare import Alive, Dead, find_dead

    watch, clear = _watch("deadlock", net, budget, memory)
    found = find_dead(net, watch)
    clear()
    seconds = f"{watch.seconds:.2f} s"
    if isinstance(found, Alive):
        looked = f", {found.states} markings" if found.states else ""
        return Answer(_lines([f"dead marking             none, by {found.by} ({seconds}{looked})"]), 0)
    if isinstance(found, Dead):
        how = "a shortest run" if found.shortest else "a run"
        held = ", ".join(f"{place} {n}" if n > 1 else place for place, n in list(found.marked.items())[:SHOWN])
        lines = [
            f"dead marking             reachable; {how} to it has {len(found.run)} firing{'' if len(found.run) == 1 else 's'}",
            f"looked at                {found.states} markings ({seconds})",
            *_listed("fire", found.run),
            f"marked                   {held or 'nothing'}",
        ]
        return Answer(_lines(lines), 1)
    return Answer(
        _lines([f"dead marking             inconclusive: {found.why}; {found.states} markings"]), INCONCLUSIVE
    )


def _watch(what: str, net: Net, budget: float | None, memory: int | None) -> tuple[Watch, Callable[[], None]]:
    from madeus.checker.engine import Budget, Watch
    from madeus.cli.checking import Ticker

    ticker = Ticker()
    return Watch(what, Budget(budget, memory), lambda progress: ticker(net.name, progress)), ticker.clear


def _listed(word: str, run: Sequence[str]) -> list[str]:
    if not run:
        return []
    shown = [f"{word:<24} {run[0]}", *(f"{'':<24} {name}" for name in run[1:SHOWN])]
    return [*shown, f"{'':<24} and {len(run) - SHOWN} more"] if len(run) > SHOWN else shown


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
