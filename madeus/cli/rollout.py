"""``madeus rollout``: the group; each of its commands is loaded when it is called."""

from __future__ import annotations

import click

from madeus.cli.lazy import LazyGroup, Table

COMMANDS: Table = {
    "plan": ("madeus.cli.rollout_plan", "Show the stages of a rollout, and prove that it is safe."),
    "run": ("madeus.cli.rollout_run", "Roll a program out, stage after stage."),
    "status": ("madeus.cli.rollout_status", "Show how far a rollout is."),
    "resume": ("madeus.cli.rollout_run", "Go on with a rollout where it was."),
    "freeze": ("madeus.cli.rollout_status", "Begin no further machine."),
    "abort": ("madeus.cli.rollout_status", "Stop a rollout where it stands."),
    "simulate": ("madeus.cli.rollout_simulate", "Compare staging protocols on a simulated fleet."),
}


@click.command(cls=LazyGroup, table=COMMANDS, name="rollout")
def rollout() -> None:
    """Bring a program to a fleet in stages: representatives of each cluster of machines first.

    \b
    Examples:
      madeus rollout simulate
      madeus rollout plan fleet.madeus weekly --inventory hosts.toml
      madeus rollout run fleet.madeus weekly --inventory hosts.toml
    """
