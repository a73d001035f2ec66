"""Ctrl-C: the first one stops a run cleanly, the second one ends the process at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

SIGNALS = (signal.SIGINT, signal.SIGTERM)

IMMEDIATE = 130
"""Exit code of a process that a second signal has ended."""


class Stoppable(Protocol):
    """A run that can be asked to stop."""

    @property
    def run_id(self) -> str:
        """Name of the run."""

    def stop(self) -> None:
        """End what is running, then the run."""


@contextmanager
def stops_on_signals(run: Stoppable, resume: str = "madeus run --resume") -> Iterator[None]:
    """While in the block, SIGINT and SIGTERM stop the run; any second one ends the process with exit code 130, as it stands.

    The journal is as good after that as after ``kill -9``. resume: the command that goes on with it. Only in the main thread,
    inside its event loop.
    """
    loop = asyncio.get_running_loop()
    asked = False

    def on_signal() -> None:
        nonlocal asked
        if asked:
            # A live display has hidden the cursor, and nothing else will show it again.
            cursor = "\x1b[?25h\n" if sys.stderr.isatty() else ""
            sys.stderr.write(
                f"{cursor}ended at once; commands on hosts may go on; resume with: {resume} {run.run_id}\n"
            )
            sys.stderr.flush()
            os._exit(IMMEDIATE)
        asked = True
        run.stop()

    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
