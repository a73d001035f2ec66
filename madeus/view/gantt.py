"""Timelines for a terminal: plain text, the critical path told by its signs and not by a colour."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from madeus.model import Assembly
from madeus.semantics.trace import Execution, Trace
from madeus.view.timeline import Details, cause_of, end_of, hosts

MOST_ROWS = 60
"""Rows that a timeline has at most: those of the critical path, failures, and the longest of the others."""

_LEAST_CHART = 20
_MOST_LABEL = 36


class Mark(StrEnum):
    """What is special about a row; the sign in front of it."""

    NONE = " "
    CRITICAL = "*"
    FAILED = "!"
    RUNNING = ">"


_FILL = {Mark.NONE: "░", Mark.CRITICAL: "█", Mark.FAILED: "▓", Mark.RUNNING: "▒"}


@dataclass(frozen=True, slots=True)
class GanttRow:
    """One execution as a line of a timeline."""

    mark: Mark
    label: str
    bar: str
    """The chart's part of the line, with the time beside the bar."""

    def __str__(self) -> str:
        return f"{self.mark} {self.label} │{self.bar}".rstrip()


def gantt_text(trace: Trace, assembly: Assembly | None = None, width: int = 100, details: Details | None = None) -> str:
    """A timeline of the executions, one a line, at most width cells wide (and never narrower than is legible)."""
    rows = gantt_rows(trace, assembly, width, details)
    if not rows:
        return "nothing ran"
    label = _cells(rows[0].label)
    scale = _axis(trace.makespan, max(width - label - 4, _LEAST_CHART))
    lines = [f"{' ' * (label + 3)}{scale}", *(str(row) for row in rows)]
    hidden = len(trace.executions) - len(rows)
    if hidden:
        lines.append(f"  … and {hidden} shorter ones")
    legend = ["* █ critical path"] if any(row.mark is Mark.CRITICAL for row in rows) else []
    legend += ["! ▓ failed"] if any(row.mark is Mark.FAILED for row in rows) else []
    legend += ["> ▒ still running"] if any(row.mark is Mark.RUNNING for row in rows) else []
    return "\n".join([*lines, "  " + "   ".join(legend)] if legend else lines)


def gantt_rows(
    trace: Trace, assembly: Assembly | None = None, width: int = 100, details: Details | None = None
) -> tuple[GanttRow, ...]:
    """The lines of ``gantt_text`` that stand for executions, by start, for whoever wants to colour them."""
    host_of = hosts(trace, assembly, details)
    critical = {e.fired for e in trace.critical_executions}
    shown = _chosen(trace, critical)
    with_hosts = len({host_of[e.component] for e in shown}) > 1
    names = [_shortened(e.name + (f" @{host_of[e.component]}" if with_hosts else "")) for e in shown]
    room = max(map(_cells, names), default=0)
    chart = max(width - room - 4, _LEAST_CHART)
    rows: list[GanttRow] = []
    for execution, name in zip(shown, names, strict=True):
        mark = _mark(execution, critical)
        rows.append(GanttRow(mark, name + " " * (room - _cells(name)), _bar(execution, trace, mark, chart)))
    return tuple(rows)


def critical_path_text(trace: Trace, assembly: Assembly | None = None) -> str:
    """The critical path as a table: when each execution started, how long it took, what it is and where it ran."""
    path = trace.critical_executions
    if not path:
        return "critical path: nothing ran"
    host_of = hosts(trace, assembly)
    by_end = {e.ended: e for e in trace.executions if e.ended >= 0}
    rows = [("start", "duration", "transition", "host" if assembly else "", "because of")]
    for e in path:
        cause = cause_of(trace, e, by_end)
        host = _printable(host_of[e.component]) if assembly else ""
        seconds = end_of(e, trace) - e.start
        rows.append(
            (f"{e.start:.3f}", f"{seconds:.3f}", _printable(e.name), host, _printable(cause.name) if cause else "")
        )
    widths = [max(_cells(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["critical path"]
    for row in rows:
        cells = [
            " " * (widths[i] - _cells(c)) + c if i < 2 else c + " " * (widths[i] - _cells(c)) for i, c in enumerate(row)
        ]
        lines.append("  " + "  ".join(c for i, c in enumerate(cells) if widths[i]).rstrip())
    return "\n".join(lines)


def _chosen(trace: Trace, critical: set[int]) -> list[Execution]:
    executions = trace.executions
    if len(executions) <= MOST_ROWS:
        return list(executions)

    def weight(e: Execution) -> tuple[bool, bool, float]:
        return (e.failed, e.fired in critical, end_of(e, trace) - e.start)

    return sorted(sorted(executions, key=weight, reverse=True)[:MOST_ROWS], key=lambda e: e.fired)


def _mark(execution: Execution, critical: set[int]) -> Mark:
    if execution.failed:
        return Mark.FAILED
    if execution.end is None:
        return Mark.RUNNING
    return Mark.CRITICAL if execution.fired in critical else Mark.NONE


def _bar(execution: Execution, trace: Trace, mark: Mark, chart: int) -> str:
    whole = trace.makespan or 1.0
    end = end_of(execution, trace)
    first = min(int(execution.start / whole * chart), chart - 1)
    last = max(first + 1, round(end / whole * chart))
    words = _seconds(end - execution.start)
    line = " " * first + _FILL[mark] * (last - first)
    if len(line) + 1 + len(words) <= chart:
        return f"{line} {words}"
    if first >= len(words) + 1:
        return " " * (first - len(words) - 1) + words + " " + line[first:]
    return line


def _axis(makespan: float, chart: int) -> str:
    end = _seconds(makespan)
    return f"0{' ' * max(chart - 1 - len(end), 1)}{end}"


def _seconds(seconds: float) -> str:
    if 0 < seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 600:
        return f"{seconds:.3g} s" if seconds < 100 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _shortened(name: str) -> str:
    name = _printable(name)
    if _cells(name) <= _MOST_LABEL:
        return name
    while _cells(name) > _MOST_LABEL - 1:
        name = name[1:]
    return "…" + name


def _printable(name: str) -> str:
    """Without control characters and direction marks: nothing in a name moves the cursor."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
