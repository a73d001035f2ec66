"""Timelines for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from madeus.model import Assembly
from madeus.semantics.step import Step, StepKind
from madeus.semantics.trace import Event, Trace
from madeus.view.gantt import MOST_ROWS, critical_path_text, gantt_text

Run = Callable[..., Trace]


def test_the_timeline_is_as_it_was_reviewed(lamp: Assembly, simulated: Run, golden: Any) -> None:
    golden.check("lamp-gantt.txt", gantt_text(simulated(lamp), lamp, 100) + "\n")


def test_the_critical_path_is_as_it_was_reviewed(lamp: Assembly, simulated: Run, golden: Any) -> None:
    golden.check("lamp-critical-path.txt", critical_path_text(simulated(lamp), lamp) + "\n")


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_wider_than_asked_for(width: int, lamp: Assembly, simulated: Run) -> None:
    assert max(map(len, gantt_text(simulated(lamp), lamp, width).splitlines())) <= width


def test_the_critical_path_is_told_without_colour(lamp: Assembly, simulated: Run) -> None:
    trace = simulated(lamp)
    lines = gantt_text(trace, lamp).splitlines()
    marked = [line.split()[1] for line in lines if line.startswith("* ") and "█" in line]
    assert marked == [e.name for e in trace.critical_executions]
    assert "\x1b" not in "".join(lines)


def test_a_timeline_of_many_keeps_the_critical_path_and_failures(
    make_star: Callable[[int], Assembly], simulated: Run
) -> None:
    trace = simulated(make_star(100))
    last = max(i for i, e in enumerate(trace.events) if e.step.kind is StepKind.END and e.step.element == "configure")
    events = list(trace.events)
    events[last] = events[last]._replace(step=events[last].step._replace(kind=StepKind.FAIL))
    failing = Trace("star", tuple(events))
    text = gantt_text(failing)
    assert len([line for line in text.splitlines() if "│" in line]) == MOST_ROWS
    assert f"… and {406 - MOST_ROWS} shorter ones" in text
    assert all(any(line.startswith(f"* {e.name} ") for line in text.splitlines()) for e in trace.critical_executions)
    assert "! " in text


def test_what_is_still_running_reaches_to_the_end() -> None:
    events = (
        Event(0.0, Step(StepKind.FIRE, "db", "pull")),
        Event(0.0, Step(StepKind.FIRE, "web", "pull")),
        Event(4.0, Step(StepKind.END, "web", "pull"), 1),
    )
    lines = gantt_text(Trace("x", events), width=60).splitlines()
    assert lines[1].startswith("> db.pull")
    assert lines[1].count("▒") == lines[2].count("█")


def test_names_cannot_move_the_cursor() -> None:
    events = (Event(0.0, Step(StepKind.FIRE, "\x1b[2J", "a\nb")), Event(1.0, Step(StepKind.END, "\x1b[2J", "a\nb"), 0))
    trace = Trace("x", events)
    for text in (gantt_text(trace), critical_path_text(trace)):
        assert "\x1b" not in text
        assert "a\nb" not in text


def test_an_empty_trace_says_so() -> None:
    assert gantt_text(Trace("x", ())) == "nothing ran"
    assert critical_path_text(Trace("x", ())) == "critical path: nothing ran"


def test_actions_that_take_no_time_are_drawn() -> None:
    events = (Event(0.0, Step(StepKind.FIRE, "a", "t")), Event(0.0, Step(StepKind.END, "a", "t"), 0))
    assert "█ 0 s" in gantt_text(Trace("x", events))
