"""What can go wrong with the journal, beside `madeus.executor.errors`.

::

    InputError
    ├── NoJournal               there is none in the state directory
    ├── UnknownRun              no run of that name, or several
    └── NotResumable            a run that has nothing left to do, or a decision that does not fit it
    WorldError
    ├── JournalUnusable         the file cannot be opened, written or read: permissions, a full disk, no database, torn pages
    │   ├── JournalTooNew       written by a later version of madeus
    │   └── JournalBusy         other processes kept it locked for longer than a minute
    ├── AssemblyLocked          another controller runs this assembly
    └── FencedOff               another controller has taken this run over; nothing more may be written
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from madeus.executor.errors import InputError, WorldError

_SHOWN = 5
"""Names in a message."""


class UnknownRun(InputError, LookupError):
    """No run of that name in the journal, or several that begin with it (`matches`)."""

    def __init__(self, name: str, path: Path, matches: tuple[str, ...] = ()) -> None:
        if matches:
            more = f" and {len(matches) - _SHOWN} more" if len(matches) > _SHOWN else ""
            super().__init__(f"`{name}` may be any of {', '.join(matches[:_SHOWN])}{more}", "write more of the name")
        else:
            super().__init__(f"there is no run `{name}` in {path}", "`madeus runs` lists them")
        self.name, self.path, self.matches = name, path, matches


class NoJournal(InputError, LookupError):
    """There is no journal in the state directory: no run was made with it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"there is no journal {path}", "no run was made with this state directory; see --state")
        self.path = path


class NotResumable(InputError):
    """A run cannot be gone on with as asked."""

    def __init__(self, run: str, reason: str, help: str = "") -> None:
        super().__init__(f"run {run} cannot be resumed: {reason}", help)
        self.run, self.reason = run, reason


class JournalUnusable(WorldError):
    """The journal's file cannot be used."""

    def __init__(self, path: Path, reason: str, help: str = "") -> None:
        super().__init__(f"the journal {path} {reason}", help)
        self.path, self.reason = path, reason


class JournalTooNew(JournalUnusable):
    """The journal was written by a later version of madeus."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            path,
            f"was written by a newer madeus (schema {found}, this one knows {known})",
            "update madeus, or name another directory with --state",
        )
        self.found, self.known = found, known


class JournalBusy(JournalUnusable):
    """Other processes kept the journal locked."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "was locked by other processes for a minute", "see who holds it: `fuser` on the file")


@dataclass(frozen=True, slots=True)
class Holder:
    """A controller: who drives a run, or drove it."""

    run: str
    epoch: int
    """Which session of the run, counted from 1."""
    pid: int
    ticks: int
    """Start of the process in clock ticks since the machine's start: tells a reused pid. 0 where it cannot be known."""
    machine: str
    """Identifier of this start of the machine; a host name where there is none."""
    host: str
    user: str
    since: float
    """Seconds since the Unix epoch."""

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return f"process {self.pid} of {self.user} on {self.host}, run {self.run}, since {since}"


class AssemblyLocked(WorldError):
    """Another controller runs the assembly."""

    def __init__(self, assembly: str, holder: Holder) -> None:
        super().__init__(
            f"assembly {assembly} is being run by {holder}",
            f"wait for its end (`madeus status {holder.run}`), stop it (`kill -INT {holder.pid}`), or, when you know that it "
            "is gone, take over with --take-over",
        )
        self.assembly, self.holder = assembly, holder


class FencedOff(WorldError):
    """Another controller has taken the run over."""

    def __init__(self, run: str, holder: Holder | None = None) -> None:
        by = f" by {holder}" if holder else ""
        super().__init__(f"run {run} was taken over{by}; this controller has stopped and writes nothing more")
        self.run, self.holder = run, holder
