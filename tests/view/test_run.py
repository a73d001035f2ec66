"""Runs of the journal as documents."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from madeus.executor.inventory import Inventory
from madeus.executor.journal.events import AttemptRecord, AttemptState, RunHead, RunState
from madeus.executor.journal.read import ActionRecord, ExecutionRecord, RunRecord
from madeus.model import Assembly
from madeus.semantics.step import StepKind
from madeus.semantics.system import System
from madeus.semantics.trace import Trace
from madeus.view.run import run_document
from madeus.view.timeline import ActionDetail, Detail


def _record(state: RunState, trace: Trace, assembly: Assembly, lost: bool = False) -> RunRecord:
    head = RunHead("lamp-1", "lamp", (), state, 0.0, None, 1, "", "", "", "")
    details = {}
    for e in trace.executions:
        ending = (1, b"", b"no \xff", "exit code 1") if e.failed else (0, b"fine", b"", None)
        code, out, err, error = ending
        attempt = AttemptRecord(
            e.fired,
            0,
            2,
            e.fired,
            "run",
            "h",
            next(iter(AttemptState)),
            None,
            None,
            0.0,
            1.5,
            1.25,
            code,
            1,
            out,
            err,
            error,
        )
        details[e.fired] = ExecutionRecord(e.component, e.transition, "h", (ActionRecord("run it", attempt),))
    return RunRecord(head, System(assembly, failures=None), Inventory(), trace, details, lost)


@pytest.fixture
def failed(lamp: Assembly, simulated: Callable[..., Trace]) -> Trace:
    events = list(simulated(lamp).events)
    end = next(i for i, e in enumerate(events) if e.step.kind is StepKind.END and e.step.element == "start")
    events[end] = events[end]._replace(step=events[end].step._replace(kind=StepKind.FAIL))
    return Trace("lamp", tuple(events[: end + 1]))


def test_what_each_action_did_is_carried_over(lamp: Assembly, failed: Trace) -> None:
    shown = run_document(_record(RunState.FAILED, failed, lamp))
    assert shown.details is not None
    last = failed.executions[[e.failed for e in failed.executions].index(True)]
    assert shown.details[last.fired] == Detail(
        "h", (ActionDetail("run it", 1, "", "no \ufffd", 1.25, 2, "exit code 1"),)
    )
    assert (shown.trace, shown.assembly) == (failed, lamp)


def test_a_failed_run_says_what_failed_and_where(lamp: Assembly, failed: Trace) -> None:
    banner = run_document(_record(RunState.FAILED, failed, lamp)).banner
    assert banner is not None
    assert banner.title == "Run lamp-1: failed"
    assert banner.lines == ("web[1].start failed on h: exit code 1",)


def test_a_run_whose_controller_died_is_lost(lamp: Assembly, failed: Trace) -> None:
    banner = run_document(_record(RunState.RUNNING, failed, lamp, lost=True)).banner
    assert banner is not None
    assert banner.title == "Run lamp-1: lost"


def test_a_run_that_went_well_has_no_banner(lamp: Assembly, simulated: Callable[..., Trace]) -> None:
    assert run_document(_record(RunState.DONE, simulated(lamp), lamp)).banner is None
