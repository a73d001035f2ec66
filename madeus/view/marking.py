"""The marking at every step of a trace, as differences that can be taken forward and back.

The elements of a component that may be marked are numbered in a fixed order (`element_names`); a step flips some of them.
Most steps of a deployment flip the same few elements of the same type, so equal differences are kept once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from madeus.model import Assembly, ComponentType, Connection, Program
from madeus.semantics.configuration import ComponentState, Configuration
from madeus.semantics.instruction import component_of
from madeus.semantics.ports import is_active, is_in_use
from madeus.semantics.replay import NotAllowed, replay
from madeus.semantics.step import StepKind
from madeus.semantics.system import System
from madeus.semantics.trace import Trace


class Change(NamedTuple):
    """What a step does to one component."""

    flips: tuple[int, ...]
    """Numbers of the elements that become marked or unmarked."""
    before: str = ""
    """The queue of behaviors before the step; said only when it changes."""
    after: str = ""


NO_CHANGE = Change(())

_REACHING = (StepKind.RECOVER, StepKind.ROLLBACK)
"""Steps that may change other components than their own."""


@dataclass(frozen=True)
class Markings:
    """The initial marking of a trace and what each of its steps changes."""

    components: tuple[str, ...]
    """Every component that may exist at some time."""
    initial: tuple[tuple[int, ...], ...]
    """Marked elements of each component at the start; none: it does not exist."""
    queues: tuple[str, ...]
    """Queue of each component at the start."""
    changes: tuple[Change, ...]
    """Distinct changes."""
    steps: tuple[tuple[int, int], ...]
    """For each event: the index of its component (-1: none), and of its change."""
    links: tuple[Connection, ...] = ()
    """Connections that hold at some time."""
    linked: int = 0
    """How many of the links, the first ones, hold at the start."""
    relinks: tuple[tuple[int, int], ...] = ()
    """(event, link): the event makes the link, or takes it away."""
    more: tuple[tuple[int, int, int], ...] = ()
    """(event, component, change): what an event does to components beside its own."""
    problem: str = field(default="")
    """Why the markings end before the trace does; empty: they don't."""


def element_names(kind: ComponentType) -> tuple[tuple[str, str], ...]:
    """(sort, name) of everything of a component that may be marked, by its number.

    Sorts: exists, place, out (output dock), running, failed, in (input dock), provide (active), use (in use).
    """
    names = [t.name for t in kind.transitions]
    return (
        ("exists", ""),
        *(("place", p.name) for p in kind.places),
        *((sort, name) for sort in ("out", "running", "failed", "in") for name in names),
        *(("provide", p.name) for p in kind.provides),
        *(("use", u.name) for u in kind.uses),
    )


def markings(
    trace: Trace, assembly: Assembly, programs: Sequence[Program] = (), begin: Configuration | None = None
) -> Markings:
    """Replay a trace on the step relation. A trace that it does not allow is followed as far as it goes.

    begin: where the trace begins, when that is in the middle of the assembly's life; see `System`.
    """
    by_name = {program.name: program for program in programs}
    missing = [name for stage in trace.stages for name in stage if name not in by_name]
    stages = [[by_name[name] for name in stage if name in by_name] for stage in trace.stages]
    system = System(assembly, stages, None, begin)
    recorder = _Recorder(system)
    problem = f"program {missing[0]} is not known" if missing else ""
    if not problem:
        try:
            configurations = replay(system, (event.step for event in trace.events))
            before = next(configurations)
            for event, after in zip(trace.events, configurations, strict=False):
                recorder.record(event.step.kind, event.step.component, event.step.position, before, after)
                before = after
        except NotAllowed as error:
            problem = str(error)
    return recorder.markings(problem)


class _Recorder:
    def __init__(self, system: System) -> None:
        self.system = system
        self.elements = {name: element_names(table.kind) for name, table in system.tables.items()}
        conf = system.initial()
        self.names = {name: index for index, name in enumerate(system.instance_order)}
        self.marks = {name: self._marks(conf, name) for name in self.names}
        self.initial = tuple(tuple(sorted(self.marks[name])) for name in self.names)
        self.queues = tuple(_queue(conf.components.get(name)) for name in self.names)
        self.links: dict[Connection, int] = {c: i for i, c in enumerate(conf.connections())}
        self.linked = len(self.links)
        self.relinks: list[tuple[int, int]] = []
        self.changes: dict[Change, int] = {NO_CHANGE: 0}
        self.steps: list[tuple[int, int]] = []
        self.more: list[tuple[int, int, int]] = []

    def record(self, kind: StepKind, name: str, position: int, before: Configuration, after: Configuration) -> None:
        component = component_of(self.system, name, position) if kind is StepKind.PROGRAM else name
        if kind in _REACHING:
            for other, number in self.names.items():
                if other != component and before.components.get(other) is not after.components.get(other):
                    self.more.append((len(self.steps), number, self._change(other, before, after)))
        if kind in (StepKind.PROGRAM, StepKind.ROLLBACK) and before.providers is not after.providers:
            for connection in sorted(set(before.connections()) ^ set(after.connections())):
                self.relinks.append((len(self.steps), self.links.setdefault(connection, len(self.links))))
        known = component in self.names
        change = self._change(component, before, after) if known else 0
        self.steps.append((self.names[component] if known else -1, change))

    def _change(self, component: str, before: Configuration, after: Configuration) -> int:
        """Number of the change of a component."""
        marks = self._marks(after, component)
        flips = tuple(sorted(marks ^ self.marks[component]))
        self.marks[component] = marks
        was, now = _queue(before.components.get(component)), _queue(after.components.get(component))
        change = Change(flips, was, now) if was != now else Change(flips)
        return self.changes.setdefault(change, len(self.changes))

    def _marks(self, conf: Configuration, name: str) -> frozenset[int]:
        state = conf.components.get(name)
        if state is None:
            return frozenset()
        kind = self.system.tables[state.type].kind
        return frozenset(
            number
            for number, (sort, element) in enumerate(self.elements[state.type])
            if self._is_marked(conf, name, state, kind, sort, element)
        )

    def _is_marked(
        self, conf: Configuration, name: str, state: ComponentState, kind: ComponentType, sort: str, element: str
    ) -> bool:
        match sort:
            case "place":
                return element in state.places
            case "out":
                return element in state.output_docks
            case "running":
                return element in state.running
            case "failed":
                return element in state.failed
            case "in":
                return element in state.input_docks
            case "provide":
                return is_active(self.system, conf, name, element)
            case "use":
                return is_in_use(self.system, state, kind.use[element])
            case _:
                return True

    def markings(self, problem: str) -> Markings:
        return Markings(
            tuple(self.names),
            self.initial,
            self.queues,
            tuple(self.changes),
            tuple(self.steps),
            tuple(self.links),
            self.linked,
            tuple(self.relinks),
            tuple(self.more),
            problem,
        )


def _queue(state: ComponentState | None) -> str:
    return ", ".join(pushed.behavior for pushed in state.queue) if state else ""
