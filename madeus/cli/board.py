"""Where a run is: the places, running and failed transitions of each component, kept up to date from its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from madeus.semantics import Step, StepKind, System


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
        self.rows: dict[str, Row] = {}
        self.ended = 0
        """Executions that have ended with success."""
        for instance in system.assembly.instances:
            self._add(instance.name)
        if system.begin is not None:
            for name, state in system.begin.components.items():
                self.rows[name].places = sorted(state.places)
                self.rows[name].idle = not state.queue

    def _add(self, component: str) -> Row:
        instance = self._system.instances[component]
        kind = self._system.tables[instance.type].kind
        row = self.rows[component] = Row(component, instance.host, list(kind.initial_places))
        return row

    def take(self, step: Step, time: float) -> None:
        """Follow a step."""
        if step.kind is StepKind.PROGRAM:
            self._instruction(step)
            return
        row = self.rows.get(step.component) or self._add(step.component)
        name = step.element
        match step.kind:
            case StepKind.LEAVE:
                _drop(row.places, name)
                row.idle = False
            case StepKind.ENTER:
                row.places.append(name)
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
                state = self._system.tables[self._system.instances[step.component].type].kind
                row.places.extend(p for t in row.failed if (p := state.transition[t].source) not in row.places)
                row.failed.clear()
            case StepKind.FINISH:
                row.idle = True

    def take_all(self, steps: Iterable[tuple[Step, float]]) -> Board:
        """Follow many steps."""
        for step, time in steps:
            self.take(step, time)
        return self

    def _instruction(self, step: Step) -> None:
        from madeus.model import Add, Delete

        program = self._system.programs[self._system.program_index[step.component]]
        match program.instructions[step.position]:
            case Add(instance):
                self._add(instance.name)
            case Delete(component):
                self.rows.pop(component, None)
            case _:
                pass


def _drop(names: list[str], name: str) -> None:
    if name in names:
        names.remove(name)
