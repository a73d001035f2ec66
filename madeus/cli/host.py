"""``madeus host``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from madeus.cli.failing import state_option
from madeus.cli.layering import format_option, inventory_option, layer_options, table, tell, with_layers
from madeus.cli.role import read_catalog


@click.group()
def host() -> None:
    """The machines that roles are given to.

    \b
    Examples:
      madeus host add web1 web2 --inventory hosts.toml
      madeus host list
    """


@host.command(epilog="Exit codes: 0 done, 1 the state store cannot be written, 2 known already, or in no inventory.")
@click.argument("hosts", nargs=-1, required=True)
@layer_options
def add(hosts: tuple[str, ...], inventory: Path | None, wait: float, form: str, state: Path | None) -> None:
    """Make hosts of the inventory known, as `spare`. Nothing is done on them.

    \b
    Examples:
      madeus host add web1 --inventory hosts.toml
    """
    for name in hosts:
        with_layers(lambda layers, name=name: layers.add(name), state, inventory, wait)  # type: ignore[misc]
        click.echo(f"{name} is new: spare" if form == "text" else json.dumps({"machine": name, "role": "spare"}))


@host.command("list", epilog="Exit codes: 0 shown, 1 the state store cannot be read.")
@format_option
@state_option
def list_hosts(form: str, state: Path | None) -> None:
    """List the machines, their roles and layers.

    \b
    Examples:
      madeus host list
    """
    catalog = read_catalog(state)
    if form == "json":
        for one in catalog.machines.values():
            print(json.dumps({"machine": one.name, "role": one.role, "version": one.version, "stack": one.stack}))
        return
    rows = [
        (one.name, one.role, one.version, str(len(one.stack)), str(len(catalog.states_of(one.name))))
        for one in catalog.machines.values()
    ]
    if not rows:
        click.echo("no machine is known yet; `madeus host add` makes hosts of an inventory known")
        return
    table(("machine", "role", "version", "layers", "states"), rows)


@host.command(
    "exec",
    epilog="The exit code is the command's; 1 when the host failed, 2 when it is not known.",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("name", metavar="HOST")
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@inventory_option
@state_option
def exec_(name: str, words: tuple[str, ...], inventory: Path | None, state: Path | None) -> None:
    """Run a command inside the stack of a machine.

    \b
    Examples:
      madeus host exec web1 cat /etc/debian_version
      madeus host exec web1 -- sh -c 'apt-get install -y nginx'
    """
    outcome = with_layers(lambda layers: layers.inside(name, words), state, inventory)
    sys.stdout.buffer.write(outcome.stdout)
    sys.stderr.buffer.write(outcome.stderr)
    sys.stdout.flush()
    sys.exit(outcome.exit_code)


@host.command(epilog="Exit codes: 0 done, 1 the state store cannot be written, 2 refused.")
@click.argument("old")
@click.argument("new")
@layer_options
def rename(old: str, new: str, inventory: Path | None, wait: float, form: str, state: Path | None) -> None:
    """Give a machine another name; its stack and its states stay.

    \b
    Examples:
      madeus host rename web1 frontend
    """
    tell(with_layers(lambda layers: layers.rename(old, new), state, inventory, wait), form)


@host.command(epilog="Exit codes: 0 done, 1 the state store cannot be written, 2 refused.")
@click.argument("name", metavar="HOST")
@layer_options
def remove(name: str, inventory: Path | None, wait: float, form: str, state: Path | None) -> None:
    """Forget a machine with its states. What stands on it is left there.

    \b
    Examples:
      madeus host remove web1
    """
    tell(with_layers(lambda layers: layers.remove(name), state, inventory, wait), form)
