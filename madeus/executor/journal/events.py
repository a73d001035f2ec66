"""What the journal holds of a run: its head, its steps, and the attempts of its actions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from madeus.semantics import Step


class RunState(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    """A controller drives it, or died while it did."""
    DONE = "done"
    FAILED = "failed"
    """Nothing more could move: an action has failed, or it is not known whether it took effect."""
    STUCK = "stuck"
    """A deadlock of the model: nothing failed and nothing can move."""
    INTERRUPTED = "interrupted"
    """Stopped by the user."""
    ABANDONED = "abandoned"
    """Another run has taken the assembly over."""
    ROLLED_BACK = "rolled back"
    """It failed, and the layers of its machines are what they were before it."""


class AttemptState(StrEnum):
    """How an attempt of an action stands."""

    RUNNING = "running"
    """Begun, its end not recorded."""
    DONE = "done"
    FAILED = "failed"
    """Ended without success."""
    LOST = "lost"
    """Contact was lost or nothing is recorded on the host: it may be running, done, or half done."""
    ASSUMED = "assumed"
    """Taken for done because the user said so."""


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run as a whole."""

    id: str
    assembly: str
    stages: tuple[tuple[str, ...], ...]
    """Names of the programs that run; see System."""
    state: RunState
    created: float
    """Seconds since the Unix epoch; time 0 of the trace."""
    ended: float | None
    epoch: int
    """Sessions so far: 1, and one more for each resume."""
    file: str
    """The .madeus file, absolute; empty for an assembly made in Python."""
    base: str
    """Directory that local files of actions are relative to."""
    digest: str
    """SHA-256 of the file's text, in hexadecimal."""
    lock: str
    """What no other run may hold at the same time."""
    program: Any = field(repr=False, default=None)
    """The assembly and its programs, as JSON; see `snapshot`."""
    inventory: Any = field(repr=False, default=None)
    settings: Any = field(repr=False, default=None)


class StepRecord(NamedTuple):
    """A step that was taken."""

    seq: int
    """Index in the trace."""
    time: float
    """Seconds since the start of the run."""
    step: Step
    cause: int
    produced: str | None = None
    """Values of an END, as JSON; None for none."""


class AttemptRecord(NamedTuple):
    """An attempt of an action; written when it begins and again when it ends."""

    fired: int
    """Index of the FIRE of its transition; a RETRY goes on with the same."""
    action: int
    """Position of the action in the transition."""
    number: int
    """From 1; goes on over retries and resumes."""
    execution: int
    """Index of the FIRE or RETRY in whose course it ended."""
    kind: str
    """Of the action: ``run``."""
    host: str
    """Name in the inventory."""
    state: AttemptState
    job: str | None = None
    """Identifier of its durable job on the host."""
    boot: str | None = None
    """The host's boot identifier when it began."""
    began: float | None = None
    """Seconds since the start of the run."""
    ended: float | None = None
    seconds: float | None = None
    """Duration on the host's own clock."""
    exit_code: int | None = None
    changed: int | None = None
    """1: the host was changed, 0: it was as wanted already; None: not known."""
    stdout: bytes = b""
    stderr: bytes = b""
    error: str | None = None
    help: str | None = None
    outputs: str | None = None
    """Values for data ports, as JSON."""


class RunEnded(NamedTuple):
    """The last record of a session."""

    state: RunState
    time: float
    """Seconds since the Unix epoch."""


Record = StepRecord | AttemptRecord | RunEnded
