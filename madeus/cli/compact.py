"""``madeus compact``."""

from __future__ import annotations

from pathlib import Path

import click

from madeus.cli.layering import layer_options, tell, with_layers


@click.command(epilog="Exit codes: 0 done, 1 a host failed or is busy, 2 refused (nothing was done), 130 interrupted.")
@click.argument("host")
@layer_options
def compact(host: str, inventory: Path | None, wait: float, form: str, state: Path | None) -> None:
    """Make one layer out of all that a machine has changed. Its files stay the same, and so do its states.

    \b
    Examples:
      madeus compact web1
    """
    tell(with_layers(lambda layers: layers.compact(host), state, inventory, wait), form, host)
