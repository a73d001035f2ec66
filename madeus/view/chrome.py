"""Traces in Chrome's Trace Event format, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

A host is a process, a component a thread (and further ones for what it did at the same time, since slices of one thread have
to nest), an execution a slice. Arrows lead from what ended to what it made start; those of the critical path are of their
own category.
"""

from __future__ import annotations

from typing import Any

from madeus.model import Assembly
from madeus.semantics.trace import Execution, Trace
from madeus.view.timeline import Details, cause_of, end_of, hosts, lanes

LONGEST_OUTPUT = 4000
"""Characters of each output that are kept, the last ones."""


def chrome_trace(trace: Trace, assembly: Assembly | None = None, details: Details | None = None) -> dict[str, Any]:
    """A JSON value in the format's object form; times are microseconds."""
    details = details or {}
    host_of = hosts(trace, assembly, details)
    process = {host: number for number, host in enumerate(dict.fromkeys(host_of.values()), 1)}
    events: list[dict[str, Any]] = []
    for host, pid in process.items():
        events.append(_meta("process_name", pid, 0, {"name": f"host {host}"}))
        events.append(_meta("process_sort_index", pid, 0, {"sort_index": pid}))
    where = _threads(trace, host_of, process, events)
    critical = {e.fired for e in trace.critical_executions}
    by_end = {e.ended: e for e in trace.executions if e.ended >= 0}
    for execution in trace.executions:
        pid, tid = where[execution.fired]
        events.append(_slice(execution, trace, pid, tid, execution.fired in critical, details))
        cause = cause_of(trace, execution, by_end)
        if cause is not None:
            both = execution.fired in critical and cause.fired in critical
            events.extend(_arrow(cause, execution, trace, where, "critical path" if both else "cause"))
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"assembly": trace.assembly}}


def _threads(
    trace: Trace, host_of: dict[str, str], process: dict[str, int], events: list[dict[str, Any]]
) -> dict[int, tuple[int, int]]:
    """Process and thread of each execution, by the event that started it; names the threads."""
    of: dict[str, list[Execution]] = {}
    for execution in trace.executions:
        of.setdefault(execution.component, []).append(execution)
    where: dict[int, tuple[int, int]] = {}
    tid = 0
    for component, executions in of.items():
        pid = process[host_of[component]]
        found = lanes(executions, trace)
        for lane in range(max(found) + 1):
            name = component if lane == 0 else f"{component} ({lane + 1})"
            events.append(_meta("thread_name", pid, tid + 1 + lane, {"name": name}))
            events.append(_meta("thread_sort_index", pid, tid + 1 + lane, {"sort_index": tid + 1 + lane}))
        for execution, lane in zip(executions, found, strict=True):
            where[execution.fired] = (pid, tid + 1 + lane)
        tid += max(found) + 1
    return where


def _meta(name: str, pid: int, tid: int, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "M", "name": name, "pid": pid, "tid": tid, "args": arguments}


def _slice(execution: Execution, trace: Trace, pid: int, tid: int, critical: bool, details: Details) -> dict[str, Any]:
    arguments: dict[str, Any] = {"component": execution.component, "critical path": critical}
    if execution.failed:
        arguments["result"] = "failed"
    elif execution.end is None:
        arguments["result"] = "still running where the trace stops"
    detail = details.get(execution.fired)
    if detail is not None:
        arguments["actions"] = [
            {
                "description": a.description,
                "exit code": a.exit_code,
                "attempt": a.attempt,
                "error": a.error,
                "stdout": a.stdout[-LONGEST_OUTPUT:],
                "stderr": a.stderr[-LONGEST_OUTPUT:],
            }
            for a in detail.actions
        ]
    value: dict[str, Any] = {
        "ph": "X",
        "name": execution.transition,
        "cat": "critical path" if critical else "transition",
        "ts": _micro(execution.start),
        "dur": _micro(end_of(execution, trace) - execution.start),
        "pid": pid,
        "tid": tid,
        "args": arguments,
    }
    if execution.failed:
        value["cname"] = "terrible"
    elif critical:
        value["cname"] = "bad"
    return value


def _arrow(
    cause: Execution, execution: Execution, trace: Trace, where: dict[int, tuple[int, int]], category: str
) -> list[dict[str, Any]]:
    # An arrow begins in the slice that surrounds its time, and a slice does not contain its end.
    begin = max(_micro(cause.start), _micro(end_of(cause, trace)) - 0.001)
    common = {"name": category, "cat": category, "id": execution.fired}
    pid, tid = where[cause.fired]
    to_pid, to_tid = where[execution.fired]
    return [
        {"ph": "s", **common, "ts": round(begin, 3), "pid": pid, "tid": tid},
        {"ph": "f", "bp": "e", **common, "ts": _micro(execution.start), "pid": to_pid, "tid": to_tid},
    ]


def _micro(seconds: float) -> float:
    return round(seconds * 1e6, 3)
