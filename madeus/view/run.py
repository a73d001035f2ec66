"""Runs of the journal as documents that can be shown."""

from __future__ import annotations

from madeus.executor.journal.read import ActionRecord, RunRecord
from madeus.view.document import Document
from madeus.view.page import Banner
from madeus.view.timeline import ActionDetail, Detail

_WELL = frozenset({"done", "running"})
"""States of a run that need no banner."""


def run_document(run: RunRecord) -> Document:
    """A run with everything it can be shown with; a banner tells of one that has failed, was stopped or is lost."""
    details = {fired: Detail(e.host, tuple(_action(a) for a in e.actions)) for fired, e in run.details.items()}
    return Document(run.trace, run.assembly, run.programs, details, _banner(run, details), run.system.begin)


def _action(record: ActionRecord) -> ActionDetail:
    attempt = record.attempt
    return ActionDetail(
        record.description,
        attempt.exit_code,
        attempt.stdout.decode("utf-8", "replace"),
        attempt.stderr.decode("utf-8", "replace"),
        max(record.seconds, 0.0),
        attempt.number,
        attempt.error or "",
    )


def _banner(run: RunRecord, details: dict[int, Detail]) -> Banner | None:
    if run.status in _WELL:
        return None
    lines = []
    for execution in run.trace.executions:
        if not execution.failed:
            continue
        detail = details.get(execution.fired)
        reason = next((a.error for a in reversed(detail.actions) if a.error), "") if detail else ""
        where = f" on {detail.host}" if detail else ""
        lines.append(f"{execution.name} failed{where}" + (f": {reason}" if reason else ""))
    return Banner(f"Run {run.head.id}: {run.status}", tuple(lines))
