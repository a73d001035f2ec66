"""``madeus rollback``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.layering import layer_options, tell, tell_all, with_layers

if TYPE_CHECKING:
    from madeus.executor.layers.api import Done, Layers


@click.command(epilog="Exit codes: 0 done, 1 a host failed or is busy, 2 refused (nothing was done), 130 interrupted.")
@click.argument("target", metavar="HOST|RUN")
@click.argument("number", required=False, type=int, metavar="[STATE]")
@layer_options
def rollback(
    target: str, number: int | None, inventory: Path | None, wait: float, form: str, state: Path | None
) -> None:
    """Return a machine to a state, or all machines of a run to what they were before it.

    Without STATE: the latest one, which is what the machine was before the last operation. What it is now is recorded
    first, so a rollback can be rolled back. Directories that the role declares persistent stay as they are.

    \b
    Examples:
      madeus rollback web1
      madeus rollback web1 3
      madeus rollback lamp-20261121-103000-a1b2
    """

    from madeus.executor.journal.errors import UnknownRun
    from madeus.executor.layers.errors import OperationRefused
    from madeus.layers.errors import Unknown

    async def act(layers: Layers) -> list[Done] | None:
        if target in layers.catalog.machines or number is not None:
            tell(await layers.rollback(target, number), form, target)
            return None
        try:
            return await layers.rollback_run(target)
        except UnknownRun as error:
            if error.matches:
                raise
            lists = "`madeus host list` and `madeus runs` list them"
            raise OperationRefused(Unknown("machine or run", target, layers.catalog.machines, lists)) from error

    done = with_layers(act, state, inventory, wait)
    if done is not None:
        sys.exit(tell_all(done, form))
