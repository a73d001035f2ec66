"""``madeus states``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from madeus.cli.layering import layer_options, moment, table, tell, with_layers
from madeus.cli.loading import InputError
from madeus.cli.role import read_catalog


@click.command(epilog="Exit codes: 0 shown, 1 the state store cannot be read, 2 no such machine or state.")
@click.argument("host")
@click.option("--forget", multiple=True, type=int, metavar="N", help="Forget a state; its layers go with `layers gc`.")
@layer_options
def states(
    host: str, forget: tuple[int, ...], inventory: Path | None, wait: float, form: str, state: Path | None
) -> None:
    """List the states that a machine can return to, the latest first.

    \b
    Examples:
      madeus states web1
      madeus states web1 --forget 3 --forget 4
    """
    if forget:
        tell(with_layers(lambda layers: layers.forget(host, forget), state, inventory, wait), form)
        return
    from madeus.layers import Refused

    catalog = read_catalog(state)
    try:
        machine = catalog.machine(host)
    except Refused as refused:
        raise InputError(f"{refused.message}; {refused.help}") from None
    found = catalog.states_of(host)
    if form == "json":
        now = {"machine": host, "number": None, "role": machine.role, "version": machine.version}
        print(json.dumps({**now, "stack": machine.stack}))
        for one in found:
            line = {"machine": host, "number": one.number, "role": one.role, "version": one.version}
            times = {"created": one.created, "used": one.used, "before": one.why}
            print(json.dumps({**line, "stack": one.stack, **times}))
        return
    rows = [("now", machine.role, machine.version, str(len(machine.stack)), "", "", "")]
    for one in found:
        created, used = moment(one.created), moment(one.used)
        rows.append((str(one.number), one.role, one.version, str(len(one.stack)), created, used, one.why))
    table(("state", "role", "version", "layers", "recorded", "last used", "before"), rows)
