"""The one event structure that all runs share, with durations: when each event comes, and the run that shows it.

Every step comes as soon as its causes have come, END as long after its FIRE as the action takes (max-plus algebra: Baccelli,
Cohen, Olsder, Quadrat 1992, chapter 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from madeus.checker.counterexample import confirm
from madeus.checker.engines.causal.weave import Weave
from madeus.semantics import Step, StepKind, Trace


class Dates:
    """Events, each with the least and the greatest time between its causes and it: not 0 for END alone."""

    def __init__(self, woven: Weave) -> None:
        self.woven = woven
        self.order = sorted(range(len(woven.before)), key=woven.rank.__getitem__)
        self.least = [0.0] * len(self.order)
        self.greatest = [0.0] * len(self.order)
        for pushed in woven.threads.pushes:
            kind = pushed.phases.events.table.kind
            for number, local in enumerate(pushed.phases.events.events):
                if local.kind is StepKind.END:
                    interval = kind.transition[local.element].interval
                    self.least[pushed.base + number] = interval.minimum
                    self.greatest[pushed.base + number] = interval.maximum

    def times(self, durations: Sequence[float]) -> list[float]:
        """When each event comes."""
        at = [0.0] * len(durations)
        for event in self.order:
            at[event] = max((at[cause] for cause in self.woven.before[event]), default=0.0) + durations[event]
        return at

    def ample(self, limit: float) -> float:
        """A duration for actions without a greatest one: long enough to be over a limit."""
        return limit + 1.0 + sum(d for d in self.greatest if d < inf)

    def run(self, durations: Sequence[float], until: int) -> Trace:
        """The run with these durations, up to an event; the cause of each step is the last one before it."""
        at, rank, woven = self.times(durations), self.woven.rank, self.woven
        end = (at[until], rank[until])
        taken = sorted((e for e in self.order if (at[e], rank[e]) <= end), key=lambda e: (at[e], rank[e]))
        stands: dict[int, int] = {}
        """Event -> its step's index; of one that is no step, that of the last one before it."""
        steps: list[Step] = []
        times: list[float] = []
        causes: list[int] = []
        for event in taken:
            cause = max(((at[c], stands[c]) for c in woven.before[event]), default=(0.0, -1))[1]
            step = woven.step(event)
            stands[event] = cause if step is None else len(steps)
            if step is not None:
                steps.append(step)
                times.append(at[event])
                causes.append(cause)
        return confirm(woven.system, steps, times, causes)[0]
