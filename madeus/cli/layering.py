"""What the commands about layers have in common: options, the way to the machines, how an operation is told."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from madeus.cli.failing import state_option, telling
from madeus.cli.outcome import printable

if TYPE_CHECKING:
    from madeus.executor.layers.api import Done, Layers
    from madeus.executor.layers.operate import Performed

T = TypeVar("T")
Decorated = TypeVar("Decorated", bound=Callable[..., Any])

SHOWN = 12
"""Paths in a list."""


def format_option(command: Decorated) -> Decorated:
    """The option ``--format``."""
    option = click.option(
        "--format",
        "-f",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        help="json: one object on a line.",
    )
    return option(command)


def inventory_option(command: Decorated) -> Decorated:
    """The option ``--inventory``."""
    return click.option(
        "--inventory",
        "-i",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="MADEUS_INVENTORY",
        metavar="TOML",
        help="Hosts. Default: for each machine the one that it was met in.",
    )(command)


def layer_options(command: Decorated) -> Decorated:
    """``--inventory``, ``--wait``, ``--format`` and ``--state``."""
    wait = click.option(
        "--wait",
        type=click.FloatRange(0),
        default=0.0,
        metavar="SECONDS",
        help="Wait so long for another operation on the machine.",
    )
    return inventory_option(wait(format_option(state_option(command))))


def with_layers(
    act: Callable[[Layers], Awaitable[T]], state: Path | None, inventory: Path | None = None, wait: float = 0.0
) -> T:
    """Do something with the layers of a state store; errors become messages and exit codes."""
    with telling():
        import asyncio

        from madeus.executor.inventory import load_inventory
        from madeus.executor.layers.api import Layers

        hosts = load_inventory(inventory) if inventory else None

        async def whole() -> T:
            async with Layers.open(state, hosts, wait) as layers:
                if sys.stderr.isatty():
                    layers.tell = lambda sentence: click.echo(f"{sentence} ...", err=True)
                return await act(layers)

        try:
            return asyncio.run(whole())
        except KeyboardInterrupt:
            _tell_unfinished(state)
            raise


def _tell_unfinished(state: Path | None) -> None:
    """Say how what was interrupted is gone on with."""
    from madeus.executor.layers.store import LayerStore

    store = LayerStore.open(state, create=False)
    try:
        begun = [one.summary for one in store.unfinished()]
    finally:
        store.close()
    if begun:
        what = f"{', '.join(begun[:SHOWN])}{f' and {len(begun) - SHOWN} more' if len(begun) > SHOWN else ''}"
        click.echo(f"\nhad begun: {what}", err=True)
        click.echo("  `madeus layers resume` goes on with it, and so does the next operation on the machine", err=True)


def tell(performed: Performed, form: str, machine: str = "") -> None:
    """Say what an operation did."""
    operation = performed.operation
    for earlier in performed.resumed:
        click.echo(f"gone on with an interrupted operation: {earlier.summary}", err=True)
    switches = performed.switched
    where = machine or ", ".join(operation.locks)
    if form == "json":
        import json

        line = {"machine": machine or None, "operation": operation.kind, "summary": operation.summary, "state": "done"}
        click.echo(json.dumps({**line, "number": operation.number, "switches": [dict(switch) for switch in switches]}))
        return
    took = "".join(
        f", switched in {switch['milliseconds']:.1f} ms" + (" by a restart" if switch["how"] == "restart" else "")
        for switch in switches[-1:]
    )
    click.echo(f"{where}: {operation.summary}{took}" if machine else f"{operation.summary}{took}")
    for remark in performed.remarks:
        click.echo("\n".join(f"  {line}" for line in printable(remark).splitlines()), err=True)


def tell_all(done: Sequence[Done], form: str) -> int:
    """Say what became of each machine; the exit code."""
    import json

    code = 0
    for one in done:
        if one.error is not None:
            code = max(code, one.error.exit_code)
            if form == "json":
                click.echo(json.dumps({"machine": one.machine, "state": "failed", "error": one.error.message}))
            named = one.error.message.startswith((f"{one.machine} ", f"{one.machine}: "))
            click.echo(f"Error: {'' if named else f'{one.machine}: '}{one.error.message}", err=True)
            if one.error.help:
                click.echo("\n".join(f"  {line}" for line in one.error.help.splitlines()), err=True)
            continue
        assert one.performed is not None
        tell(one.performed, form, one.machine)
        if form == "text":
            _tell_decisions(one)
    return code


def _tell_decisions(one: Done) -> None:
    by: dict[str, list[str]] = {}
    for decision in one.decisions:
        by.setdefault(str(decision.how), []).append(decision.mask.path)
    words = {"keep": "kept the machine's", "take": "took the new", "merge": "merged"}
    for how, paths in sorted(by.items()):
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        click.echo(f"  {words[how]} {', '.join(paths[:SHOWN])}{more}")


def moment(seconds: float) -> str:
    """A time as people write it."""
    from time import localtime, strftime

    return strftime("%Y-%m-%d %H:%M:%S", localtime(seconds))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    from rich.console import Console

    from madeus.cli.table import make_table, print_table

    print_table(Console(highlight=False, soft_wrap=True, markup=False), make_table(headings, rows))
