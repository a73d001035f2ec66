"""The stages of a rollout: which machines test first, which follow, and how many have to do well before the next ones begin."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from madeus.fleet.amounts import Amount, at_least, batch
from madeus.fleet.clusters import Cluster
from madeus.fleet.protocol import PROTOCOLS, Part


class Kind(StrEnum):
    """What a stage is."""

    REPRESENTATIVES = "representatives"
    REST = "rest"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Stage:
    """Machines that get the upgrade together."""

    name: str
    kind: Kind
    machines: tuple[str, ...]
    cluster: str | None = None
    """None: machines of several clusters."""
    threshold: float = 1.0
    """Share of the machines that have to pass."""
    wave: int = 0
    """Stages of one wave go on side by side; a wave begins when every stage of the one before has passed."""
    whole: str = ""
    """Name of the stage that it is a batch of, whose threshold is counted over all of its batches; empty: of none."""

    @property
    def required(self) -> int:
        """How many machines have to pass: never fewer than the share."""
        return at_least(self.threshold, len(self.machines))


@dataclass(frozen=True, slots=True)
class Stages:
    """A whole rollout."""

    protocol: str
    stages: tuple[Stage, ...]
    """In order of their waves."""
    representatives: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Of each cluster."""
    clusters: tuple[Cluster, ...] = ()
    """Those that are upgraded."""
    left_out: tuple[Cluster, ...] = ()
    """Clusters of which no machine can test: they are not touched."""

    @property
    def waves(self) -> tuple[tuple[Stage, ...], ...]:
        """The stages of each wave, in order."""
        count = max((s.wave for s in self.stages), default=-1) + 1
        return tuple(tuple(s for s in self.stages if s.wave == wave) for wave in range(count))

    def standing(self, stage: Stage, passed: Collection[str]) -> tuple[int, int, int]:
        """Machines of a stage that have passed, all of them, and how many have to.

        Of a batch: counted over it and the batches before it; what may be missing of the whole may be missing already.
        """
        if not stage.whole:
            return sum(m in passed for m in stage.machines), len(stage.machines), stage.required
        batches = [s for s in self.stages if s.whole == stage.whole]
        total = sum(len(s.machines) for s in batches)
        spare = total - at_least(stage.threshold, total)
        so_far = [m for s in batches if s.wave <= stage.wave for m in s.machines]
        return sum(m in passed for m in so_far), len(so_far), max(0, len(so_far) - spare)

    @property
    def machines(self) -> tuple[str, ...]:
        """All machines that the rollout touches, in the order in which they are touched."""
        return tuple(m for stage in self.stages for m in stage.machines)

    @property
    def widest(self) -> int:
        """The greatest number of machines that are upgraded at once."""
        return max((sum(len(s.machines) for s in wave) for wave in self.waves), default=0)


@dataclass(frozen=True, slots=True)
class Staging:
    """How a fleet is cut into stages."""

    protocol: str = "balanced"
    batches: tuple[Amount, ...] = ()
    """Own stages in place of a protocol: sizes of batches, shares of the whole fleet; the last one is repeated."""
    representatives: int = 1
    """Of each cluster."""
    threshold: float = 1.0
    """Share of a cluster's rest, or of a batch, that has to pass; representatives have to pass all."""
    at_once: int | None = None
    """Machines that are upgraded at once in a stage, at most; None: all of it."""
    seed: int = 0


def choose_representatives(cluster: Cluster, count: int, able: Collection[str]) -> tuple[str, ...]:
    """Machines of a cluster that test first: the most central ones of those that are able to."""
    candidates = dict.fromkeys((*cluster.medoids, *cluster.machines))
    return tuple(m for m in candidates if m in able)[:count]


def make_stages(
    clusters: Sequence[Cluster],
    staging: Staging,
    online: Collection[str] | None = None,
    tested: Collection[str] | None = None,
) -> Stages:
    """The stages of a fleet.

    online: machines that can be reached; tested: machines that have a test; None: all. A cluster without a machine that is both
    is left out, since nothing would be known of it. Raises ValueError for an unknown protocol or machines in two clusters.
    """
    everyone = [m for cluster in clusters for m in cluster.machines]
    if len(set(everyone)) != len(everyone):
        raise ValueError("a machine stands in two clusters")
    able = set(everyone if online is None else online) & set(everyone if tested is None else tested)
    chosen = {c.name: choose_representatives(c, staging.representatives, able) for c in clusters}
    left_out = tuple(c for c in clusters if c.machines and not chosen[c.name])
    kept = [c for c in clusters if chosen[c.name]]
    representatives = tuple((c.name, chosen[c.name]) for c in kept)
    if staging.batches:
        stages = _batches(kept, chosen, staging)
        return Stages("stages", _narrowed(stages, staging.at_once), representatives, tuple(kept), left_out)
    if staging.protocol not in PROTOCOLS:
        raise ValueError(f"no protocol {staging.protocol}")
    shape = PROTOCOLS[staging.protocol]([c.distance for c in kept], staging.seed)
    stages = []
    for number, wave in enumerate(shape):
        for pieces in wave:
            machines: list[str] = []
            for index, part in pieces:
                cluster, first = kept[index], chosen[kept[index].name]
                machines += first if part is Part.REPRESENTATIVES else [m for m in cluster.machines if m not in first]
            if machines:
                stages.append(_stage(pieces, kept, machines, number, staging))
    return Stages(
        staging.protocol, _narrowed(_renumbered(stages), staging.at_once), representatives, tuple(kept), left_out
    )


def _stage(
    pieces: Sequence[tuple[int, Part]], clusters: Sequence[Cluster], machines: list[str], wave: int, staging: Staging
) -> Stage:
    if len(pieces) > 1:
        return Stage("all", Kind.BATCH, tuple(machines), None, staging.threshold, wave)
    index, part = pieces[0]
    name = clusters[index].name
    if part is Part.REPRESENTATIVES:
        return Stage(f"{name} representatives", Kind.REPRESENTATIVES, tuple(machines), name, 1.0, wave)
    return Stage(f"{name} rest", Kind.REST, tuple(machines), name, staging.threshold, wave)


def _batches(clusters: Sequence[Cluster], chosen: dict[str, tuple[str, ...]], staging: Staging) -> list[Stage]:
    """Own batches: representatives come first, the nearest cluster first, then the rest in the same order."""
    near = sorted(clusters, key=lambda c: c.distance)
    order = [m for c in near for m in chosen[c.name]]
    order += [m for c in near for m in c.machines if m not in chosen[c.name]]
    of = {m: c.name for c in clusters for m in c.machines}
    stages: list[Stage] = []
    taken = 0
    while taken < len(order):
        amount = staging.batches[min(len(stages), len(staging.batches) - 1)]
        machines = tuple(order[taken : taken + batch(amount, len(order))])
        taken += len(machines)
        names = {of[m] for m in machines}
        cluster = names.pop() if len(names) == 1 else None
        number = len(stages) + 1
        stages.append(Stage(f"batch {number}", Kind.BATCH, machines, cluster, staging.threshold, number - 1))
    return stages


def _renumbered(stages: Sequence[Stage]) -> list[Stage]:
    """Without the waves in which there is nothing to do."""
    number = {wave: index for index, wave in enumerate(sorted({s.wave for s in stages}))}
    return [replace(s, wave=number[s.wave]) for s in stages]


def _narrowed(stages: Sequence[Stage], at_once: int | None) -> tuple[Stage, ...]:
    """Stages of at most so many machines, one after another."""
    if at_once is None:
        return tuple(stages)
    found: list[Stage] = []
    wave = -1
    for number in sorted({s.wave for s in stages}):
        room = 0
        for stage in (s for s in stages if s.wave == number):
            cut = len(stage.machines) > at_once
            for at in range(0, len(stage.machines), at_once):
                machines = stage.machines[at : at + at_once]
                if room < len(machines) or cut:
                    wave, room = wave + 1, at_once
                room -= len(machines)
                name = f"{stage.name} {at // at_once + 1}" if cut else stage.name
                found.append(replace(stage, name=name, machines=machines, wave=wave, whole=stage.name if cut else ""))
    return tuple(found)
