"""``madeus host``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.failing import state_option, telling
from madeus.cli.layering import format_option, inventory_option, layer_options, moment, table, tell, with_layers
from madeus.cli.loading import InputError
from madeus.cli.role import read_catalog, read_seen

if TYPE_CHECKING:
    from madeus.executor.layers.api import Layers


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
@click.option(
    "--address", metavar="ADDRESS", help="Of a single host that no inventory has; kept in the state directory."
)
@layer_options
def add(
    hosts: tuple[str, ...], address: str | None, inventory: Path | None, wait: float, form: str, state: Path | None
) -> None:
    """Make hosts of the inventory known, as `spare`. Nothing is done on them.

    With --address the host need not be in an inventory: a script that a DHCP server calls for each new lease can announce it.

    \b
    Examples:
      madeus host add web1 --inventory hosts.toml
      madeus host add rack3-7 --address 10.0.3.7
    """
    if address is not None:
        if len(hosts) != 1:
            raise InputError("--address goes with a single host")
        from madeus.executor.layers.announced import announce

        with telling():
            inventory = announce(state, hosts[0], address)
    for name in hosts:
        with_layers(lambda layers, name=name: layers.add(name), state, inventory, wait)  # type: ignore[misc]
        click.echo(f"{name} is new: spare" if form == "text" else json.dumps({"machine": name, "role": "spare"}))


@host.command("list", epilog="Exit codes: 0 shown, 1 the state store cannot be read.")
@format_option
@state_option
def list_hosts(form: str, state: Path | None) -> None:
    """List the machines, their roles and layers, and how they were when `madeus host watch` saw them last.

    \b
    Examples:
      madeus host list
    """
    catalog, seen = read_catalog(state), read_seen(state)
    if form == "json":
        for one in catalog.machines.values():
            line = {"machine": one.name, "role": one.role, "version": one.version, "stack": one.stack}
            print(json.dumps({**line, "status": seen[one.name].status, "answered": seen[one.name].answered}))
        return
    rows = [
        (
            one.name,
            one.role,
            one.version,
            str(len(one.stack)),
            str(len(catalog.states_of(one.name))),
            seen[one.name].status,
            moment(seen[one.name].answered or 0.0) if seen[one.name].answered else "",
        )
        for one in catalog.machines.values()
    ]
    if not rows:
        click.echo("no machine is known yet; `madeus host add` makes hosts of an inventory known")
        return
    table(("machine", "role", "version", "layers", "states", "status", "answered"), rows)


@host.command(epilog="Exit codes: 0 a single round found all up, 1 some are not, 130 interrupted.")
@click.option("--interval", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Seconds between rounds.")
@click.option("--once", is_flag=True, help="One round; says which machines are not up, even if they were not before.")
@layer_options
def watch(interval: float, once: bool, inventory: Path | None, wait: float, form: str, state: Path | None) -> None:
    """Ask all machines whether they are up, again and again, and say what has changed.

    A machine that was restarted, or whose stack is another than the one that is known, is `changed`. Hosts of the inventory
    that are not known yet become spare machines: the file is read anew each round.

    \b
    Examples:
      madeus host watch --inventory hosts.toml
      madeus host watch --once
    """
    from time import time

    from madeus.executor.inventory import load_inventory
    from madeus.executor.layers.heartbeat import Heartbeat, News, Status

    def tell(news: Sequence[News]) -> None:
        for one in news:
            if form == "json":
                line = {"machine": one.machine, "status": str(one.status), "reason": one.reason}
                click.echo(json.dumps({"time": time(), **line}))
            else:
                click.echo(f"{moment(time())}  {one}")

    import asyncio

    async def rounds(layers: Layers) -> bool:
        while True:
            news = await Heartbeat(layers, load_inventory(inventory) if inventory else None).round()
            tell(news)
            if once:
                seen = {name: layers.store.seen(name) for name in sorted(layers.catalog.machines)}
                wrong = [name for name in seen if seen[name].status != Status.UP]
                still = [name for name in wrong if name not in {one.machine for one in news}]
                tell([News(name, Status(seen[name].status), seen[name].facts.get("reason", "")) for name in still])
                return not wrong
            await asyncio.sleep(interval)

    if not with_layers(rounds, state, inventory, wait):
        sys.exit(1)


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
    """Give a machine another name, after its inventory has done so; its stack and its states stay.

    \b
    Examples:
      madeus host rename web1 frontend
    """
    tell(with_layers(lambda layers: layers.rename(old, new), state, inventory, wait), form)


@host.command(epilog="Exit codes: 0 done, 1 the host failed or is busy, 2 refused: it has what is known.")
@click.argument("name", metavar="HOST")
@layer_options
def adopt(name: str, inventory: Path | None, wait: float, form: str, state: Path | None) -> None:
    """Take over the stack that a host has, after another state store has changed it.

    What is known of the host becomes a state: `madeus rollback HOST` returns to it. What was taken over is recorded before
    that, so nothing is lost. Nothing is switched, no service is stopped.

    \b
    Examples:
      madeus host adopt web1
    """
    tell(with_layers(lambda layers: layers.adopt(name), state, inventory, wait), form, name)


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
