"""How long a simulated rollout takes: python benchmarks/rollout_simulate.py"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

from madeus.fleet.scenario import usual
from madeus.fleet.simulation import simulate
from madeus.fleet.times import parse_time

PROTOCOLS = ("no_staging", "balanced", "front_loading", "random")


def main() -> None:
    """Every protocol, constants and distributions, 10^5 and 10^6 machines."""
    for machines in (100_000, 1_000_000):
        constant = usual(machines)
        drawn = replace(
            constant,
            download=parse_time("1min..10min"),
            test=parse_time("lognormal 10min 5min"),
            offline=0.05,
            threshold=0.95,
        )
        many = replace(drawn, sizes=(machines // 1000,) * 1000, problems=constant.problems)
        for name, scenario in (("constants", constant), ("distributions", drawn), ("1,000 clusters", many)):
            total = 0.0
            for protocol in PROTOCOLS:
                began = perf_counter()
                simulate(scenario, protocol)
                seconds = perf_counter() - began
                total += seconds
                print(f"{machines:>9,} machines  {name:<15}{protocol:<15}{seconds:8.3f} s")
            print(f"{machines:>9,} machines  {name:<15}{'all of them':<15}{total:8.3f} s")


if __name__ == "__main__":
    main()
