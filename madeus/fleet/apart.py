"""What tells machines apart, key by key, and why two machines are in different clusters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from madeus.fleet.clustering import Clustering
from madeus.fleet.fingerprint import Fingerprint
from madeus.fleet.granularity import Coarsening
from madeus.fleet.item import split


@dataclass(frozen=True, slots=True)
class Change:
    """One key in which two sets of items differ."""

    key: str
    before: tuple[str, ...]
    """Values of the key in the first set that the second has not, sorted."""
    after: tuple[str, ...]
    """The other way round."""

    @property
    def text(self) -> str:
        """``+ key value``, ``- key value`` or ``~ key before -> after``."""
        before, after = ", ".join(self.before), ", ".join(self.after)
        if self.before and self.after:
            return f"~ {self.key} {before} -> {after}"
        return f"- {self.key} {before}".rstrip() if self.before else f"+ {self.key} {after}".rstrip()


def changes(before: Iterable[str], after: Iterable[str]) -> list[Change]:
    """How one set of items becomes another, sorted by key."""
    first, second = set(before), set(after)
    found: dict[str, tuple[list[str], list[str]]] = {}
    for items, side in ((first - second, 0), (second - first, 1)):
        for item in items:
            key, value = split(item)
            found.setdefault(key, ([], []))[side].append(value)
    return [Change(key, tuple(sorted(old)), tuple(sorted(new))) for key, (old, new) in sorted(found.items())]


def differences(clustering: Clustering, differs: Iterable[str]) -> list[Change]:
    """What of a cluster differs from the reference: `Cluster.differs`, with directions."""
    coarsening = Coarsening(clustering.granularity)
    reference = coarsening.coarsen(clustering.reference.parsed) | coarsening.coarsen(clustering.reference.content)
    items = frozenset(differs)
    return changes(items & reference, items - reference)


class Why(StrEnum):
    """Why two machines are together or apart."""

    TOGETHER = "together"
    APPLICATIONS = "applications"
    """Their dependent applications differ."""
    PARSED = "parsed"
    """Items differ that mean something."""
    DISTANCE = "distance"
    """Their content items are farther apart than the diameter."""
    CROWDED = "crowded"
    """They are near enough, but the cluster of one has others that are too far from the other one, or took them first."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Two machines, and what stands between them."""

    machines: tuple[str, str]
    clusters: tuple[str, str]
    """Their names."""
    why: Why
    applications: tuple[Change, ...]
    parsed: tuple[Change, ...]
    """All of them, whatever the reason is."""
    content: tuple[Change, ...]
    distance: int
    """Between their content items."""
    diameter: int
    """That was asked for."""

    @property
    def _parsed_text(self) -> str:
        number = len(self.parsed)
        return f"{number} settings, packages or libraries differ" if number != 1 else f"{self.parsed[0].key} differs"

    @property
    def text(self) -> str:
        """One sentence."""
        one, other = self.machines
        if self.why is Why.TOGETHER:
            return f"{one} and {other} are together in {self.clusters[0]}"
        reason = {
            Why.APPLICATIONS: "other applications depend on it",
            Why.PARSED: self._parsed_text,
            Why.DISTANCE: f"{self.distance} pieces of content differ, more than the diameter of {self.diameter}",
            Why.CROWDED: f"only {self.distance} pieces of content differ, but a cluster that held both with their "
            f"neighbours would be wider than {self.diameter}",
        }[self.why]
        return f"{one} is in {self.clusters[0]}, {other} in {self.clusters[1]}: {reason}"


def apart(clustering: Clustering, one: Fingerprint, other: Fingerprint) -> Apart:
    """Why two machines of a clustering are apart, or that they are together. Raises LookupError for others."""
    coarsening = Coarsening(clustering.granularity)
    parsed = changes(coarsening.coarsen(one.parsed), coarsening.coarsen(other.parsed))
    contents = coarsening.coarsen(one.content), coarsening.coarsen(other.content)
    distance = len(contents[0] ^ contents[1])
    clusters = clustering.cluster_of(one.machine).name, clustering.cluster_of(other.machine).name
    applications = tuple(
        Change(name, (name,) * (name in one.applications), (name,) * (name in other.applications))
        for name in sorted(one.applications ^ other.applications)
    )
    if clusters[0] == clusters[1]:
        why = Why.TOGETHER
    elif applications:
        why = Why.APPLICATIONS
    elif parsed:
        why = Why.PARSED
    else:
        why = Why.DISTANCE if distance > clustering.diameter else Why.CROWDED
    machines = one.machine, other.machine
    content = tuple(changes(*contents))
    return Apart(machines, clusters, why, applications, tuple(parsed), content, distance, clustering.diameter)
