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
