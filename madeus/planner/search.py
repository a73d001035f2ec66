"""The search of last resort, for small assemblies: one or two behaviors at a time, each time until everything rests again.

Where the passing on of demands finds nothing that is proved (components that need each other half-way, several tokens in one
component), rests of the whole assembly are searched in breadth, by simulation; the program found is proved like any other.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import combinations, permutations

from madeus.checker import Budget
from madeus.model import Assembly, Instruction, Program, Push, WaitAll
from madeus.planner.life import Lives, Places
from madeus.planner.prove import Proof, prove
from madeus.planner.start import system_of
from madeus.planner.target import Change, Target
from madeus.semantics import Configuration, simulate

MOST_COMPONENTS = 6
MOST_RESTS = 300
MOST_STEPS = 2_000
DEEPEST = 6
"""Rounds of pushes."""

Found = tuple[Program, dict[str, Places], tuple[str, ...], Proof]


def search(
    assembly: Assembly, now: Configuration, change: Change, target: Target, lives: Lives, name: str, budget: Budget
) -> Found | None:
    """A program of pushes and waits, its ends, the components it moves and its proof; None when none is found."""
    structural = any(unit.added or unit.deleted for unit in change.units.values())
    if structural or any(not link.kept for link in change.links) or len(change.units) > MOST_COMPONENTS:
        return None
    began = time.perf_counter()
    rounds = _rounds(change)
    todo = frozenset((c, b) for c, behaviors in target.once.items() for b in behaviors)
    start = (_marking(now), todo)
    seen = {start}
    pending: deque[tuple[Configuration, frozenset[tuple[str, str]], tuple[Instruction, ...]]] = deque([(now, todo, ())])
    while pending:
        conf, left, written = pending.popleft()
        if not left and _reached(conf, change, target, lives):
            program = Program(name, assembly.name, written)
            ends = {component: state.places for component, state in conf.components.items()}
            asked = time.perf_counter()
            proved, verdict = prove(system_of(assembly, now, program), ends, budget)
            if proved:
                proof = Proof(verdict.evidence.engine, time.perf_counter() - asked, verdict.evidence.notes)
                moved = tuple(dict.fromkeys(i.component for i in written if isinstance(i, Push)))
                return program, ends, moved, proof
        if len(written) >= 3 * DEEPEST or (budget.seconds is not None and time.perf_counter() - began > budget.seconds):
            continue
        for pushes in rounds:
            program = Program(name, assembly.name, (*pushes, WaitAll()))
            system = system_of(assembly, conf, program)
            run = simulate(system, steps=MOST_STEPS)
            if run.deadlock is not None or run.truncated:
                continue
            fired = {(e.component, e.transition) for e in run.trace.executions}
            done = {(p.component, p.behavior) for p in pushes if _executed(change, p, fired)}
            after = run.configuration
            node = (_marking(after), left - done)
            if node not in seen and len(seen) < MOST_RESTS and fired:
                seen.add(node)
                pending.append((after, left - done, (*written, *pushes, WaitAll())))
    return None


def _rounds(change: Change) -> list[tuple[Push, ...]]:
    single = [
        Push(unit.name, behavior)
        for unit in change.units.values()
        for behavior in change.assembly.types[unit.type].behaviors
    ]
    pairs = [
        pair
        for both in combinations(single, 2)
        if both[0].component != both[1].component
        for pair in permutations(both)
    ]
    return [*((push,) for push in single), *pairs]


def _executed(change: Change, push: Push, fired: set[tuple[str, str]]) -> bool:
    kind = change.assembly.types[change.units[push.component].type]
    return any(push.behavior in t.behaviors and (push.component, t.name) in fired for t in kind.transitions)


def _marking(conf: Configuration) -> tuple[tuple[str, Places], ...]:
    return tuple(sorted(((name, state.places) for name, state in conf.components.items()), key=lambda item: item[0]))


def _reached(conf: Configuration, change: Change, target: Target, lives: Lives) -> bool:
    for component, places in target.places.items():
        if not places <= conf.components[component].places:
            return False
    for component, ports in target.serving.items():
        unit = change.units[component]
        if not ports <= lives.rest(unit.type, conf.components[component].places).serving:
            return False
    return True
