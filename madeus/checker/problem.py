"""Problems: a question, and the system it is asked of.

What the questions mean, in one place. A *run* is a sequence of steps from the initial configuration. It is *maximal* when
it ends where nothing can move, or never ends; an endless run counts when it is *fair*: no step stays enabled for ever
without being taken (every started action ends, every urgent step is taken; a FAIL is never owed). A configuration with a
clash is where runs end, and nothing holds in it.

- **deployable up**: every maximal run comes to a configuration from which the goal's formula holds in all that follow on
  the run; so it holds where a run ends. ``possible``: some maximal run does. ``recoverable``: from every reachable
  configuration some does.
- **sequence t1, t2...**: whenever t(k+1) fires, t(k) has ended at least once. Vacuous for a t(k+1) that no run fires.
- **parallelism**: the largest number of running transitions in a reachable configuration; with intervals, in one that a
  timed run reaches (its instants included: where one action ends at the very time another begins, either may come first).
- **boundaries** and **duration**: the least and the greatest time from the start to the configuration from which the goal's
  formula holds for the rest of the run, over all timed runs. The greatest is infinite when some run never comes there, the
  least when no run does.
- **forbidden**: the formula holds in no reachable configuration, those that last no time included.
- **available**: after the service has been on once it is never off (whatever the durations), or in timed runs never off
  for longer than the limit; a service that is off where a run ends is off for ever.
- **terminates**: no fair run is endless. **confluent**: moreover, all runs end in the same configuration (the order in
  which connections were made apart).
- **with failures k**: the same, over runs in which up to k actions fail. Where a program says ``on_failure rollback`` and all
  that the programs move lives in layers, a run in which an action fails starts nothing more and ends where it began, taken
  back. For ``deployable`` and ``confluent`` that is a good end, but not what ``possible`` looks for; nor is the goal asked
  of what is about to be taken back (``recoverable``). ``boundaries``: such a run takes the time until it is taken
  back, and the least time is one of other runs. Which questions need not look at such runs: `is_taken_back`.

Except for parallelism, boundaries, durations and limits of time off, a question is answered for whatever durations,
intervals or not: what holds then holds for the measured ones too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from madeus.model import (
    ANY_TIME,
    Available,
    Bounds,
    Confluent,
    Deployable,
    Forbidden,
    Model,
    Parallelism,
    Parametric,
    Property,
    Question,
    Sequence,
    Terminates,
    Verify,
)
from madeus.semantics import System, is_active


@dataclass(frozen=True, slots=True)
class Health:
    """The question nobody has to ask: is there a deadlock, a clash, or a part of the model that nothing can ever use?"""

    def __str__(self) -> str:
        return "health"


Asked = Question | Health
"""Every question an engine may be asked."""


@dataclass(frozen=True)
class Problem:
    """A question asked of a system; the number of failures is the system's."""

    system: System = field(compare=False)
    question: Asked
    covered: int = 0
    """Failures that were asked about and need not be looked at, for they are taken back: the system has none then."""

    def __str__(self) -> str:
        return f"with failures {self.failures}: {self.question}" if self.failures else str(self.question)

    @property
    def failures(self) -> int | None:
        """How many actions may fail; None: any number."""
        return self.covered or self.system.failures

    @property
    def taken_back(self) -> bool:
        """Whether runs that are taken back are among those that are looked at."""
        return bool(self.system.rollback) and self.system.failures != 0

    @property
    def timed(self) -> bool:
        """Whether the answer depends on how long actions take."""
        match self.question:
            case Bounds() | Parametric():
                return True
            case Parallelism():
                return has_intervals(self.system)
            case Available():
                return self.question.off > 0
            case _:
                return False


def has_intervals(system: System) -> bool:
    """Whether some transition of an instance says how long it takes."""
    kinds = {instance.type for instance in system.instances.values()}
    return any(t.interval != ANY_TIME for kind in kinds for t in system.assembly.types[kind].transitions)


def with_failures(system: System, failures: int) -> System:
    """The same system where up to that many actions may fail."""
    return system if system.failures == failures else System(system.assembly, system.stages, failures, system.begin)


def problems(model: Model, verify: Verify, health: bool = True) -> Iterator[Problem]:
    """The problems of a verify block, in order; the health checks come first.

    Properties with the same number of failures share one system, so that engines can share what they work out of it.
    """
    stages = tuple(tuple(model.programs[name] for name in stage) for stage in verify.stages)
    base = System(model.assemblies[verify.assembly], stages)
    systems = {0: base}
    if health:
        yield Problem(base, Health())
    for asked in verify.properties:
        covered = is_taken_back(base, asked.question)
        failures = 0 if covered else asked.failures
        system = systems.setdefault(failures, with_failures(base, failures))
        yield Problem(system, asked.question, asked.failures if covered else 0)


def problem(system: System, asked: Property) -> Problem:
    """The problem that a property is, on a system that has any number of failures."""
    if is_taken_back(system, asked.question):
        return Problem(with_failures(system, 0), asked.question, asked.failures)
    return Problem(with_failures(system, asked.failures), asked.question)


_COVERED = (Deployable, Forbidden, Sequence, Terminates, Confluent, Parallelism)


def is_taken_back(system: System, question: Asked) -> bool:
    """Whether runs with failures have nothing to add to the answer, because they are taken back.

    Up to the failure such a run is one without failures in which the action that fails has not ended. From then on nothing
    leaves a place and nothing fires: what runs ends, and a run without failures reaches the same places by the same ends.
    Then everything is as it was at the start. So places and ports are the same ones, transitions fire after the same ones,
    no more of them run at once, no run is endless for a failure, and all ends are those without failures or taken back.

    A service that is on at the start is on again after a rollback; another one is off. How long it is off, and all other times,
    depend on what the run waits for before it is taken back. Where pushes declare recoveries such runs may go on.
    """
    if not system.rollback or system.recoveries:
        return False
    if isinstance(question, Available):
        there = question.component in system.initial().components
        return not question.off and there and is_active(system, system.initial(), question.component, question.port)
    return isinstance(question, _COVERED)
