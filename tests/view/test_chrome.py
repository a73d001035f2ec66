"""Traces for Perfetto."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from madeus.model import Assembly
from madeus.semantics.trace import Trace
from madeus.view.chrome import LONGEST_OUTPUT, chrome_trace
from madeus.view.timeline import ActionDetail, Detail

Run = Callable[..., Trace]


def _of(value: dict[str, Any], phase: str, name: str = "") -> list[dict[str, Any]]:
    return [e for e in value["traceEvents"] if e["ph"] == phase and (not name or e["name"] == name)]


def test_hosts_are_processes_and_components_threads(lamp: Assembly, simulated: Run) -> None:
    value = chrome_trace(simulated(lamp), lamp)
    assert [e["args"]["name"] for e in _of(value, "M", "process_name")] == [f"host {i.host}" for i in lamp.instances]
    threads = [e["args"]["name"] for e in _of(value, "M", "thread_name")]
    assert {"db", "db (2)", "db (3)", "web[1]", "web[1] (2)"} <= set(threads)


def test_every_execution_is_a_slice_with_its_times_in_microseconds(lamp: Assembly, simulated: Run) -> None:
    trace = simulated(lamp)
    slices = _of(chrome_trace(trace, lamp), "X")
    assert [(s["name"], s["ts"], s["dur"]) for s in slices] == [
        (e.transition, e.start * 1e6, ((e.end or 0) - e.start) * 1e6) for e in trace.executions
    ]


def test_slices_of_one_thread_never_overlap(lamp: Assembly, simulated: Run) -> None:
    threads: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for s in _of(chrome_trace(simulated(lamp), lamp), "X"):
        threads.setdefault((s["pid"], s["tid"]), []).append((s["ts"], s["ts"] + s["dur"]))
    for spans in threads.values():
        spans.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_arrows_begin_inside_their_slice_and_follow_the_critical_path(lamp: Assembly, simulated: Run) -> None:
    trace = simulated(lamp)
    value = chrome_trace(trace, lamp)
    slices = {(s["pid"], s["tid"], s["name"], s["args"]["component"]): s for s in _of(value, "X")}
    starts, ends = _of(value, "s"), _of(value, "f")
    assert len(starts) == len(ends) == len({e["id"] for e in starts})
    for arrow in starts:
        inside = [s for s in slices.values() if (s["pid"], s["tid"]) == (arrow["pid"], arrow["tid"])]
        assert any(s["ts"] <= arrow["ts"] < s["ts"] + s["dur"] for s in inside)
    path = [e for e in starts if e["cat"] == "critical path"]
    assert len(path) == len(trace.critical_executions) - 1
    assert all(e["bp"] == "e" for e in ends)


def test_outputs_are_carried_cut_and_any_text_is_json(lamp: Assembly, simulated: Run) -> None:
    trace = simulated(lamp)
    first = trace.executions[0]
    detail = Detail("box", (ActionDetail('say "</script>"', 3, "x" * 10_000, "\ud800\x00", 1.0, 2),))
    value = json.loads(json.dumps(chrome_trace(trace, lamp, {first.fired: detail})))
    action = _of(value, "X")[0]["args"]["actions"][0]
    assert action["exit code"] == 3
    assert len(action["stdout"]) == LONGEST_OUTPUT
    assert _of(value, "M", "process_name")[0]["args"]["name"] == "host box"
