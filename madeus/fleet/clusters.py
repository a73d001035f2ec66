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
