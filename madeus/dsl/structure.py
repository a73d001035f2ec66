"""The life cycle of a component type judged as a graph: what is never reached, never starts, never completes.

Ports only ever make a component wait, so whatever cannot happen here, where all ports are taken to be served, cannot happen
in any assembly. Everything said is certain; what would need too long a search is left to the checker.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from madeus.dsl import structure_errors
from madeus.dsl.report import Report
from madeus.dsl.scope import TypeInfo
from madeus.model import ComponentType

Marking = frozenset[str]

_MOST_MARKINGS = 200
_MOST_WORK = 400_000
"""Bound of the search over one type, in looks at a place or a dock."""


def check_structure(info: TypeInfo, report: Report) -> None:
    """Report places never reached, behaviors that never start and joins that never complete."""
    if not info.sound:
        return
    reached = _reachable(info.model)
    idle = _behaviors(info, reached, report)
    _unreachable(info, reached, idle, report)
    explored = explore(info.model)
    if explored is not None:
        info.idle_markings = explored.idle
        _joins(info, explored, report)


def _reachable(kind: ComponentType) -> set[str]:
    """Places that a path of transitions of any behaviors leads to from an initial place."""
    following: dict[str, list[str]] = {}
    for transition in kind.transitions:
        following.setdefault(transition.source, []).append(transition.destination)
    reached = set(kind.initial_places)
    pending = list(reached)
    while pending:
        for place in following.get(pending.pop(), ()):
            if place not in reached:
                reached.add(place)
                pending.append(place)
    return reached


def _behaviors(info: TypeInfo, reached: set[str], report: Report) -> set[str]:
    """Report behaviors that never start; the places that this says enough about."""
    explained: set[str] = set()
    kind = info.model
    for behavior, span in info.behaviors.items():
        sources = list(dict.fromkeys(t.source for t in kind.transitions if behavior in t.behaviors))
        if not sources:
            report.add(structure_errors.behavior_without_transitions(behavior, info.name, span))
        elif not reached.intersection(sources):
            explained.update(sources)
            named = [(p, info.places[p]) for p in sources if not any(t.destination == p for t in kind.transitions)]
            named = named or [(p, info.places[p]) for p in sources]
            spans = [(name, at) for name, at in named]
            report.add(structure_errors.behavior_cannot_start(behavior, info.name, span, spans))
    return explained


def _unreachable(info: TypeInfo, reached: set[str], explained: set[str], report: Report) -> None:
    """Report places never reached: those that nothing leads to, and one of each circle; not what lies behind them."""
    kind = info.model
    following: dict[str, list[str]] = {}
    entered: set[str] = set()
    for transition in kind.transitions:
        following.setdefault(transition.source, []).append(transition.destination)
        entered.add(transition.destination)
    missing = [place.name for place in kind.places if place.name not in reached]
    behind = set(explained)
    pending = list(explained)

    def follow() -> None:
        while pending:
            for place in following.get(pending.pop(), ()):
                if place not in behind:
                    behind.add(place)
                    pending.append(place)

    follow()
    for place in sorted(missing, key=lambda name: name in entered):
        if place in behind:
            continue
        report.add(structure_errors.unreachable_place(place, info.name, info.places[place], place in entered))
        behind.add(place)
        pending.append(place)
        follow()


# ---- runs of one component ---------------------------------------------------------------------------------------------


class Run(NamedTuple):
    """What one execution of a behavior does, all ports being served."""

    end: Marking | None
    """Places marked at its end; `None` when it never ends."""
    stuck: frozenset[str]
    """Transitions whose tokens wait at an input dock when nothing moves any more."""
    completed: frozenset[str]
    """Stations that were entered."""
    started: bool
    """Whether any place was left."""


class Explored(NamedTuple):
    """Every execution of every behavior."""

    idle: frozenset[Marking]
    runs: dict[str, list[Run]]


def run(kind: ComponentType, behavior: str, marking: Marking, most: int = _MOST_WORK) -> Run | None:
    """Execute a behavior; `None` when its outcome depends on the order of steps, or takes too long to tell.

    most: how much work may be put into it.

    Without a transition in two stations no step ever takes a token that another one wants, so that all orders lead to the
    same end; all enabled steps are taken at once, round by round.
    """
    outgoing = kind.outgoing
    stations = [(station, docks) for (b, station), docks in kind.stations.items() if b == behavior]
    taken = [dock for _, docks in stations for dock in docks]
    if len(taken) != len(set(taken)):
        return None
    place_of = kind.station_place
    places, docks = set(marking), set[str]()
    completed: set[str] = set()
    started = False
    seen: set[tuple[Marking, Marking]] = set()
    for _ in range(most // (len(stations) + len(marking) + 1)):
        state = (frozenset(places), frozenset(docks))
        if state in seen:
            return Run(None, frozenset(), frozenset(completed), started)
        seen.add(state)
        leaving = [place for place in places if (behavior, place) in outgoing]
        entering = [(station, needed) for station, needed in stations if docks.issuperset(needed)]
        if not leaving and not entering:
            end = None if docks else state[0]
            return Run(end, state[1], frozenset(completed), started)
        for place in leaving:
            places.discard(place)
        for station, needed in entering:
            docks.difference_update(needed)
            completed.add(station)
            if place_of[station] in places:
                return None
            places.add(place_of[station])
        for place in leaving:
            started = True
            docks.update(outgoing[(behavior, place)])
    return None


def explore(kind: ComponentType) -> Explored | None:
    """Execute every behavior from every marking that behaviors lead to; `None` when that cannot be told for certain."""
    first = frozenset(kind.initial_places)
    idle: dict[Marking, None] = {first: None}
    runs: dict[str, list[Run]] = {}
    pending = [first]
    share = _MOST_WORK // (len(kind.behaviors) or 1)
    while pending:
        marking = pending.pop()
        for behavior in kind.behaviors:
            result = run(kind, behavior, marking, share // len(idle))
            if result is None or len(idle) > _MOST_MARKINGS:
                return None
            runs.setdefault(behavior, []).append(result)
            if result.end is not None and result.end not in idle:
                idle[result.end] = None
                pending.append(result.end)
    return Explored(frozenset(idle), runs)


def _joins(info: TypeInfo, explored: Explored, report: Report) -> None:
    for behavior, runs in explored.runs.items():
        completed = frozenset[str]().union(*(result.completed for result in runs))
        stuck = frozenset[str]().union(*(result.stuck for result in runs))
        for place, station, docks in _stations(info.model, behavior):
            taken = [dock for dock in docks if dock in stuck]
            if station in completed or not taken:
                continue
            others = [dock for dock in docks if dock not in stuck] or taken[1:]
            missing = [(dock, info.transitions[dock]) for dock in others]
            spans = [(dock, info.transitions[dock]) for dock in taken if dock not in others]
            report.add(structure_errors.join_never_complete(info.name, place, spans, missing, behavior))


def _stations(kind: ComponentType, behavior: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for (owner, station), docks in kind.stations.items():
        if owner == behavior and len(docks) > 1:
            yield kind.station_place[station], station, docks
