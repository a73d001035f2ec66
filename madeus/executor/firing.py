"""One execution of a transition's actions: what is known of it while it runs, and how it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from madeus.executor.action.base import RuntimeValue
from madeus.executor.errors import ExecutorError
from madeus.executor.journal.events import AttemptState
from madeus.model import Transition, Value


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal knows of an action that was begun before."""

    done: bool = False
    """It succeeded, or is taken for done: it is not run again."""
    outputs: tuple[tuple[str, Value], ...] = ()
    """Values that it produced."""
    look: bool = False
    """Look for its job on the host before starting anything."""
    first: int = 1
    """Number of the next attempt, or of the one to look for."""
    boot: str | None = None
    """The host's boot identifier when that attempt began."""


@dataclass(slots=True, eq=False)
class Firing:
    """A transition that holds a token because its actions run. Mutable: it follows them."""

    component: str
    transition: Transition
    host: str
    fired: int
    """Index of its FIRE in the trace."""
    execution: int
    """Index of the FIRE or RETRY that it runs by."""
    count: int
    """How many times the transition had fired before, for the identifiers of its jobs."""
    scope: Mapping[str, RuntimeValue] = field(default_factory=dict)
    known: Mapping[int, Known] = field(default_factory=dict)
    """By position of the action."""
    action: int = 0
    """Position of the action that runs."""
    attempt: int = 1
    begun: bool = False
    """Whether that attempt may have reached the host, and its end is not known."""
    job: str | None = None
    """Its durable job."""
    stopped: bool = False
    """Whether the job was ended because the user stopped the run."""

    @property
    def name(self) -> str:
        """``db.start``."""
        return f"{self.component}.{self.transition.name}"


class TransitionFailed(Exception):
    """The actions of a transition did not succeed."""

    def __init__(self, error: ExecutorError, state: AttemptState) -> None:
        super().__init__(str(error))
        self.error = error
        self.state = state
        """FAILED, or LOST when it is not known whether the action took effect."""
