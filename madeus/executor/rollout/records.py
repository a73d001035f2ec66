"""Rollouts as the journal has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from madeus.executor.journal.errors import Holder
from madeus.fleet.stages import Stages


class RolloutState(StrEnum):
    """How a rollout stands."""

    RUNNING = "running"
    DONE = "done"
    """Every machine of the fleet is upgraded."""
    PARTIAL = "partial"
    """Its last stage has passed, and machines are left that failed, could not be reached, or were left out."""
    HALTED = "halted"
    """A stage did not pass, or a budget is used up."""
    FROZEN = "frozen"
    """By command; or a machine failed whose change cannot be taken back."""
    ABORTED = "aborted"


HALFWAY = (RolloutState.RUNNING, RolloutState.HALTED, RolloutState.FROZEN)
"""States of rollouts that have stages before them and have not been given up."""


class MachineState(StrEnum):
    """How far a machine is."""

    WAITING = "waiting"
    UPGRADING = "upgrading"
    TESTING = "testing"
    """Its slice is done, its tests are not."""
    PASSED = "passed"
    UNDOING = "undoing"
    """It failed and is being taken back to its old version."""
    FAILED = "failed"
    """It failed and is on its old version."""
    FROZEN = "frozen"
    """It failed and was left as it stands."""
    UNREACHABLE = "unreachable"


BAD = (MachineState.UNDOING, MachineState.FAILED, MachineState.FROZEN)
"""States of machines that have failed."""


@dataclass(frozen=True, slots=True)
class MachineRow:
    """A machine of a rollout."""

    machine: str
    state: MachineState = MachineState.WAITING
    run: str = ""
    """The latest run of its slice."""
    undo: str = ""
    """The run that takes it back."""
    attempt: int = 0
    digest: str = ""
    """Of the upgrade that it has or failed with."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A failure of a machine."""

    number: int
    machine: str
    stage: str
    cluster: str
    signature: str
    reason: str
    difference: tuple[str, ...]
    """How the machine differs from the reference, a line for each key: ``~ key reference's -> machine's``."""
    at: float
    whole: str = ""
    """Command that shows all that was printed; empty: `reason` has it."""


@dataclass(frozen=True, slots=True)
class Report:
    """Failures of one cluster with the same signature: one of them needs a person."""

    cluster: str
    signature: str
    first: FailureRow
    machines: tuple[str, ...]
    """All that failed like this, the first one first."""
    open: tuple[str, ...] = ()
    """Those that nothing has put right since, and that have not failed in another way."""


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """A rollout."""

    id: str
    name: str
    assembly: str
    file: str
    digest: str
    state: RolloutState
    wanted: str
    """``run``, ``freeze`` or ``abort``."""
    created: float
    ended: float | None
    epoch: int
    note: str
    stages: Stages = field(repr=False)
    holder: Holder | None = None
    """Who drove it last."""
    around: tuple[str, ...] = ()
    """Names of its programs before and after the machines that are done."""


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """A rollout with its machines and its failures."""

    row: RolloutRow
    machines: Mapping[str, MachineRow]
    failures: tuple[FailureRow, ...] = ()

    @property
    def reports(self) -> tuple[Report, ...]:
        """The failures folded by cluster and signature."""
        groups: dict[tuple[str, str], list[FailureRow]] = {}
        latest: dict[str, tuple[str, str]] = {}
        for failure in self.failures:
            groups.setdefault((failure.cluster, failure.signature), []).append(failure)
            latest[failure.machine] = (failure.cluster, failure.signature)
        bad = {m for m, row in self.machines.items() if row.state in BAD}
        found = []
        for (cluster, signature), rows in groups.items():
            machines = tuple(dict.fromkeys(r.machine for r in rows))
            left = tuple(m for m in machines if m in bad and latest[m] == (cluster, signature))
            found.append(Report(cluster, signature, rows[0], machines, left))
        return tuple(found)

    def count(self, *states: MachineState) -> int:
        """Machines in these states."""
        return sum(row.state in states for row in self.machines.values())


_VARIES = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8,}|\d+")


def signature(where: str, line: str, machine: str) -> str:
    """What failures of the same kind have in common: where, and the line that tells why without numbers and names."""
    return f"{where}: {_VARIES.sub('#', line.strip().replace(machine, '<machine>'))[:200]}"
