"""``madeus logs``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madeus.cli.failing import state_option, telling
from madeus.cli.loading import InputError

if TYPE_CHECKING:
    from madeus.executor.journal.read import ActionRecord, ExecutionRecord, RunRecord

PAUSE = 0.5
"""Seconds between two looks with ``--follow``."""


@click.command(epilog="Exit codes: 0 shown, 2 there is no such run or transition.")
@click.argument("run", default="last")
@click.argument("transition", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on until the run ends.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: one attempt on a line."
)
@state_option
def logs(run: str, transition: str | None, follow: bool, form: str, state: Path | None) -> None:
    """Show what a run's actions printed: RUN is the latest unless given, TRANSITION is like db.start, db or 'web[*].start'.

    \b
    Examples:
      madeus logs
      madeus logs lamp-20261121-103000-a1b2 db.start
      madeus logs last db --follow
    """
    shown = False
    with telling():
        if transition is not None:
            _check(run, transition, state)
        for execution, action in _attempts(run, transition, follow, state):
            shown = True
            if form == "json":
                print(json.dumps(_as_json(execution, action)), flush=True)
            else:
                print(_as_text(execution, action), flush=True)
    if not shown and form == "text":
        what = f"{transition} has done no action" if transition is not None else "no action was done"
        print(f"{what} in this run", file=sys.stderr)


def _check(run: str, pattern: str, state: Path | None) -> None:
    from madeus.api import unknown
    from madeus.executor.journal.read import read_run

    system = read_run(run, state).system
    known = [f"{i.name}.{t}" for i in system.instances.values() for t in system.tables[i.type].kind.transition]
    if not any(_matches(pattern, *name.rsplit(".", 1)) for name in known):
        raise InputError(unknown("transition", pattern, known))


def _matches(pattern: str | None, component: str, transition: str) -> bool:
    if pattern is None:
        return True
    name = f"{component}.{transition}"
    # Brackets belong to the names of replicas; only the star is a wildcard.
    shape = pattern.replace("[", "[[]")
    return pattern in (component, name) or fnmatchcase(name, shape) or fnmatchcase(component, shape)


def _attempts(
    run: str, pattern: str | None, follow: bool, state: Path | None
) -> Iterator[tuple[ExecutionRecord, ActionRecord]]:
    """Attempts that have ended, each once, in the order of their beginnings; with follow, until the run has ended."""
    from madeus.executor.journal.read import read_run

    seen: set[tuple[int, int, int]] = set()
    while True:
        record = read_run(run, state)
        run = record.head.id
        yield from _ended(record, pattern, seen, follow)
        if not follow or record.head.ended is not None or record.lost:
            return
        time.sleep(PAUSE)


def _ended(
    record: RunRecord, pattern: str | None, seen: set[tuple[int, int, int]], follow: bool
) -> Iterator[tuple[ExecutionRecord, ActionRecord]]:
    from madeus.executor.journal.events import AttemptState

    found = [
        (action.attempt.began or 0.0, execution, action)
        for execution in record.details.values()
        if _matches(pattern, execution.component, execution.transition)
        for action in execution.actions
    ]
    for _, execution, action in sorted(found, key=lambda f: f[0]):
        a = action.attempt
        key = (a.fired, a.action, a.number)
        if key in seen or (follow and a.state is AttemptState.RUNNING):
            continue
        seen.add(key)
        yield execution, action


def _as_json(execution: ExecutionRecord, action: ActionRecord) -> dict[str, Any]:
    a = action.attempt
    return {
        "component": execution.component,
        "transition": execution.transition,
        "host": a.host,
        "action": a.action,
        "attempt": a.number,
        "description": action.description,
        "state": str(a.state),
        "began": a.began,
        "seconds": action.seconds,
        "exit_code": a.exit_code,
        "error": a.error,
        "stdout": a.stdout.decode(errors="replace"),
        "stderr": a.stderr.decode(errors="replace"),
    }


def _as_text(execution: ExecutionRecord, action: ActionRecord) -> str:
    from madeus.cli.outcome import printable

    a = action.attempt
    again = f", attempt {a.number}" if a.number > 1 else ""
    code = f", exit code {a.exit_code}" if a.exit_code else ""
    took = "" if a.ended is None else f", {action.seconds:.2f} s"
    head = f"== {execution.component}.{execution.transition} on {a.host}: {a.state}{again}{code}{took}"
    lines = [head, f"   {printable(action.description)}"]
    if a.error:
        lines.append(f"   {printable(a.error)}")
    for output, mark in ((a.stdout, "|"), (a.stderr, "!")):
        text = printable(output.decode(errors="replace").rstrip("\n"))
        lines += [f"{mark} {line}" for line in text.split("\n")] if text else []
    return "\n".join(lines)
