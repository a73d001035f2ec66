"""The command line: one module per command, imported when the command is called."""

from __future__ import annotations

import gc
import sys

from madeus.cli.root import cli

__all__ = ["cli", "main"]


def main() -> None:
    """Entry point of the ``madeus`` script."""
    from madeus.cli.guard import guarded

    code = guarded(cli)
    # The interpreter would look through all that is left for cycles, twice, before it gives the memory back in one go.
    gc.freeze()
    sys.exit(code)
