"""``madeus role``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.failing import state_option, telling
from madeus.cli.layering import format_option, layer_options, table, tell, tell_all, with_layers

if TYPE_CHECKING:
    from madeus.executor.layers.store import Seen
    from madeus.layers import Catalog

DONE = "Exit codes: 0 done, 1 a host failed or is busy, 2 refused (nothing was done), 130 interrupted."


@click.group()
def role() -> None:
    """Give machines roles: stacks of layers that can be taken back in a moment.

    A role has versions, one after another. A machine that has none yet is `spare`.

    \b
    Examples:
      madeus role define site.madeus
      madeus role assign webserver web1 web2 --inventory hosts.toml
      madeus role upgrade web1
      madeus rollback web1
    """


@role.command("list", epilog="Exit codes: 0 shown, 1 the state store cannot be read.")
@format_option
@state_option
def list_roles(form: str, state: Path | None) -> None:
    """List the roles with their versions, and the machines that have them.

    \b
    Examples:
      madeus role list
      madeus role list --format json
    """
    show_roles(form, state)


def show_roles(form: str, state: Path | None) -> None:
    """Print the roles of a state store."""
    catalog = read_catalog(state)
    if form == "json":
        for found in catalog.roles.values():
            line = {"role": found.name, "base": found.base, "persistent": found.persistent, "services": found.services}
            machines = {m.name: m.version for m in catalog.machines.values() if m.role == found.name}
            versions = [{"version": v.name, "layer": v.layer, "made": catalog.is_made(v.layer)} for v in found.versions]
            print(json.dumps({**line, "versions": versions, "machines": machines}))
        return
    rows = []
    for found in catalog.roles.values():
        without = [m.name for m in catalog.machines.values() if m.role == found.name and not m.version]
        rows.append((found.name, "", f"base {found.base}", ", ".join(sorted(without))))
        for version in found.versions:
            have = [m.name for m in catalog.machines.values() if (m.role, m.version) == (found.name, version.name)]
            made = "" if catalog.is_made(version.layer) else "not made yet"
            rows.append(("", version.name, made, ", ".join(sorted(have))))
    table(("role", "version", "", "machines"), rows)


def read_catalog(state: Path | None) -> Catalog:
    """The catalog of a state store; an empty one where there is none yet."""
    from madeus.executor.journal.store import FILE, state_directory
    from madeus.executor.layers.store import LayerStore
    from madeus.layers import Catalog

    with telling():
        if not (state_directory(state) / FILE).exists():
            return Catalog()
        store = LayerStore.open(state, create=False)
        try:
            return store.catalog()
        finally:
            store.close()


def read_seen(state: Path | None) -> Mapping[str, Seen]:
    """How the machines of a state store were when they were asked last."""
    from madeus.executor.journal.store import FILE, state_directory
    from madeus.executor.layers.store import LayerStore

    with telling():
        if not (state_directory(state) / FILE).exists():
            return {}
        store = LayerStore.open(state, create=False)
        try:
            return {name: store.seen(name) for name in store.catalog().machines}
        finally:
            store.close()


@role.command(epilog=DONE)
@click.argument("file", type=click.Path())
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Value of a parameter, as n=5.")
@format_option
@state_option
def define(file: str, settings: tuple[str, ...], form: str, state: Path | None) -> None:
    """Make the roles of a file known. Versions are made when a machine first needs them.

    \b
    Examples:
      madeus role define site.madeus
    """
    from madeus.cli.loading import InputError, load

    _, model = load(file, settings)
    if not model.roles:
        raise InputError(f"{file} declares no role")
    for found in model.roles.values():
        performed = with_layers(lambda layers, found=found: layers.define(found, Path(file).parent), state)  # type: ignore[misc]
        tell(performed, form)


@role.command(epilog=DONE)
@click.argument("name", metavar="ROLE")
@click.argument("hosts", nargs=-1, required=True)
@click.option("--version", metavar="V", help="Default: the latest.")
@layer_options
def assign(
    name: str,
    hosts: tuple[str, ...],
    version: str | None,
    inventory: Path | None,
    wait: float,
    form: str,
    state: Path | None,
) -> None:
    """Give spare machines a role. Hosts of the inventory that are not known yet are added.

    \b
    Examples:
      madeus role assign webserver web1 web2 --inventory hosts.toml
      madeus role assign webserver web3 --version 2.0.54
    """
    done = with_layers(lambda layers: layers.assign(name, hosts, version), state, inventory, wait)
    sys.exit(tell_all(done, form))


@role.command(epilog=DONE)
@click.argument("name", metavar="ROLE")
@click.argument("hosts", nargs=-1, required=True)
@click.option("--version", metavar="V", help="Default: the latest.")
@layer_options
def reprovision(
    name: str,
    hosts: tuple[str, ...],
    version: str | None,
    inventory: Path | None,
    wait: float,
    form: str,
    state: Path | None,
) -> None:
    """Make machines anew, as of another role or of their own. What they have changed stays in their states only.

    \b
    Examples:
      madeus role reprovision database web3
    """
    done = with_layers(lambda layers: layers.reprovision(name, hosts, version), state, inventory, wait)
    sys.exit(tell_all(done, form))


@role.command(epilog=DONE)
@click.argument("hosts", nargs=-1, required=True)
@click.option("--to", "version", metavar="V", help="Default: the latest.")
@click.option("--keep", multiple=True, metavar="GLOB", help="Keep the machine's files there.")
@click.option("--take", multiple=True, metavar="GLOB", help="Take the new version's files there.")
@click.option("--merge", multiple=True, metavar="GLOB", help="Merge both there.")
@layer_options
def upgrade(
    hosts: tuple[str, ...],
    version: str | None,
    keep: tuple[str, ...],
    take: tuple[str, ...],
    merge: tuple[str, ...],
    inventory: Path | None,
    wait: float,
    form: str,
    state: Path | None,
) -> None:
    """Put a later version of its role below what a machine has changed.

    Files that the machine has changed would hide those of the new version. Where the role's policies do not say what to do with
    one, the upgrade is refused and lists it; --keep, --take and --merge decide. `**` in GLOB goes through directories.

    \b
    Examples:
      madeus role upgrade web1 web2
      madeus role upgrade web1 --to 3.1.1 --merge '/etc/**' --keep '/var/**'
    """
    from madeus.layers import Policy

    given = [Policy(g, how) for how, globs in (("keep", keep), ("take", take), ("merge", merge)) for g in globs]
    done = with_layers(lambda layers: layers.upgrade(hosts, version, given), state, inventory, wait)
    sys.exit(tell_all(done, form))


@role.command(epilog=DONE)
@click.argument("name", metavar="ROLE")
@click.argument("version")
@click.argument("host")
@layer_options
def package(
    name: str, version: str, host: str, inventory: Path | None, wait: float, form: str, state: Path | None
) -> None:
    """Make what a machine has become the next version of its role, or the first version of a new role when it is spare.

    \b
    Examples:
      madeus role package webserver 3.1.2 web1
    """
    tell(with_layers(lambda layers: layers.package(host, name, version), state, inventory, wait), form, host)


@role.command(epilog=DONE)
@click.argument("name", metavar="ROLE")
@click.argument("version")
@click.argument("host")
@layer_options
def make(
    name: str, version: str, host: str, inventory: Path | None, wait: float, form: str, state: Path | None
) -> None:
    """Make the layer of a version on a machine, as the role's definition says. The machine's own root is left alone.

    \b
    Examples:
      madeus role make webserver 3.1.1 build1
    """
    tell(with_layers(lambda layers: layers.make(name, version, host), state, inventory, wait), form, host)


@role.command(epilog=DONE)
@click.argument("name", metavar="ROLE")
@click.argument("version", required=False)
@layer_options
def delete(name: str, version: str | None, inventory: Path | None, wait: float, form: str, state: Path | None) -> None:
    """Delete the last version of a role, or the role. Refused while a machine or a state needs it.

    \b
    Examples:
      madeus role delete webserver 3.1.1
      madeus role delete webserver
    """
    tell(with_layers(lambda layers: layers.delete(name, version), state, inventory, wait), form)
