"""``madeus layers``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from madeus.cli.failing import state_option, telling
from madeus.cli.layering import format_option, layer_options, moment, table, tell, with_layers
from madeus.cli.role import read_catalog

_NAMED = 4
"""Names in a cell of a table."""


@click.group()
def layers() -> None:
    """Look after the layers of all machines.

    \b
    Examples:
      madeus layers list
      madeus layers gc
      madeus layers history web1
    """


@layers.command("list", epilog="Exit codes: 0 shown, 1 the state store cannot be read.")
@format_option
@state_option
def list_layers(form: str, state: Path | None) -> None:
    """List the layers, who holds them and what needs them.

    \b
    Examples:
      madeus layers list
    """
    catalog = read_catalog(state)
    if form == "json":
        for layer in catalog.layers.values():
            line = {"layer": layer.id, "kind": str(layer.kind), "frozen": layer.frozen, "source": layer.source or None}
            print(
                json.dumps({**line, "holders": sorted(layer.holders), "needed_by": list(catalog.referring(layer.id))})
            )
        return
    rows = [
        (
            layer.id,
            str(layer.kind),
            "read-only" if layer.frozen else "writable",
            _some(sorted(layer.holders)),
            _some(tuple(catalog.referring(layer.id))) or "nobody",
        )
        for layer in catalog.layers.values()
    ]
    table(("layer", "kind", "", "on", "needed by"), rows)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_NAMED])} and {more} more"


@layers.command(epilog="Exit codes: 0 done, 1 a host failed, or an operation is on.")
@layer_options
def gc(inventory: Path | None, wait: float, form: str, state: Path | None) -> None:
    """Delete every layer that no machine, state or role needs, on every host.

    \b
    Examples:
      madeus layers gc
    """
    performed = with_layers(lambda layers: layers.collect(), state, inventory, wait)
    if performed is None:
        click.echo("every layer is needed by a machine, a state or a role", err=form == "json")
        return
    tell(performed, form)


@layers.command(epilog="Exit codes: 0 done, 1 a host failed again.")
@layer_options
def resume(inventory: Path | None, wait: float, form: str, state: Path | None) -> None:
    """Go on with operations that were interrupted. The next operation on their machines does so, too.

    \b
    Examples:
      madeus layers resume
    """
    done = with_layers(lambda layers: layers.resume(), state, inventory, wait)
    for operation in done:
        if form == "json":
            line = {"number": operation.number, "operation": operation.kind, "summary": operation.summary}
            click.echo(json.dumps({**line, "state": str(operation.state)}))
        else:
            click.echo(f"{', '.join(operation.locks)}: {operation.summary}: {operation.state}")
    if not done:
        click.echo("nothing was interrupted", err=form == "json")


@layers.command(epilog="Exit codes: 0 shown, 1 the state store cannot be read, 2 no such machine.")
@click.argument("host", required=False)
@click.option("--number", "-n", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@format_option
@state_option
def history(host: str | None, number: int, form: str, state: Path | None) -> None:
    """List the operations, the latest first.

    \b
    Examples:
      madeus layers history
      madeus layers history web1 -n 5
    """
    from madeus.executor.layers.errors import OperationRefused
    from madeus.executor.layers.store import LayerStore
    from madeus.layers.errors import Refused

    with telling():
        store = LayerStore.open(state, create=False)
        try:
            found = store.operations(host or "")[:number]
            if host and not found:
                store.catalog().machine(host)
        except Refused as refused:
            raise OperationRefused(refused) from refused
        finally:
            store.close()
    if form == "json":
        for one in found:
            line = {"number": one.number, "operation": one.kind, "summary": one.summary, "state": str(one.state)}
            line |= {"on": list(one.locks), "began": one.began, "ended": one.ended, "error": one.error or None}
            print(json.dumps({**line, "run": one.run or None}))
        return
    rows = []
    for one in found:
        seconds = f"{one.ended - one.began:.2f}" if one.ended is not None else ""
        rows.append((str(one.number), ", ".join(one.locks), one.summary, str(one.state), moment(one.began), seconds))
    table(("", "on", "operation", "state", "began", "seconds"), rows)
