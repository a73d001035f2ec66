"""Clustering of fleets: time and memory for 100,000 machines in several shapes, beside the naive algorithm.

    python benchmarks/fleet_cluster.py [--machines 100000] [--only SHAPE]

Each shape runs in a process of its own, which makes the fingerprints (not counted as time, counted as memory) and
clusters them. The naive algorithm is measured on small fleets of the shape `unlike`, and its time extrapolated by the
power that fits the two largest.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import time
from collections.abc import Callable, Iterator
from math import log

from madeus.fleet.clustering import cluster_fleet
from madeus.fleet.fingerprint import Fingerprint
from madeus.fleet.naive import naive_quality_threshold

Items = frozenset[str]


def usual(count: int, rng: random.Random) -> Iterator[Fingerprint]:
    """40 environments of 400 parsed items; of 60 chunks of content two in three machines changed one or two."""
    environments = [frozenset(f"/etc/a/{rng.randrange(600)}/{rng.randrange(3)}" for _ in range(400)) for _ in range(40)]
    chunks = [frozenset(f"/srv/{environment}/{chunk}" for chunk in range(60)) for environment in range(40)]
    for number in range(count):
        which = min(39, int(rng.paretovariate(0.7)) - 1)
        content = chunks[which]
        for _ in range(rng.choice((0, 1, 2))):
            content = content ^ {f"/srv/{which}/{rng.randrange(300)}"}
        yield Fingerprint(f"m{number}", environments[which], content)


def unlike(count: int, rng: random.Random) -> Iterator[Fingerprint]:
    """No two machines have the same content: 2,000 centres of 20 chunks, each machine one to three chunks away from one."""
    centres = [frozenset(f"/c/{rng.randrange(3000)}" for _ in range(20)) for _ in range(max(1, count // 50))]
    seen: set[Items] = set()
    while len(seen) < count:
        content = rng.choice(centres) ^ {f"/c/{rng.randrange(3000)}" for _ in range(rng.randint(1, 3))}
        if content not in seen:
            seen.add(content)
            yield Fingerprint(f"m{len(seen)}", content=content)


def strangers(count: int, rng: random.Random) -> Iterator[Fingerprint]:
    """Nothing is near anything: each machine has 20 of 1,000 chunks."""
    for number in range(count):
        yield Fingerprint(f"m{number}", content=frozenset(f"/c/{rng.randrange(1000)}" for _ in range(20)))


def chain(count: int, rng: random.Random) -> Iterator[Fingerprint]:
    """One component: each machine has five chunks in a row, the next one begins a chunk later."""
    for number in rng.sample(range(count), count):
        yield Fingerprint(f"m{number}", content=frozenset(f"/c/{number + place}" for place in range(5)))


def cube(count: int, rng: random.Random) -> Iterator[Fingerprint]:
    """One component, all of it alike: every subset of eleven chunks."""
    for number in range(count):
        chosen = rng.randrange(1 << 11)
        yield Fingerprint(f"m{number}", content=frozenset(f"/c/{bit}" for bit in range(11) if chosen >> bit & 1))


def wide(count: int, rng: random.Random) -> Iterator[Fingerprint]:
    """A diameter above every distance: 30 of 1,000 chunks each."""
    yield from (Fingerprint(f.machine, content=f.content) for f in strangers(count, rng))


def ball(count: int, rng: random.Random) -> Iterator[Fingerprint]:
    """One component, dense: each machine has two of 600 chunks more than the others; most are within the diameter of
    hundreds."""
    for number in range(count):
        yield Fingerprint(f"m{number}", content=frozenset(f"/c/{chunk}" for chunk in rng.sample(range(600), 2)))


SHAPES: dict[str, tuple[Callable[[int, random.Random], Iterator[Fingerprint]], int]] = {
    "usual": (usual, 3),
    "unlike": (unlike, 4),
    "strangers": (strangers, 3),
    "chain": (chain, 4),
    "wide": (wide, 60),
    "cube": (cube, 3),
    "ball": (ball, 3),
}
"""Shape -> its machines, the diameter."""


def measure(shape: str, count: int) -> tuple[int, int, float, float, float]:
    """Different fingerprints, clusters, seconds, seconds of one processor, peak resident memory in GB."""
    make, diameter = SHAPES[shape]
    fingerprints = list(make(count, random.Random(1)))
    different = len({(f.parsed, f.content) for f in fingerprints})
    begin, used = time.perf_counter(), time.process_time()
    found = cluster_fleet(fingerprints, fingerprints[0], diameter)
    seconds, used = time.perf_counter() - begin, time.process_time() - used
    assert sum(len(cluster.machines) for cluster in found.clusters) == count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return different, len(found.clusters), seconds, used, peak


def naive(sizes: tuple[int, ...], count: int) -> None:
    """Print the naive algorithm's times, and what they come to for `count` machines."""
    times = []
    for size in sizes:
        machines = {f.machine: f.content for f in unlike(size, random.Random(1))}
        begin = time.perf_counter()
        naive_quality_threshold(machines, 3)
        times.append(time.perf_counter() - begin)
        print(f"naive      {size:>8} machines {times[-1]:>10.2f} s")
    power = log(times[-1] / times[-2]) / log(sizes[-1] / sizes[-2])
    hours = times[-1] * (count / sizes[-1]) ** power / 3600
    print(f"naive      {count:>8} machines {hours:>10.0f} h, extrapolated: time grows with the power {power:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, default=100_000)
    parser.add_argument("--only", choices=SHAPES)
    arguments = parser.parse_args()
    print("shape      machines diameter  different  clusters   seconds  processor  peak GB")
    for shape in [arguments.only] if arguments.only else SHAPES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            different, clusters, seconds, used, peak = pool.apply(measure, (shape, arguments.machines))
        diameter = SHAPES[shape][1]
        row = f"{arguments.machines:>8} {diameter:>8} {different:>10} {clusters:>9} {seconds:>9.1f} {used:>10.1f} {peak:>8.2f}"
        print(f"{shape:<10} {row}", flush=True)
    if not arguments.only:
        naive((50, 100, 200), arguments.machines)


if __name__ == "__main__":
    main()
