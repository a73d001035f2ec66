"""Clustering a fleet: first by what means something, exactly; then by what does not, to a diameter.

Phase 1 puts machines together that have the same dependent applications and the same parsed items that differ from
the reference. Phase 2 splits each such group by the content items: quality-threshold clustering, Manhattan distance
(Crameri et al.: Staged deployment in Mirage, SOSP 2007, section 3.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from operator import itemgetter

from madeus.fleet.clusters import Cluster
from madeus.fleet.fingerprint import Fingerprint
from madeus.fleet.granularity import REMEMBERED, Coarsening, Granularity
from madeus.fleet.quality_threshold import Found, quality_threshold

Items = frozenset[str]

EXACT = Granularity()
"""Everything is looked at exactly."""


@dataclass(frozen=True, slots=True)
class Clustering:
    """Clusters of a fleet and what they were made with."""

    clusters: tuple[Cluster, ...]
    """The nearest to the reference first; then the largest, then the smallest machine's name."""
    reference: Fingerprint
    """As it was given, not coarsened."""
    diameter: int = 0
    granularity: Granularity = field(default_factory=Granularity)

    def cluster_of(self, machine: str) -> Cluster:
        """The cluster that a machine is in. Raises LookupError."""
        for cluster in self.clusters:
            if machine in cluster.machines:
                return cluster
        raise LookupError(f"no cluster has the machine {machine}")


def cluster_fleet(
    fingerprints: Iterable[Fingerprint],
    reference: Fingerprint,
    diameter: int = 0,
    granularity: Granularity = EXACT,
) -> Clustering:
    """Cluster machines. `fingerprints` is gone through once; what is kept of each is what differs from the reference.

    diameter: the largest number of content items in which two machines of a cluster differ, 0 or more.
    Equal results for any order of the machines. Raises ValueError for a machine that comes twice and a negative diameter.
    """
    if diameter < 0:
        raise ValueError(f"a diameter of {diameter}: give 0 or more")
    groups = group_parsed(fingerprints, reference, granularity)
    known = _Differences(reference, granularity).reference
    made: list[tuple[tuple[object, ...], Cluster]] = []
    for (parsed, applications), contents in groups.items():
        sets = sorted(contents, key=sorted)
        weights = [len(contents[one]) for one in sets]
        for found in quality_threshold(sets, weights, diameter):
            chosen = [(sets[point], contents[sets[point]]) for point in found.central]
            cluster = _cluster(parsed, applications, chosen, found, known)
            made.append(((cluster.distance, -len(cluster.machines), cluster.machines[0]), cluster))
    made.sort(key=lambda pair: pair[0])
    width = len(str(len(made)))
    clusters = tuple(replace(cluster, name=f"c{number:0{width}}") for number, (_, cluster) in enumerate(made, 1))
    return Clustering(clusters, reference, diameter, granularity)


def group_parsed(
    fingerprints: Iterable[Fingerprint], reference: Fingerprint, granularity: Granularity
) -> dict[tuple[Items, Items], dict[Items, list[str]]]:
    """Phase 1: by (parsed items that differ, applications), then by content items that differ: the machines.

    Raises ValueError for a machine that comes twice.
    """
    differences = _Differences(reference, granularity)
    groups: dict[tuple[Items, Items], dict[Items, list[str]]] = {}
    seen: set[str] = set()
    for fingerprint in fingerprints:
        if fingerprint.machine in seen:
            raise ValueError(f"the machine {fingerprint.machine} comes twice")
        seen.add(fingerprint.machine)
        key = (differences.parsed(fingerprint), fingerprint.applications)
        groups.setdefault(key, {}).setdefault(differences.content(fingerprint), []).append(fingerprint.machine)
    return groups


class _Differences:
    """What differs from the reference; each set of items is worked on once."""

    def __init__(self, reference: Fingerprint, granularity: Granularity) -> None:
        self._coarsening = Coarsening(granularity)
        self._parsed = self._coarsening.coarsen(reference.parsed)
        self._content = self._coarsening.coarsen(reference.content)
        self._known: dict[tuple[Items, bool], Items] = {}

    @property
    def reference(self) -> Items:
        """All items of the reference."""
        return self._parsed | self._content

    def parsed(self, fingerprint: Fingerprint) -> Items:
        return self._difference(fingerprint.parsed, self._parsed, True)

    def content(self, fingerprint: Fingerprint) -> Items:
        return self._difference(fingerprint.content, self._content, False)

    def _difference(self, items: Items, reference: Items, parsed: bool) -> Items:
        key = (items, parsed)
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = self._coarsening.coarsen(items) ^ reference
        return self._known[key]


def _cluster(
    parsed: Items, applications: Items, contents: list[tuple[Items, list[str]]], found: Found, reference: Items
) -> Cluster:
    """contents: content items and the machines that have them, the most central ones first."""
    medoid = contents[0][0]
    medoids = tuple(machine for _, machines in contents for machine in sorted(machines))
    differs = parsed | medoid
    apart = [(content ^ medoid, machines) for content, machines in contents[1:]]
    deviating = sorted(((machine, items) for items, machines in apart for machine in machines), key=itemgetter(0))
    lacks = (differs & reference).union(*(items & reference for items, _ in apart))
    return Cluster(
        *("", tuple(sorted(medoids)), differs, len(differs), medoids, applications, found.diameter, lacks),
        deviating=tuple(deviating),
    )
