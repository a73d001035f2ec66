"""``madeus show``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madeus.cli.failing import state_option, telling

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from madeus.executor.live.read import Live
    from madeus.semantics.configuration import ComponentState


@click.command(epilog="Exit codes: 0 shown, 2 no live assembly has that name.")
@click.argument("assembly")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="json: one value.")
@click.option("--history", is_flag=True, help="With its models and the runs that have changed it.")
@state_option
def show(assembly: str, form: str, history: bool, state: Path | None) -> None:
    """Show a live assembly: its components and where they stand, connections, values of data ports.

    \b
    Examples:
      madeus show lamp
      madeus show lamp --history
      madeus show lamp --format json | jq '.components[] | {component, places}'
    """
    from madeus.executor.live.read import read_one

    with telling():
        live = read_one(assembly, state)
    if form == "json":
        print(json.dumps(_as_json(live), indent=1))
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    _print(live, console)
    if history:
        _print_history(live, console)


def _as_json(live: Live) -> dict[str, Any]:
    conf = live.state.configuration
    components = []
    for instance in live.state.instances:
        s = conf.components[instance.name]
        components.append(
            {
                "component": instance.name,
                "type": instance.type,
                "host": instance.host,
                "places": sorted(s.places),
                "running": sorted(s.running),
                "failed": sorted(s.failed),
                "waiting": sorted(s.output_docks),
                "ended": sorted(s.input_docks),
                "queue": [pushed.behavior for pushed in s.queue],
                "arguments": {name: _plain(value) for name, value in instance.arguments},
                "data": {p: _plain(v) for (c, p), v in sorted(conf.data.items(), key=_port) if c == instance.name},
            }
        )
    return {
        "assembly": live.name,
        "state": live.status,
        "created": live.row.created,
        "version": live.row.version,
        "components": components,
        "connections": [[f"{c.user}.{c.use}", f"{c.provider}.{c.provide}"] for c in conf.connections()],
        "versions": [
            {"number": v.number, "created": v.created, "file": v.file, "digest": v.digest} for v in live.versions
        ],
        "runs": [
            {
                "run": c.row.run,
                "state": c.status,
                "programs": [list(stage) for stage in c.head.stages],
                "version": c.row.version,
                "components": list(c.row.writes),
                "started": c.head.created,
                "ended": c.head.ended,
            }
            for c in live.changes
        ],
    }


def _print(live: Live, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from madeus.executor.journal.events import RunState

    conf = live.state.configuration
    since = _when(live.row.created)
    console.print(f"{live.name} {live.status}", style="bold")
    console.print(f"version {live.row.version} of its model, {live.latest.file}, deployed {since}")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("component", "type", "host", "places", "doing"):
        table.add_column(heading)
    for instance in live.state.instances:
        s = conf.components[instance.name]
        doing = _doing(s)
        style = "" if s.queue else "green"
        table.add_row(instance.name, instance.type, instance.host, Text(", ".join(sorted(s.places)), style), doing)
    console.print(table)
    for c in conf.connections():
        console.print(f"connected: {c}", style="dim")
    for (component, port), value in sorted(conf.data.items(), key=_port):
        if value is not None:
            console.print(f"data: {component}.{port} = {_plain(value)}", style="dim")
    for change in live.unfinished:
        console.print(f"run {change.row.run} is {change.status}; it has {', '.join(change.row.writes)}")
        if change.holder is None:
            if change.status == RunState.STUCK:
                console.print("  give it up with the next program's --take-over")
            else:
                console.print(f"  go on with it: madeus run --resume {change.row.run}")
                console.print("  or give it up with the next program's --take-over")


def _doing(state: ComponentState) -> Text:
    """The transitions that hold a token, and the behaviors that wait for their turn."""
    from rich.text import Text

    parts = [Text(name) for name in sorted(state.running)]
    parts += [Text(f"{name} failed", "bold red") for name in sorted(state.failed)]
    parts += [Text(f"{name} waits") for name in sorted(state.output_docks)]
    parts += [Text(f"{name} done") for name in sorted(state.input_docks)]
    shown = Text(", ").join(parts)
    if state.queue:
        shown.append(f"{' ' if parts else ''}({', '.join(pushed.behavior for pushed in state.queue)})")
    return shown


def _print_history(live: Live, console: Console) -> None:
    for version in live.versions:
        console.print(f"version {version.number}, {_when(version.created)}, {version.file} {version.digest[:12]}")
        for change in live.changes:
            if change.row.version == version.number:
                what = ", ".join(" and ".join(stage) for stage in change.head.stages) or "deployed"
                console.print(f"  {_when(change.head.created)} {what}: run {change.row.run} {change.status}")


def _when(seconds: float) -> str:
    from time import localtime, strftime

    return strftime("%Y-%m-%d %H:%M:%S", localtime(seconds))


def _port(item: tuple[tuple[str, str], object]) -> tuple[str, str]:
    return item[0]


def _plain(value: Any) -> Any:
    """A value as JSON has it; one that is not kept is null."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return [_plain(item) for item in value] if isinstance(value, tuple) else str(value)
