"""What can be said of a system before any net is drawn: which components, connections and pushes may come and go, and when.

A program is finite, so every push instruction has an identity, and a component's queue is a chain of such identities. Which
push may stand directly behind which other one in the queue follows from the text of the programs (``behind``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from madeus.model import (
    DEFAULT_BEHAVIOR,
    Add,
    Connect,
    Connection,
    Delete,
    Disconnect,
    Push,
    WaitAll,
    WaitComponent,
    WaitPush,
)
from madeus.semantics.configuration import PortName
from madeus.semantics.system import System, origin, recovery_origin

DEPLOYING = -1
"""Number of the program that stands for the one push of a deployment."""


class Cause(Enum):
    """What makes a push."""

    INSTRUCTION = "instruction"
    FAILURE = "failure"
    """A push of the same component has failed; this one takes its place."""
    FAILURE_ELSEWHERE = "failure elsewhere"
    """A push of another component has failed; this one comes at any time."""


ELSEWHERE = -1
"""The push that recovers from a failure is one of another component."""


class PushPoint(NamedTuple):
    """A push that happens at most once."""

    origin: str
    """Its identity in configurations."""
    behavior: str
    program: int
    """Index of the program, or DEPLOYING."""
    position: int
    behind: tuple[int, ...] = ()
    """Numbers of the pushes of the same component that it may be queued directly behind."""
    recovery: int | None = None
    """Number of the push of the same component that recovers from its failure, or ELSEWHERE; None: it declares none."""
    cause: Cause = Cause.INSTRUCTION


@dataclass(frozen=True, slots=True)
class Course:
    """The life of a name: types it may have, and what may happen to it. Equal courses give nets of equal shape."""

    types: tuple[str, ...]
    """Types that a component of this name may have at some time; the initial one is first."""
    initial: bool
    """Whether it exists at the start."""
    removable: bool
    """Whether some program may delete it."""
    additions: int
    """How often it may be added."""
    pushes: tuple[PushPoint, ...]
    ordered: bool
    """Whether the pushes can only happen in the order in which they are listed."""
    marked: tuple[str, ...] | None = None
    """Places that hold a token where a live assembly begins; None: the initial ones."""
    values: tuple[str, ...] = ()
    """Places that are not initial and whose data ports have their values there."""

    @property
    def fixed(self) -> bool:
        """Whether it exists all the time."""
        return self.initial and not self.removable

    @property
    def deploys(self) -> bool:
        """Whether its one push is that of a deployment, there from the start."""
        return bool(self.pushes) and self.pushes[0].program == DEPLOYING


@dataclass(frozen=True)
class Outline:
    """The courses of all names, and the connections."""

    system: System
    courses: Mapping[str, Course]
    lasting: tuple[Connection, ...]
    """Connections that are there all the time."""
    passing: Mapping[Connection, bool]
    """Connections that some program makes or cuts -> whether they are there at the start."""
    ends: Mapping[PortName, tuple[Connection, ...]] = field(default_factory=dict)
    """Use port -> all its connections, of whatever time."""
    users: Mapping[PortName, tuple[Connection, ...]] = field(default_factory=dict)
    """Provide port -> all its connections."""


def outline(system: System) -> Outline:
    """The outline of a system."""
    added: dict[str, list[str]] = defaultdict(list)
    removed: set[str] = set()
    made: dict[Connection, None] = {}
    cut: dict[Connection, None] = {}
    for program in system.programs:
        for instruction in program.instructions:
            match instruction:
                case Add(instance):
                    added[instance.name].append(instance.type)
                case Delete(component):
                    removed.add(component)
                case Connect(connection):
                    made[connection] = None
                case Disconnect(connection):
                    cut[connection] = None
                case _:
                    pass
    pushes = _pushes(system)
    initial = system.assembly.instance
    courses: dict[str, Course] = {}
    for name in initial.keys() & added.keys() - removed:
        del added[name]  # a name that is never free is never added
    for name in [*initial, *(name for name in added if name not in initial)]:
        first = [initial[name].type] if name in initial else []
        points = pushes.get(name, ())
        if system.deploys and DEFAULT_BEHAVIOR in system.assembly.types[first[0]].behaviors:
            points = (PushPoint("deploy", DEFAULT_BEHAVIOR, DEPLOYING, 0),)
        courses[name] = Course(
            tuple(dict.fromkeys([*first, *added.get(name, ())])),
            name in initial,
            name in removed,
            len(added.get(name, ())) if name in removed else min(1, len(added.get(name, ()))),
            points,
            _ordered(system, points),
            *_begin(system, name),
        )
    first_connections = dict.fromkeys(system.assembly.connections)
    passing = {c: True for c in cut if c in first_connections}
    passing.update((c, False) for c in made if c not in first_connections)
    lasting = tuple(c for c in first_connections if c not in passing)
    every = (*lasting, *passing)
    return Outline(system, courses, lasting, passing, _grouped_by_use(every), _grouped_by_provide(every))


def _begin(system: System, name: str) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Places marked, and places with values, of a component of a live assembly."""
    state = system.begin.components.get(name) if system.begin is not None else None
    if system.begin is None or state is None:
        return None, ()
    kind = system.tables[state.type].kind
    produced = [place for place, ports in kind.produced.items() if (name, ports[0]) in system.begin.data]
    values = tuple(place for place in produced if not kind.place[place].initial)
    initial = state.places == frozenset(kind.initial_places)
    return None if initial and not values else tuple(sorted(state.places)), values


def _grouped_by_use(connections: tuple[Connection, ...]) -> dict[PortName, tuple[Connection, ...]]:
    ends: dict[PortName, list[Connection]] = defaultdict(list)
    for c in connections:
        ends[(c.user, c.use)].append(c)
    return {port: tuple(found) for port, found in ends.items()}


def _grouped_by_provide(connections: tuple[Connection, ...]) -> dict[PortName, tuple[Connection, ...]]:
    users: dict[PortName, list[Connection]] = defaultdict(list)
    for c in connections:
        users[(c.provider, c.provide)].append(c)
    return {port: tuple(found) for port, found in users.items()}


def _ordered(system: System, points: tuple[PushPoint, ...]) -> bool:
    programs: dict[int, set[int]] = defaultdict(set)
    for point in points:
        programs[system.stage_of[point.program] if point.program >= 0 else 0].add(point.program)
    alone = all(len(found) == 1 for found in programs.values())
    return alone and all(p.recovery is None and p.cause is Cause.INSTRUCTION for p in points)


def _pushes(system: System) -> dict[str, tuple[PushPoint, ...]]:
    """The pushes of each component in order of stage, program and position."""
    found: dict[str, list[PushPoint]] = defaultdict(list)
    own_behind: dict[str, list[int | None]] = defaultdict(list)
    for index, program in enumerate(system.programs):
        latest: dict[str, int | None] = {}
        for position, instruction in enumerate(program.instructions):
            match instruction:
                case Push(component, behavior):
                    number = len(found[component])
                    found[component].append(PushPoint(origin(program.name, position), behavior, index, position))
                    own_behind[component].append(latest.get(component))
                    latest[component] = number
                case WaitComponent(component) | Delete(component):
                    latest.pop(component, None)
                case WaitAll():
                    latest.clear()
                case WaitPush(label):
                    component, identity = system.labels[(index, label)]
                    number_ = latest.get(component)
                    if number_ is not None and found[component][number_].origin == identity:
                        del latest[component]
                case _:
                    pass
    made = {
        component: tuple(
            point._replace(behind=tuple(_behind(system, points, number, own_behind[component][number])))
            for number, point in enumerate(points)
        )
        for component, points in found.items()
    }
    return _with_recoveries(system, made) if system.failures != 0 and system.recoveries else made


def _with_recoveries(system: System, made: Mapping[str, tuple[PushPoint, ...]]) -> dict[str, tuple[PushPoint, ...]]:
    """The pushes with those that recover from failures, after the others.

    One that takes the place of a failed push has behind it what that one had. One that comes from elsewhere comes whenever
    its stage runs, behind whatever the stage has pushed.
    """
    found = {component: list(points) for component, points in made.items()}
    for component, points in made.items():
        for number, point in enumerate(points):
            if point.origin not in system.recoveries:
                continue
            target, behavior = system.recoveries[point.origin]
            cause = Cause.FAILURE if target == component else Cause.FAILURE_ELSEWHERE
            there = found.setdefault(target, [])
            found[component][number] = point._replace(recovery=len(there) if target == component else ELSEWHERE)
            identity = recovery_origin(point.origin)
            there.append(PushPoint(identity, behavior, point.program, -1 - point.position, cause=cause))
    return {component: tuple(_queued(system, points)) for component, points in found.items()}


def _queued(system: System, points: list[PushPoint]) -> Iterator[PushPoint]:
    stages = [system.stage_of[point.program] for point in points]
    for number, point in enumerate(points):
        beside = [other for other, stage in enumerate(stages) if stage == stages[number] and other != number]
        match point.cause:
            case Cause.FAILURE:
                yield point
            case Cause.FAILURE_ELSEWHERE:
                yield point._replace(behind=tuple(beside))
            case Cause.INSTRUCTION:
                instead = (points[before].recovery for before in point.behind)
                behind = [*point.behind, *(r for r in instead if r is not None and r != ELSEWHERE)]
                behind += [other for other in beside if points[other].cause is Cause.FAILURE_ELSEWHERE]
                yield point._replace(behind=tuple(dict.fromkeys(behind)))


def _behind(system: System, points: list[PushPoint], number: int, own: int | None) -> Iterator[int]:
    """Pushes that a push may be queued behind: its program's last one, and any of the programs beside it.

    Between a push and the next one of the same program there is nothing of that program; a wait between them empties the queue
    of the first. A stage begins with all queues empty.
    """
    point = points[number]
    for other, candidate in enumerate(points):
        beside = system.stage_of[candidate.program] == system.stage_of[point.program]
        if other == own or (beside and candidate.program != point.program):
            yield other


def pushing(system: System, stage: int) -> dict[str, None]:
    """Components that behaviors are pushed to while a stage runs."""
    found = (pushed_by(system, index) for index in range(len(system.programs)) if system.stage_of[index] == stage)
    return {component: None for components in found for component in components}


def pushed_by(system: System, index: int) -> dict[str, None]:
    """Components that a program pushes behaviors to, and where recoveries from their failures are pushed."""
    found: dict[str, None] = {}
    for position, instruction in enumerate(system.programs[index].instructions):
        if isinstance(instruction, Push):
            found[instruction.component] = None
            found.update(_recovering(system, index, position))
    return found


def _recovering(system: System, index: int, position: int) -> dict[str, None]:
    recovery = system.recoveries.get(origin(system.programs[index].name, position)) if system.failures != 0 else None
    return {} if recovery is None else {recovery[0]: None}


def maybe_busy(system: System, index: int) -> dict[int, tuple[str, ...]]:
    """For each ``wait all`` of a program: the components that may be busy when it is reached.

    They are those that the program has pushed to since its last wait for them, those that a recovery may be pushed to, and all
    that the programs beside it push to.
    """
    stage = system.stage_of[index]
    others = (o for o in range(len(system.programs)) if system.stage_of[o] == stage and o != index)
    beside = {component: None for other in others for component in pushed_by(system, other)}
    since: dict[str, None] = {}
    later: dict[str, None] = {}
    answer: dict[int, tuple[str, ...]] = {}
    for position, instruction in enumerate(system.programs[index].instructions):
        match instruction:
            case Push(component):
                since[component] = None
                later.update(_recovering(system, index, position))
            case WaitComponent(component):
                since.pop(component, None)
            case WaitAll():
                answer[position] = tuple({**beside, **since, **later})
                since.clear()
                later.clear()
            case _:
                pass
    return answer
