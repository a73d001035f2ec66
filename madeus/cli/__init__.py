"""The command line: one module per command, imported when the command is called."""

from __future__ import annotations

import sys

from madeus.cli.root import cli

__all__ = ["cli", "main"]


def main() -> None:
    """Entry point of the ``madeus`` script."""
    from madeus.cli.guard import guarded

    sys.exit(guarded(cli))
