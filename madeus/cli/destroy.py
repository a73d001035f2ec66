"""``madeus destroy``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

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
from madeus.cli.failing import ask, state_option, telling
from madeus.cli.loading import InputError


@click.command(
    epilog="Exit codes: 0 forgotten, 1 a program did not come to its end, or a run or rollout is on, 2 no live assembly "
    "has that name, 130 interrupted."
)
@click.argument("assembly")
@click.option("--program", "-p", metavar="NAME", help="Program of its model to run first, that takes it off its hosts.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@driving_options
@divergence_option
@anyway_option
@state_option
def destroy(
    assembly: str,
    program: str | None,
    yes: bool,
    inventory: Path | None,
    dry_run: bool,
    secrets: Path | None,
    limit: int | None,
    form: str,
    progress: str,
    on_divergence: str | None,
    anyway: bool,
    state: Path | None,
) -> None:
    """Forget a live assembly, after running the program that takes it off its hosts, if one is named.

    Without a program nothing is done on the hosts. Refused while a run is on. Its runs stay in the journal.

    \b
    Examples:
      madeus destroy lamp --program teardown
      madeus destroy lamp --yes
    """
    from dataclasses import replace

    from madeus.cli.progress import showing
    from madeus.executor.api import RunOptions
    from madeus.executor.inventory import load_inventory
    from madeus.executor.journal.store import Journal
    from madeus.executor.live.change import forget, look_stored, reconfigure
    from madeus.executor.live.errors import ComponentsHeld
    from madeus.executor.live.read import read_one

    with telling():
        live = read_one(assembly, state)
        if not anyway:
            refuse_beside_rollout(assembly, state)
        for change in live.unfinished:
            if change.holder is not None:
                raise ComponentsHeld(assembly, change.row.writes, change.row.run, change.status, change.holder)
        if program is not None and program not in live.programs:
            raise InputError(
                f"the model of {assembly} has no program {program}; there is {', '.join(live.programs) or 'none'}"
            )
        if not yes and not dry_run:
            first = f"run {program} on" if program else "take nothing off the hosts of"
            count = len(live.state.instances)
            ask(f"{first} {assembly} ({count} components), and forget it?")
        journal = Journal.open(state, create=False)
        try:
            if program is not None:
                intent = look_stored(journal, live, program, yes)
                hosts = load_inventory(inventory) if inventory else None
                options = RunOptions(
                    inventory=hosts,
                    secrets_file=secrets,
                    limit=limit,
                    handle_signals=True,
                    journal=journal,
                    probes=asks_probes(on_divergence),
                )
                known = hosts or live.inventory
                if dry_run:
                    sys.exit(show_plan(intent.system, intent.origin, options, known, form))
                how = progress_way(form, progress)
                with showing(intent.system, how) as listener:
                    result = reconfigure(intent, replace(options, listeners=heard(how, listener)))
                code = end_run(result, intent.system, known, how)
                tell_divergence(result, assembly, how)
                if code:
                    sys.exit(code)
            if dry_run:
                click.echo(f"{assembly} would be forgotten")
                return
            forget(journal, assembly, time.time())
        finally:
            journal.close()
    click.echo(f"{assembly} is forgotten", err=form == "json")
