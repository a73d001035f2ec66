"""``madeus rollout simulate``."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madeus.cli.loading import InputError, load

if TYPE_CHECKING:
    from madeus.fleet.scenario import Problem, Scenario
    from madeus.fleet.sensitivity import Sensitivity
    from madeus.fleet.simulation import Outcome
    from madeus.fleet.times import Time

PROTOCOLS = ("no_staging", "balanced", "front_loading", "random")

_PROBLEM = re.compile(r"\s*([\w-]+)\s*:\s*(\S.*)")
_WHOLE = re.compile(r"(\d+)(?:\s*-\s*(\d+))?")
_MISPLACED = re.compile(r"(\d+)\s+in\s+(\d+)")


class TimeWords(click.ParamType["Time"]):
    """A time or a distribution of times."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Time:
        """See `madeus.fleet.times.parse_time`. Fails with a usage error."""
        from madeus.fleet.times import parse_time

        try:
            return parse_time(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(epilog="Exit codes: 0 done, 2 bad input.")
@click.argument("file", required=False, type=click.Path())
@click.argument("name", metavar="[ROLLOUT]", required=False)
@click.option("--machines", type=click.IntRange(1), default=100_000, show_default=True, help="Machines of the fleet.")
@click.option(
    "--clusters",
    default="20",
    show_default=True,
    metavar="N|SIZES",
    help="How many equal clusters, or their sizes: 4,4,8.",
)
@click.option(
    "--problem",
    "problems",
    multiple=True,
    metavar="NAME: WHERE",
    help='A problem of the upgrade: "A: 1-2" on every machine of clusters 1 and 2, "B: 1 in 3, 1 in 4" on one misplaced '
    "machine each. Without any: A on three clusters, B and C on one each; `none`: no problem.",
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    metavar="NAME",
    help="Protocol to simulate, or `stages [1, 10, 50%]`; repeat.  [default: four]",
)
@click.option("--representatives", type=click.IntRange(1), metavar="N", help="Of each cluster.  [default: 1]")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="PERCENT",
    help="Share of a cluster that has to pass before the next one.  [default: 100]",
)
@click.option("--download", type=TimeWords(), default="5min", show_default=True, help="Time to download the upgrade.")
@click.option("--test", type=TimeWords(), default="10min", show_default=True, help="Time to test it on a machine.")
@click.option(
    "--fix", type=TimeWords(), default="500min", show_default=True, help="Time of the vendor to fix a problem."
)
@click.option("--vendor", type=click.IntRange(0), default=1, show_default=True, help="Problems fixed at once; 0: all.")
@click.option(
    "--offline",
    type=click.FloatRange(0, 100),
    default=0.0,
    metavar="PERCENT",
    help="Machines that are offline at first.",
)
@click.option("--back", type=TimeWords(), default="24h", show_default=True, help="When they are back.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything that is drawn.")
@click.option("--fixes", multiple=True, type=TimeWords(), help="Time of a fix for the sensitivity table; repeat.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Picture: .svg, or .html with tables."
)
@click.option("--latency", is_flag=True, help="Show when each cluster is done, too.")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def simulate(
    file: str | None,
    name: str | None,
    machines: int,
    clusters: str,
    problems: tuple[str, ...],
    protocols: tuple[str, ...],
    representatives: int | None,
    threshold: float | None,
    download: Time,
    test: Time,
    fix: Time,
    vendor: int,
    offline: float,
    back: Time,
    seed: int,
    fixes: tuple[Time, ...],
    output: Path | None,
    latency: bool,
    form: str,
) -> None:
    """Compare staging protocols on a simulated fleet: machines that test a faulty upgrade, and time.

    With FILE and ROLLOUT the rollout's representatives, threshold and protocol are taken. Times are constants (10min), ranges
    (5min..15min) or `exponential 10min`, `normal 10min 2min`, `lognormal 10min 5min`. How much time staging costs depends on
    how long a fix takes, so that is shown for several times of a fix.

    \b
    Examples:
      madeus rollout simulate
      madeus rollout simulate --clusters 4,4,4,4 --problem "A: 1-2" --problem "B: 1 in 3, 1 in 4" --protocol front_loading
      madeus rollout simulate --machines 1000000 --test "lognormal 10min 5min" --offline 5 --threshold 95 -o curves.html
    """
    if find_spec("numpy") is None:
        raise InputError("simulating rollouts needs numpy: pip install 'madeus[rollout]'")
    from madeus.fleet.scenario import Scenario
    from madeus.fleet.sensitivity import sensitivity, usual_fixes

    if file is not None:
        shown, first, share = _of_file(file, name)
        protocols = protocols or shown
        representatives, threshold = representatives or first, threshold or share * 100
    try:
        scenario = Scenario(
            _sizes(machines, clusters),
            representatives=representatives or 1,
            threshold=(threshold or 100.0) / 100,
            download=download,
            test=test,
            fix=fix,
            vendor=vendor,
            offline=offline / 100,
            back=back,
            seed=seed,
        )
        scenario = replace(scenario, problems=_problems(problems, scenario))
    except ValueError as error:
        raise InputError(str(error)) from error
    chosen = protocols or PROTOCOLS
    _check(chosen)
    table = sensitivity(scenario, chosen, fixes or usual_fixes(scenario))
    outcomes = _outcomes(scenario, chosen)
    if output is not None:
        _draw(output, scenario, outcomes, table)
    if form == "json":
        click.echo(json.dumps(_as_json(scenario, outcomes, table), indent=1))
        return
    _print(scenario, outcomes, table, latency)


def _outcomes(scenario: Scenario, protocols: tuple[str, ...]) -> list[Outcome]:
    from madeus.fleet.simulation import simulate as run

    return [run(scenario, protocol) for protocol in protocols]


def _of_file(file: str, name: str | None) -> tuple[tuple[str, ...], int, float]:
    from madeus.cli.rollout_choice import choose_rollout
    from madeus.fleet.amounts import written_stages
    from madeus.fleet.settings import read_settings

    _, model = load(file, quiet=True)
    staging = read_settings(choose_rollout(model, name)).staging
    own = written_stages(staging.batches) if staging.batches else staging.protocol
    return tuple(dict.fromkeys((own, *PROTOCOLS))), staging.representatives, staging.threshold


def _sizes(machines: int, clusters: str) -> tuple[int, ...]:
    try:
        numbers = [int(word) for word in clusters.split(",")]
    except ValueError:
        raise InputError(f"--clusters {clusters}: write a number, or sizes as 4,4,8") from None
    if len(numbers) > 1:
        return tuple(numbers)
    count = numbers[0]
    if not 1 <= count <= machines:
        raise InputError(f"--clusters {clusters}: there have to be 1 to {machines}")
    size, more = divmod(machines, count)
    return tuple(size + (c < more) for c in range(count))


def _problems(texts: tuple[str, ...], scenario: Scenario) -> tuple[Problem, ...]:
    from madeus.fleet.scenario import usual

    if texts == ("none",):
        return ()
    if not texts:
        return usual(scenario.machines, len(scenario.sizes)).problems
    return tuple(_problem(text) for text in texts)


def _problem(text: str) -> Problem:
    from madeus.fleet.scenario import Problem

    found = _PROBLEM.fullmatch(text)
    clusters: list[int] = []
    misplaced: list[tuple[int, int]] = []
    for word in found[2].split(",") if found else ():
        if match := _MISPLACED.fullmatch(word.strip()):
            misplaced.append((int(match[2]) - 1, int(match[1])))
        elif match := _WHOLE.fullmatch(word.strip()):
            clusters.extend(range(int(match[1]) - 1, int(match[2] or match[1])))
        else:
            found = None
    if found is None:
        raise InputError(f'--problem "{text}": write it as "A: 1-2" or "B: 1 in 3, 1 in 4"')
    return Problem(found[1], tuple(clusters), tuple(misplaced))


def _check(protocols: tuple[str, ...]) -> None:
    from madeus.diagnostics.suggest import nearest
    from madeus.fleet.amounts import own_stages
    from madeus.fleet.protocol import PROTOCOLS as KNOWN

    for protocol in protocols:
        try:
            own = own_stages(protocol)
        except ValueError as error:
            raise InputError(f"--protocol {protocol}: {error}") from error
        if own is None and protocol not in KNOWN:
            near = nearest(protocol, KNOWN)
            hint = f"; did you mean {near}?" if near else f"; there is: {', '.join(KNOWN)}, stages [1, 10, 50%]"
            raise InputError(f"--protocol {protocol}: there is none of that name{hint}")


def _draw(output: Path, scenario: Scenario, outcomes: list[Outcome], table: Sensitivity) -> None:
    from madeus.view.rollout import rollout_page, rollout_svg

    if output.suffix not in (".svg", ".html"):
        raise InputError(f"--output {output}: the name has to end in .svg or .html")
    title = f"{scenario.machines:,} machines in {len(scenario.sizes)} clusters"
    text = rollout_svg(outcomes) if output.suffix == ".svg" else rollout_page(title, outcomes, table)
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--output {output}: {error.strerror}") from error


def _print(scenario: Scenario, outcomes: list[Outcome], table: Sensitivity, by_cluster: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from madeus.fleet.times import span

    console = Console(highlight=False, soft_wrap=True)
    count = len(scenario.problems)
    console.print(
        f"{scenario.machines:,} machines in {len(scenario.sizes)} clusters, {count} problem{'s' * (count != 1)}; download "
        f"{scenario.download}, test {scenario.test}, fix {scenario.fix}"
    )
    main = Table(box=None, pad_edge=False, header_style="bold")
    main.add_column("protocol", no_wrap=True)
    for head in ("faulty", "machines", "done after", "first cluster", "median"):
        main.add_column(head, justify="right", no_wrap=True)
    for o in outcomes:
        latency = sorted(o.latency)
        middle = span(latency[len(latency) // 2])
        main.add_row(o.protocol, f"{o.faulty:,}", f"{o.hit:,}", span(o.completion), span(latency[0]), middle)
    console.print(main)
    if by_cluster:
        console.print("\ncluster by cluster, done after")
        clusters = Table(box=None, pad_edge=False, header_style="bold")
        for head in ("cluster", "machines", *(o.protocol for o in outcomes)):
            clusters.add_column(head, justify="right", no_wrap=True)
        for cluster, size in enumerate(scenario.sizes):
            clusters.add_row(str(cluster + 1), f"{size:,}", *(span(o.latency[cluster]) for o in outcomes))
        console.print(clusters)
    if not scenario.problems:
        return
    console.print("\ndone after, when a fix takes")
    fixes = Table(box=None, pad_edge=False, header_style="bold")
    fixes.add_column("protocol", no_wrap=True)
    for fix in table.fixes:
        fixes.add_column(str(fix), justify="right")
    for name, row in table.rows:
        fixes.add_row(name, *(span(o.completion) for o in row))
    console.print(fixes)


def _as_json(scenario: Scenario, outcomes: list[Outcome], table: Sensitivity) -> dict[str, Any]:
    return {
        "machines": scenario.machines,
        "clusters": list(scenario.sizes),
        "problems": [p.name for p in scenario.problems],
        "protocols": [
            {
                "protocol": o.protocol,
                "faulty_upgrades": o.faulty,
                "machines_hit": o.hit,
                "representatives_hit": o.hit_first,
                "seconds": o.completion,
                "cluster_seconds": list(o.latency),
                "fixed": [{"problem": p, "seconds": t} for t, p in o.releases],
                "upgraded": [[t, share] for t, share in o.upgraded(100)],
            }
            for o in outcomes
        ],
        "sensitivity": [
            {"protocol": name, "fix_seconds": fix.mean, "seconds": o.completion, "faulty_upgrades": o.faulty}
            for name, row in table.rows
            for fix, o in zip(table.fixes, row, strict=True)
        ],
    }
