"""From a path on the command line to a system: loading, diagnostics, and the choice of assembly and programs.

Every command that takes a FILE goes through here, so that they agree on messages, options and exit codes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from madeus.diagnostics import Diagnostic
    from madeus.dsl import Loaded
    from madeus.model import Assembly, Model
    from madeus.semantics import System

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

BAD_INPUT = 2


class InputError(click.ClickException):
    """A mistake in what the user gave: a message on standard error and exit code 2."""

    exit_code = BAD_INPUT


def system_options(command: Decorated) -> Decorated:
    """The options that choose what to look at: ``--assembly``, ``--program`` and ``--set``."""
    for option in (
        click.option("--assembly", "-a", metavar="NAME", help="Assembly to take; needed when the file has several."),
        click.option(
            "--program",
            "-p",
            "programs",
            multiple=True,
            metavar="NAMES",
            help="Program to run on the assembly; repeat for one after another, NAME+NAME for side by side.",
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            help="Value of an assembly's parameter, as n=5 or lamp.n=5.",
        ),
    ):
        command = option(command)
    return command


def parse_settings(settings: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping. Raises InputError for a word of another form."""
    pairs: dict[str, str] = {}
    for word in settings:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise InputError(f"--set {word}: write it as NAME=VALUE, such as n=5")
        pairs[name] = value
    return pairs


def load(file: str, settings: Sequence[str] = (), quiet: bool = False) -> tuple[Loaded, Model]:
    """Load a file, show its diagnostics on standard error, and leave with exit code 2 when it has errors.

    quiet: show errors only, not warnings.
    """
    from madeus.dsl import load as load_file

    loaded = load_file(Path(file), settings=parse_settings(settings))
    shown = [d for d in loaded.diagnostics if d.is_error or not quiet]
    if shown:
        show_diagnostics(loaded, shown)
    if loaded.model is None:
        sys.exit(BAD_INPUT)
    return loaded, loaded.model


def show_diagnostics(loaded: Loaded, diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics of a loaded file on standard error, and how many there are."""
    from rich.console import Console

    from madeus.diagnostics.render import print_diagnostics, summary

    console = Console(stderr=True)
    print_diagnostics(console, diagnostics, loaded.files)
    print(f"{summary(diagnostics)}; `madeus explain CODE` tells more about a code", file=sys.stderr)


@contextmanager
def selecting() -> Iterator[None]:
    """Turn a SelectionError of the Python door into an error of the command line."""
    from madeus.errors import SelectionError

    try:
        yield
    except SelectionError as error:
        raise InputError(str(error)) from error


def choose_assembly(model: Model, name: str | None, programs: Sequence[str] = ()) -> Assembly:
    """The assembly that the options of ``system_options`` speak of. Raises InputError."""
    from madeus import api

    with selecting():
        return api.choose_assembly(model, name, programs)


def choose_system(model: Model, assembly: str | None, programs: Sequence[str], failures: int | None = 0) -> System:
    """The system that the options of ``system_options`` speak of. Raises InputError."""
    from madeus import api

    with selecting():
        return api.choose_system(model, assembly, programs, failures)
