"""Planning at scale, beside the published times of an SMT planner for the same cases.

    python benchmarks/planner.py [--most 100] [--linear 1000]

Our seconds are for planning and, apart, for the checker's proof that every run of the program ends at the goal; the ratio is
the published total, measured on another machine, over the sum of both. ``behaviors`` counts the pushes, ours and theirs;
``waits`` the waits of our program. Sources of the numbers: ``data/planner.md``.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.planner_families import DATA, FAMILIES, VARIANTS, case
from madeus.model import Push, WaitAll, WaitComponent, WaitPush
from madeus.planner import plan

SIZES = (10, 30, 100)


def published() -> dict[tuple[str, str, int], dict[str, str]]:
    """The published rows."""
    with (DATA / "planner_published.csv").open(encoding="utf-8") as file:
        return {(r["architecture"], r["reconfiguration"], int(r["components"])): r for r in csv.DictReader(file)}


def measure(family: str, variant: str, size: int, row: dict[str, str] | None) -> str:
    """One line of the table."""
    assembly, target = case(family, variant, size)
    found = plan(assembly, target)
    pushes = sum(isinstance(i, Push) for i in found.program.instructions)
    waits = sum(isinstance(i, WaitComponent | WaitPush | WaitAll) for i in found.program.instructions)
    total = found.seconds + found.proof.seconds
    theirs = row["total_s"] if row is not None else "-"
    ratio = f"{float(theirs) / total:,.0f}x" if theirs not in ("-", "N/A") else "-"
    behaviors = f"{pushes}/{row['behaviors'] if row is not None else '-'}"
    return (
        f"{family:18}{variant:14}{size:>6}{found.seconds:>9.3f}{found.proof.seconds:>9.3f}{theirs:>11}{ratio:>10}"
        f"{behaviors:>12}{waits:>7}  {found.proof.engine}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=100, help="largest size of the families")
    parser.add_argument("--linear", type=int, default=1000, help="size of one more linear update; 0: none")
    options = parser.parse_args()
    rows = published()
    print(
        f"{'family':18}{'case':14}{'n':>6}{'plan s':>9}{'proof s':>9}{'published':>11}{'ratio':>10}"
        f"{'behaviors':>12}{'waits':>7}"
    )
    for family in FAMILIES:
        for variant in VARIANTS:
            sizes = SIZES if family != "openstack" else (11,) if variant == "update" else ()
            for size in sizes:
                if size <= options.most:
                    print(measure(family, variant, size, rows.get((family, variant, size))))
    if options.linear:
        print(measure("linear", "update", options.linear, None))


if __name__ == "__main__":
    main()
