"""How a run ended, for people: what took how long, what failed and where, what was not started, and how to go on."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from madeus.executor.result import Failure, RunResult

MOST_EXECUTIONS = 40
TAIL_LINES = 12
MOST_NAMES = 12


def print_outcome(result: RunResult, hosts: Callable[[str], str], console: Console, table: bool = True) -> None:
    """Print the end of a run. hosts: host of an instance. table: with the executions."""
    from madeus.executor.journal.events import RunState

    if table:
        _executions(result, hosts, console)
    for failure in result.failures:
        if not failure.stopped:
            _failure(failure, console)
    if result.divergence:
        console.print(f"not as the model says, {result.divergence}", style="bold red", highlight=False, markup=False)
    if result.not_started:
        heading = "not started because of it" if result.failures else "not started"
        console.print(f"{heading}: {_names([f'{c}.{t}' for c, t in result.not_started])}")
    if result.state is RunState.STUCK and result.deadlock is not None:
        console.print("Deadlock: nothing can move, and not everything has finished", style="bold red")
        for line in str(result.deadlock).splitlines():
            console.print(f"  {line}")
    for remark in result.remarks:
        console.print(printable(remark), style="yellow", highlight=False, markup=False)
    critical = sum((e.end or e.start) - e.start for e in result.trace.critical_executions)
    if result.state is RunState.DONE and result.failures:
        console.print("recovered from what failed; the exit code is 1 all the same", style="bold yellow")
    style = {RunState.DONE: "bold green" if result.ok else "bold yellow", RunState.INTERRUPTED: "bold yellow"}.get(
        result.state, "bold red"
    )
    makespan = f"makespan {result.trace.makespan:.2f} s, transitions on the critical path {critical:.2f} s"
    console.print(f"run {result.run} {result.state}: {makespan}", style=style)
    if result.rolled_back:
        console.print(f"  {_names(list(result.rolled_back))}: what it was before the run")
    for reason in result.not_rolled_back:
        console.print(f"  not rolled back: {printable(reason)}", style="bold red", markup=False)
    undecided = [f for f in result.failures if f.undecided]
    if result.resume_command:
        console.print(f"  resume with: {result.resume_command}")
    for failure in undecided:
        name = quote(failure.name)
        console.print(f"  run {failure.name} again:        {result.resume_command} --retry {name}")
        console.print(f"  or take its action for done: {result.resume_command} --assume-done {name}")
    if result.rollback_command:
        console.print(f"  {'roll back later:' if result.not_rolled_back else 'roll back:  '} {result.rollback_command}")
    console.print(f"  see it:      {result.trace_command}")


def result_json(result: RunResult) -> dict[str, Any]:
    """The last line of ``--format json``."""
    return {
        "event": "result",
        "time": round(result.trace.makespan, 6),
        "run": result.run,
        "state": str(result.state),
        "exit_code": result.exit_code,
        "makespan": round(result.trace.makespan, 6),
        "critical_path": [
            {
                "component": e.component,
                "transition": e.transition,
                "start": round(e.start, 6),
                "end": round(e.end or 0, 6),
            }
            for e in result.trace.critical_executions
        ],
        "failures": [
            {
                "component": f.component,
                "transition": f.transition,
                "host": f.host,
                "action": f.action,
                "attempt": f.attempt,
                "reason": f.reason,
                "undecided": f.undecided,
                "exit_code": f.exit_code,
                "stdout": tail(f.stdout),
                "stderr": tail(f.stderr),
            }
            for f in result.failures
        ],
        "divergence": result.divergence or None,
        "not_started": [f"{component}.{transition}" for component, transition in result.not_started],
        "deadlock": str(result.deadlock).splitlines() if result.deadlock else None,
        "resume": result.resume_command or None,
        "rollback": result.rollback_command or None,
        "rolled_back": list(result.rolled_back),
        "not_rolled_back": list(result.not_rolled_back),
        "remarks": list(result.remarks),
    }


def tail(output: bytes, lines: int = TAIL_LINES) -> str:
    """The last lines of an output."""
    text = output.decode(errors="replace").rstrip("\n")
    found = text.splitlines()
    return "\n".join(found[-lines:])


def printable(text: str) -> str:
    """A text whose control characters do not reach the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def _executions(result: RunResult, hosts: Callable[[str], str], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    executions = [e for e in result.trace.executions if e.failed or e.end is None or e.end > e.start]
    if not executions:
        return
    critical = {e.fired for e in result.trace.critical_executions}
    shown = executions
    if len(executions) > MOST_EXECUTIONS:
        longest = sorted(executions, key=lambda e: (e.failed, e.fired in critical, (e.end or e.start) - e.start))
        chosen = {e.fired for e in longest[-MOST_EXECUTIONS:]}
        shown = [e for e in executions if e.fired in chosen]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("transition", "host"):
        table.add_column(heading, no_wrap=True)
    for heading in ("start", "end", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for e in shown:
        end = e.end if e.end is not None else result.trace.makespan
        mark = "failed" if e.failed else "running" if e.end is None else "critical" if e.fired in critical else ""
        style = {"failed": "bold red", "critical": "yellow"}.get(mark, "")
        numbers = (f"{e.start:.2f}", f"{end:.2f}", f"{end - e.start:.2f}")
        table.add_row(Text(e.name), Text(hosts(e.component)), *numbers, Text(mark), style=style)
    console.print(table)
    if len(shown) < len(executions):
        console.print(f"... and {len(executions) - len(shown)} shorter ones", style="dim")


def _failure(failure: Failure, console: Console) -> None:
    title = "it is not known whether it took effect" if failure.undecided else "failed"
    console.print(f"{failure.name} on {failure.host}: {title}", style="bold red", highlight=False)
    console.print(f"  {printable(failure.reason)}", highlight=False, markup=False)
    for line in failure.help.splitlines():
        console.print(f"  {printable(line)}", highlight=False, markup=False)
    for name, output in (("stdout", failure.stdout), ("stderr", failure.stderr)):
        text = tail(output)
        if text.strip():
            console.print(f"  {name}:", style="dim")
            for line in printable(text).splitlines():
                console.print(f"    | {line}", highlight=False, markup=False)


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown
