"""``madeus rollout plan``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madeus.cli.amounts import Duration
from madeus.cli.failing import state_option, telling
from madeus.cli.rollout_choice import Chosen, choose, fleet_options

if TYPE_CHECKING:
    from madeus.fleet.stages import Stage
    from madeus.planner.rollout_prepare import Prepared
    from madeus.planner.rollout_proof import Claim

VIOLATED, INCONCLUSIVE = 1, 3

SHOWN = 6
"""Machines of a stage that are named."""


@click.command(
    epilog="Exit codes: 0 proved, 1 a claim is violated, 2 bad input, or the program cannot be cut by machine, 3 inconclusive."
)
@click.argument("file", type=click.Path())
@click.argument("name", metavar="[ROLLOUT]", required=False)
@fleet_options
@click.option(
    "--after",
    multiple=True,
    metavar="PROGRAM",
    help="Program that has run by then, where the assembly is not deployed.",
)
@click.option("--budget", type=Duration(), default="60s", show_default=True, metavar="TIME", help="For the proofs.")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@state_option
def plan(
    file: str,
    name: str | None,
    settings: tuple[str, ...],
    inventory: Path | None,
    clusters: Path | None,
    cluster_by: str | None,
    after: tuple[str, ...],
    budget: float | None,
    form: str,
    state: Path | None,
) -> None:
    """Show the stages of a rollout and its representatives, and prove that it is safe. Nothing is connected to.

    The rollout begins where the live assembly stands; where there is none, after its deployment or the programs of --after.

    \b
    Examples:
      madeus rollout plan shop.madeus --inventory hosts.toml
      madeus rollout plan shop.madeus release2 --clusters clusters.json
      madeus rollout plan shop.madeus --after install --set n=100
    """
    with telling():
        chosen = choose(file, name, settings, inventory, clusters, cluster_by, after, state, budget)
    claims = prove(chosen, budget)
    if form == "json":
        click.echo(json.dumps(as_json(chosen, claims), indent=1))
    else:
        show_stages(chosen)
        show_claims(claims)
    sys.exit(code_of(claims))


def prove(chosen: Chosen, budget: float | None) -> list[Claim]:
    """What is proved of a rollout."""
    from madeus.checker import Budget

    return chosen.prepared.prove(Budget(seconds=budget))


def code_of(claims: list[Claim]) -> int:
    """Exit code: 0 when everything is proved."""
    from madeus.planner.rollout_proof import Answer

    answers = {c.answer for c in claims}
    return VIOLATED if Answer.VIOLATED in answers else INCONCLUSIVE if Answer.UNKNOWN in answers else 0


def show_stages(chosen: Chosen, err: bool = False) -> None:
    """The stages of a rollout."""
    prepared = chosen.prepared
    stages, settings = prepared.stages, prepared.settings
    count, kinds = len(stages.machines), len(stages.clusters)
    click.echo(
        f"rollout {chosen.rollout.name}: {chosen.rollout.program} on {count} machine{'s' * (count != 1)} of "
        f"{chosen.rollout.fleet} in {kinds} cluster{'s' * (kinds != 1)}, {stages.protocol}",
        err=err,
    )
    if prepared.sliced.before is not None:
        click.echo(f"  before   {_text(prepared.sliced.before.instructions)}", err=err)
    for number, wave in enumerate(stages.waves, 1):
        for stage in wave:
            click.echo(f"  wave {number:<3} {stage.name}: {_named(stage)}", err=err)
    if prepared.sliced.after is not None:
        click.echo(f"  after    {_text(prepared.sliced.after.instructions)}", err=err)
    for cluster in stages.left_out:
        click.echo(f"  left out {cluster.name}: none of its {len(cluster.machines)} machines can test", err=err)
    for test in settings.tests:
        soak = f", and again after {settings.soak:g} s" if settings.soak else ""
        click.echo(f"  test     {test}{soak}", err=err)
    for budget in settings.budgets:
        click.echo(f"  budget   {budget}", err=err)
    for sentence in ways_back(prepared):
        click.echo(f"  {sentence}", err=err)


def ways_back(prepared: Prepared) -> list[str]:
    """What becomes of machines that fail: a sentence for each way that some of them have."""
    pushed = f"push {', then '.join(prepared.settings.rollback)}"
    ways: dict[str, list[str]] = {}
    for machine, components in prepared.undo.items():
        by_layers = machine in prepared.layered
        way = "taken back: to the state of its layers" if by_layers else f"taken back: {pushed}" if components else ""
        ways.setdefault(way or "left as it stands, and the rollout stops there (freeze)", []).append(machine)
    if len(ways) == 1:
        return [f"a machine that fails is {way}" for way in ways]
    return [f"of {len(machines)} machines one that fails is {way}" for way, machines in ways.items()]


def show_claims(claims: list[Claim], err: bool = False) -> None:
    """The verdicts."""
    for claim in claims:
        click.echo(f"  {claim.answer:<12}  {claim.sentence}", err=err)
        spent = f" in {claim.seconds:.2f} s" if claim.cases else ""
        if claim.reason or spent:
            click.echo(f"{'':16}{claim.reason}{spent}", err=err)
        for step in claim.run[:SHOWN]:
            click.echo(f"{'':18}{step}", err=err)
        if len(claim.run) > SHOWN:
            click.echo(f"{'':18}... and {len(claim.run) - SHOWN} more steps", err=err)


def _named(stage: Stage) -> str:
    shown = ", ".join(stage.machines[:SHOWN])
    more = len(stage.machines) - SHOWN
    text = f"{shown} and {more} more" if more > 0 else shown
    return (
        f"{text} ({stage.required} have to pass)" if stage.required < len(stage.machines) and not stage.whole else text
    )


def _text(instructions: tuple[Any, ...]) -> str:
    return "; ".join(str(i) for i in instructions)


def as_json(chosen: Chosen, claims: list[Claim]) -> dict[str, Any]:
    """The plan as one value."""
    prepared = chosen.prepared
    return {
        "rollout": chosen.rollout.name,
        "program": chosen.rollout.program,
        "protocol": prepared.stages.protocol,
        "stages": [
            {
                "name": s.name,
                "kind": s.kind,
                "wave": s.wave,
                "cluster": s.cluster,
                "machines": list(s.machines),
                "required": s.required,
            }
            for s in prepared.stages.stages
        ],
        "representatives": {c: list(m) for c, m in prepared.stages.representatives},
        "left_out": [c.name for c in prepared.stages.left_out],
        "claims": [
            {
                "claim": c.sentence,
                "answer": c.answer,
                "reason": c.reason,
                "run": list(c.run),
                "cases": c.cases,
                "seconds": c.seconds,
            }
            for c in claims
        ],
    }
