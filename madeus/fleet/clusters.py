"""Clusters: machines that behave alike with respect to an upgrade."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cluster:
    """Machines of a fleet that are alike."""

    name: str
    machines: tuple[str, ...]
    """Sorted."""
    differs: frozenset[str] = frozenset()
    """Items that differ from the reference, of the medoid."""
    distance: int = 0
    """How many items differ from the reference."""
    medoids: tuple[str, ...] = ()
    """Machines, the most central first."""
    applications: frozenset[str] = frozenset()
    """Dependent applications on each of the machines."""
    diameter: int = 0
    """The largest Manhattan distance between the content items of two of the machines, or an upper bound of it that
    is not above the diameter that was asked for."""
    lacks: frozenset[str] = frozenset()
    """Of all items in which one of the machines differs from the reference those that the reference has."""
    deviating: tuple[tuple[str, frozenset[str]], ...] = ()
    """Machines whose items are not those of the medoid, sorted; and the items in which they differ from it."""

    def difference(self, machine: str) -> tuple[frozenset[str], frozenset[str]]:
        """What the reference has and a machine has not, and what the machine has and the reference has not."""
        items = self.differs ^ next((d for m, d in self.deviating if m == machine), frozenset())
        return items & self.lacks, items - self.lacks
