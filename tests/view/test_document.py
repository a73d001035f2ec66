"""Trace files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeus.model import Assembly, Program
from madeus.semantics import System, simulate
from madeus.semantics.trace import Trace
from madeus.view.document import Document, document, read_document
from madeus.view.page import Banner
from madeus.view.timeline import ActionDetail, Detail

Run = Callable[..., Trace]


def test_what_is_written_is_read_again(site: Assembly, install: Program, upgrade: Program, simulated: Run) -> None:
    trace = simulated(site, install, upgrade)
    details = {
        e.fired: Detail("h", (ActionDetail("run x", None, "out", "\ud800", 0.5, 2, "late"),)) for e in trace.executions
    }
    banner = Banner("t", ("a", "b"), True)
    text = json.dumps(document(trace, site, (install, upgrade), details, banner))
    assert read_document(text) == Document(trace, site, (install, upgrade), details, banner)


def test_where_a_trace_begins_is_written_too(site: Assembly, install: Program, upgrade: Program) -> None:
    begin = simulate(System(site, [[install]])).configuration._replace(positions=())
    trace = simulate(System(site, [[upgrade]], begin=begin)).trace
    value = document(trace, site, (upgrade,), begin=begin)
    assert read_document(json.dumps(value)) == Document(trace, site, (upgrade,), {}, begin=begin)
    for component in value["begin"]["components"].values():
        component["places"] = ["ghost"]
    with pytest.raises(ValueError, match="has no 'ghost'"):
        read_document(json.dumps(value))
    value["begin"]["connections"] = []
    with pytest.raises(ValueError):
        read_document(json.dumps(value))


def test_a_bare_trace_is_read_too(lamp: Assembly, simulated: Run) -> None:
    trace = simulated(lamp)
    assert read_document(json.dumps(trace.to_json())) == Document(trace)


def _changed(value: Any, path: tuple[Any, ...], new: Any) -> str:
    value = json.loads(json.dumps(value))
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return json.dumps(value)


@pytest.mark.parametrize(
    ("path", "new", "reason"),
    [
        (("trace",), 3, "not a trace"),
        (("trace", "events", 4, "cause"), 9, "event 4 is caused by event 9, which does not come before it"),
        (("trace", "events", 4, "cause"), 4, "event 4 is caused by event 4"),
        (("trace", "events", 4, "time"), -1, "event 4 at -1.0 s is out of order"),
        (("trace", "events", 4, "time"), "soon", "soon"),
        (("trace", "events", 4, "step"), "jump", "jump"),
        (("trace", "events", 4, "component"), [1], "name that is not text"),
        (("assembly",), {"$": "Program"}, "Program"),
        (("assembly",), 7, "belongs"),
        (("assembly", "types"), 7, "not a trace"),
        (("assembly", "instances", 0, "type"), "Ghost", "Ghost, which is not there"),
        (("assembly", "connections", 0, "use"), "ghost", "there are no ports for the connection"),
        (("details",), {"0": {"host": "h", "actions": [{}]}}, "not a trace"),
        (("details",), [1], "not a trace"),
        (("details",), {"x": {}}, "x"),
        (("banner",), {"title": "t"}, "not a trace"),
    ],
)
def test_a_mangled_file_is_refused_with_a_sentence(
    path: tuple[Any, ...], new: Any, reason: str, lamp: Assembly, simulated: Run
) -> None:
    with pytest.raises(ValueError, match=reason):
        read_document(_changed(document(simulated(lamp), lamp), path, new))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "{}", "[" * 100_000, '{"trace": {}}', '{"format": 9}'])
def test_what_is_no_trace_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_document(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_any_json_is_read_or_refused(value: Any) -> None:
    for text in (
        json.dumps(value),
        json.dumps({"trace": value}),
        json.dumps({"trace": Trace("x", ()).to_json(), "assembly": value}),
    ):
        try:
            read_document(text)
        except ValueError:
            continue
