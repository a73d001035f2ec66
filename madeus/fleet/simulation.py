"""Event-driven simulation of a rollout: what each protocol costs, machines that tested a faulty upgrade and time.

A machine gets the release that is current when it begins, downloads and tests it. When it has a problem that the release has
not fixed the test fails, the machine keeps its old version and reports the problem. The vendor works on problems in the order
of the reports; each fix makes a release. It goes to the machines that failed first, at once; machines that begin later get it
anyway. A stage passes when its share of machines has passed. Machines that share stage, problems and release are one batch of
arrays, so the events are few: starts of waves, first reports, releases, passes of stages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from madeus.fleet.amounts import Amount, at_least, own_stages
from madeus.fleet.amounts import batch as in_batch
from madeus.fleet.protocol import Part, Shape
from madeus.fleet.scenario import Scenario

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Times = NDArray[np.float64]
    Machines = NDArray[np.int64]
    Wave = list[tuple[Machines, float]]
    """Stages that go on side by side: their machines, and the share of them that has to pass."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rollout came to."""

    protocol: str
    faulty: int
    """Tests of faulty upgrades: a machine with two problems may count twice."""
    hit: int
    """Machines that tested a faulty upgrade."""
    hit_first: int
    """Of them, representatives."""
    completion: float
    """When the last machine had passed, in seconds."""
    latency: tuple[float, ...]
    """Of each cluster: when its last machine had passed."""
    passed: Times = field(repr=False, compare=False)
    """When each machine passed; those of a cluster stand together."""
    releases: tuple[tuple[float, str], ...] = ()
    """When each problem was fixed."""

    def upgraded(self, points: int = 400) -> list[tuple[float, float]]:
        """The cumulative share of upgraded machines over time, in at most so many points."""
        times = np.sort(self.passed)
        count = len(times)
        at = np.unique(np.linspace(0, count - 1, min(points, count)).astype(np.int64))
        return [(float(times[i]), (int(i) + 1) / count) for i in at]


def simulate(scenario: Scenario, protocol: str, shape: Shape | None = None) -> Outcome:
    """Simulate one protocol of `PROTOCOLS`, own stages (``stages [1, 10, 50%]``), or another shape under a name of its own.

    Raises KeyError for an unknown protocol, ValueError for sizes that are none.
    """
    if shape is None and (sizes := own_stages(protocol)) is not None:
        return _Run(scenario, _batches(scenario, sizes)).outcome(protocol)
    return _Run(scenario, _waves(scenario, scenario.shape(protocol) if shape is None else shape)).outcome(protocol)


class _Kind(IntEnum):
    """Kinds of events; of those at the same time the first kind comes first."""

    RELEASE = 0
    REPORT = 1
    PASSED = 2


@dataclass(slots=True, eq=False)
class _Stage:
    wave: int
    required: int
    ends: list[Times] = field(default_factory=list)
    """When machines pass, as far as it is known."""
    known: int = 0
    due: float = np.inf
    passed: bool = False


@dataclass(slots=True, eq=False)
class _Batch:
    """Machines of a stage that fail with the same problems under the same release."""

    stage: _Stage
    machines: Machines
    mask: int
    reported: int
    starts: Times
    ends: Times


class _Run:
    def __init__(self, scenario: Scenario, waves: Iterator[Wave]) -> None:
        self._scenario, self._waves = scenario, waves
        self._wave = 0
        self._generator = np.random.default_rng(scenario.seed)
        self._offsets = _offsets(scenario)
        self._masks = _masks(scenario, self._offsets)
        self._online = _online(scenario, self._offsets, self._generator)
        self._passed: Times = np.zeros(scenario.machines)
        self._hit = np.zeros(scenario.machines, dtype=bool)
        self._faulty = 0
        self._fixed = 0
        self._failing: list[_Batch] = []
        self._queue: list[int] = []
        self._known: set[int] = set()
        self._working = 0
        self._releases: list[tuple[float, str]] = []
        self._stages: list[_Stage] = []
        self._events: list[tuple[float, int, int, object]] = []
        self._count = 0

    def outcome(self, protocol: str) -> Outcome:
        self._begin(0.0)
        while self._events:
            now, kind, _, subject = heappop(self._events)
            if isinstance(subject, _Stage):
                if not subject.passed and subject.due == now:
                    self._pass(subject, now)
            elif kind == _Kind.REPORT:
                assert isinstance(subject, _Batch)
                if len(subject.machines):
                    self._report(subject.reported, now)
            else:
                assert isinstance(subject, int)
                self._release(subject, now)
        scenario, offsets = self._scenario, self._offsets
        latency = tuple(float(self._passed[a:b].max()) for a, b in pairwise(offsets))
        first = sum(
            int(self._hit[a : a + min(scenario.representatives, n)].sum())
            for a, n in zip(offsets[:-1], scenario.sizes, strict=True)
        )
        return Outcome(
            protocol,
            self._faulty,
            int(self._hit.sum()),
            first,
            max(latency),
            latency,
            self._passed,
            tuple(self._releases),
        )

    def _begin(self, now: float) -> None:
        """Start the next wave that has machines."""
        begun = False
        while not begun and (wave := next(self._waves, None)) is not None:
            self._wave += 1
            for machines, share in wave:
                if not len(machines):
                    continue
                begun = True
                stage = _Stage(self._wave, at_least(share, len(machines)))
                self._stages.append(stage)
                masks = self._masks[machines]
                ill = np.flatnonzero(masks)
                if len(ill) < len(machines):
                    well = machines if not len(ill) else machines[masks == 0]
                    self._start(stage, well, 0, np.maximum(self._online[well], now), now)
                for mask in np.unique(masks[ill]):
                    same = machines[masks == mask]
                    self._start(stage, same, int(mask), np.maximum(self._online[same], now), now)

    def _start(self, stage: _Stage, machines: Machines, mask: int, starts: Times, now: float) -> None:
        count = len(machines)
        scenario, generator = self._scenario, self._generator
        took = scenario.download.sample(count, generator) + scenario.test.sample(count, generator)
        self._judge(_Batch(stage, machines, mask, 0, starts, starts + took), now)

    def _judge(self, batch: _Batch, now: float) -> None:
        """Whether the machines will pass, under the current release."""
        ill = batch.mask & ~self._fixed
        if ill:
            batch.reported = (ill & -ill).bit_length() - 1
            self._failing.append(batch)
            self._push(float(batch.ends.min()), _Kind.REPORT, batch)
            return
        self._passed[batch.machines] = batch.ends
        stage = batch.stage
        stage.ends.append(batch.ends)
        stage.known += len(batch.ends)
        if stage.passed or stage.known < stage.required:
            return
        ends = np.concatenate(stage.ends)
        last = ends.max() if stage.required == len(ends) else np.partition(ends, stage.required - 1)[stage.required - 1]
        stage.due = max(now, float(last))
        self._push(stage.due, _Kind.PASSED, stage)

    def _pass(self, stage: _Stage, now: float) -> None:
        stage.passed, stage.ends = True, []
        if all(s.passed for s in self._stages if s.wave == stage.wave):
            self._begin(now)

    def _report(self, problem: int, now: float) -> None:
        if problem in self._known:
            return
        self._known.add(problem)
        self._queue.append(problem)
        self._work(now)

    def _work(self, now: float) -> None:
        """The vendor takes up the next problems."""
        while self._queue and (self._working < self._scenario.vendor or not self._scenario.vendor):
            self._working += 1
            took = float(self._scenario.fix.sample(1, self._generator)[0])
            self._push(now + took, _Kind.RELEASE, self._queue.pop(0))

    def _release(self, problem: int, now: float) -> None:
        """A problem is fixed: machines that failed with it begin anew, those that have not begun get the release."""
        self._working -= 1
        self._fixed |= 1 << problem
        self._releases.append((now, self._scenario.problems[problem].name))
        failing, self._failing = self._failing, []
        for batch in failing:
            later = batch.starts > now
            if later.any():
                fresh = (batch.machines[later], batch.mask, 0, batch.starts[later], batch.ends[later])
                batch.machines, batch.starts, batch.ends = (
                    batch.machines[~later],
                    batch.starts[~later],
                    batch.ends[~later],
                )
                self._judge(_Batch(batch.stage, *fresh), now)
                if len(batch.machines):
                    self._push(float(batch.ends.min()), _Kind.REPORT, batch)
            if not len(batch.machines):
                continue
            if self._fixed >> batch.reported & 1:
                self._faulty += len(batch.machines)
                self._hit[batch.machines] = True
                self._start(batch.stage, batch.machines, batch.mask, np.maximum(batch.ends, now), now)
            else:
                self._failing.append(batch)
        self._work(now)

    def _push(self, time: float, kind: _Kind, subject: object) -> None:
        self._count += 1
        heappush(self._events, (time, kind, self._count, subject))


def _offsets(scenario: Scenario) -> Machines:
    """Where the machines of each cluster begin, and the end of the last one's."""
    return np.concatenate(([0], np.cumsum(scenario.sizes)))


def _part(scenario: Scenario, offsets: Machines, cluster: int, part: Part) -> Machines:
    begin, end = int(offsets[cluster]), int(offsets[cluster + 1])
    first = min(end, begin + scenario.representatives)
    return np.arange(begin, first) if part is Part.REPRESENTATIVES else np.arange(first, end)


def _waves(scenario: Scenario, shape: Shape) -> Iterator[Wave]:
    """The stages of each wave of a shape."""
    offsets = _offsets(scenario)
    for wave in shape:
        yield [
            (
                np.concatenate([_part(scenario, offsets, cluster, part) for cluster, part in pieces]),
                1.0 if all(part is Part.REPRESENTATIVES for _, part in pieces) else scenario.threshold,
            )
            for pieces in wave
        ]


def _batches(scenario: Scenario, sizes: Sequence[Amount]) -> Iterator[Wave]:
    """Own stages, as `madeus.fleet.stages` makes them: representatives first, the nearest cluster first, then the rest."""
    offsets = _offsets(scenario)
    near = sorted(range(len(scenario.sizes)), key=lambda c: scenario.distances[c] if scenario.distances else c)
    order = np.concatenate([_part(scenario, offsets, cluster, part) for part in Part for cluster in near])
    taken = number = 0
    while taken < len(order):
        count = in_batch(sizes[min(number, len(sizes) - 1)], len(order))
        yield [(order[taken : taken + count], scenario.threshold)]
        taken, number = taken + count, number + 1


def _masks(scenario: Scenario, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The problems of each machine, as bits. Misplaced ones of different problems are different machines, if there is room."""
    masks = np.zeros(scenario.machines, dtype=np.int64)
    used = dict.fromkeys(range(len(scenario.sizes)), 0)
    for number, problem in enumerate(scenario.problems):
        bit = np.int64(1 << number)
        for cluster in problem.clusters:
            masks[offsets[cluster] : offsets[cluster + 1]] |= bit
        for cluster, count in problem.misplaced:
            rest = np.arange(offsets[cluster] + scenario.representatives, offsets[cluster + 1])
            masks[rest[(np.arange(count) + used[cluster]) % len(rest)]] |= bit
            used[cluster] += count
    return masks


def _online(scenario: Scenario, offsets: NDArray[np.int64], generator: np.random.Generator) -> Times:
    """When each machine is there. Representatives always are."""
    online: Times = np.zeros(scenario.machines)
    if scenario.offline:
        away = generator.random(scenario.machines) < scenario.offline
        for begin, end in pairwise(offsets):
            away[begin : min(end, begin + scenario.representatives)] = False
        online[away] = scenario.back.sample(int(away.sum()), generator)
    return online
