"""``madeus deploy``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

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
from madeus.cli.loading import choose_system, load, system_options


@click.command(
    epilog="Exit codes: 0 deployed, 1 an action failed or nothing could move, 2 bad input, or it is deployed already, 70 "
    "internal error, 130 interrupted."
)
@click.argument("file", type=click.Path())
@system_options
@driving_options
@divergence_option
@state_option
def deploy(
    file: str,
    assembly: str | None,
    programs: tuple[str, ...],
    settings: tuple[str, ...],
    inventory: Path | None,
    dry_run: bool,
    secrets: Path | None,
    limit: int | None,
    form: str,
    progress: str,
    on_divergence: str | None,
    state: Path | None,
) -> None:
    """Deploy an assembly that lives on: what was deployed stays known, and `madeus reconfigure` changes it.

    It runs as `madeus run` does, journaled and resumable.

    \b
    Examples:
      madeus deploy lamp.madeus --inventory hosts.toml
      madeus deploy site.madeus --program install --set n=3
      madeus ps
    """
    from dataclasses import replace

    from madeus.api import run_origin
    from madeus.cli.progress import showing
    from madeus.executor.api import RunOptions
    from madeus.executor.inventory import load_inventory
    from madeus.executor.journal.store import FILE, Journal, state_directory
    from madeus.executor.live.change import deploy as begin
    from madeus.executor.live.change import refuse_second

    with telling():
        hosts = load_inventory(inventory) if inventory else None
        options = RunOptions(
            inventory=hosts,
            state=state,
            secrets_file=secrets,
            limit=limit,
            handle_signals=True,
            probes=asks_probes(on_divergence),
        )
        loaded, model = load(file, settings)
        system, origin = choose_system(model, assembly, programs, None), run_origin(loaded)
        if (state_directory(state) / FILE).exists():
            journal = Journal.open(state, create=False)
            try:
                refuse_second(journal, system.assembly.name)
            finally:
                journal.close()
        if dry_run:
            sys.exit(show_plan(system, origin, options, hosts, form))
        how = progress_way(form, progress)
        with showing(system, how) as listener:
            options = replace(options, listeners=heard(how, listener))
            result = begin(system.assembly, system.stages, model.programs, origin, options)
        code = end_run(result, system, hosts, how)
        tell_divergence(result, system.assembly.name, how)
        sys.exit(code)
