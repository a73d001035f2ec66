"""From a path on the command line to a system: loading, diagnostics, and the choice of assembly and programs.

Every command that takes a FILE goes through here, so that they agree on messages, options and exit codes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from madeus.model import Assembly, Model, Program

if TYPE_CHECKING:
    from madeus.dsl import Loaded
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


def load(file: str, settings: Sequence[str] = (), quiet: bool = False) -> Loaded:
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
    return loaded


def show_diagnostics(loaded: Loaded, diagnostics: Sequence[Any]) -> None:
    """Print diagnostics of a loaded file on standard error, and how many there are."""
    from rich.console import Console

    from madeus.diagnostics.render import print_diagnostics, summary

    console = Console(stderr=True)
    print_diagnostics(console, diagnostics, loaded.files)
    print(f"{summary(diagnostics)}; `madeus explain CODE` tells more about a code", file=sys.stderr)


def choose_assembly(model: Model, name: str | None, programs: Sequence[str] = ()) -> Assembly:
    """The assembly asked for: by name, the one the programs are for, or the only one. Raises InputError otherwise."""
    if name is not None:
        return _look_up(model.assemblies, name, "assembly")
    targets = {_look_up(model.programs, p, "program").assembly for word in programs for p in word.split("+")}
    if len(targets) == 1:
        return model.assemblies[targets.pop()]
    if len(targets) > 1:
        raise InputError(f"the programs are for different assemblies: {', '.join(sorted(targets))}")
    if not model.assemblies:
        raise InputError("the file has no assembly; `assembly NAME { ... }` makes one")
    if len(model.assemblies) > 1:
        raise InputError(f"the file has several assemblies; choose with --assembly: {', '.join(model.assemblies)}")
    return next(iter(model.assemblies.values()))


def choose_stages(model: Model, assembly: Assembly, programs: Sequence[str]) -> tuple[tuple[Program, ...], ...]:
    """Stages of programs from the words of ``--program``. Raises InputError for unknown ones or another assembly's."""
    stages = tuple(tuple(_look_up(model.programs, p, "program") for p in word.split("+")) for word in programs)
    for program in (p for stage in stages for p in stage):
        if program.assembly != assembly.name:
            raise InputError(f"program {program.name} is for {program.assembly}, not for {assembly.name}")
    names = [p.name for stage in stages for p in stage]
    if len(set(names)) < len(names):
        raise InputError("a program may be named only once")
    return stages


def choose_system(model: Model, assembly: str | None, programs: Sequence[str], failures: int | None = 0) -> System:
    """The system that the options of ``system_options`` speak of."""
    from madeus.semantics import System

    chosen = choose_assembly(model, assembly, programs)
    return System(chosen, choose_stages(model, chosen, programs), failures)


Named = TypeVar("Named")


def _look_up(table: Mapping[str, Named], name: str, what: str) -> Named:
    if name in table:
        return table[name]
    unknown(what, name, table)


def unknown(what: str, name: str, known: Mapping[str, Any] | Sequence[str]) -> NoReturn:
    """Raise InputError for a name that is not known, with a suggestion or the list of those that are."""
    near = get_close_matches(name, list(known), n=1)
    if near:
        raise InputError(f"there is no {what} {name}; did you mean {near[0]}?")
    listed = ", ".join(known) if known else "none"
    raise InputError(f"there is no {what} {name}; the file has: {listed}")
