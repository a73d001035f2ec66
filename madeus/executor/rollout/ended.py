"""How a machine's run ended, told by its controller or read from the journal by the one after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from madeus.executor.journal.events import AttemptRecord, AttemptState, RunState
from madeus.executor.journal.store import Journal
from madeus.executor.result import RunResult
from madeus.semantics import StepKind

KEPT = 16_384
"""Bytes of each stream that a report keeps."""


class Said(NamedTuple):
    """Why something failed."""

    reason: str
    """And what it printed: at most `KEPT` bytes of each stream, errors last."""
    line: str
    """The last line of its errors; of one that printed none, the reason: failures that have it in common are of one kind."""

    @staticmethod
    def of(reason: str, stdout: bytes = b"", stderr: bytes = b"") -> Said:
        """As an action has ended."""
        printed, errors = (stream[-KEPT:].decode(errors="replace").strip() for stream in (stdout, stderr))
        return Said(
            "\n".join(part for part in (reason, printed, errors) if part), (errors or reason).rpartition("\n")[2]
        )


NOTHING = Said("", "")


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that is over, or was stopped."""

    state: RunState
    where: str = ""
    """Transition that failed."""
    component: str = ""
    """Whose transition that is."""
    said: Said = NOTHING
    unreachable: bool = False
    """Whether it failed because the machine could not be reached, or may have."""
    recovered: bool = False
    """Whether it failed and a recovery of the program has taken the machine back."""

    @property
    def reason(self) -> str:
        """Why it failed."""
        return self.said.reason

    @property
    def well(self) -> bool:
        """Whether everything is done and nothing had to be recovered from."""
        return self.state is RunState.DONE and not self.recovered


def of_result(result: RunResult, machine: str) -> Ended:
    """As its controller says."""
    back = machine in result.rolled_back
    failures = [f for f in result.failures if not f.stopped]
    recovered = back or (result.state is RunState.DONE and bool(failures))
    for failure in failures:
        said = Said.of(failure.reason, failure.stdout, failure.stderr)
        unreachable = failure.unreachable and not recovered
        return Ended(result.state, failure.transition, failure.component, said, unreachable, recovered)
    if result.deadlock is not None:
        return Ended(result.state, "deadlock", said=Said.of(str(result.deadlock)), recovered=back)
    why = result.divergence or f"run {result.run} is {result.state}"
    return Ended(result.state, "run", said=Said.of(why), recovered=back)


def of_journal(journal: Journal, run: str, state: RunState) -> Ended:
    """As the journal has it. Where no exit code was noted, nobody knows whether the machine was reached: so it may be."""
    steps = journal.steps(run)
    recovered = state is RunState.ROLLED_BACK or any(s.step.kind is StepKind.RECOVER for s in steps)
    fired = {s.seq: (s.step.component, s.step.element) for s in steps if s.step.kind is StepKind.FIRE}
    bad = _bad(journal, run)
    if not bad or state is RunState.DONE:
        return Ended(state, "run", said=Said.of(f"run {run} is {state}"), recovered=recovered)
    last = bad[-1]
    component, where = fired.get(last.fired, ("", "run"))
    said = Said.of(last.error or "", last.stdout, last.stderr)
    return Ended(state, where, component, said, last.exit_code is None and not recovered, recovered)


def has_failed(journal: Journal, run: str) -> bool:
    """Whether an action of a run has failed."""
    return bool(_bad(journal, run))


def _bad(journal: Journal, run: str) -> list[AttemptRecord]:
    return [a for a in journal.attempts(run) if a.state in (AttemptState.FAILED, AttemptState.LOST)]
