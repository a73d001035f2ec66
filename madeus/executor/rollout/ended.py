"""How a machine's run ended, told by its controller or read from the journal by the one after it."""

from __future__ import annotations

from dataclasses import dataclass

from madeus.executor.journal.events import AttemptRecord, AttemptState, RunState
from madeus.executor.journal.store import Journal
from madeus.executor.result import RunResult
from madeus.semantics import StepKind


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that is over, or was stopped."""

    state: RunState
    where: str = ""
    """Transition that failed."""
    reason: str = ""
    unreachable: bool = False
    """Whether it failed because the machine could not be reached, or may have."""
    recovered: bool = False
    """Whether it failed and a recovery of the program has taken the machine back."""

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
        said = failure.stderr.decode(errors="replace").strip()
        reason = f"{failure.reason}\n{said}" if said else failure.reason
        return Ended(result.state, failure.transition, reason, failure.unreachable and not recovered, recovered)
    if result.deadlock is not None:
        return Ended(result.state, "deadlock", str(result.deadlock), recovered=back)
    said = result.divergence or f"run {result.run} is {result.state}"
    return Ended(result.state, "run", said, recovered=back)


def of_journal(journal: Journal, run: str, state: RunState) -> Ended:
    """As the journal has it. Where no exit code was noted, nobody knows whether the machine was reached: so it may be."""
    steps = journal.steps(run)
    recovered = state is RunState.ROLLED_BACK or any(s.step.kind is StepKind.RECOVER for s in steps)
    fired = {s.seq: s.step.element for s in steps if s.step.kind is StepKind.FIRE}
    bad = _bad(journal, run)
    if not bad or state is RunState.DONE:
        return Ended(state, "run", f"run {run} is {state}", recovered=recovered)
    last = bad[-1]
    said = last.stderr.decode(errors="replace").strip()
    reason = f"{last.error or ''}\n{said}" if said else last.error or ""
    return Ended(state, fired.get(last.fired, "run"), reason, last.exit_code is None and not recovered, recovered)


def has_failed(journal: Journal, run: str) -> bool:
    """Whether an action of a run has failed."""
    return bool(_bad(journal, run))


def _bad(journal: Journal, run: str) -> list[AttemptRecord]:
    return [a for a in journal.attempts(run) if a.state in (AttemptState.FAILED, AttemptState.LOST)]
