"""``madeus net``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.loading import InputError, choose_system, load, system_options

if TYPE_CHECKING:
    from madeus.petri import Net, Translation

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

LARGE = 20_000
"""Places from which on invariants are not looked for."""


@click.command(epilog="Exit codes: 0 written, 2 bad input, or a net that the format cannot say.")
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
def net(
    file: str,
    assembly: str | None,
    programs: tuple[str, ...],
    settings: tuple[str, ...],
    failures: str,
    form: str | None,
    output: str | None,
    stats: bool,
) -> None:
    """Write the Petri net of an assembly, alone or with the programs that run on it.

    pnml and lola have ordinary arcs only: read arcs become loops, inhibitor arcs read the complement of their place. tina and
    tapaal have intervals, read and inhibitor arcs; json has all that, and the model element of each place.

    \b
    Examples:
      madeus net examples/openstack.madeus -o openstack.pnml
      madeus net examples/site.madeus --program install --program upgrade --format tina
      madeus net examples/site.madeus --program install --failures 1 --stats
    """
    from madeus.petri import NetError, TranslationError, translate

    _, model = load(file, settings, quiet=True)
    system = choose_system(model, assembly, programs, _failures(failures))
    try:
        translation = translate(system)
        if stats:
            text = _stats(translation.net)
        else:
            ending = Path(output).suffix.lower() if output else ""
            text = _written(translation, form or ENDINGS.get(ending, "pnml"))
    except (NetError, TranslationError) as error:
        raise InputError(str(error)) from error
    if output is None:
        sys.stdout.write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--output {output}: {error.strerror}") from error


def _failures(word: str) -> int | None:
    if word == "any":
        return None
    if not word.isascii() or not word.isdigit() or len(word) > 6:
        raise InputError(f"--failures {word}: give a number such as 1, or any")
    return int(word)


def _written(translation: Translation, form: str) -> str:
    from madeus.petri.formats import to_dot, to_json, to_lola, to_pnml, to_tapaal, to_tina, untimed_because

    made = translation.net
    if form == "tapaal" and (reason := untimed_because(made)) is not None:
        click.echo(f"note: the net is written without times: {reason}", err=True)
    if form == "json":
        return json.dumps(to_json(made, translation.elements), indent=1) + "\n"
    return {"pnml": to_pnml, "lola": to_lola, "tina": to_tina, "tapaal": to_tapaal, "dot": to_dot}[form](made)


def _stats(made: Net) -> str:
    from madeus.petri.invariants import place_invariants, transition_invariants
    from madeus.petri.structure import components, dead_from_the_start, net_class

    counters = sum(bound > 1 for bound in made.bounds or ())
    lines = [
        f"net                      {made.name}",
        f"places                   {len(made.places)} ({counters} may hold more than one token)",
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
