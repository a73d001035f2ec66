"""``madeus plan``."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madeus.cli.failing import state_option, telling
from madeus.cli.loading import InputError, choose_assembly, load, selecting

if TYPE_CHECKING:
    from madeus.model import Assembly, Model
    from madeus.planner import Plan
    from madeus.planner.available import Kept
    from madeus.planner.beginning import Beginning

FAILED = 1
INCONCLUSIVE = 3
_BOUND = re.compile(r"(?P<component>[\w-]+(?:\[\d+\])?)\.(?P<port>[\w-]+)\s+off\s*<=\s*(?P<limit>\S+)\Z")
_WORD = re.compile(r"[A-Za-z_][\w-]*\Z")


@click.command(
    epilog="Exit codes: 0 a plan was found and proved, 1 there is none, 2 bad input, 3 none was found or proved."
)
@click.argument("file", type=click.Path())
@click.option(
    "--goal",
    "-g",
    default="",
    help="What shall hold at the end: c.place, c.service, c.parameter = value, "
    "once c.behavior, without c; joined by and.",
)
@click.option(
    "--to", "towards", metavar="ASSEMBLY", help="Assembly of the file whose components and connections there shall be."
)
@click.option("--assembly", "-a", metavar="NAME", help="Assembly to change; needed when the file has several.")
@click.option(
    "--after",
    multiple=True,
    metavar="PROGRAM",
    help="Program that has run; repeat for one after another. `deploy` stands for the deployment itself.",
)
@click.option(
    "--from-initial", is_flag=True, help="Begin at the initial places, although the assembly lives somewhere else."
)
@click.option("--available", multiple=True, metavar="BOUND", help='Bound of an interruption: "web.http off <= 20s".')
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Value of an assembly's parameter.")
@click.option("--name", default="plan", show_default=True, help="Name of the program.")
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="File to write the program to; it imports FILE.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds for the proof.",
)
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@state_option
def plan(
    file: str,
    goal: str,
    towards: str | None,
    assembly: str | None,
    after: tuple[str, ...],
    from_initial: bool,
    available: tuple[str, ...],
    settings: tuple[str, ...],
    name: str,
    output: str | None,
    budget: float,
    form: str,
    state: Path | None,
) -> None:
    """Find a program that leads an assembly to a goal with as little interruption as can be; it is proved, then shown.

    It begins where the assembly stands when that lives (`madeus deploy`), else at the initial places, or --after programs.

    \b
    Examples:
      madeus plan examples/site.madeus --after install --goal "once dep.update"
      madeus plan examples/site.madeus --goal "server.running" --name up -o up.madeus
      madeus plan fleet.madeus --after deploy --to bigger
    """
    from madeus.checker import Budget
    from madeus.planner import Impossible, NotFound
    from madeus.planner import plan as make_plan
    from madeus.planner.available import keeps
    from madeus.planner.wish import WishError, parse_wish

    if not goal.strip() and towards is None:
        raise InputError("say what shall hold at the end: --goal, --to, or both")
    if not _WORD.match(name):
        raise InputError(f"--name {name}: not a name")
    _, model = load(file, settings, quiet=True)
    if name in model.programs:
        raise InputError(f"--name {name}: the file has a program of that name")
    found = _beginning(model, assembly, after, from_initial, state)
    standing, now = found.assembly, found.configuration
    bounds = [_bound(text, standing) for text in available]
    try:
        target = parse_wish(goal, standing, choose_assembly(model, towards) if towards is not None else None)
    except WishError as error:
        raise InputError(f"--goal {error}{_hint(error.word, error.known)}") from error
    if towards is not None:
        standing = replace(standing, types={**standing.types, **model.assemblies[towards].types})
    try:
        made = make_plan(standing, target, now, name, Budget(seconds=budget))
    except (Impossible, NotFound) as error:
        impossible = isinstance(error, Impossible)
        print("there is no plan:" if impossible else "no plan was found (there may be one):", file=sys.stderr)
        print(str(error), file=sys.stderr)
        sys.exit(FAILED if impossible else INCONCLUSIVE)
    kept = [keeps(standing, now, made.program, *bound) for bound in bounds]
    _show(made, kept, file, output, form)
    if any(not one.holds for one in kept):
        sys.exit(FAILED)


def _beginning(
    model: Model, name: str | None, after: tuple[str, ...], from_initial: bool, state: Path | None
) -> Beginning:
    """Where the plan begins: where the assembly lives, after some programs, or at its initial places."""
    from madeus.api import beginning
    from madeus.executor.live.errors import CannotChange
    from madeus.planner import NotAtRest

    with selecting(), telling():
        try:
            found = beginning(model, name, after, from_initial, state)
        except CannotChange as error:
            raise InputError(f"{error}\n--from-initial plans without regard to what lives") from error
        except NotAtRest as error:
            who = ", ".join(error.components)
            raise InputError(
                f"a run on the live assembly has not finished, it is in the middle of {who}: go on with it "
                "(`madeus status`), or plan from the beginning with --from-initial"
            ) from error
    if found.version:
        where = f"planned from where {found.assembly.name} stands, version {found.version} of its model"
        print(f"{where}; --from-initial plans from its initial places", file=sys.stderr)
    return found


def _bound(text: str, assembly: Assembly) -> tuple[str, str, float]:
    from madeus.dsl.parameters import parse_text
    from madeus.model import Duration, ValueType

    match = _BOUND.match(text.strip())
    limit = parse_text(match["limit"], ValueType.DURATION) if match is not None else None
    if match is None or not isinstance(limit, Duration):
        raise InputError(f'--available {text}: write it as "web.http off <= 20s"')
    component, port = match["component"], match["port"]
    if component not in assembly.instance or port not in assembly.type_of(component).provide:
        raise InputError(f"--available {text}: there is no provide port {component}.{port}")
    return component, port, limit.seconds


def _hint(word: str, known: tuple[str, ...]) -> str:
    from madeus.diagnostics.suggest import nearest

    near = nearest(word, known) if word else None
    return f"; did you mean {near}?" if near else f"; there is: {', '.join(known)}" if known else ""


def _show(found: Plan, kept: list[Kept], file: str, output: str | None, form: str) -> None:
    from madeus.planner.text import program_text

    text = program_text(found.program, _comments(found, kept))
    if output is not None:
        path = Path(output)
        try:
            imported = relpath(Path(file), path.parent)
            path.write_text(program_text(found.program, _comments(found, kept), (imported,)), encoding="utf-8")
        except OSError as error:
            raise InputError(f"--output {output}: {error.strerror}") from error
    if form == "json":
        print(json.dumps(_as_json(found, kept, text), indent=1))
        return
    if output is None:
        print(text, end="")
    proof = f"proved by the {found.proof.engine} engine in {found.proof.seconds:.2f} s: every run ends there"
    print(f"{_size(found)}; {proof}", file=sys.stderr)
    for one in kept:
        print(str(one), file=sys.stderr)


def _size(found: Plan) -> str:
    from madeus.model import format_seconds

    count = len(found.program.instructions)
    if not count:
        return "nothing is to be done"
    return f"{count} instructions, about {format_seconds(round(found.forecast.makespan, 3))}"


def _comments(found: Plan, kept: list[Kept]) -> tuple[str, ...]:
    from madeus.model import format_seconds

    lines = [f"{_size(found).capitalize()}."]
    for outage in sorted(found.forecast.outages, key=lambda o: (not o.used, -o.seconds))[:10]:
        length = format_seconds(round(outage.seconds, 3))
        stays = f"is off for about {length}" if outage.back else "goes off and stays off"
        lines.append(f"{outage.component}.{outage.port} {stays}.")
    more = len(found.forecast.outages) - 10
    if more > 0:
        lines.append(f"{more} more services are off for as long or shorter.")
    return (*lines, *(f"{one}." for one in kept))


def _as_json(found: Plan, kept: list[Kept], text: str) -> dict[str, Any]:
    return {
        "program": found.program.name,
        "assembly": found.program.assembly,
        "text": text,
        "instructions": [str(instruction) for instruction in found.program.instructions],
        "ends": {component: sorted(places) for component, places in found.ends.items()},
        "moved": list(found.moved),
        "makespan": found.forecast.makespan,
        "interruption": found.forecast.interruption,
        "outages": [
            {"service": f"{o.component}.{o.port}", "seconds": o.seconds, "back": o.back, "used": o.used}
            for o in found.forecast.outages
        ],
        "available": [
            {
                "service": f"{k.component}.{k.port}",
                "limit": k.limit,
                "longest": k.longest,
                "holds": k.holds,
                "proved": k.proved,
            }
            for k in kept
        ],
        "proof": {"engine": found.proof.engine, "seconds": found.proof.seconds, "notes": list(found.proof.notes)},
        "seconds": found.seconds,
    }
