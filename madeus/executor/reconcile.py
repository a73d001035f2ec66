"""Going on with a run: from the journal back to the configuration, and what is known of every transition that has not ended.

============================  =====================================================================================
journal says of the action    what the next controller does
============================  =====================================================================================
nothing                       begins it: an action never starts before the journal has its attempt
done, assumed                 takes its recorded values; it is not run again
running, lost                 looks for its job on the host: alive, waits for it; ended, takes the result; absent, starts it;
                              vanished, runs it again when it or the transition is idempotent, else the transition fails and
                              the user decides (``--retry``, ``--assume-done``)
failed                        runs it again, with the next number
============================  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from madeus.executor.action.base import JobAction
from madeus.executor.action.registry import Registry
from madeus.executor.effects import Standing
from madeus.executor.firing import Known
from madeus.executor.journal.errors import NotResumable
from madeus.executor.journal.events import AttemptRecord, AttemptState, StepRecord
from madeus.executor.journal.snapshot import produced_from_text
from madeus.model import Transition
from madeus.model.codec import NotAModel
from madeus.semantics import Agenda, StepKind, System

Key = tuple[str, str]
"""(instance, transition)."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the user says of transitions of which nobody knows whether they took effect; by qualified name."""

    retry: frozenset[str] = frozenset()
    assume_done: frozenset[str] = frozenset()

    def check(self, run: str, unfinished: Collection[str]) -> None:
        """Raise NotResumable when one names a transition that is not unfinished, or two contradict."""
        for name in sorted(self.retry & self.assume_done):
            raise NotResumable(run, f"{name} cannot be both retried and assumed done")
        for name in sorted((self.retry | self.assume_done) - set(unfinished)):
            left = f"unfinished: {', '.join(sorted(unfinished))}" if unfinished else "no transition is unfinished"
            raise NotResumable(run, f"{name} is not an unfinished transition", left)


@dataclass(slots=True)
class Begun:
    """A transition that has fired and not ended."""

    fired: int
    execution: int
    count: int
    failed: bool
    ended: int = -1
    """Index of the FAIL, where it has failed."""
    known: Mapping[int, Known] = field(default_factory=dict)
    assumed: AttemptRecord | None = None
    """The attempt that the user takes for done; to be written to the journal."""


@dataclass(slots=True)
class Recorded:
    """A run as the journal has it."""

    agenda: Agenda
    counts: dict[Key, int]
    """Firings of each transition so far."""
    begun: dict[Key, Begun]
    firings: dict[int, tuple[str, str, int]]
    """Index of each FIRE -> (instance, transition, how many times it had fired before)."""
    time: float
    """Of the last step."""


def recall(system: System, steps: Sequence[StepRecord], standing: Standing | None = None) -> Recorded:
    """Take the recorded steps again. standing: follows them.

    Raises:
        NotAModel: the steps are none that the model allows, or hold values that are none.
    """
    agenda = Agenda(system, system.initial())
    counts: dict[Key, int] = {}
    begun: dict[Key, Begun] = {}
    firings: dict[int, tuple[str, str, int]] = {}
    for record in steps:
        step = record.step
        key = (step.component, step.element)
        try:
            agenda.take(step, produced_from_text(record.produced))
        except (ValueError, KeyError, IndexError) as error:
            raise NotAModel(f"step {record.seq}: {error}") from error
        if standing is not None:
            standing.take(step, agenda.configuration)
        if step.kind is StepKind.FIRE:
            begun[key] = Begun(record.seq, record.seq, counts.get(key, 0), failed=False)
            firings[record.seq] = (*key, counts.get(key, 0))
            counts[key] = counts.get(key, 0) + 1
        elif step.kind is StepKind.RECOVER:
            begun = {other: b for other, b in begun.items() if other[0] != step.component}
        elif step.kind is StepKind.ROLLBACK:
            begun = {}
        elif step.kind is StepKind.RETRY:
            begun[key].execution, begun[key].failed = record.seq, False
        elif step.kind is StepKind.FAIL:
            begun[key].failed, begun[key].ended = True, record.seq
        elif step.kind is StepKind.END:
            del begun[key]
    return Recorded(agenda, counts, begun, firings, steps[-1].time if steps else 0.0)


def judge(
    recorded: Recorded, attempts: Sequence[AttemptRecord], registry: Registry, decisions: Decisions, run: str
) -> None:
    """Fill in what is known of each unfinished transition, from its attempts and the user's decisions.

    Raises:
        NotResumable: a decision that fits no transition, or an output that nobody would have.
    """
    decisions.check(run, [f"{component}.{transition}" for component, transition in recorded.begun])
    of_firing: dict[int, list[AttemptRecord]] = {}
    for attempt in attempts:
        of_firing.setdefault(attempt.fired, []).append(attempt)
    for (component, name), begun in recorded.begun.items():
        state = recorded.agenda.configuration.components[component]
        transition = recorded.agenda.system.tables[state.type].kind.transition[name]
        mine = of_firing.get(begun.fired, [])
        qualified = f"{component}.{name}"
        latest: dict[int, AttemptRecord] = {}
        for attempt in mine:
            if attempt.action not in latest or attempt.number > latest[attempt.action].number:
                latest[attempt.action] = attempt
        known = {at: _known(a, mine, begun, transition, registry) for at, a in latest.items()}
        open_at = next((at for at in sorted(known) if not known[at].done), None)
        if qualified in decisions.retry and open_at is not None:
            known[open_at] = Known(first=latest[open_at].number + 1)
        if qualified in decisions.assume_done:
            if open_at is None:
                raise NotResumable(run, f"{qualified} has no action of which that could be assumed", "use --retry")
            if transition.actions[open_at].outputs:
                ports = ", ".join(transition.actions[open_at].outputs)
                raise NotResumable(run, f"nobody knows the value of {ports}, which {qualified} produces", "use --retry")
            begun.assumed = latest[open_at]._replace(
                state=AttemptState.ASSUMED, stdout=b"", stderr=b"", error=None, help=None
            )
            known[open_at] = Known(done=True)
        begun.known = known


def _known(
    attempt: AttemptRecord,
    all_attempts: Sequence[AttemptRecord],
    begun: Begun,
    transition: Transition,
    registry: Registry,
) -> Known:
    """What one action's latest attempt says."""
    match attempt.state:
        case AttemptState.DONE | AttemptState.ASSUMED:
            values = produced_from_text(attempt.outputs)
            return Known(done=True, outputs=tuple((port, value) for port, value in values if value is not None))
        case AttemptState.LOST:
            return Known(look=True, first=attempt.number, boot=attempt.boot)
        case AttemptState.FAILED if begun.failed:
            return Known(first=attempt.number + 1)
        case AttemptState.RUNNING | AttemptState.FAILED:
            durable = isinstance(registry.get(transition.actions[attempt.action].kind), JobAction)
            if not durable:
                running = attempt.state is AttemptState.RUNNING
                return Known(look=running, first=attempt.number + (not running))
            # From the first attempt of this series on: each one's result is found, and the retries are not counted anew.
            same = [a for a in all_attempts if a.action == attempt.action and a.execution == attempt.execution]
            first = min(same, key=lambda a: a.number)
            boot = attempt.boot if attempt.state is AttemptState.RUNNING else None
            return Known(look=True, first=first.number, boot=boot)
