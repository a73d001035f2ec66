"""``madeus repair``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.amounts import Duration
from madeus.cli.beside import anyway_option, refuse_beside_rollout
from madeus.cli.drift import is_file, print_drift
from madeus.cli.driving import driving_options, end_run, heard, progress_way, show_plan
from madeus.cli.failing import ask, state_option, telling
from madeus.cli.loading import InputError, choose_assembly, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from madeus.executor.api import RunOptions
    from madeus.executor.drift.answer import Answer
    from madeus.executor.drift.really import Reality
    from madeus.executor.drift.survey import Design, Survey
    from madeus.planner import Plan

DONE, FAILED, INCONCLUSIVE = 0, 1, 3

TRIES = 5
"""How often the hosts are asked and a plan is proved when runs of others begin or end meanwhile."""


@click.command(
    epilog="Exit codes: 0 nothing had drifted, or all is back, 1 an action failed, a run or rollout is on, or there is no way "
    "back, 2 bad input, 3 not everything could be looked at, or no plan was proved (nothing was started), 130 interrupted."
)
@click.argument("assembly", metavar="ASSEMBLY|FILE")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option(
    "--at",
    "placed",
    multiple=True,
    metavar="C=PLACE",
    help="Place that a component is known to be at, whatever its probes say; several places joined by +.",
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of a FILE: value of a parameter.")
@driving_options
@click.option("--budget", type=Duration(), metavar="TIME", default="60s", show_default=True, help="For the proof.")
@click.option(
    "--take-over",
    is_flag=True,
    help="Give up runs that stopped half-way; what they were in the middle of goes back to where it began.",
)
@anyway_option
@state_option
def repair(
    assembly: str,
    yes: bool,
    placed: tuple[str, ...],
    settings: tuple[str, ...],
    inventory: Path | None,
    dry_run: bool,
    secrets: Path | None,
    limit: int | None,
    form: str,
    progress: str,
    budget: float | None,
    take_over: bool,
    anyway: bool,
    state: Path | None,
) -> None:
    """Bring a live assembly back to where it is said to stand, after its hosts have drifted away from it.

    The probes say where each component really is: at the latest place of its way that holds. From there the behaviors are
    planned that lead back, with as little interruption as can be; the plan is proved, shown, and run as a program is:
    journaled, and resumable with `madeus run --resume`. In the end the probes are asked again. Should another run change what
    the plan is about before it begins, the hosts are asked once more, and there is a new plan.

    FILE: its assembly, with the probes and the model that the file has now.

    \b
    Examples:
      madeus repair lamp
      madeus repair lamp --dry-run
      madeus repair lamp --at db=installed --yes
    """
    from rich.console import Console

    from madeus.executor.api import RunOptions
    from madeus.executor.drift.answer import Seen
    from madeus.executor.drift.survey import survey
    from madeus.executor.inventory import load_inventory
    from madeus.executor.live.errors import ChangedMeanwhile
    from madeus.planner.repair import Roads

    with telling():
        hosts = load_inventory(inventory) if inventory else None
        options = RunOptions(inventory=hosts, state=state, secrets_file=secrets, limit=limit, take_over=take_over)
        name, design = assembly, None
        again_words = [assembly, *(w for s in settings for w in ("--set", s))]
        again_words += ["--inventory", str(inventory)] if inventory else []
        if is_file(assembly):
            design = _design(assembly, settings)
            name = design.assembly.name
        if not anyway:
            refuse_beside_rollout(name, state)
        console = Console(highlight=False, soft_wrap=True, stderr=form == "json")
        for tries_left in reversed(range(TRIES)):
            found = survey(name, options, design, take_over)
            drift = found.drift()
            print_drift(drift, console, way_out=False)
            reality = found.really(drift, Roads(found.types).lead, _places(placed))
            if reality.lost:
                who = ", ".join(reality.lost)
                way_out = "write a program, or say --at C=PLACE"
                raise click.ClickException(f"{who}: no place is known from which behaviors lead back; {way_out}")
            if not reality.at:
                sys.exit(unseen(drift.of(Seen.UNKNOWN), again_words, state, console))
            _print_reality(reality, found, console)
            plan = _planned(found, reality, budget)
            _print_plan(plan, console)
            try:
                code = _run(found, reality, plan, options, (form, progress), dry_run, yes)
            except ChangedMeanwhile as error:
                if not tries_left:
                    raise
                click.echo(f"{error.message}: its hosts are asked again", err=True)
                continue
            if code or dry_run:
                sys.exit(code)
            users = (reliance.user for reliance in reality.reliances)
            asked = {*reality.at, *drift.components, *users}
            again = survey(name, options, design).drift(sorted(asked))
            print_drift(again, console)
            before = [answer for answer in drift.of(Seen.UNKNOWN) if answer.question.component not in asked]
            code = unseen((*before, *again.of(Seen.UNKNOWN)), again_words, state, console)
            sys.exit(FAILED if again.of(Seen.DRIFTED) else code)


def unseen(unknown: Sequence[Answer], words: Sequence[str], state: Path | None, console: Console) -> int:
    """Say what can be done about what could not be looked at; the exit code. words: of the command line, without --state."""
    import shlex

    from rich.text import Text

    from madeus.executor.journal.store import state_directory

    here = () if state_directory(state) == state_directory() else ("--state", str(state_directory(state)))
    again = shlex.join(("madeus", "repair", *words, *here))
    hosts = sorted({answer.host for answer in unknown if answer.unreachable})
    if hosts:
        console.print(Text(f"when {', '.join(hosts)} can be reached again, look once more: {again}"))
    others = sorted({answer.question.component for answer in unknown if not answer.unreachable})
    if others:
        given = f"{again} --at {others[0]}=PLACE"
        console.print(
            Text(f"mend what keeps the probes of {', '.join(others)} from looking, or say where it is: {given}")
        )
    return INCONCLUSIVE if unknown else DONE


def _design(file: str, settings: tuple[str, ...]) -> Design:
    from madeus.api import run_origin
    from madeus.executor.drift.survey import Design

    loaded, model = load(file, settings)
    return Design(choose_assembly(model, None), model.programs, run_origin(loaded))


def _places(placed: tuple[str, ...]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for word in placed:
        name, sign, places = word.partition("=")
        if not (name and sign and places):
            raise InputError(f"--at {word}: write it as COMPONENT=PLACE")
        found[name] = frozenset(places.split("+"))
    return found


def _print_reality(reality: Reality, found: Survey, console: Console) -> None:
    from rich.text import Text

    stored = found.state.configuration.components
    for name, point in sorted(reality.at.items()):
        there, said = ", ".join(sorted(point.places)), ", ".join(sorted(stored[name].places))
        console.print(Text(f"{name} is taken to be at {there}, not at {said}"))
    for reliance in reality.reliances:
        if reliance.unreachable:
            made = "it stays, its host could not be reached"
        elif reliance.stays:
            made = "it stays, its probes hold"
        else:
            made = "it is put back as well: no probe says that it holds all the same"
        console.print(Text(f"{reliance.user} relies on {reliance.user}.{reliance.use}: {reliance.why}; {made}", "dim"))


def _planned(found: Survey, reality: Reality, budget: float | None) -> Plan:
    from madeus.checker import Budget
    from madeus.planner import Impossible, NotFound
    from madeus.planner.repair import repair as make_plan

    state = reality.state(found.state)
    stored = found.state.configuration.components
    try:
        return make_plan(
            state.assembly(found.live.name, found.types),
            state.configuration,
            {name: stored[name].places for name in reality.at},
            Budget(seconds=budget),
        )
    except (Impossible, NotFound) as error:
        impossible = isinstance(error, Impossible)
        print("there is no plan:" if impossible else "no plan was found (there may be one):", file=sys.stderr)
        print(str(error), file=sys.stderr)
        sys.exit(FAILED if impossible else INCONCLUSIVE)


def _print_plan(plan: Plan, console: Console) -> None:
    from rich.text import Text

    from madeus.planner.text import program_text

    console.print(Text(program_text(plan.program).strip()))
    said = f"proved by the {plan.proof.engine} engine in {plan.proof.seconds:.2f} s: every run ends where it is said to stand"
    console.print(Text(said, "dim"))


def _run(
    found: Survey, reality: Reality, plan: Plan, options: RunOptions, how: tuple[str, str], dry_run: bool, yes: bool
) -> int:
    from madeus.cli.progress import showing
    from madeus.executor.journal.store import Journal
    from madeus.executor.live.change import look, reconfigure

    name, design = found.live.name, found.design
    known = options.inventory or found.live.inventory
    journal = Journal.open(options.state, create=False)
    try:
        intent = look(
            journal,
            name,
            design.assembly,
            ((plan.program,),),
            design.programs,
            design.origin,
            options.take_over,
            found.correction(reality),
        )
        if dry_run:
            return show_plan(intent.system, intent.origin, options, known, how[0])
        if not yes:
            ask(f"run it on {name}?")
        way = progress_way(*how)
        options = replace(options, journal=journal, handle_signals=True, probes=True)
        with showing(intent.system, way) as listener:
            result = reconfigure(intent, replace(options, listeners=heard(way, listener)))
        return end_run(result, intent.system, known, way)
    finally:
        journal.close()
