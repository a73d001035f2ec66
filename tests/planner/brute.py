"""Plain exploration with the step relation, to judge plans by."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from madeus.model import Assembly, Program, Push
from madeus.planner import Target
from madeus.semantics import Configuration, System, apply, enabled, is_active, is_done


class TooLarge(Exception):
    """More configurations than somebody wanted to look at."""


def ends(system: System, most: int) -> tuple[list[Configuration], bool]:
    """All configurations in which runs end, and whether no run is endless. Raises TooLarge."""
    start = system.initial()
    index = {start: 0}
    found: list[Configuration] = []
    pending = [start]
    successors: dict[Configuration, list[Configuration]] = {}
    while pending:
        conf = pending.pop()
        after = [apply(system, conf, step) for step in enabled(system, conf)]
        successors[conf] = after
        if not after:
            found.append(conf)
        for other in after:
            if other not in index:
                index[other] = len(index)
                pending.append(other)
                if len(index) > most:
                    raise TooLarge
    return found, _acyclic(start, successors)


def _acyclic(start: Configuration, successors: dict[Configuration, list[Configuration]]) -> bool:
    done: set[Configuration] = set()
    path: set[Configuration] = set()
    pending: list[tuple[Configuration, bool]] = [(start, False)]
    while pending:
        conf, leaving = pending.pop()
        if leaving:
            path.discard(conf)
            done.add(conf)
            continue
        if conf in path:
            return False
        if conf in done:
            continue
        path.add(conf)
        pending.append((conf, True))
        for other in successors[conf]:
            if other in path:
                return False
            if other not in done:
                pending.append((other, False))
    return True


def meets(system: System, conf: Configuration, target: Target) -> bool:
    """Whether a rest is what a target asks for, behaviors on the way left out."""
    if not is_done(system, conf):
        return False
    marked = all(places <= conf.components[c].places for c, places in target.places.items())
    return marked and all(is_active(system, conf, c, p) for c, ports in target.serving.items() for p in ports)


def always_leads(assembly: Assembly, now: Configuration, program: Program, target: Target, most: int) -> bool:
    """Whether every run of a program ends where the target is met."""
    system = System(assembly, [[program]], begin=now)
    found, finite = ends(system, most)
    return finite and all(meets(system, conf, target) for conf in found)


def rests(assembly: Assembly, now: Configuration, most: int, count: int) -> Iterator[Configuration]:
    """Rests that rounds of one or two pushes lead to on some run, from a configuration at rest."""
    single = [Push(i.name, b) for i in assembly.instances for b in assembly.type_of(i.name).behaviors]
    rounds = [(one,) for one in single] + list(permutations(single, 2))
    marking = {name: state.places for name, state in now.components.items()}
    seen = {tuple(sorted(marking.items()))}
    pending = [now]
    yield now
    while pending and len(seen) < count:
        conf = pending.pop(0)
        for pushes in rounds:
            system = System(assembly, [[Program("round", assembly.name, pushes)]], begin=conf)
            for end in ends(system, most)[0]:
                if not is_done(system, end):
                    continue
                key = tuple(sorted((name, state.places) for name, state in end.components.items()))
                if key in seen:
                    continue
                seen.add(key)
                end = end._replace(positions=())
                pending.append(end)
                yield end
