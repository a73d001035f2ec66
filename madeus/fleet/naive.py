"""Quality-threshold clustering as it is defined, machine by machine: slow, and what the fast one is held against."""

from __future__ import annotations

from collections.abc import Mapping


def naive_quality_threshold(machines: Mapping[str, frozenset[str]], diameter: int) -> list[tuple[str, ...]]:
    """Cluster machines by their sets of items; takes time with the fourth power of their number, or so.

    Ties as in `madeus.fleet.quality_threshold`: the smallest set in sorted order, then the smallest name.
    Clusters are sorted, and the machines in them.
    """
    left = sorted(machines, key=lambda name: (sorted(machines[name]), name))
    clusters: list[tuple[str, ...]] = []
    while left:
        best: list[str] = []
        for seed in left:
            grown = _grow(seed, left, machines, diameter)
            if len(grown) > len(best):
                best = grown
        clusters.append(tuple(sorted(best)))
        left = [name for name in left if name not in best]
    return sorted(clusters)


def _grow(seed: str, left: list[str], machines: Mapping[str, frozenset[str]], diameter: int) -> list[str]:
    members = [seed]
    while True:
        nearest, nearest_distance = "", diameter + 1
        for name in left:
            if name in members:
                continue
            distance = max(len(machines[name] ^ machines[member]) for member in members)
            if distance < nearest_distance:
                nearest, nearest_distance = name, distance
        if not nearest:
            return members
        members.append(nearest)
