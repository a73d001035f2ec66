"""What ran where, from when to when: the common ground of the page, the terminal's Gantt and the trace for Perfetto."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from madeus.model import Add, Assembly, Instance, Program
from madeus.semantics.step import StepKind
from madeus.semantics.trace import Execution, Trace


@dataclass(frozen=True, slots=True)
class ActionDetail:
    """One attempt at one action of a transition."""

    description: str
    """The command, or what else was done."""
    exit_code: int | None = None
    """None: it has none, or did not come to its end."""
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    """How long the attempt took."""
    attempt: int = 1
    """1 for the first."""
    error: str = ""
    """Why it failed, where the output does not tell: a timeout, a lost connection."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What one execution of a transition did."""

    host: str
    actions: tuple[ActionDetail, ...] = ()


Details = Mapping[int, Detail]
"""Details of executions, by the index of the event that started each (``Execution.fired``)."""

UNKNOWN_HOST = "?"
"""Host of a component that neither the assembly nor a detail tells one of."""


def instances(assembly: Assembly | None, programs: Iterable[Program] = ()) -> dict[str, Instance]:
    """Every instance that may exist at some time, by name."""
    found = dict(assembly.instance) if assembly else {}
    for program in programs:
        found.update((i.instance.name, i.instance) for i in program.instructions if isinstance(i, Add))
    return found


def hosts(
    trace: Trace, assembly: Assembly | None, details: Details | None = None, programs: Iterable[Program] = ()
) -> dict[str, str]:
    """Host of each component of a trace: the one its actions ran on, else the assembly's, else UNKNOWN_HOST."""
    known = {name: instance.host for name, instance in instances(assembly, programs).items()}
    for event in trace.events:
        if event.step.kind not in (StepKind.PROGRAM, StepKind.ROLLBACK):
            known.setdefault(event.step.component, UNKNOWN_HOST)
    for execution in trace.executions:
        detail = (details or {}).get(execution.fired)
        if detail is not None and detail.host:
            known[execution.component] = detail.host
    return known


def end_of(execution: Execution, trace: Trace) -> float:
    """When an execution ended, in seconds; where the trace stops for one that was running still."""
    return trace.makespan if execution.end is None else execution.end


def lanes(executions: Sequence[Execution], trace: Trace) -> list[int]:
    """A lane for each execution, in their order, so that none overlaps another one in its lane."""
    free: list[float] = []
    found: list[int] = []
    for execution in executions:
        lane = next((i for i, until in enumerate(free) if until <= execution.start), len(free))
        if lane == len(free):
            free.append(0.0)
        free[lane] = max(end_of(execution, trace), execution.start)
        found.append(lane)
    return found


def previous(trace: Trace, execution: Execution) -> Execution | None:
    """The execution whose end made this one's start enabled, or None: the start, or an instruction, did."""
    by_end = {e.ended: e for e in trace.executions if e.ended >= 0}
    return cause_of(trace, execution, by_end)


def cause_of(trace: Trace, execution: Execution, by_end: Mapping[int, Execution]) -> Execution | None:
    """As `previous`, given the executions by the index of the event that ended them."""
    index = trace.events[execution.fired].cause
    while index >= 0:
        if index in by_end:
            return by_end[index]
        index = trace.events[index].cause
    return None
