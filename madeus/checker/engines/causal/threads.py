"""The threads of a program's runs: its instructions in order, and for each push the unrolled behavior in its component.

Events are numbered; ``before`` gives the causes of each that lie in its own thread, and those that instructions wait for.
Causes that come through ports are added by ``weave``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from madeus.checker.engines.causal.phases import Phases, phases
from madeus.checker.engines.causal.unroll import NotCausal, unroll
from madeus.model import (
    Add,
    Connect,
    Connection,
    Delete,
    Disconnect,
    Instruction,
    PortKind,
    Push,
    WaitAll,
    WaitComponent,
    WaitPush,
)
from madeus.semantics import System

START = -1
"""Stands for the start of the run."""

Port = tuple[int, str]
"""(number of a life, port). A name that is deleted and added again has two lives."""


class Turn(NamedTuple):
    """A service refuses as soon as the behavior of a push begins, and goes off at an event."""

    push: int
    drop: int


@dataclass(slots=True)
class Served:
    """The times at which a provide port serves: from raised[m] until turns[m] begins."""

    raised: list[tuple[int, ...] | None] = field(default_factory=list)
    """Events, all of which have to have happened; empty: from the start; None: it never does."""
    turns: list[Turn] = field(default_factory=list)


@dataclass(slots=True)
class Taken:
    """A use port is in use from one event to another."""

    event: int
    """START for one that is in use at the start."""
    fresh: bool
    """Whether it has to be served to be taken: not where a component begins its life."""
    released: int | None = None


class Link(NamedTuple):
    """A connection is made or cut by an event."""

    event: int
    provide: Port
    connection: Connection
    joins: bool


@dataclass(frozen=True, slots=True)
class Pushed:
    """A push; its events are numbered from ``base`` on."""

    component: str
    instruction: int
    """Event of the program that pushes it."""
    phases: Phases
    base: int
    previous: int
    """FINISH of the component's push before it; START."""

    @property
    def finish(self) -> int:
        """Event of its FINISH."""
        return self.base + self.phases.events.finish


@dataclass(slots=True)
class _Life:
    number: int
    type: str
    places: frozenset[str]
    last: int = START
    """FINISH of the last push so far."""


class Threads:
    """The threads of a system. Raises NotCausal."""

    def __init__(self, system: System) -> None:
        if system.failures != 0:
            raise NotCausal("actions may fail")
        if not system.stages:
            raise NotCausal("no program runs")
        if any(len(stage) > 1 for stage in system.stages):
            raise NotCausal("programs run side by side")
        self.system = system
        self.before: list[list[int]] = []
        self.inside: list[tuple[int, ...]] = []
        """The causes of each event in its own thread."""
        self.pushes: list[Pushed] = []
        self.program: dict[tuple[str, int], int] = {}
        """(program, position) -> event of the instruction."""
        self.types: list[str] = []
        """Component type of each life."""
        self.names: list[str] = []
        """Component of each life."""
        self.served: dict[Port, Served] = {}
        self.taken: dict[Port, list[Taken]] = {}
        self.links: dict[Port, list[Link]] = {}
        self._lives: dict[str, _Life] = {}
        self._connected: set[Connection] = set()
        self._labels: dict[tuple[int, str], int] = {}
        self._library: dict[tuple[str, frozenset[str], str], Phases] = {}
        for instance in system.assembly.instances:
            self._live(instance.name, instance.type, START)
        for connection in system.assembly.connections:
            self._link(START, connection, True)
        self._thread()

    def _event(self, *before: int) -> int:
        causes = [b for b in before if b != START]
        self.before.append(causes)
        self.inside.append(tuple(causes))
        return len(self.before) - 1

    def _thread(self) -> None:
        previous = START
        for index, program in enumerate(self.system.programs):
            for position, instruction in enumerate(program.instructions):
                event = self._event(previous)
                self.program[(program.name, position)] = event
                if position == 0 and index > 0:
                    self._wait_all(event)
                self._instruction(event, index, instruction)
                previous = event

    def _instruction(self, event: int, index: int, instruction: Instruction) -> None:
        match instruction:
            case Push(component, behavior, label):
                life = self._life(component, instruction)
                if behavior not in self.system.assembly.types[life.type].behaviors:
                    raise NotCausal(f"`{instruction}` cannot be done")
                self._push(event, component, life, behavior)
                if label:
                    self._labels[(index, label)] = life.last
            case WaitComponent(component):
                self._wait(event, self._life(component, instruction).last)
            case WaitPush(label):
                self._wait(event, self._labels.get((index, label), START))
            case WaitAll():
                self._wait_all(event)
            case Add(instance):
                if instance.name in self._lives:
                    raise NotCausal(f"`{instruction}` cannot be done")
                self._live(instance.name, instance.type, event)
            case Delete(component):
                self._wait(event, self._life(component, instruction).last)
                del self._lives[component]
            case Connect(connection) | Disconnect(connection):
                joins = isinstance(instruction, Connect)
                if (connection in self._connected) == joins:
                    raise NotCausal(f"`{instruction}` cannot be done")
                self._link(event, connection, joins)

    def _life(self, component: str, instruction: Instruction) -> _Life:
        life = self._lives.get(component)
        if life is None:
            raise NotCausal(f"`{instruction}` cannot be done")
        return life

    def _wait(self, event: int, finish: int) -> None:
        if finish != START:
            self.before[event].append(finish)

    def _wait_all(self, event: int) -> None:
        for life in self._lives.values():
            self._wait(event, life.last)

    def _live(self, name: str, type_name: str, event: int) -> None:
        """A component begins its life, at the start or by an instruction."""
        table = self.system.tables[type_name]
        begin = self.system.begin if event == START else None
        state = begin.components[name] if begin is not None else None
        if state is not None and (state.queue or state.in_flight):
            raise NotCausal(f"{name} is in the middle of a behavior where the runs begin")
        places = frozenset(table.kind.initial_places) if state is None else state.places
        number = len(self.types)
        self.types.append(type_name)
        self.names.append(name)
        self._lives[name] = _Life(number, type_name, places)
        for port in table.kind.provides:
            if port.kind is PortKind.DATA:
                on = port.bound[0] in places if begin is None else (name, port.name) in begin.data
            else:
                on = all(not places.isdisjoint(g.places) for g in table.bound_groups[port.name])
            raised = None if not on else () if event == START else (event,)
            self.served[(number, port.name)] = Served([raised])
        for use in table.holder_uses:
            if any(not places.isdisjoint(table.group(holder).places) for holder in use.holders):
                self.taken[(number, use.name)] = [Taken(event, False)]

    def _link(self, event: int, connection: Connection, joins: bool) -> None:
        user, provider = self._lives.get(connection.user), self._lives.get(connection.provider)
        if user is None or provider is None:
            raise NotCausal(f"{connection} lacks an end")
        self._connected.symmetric_difference_update((connection,))
        link = Link(event, (provider.number, connection.provide), connection, joins)
        self.links.setdefault((user.number, connection.use), []).append(link)

    def _push(self, instruction: int, component: str, life: _Life, behavior: str) -> None:
        made = self._phases(life, behavior)
        base = len(self.before)
        for direct in made.events.before:
            self._event(*(base + d for d in direct))
        self.before[base].append(instruction)
        self._wait(base, life.last)
        pushed = Pushed(component, instruction, made, base, life.last)
        number = len(self.pushes)
        self.pushes.append(pushed)
        life.places, life.last = made.events.target, pushed.finish
        for name, turn in made.turns.items():
            served = self.served[(life.number, name)]
            if turn.drop is not None:
                served.turns.append(Turn(number, base + turn.drop))
                served.raised.append(None)
            if turn.after and served.raised[-1] is None:
                served.raised[-1] = tuple(base + r for r in turn.raised) or (base,)
        for name, event in made.produced.items():
            served = self.served[(life.number, name)]
            if served.raised[0] is None:
                served.raised[0] = (base + event,)
        for use, holds in made.holds.items():
            taken = self.taken.setdefault((life.number, use), []) if holds else []
            for hold in holds:
                if hold.taken is not None:
                    taken.append(Taken(base + hold.taken, True))
                if hold.released is not None:
                    taken[-1].released = base + hold.released

    def _phases(self, life: _Life, behavior: str) -> Phases:
        key = (life.type, life.places, behavior)
        found = self._library.get(key)
        if found is None:
            table = self.system.tables[life.type]
            found = self._library[key] = phases(unroll(table, life.places, behavior))
        return found
