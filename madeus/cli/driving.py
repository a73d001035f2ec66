"""What the commands that drive runs have in common: how progress is shown, and how the end of a run is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from madeus.executor.api import Origin, RunOptions
    from madeus.executor.inventory import Inventory
    from madeus.executor.progress import Listener
    from madeus.executor.result import RunResult
    from madeus.semantics import System


Decorated = TypeVar("Decorated", bound=Callable[..., Any])

PATH = click.Path(dir_okay=False, path_type=Path)


def driving_options(command: Decorated) -> Decorated:
    """The options about how a run is driven and shown."""
    for option in (
        click.option(
            "--inventory",
            "-i",
            type=PATH,
            envvar="MADEUS_INVENTORY",
            metavar="TOML",
            help="Hosts, groups, variables, limits.",
        ),
        click.option("--dry-run", is_flag=True, help="Show what would run where and when; connect to nothing."),
        click.option(
            "--secrets", type=PATH, metavar="TOML", help="Values of secrets; readable by you alone (mode 0600)."
        ),
        click.option(
            "--limit", type=click.IntRange(1), metavar="N", help="Transitions that act at once, on all hosts together."
        ),
        click.option(
            "--format",
            "-f",
            "form",
            type=click.Choice(["text", "json"]),
            default="text",
            help="json: one event on a line.",
        ),
        click.option(
            "--progress",
            type=click.Choice(["auto", "live", "plain", "none"]),
            default="auto",
            help="auto: live in a terminal, plain lines elsewhere.",
        ),
    ):
        command = option(command)
    return command


divergence_option = click.option(
    "--on-divergence",
    type=click.Choice(["stop", "ignore"]),
    help="When a place that a step relies on does not hold, as its probe says. Default: stop; a resumed run as it began.",
)


def asks_probes(on_divergence: str | None) -> bool:
    """Whether a run that begins asks probes."""
    return on_divergence != "ignore"


def tell_divergence(result: RunResult, live: str, how: str) -> None:
    """Say what can be done about a run that a probe has stopped. live: the live assembly that it is on; empty: none."""
    if not result.divergence or how == "json":
        return
    if live:
        repair = result.command("repair", live, "--take-over")
        click.echo(f"  what has drifted: {result.command('drift', live)}; give the run up and bring it back: {repair}")
    click.echo(f"  go on all the same: {result.resume_command} --on-divergence ignore")


def progress_way(form: str, progress: str) -> str:
    """How to show progress: ``json``, ``live``, ``plain`` or ``none``."""
    if form == "json":
        return "json"
    if progress != "auto":
        return progress
    return "live" if sys.stderr.isatty() else "plain"


def heard(how: str, listener: Listener) -> tuple[Listener, ...]:
    """The listeners of a run that shows progress in that way."""
    return () if how == "none" else (listener,)


def end_run(result: RunResult, system: System, inventory: Inventory | None, how: str) -> int:
    """Tell how a run ended; the exit code."""
    from madeus.cli.outcome import print_outcome, result_json
    from madeus.executor.inventory import Inventory

    if how == "json":
        print(json.dumps(result_json(result)), flush=True)
        return result.exit_code
    from rich.console import Console

    hosts = inventory or Inventory()
    print_outcome(
        result,
        lambda component: hosts.resolve(system.instances[component].host).name,
        Console(highlight=False, soft_wrap=True),
    )
    return result.exit_code


def show_plan(system: System, origin: Origin, options: RunOptions, inventory: Inventory | None, form: str) -> int:
    """Show what a run would do; the exit code."""
    from madeus.cli.dry_run import print_plan
    from madeus.executor.action.registry import Registry
    from madeus.executor.inventory import Inventory
    from madeus.executor.plan import plan_run
    from madeus.executor.preflight import check_runnable

    hosts, registry = inventory or Inventory(), Registry.installed()
    # Values of secrets are not needed to show a plan.
    check_runnable(system, hosts, registry, origin.secrets, origin.secrets)
    base = (origin.file or Path()).parent.absolute()
    plan = plan_run(system, hosts, base=base, registry=registry, secrets=origin.secrets, limit=options.limit)
    print_plan(plan, system, form)
    return 0 if plan.deadlock is None else 1
