"""Traces: what happened, when, and because of what. The one form for simulations, runs and counterexamples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from madeus.semantics.step import Step, StepKind

FORMAT = 1
"""Version of the JSON form."""


class Event(NamedTuple):
    """A step that was taken."""

    time: float
    """Seconds since the start of the trace."""
    step: Step
    cause: int = -1
    """Index of the event that made the step enabled; -1: the start. For an END or FAIL, the FIRE (or RETRY) it belongs to."""


class Execution(NamedTuple):
    """One execution of a transition's action."""

    component: str
    transition: str
    start: float
    """Seconds since the start of the trace."""
    end: float | None
    """None: still running where the trace stops."""
    failed: bool
    fired: int
    """Index of the event that started it."""
    ended: int
    """Index of the event that ended it; -1: none."""

    @property
    def name(self) -> str:
        """Qualified name of the transition."""
        return f"{self.component}.{self.transition}"


@dataclass(frozen=True)
class Trace:
    """Steps in the order in which they were taken."""

    assembly: str
    events: tuple[Event, ...]
    stages: tuple[tuple[str, ...], ...] = ()
    """Programs that ran; see System."""

    @property
    def makespan(self) -> float:
        """Seconds from the start to the last event."""
        return self.events[-1].time if self.events else 0.0

    @cached_property
    def executions(self) -> tuple[Execution, ...]:
        """Every execution of an action, by start."""
        running: dict[tuple[str, str], int] = {}
        found: dict[int, Execution] = {}
        for index, (time, step, _) in enumerate(self.events):
            key = (step.component, step.element)
            if step.kind in (StepKind.FIRE, StepKind.RETRY):
                running[key] = index
                found[index] = Execution(*key, time, None, False, index, -1)
            elif step.kind in (StepKind.END, StepKind.FAIL) and key in running:
                fired = running.pop(key)
                failed = step.kind is StepKind.FAIL
                found[fired] = found[fired]._replace(end=time, failed=failed, ended=index)
        return tuple(found.values())

    @cached_property
    def critical_path(self) -> tuple[int, ...]:
        """Indexes of the events from the start to the last one, each the cause of the next."""
        path: list[int] = []
        index = len(self.events) - 1
        while index >= 0:
            path.append(index)
            index = self.events[index].cause
        return tuple(reversed(path))

    @cached_property
    def critical_executions(self) -> tuple[Execution, ...]:
        """The executions on the critical path, in order; their durations add up to the makespan."""
        on_path = set(self.critical_path)
        return tuple(e for e in self.executions if e.ended in on_path)

    def to_json(self) -> dict[str, Any]:
        """A JSON value; ``from_json`` is its inverse."""
        return {
            "format": FORMAT,
            "assembly": self.assembly,
            "stages": [list(stage) for stage in self.stages],
            "makespan": self.makespan,
            "events": [_event_to_json(event) for event in self.events],
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Trace:
        """The trace that a JSON value stands for. Raises ValueError for any other value."""
        try:
            if value["format"] != FORMAT:
                raise ValueError(f"trace format {value['format']!r} is not {FORMAT}")
            events = tuple(_event_from_json(event) for event in value["events"])
            return Trace(str(value["assembly"]), events, tuple(tuple(stage) for stage in value["stages"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a trace: {error}") from error


def _event_to_json(event: Event) -> dict[str, Any]:
    time, step, cause = event
    value: dict[str, Any] = {"time": time, "step": str(step.kind), "component": step.component, "cause": cause}
    if step.kind is StepKind.PROGRAM:
        value["position"] = step.position
    else:
        value["element"] = step.element
    if step.station:
        value["station"] = step.station
    return value


def _event_from_json(value: Mapping[str, Any]) -> Event:
    kind = StepKind(value["step"])
    step = Step(kind, value["component"], value.get("element", ""), value.get("station", ""), value.get("position", 0))
    return Event(float(value["time"]), step, int(value["cause"]))
