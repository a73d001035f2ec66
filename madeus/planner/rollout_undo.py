"""Whether a machine is taken back wherever its upgrade fails: proved from each place where it can stand then."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from madeus.checker import Budget, Portfolio, Problem
from madeus.executor.live.state import LiveState, given_up, restored
from madeus.fleet.slices import undo_program
from madeus.model import And, Deployable, Goal, Marked, Terminates
from madeus.planner.rollout import Compiled, Part, rehearse
from madeus.planner.rollout_proof import Answer, Claim, judged
from madeus.semantics import Configuration, StepKind, System
from madeus.semantics.step import apply


def prove_undo(
    compiled: Compiled,
    undo: Mapping[str, tuple[str, ...]],
    layered: Collection[str],
    behaviors: Sequence[str],
    budget: Budget,
) -> Claim | None:
    """That a machine is back where it began, wherever it fails; None where machines are frozen instead.

    When a transition has failed what was begun is given up: tokens go back to where their transitions begin. Then the
    behaviors of the rollback are pushed. Of `layered` machines the layers go back, and their instances with them, to where
    they stood; it remains to be shown that nothing else has moved meanwhile.
    """
    began = time.perf_counter()
    sentence = "a machine that fails is taken back to where it was, wherever it fails"
    known: dict[tuple[object, ...], tuple[Answer, str] | None] = {}
    count = 0
    for machine, components in undo.items():
        if (not components and machine not in layered) or machine not in compiled.sliced.machines:
            continue
        count += 1
        part = compiled.part((machine,), None, exact=True)
        if part.key not in known:
            if machine in layered:
                known[part.key] = _of_layers(compiled, part, machine)
            else:
                known[part.key] = _of_part(compiled, part, machine, components, behaviors, budget)
        found = known[part.key]
        if found is not None:
            return Claim(sentence, found[0], f"{machine}: {found[1]}", (), len(known), time.perf_counter() - began)
    if not count:
        return None
    alike = f"{count} {'case' if count == 1 else 'cases'}, {len(known)} that differ"
    return Claim(sentence, Answer.HOLDS, alike, (), len(known), time.perf_counter() - began)


def _of_part(
    compiled: Compiled, part: Part, machine: str, components: Sequence[str], behaviors: Sequence[str], budget: Budget
) -> tuple[Answer, str] | None:
    """None when it is proved."""
    begin = compiled.begin.components
    own = [c for c in compiled.sliced.instances[machine] if c in begin]
    goal = Goal("back", And(tuple(Marked(c, p) for c in own for p in sorted(begin[c].places))))
    portfolio = Portfolio()
    for where, conf in _failures(part, own):
        there = [c for c in components if c in conf.components]
        program = undo_program("back", compiled.assembly.name, there, behaviors)
        instances = tuple(i for n, i in part.system.instances.items() if n in conf.components)
        standing = replace(part.system.assembly, instances=instances, connections=conf.connections())
        system = System(standing, [[program]], 0, conf)
        for question in (Terminates(), Deployable(goal)):
            no = judged(portfolio.check(Problem(system, question), budget=budget))
            if no is not None:
                return no.answer, f"when {where} fails: {no.reason}"
    return None


def _of_layers(compiled: Compiled, part: Part, machine: str) -> tuple[Answer, str] | None:
    """None when the part stands as it began once the machine's instances and connections are what they were."""
    begin, own = part.system.initial(), set(compiled.sliced.instances[machine])
    seen = {n for n in part.names if compiled.machine_of.get(n, machine) == machine}
    links = {c for c in begin.connections() if c.user in own or c.provider in own}
    for where, conf in _failures(part, tuple(own)):
        back = restored(LiveState((), conf), own, LiveState((), begin)).configuration
        moved = sorted(n for n in seen if _at(begin, n) != _at(back, n))
        if moved:
            return Answer.VIOLATED, f"when {where} fails {moved[0]}, which is in no layer of {machine}, is elsewhere"
        if links != {c for c in back.connections() if c.user in own or c.provider in own}:
            return Answer.VIOLATED, f"when {where} fails what {machine} is connected to is not there any more"
    return None


def _at(conf: Configuration, name: str) -> frozenset[str] | None:
    state = conf.components.get(name)
    return None if state is None else state.places


def _failures(part: Part, own: Sequence[str]) -> Iterator[tuple[str, Configuration]]:
    """Where a machine stands when a transition of its slice has failed and was given up, and when a test at the end has."""
    system, conf = part.system, part.system.initial()
    for event in rehearse(system).trace.events:
        conf = apply(system, conf, event.step)
        if event.step.kind is StepKind.FIRE and event.step.component in own:
            yield f"{event.step.component}.{event.step.element}", _given_up(system, conf, own)
    yield "the test", _given_up(system, conf, own)


def _given_up(system: System, conf: Configuration, own: Sequence[str]) -> Configuration:
    types = {name: table.kind for name, table in system.tables.items()}
    state = given_up(LiveState((), conf._replace(positions=(), failures=0)), types, own)
    return state.configuration
