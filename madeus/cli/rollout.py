"""``madeus rollout``: the group; each of its commands is loaded when it is called."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "plan": ("madeus.cli.rollout_plan", "Show the stages of a rollout, and prove that it is safe."),
    "run": ("madeus.cli.rollout_run", "Roll a program out, stage after stage."),
    "status": ("madeus.cli.rollout_status", "Show how far a rollout is."),
    "resume": ("madeus.cli.rollout_run", "Go on with a rollout where it was."),
    "freeze": ("madeus.cli.rollout_status", "Begin no further machine."),
    "abort": ("madeus.cli.rollout_status", "Stop a rollout where it stands."),
    "simulate": ("madeus.cli.rollout_simulate", "Compare staging protocols on a simulated fleet."),
}
"""Name of a command -> module that holds it under that name, and its line in the list."""


class RolloutCommands(click.Group):
    """Commands that are imported when they are needed: a simulation must not pay for SSH."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in the order of a rollout's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.command(cls=RolloutCommands, name="rollout")
def rollout() -> None:
    """Bring a program to a fleet in stages: representatives of each cluster of machines first.

    \b
    Examples:
      madeus rollout simulate
      madeus rollout plan fleet.madeus weekly --inventory hosts.toml
      madeus rollout run fleet.madeus weekly --inventory hosts.toml
    """
