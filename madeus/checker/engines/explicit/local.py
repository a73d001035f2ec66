"""How many transitions of one component can run at once, whatever the others do: a bound for the parallelism of all."""

from __future__ import annotations

from madeus.checker.health import pushed_behaviors
from madeus.model import ComponentType
from madeus.semantics import System

STATES = 4000
"""States of a component alone after which the number of its transitions is bound enough."""

Local = tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]
"""Places, output docks, running transitions, input docks."""


def local_bounds(system: System) -> dict[str, int]:
    """For each component an upper bound of its transitions that run at once."""
    behaviors = pushed_behaviors(system)
    known: dict[tuple[str, frozenset[str], frozenset[str]], int] = {}
    bounds: dict[str, int] = {}
    for name, instance in system.instances.items():
        pushed = frozenset(behaviors.get(name, ()))
        places = frozenset(system.assembly.types[instance.type].initial_places)
        state = system.begin.components.get(name) if system.begin is not None else None
        kind = system.assembly.types[instance.type]
        if system.failures != 0 and system.recoveries:
            # What is taken back may be joined by what was not: more tokens than the component ever has by itself.
            bounds[name] = sum(not pushed.isdisjoint(t.behaviors) for t in kind.transitions)
            continue
        key = (instance.type, pushed, places if state is None else places | state.places)
        if key not in known:
            known[key] = _bound(kind, pushed, key[2])
        bounds[name] = known[key]
    return bounds


def _bound(kind: ComponentType, pushed: frozenset[str], marked: frozenset[str]) -> int:
    """Explore the component with every port served and any of the behaviors at its head at any time.

    marked: places that may hold a token at the start; more of them can only make more happen.
    """
    ours = [t for t in kind.transitions if not pushed.isdisjoint(t.behaviors)]
    empty: frozenset[str] = frozenset()
    first: Local = (marked, empty, empty, empty)
    seen = {first}
    pending = [first]
    best = 0
    while pending:
        state = pending.pop()
        best = max(best, len(state[2]))
        for after in _steps(kind, pushed, state):
            if after not in seen:
                seen.add(after)
                pending.append(after)
        if len(seen) > STATES:
            return len(ours)
    return best


def _steps(kind: ComponentType, pushed: frozenset[str], state: Local) -> list[Local]:
    places, outs, running, ins = state
    found: list[Local] = []
    for behavior in pushed:
        for place in places:
            leaving = kind.outgoing.get((behavior, place))
            if leaving:
                found.append((places - {place}, outs.union(leaving), running, ins))
        for (b, station), docks in kind.stations.items():
            if b == behavior and ins.issuperset(docks):
                found.append((places | {kind.station_place[station]}, outs, running, ins.difference(docks)))
    found.extend((places, outs - {t}, running | {t}, ins) for t in outs)
    found.extend((places, outs, running - {t}, ins | {t}) for t in running)
    return found
