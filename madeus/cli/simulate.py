"""``madeus simulate``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.api import DURATION_KINDS, choose_durations
from madeus.cli.loading import InputError, choose_system, load, system_options

if TYPE_CHECKING:
    from madeus.semantics import Simulation, System
    from madeus.semantics.time import Durations

FAILED = 1


@click.command(
    epilog="Exit codes: 0 everything finished, 1 deadlock or bound of steps reached, 2 bad input.",
)
@click.argument("file", type=click.Path())
@system_options
@click.option(
    "--durations",
    "-d",
    metavar="KIND|FILE",
    default=None,
    help='min, mean, max or random within the intervals, or a JSON file {"instance.transition": seconds}; what the file does '
    "not name takes the mean. Default: mean, or random when --seed is given.",
)
@click.option("--seed", type=int, help="Seed of random durations.")
@click.option(
    "--trace", "trace_file", type=click.Path(dir_okay=False), help="Write the trace as JSON; - for standard output."
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=10_000_000, help="Bound of the number of steps.", show_default=True
)
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--gantt/--no-gantt", default=None, help="Draw the timeline. Default: up to 60 transitions.")
def simulate(
    file: str,
    assembly: str | None,
    programs: tuple[str, ...],
    settings: tuple[str, ...],
    durations: str | None,
    seed: int | None,
    trace_file: str | None,
    steps: int,
    form: str,
    gantt: bool | None,
) -> None:
    """Run an assembly under a virtual clock; print its makespan and critical path.

    \b
    Examples:
      madeus simulate examples/openstack.madeus
      madeus simulate examples/openstack.madeus --durations examples/openstack/nova-remote.json
      madeus simulate examples/openstack.madeus --durations random --seed 7 --trace out.json
      madeus simulate examples/site.madeus --program install --program upgrade
    """
    from madeus.semantics import simulate as run_simulation

    _, model = load(file, settings)
    system = choose_system(model, assembly, programs)
    result = run_simulation(system, _durations(durations, seed, system), steps=steps)
    if trace_file is not None:
        _write_trace(trace_file, result, system)
    if form == "json":
        print(json.dumps(_summary(result), indent=1))
    elif trace_file != "-":
        _print(result, system, gantt)
    if result.deadlock is not None or result.truncated:
        sys.exit(FAILED)


def _durations(choice: str | None, seed: int | None, system: System) -> Durations:
    if choice is None:
        choice = "mean" if seed is None else "random"
    if choice not in DURATION_KINDS:
        return choose_durations(_read_table(Path(choice), system))
    return choose_durations(choice, seed)


def _read_table(path: Path, system: System) -> dict[str, float]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"--durations {path}: {reason}; give {', '.join(DURATION_KINDS)} or a JSON file") from error
    try:
        table = json.loads(text)
    except ValueError as error:
        raise InputError(f"--durations {path}: not JSON: {error}") from error
    if not isinstance(table, dict):
        raise InputError(f'--durations {path}: wanted an object {{"instance.transition": seconds}}')
    known = {
        f"{base}.{transition}"
        for name, instance in system.instances.items()
        for base in (name, name.partition("[")[0])
        for transition in system.assembly.types[instance.type].transition
    }
    for name, seconds in table.items():
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not number or not 0 <= seconds < float("inf"):
            raise InputError(f"--durations {path}: {name}: {seconds!r} is not a duration in seconds")
        if name not in known:
            raise InputError(f"--durations {path}: {system.assembly.name} has no transition {name}")
    return table


def _write_trace(target: str, result: Simulation, system: System) -> None:
    from madeus.view.document import document
    from madeus.view.page import Banner

    banner = None
    if result.deadlock is not None:
        banner = Banner(
            "Deadlock: nothing can move, and not everything has finished", tuple(str(result.deadlock).splitlines())
        )
    text = (
        json.dumps(
            document(result.trace, system.assembly, system.programs, banner=banner, begin=system.begin), indent=1
        )
        + "\n"
    )
    if target == "-":
        print(text, end="")
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--trace {target}: {error.strerror}") from error


def _summary(result: Simulation) -> dict[str, object]:
    trace = result.trace
    return {
        "assembly": trace.assembly,
        "stages": [list(stage) for stage in trace.stages],
        "outcome": "truncated" if result.truncated else "deadlock" if result.deadlock else "done",
        "makespan": round(trace.makespan, 9),
        "steps": len(trace.events),
        "transitions": len(trace.executions),
        "critical_path": [
            {"component": e.component, "transition": e.transition, "start": e.start, "end": e.end}
            for e in trace.critical_executions
        ],
        "deadlock": str(result.deadlock).splitlines() if result.deadlock else None,
    }


MOST_BARS = 60


def _print(result: Simulation, system: System, gantt: bool | None) -> None:
    from dataclasses import replace

    from madeus.view.gantt import critical_path_text, gantt_text

    trace = result.trace
    if gantt or (gantt is None and len(trace.executions) <= MOST_BARS):
        # Those that a program adds have hosts, too.
        print(gantt_text(trace, replace(system.assembly, instances=tuple(system.instances.values()))))
    print(critical_path_text(trace))
    print(f"makespan {trace.makespan:.3f} s, {len(trace.executions)} transitions, {len(trace.events)} steps")
    if result.truncated:
        print(
            f"cut after {len(trace.events)} steps: a behavior may never end (--steps N raises the bound)",
            file=sys.stderr,
        )
    elif result.deadlock is not None:
        print(f"deadlock: nothing can move, and not everything has finished\n{result.deadlock}", file=sys.stderr)
