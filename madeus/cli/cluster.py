"""``madeus cluster``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madeus.cli.failing import ExecutionError
from madeus.cli.fleeting import choose_reference, load_fleet, machine_of
from madeus.cli.loading import InputError

if TYPE_CHECKING:
    from madeus.fleet.apart import Apart
    from madeus.fleet.clustering import Clustering
    from madeus.fleet.clusters import Cluster
    from madeus.fleet.granularity import Granularity

PATH = click.Path(dir_okay=False, path_type=Path)
DRAWN = ("dot", "svg", "png")
KEYS = 8
"""Keys that are shown of each cluster, and machines."""


@click.command(epilog="Exit codes: 0 done, 1 Graphviz is missing or failed, 2 bad input.")
@click.argument("fleet", type=PATH)
@click.option(
    "--diameter", "-d", type=click.IntRange(0), default=0, show_default=True, help="Pieces of content that may differ."
)
@click.option("--reference", metavar="MACHINE|FLEET", help="Distances are from here. Default: what most machines are.")
@click.option(
    "--granularity",
    "-g",
    "rules",
    multiple=True,
    metavar="PATTERN=GRAIN",
    help="exact, major, presence or ignore for the items of a pattern, as 'package/php*=major'; the last that matches "
    "decides.",
)
@click.option("--explain", nargs=2, metavar="A B", help="Why two machines are apart.")
@click.option("--all", "everything", is_flag=True, help="Show all that differs and all machines.")
@click.option(
    "--format", "-f", "form", type=click.Choice(["text", "json", *DRAWN]), help="Default: by --output, else text."
)
@click.option("--output", "-o", type=PATH, help="File to write. Default: standard output.")
def cluster(
    fleet: Path,
    diameter: int,
    reference: str | None,
    rules: tuple[str, ...],
    explain: tuple[str, str] | None,
    everything: bool,
    form: str | None,
    output: Path | None,
) -> None:
    """Put machines of a fleet file together that behave alike: the same parsed items, and nearly the same content.

    `madeus fingerprint` writes fleet files; `madeus rollout --clusters` reads what --format json writes.

    \b
    Examples:
      madeus cluster fleet.json
      madeus cluster fleet.json -d 2 -g 'package/*=major' --format json -o clusters.json
      madeus cluster fleet.json --explain db1 db7
      madeus cluster fleet.json -o clusters.svg
    """
    form = form or _format_of(output)
    known = load_fleet(fleet)
    base = choose_reference(known, reference)
    pair = tuple(machine_of(known, name) for name in explain) if explain else ()
    granularity = _granularity(rules)
    try:
        from madeus.fleet.clustering import cluster_fleet
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise ExecutionError("clustering needs the Python package numpy", "pip install 'madeus[fast]'", 1) from error
    found = cluster_fleet(known.machines.values(), base, diameter, granularity)
    if pair:
        from madeus.fleet.apart import apart

        _write((_apart_text if form == "text" else _apart_json)(apart(found, pair[0], pair[1])), output)
    elif form == "json":
        _write(json.dumps(_document(found), indent=1) + "\n", output)
    elif form == "text":
        _write(_text(found, everything), output)
    else:
        _draw(found, form, output)


def _format_of(output: Path | None) -> str:
    ending = output.suffix.lower()[1:] if output else ""
    if ending in (*DRAWN, "json"):
        return ending
    return "dot" if ending == "gv" else "text"


def _granularity(rules: tuple[str, ...]) -> Granularity:
    from madeus.fleet.granularity import Granularity, parse_rule

    try:
        return Granularity(tuple(map(parse_rule, rules)))
    except ValueError as error:
        raise InputError(f"--granularity: {error}") from error


def _document(found: Clustering) -> dict[str, Any]:
    return {
        "reference": found.reference.machine,
        "diameter": found.diameter,
        "granularity": [f"{rule.pattern}={rule.grain}" for rule in found.granularity.rules],
        "clusters": [
            {
                "name": one.name,
                "machines": one.machines,
                "distance": one.distance,
                "differs": sorted(one.differs),
                "medoids": one.medoids,
                "applications": sorted(one.applications),
                "diameter": one.diameter,
                "lacks": sorted(one.lacks),
                "deviating": {machine: sorted(items) for machine, items in one.deviating},
            }
            for one in found.clusters
        ],
    }


def _text(found: Clustering, everything: bool) -> str:
    machines = sum(len(one.machines) for one in found.clusters)
    lines = [
        f"{_count(machines, 'machine')} in {_count(len(found.clusters), 'cluster')}, diameter {found.diameter}, "
        f"reference {found.reference.machine or 'without a name'}"
    ]
    for one in found.clusters:
        lines += ["", *_cluster_lines(found, one, None if everything else KEYS)]
    return "\n".join(lines) + "\n"


def _cluster_lines(found: Clustering, one: Cluster, most: int | None) -> list[str]:
    from madeus.fleet.apart import differences

    shown = one.medoids[:most]
    more = f" and {len(one.medoids) - len(shown)} more" if len(shown) < len(one.medoids) else ""
    distance = f"{_count(one.distance, 'item')} from the reference" if one.distance else "as the reference"
    lines = [f"{one.name}  {_count(len(one.machines), 'machine')}, {distance}", f"  {' '.join(shown)}{more}"]
    if one.applications:
        lines.append(f"  used by {', '.join(sorted(one.applications))}")
    changed = differences(found, one.differs)
    lines += [f"  {change.text}" for change in changed[:most]]
    if most is not None and len(changed) > most:
        lines.append(f"  and {len(changed) - most} more; --all shows them")
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _apart_text(found: Apart) -> str:
    lines = [found.text]
    for heading, listed in (("used by", found.applications), ("parsed", found.parsed), ("content", found.content)):
        if listed:
            lines += [heading, *(f"  {change.text}" for change in listed)]
    return "\n".join(lines) + "\n"


def _apart_json(found: Apart) -> str:
    value = {"machines": found.machines, "clusters": found.clusters, "why": found.why, "distance": found.distance}
    for name in ("applications", "parsed", "content"):
        listed = getattr(found, name)
        value[name] = [{"key": one.key, "before": one.before, "after": one.after} for one in listed]
    return json.dumps(value, indent=1) + "\n"


def _draw(found: Clustering, form: str, output: Path | None) -> None:
    from madeus.view.drawing import Drawing, NotDrawn

    try:
        from madeus.view.clusters import clusters_dot

        source = clusters_dot(found)
        drawn = source.encode() if form == "dot" else Drawing(source).render(form)
    except ModuleNotFoundError as error:
        if error.name != "graphviz":
            raise
        help = "pip install 'madeus[draw]'"
        raise ExecutionError("drawing needs the Python package graphviz", help, 1) from error
    except NotDrawn as error:
        raise ExecutionError(str(error), "", 1) from error
    _write(drawn, output)


def _write(content: str | bytes, output: Path | None) -> None:
    data = content.encode() if isinstance(content, str) else content
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise InputError(f"--output {output}: {error.strerror}") from error
