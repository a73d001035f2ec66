"""``madeus run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.driving import (
    asks_probes,
    divergence_option,
    end_run,
    heard,
    progress_way,
    show_plan,
    tell_divergence,
)
from madeus.cli.failing import state_option, telling
from madeus.cli.loading import InputError, choose_system, load, system_options

if TYPE_CHECKING:
    from madeus.executor.api import Origin, RunOptions
    from madeus.executor.reconcile import Decisions
    from madeus.semantics import System

PATH = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="Exit codes: 0 done, 1 an action failed or nothing could move, 2 bad input (nothing was started), 70 internal "
    "error, 130 interrupted."
)
@click.argument("file", required=False, type=click.Path())
@system_options
@click.option(
    "--inventory", "-i", type=PATH, envvar="MADEUS_INVENTORY", metavar="TOML", help="Hosts, groups, variables, limits."
)
@click.option("--resume", metavar="RUN", help="Go on with a run; `last` is the latest.")
@click.option(
    "--retry", multiple=True, metavar="C.T", help="With --resume: run an undecided transition's action again."
)
@click.option(
    "--assume-done", multiple=True, metavar="C.T", help="With --resume: take an undecided transition's action for done."
)
@click.option("--dry-run", is_flag=True, help="Show what would run where and when; connect to nothing.")
@click.option("--secrets", type=PATH, metavar="TOML", help="Values of secrets; readable by you alone (mode 0600).")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Transitions that act at once, on all hosts together."
)
@click.option(
    "--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="json: one event on a line."
)
@click.option(
    "--progress",
    type=click.Choice(["auto", "live", "plain", "none"]),
    default="auto",
    help="auto: live in a terminal, plain lines elsewhere.",
)
@divergence_option
@click.option("--anyway", is_flag=True, help="Run although an assembly of that name lives (`madeus deploy`).")
@click.option(
    "--on-failure",
    type=click.Choice(["stop", "rollback"]),
    default="stop",
    help="rollback: when the run fails, the layers of its machines become what they were before it.",
)
@click.option("--take-over", is_flag=True, help="Take the assembly from a controller that still holds it.")
@state_option
def run(
    file: str | None,
    assembly: str | None,
    programs: tuple[str, ...],
    settings: tuple[str, ...],
    inventory: Path | None,
    resume: str | None,
    retry: tuple[str, ...],
    assume_done: tuple[str, ...],
    dry_run: bool,
    secrets: Path | None,
    limit: int | None,
    form: str,
    progress: str,
    on_divergence: str | None,
    anyway: bool,
    on_failure: str,
    take_over: bool,
    state: Path | None,
) -> None:
    """Deploy an assembly on real hosts, run programs on it, or go on with a run that was interrupted.

    Every step goes to a journal before and after its action, so that a run can be resumed after anything: a failed action,
    Ctrl-C, kill -9 of this command. Ctrl-C ends the running commands on their hosts; a second one leaves at once.

    What it leaves behind is not remembered: `madeus deploy` does the same and keeps it. So a run is refused while an
    assembly of that name lives.

    Values of secrets come from MADEUS_SECRET_NAME in the environment or from the file of --secrets.

    \b
    Examples:
      madeus run lamp.madeus --inventory hosts.toml
      madeus run lamp.madeus --inventory hosts.toml --dry-run
      madeus run site.madeus --program install --program upgrade --set n=3
      madeus run --resume last
      madeus run --resume last --retry db.start
      madeus run lamp.madeus --format json | jq 'select(.event == "step_taken")'
    """
    from madeus.executor.api import RunOptions
    from madeus.executor.inventory import load_inventory
    from madeus.executor.live.errors import LivesAlready
    from madeus.executor.live.read import lives, read_one
    from madeus.executor.reconcile import Decisions

    if (retry or assume_done) and not resume:
        raise InputError("--retry and --assume-done go with --resume RUN")
    with telling():
        hosts = load_inventory(inventory) if inventory else None
        options = RunOptions(
            inventory=hosts,
            state=state,
            secrets_file=secrets,
            limit=limit,
            take_over=take_over,
            handle_signals=True,
            rollback=on_failure == "rollback",
            probes=None if resume and on_divergence is None else asks_probes(on_divergence),
        )
        how = progress_way(form, progress)
        if resume:
            if file or assembly or programs or settings or dry_run:
                raise InputError(
                    "--resume takes the run as it was recorded: give no FILE and nothing that chooses in one"
                )
            decisions = Decisions(frozenset(retry), frozenset(assume_done))
            sys.exit(_resumed(resume, options, decisions, how))
        if not file:
            raise InputError("which file? `madeus run FILE`, or `madeus run --resume RUN`")
        system, origin = _loaded(file, assembly, programs, settings)
        if dry_run:
            sys.exit(show_plan(system, origin, options, hosts, form))
        if not anyway and lives(system.assembly.name, state):
            live = read_one(system.assembly.name, state)
            raise LivesAlready(live.name, live.latest.file, live.row.created)
        sys.exit(_started(system, origin, options, how))


def _loaded(
    file: str, assembly: str | None, programs: tuple[str, ...], settings: tuple[str, ...]
) -> tuple[System, Origin]:
    from madeus.api import run_origin

    loaded, model = load(file, settings)
    return choose_system(model, assembly, programs, None), run_origin(loaded)


def _started(system: System, origin: Origin, options: RunOptions, how: str) -> int:
    from dataclasses import replace

    from madeus.cli.progress import showing
    from madeus.executor.api import run_assembly

    with showing(system, how) as listener:
        result = run_assembly(system.assembly, system.stages, origin, replace(options, listeners=heard(how, listener)))
    code = end_run(result, system, options.inventory, how)
    tell_divergence(result, "", how)
    return code


def _resumed(run_name: str, options: RunOptions, decisions: Decisions, how: str) -> int:
    from dataclasses import replace

    from madeus.cli.board import Board
    from madeus.cli.progress import Live, showing
    from madeus.executor.api import resume_run
    from madeus.executor.journal.read import read_run

    record = read_run(run_name, options.state)
    with showing(record.system, how) as listener:
        if isinstance(listener, Live):
            listener.resumed(Board(record.system).take_all((e.step, e.time) for e in record.trace.events))
        listeners = heard(how, listener)
        result = resume_run(record.head.id, replace(options, listeners=listeners), decisions)
    code = end_run(result, record.system, options.inventory or record.inventory, how)
    tell_divergence(result, "", how)
    return code
