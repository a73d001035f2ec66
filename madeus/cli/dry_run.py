"""The plan of ``madeus run --dry-run``, printed."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madeus.executor.plan import Plan, PlannedTransition
    from madeus.semantics import System


def print_plan(plan: Plan, system: System, form: str) -> None:
    """Print a plan: as a table for people, or as one JSON value."""
    if form == "json":
        print(json.dumps(_as_json(plan), indent=1))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    hosts = dict.fromkeys((t.host, t.target) for t in plan.transitions if t.actions)
    named = ", ".join(f"{name} ({target})" if target and target != name else name for name, target in hosts)
    where = f" on {len(hosts)} host{'s' * (len(hosts) != 1)}: {named}" if hosts else ""
    console.print(f"{system.assembly.name}{where}", style="bold")
    acting = [t for t in plan.transitions if t.actions]
    for planned in acting:
        mark = "*" if planned.critical else " "
        when = f"{planned.start:8.1f} s ..{planned.end:8.1f} s"
        where = f"on {planned.host}{_layer(planned)}"
        console.print(Text(f"{mark}{when}  {planned.component}.{planned.transition} {where}", _style(planned)))
        for action in planned.actions:
            for line in action.text.splitlines() or [""]:
                console.print(Text(f"{'':25}  {line}"))
            if action.problem:
                console.print(Text(f"{'':25}  {action.problem}", "bold red"))
    bare = len(plan.transitions) - len(acting)
    quick = f" and {bare} without" if bare else ""
    counted = f"{len(acting)} {'transition' if len(acting) == 1 else 'transitions'} with actions{quick}"
    console.print(
        f"{counted}; predicted {plan.trace.makespan:.1f} s (middle of the intervals, "
        "limits of hosts kept; * is the critical path). Nothing was started.",
        style="bold",
    )
    taken = Counter(t.host for t in acting if t.checkpoint)
    if taken:
        each = ", ".join(f"{count} of {host}" for host, count in taken.items())
        console.print(f"checkpoints of machines, to which `madeus rollback` returns: {each}")
    if plan.truncated:
        console.print("The plan was cut: a behavior may never end.")
    elif plan.deadlock is not None:
        console.print("Deadlock: nothing could move any more, and not everything would have finished", style="bold red")
        for line in str(plan.deadlock).splitlines():
            console.print(Text(f"  {line}"))


def _layer(planned: PlannedTransition) -> str:
    if not planned.layered:
        return ""
    return ", in layer, after a checkpoint" if planned.checkpoint else ", in layer"


def _style(planned: PlannedTransition) -> str:
    return "yellow" if planned.critical else ""


def _as_json(plan: Plan) -> dict[str, object]:
    return {
        "makespan": plan.trace.makespan,
        "deadlock": str(plan.deadlock).splitlines() if plan.deadlock else None,
        "truncated": plan.truncated,
        "transitions": [
            {
                "component": t.component,
                "transition": t.transition,
                "host": t.host,
                "target": t.target,
                "start": t.start,
                "end": t.end,
                "critical": t.critical,
                "in_layer": t.layered,
                "checkpoint": t.checkpoint,
                "actions": [{"kind": a.kind, "text": a.text, "problem": a.problem or None} for a in t.actions],
            }
            for t in plan.transitions
        ],
    }
