"""``madeus roles``."""

from __future__ import annotations

from pathlib import Path

import click

from madeus.cli.failing import state_option
from madeus.cli.layering import format_option
from madeus.cli.role import show_roles


@click.command(epilog="Exit codes: 0 shown, 1 the state store cannot be read.")
@format_option
@state_option
def roles(form: str, state: Path | None) -> None:
    """List the roles with their versions, and the machines that have them.

    \b
    Examples:
      madeus roles
      madeus roles --format json
    """
    show_roles(form, state)
