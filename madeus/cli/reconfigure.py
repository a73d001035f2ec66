"""``madeus reconfigure``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.amounts import Duration
from madeus.cli.beside import anyway_option, refuse_beside_rollout
from madeus.cli.driving import (
    asks_probes,
    divergence_option,
    driving_options,
    end_run,
    heard,
    progress_way,
    show_plan,
    tell_divergence,
)
from madeus.cli.failing import state_option, telling
from madeus.cli.loading import InputError, choose_system, load

if TYPE_CHECKING:
    from madeus.executor.live.change import Intent

TRIES = 5
"""How often programs are looked at and proved when runs of others begin or end meanwhile."""


@click.command(
    epilog="Exit codes: 0 done, 1 violated, a run or rollout is on (nothing was started), or an action failed, 2 bad input, or "
    "the model does not fit what lives, 3 inconclusive (nothing was started), 70 internal error, 130 interrupted."
)
@click.argument("file", type=click.Path())
@click.argument("programs", metavar="PROGRAM...", nargs=-1, required=True)
@click.option("--assembly", "-a", metavar="NAME", help="Live assembly; needed when the programs do not say which.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Value of an assembly's parameter.")
@driving_options
@click.option("--force", is_flag=True, help="Run what is violated or inconclusive too.")
@click.option(
    "--budget", type=Duration(), metavar="TIME", default="60s", show_default=True, help="For each question; or none."
)
@divergence_option
@click.option(
    "--take-over",
    is_flag=True,
    help="Give up unfinished runs that stand in the way; what they were in the middle of goes back to where it began.",
)
@anyway_option
@state_option
def reconfigure(
    file: str,
    programs: tuple[str, ...],
    assembly: str | None,
    settings: tuple[str, ...],
    inventory: Path | None,
    dry_run: bool,
    secrets: Path | None,
    limit: int | None,
    form: str,
    progress: str,
    force: bool,
    budget: float | None,
    on_divergence: str | None,
    take_over: bool,
    anyway: bool,
    state: Path | None,
) -> None:
    """Run programs on a live assembly, from where it stands: one after another, NAME+NAME side by side.

    What has changed in the file since it was deployed is shown first. Then the programs are checked from the current
    configuration: that they end, without a deadlock, and keep what the verify blocks about them say. What is not proved runs
    only with --force. The run is journaled and resumable (`madeus run --resume`); two that touch different components may go
    on at once.

    \b
    Examples:
      madeus reconfigure site.madeus upgrade
      madeus reconfigure site.madeus upgrade --dry-run
      madeus reconfigure site.madeus grow+patch rebalance --inventory hosts.toml
      madeus run --resume last
    """
    from madeus.api import run_origin
    from madeus.cli.checking import errors_only, terminal
    from madeus.cli.proving import prove
    from madeus.executor.journal.store import Journal
    from madeus.executor.live.change import look
    from madeus.executor.live.errors import ChangedMeanwhile

    with telling():
        loaded, model = load(file, settings)
        system, origin = choose_system(model, assembly, programs, None), run_origin(loaded)
        _must_exist(state, system.assembly.name)
        if not anyway:
            refuse_beside_rollout(system.assembly.name, state)
        for tries_left in reversed(range(TRIES)):
            journal = Journal.open(state, create=False)
            try:
                intent = look(
                    journal, system.assembly.name, system.assembly, system.stages, model.programs, origin, take_over
                )
            finally:
                journal.close()
            if intent.unknown:
                raise InputError(intent.unknown[0])
            _show_difference(intent, form)
            code = prove(
                model,
                intent.system,
                loaded.source_map.get,
                loaded.files,
                terminal if form == "text" else errors_only,
                budget,
            )
            if code and not force:
                way = "nothing was started; --force runs it all the same"
                click.echo(f"{'violated' if code == 1 else 'inconclusive'}: {way}", err=True)
                sys.exit(code)
            probes = asks_probes(on_divergence)
            try:
                sys.exit(_begin(intent, inventory, dry_run, secrets, limit, form, progress, state, take_over, probes))
            except ChangedMeanwhile as error:
                if not tries_left:
                    raise
                click.echo(f"{error.message}: looked at again", err=True)


def _begin(
    intent: Intent,
    inventory: Path | None,
    dry_run: bool,
    secrets: Path | None,
    limit: int | None,
    form: str,
    progress: str,
    state: Path | None,
    take_over: bool,
    probes: bool,
) -> int:
    from dataclasses import replace

    from madeus.cli.progress import showing
    from madeus.executor.api import RunOptions
    from madeus.executor.inventory import load_inventory
    from madeus.executor.journal.events import RunState
    from madeus.executor.live.change import reconfigure as begin

    hosts = load_inventory(inventory) if inventory else None
    options = RunOptions(
        inventory=hosts,
        state=state,
        secrets_file=secrets,
        limit=limit,
        handle_signals=True,
        take_over=take_over,
        probes=probes,
    )
    known = hosts or intent.live.inventory
    if dry_run:
        return show_plan(intent.system, intent.origin, options, known, form)
    how = progress_way(form, progress)
    with showing(intent.system, how) as listener:
        result = begin(intent, replace(options, listeners=heard(how, listener)))
    code = end_run(result, intent.system, known, how)
    if result.state is RunState.STUCK and how != "json":
        click.echo("  what waits keeps its components: give it up with the next program's --take-over")
    tell_divergence(result, intent.live.name, how)
    return code


def _must_exist(state: Path | None, name: str) -> None:
    """The error for a name that does not live, before the journal is opened."""
    from madeus.executor.live.read import read_one

    read_one(name, state)


def _show_difference(intent: Intent, form: str) -> None:
    changes = intent.difference.changes
    if changes:
        click.echo(f"the model has changed since version {intent.live.row.version}:", err=form != "text")
        for line in changes:
            click.echo(f"  {line}", err=form != "text")
