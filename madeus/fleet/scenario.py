"""What is simulated: a fleet of clusters, the problems of an upgrade, and how long everything takes."""

from __future__ import annotations

from dataclasses import dataclass

from madeus.fleet.protocol import Shape
from madeus.fleet.times import Law, Time

MOST_PROBLEMS = 62
"""Problems are bits of a 64-bit word."""

DOWNLOAD, TEST, FIX, BACK = (Time(Law.CONSTANT, seconds) for seconds in (300.0, 600.0, 30_000.0, 86_400.0))
"""The times unless others are given: 5 and 10 minutes, 500 minutes, a day."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with the upgrade on some machines."""

    name: str
    clusters: tuple[int, ...] = ()
    """Clusters of which every machine has it."""
    misplaced: tuple[tuple[int, int], ...] = ()
    """Cluster and number of machines in it that have it though they look like the others; none of them represents it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fleet and an upgrade. Times in seconds."""

    sizes: tuple[int, ...]
    """Machines of each cluster."""
    problems: tuple[Problem, ...] = ()
    distances: tuple[int, ...] = ()
    """Of each cluster from the reference; empty: in the order of the clusters."""
    representatives: int = 1
    threshold: float = 1.0
    download: Time = DOWNLOAD
    test: Time = TEST
    fix: Time = FIX
    vendor: int = 1
    """Problems that are worked on at once; 0: all of them."""
    offline: float = 0.0
    """Share of machines, representatives left out, that are offline at the start."""
    back: Time = BACK
    """When an offline machine is back, from the start."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for clusters that are not there, or have no room."""
        if not self.sizes or min(self.sizes) < 1:
            raise ValueError("there has to be a cluster, and a machine in each")
        if self.distances and len(self.distances) != len(self.sizes):
            raise ValueError("there has to be a distance for each cluster, or none")
        if len(self.problems) > MOST_PROBLEMS:
            raise ValueError(f"more than {MOST_PROBLEMS} problems")
        for problem in self.problems:
            for cluster in (*problem.clusters, *(c for c, _ in problem.misplaced)):
                if not 0 <= cluster < len(self.sizes):
                    raise ValueError(f"problem {problem.name}: there is no cluster {cluster + 1}")
            for cluster, count in problem.misplaced:
                room = self.sizes[cluster] - self.representatives
                if count > room:
                    raise ValueError(
                        f"problem {problem.name}: cluster {cluster + 1} has {max(room, 0)} machines beside its "
                        f"representatives, not {count}"
                    )

    @property
    def machines(self) -> int:
        """All of them."""
        return sum(self.sizes)

    def shape(self, protocol: str) -> Shape:
        """The waves of a protocol for these clusters."""
        from madeus.fleet.protocol import PROTOCOLS

        return PROTOCOLS[protocol](self.distances or tuple(range(len(self.sizes))), self.seed)


def usual(machines: int = 100_000, clusters: int = 20) -> Scenario:
    """A fleet of equal clusters: one problem in three clusters of the middle, two more in one cluster each."""
    size, more = divmod(machines, clusters)
    sizes = tuple(size + (c < more) for c in range(clusters))
    at = [round(clusters * share) for share in (0.2, 0.4, 0.45, 0.5, 0.75)]
    spread = tuple(dict.fromkeys(min(c, clusters - 1) for c in at[1:4]))
    problems = (Problem("A", spread), Problem("B", (at[0],)), Problem("C", (min(at[4], clusters - 1),)))
    return Scenario(sizes, problems)
