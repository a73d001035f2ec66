"""Where a run is: the places, running and failed transitions of each component, kept up to date from its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from madeus.semantics import Step, StepKind, System
from madeus.semantics.step import apply


@dataclass(slots=True)
class Row:
    """One component."""

    component: str
    host: str
    places: list[str] = field(default_factory=list)
    running: dict[str, float] = field(default_factory=dict)
    """Transition -> time at which it fired."""
    doing: dict[str, str] = field(default_factory=dict)
    """Transition -> what it does at the moment: ``run``, ``run, attempt 2``."""
    held: list[str] = field(default_factory=list)
    """Transitions that wait for a slot of their host."""
    failed: list[str] = field(default_factory=list)
    idle: bool = False
    """Whether its behaviors have finished."""


class Board:
    """Rows of all components that exist."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._conf = system.initial()
        self.rows: dict[str, Row] = {}
        self.ended = 0
        """Executions that have ended with success."""
        for instance in system.assembly.instances:
            self._see(instance.name)

    def take(self, step: Step, time: float) -> None:
        """Follow a step."""
        self._conf = apply(self._system, self._conf, step)
        if step.kind is StepKind.PROGRAM:
            self._instruction(step)
            return
        if step.kind is StepKind.ROLLBACK:
            for name in [name for name in self.rows if name not in self._conf.components]:
                del self.rows[name]
            for name in sorted(self._conf.components):
                self._see(name)
                self.rows[name].failed.clear()
            return
        row, name = self.rows[step.component], step.element
        match step.kind:
            case StepKind.FIRE | StepKind.RETRY:
                row.running[name] = time
                _drop(row.failed, name)
                _drop(row.held, name)
            case StepKind.END | StepKind.FAIL:
                row.running.pop(name, None)
                row.doing.pop(name, None)
                if step.kind is StepKind.FAIL:
                    row.failed.append(name)
                else:
                    self.ended += 1
            case StepKind.RECOVER:
                row.failed.clear()
            case _:
                pass
        self._see(step.component)

    def take_all(self, steps: Iterable[tuple[Step, float]]) -> Board:
        """Follow many steps."""
        for step, time in steps:
            self.take(step, time)
        return self

    def _instruction(self, step: Step) -> None:
        from madeus.model import Add, Delete, Push

        program = self._system.programs[self._system.program_index[step.component]]
        match program.instructions[step.position]:
            case Add(instance):
                self._see(instance.name)
            case Delete(component):
                self.rows.pop(component, None)
            case Push(component):
                self._see(component)
            case _:
                pass

    def _see(self, component: str) -> None:
        """Take over where a component is; places stand in the order in which they were entered."""
        state = self._conf.components.get(component)
        if state is None:
            return
        row = self.rows.get(component)
        if row is None:
            row = self.rows[component] = Row(component, self._system.instances[component].host)
        row.places = [p for p in row.places if p in state.places]
        row.places += sorted(state.places.difference(row.places))
        row.idle = not state.queue


def _drop(names: list[str], name: str) -> None:
    if name in names:
        names.remove(name)
