"""``madeus check --watch``: a round after each save, by looking at the files' sizes and times three times a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import click

PAUSE = 0.3
"""Seconds between two looks."""

Stamp = tuple[int, int, int] | None
"""Time of change, size and number of a file; None: it cannot be read."""


def stamp(file: str) -> Stamp:
    """What changes when a file is saved."""
    try:
        found = Path(file).stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def watch(one_round: Callable[[], Iterable[str]], files: Iterable[str], pause: float = PAUSE) -> None:
    """Call one_round now and whenever a file changes, until it is interrupted.

    one_round: returns the files it read besides those given. An error of the user's in a round is shown and waited out.
    """
    given = tuple(files)
    seen: dict[str, Stamp] = {}
    while True:
        if sys.stdout.isatty():
            click.clear()
        before = {file: stamp(file) for file in {*given, *seen}}
        try:
            read = (*given, *one_round())
        except click.ClickException as error:
            error.show()
            read = (*given, *seen)
        # A file that was saved while the round went on is noticed at once.
        seen = {file: before.get(file, stamp(file)) for file in read}
        try:
            click.echo(f"watching {len(seen)} file{'s' * (len(seen) != 1)}; Ctrl-C ends it", err=True)
            while all(stamp(file) == known for file, known in seen.items()):
                time.sleep(pause)
        except KeyboardInterrupt:
            click.echo("", err=True)
            return
