"""What was seen when a probe looked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from madeus.executor.drift.question import Question

HOLDS_CODE, DRIFTED_CODE, UNKNOWN_CODE = 0, 1, 3
LAST_LINES = 5
"""Lines of a probe's output that are shown."""


class Seen(StrEnum):
    """What a probe says."""

    HOLDS = "holds"
    DRIFTED = "drifted"
    """It looked, and it is not so."""
    UNKNOWN = "unknown"
    """It could not look."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A question with its answer."""

    question: Question
    seen: Seen
    host: str
    """Name in the inventory."""
    probe: str
    """What was done to look, in one line; secrets are masked."""
    expected: str = ""
    reason: str = ""
    """What was seen instead, or why nothing could be seen; empty when it holds."""
    exit_code: int | None = None
    """Of the probe's command, where one ended."""
    lines: tuple[str, ...] = ()
    """The last ones that it printed."""
    unreachable: bool = False
    """Whether the host could not be reached."""


@dataclass(frozen=True)
class Drift:
    """The stored marking of a live assembly beside what its hosts say."""

    assembly: str
    answers: tuple[Answer, ...]
    busy: tuple[tuple[str, str], ...] = ()
    """(component, run): components that a run was changing meanwhile; they were not looked at."""
    unasked: tuple[str, ...] = ()
    """Components at places that no probe speaks of."""

    def of(self, seen: Seen) -> tuple[Answer, ...]:
        """The answers of one kind."""
        return tuple(answer for answer in self.answers if answer.seen is seen)

    @property
    def components(self) -> frozenset[str]:
        """Components that have drifted."""
        return frozenset(answer.question.component for answer in self.of(Seen.DRIFTED))

    @property
    def exit_code(self) -> int:
        """0: nothing has drifted; 1: something has; 3: nothing seen has, but not everything could be looked at."""
        if self.of(Seen.DRIFTED):
            return DRIFTED_CODE
        return UNKNOWN_CODE if self.of(Seen.UNKNOWN) else HOLDS_CODE
