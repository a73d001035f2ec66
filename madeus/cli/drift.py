"""``madeus drift``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madeus.cli.failing import state_option, telling
from madeus.cli.loading import choose_assembly, load

if TYPE_CHECKING:
    from rich.console import Console

    from madeus.executor.drift.answer import Answer, Drift

PATH = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="Exit codes: 0 no drift, 1 drift, 2 bad input, 3 no drift was seen, but not everything could be looked at, 130 "
    "interrupted."
)
@click.argument("assembly", metavar="[ASSEMBLY|FILE]", required=False)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of a FILE: value of a parameter.")
@click.option(
    "--inventory", "-i", type=PATH, envvar="MADEUS_INVENTORY", metavar="TOML", help="In place of the recorded one."
)
@click.option("--secrets", type=PATH, metavar="TOML", help="Values of secrets; readable by you alone (mode 0600).")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Probes that look at once, on all hosts together.")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="json: one value.")
@state_option
def drift(
    assembly: str | None,
    settings: tuple[str, ...],
    inventory: Path | None,
    secrets: Path | None,
    limit: int | None,
    form: str,
    state: Path | None,
) -> None:
    """Compare live assemblies with their hosts: the probes of the places that hold a token, and of transitions behind them.

    Nothing is changed. ASSEMBLY: a live assembly; all of them unless given. FILE: its assembly, with the probes that the file
    has now.

    \b
    Examples:
      madeus drift
      madeus drift lamp
      madeus drift lamp.madeus --format json | jq '.[].drifted'
    """
    from madeus.executor.api import RunOptions
    from madeus.executor.drift.find import find_drift
    from madeus.executor.inventory import load_inventory
    from madeus.executor.live.read import read_all

    with telling():
        hosts = load_inventory(inventory) if inventory else None
        options = RunOptions(inventory=hosts, state=state, secrets_file=secrets, limit=limit)
        if assembly is not None and is_file(assembly):
            model = choose_assembly(load(assembly, settings)[1], None)
            found = [find_drift(model.name, options, model)]
        elif assembly is not None:
            found = [find_drift(assembly, options)]
        else:
            found = [find_drift(live.name, options) for live in read_all(state)]
    if form == "json":
        print(json.dumps([as_json(one) for one in found], indent=1))
    elif not found:
        print("nothing is deployed; `madeus deploy FILE` begins")
    else:
        from rich.console import Console

        console = Console(highlight=False, soft_wrap=True)
        for one in found:
            print_drift(one, console)
    codes = [one.exit_code for one in found]
    sys.exit(1 if 1 in codes else max(codes, default=0))


def is_file(word: str) -> bool:
    """Whether a word on the command line names a file in place of a live assembly."""
    return word.endswith(".madeus") or "/" in word


def print_drift(drift: Drift, console: Console, way_out: bool = True) -> None:
    """What has drifted first, then what could not be looked at. way_out: say what can be done."""
    from rich.text import Text

    from madeus.executor.drift.answer import Seen

    drifted, unknown, holding = (drift.of(seen) for seen in (Seen.DRIFTED, Seen.UNKNOWN, Seen.HOLDS))
    counted = [f"{len(holding)} {'holds' if len(holding) == 1 else 'hold'}"]
    if drifted:
        counted.append(f"{len(drifted)} {'does' if len(drifted) == 1 else 'do'} not")
    if unknown:
        counted.append(f"{len(unknown)} {'is' if len(unknown) == 1 else 'are'} not known")
    style = "bold red" if drifted else "bold yellow" if unknown else "bold green"
    console.print(Text(f"{drift.assembly}: of {_probes(len(drift.answers))} {', '.join(counted)}", style))
    for answer in drifted:
        question = answer.question
        console.print(Text(f"  {question} has drifted on {answer.host}", "red"))
        console.print(Text(f"    {question.element} {question.name}: {answer.probe}"))
        console.print(Text(f"    expected {answer.expected}, seen {answer.reason}"))
        for line in answer.lines:
            console.print(Text(f"      {line}", "dim"))
    for host, answers in _by_host(unknown).items():
        components = ", ".join(sorted({answer.question.component for answer in answers}))
        console.print(Text(f"  {host} could not be reached: {answers[0].reason}", "yellow"))
        console.print(Text(f"    not known: {components} ({_probes(len(answers))})"))
    for answer in unknown:
        if not answer.unreachable:
            console.print(Text(f"  {answer.question} could not be asked on {answer.host}: {answer.reason}", "yellow"))
            console.print(Text(f"    {answer.question.element} {answer.question.name}: {answer.probe}"))
    for run in dict.fromkeys(run for _, run in drift.busy):
        components = ", ".join(c for c, other in drift.busy if other == run)
        console.print(Text(f"  not looked at, run {run} has them: {components}", "dim"))
    if drift.unasked:
        console.print(Text(f"  without a probe where they are: {_some(drift.unasked)}", "dim"))
    if drifted and way_out:
        console.print(f"  bring it back: madeus repair {drift.assembly}", style="dim")


def _probes(count: int) -> str:
    return f"{count} {'probe' if count == 1 else 'probes'}"


def _some(names: tuple[str, ...], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _by_host(answers: tuple[Answer, ...]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.unreachable:
            found.setdefault(answer.host, []).append(answer)
    return found


def as_json(drift: Drift) -> dict[str, Any]:
    """A drift as a JSON value."""
    from madeus.executor.drift.answer import Seen

    return {
        "assembly": drift.assembly,
        "drifted": [_answer(answer) for answer in drift.of(Seen.DRIFTED)],
        "unknown": [_answer(answer) for answer in drift.of(Seen.UNKNOWN)],
        "holding": [_answer(answer) for answer in drift.of(Seen.HOLDS)],
        "unreachable": sorted({answer.host for answer in drift.answers if answer.unreachable}),
        "busy": [{"component": component, "run": run} for component, run in drift.busy],
        "without_probe": list(drift.unasked),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "component": answer.question.component,
        str(answer.question.element): answer.question.name,
        "host": answer.host,
        "probe": answer.probe,
        "expected": answer.expected,
        "seen": answer.reason or None,
        "exit_code": answer.exit_code,
        "lines": list(answer.lines),
        "unreachable": answer.unreachable,
    }
