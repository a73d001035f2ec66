"""``madeus rollout run`` and ``resume``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.api import run_origin
from madeus.cli.amounts import Duration
from madeus.cli.failing import state_option, telling
from madeus.cli.loading import InputError, parse_settings
from madeus.cli.rollout_choice import PATH, Chosen, choose, fleet_options
from madeus.cli.rollout_plan import code_of, prove, show_claims, show_stages
from madeus.cli.rollout_status import as_json, show_record

if TYPE_CHECKING:
    from madeus.executor.api import RunOptions
    from madeus.executor.inventory import Inventory
    from madeus.executor.journal.store import Journal
    from madeus.executor.live.state import LiveState
    from madeus.executor.rollout.order import Order, RolloutResult
    from madeus.executor.rollout.records import RolloutRecord
    from madeus.executor.rollout.store import Store
    from madeus.fleet.stages import Stages

PROBES = 50
"""Machines that are looked for at once."""

_CODES = (
    "Exit codes: 0 every machine is upgraded, 1 not every one is, or a claim is violated (nothing was started), 2 bad input, 3 "
    "inconclusive (nothing was started), 70 internal error, 130 interrupted."
)

_form_option = click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json: one value at the end, as of `madeus rollout status`; progress goes to standard error.",
)


@click.command(epilog=_CODES)
@click.argument("file", type=click.Path())
@click.argument("name", metavar="[ROLLOUT]", required=False)
@fleet_options
@click.option("--secrets", type=PATH, metavar="TOML", help="Values of secrets; readable by you alone (mode 0600).")
@click.option("--budget", type=Duration(), default="60s", show_default=True, metavar="TIME", help="For the proofs.")
@click.option("--force", is_flag=True, help="Run what is violated or inconclusive too.")
@_form_option
@state_option
def run(
    file: str,
    name: str | None,
    settings: tuple[str, ...],
    inventory: Path | None,
    clusters: Path | None,
    cluster_by: str | None,
    secrets: Path | None,
    budget: float | None,
    force: bool,
    form: str,
    state: Path | None,
) -> None:
    """Roll a program out over the machines of a live assembly, stage after stage.

    What is proved first is what `madeus rollout plan` shows. Each machine is a run of its own; one that fails is taken back to
    its old version and reported, and what the rollout says stops it: a stage that does not pass, a failure budget. Ctrl-C stops
    it where it is; `madeus rollout resume` goes on from there, also after kill -9.

    \b
    Examples:
      madeus rollout run shop.madeus --inventory hosts.toml
      madeus rollout run shop.madeus release2 --clusters clusters.json
    """
    from madeus.executor.journal.store import Journal
    from madeus.executor.rollout.store import begin, check_free, make_tables

    with telling(), _aside(form) as show:
        chosen = choose(file, name, settings, inventory, clusters, cluster_by, (), state, budget)
        hosts = _deployed(chosen)
        journal = Journal.open(state, create=False)
        try:
            make_tables(journal)
            options = _options(state, secrets)
            check_free(journal, chosen.prepared.program.assembly)
            online = asyncio.run(_online(hosts, chosen.prepared.stages.machines, options))
            if len(online) < len(chosen.prepared.stages.machines):
                chosen = choose(file, name, settings, inventory, clusters, cluster_by, (), state, budget, online)
            show_stages(chosen)
            _prove(chosen, budget, force)
            store = begin(
                journal,
                name=chosen.rollout.name,
                assembly=chosen.prepared.program.assembly,
                file=str(Path(file).absolute()),
                digest=_digest(chosen, settings),
                stages=chosen.prepared.stages,
                now=options.wall(),
                settings=settings,
            )
            click.echo(f"rollout {store.id}")
            sys.exit(_drive(store, _order(chosen, settings, False), hosts, replace(options, inventory=None), show))
        finally:
            journal.close()


@click.command(epilog=_CODES)
@click.argument("name", metavar="[ROLLOUT]", default="last")
@click.option("--file", type=click.Path(), help="File with the upgrade, fixed or not; else the one it began with.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Another value of an assembly's parameter than before.",
)
@click.option("--inventory", "-i", type=PATH, metavar="TOML", help="Hosts, in place of those of the live assembly.")
@click.option("--secrets", type=PATH, metavar="TOML", help="Values of secrets; readable by you alone (mode 0600).")
@click.option("--retry", is_flag=True, help="Try failed machines again although the upgrade is the same.")
@click.option("--budget", type=Duration(), default="60s", show_default=True, metavar="TIME", help="For the proofs.")
@click.option("--force", is_flag=True, help="Go on with what is violated or inconclusive too.")
@_form_option
@state_option
def resume(
    name: str,
    file: str | None,
    settings: tuple[str, ...],
    inventory: Path | None,
    secrets: Path | None,
    retry: bool,
    budget: float | None,
    force: bool,
    form: str,
    state: Path | None,
) -> None:
    """Go on with a rollout exactly where it was: after Ctrl-C, kill -9, a freeze, an abort, or a failure.

    ROLLOUT: its identifier, the end of it, or its name; the latest unless given. With a fixed upgrade (its text, a file that it
    sends, or a value of --set has changed) the machines that failed get it first, then the stages go on.

    \b
    Examples:
      madeus rollout resume
      madeus rollout resume release2 --file fixed.madeus
      madeus rollout resume --retry
    """
    from madeus.executor.journal.store import Journal
    from madeus.executor.rollout.errors import NotResumableRollout
    from madeus.executor.rollout.records import RolloutState
    from madeus.executor.rollout.store import make_tables, read_rollout, reopen, settings_of

    with telling(), _aside(form) as show:
        journal = Journal.open(state, create=False)
        try:
            make_tables(journal)
            record = read_rollout(journal, name)
            if record.row.state is RolloutState.DONE:
                raise NotResumableRollout(record.row.id, "every machine is upgraded")
            text = file or record.row.file
            left = _left(record)
            given = _settings(settings_of(journal, record.row.id), settings)
            before = _before(journal, record)
            words = (text, record.row.name, given, inventory, None, None, (), state, budget, None, left)
            chosen = choose(*words, before)
            if any(not chosen.prepared.goes_back(machine) for machine in before):
                before = {m: earlier for m, earlier in before.items() if chosen.prepared.goes_back(m)}
                chosen = choose(*words, before)
            hosts = _deployed(chosen)
            digest = _digest(chosen, given)
            if digest != record.row.digest:
                click.echo("the upgrade has changed:")
                _prove(chosen, budget, force)
            options = _options(state, secrets)
            store = reopen(journal, record.row.id, digest, str(Path(text).absolute()), options.wall(), given)
            sys.exit(_drive(store, _order(chosen, given, retry), hosts, options, show))
        finally:
            journal.close()


def _before(journal: Journal, record: RolloutRecord) -> dict[str, LiveState]:
    """Machines in the middle of their upgrade, and where they stood before: another upgrade begins from there."""
    from madeus.executor.rollout.before import read_before
    from madeus.executor.rollout.records import MachineState

    on = (MachineState.UPGRADING, MachineState.UNREACHABLE, MachineState.UNDOING)
    found = {m: read_before(journal, record.row.id, m) for m, row in record.machines.items() if row.state in on}
    return {machine: before.state for machine, before in found.items() if before is not None}


def _deployed(chosen: Chosen) -> Inventory:
    from importlib.util import find_spec

    from madeus.executor.rollout.errors import MissingScipy
    from madeus.fleet.settings import MetricTest

    if any(isinstance(t, MetricTest) for t in chosen.prepared.settings.tests) and find_spec("scipy") is None:
        raise MissingScipy
    if chosen.live is None or chosen.inventory is None:
        assembly = chosen.prepared.program.assembly
        raise InputError(f"{assembly} is not deployed: `madeus deploy` makes a live assembly that a rollout can change")
    return chosen.inventory


def _options(state: Path | None, secrets: Path | None) -> RunOptions:
    from madeus.executor.api import RunOptions

    return RunOptions(state=state, secrets_file=secrets)


def _prove(chosen: Chosen, budget: float | None, force: bool) -> None:
    claims = prove(chosen, budget)
    show_claims(claims)
    code = code_of(claims)
    if code and not force:
        what = "violated" if code == 1 else "inconclusive"
        click.echo(f"{what}: nothing was started; --force runs it all the same", err=True)
        sys.exit(code)


def _settings(before: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    """The values that a rollout goes on with: those that it has had, and others in place of some."""
    named = parse_settings(given)
    return (*(s for s in before if s.partition("=")[0].strip() not in named), *given)


def _digest(chosen: Chosen, settings: Sequence[str]) -> str:
    from madeus.executor.rollout.identity import upgrade_digest

    origin = run_origin(chosen.loaded)
    base = origin.base or (origin.file.parent if origin.file else Path())
    assembly = chosen.model.assemblies[chosen.prepared.program.assembly]
    return upgrade_digest(chosen.loaded.files.values(), parse_settings(settings), assembly.types, base.absolute())


def _order(chosen: Chosen, settings: Sequence[str], retry: bool) -> Order:
    from madeus.executor.rollout.order import Order

    prepared, model = chosen.prepared, chosen.model
    return Order(
        model.assemblies[prepared.program.assembly],
        model.programs,
        run_origin(chosen.loaded),
        prepared.sliced,
        prepared.settings,
        prepared.undo,
        retry,
        prepared.layered,
        prepared.in_layers,
        _digest(chosen, settings),
    )


def _left(record: RolloutRecord) -> Stages:
    """The stages without the machines that have passed."""
    from madeus.executor.rollout.records import MachineState

    open_ = {m for m, row in record.machines.items() if row.state is not MachineState.PASSED}
    stages = record.row.stages
    kept = tuple(replace(s, machines=tuple(m for m in s.machines if m in open_)) for s in stages.stages)
    return replace(stages, stages=tuple(s for s in kept if s.machines))


async def _online(hosts: Inventory, machines: tuple[str, ...], options: RunOptions) -> set[str]:
    """Machines that can be reached."""
    from madeus.executor.rollout.gate import reachable

    room = asyncio.Semaphore(PROBES)
    async with options.transports("rollout-probe") as transports:

        async def one(machine: str) -> str:
            async with room:
                return await reachable(hosts.hosts[machine], transports)

        whys = await asyncio.gather(*(one(m) for m in machines))
    for machine, why in zip(machines, whys, strict=True):
        if why:
            click.echo(f"{machine} cannot be reached: {why}", err=True)
    return {m for m, why in zip(machines, whys, strict=True) if not why}


@contextmanager
def _aside(form: str) -> Iterator[Callable[[RolloutRecord], None]]:
    """Where the end of a rollout is shown: with ``json`` alone on standard output, all else goes to standard error."""
    if form == "text":
        yield show_record
        return
    end: list[RolloutRecord] = []
    try:
        with redirect_stdout(sys.stderr):
            yield end.append
    finally:
        for record in end:
            click.echo(json.dumps(as_json(record), indent=1))


def _drive(
    store: Store, order: Order, hosts: Inventory, options: RunOptions, show: Callable[[RolloutRecord], None]
) -> int:
    from madeus.executor.interrupt import stops_on_signals
    from madeus.executor.rollout.control import Controller

    async def work() -> RolloutResult:
        controller = Controller(store, order, hosts, options, click.echo)
        with stops_on_signals(controller, "madeus rollout resume"):
            return await controller.run()

    result = asyncio.run(work())
    show(result.record)
    return result.exit_code
