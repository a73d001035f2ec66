"""``madeus fingerprint``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.failing import telling
from madeus.cli.fleeting import choose_reference, load_fleet
from madeus.cli.loading import InputError

if TYPE_CHECKING:
    from madeus.executor.inventory import Inventory
    from madeus.fleet.fingerprint import Fingerprint, Fleet

PATH = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="Exit codes: 0 every host was looked at, 1 some could not be, 2 bad input, 130 interrupted.",
)
@click.argument("hosts", nargs=-1, metavar="[HOST|GROUP]...")
@click.option("--application", "-a", metavar="PACKAGE", help="Debian package of what is to be upgraded.")
@click.option("--inventory", "-i", type=PATH, envvar="MADEUS_INVENTORY", metavar="TOML", help="Hosts and groups.")
@click.option("--rules", type=PATH, multiple=True, metavar="FILE", help="Rules after those that come along; repeat.")
@click.option("--start", metavar="COMMAND", help="Starts the application: run on each host under strace, and ended.")
@click.option("--traces", type=click.IntRange(1, 20), default=2, show_default=True, help="How often it is started.")
@click.option(
    "--trace-time", type=click.FloatRange(0.1, 600), default=10.0, show_default=True, help="Longest start, in seconds."
)
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="Hosts that are looked at at once."
)
@click.option("--in-layer", is_flag=True, help="Look into the stacks of the hosts' layers.")
@click.option("--from", "given", type=PATH, metavar="FLEET", help="Look into this fleet file, not at hosts.")
@click.option("--reference", metavar="MACHINE|FLEET", help="Say how far each machine is from this one.")
@click.option("--why", metavar="PATH", help="Say why a file belongs to the fingerprints or not; * and ** match.")
@click.option("--output", "-o", type=PATH, metavar="FLEET", help="Fleet file to write.")
@click.option(
    "--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="json: the fleet file."
)
def fingerprint(
    hosts: tuple[str, ...],
    application: str | None,
    inventory: Path | None,
    rules: tuple[Path, ...],
    start: str | None,
    traces: int,
    trace_time: float,
    limit: int,
    in_layer: bool,
    given: Path | None,
    reference: str | None,
    why: str | None,
    output: Path | None,
    form: str,
) -> int:
    """Find out what hosts are, with respect to an application: packages, libraries, environment, configuration, what uses it.

    Nothing is changed on the hosts; they need python3. Without HOST all of the inventory are looked at.
    `madeus cluster` puts machines with like fingerprints together.

    \b
    Examples:
      madeus fingerprint -a mariadb-server -i hosts.toml -o fleet.json
      madeus fingerprint db1 -a mariadb-server -i hosts.toml --start "mariadbd --user=mysql"
      madeus fingerprint --from fleet.json --why '/etc/mysql/**'
    """
    if given is not None:
        if hosts or application:
            raise InputError("--from takes a fleet file; hosts and --application belong to a new look")
        fleet = load_fleet(given)
    else:
        if output is not None:
            from madeus.executor.fingerprint.files import check_writable

            with telling():
                check_writable(output)
        fleet = _look(hosts, application, inventory, rules, start, traces, trace_time, limit, in_layer)
    if output is not None:
        from madeus.executor.fingerprint.files import write_fleet

        with telling():
            write_fleet(fleet, output)
    if why is not None:
        _tell_why(fleet, why)
    elif form == "json":
        from madeus.fleet.document import fleet_to

        print(json.dumps(fleet_to(fleet)))
    else:
        _show(fleet, choose_reference(fleet, reference) if reference else None)
    for host, reason in fleet.unreachable.items():
        print(f"not looked at: {reason if reason.startswith(host) else f'{host}: {reason}'}", file=sys.stderr)
    return 1 if fleet.unreachable and given is None else 0


def _look(
    hosts: tuple[str, ...],
    application: str | None,
    inventory: Path | None,
    rules: tuple[Path, ...],
    start: str | None,
    traces: int,
    trace_time: float,
    limit: int,
    in_layer: bool,
) -> Fleet:
    from madeus.executor.fingerprint import LAYERED_ROOT, Request, fingerprint_hosts, load_rules
    from madeus.executor.fingerprint.augeas import has_augtool
    from madeus.executor.inventory import Inventory, load_inventory

    if not application:
        raise InputError("say which package it is about with --application, such as --application mariadb-server")
    with telling():
        known = load_inventory(inventory) if inventory else Inventory()
        names = _names(known, hosts)
        root = LAYERED_ROOT if in_layer else None
        request = Request(application, load_rules(application, rules), start, traces, trace_time, root)
        if not has_augtool():
            print(
                "note: there is no augtool here, so configuration files are compared in chunks, not by their settings "
                "(Debian: apt-get install augeas-tools)",
                file=sys.stderr,
            )
        return fingerprint_hosts(known, names, request, limit)


def _names(inventory: Inventory, hosts: tuple[str, ...]) -> list[str]:
    """Names of hosts, each once: groups are their members, nothing is everybody. Raises InputError."""
    if not hosts:
        from madeus.executor.inventory import LOCAL

        everybody = [name for name in inventory.hosts if name != LOCAL]
        if not everybody:
            raise InputError("there are no hosts: name some, or pass an inventory with --inventory FILE")
        return everybody
    names = [name for host in hosts for name in (inventory.groups.get(host) or (host,))]
    return list(dict.fromkeys(names))


def _tell_why(fleet: Fleet, pattern: str) -> None:
    """Reasons for the paths that match; machines that say the same stand together. Raises InputError."""
    from madeus.fleet.granularity import glob

    compiled = glob(pattern)
    said: dict[str, dict[str, list[str]]] = {}
    for machine, reasons in fleet.reasons.items():
        for path, reason in reasons.items():
            if compiled.fullmatch(path):
                said.setdefault(path, {}).setdefault(reason, []).append(machine)
    if not said:
        raise InputError(
            f"--why {pattern}: no machine's packages, configuration directories, libraries or traces have such a file"
        )
    for path, answers in sorted(said.items()):
        print(path)
        for reason, machines in sorted(answers.items()):
            whose = "" if len(machines) == len(fleet.reasons) else f"  [{', '.join(sorted(machines))}]"
            print(f"  {reason}{whose}")


def _show(fleet: Fleet, reference: Fingerprint | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from madeus.cli.table import print_table

    table = Table(box=None, pad_edge=False, header_style="dim")
    headings = ["machine", "parsed", "content", "used by"]
    for heading in [*headings, *(["differs"] if reference else [])]:
        table.add_column(heading, justify="right" if heading in ("parsed", "content", "differs") else "left")
    for name, one in fleet.machines.items():
        words = [name, str(len(one.parsed)), str(len(one.content)), ", ".join(sorted(one.applications)) or "-"]
        if reference is not None:
            words.append(str(len(one.parsed ^ reference.parsed) + len(one.content ^ reference.content)))
        table.add_row(*words)
    print_table(Console(highlight=False, soft_wrap=True, markup=False), table)
