"""What the executor raises, as sentences on the terminal and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click


class ExecutionError(click.ClickException):
    """An error of the executor."""

    def __init__(self, message: str, help: str, exit_code: int) -> None:
        super().__init__(message)
        self.help = help
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it for the class, reads it of the instance

    def show(self, file: object = None) -> None:
        """The message, and below it the way out."""
        click.echo(f"Error: {self.message}", err=True)
        if self.help:
            click.echo("\n".join(f"  {line}" for line in self.help.splitlines()), err=True)


@contextmanager
def telling() -> Iterator[None]:
    """Turn an `ExecutorError` into a message and its exit code; our own bugs are let through."""
    from madeus.executor.errors import ExecutorError, InternalError

    try:
        yield
    except InternalError:
        raise
    except ExecutorError as error:
        raise ExecutionError(error.message, error.help, error.exit_code) from error


def ask(question: str) -> None:
    """Go on when the answer is yes; the question goes to standard error.

    Raises:
        ExecutionError: the answer is no (exit code 1), or nobody is there to answer (2).
    """
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise ExecutionError("nobody answers", "--yes does it without a question", 2) from None
    if not agreed:
        raise ExecutionError("nothing was done", "", 1)


Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def state_option(command: Decorated) -> Decorated:
    """The option ``--state``."""
    return click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="MADEUS_STATE",
        metavar="DIR",
        help="Directory of the journal. Default: $XDG_STATE_HOME/madeus or ~/.local/state/madeus.",
    )(command)
