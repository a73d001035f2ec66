"""Planning: from a configuration at rest and a target to a program that is proved to lead there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from madeus.checker import Budget, Holds
from madeus.model import Assembly, Program
from madeus.planner.demand import Demands
from madeus.planner.errors import NotFound
from madeus.planner.impossible import check_possible
from madeus.planner.life import Lives, Places
from madeus.planner.order import Order
from madeus.planner.prove import Forecast, Proof, forecast, prove
from madeus.planner.search import search
from madeus.planner.start import check_rest, initial, standing, system_of
from madeus.planner.target import Target, change
from madeus.semantics import Configuration, System


@dataclass(frozen=True)
class Plan:
    """A program that is proved to lead to its target."""

    program: Program
    ends: Mapping[str, Places]
    """Where each component rests at the end."""
    moved: tuple[str, ...]
    """Components that execute a behavior."""
    proof: Proof
    forecast: Forecast
    seconds: float
    """Time of planning, the proof left out."""

    @property
    def text(self) -> str:
        """The program as text of the language."""
        from madeus.planner.text import program_text

        return program_text(self.program)


def plan(
    assembly: Assembly,
    target: Target,
    now: Configuration | None = None,
    name: str = "plan",
    budget: Budget | None = None,
) -> Plan:
    """A program that leads from a configuration at rest to a target.

    now: None stands for an assembly on which nothing has run. Few services are taken off, for a short time; then the program
    is short in time, then in instructions. What nobody asks for is left as it is. budget: of the proof.

    Raises Impossible when no program leads there, NotFound when none is found and proved, NotAtRest.
    """
    began = time.perf_counter()
    now = initial(assembly) if now is None else now
    check_rest(now)
    assembly = standing(assembly, now)
    lives = Lives(assembly)
    wanted = change(assembly, now, target, _homes(assembly, lives))
    budget = budget or Budget(seconds=60)
    check_possible(wanted, target, lives)
    proving = 0.0
    reasons: tuple[str, ...] = ()
    try:
        demands = Demands(wanted, target, lives)
        order = Order(wanted, demands.walks, lives)
        ends = {u.name: demands.walks[k].end for k, u in wanted.units.items() if not u.deleted}
        moved = tuple(dict.fromkeys(u.name for k, u in wanted.units.items() if demands.walks[k].moves))
        for program, system, seen in _candidates(name, assembly, now, order):
            asked = time.perf_counter()
            proved, verdict = prove(system, ends, budget)
            spent = time.perf_counter() - asked
            proving += spent
            if proved:
                evidence = verdict.evidence
                proof = Proof(evidence.engine, spent, evidence.notes)
                return Plan(program, ends, moved, proof, seen, time.perf_counter() - began - proving)
            said = verdict.reason if not isinstance(verdict, Holds) else ""
            reasons = (f"the checker does not prove the program that was found: {said}",)
    except NotFound as error:
        reasons = error.reasons
    found = search(assembly, now, wanted, target, lives, name, budget)
    if found is None:
        raise NotFound(*reasons)
    program, ends, moved, proof = found
    seen = forecast(system_of(assembly, now, program))
    return Plan(program, ends, moved, proof, seen, time.perf_counter() - began - proving - proof.seconds)


def _candidates(
    name: str, assembly: Assembly, now: Configuration, order: Order
) -> Iterator[tuple[Program, System, Forecast]]:
    """Programs that may do, the least interruption first; then the one that leaves nothing to the step relation."""
    wishes = [{"prepared": True}, {}] if any(order.prepared.values()) else [{}]
    found = [one for wish in wishes for one in _candidate(name, assembly, now, order, wish)]
    yield from sorted(found, key=lambda one: (*one[2].cost, len(one[0].instructions)))
    yield from _candidate(name, assembly, now, order, {"cautious": True})


def _candidate(
    name: str, assembly: Assembly, now: Configuration, order: Order, wish: Mapping[str, bool]
) -> Iterator[tuple[Program, System, Forecast]]:
    try:
        program = Program(name, assembly.name, order.instructions(**wish))
    except NotFound:
        if not wish:
            raise
        return
    system = system_of(assembly, now, program)
    yield program, system, forecast(system)


def _homes(assembly: Assembly, lives: Lives) -> dict[str, Places]:
    """Where a new component of each type goes when nothing is asked of it: as far as ``deploy`` leads."""
    found: dict[str, Places] = {}
    for name, kind in assembly.types.items():
        move = lives.move(name, frozenset(kind.initial_places), "deploy") if "deploy" in kind.behaviors else None
        if move is not None:
            found[name] = move.target
    return found
