"""``madeus net``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.amounts import Duration, Size
from madeus.cli.loading import InputError, choose_system, load, system_options
from madeus.cli.markings import Answer, dead_marking, markings

if TYPE_CHECKING:
    from madeus.petri import Net
    from madeus.petri.element import Element

FORMATS = ("pnml", "lola", "tina", "tapaal", "dot", "json")
ENDINGS = {
    ".pnml": "pnml",
    ".lola": "lola",
    ".net": "tina",
    ".tapn": "tapaal",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
}
"""Ending of a file -> format that it means."""

PUBLIC = (".pnml", ".xml")
"""Endings of files that hold a net themselves."""

LARGE = 20_000
"""Places from which on invariants are not looked for."""


@click.command(
    epilog="Exit codes: 0 written or answered, 1 a dead marking was found, 2 bad input, or a net that the format cannot say, "
    "3 inconclusive (the budget was spent, or the net is unbounded), 130 interrupted."
)
@click.argument("file", type=click.Path())
@system_options
@click.option(
    "--failures",
    "-k",
    metavar="K",
    default="0",
    help="How many actions may fail in the net's runs; `any` for no limit.",
    show_default=True,
)
@click.option(
    "--format", "-f", "form", type=click.Choice(FORMATS), help="Default: from the ending of --output, else pnml."
)
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="File to write. Default: standard output.")
@click.option("--stats", is_flag=True, help="Tell size, class and invariants of the net instead of writing it.")
@click.option("--states", is_flag=True, help="Count the reachable markings instead.")
@click.option("--deadlock", is_flag=True, help="Look for a marking where nothing can fire, and a shortest run to it.")
@click.option(
    "--budget", type=Duration(), metavar="TIME", default="60s", show_default=True, help="For each question; or none."
)
@click.option(
    "--memory", type=Size(), metavar="SIZE", default="4G", show_default=True, help="Of this process; or none."
)
def net(
    file: str,
    assembly: str | None,
    programs: tuple[str, ...],
    settings: tuple[str, ...],
    failures: str,
    form: str | None,
    output: str | None,
    stats: bool,
    states: bool,
    deadlock: bool,
    budget: float | None,
    memory: int | None,
) -> None:
    """Write the Petri net of an assembly, alone or with the programs that run on it, or ask questions of it.

    A FILE that ends in .pnml or .xml is a net itself: any P/T net in PNML. In the net of an assembly the end of a run is a dead
    marking, too; `madeus check` tells a deadlock from it.

    pnml and lola have ordinary arcs only: read arcs become loops, inhibitor arcs read the complement of their place. tina and
    tapaal have intervals, read and inhibitor arcs; json has all that, and the model element of each place.

    \b
    Examples:
      madeus net examples/openstack.madeus -o openstack.pnml
      madeus net examples/site.madeus --program install --program upgrade --format tina
      madeus net examples/site.madeus --program install --failures 1 --stats
      madeus net public.pnml --states --deadlock --budget 5min
      madeus net public.pnml --format lola
    """
    from madeus.petri import NetError

    if (stats or states or deadlock) and form is not None:
        raise InputError("--format: the net is not written with --stats, --states or --deadlock")
    code = 0
    try:
        made, elements = _made(file, assembly, programs, settings, failures)
        if stats or states or deadlock:
            parts = [_stats(made)] if stats else []
            answers: list[Answer] = []
            if states:
                answers.append(markings(made, budget, memory))
            if deadlock:
                answers.append(dead_marking(made, budget, memory))
            text = "".join([*parts, *(answer.text for answer in answers)])
            codes = {answer.code for answer in answers}
            code = 1 if 1 in codes else max(codes, default=0)
        else:
            ending = Path(output).suffix.lower() if output else ""
            text = _written(made, elements, form or ENDINGS.get(ending, "pnml"))
    except NetError as error:
        raise InputError(str(error)) from error
    _put(text, output)
    click.get_current_context().exit(code)


def _put(text: str, output: str | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--output {output}: {error.strerror}") from error


def _made(
    file: str, assembly: str | None, programs: tuple[str, ...], settings: tuple[str, ...], failures: str
) -> tuple[Net, tuple[Element, ...]]:
    """The net of a file, and the model element of each place where it is an assembly's."""
    from madeus.petri import TranslationError, translate

    if Path(file).suffix.lower() in PUBLIC:
        given = {"--assembly": assembly, "--program": programs, "--set": settings}
        for option, value in given.items():
            if value:
                raise InputError(f"{option}: {file} is a net, and has no assemblies")
        if _failures(failures) != 0:
            raise InputError(f"--failures: {file} is a net, and has no actions that may fail")
        return _read(file), ()
    _, model = load(file, settings, quiet=True)
    try:
        translation = translate(choose_system(model, assembly, programs, _failures(failures)))
    except TranslationError as error:
        raise InputError(str(error)) from error
    return translation.net, translation.elements


def _read(file: str) -> Net:
    from madeus.petri.formats import PnmlError, from_pnml
    from madeus.petri.formats.pnml_read import MOST_BYTES

    try:
        with Path(file).open("rb") as stream:
            # One byte more than is taken: enough to be told that it is too long, whatever the file claims to be.
            return from_pnml(stream.read(MOST_BYTES + 1))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error
    except PnmlError as error:
        raise InputError(f"{file}: {error}") from error


def _failures(word: str) -> int | None:
    if word == "any":
        return None
    if not word.isascii() or not word.isdigit() or len(word) > 6:
        raise InputError(f"--failures {word}: give a number such as 1, or any")
    return int(word)


def _written(made: Net, elements: tuple[Element, ...], form: str) -> str:
    from madeus.petri.formats import to_dot, to_json, to_lola, to_pnml, to_tapaal, to_tina, untimed_because

    if form == "tapaal" and (reason := untimed_because(made)) is not None:
        click.echo(f"note: the net is written without times: {reason}", err=True)
    if form == "json":
        return json.dumps(to_json(made, elements), indent=1) + "\n"
    return {"pnml": to_pnml, "lola": to_lola, "tina": to_tina, "tapaal": to_tapaal, "dot": to_dot}[form](made)


def _stats(made: Net) -> str:
    from madeus.checker.bare import known_bounds
    from madeus.petri.invariants import place_invariants, transition_invariants
    from madeus.petri.structure import components, dead_from_the_start, net_class

    bounds = known_bounds(made)
    counters, unknown = sum(b is not None and b > 1 for b in bounds), bounds.count(None)
    open_ended = f", of {unknown} it is not known" if unknown else ""
    lines = [
        f"net                      {made.name}",
        f"places                   {len(made.places)} ({counters} may hold more than one token{open_ended})",
        f"transitions              {len(made.transitions)} ({sum(made.urgent)} urgent)",
        f"arcs                     {made.arc_count}",
        f"class                    {net_class(made).name}",
        f"connected parts          {len(components(made))}",
        f"clashes                  {'possible' if made.single else 'impossible'}",
        f"dead from the start      {len(dead_from_the_start(made))} transitions",
    ]
    if len(made.places) > LARGE:
        lines.append(f"invariants               not looked for in more than {LARGE} places")
    else:
        for words, found in (
            ("minimal P-invariants", place_invariants(made)),
            ("minimal T-invariants", transition_invariants(made)),
        ):
            more = "" if found.complete else " or more"
            lines.append(f"{words:<24} {len(found.vectors)}{more}")
    return "\n".join(lines) + "\n"
