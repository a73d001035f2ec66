"""What an action is: the interface of every kind, the values it works on, and how it reports.

A kind of action is a class. `run`, `script`, `service`, `package`, `wait_tcp` and `wait_http` are `JobAction`: each attempt is
exactly one durable job on the host, found again by its identifier. `copy`, `template` and `python` are not; they say by
`ActionKind.idempotent` whether an interrupted one may be done again. The loop around attempts (timeout, retry, resume) is
`madeus.executor.action.execute.execute`, the same for all; the registry is `madeus.executor.action.registry`.

A kind of one's own: subclass `ActionKind` or `JobAction`, name the class in the entry point group ``madeus.actions``.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

from madeus.executor.errors import ActionFailed
from madeus.executor.inventory import Host
from madeus.executor.transport.base import Job, Outcome, Transport, job_id
from madeus.model.action import Action
from madeus.model.value import Duration, Value


@dataclass(frozen=True, slots=True)
class Masked:
    """A text that holds a secret: used as `plain`, shown and logged as `shown`."""

    plain: str = field(repr=False)

    shown: str = "***"
    """The same text with ``***`` in the place of each secret."""

    def __str__(self) -> str:
        return self.shown


RuntimeValue = Value | Masked | tuple["RuntimeValue", ...]
"""What a name in scope may stand for, and what an output may be."""


class Kind(Enum):
    """Type of an argument or option, after interpolation."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    """Present or absent; ``name true`` and ``name false`` work too."""
    DURATION = "duration"
    """``30s``; a bare number means seconds."""
    MODE = "mode"
    """``0644`` or ``"0644"``."""
    STRINGS = "list of strings"
    """A single string is a list of one."""
    CODES = "exit codes"
    """``0``, ``[0, 1]`` or ``"0,1"``."""
    MAP = "map of strings"
    ANY = "any value"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument or option that a kind of action takes."""

    name: str
    kind: Kind
    summary: str
    """One line, for listings and messages."""

    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    """Of a string: the only values it may have."""

    many: bool = False
    """Of the last argument: any number of values, given as a tuple."""


@dataclass(frozen=True, slots=True)
class Description:
    """How an action is written: for the checks before a run, for listings and for documentation."""

    name: str
    summary: str
    arguments: tuple[Parameter, ...] = ()
    options: tuple[Parameter, ...] = ()
    """Without the common ones, which every action takes (`COMMON_OPTIONS`)."""

    outputs: int | None = 0
    """How many ports ``->`` may name: at most so many, any number when ``None``."""

    idempotent: bool = False
    """Whether one that was interrupted may be done again without the designer's word."""

    example: str = ""


COMMAND = "command"
"""Group of common options that make sense only where a command runs on a host."""

COMMON_OPTIONS: tuple[Parameter, ...] = (
    Parameter("timeout", Kind.DURATION, "time an attempt may take; then it is ended and counts as failed"),
    Parameter("retry", Kind.INTEGER, "how many times to try again after a failure", default=0),
    Parameter(
        "backoff", Kind.DURATION, "pause before the first retry, doubled for each next one (with jitter)", default=1.0
    ),
    Parameter("sensitive", Kind.FLAG, "keep what it does and prints out of logs and journal", default=False),
)
"""Taken by every action."""

COMMAND_OPTIONS: tuple[Parameter, ...] = (
    Parameter("user", Kind.STRING, "user of the host who does it"),
    Parameter("directory", Kind.STRING, "working directory on the host"),
    Parameter("environment", Kind.MAP, "variables added to the environment"),
    Parameter("expect", Kind.CODES, "exit codes that count as success", default=(0,)),
)
"""Taken by every action that runs a command."""


@dataclass(frozen=True, slots=True)
class Call:
    """An action made ready: interpolated, checked and typed."""

    kind: str
    arguments: tuple[Any, ...]
    """One Python value for each declared argument, in order (`None` for one left out; a tuple for the last one when `many`).
    Kinds map to: STRING str or Masked, INTEGER int, NUMBER float, FLAG bool, DURATION float (seconds), MODE int, STRINGS
    tuple of texts, CODES tuple of int, MAP tuple of (str, text), ANY a `RuntimeValue`."""

    options: Mapping[str, Any]
    """Every declared option by name, with its default when it was left out."""

    outputs: tuple[str, ...] = ()

    def plain(self, name: str) -> str | None:
        """An option that is a string, with its secrets in the clear; `None` when it was left out."""
        value = self.options.get(name)
        return None if value is None else reveal(value)

    def text(self, index: int) -> str:
        """An argument that is a string, with its secrets in the clear."""
        return reveal(self.arguments[index])


@dataclass(frozen=True, slots=True)
class ActionResult:
    """A success. Failures are exceptions (`ActionFailed` and its kin)."""

    outputs: Mapping[str, RuntimeValue] = field(default_factory=dict)
    """Value for each port named after ``->``. `Masked` when the action is `sensitive`."""

    changed: bool | None = None
    """Whether anything on the host was changed; `None` when it cannot be known (commands)."""

    stdout: bytes = b""
    """Bounded; secrets masked."""

    stderr: bytes = b""
    exit_code: int | None = None
    """Of the command, where there was one."""

    attempts: int = 1
    seconds: float | None = None
    """Duration of the last attempt on the host's clock, where there was a job."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Told to `Context.notify` when an attempt begins or has failed."""

    number: int
    """From 1."""

    job: str | None
    """Identifier of its durable job; `None` for actions without one."""

    error: ActionFailed | None = None
    """What went wrong, of an attempt that has failed; `None` when it begins."""

    pause: float | None = None
    """Seconds until the next attempt; `None` when there is none."""


async def _ignore(attempt: Attempt) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything an action may use of the world around it."""

    host: Host
    transport: Transport
    scope: Mapping[str, RuntimeValue]
    """Names that ``${...}`` may use: parameters, data ports, secrets (`Masked`), ``host.*``, ``instance.name``."""

    base: Path
    """Directory of the .madeus file: local files of actions are relative to it."""

    step: tuple[str | int, ...]
    """Names this firing of the transition within the run, for example (instance, transition, count of firings before)."""

    index: int = 0
    """Position of the action in the transition."""

    idempotent: bool = False
    """Whether the transition is declared `idempotent`: what was interrupted may be done again."""

    notify: Callable[[Attempt], Awaitable[None]] = _ignore
    """Awaited before an attempt begins (before anything reaches the host) and after it failed: a place for the journal."""

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """How to pause between attempts."""

    random: Callable[[], float] = random.random
    """Jitter of the pauses, in [0, 1)."""

    boot_id: str | None = None
    """Of a resumed action: the host's boot identifier noted when it began."""

    ephemeral: bool = False
    """Whether its jobs leave nothing on the host."""

    looking: bool = False
    """Whether it is a probe, which only looks: its jobs are ephemeral, files are compared and not written."""

    def job_id(self, attempt: int, part: str = "") -> str:
        """Identifier of the durable job of an attempt of this action: the same in every controller that resumes the run."""
        return job_id(*self.step, self.index, attempt, *([part] if part else []))

    def at(self, index: int) -> Context:
        """The same for the action at another position of the transition."""
        return replace(self, index=index)

    def local_path(self, name: str) -> Path:
        """A file of the controller, as actions name it: relative to the .madeus file, ``~`` is the home."""
        return self.base / Path(name).expanduser()


class ActionKind(ABC):
    """A kind of action. Instances carry no state: one serves all calls."""

    description: ClassVar[Description]
    takes_command_options: ClassVar[bool] = False
    """Whether `COMMAND_OPTIONS` belong to it."""

    def describe(self) -> Description:
        """How it is written."""
        return self.description

    @property
    def idempotent(self) -> bool:
        """Whether an interrupted one may be done again without the designer's word."""
        return self.description.idempotent

    def looking(self, action: Action) -> Action | None:
        """The action as a `probe` does it: one that only looks, and once unless it says how long. None: this kind changes
        things and cannot look."""
        return None

    def expects(self, call: Call) -> str:
        """What a probe of this kind expects to see, in words."""
        codes = call.options.get("expect")
        return f"exit code {' or '.join(map(str, codes))}" if codes else "success"

    def check(self, call: Call) -> None:  # noqa: B027 - most kinds have nothing to add
        """Say what the types alone do not catch.

        Raises:
            InvalidAction: see its message.
        """

    @abstractmethod
    def plan(self, call: Call, context: Context) -> str:
        """One line for ``--dry-run``: what would be done. Secrets are masked. Reads local files at most."""

    @abstractmethod
    async def perform(self, call: Call, context: Context, attempt: int) -> ActionResult:
        """One attempt.

        Raises:
            ActionFailed: it did not work; it is tried again when `retry` allows.
            ExecutorError: anything else ends the action at once.
        """


class JobAction(ActionKind):
    """A kind of action whose every attempt is exactly one durable job on the host."""

    takes_command_options = True

    def durable(self, call: Call) -> bool:
        """Whether this call is a job at all; one that is not is done by `perform` like any other action."""
        return True

    @abstractmethod
    def job(self, call: Call, context: Context, attempt: int) -> Job:
        """The job of an attempt: the same for the same call, whoever asks. Its identifier is ``context.job_id(attempt)``."""

    def result(self, call: Call, context: Context, outcome: Outcome) -> ActionResult:
        """Judge an ended job, whether it was waited for or found after a restart of the controller.

        Raises:
            ActionFailed: its exit code is not an expected one.
        """
        from madeus.executor.action.command import judge

        return judge(call, context, outcome)

    async def perform(self, call: Call, context: Context, attempt: int) -> ActionResult:
        """Start the job of this attempt and judge its outcome."""
        outcome = await context.transport.perform(self.job(call, context, attempt))
        return self.result(call, context, outcome)


def reveal(value: RuntimeValue) -> str:
    """A value as the text that commands and templates see; secrets in the clear."""
    if isinstance(value, Masked):
        return value.plain
    return show(value)


def show(value: RuntimeValue) -> str:
    """A value as the text that people see; secrets masked. A duration is its seconds, without an exponent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Duration):
        return f"{value.seconds:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, tuple):
        return " ".join(show(item) if not isinstance(item, tuple) else "=".join(map(show, item)) for item in value)
    return str(value)
