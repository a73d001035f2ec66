"""The one interface between the executor and a host: durable jobs and files.

A *job* is a command that is started on a host under an identifier chosen by the caller. It outlives the controller: after
``kill -9`` of the controller, or a lost connection, it is found again by its identifier, alive or with its recorded
result. Starting the same identifier twice never runs it twice.

Implementations: `madeus.executor.transport.local` (this machine), `madeus.executor.transport.ssh` (asyncssh) and
`madeus.executor.transport.fake` (scripted, virtual clock). One class of tests runs over all of them.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

OUTPUT_LIMIT = 1 << 20
"""Bytes of each stream that are brought back: the first and the last half of it."""

MAX_JOB_ID = 120
"""Longest job identifier, in characters."""

_JOB_ID = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run on a host, once."""

    id: str
    """Unique within the run and host: letters, digits, ``_ . ~ -``, at most 120; see `job_id`."""

    script: str
    """Text for the host's ``/bin/sh``. Never seen in the host's process list. No NUL."""

    stdin: bytes | Path | None = field(default=None, repr=False)
    """What the command reads: bytes, or a file of the controller of any size; without it ``/dev/null``."""

    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Added to the login's environment."""

    directory: str | None = None
    """Working directory on the host; without it the home of the user (of `local`: the controller's directory)."""

    user: str | None = None
    """Who runs it, when not the login user: root uses runuser, everybody else ``sudo -n``."""

    output_limit: int = OUTPUT_LIMIT
    """Bytes of stdout, and of stderr, that are brought back."""

    ephemeral: bool = False
    """Leaves nothing on the host once its result was sent; it cannot be found after the controller dies and may, after a lost
    connection, run again. For commands that only look, or that may be repeated."""

    def __post_init__(self) -> None:
        if not _JOB_ID.fullmatch(self.id) or len(self.id) > MAX_JOB_ID:
            raise ValueError(f"bad job identifier {self.id!r}")
        if "\0" in self.script or any("\0" in value for _, value in self.environment):
            raise ValueError("a command and its environment cannot hold a NUL character")
        for name, _ in self.environment:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"bad name of an environment variable {name!r}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended."""

    exit_code: int
    """0 to 255; 128 + n after signal n, as the shell says it."""

    stdout: bytes = b""
    """Whole, or its first and last part with a line between that says how much was left out."""

    stderr: bytes = b""

    stdout_size: int = 0
    """Bytes that were written, whether brought back or not."""

    stderr_size: int = 0

    seconds: float = 0.0
    """Duration on the host's own clock, to 10 ms; right even when nobody was connected at its end."""

    killed: bool = False
    """Whether `Transport.kill` was called on it before it ended."""

    truncated: bool = False
    """Whether part of stdout or stderr was left out."""


@dataclass(frozen=True, slots=True)
class Absent:
    """No job of that identifier was ever started there; it is safe to start it."""


@dataclass(frozen=True, slots=True)
class Running:
    """The job is alive; `Transport.wait` waits for it."""

    seconds: float = 0.0
    """Since its start, on the host's clock."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The job has ended and recorded its result."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Vanished:
    """The job was started, is not alive and recorded nothing (the host was restarted, or its process was killed from outside).
    It may have taken effect."""

    reason: str = ""


Found = Absent | Running | Finished | Vanished


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the agent says of a host when it starts."""

    boot_id: str
    """Changes with every restart of the host; journal it beside a job so that `Transport.find` can tell a restart."""

    user: str
    """Login name."""

    uid: int

    home: str

    owner: int
    """How many controllers have connected to this run on the host, this one included (the fencing number)."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file of a host; symbolic links are followed."""

    kind: str
    """``file``, ``directory``, ``other`` or ``absent``."""

    sha256: str = ""
    """In hexadecimal; of files only."""

    mode: int = 0
    """Permission bits, with set-uid, set-gid and sticky."""

    owner: str = ""

    group: str = ""


class Transport(ABC):
    """Jobs and files on one host, for one run. Opened lazily by its first use; every method may raise `HostError`.

    Methods may be called concurrently. Cancelling a call never ends the job it waits for.
    """

    host: str
    """Name in the inventory."""

    run: str
    """Identifier of the run; jobs of different runs do not see each other."""

    @abstractmethod
    async def connect(self) -> HostFacts:
        """Open the channel, unless it is open, and say what is there."""

    @abstractmethod
    async def start(self, job: Job) -> None:
        """Hand a job to the host; returns when it is on its way, not when the host has it (that `wait` or `find` tell).

        A job of this identifier that was started before, by anyone, is not run again: `wait` then gives its result.
        """

    @abstractmethod
    async def wait(self, job_id: str) -> Outcome:
        """Wait for the end of a job that was started here or that `find` found; without polling for jobs started here.

        Raises:
            JobRefused: the host could not start it (unknown user, no sudo, disk full); it has not run.
            JobVanished: see `Vanished`.
            LookupError: no such job was started or found through this transport.
        """

    @abstractmethod
    async def find(self, job_id: str, boot_id: str | None = None) -> Found:
        """What is known on the host of a job of this run, whoever started it.

        An absent job is reported as vanished when `boot_id`, noted at its start, is not the host's any more: what a restart has
        lost cannot be known. A controller that asked is the only one that can start jobs of this run there afterwards: an older
        one's requests, still on their way, are refused.
        """

    @abstractmethod
    async def kill(self, job_id: str, grace: float = 10.0) -> None:
        """End a job: SIGTERM to its process group, its descendants and all that carry its mark, SIGKILL after `grace` seconds.

        Returns when none of them is alive. A job that has ended, or is unknown, is no error. Its `wait` gives an outcome with
        `killed`.
        """

    @abstractmethod
    async def forget(self, run: str) -> None:
        """Delete what the host keeps of the ended jobs of a run (this one or another); afterwards they are absent."""

    @abstractmethod
    async def put(
        self,
        path: str,
        content: bytes | Path,
        mode: int | None = None,
        owner: str | None = None,
        group: str | None = None,
        user: str | None = None,
    ) -> bool:
        """Make a file of the host hold this content; whether anything changed. Atomic: a temporary file is renamed.

        A symbolic link is followed. Without mode, owner or group an existing file keeps its own, a new one gets 0644 and the
        user's. `user`: on whose behalf, as in `Job`. Missing directories are made. `content` may be a file of the
        controller.

        Raises:
            FileOperationFailed: the host's own words.
        """

    @abstractmethod
    async def get(self, path: str, limit: int = 64 << 20, user: str | None = None) -> bytes:
        """Content of a file of the host.

        Raises:
            FileOperationFailed: unreadable, or larger than `limit` bytes.
        """

    @abstractmethod
    async def stat(self, paths: Sequence[str], user: str | None = None) -> list[FileFacts]:
        """Facts on files of the host, one for each path, in one exchange."""

    @abstractmethod
    async def close(self) -> None:
        """Close the channel. Jobs go on. Idempotent."""

    async def perform(self, job: Job) -> Outcome:
        """Start a job and wait for it."""
        await self.start(job)
        return await self.wait(job.id)


def job_id(*parts: str | int) -> str:
    """One job identifier for a list of names, different for different lists.

    Letters, digits, ``_`` and ``-`` stay, other bytes become ``~`` and two hexadecimal digits, parts are joined by a dot; what
    is too long ends in a digest.

    >>> job_id("web[1]", "start", 2)
    'web~5b1~5d.start.2'
    """
    text = ".".join([_escaped(str(part)) for part in parts])
    if len(text) > MAX_JOB_ID:
        text = f"{text[: MAX_JOB_ID - 33]}~{sha256(text.encode()).hexdigest()[:32]}"
    return text


@lru_cache(1 << 14)
def _escaped(part: str) -> str:
    return "".join(map(_escape, part.encode())) or "~"


def _escape(byte: int) -> str:
    character = chr(byte)
    return character if byte < 128 and (character.isalnum() or character in "_-") else f"~{byte:02x}"
