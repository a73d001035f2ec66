"""Verdicts: what an engine answers, and what the answer rests on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import inf

from madeus.semantics import Deadlock, Trace


class Assumption(StrEnum):
    """What an answer rests on."""

    FAIRNESS = "every started action ends"
    INTERVALS = "actions take as long as their intervals say"
    NO_FAILURES = "no action fails"
    ANY_DURATION = "whatever time actions take"
    BOUNDED_FAILURES = "no more actions fail than the question allows"
    TAKEN_BACK = "a run in which an action fails is taken back (`on_failure rollback`)"
    NO_TIME_BACK = "to take a run back takes no time once its actions have ended"


NOT_SHORTEST = "the run shown is not always a shortest one"
"""A note of evidence."""

CROSS_CHECKED = "cross-checked with "
"""Beginning of a note of evidence: a second engine, named after it, came to the same answer; true of what is kept, too."""

UNCONFIRMED = "not cross-checked: no other engine could answer within the budget"
"""A note of evidence."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How an answer was found."""

    engine: str = ""
    states: int = 0
    """Configurations, classes or events that were looked at."""
    seconds: float = 0.0
    """Time of the engine."""
    assumptions: tuple[Assumption, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences about how: the engines that were tried before, a reduction, a proof."""
    shared: bool = False
    """Whether states were counted that an earlier question had looked at."""


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Least and greatest time to a goal, in seconds; ``inf`` where nothing bounds it."""

    minimum: float
    maximum: float
    fastest: Trace | None = None
    """A run that takes the least time; its critical path is ``fastest.critical_path``."""
    slowest: Trace | None = None
    """A run that takes the greatest time; None when there is none."""
    unbounded: tuple[str, ...] = ()
    """Transitions without a maximal duration on the longest path, where the greatest time is infinite."""


@dataclass(frozen=True, slots=True)
class Width:
    """The largest number of actions that run at once."""

    minimum: int
    """At least so many can: there is a witness."""
    maximum: int
    """No more than so many can: proved. Equal to ``minimum`` when the answer is exact."""
    together: tuple[str, ...] = ()
    """Qualified transitions of the witness that run at once."""
    witness: Trace | None = None
    """A run that ends where they do."""


@dataclass(frozen=True, slots=True)
class TimeOff:
    """The longest time that a service is off after it has been on."""

    longest: float
    """Seconds; ``inf`` when it may stay off."""


@dataclass(frozen=True, slots=True)
class Durations:
    """Answer of a parametric question: the durations of one transition with which the bound is kept."""

    minimum: float = 0.0
    maximum: float = inf
    """Closed interval in seconds; empty when maximum < minimum."""
    open_above: bool = False
    """Whether ``maximum`` itself is left out."""
    open_below: bool = False
    parts: tuple[Durations, ...] = ()
    """The intervals in order, where there are several: then the ends above are the outermost ones."""

    def __contains__(self, seconds: object) -> bool:
        """Whether a duration does."""
        if self.parts:
            return any(seconds in part for part in self.parts)
        if not isinstance(seconds, int | float):
            return False
        above = self.minimum < seconds or (self.minimum == seconds and not self.open_below)
        return above and (seconds < self.maximum or (seconds == self.maximum and not self.open_above))

    @property
    def empty(self) -> bool:
        """Whether no duration does."""
        if self.maximum < self.minimum:
            return True
        return self.maximum == self.minimum and (self.open_above or self.open_below)


class Ailment(StrEnum):
    """What a health check may find."""

    DEADLOCK = "deadlock"
    CLASH = "clash"
    DEAD_TRANSITION = "dead transition"
    DEAD_BEHAVIOR = "behavior that can never start"
    INCOMPLETE_JOIN = "join that never completes"
    UNUSED_PORT = "port never used"

    @property
    def grave(self) -> bool:
        """Whether it makes the verdict a failure; the others are shown as warnings."""
        return self in (Ailment.DEADLOCK, Ailment.CLASH)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a health check found."""

    ailment: Ailment
    component: str
    element: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the health checks found, the grave ones first."""

    findings: tuple[Finding, ...] = ()


Measure = Boundaries | Width | TimeOff | Durations | Findings


@dataclass(frozen=True, slots=True)
class Holds:
    """The property is true."""

    evidence: Evidence = field(default_factory=Evidence)
    measure: Measure | None = None
    vacuous: tuple[str, ...] = ()
    """Sentences saying why it is true of nothing at all; empty for a real truth."""
    witness: Trace | None = None
    """A run that shows it, for a property that one run can show."""


@dataclass(frozen=True, slots=True)
class Fails:
    """The property is false."""

    reason: str
    """One sentence."""
    trace: Trace | None = None
    """A run that shows it, a shortest one unless the notes say otherwise; None when no single run does."""
    evidence: Evidence = field(default_factory=Evidence)
    measure: Measure | None = None
    deadlock: Deadlock | None = None
    """What waits for what where the run ends."""
    loop: int | None = None
    """Index of the event from which the run repeats itself for ever; None: it ends."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows: no engine can answer, or the budget was spent. Never to be taken for Holds."""

    reason: str
    evidence: Evidence = field(default_factory=Evidence)
    measure: Measure | None = None
    """What is known all the same: bounds on the number asked for."""


Verdict = Holds | Fails | Unknown


def with_evidence(verdict: Verdict, evidence: Evidence) -> Verdict:
    """The same verdict, resting on other evidence."""
    return replace(verdict, evidence=evidence)
