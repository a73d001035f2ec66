"""How a run ended: what failed and why, what was not started because of it, and how to go on."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from madeus.executor.errors import ActionFailed, ExecutorError, HostError
from madeus.executor.firing import Firing, TransitionFailed
from madeus.executor.journal.events import AttemptState, RunState
from madeus.executor.journal.store import state_directory
from madeus.executor.perform import Stopped
from madeus.executor.secrets import Vault
from madeus.semantics import (
    Configuration,
    Deadlock,
    Fate,
    Step,
    StepKind,
    System,
    Trace,
    apply,
    find_deadlock,
    is_done,
    simulate,
)

AHEAD = 10
"""Steps for each transition of the system that are looked ahead for what was not started; some behaviors never end."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A transition that failed and what is known of the reason. Secrets are masked."""

    component: str
    transition: str
    host: str
    action: str
    """Kind of the action: ``run``."""
    position: int
    """Of the action in the transition, from 0."""
    attempt: int
    reason: str
    help: str = ""
    undecided: bool = False
    """Whether it is not known if the action took effect: only the user can decide."""
    stopped: bool = False
    """Whether it failed only because the run was stopped."""
    exit_code: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    unreachable: bool = False
    """Whether the host could not be reached, or no more."""

    @property
    def name(self) -> str:
        """``db.start``."""
        return f"{self.component}.{self.transition}"

    @staticmethod
    def of(firing: Firing, failure: TransitionFailed, vault: Vault) -> Failure:
        """The failure of what a firing ran last."""
        error = failure.error
        output = (error.stdout, error.stderr) if isinstance(error, ActionFailed) else (b"", b"")
        return Failure(
            firing.component,
            firing.transition.name,
            firing.host,
            firing.transition.actions[firing.action].kind,
            firing.action,
            firing.attempt,
            vault.mask(error.message),
            vault.mask(error.help),
            failure.state is AttemptState.LOST,
            firing.stopped or isinstance(error, Stopped),
            error.status if isinstance(error, ActionFailed) else None,
            *output,
            unreachable=isinstance(error, HostError),
        )


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run that its controller has let go."""

    run: str
    state: RunState
    trace: Trace = field(repr=False)
    configuration: Configuration = field(repr=False)
    failures: tuple[Failure, ...] = ()
    not_started: tuple[tuple[str, str], ...] = ()
    """Transitions that would have followed had nothing failed: (instance, transition), in the order of the prediction."""
    deadlock: Deadlock | None = None
    """What waits for what, when not everything is done."""
    divergence: str = ""
    """What was found not to be as the model says, and kept the run from going on."""
    state_directory: Path = Path()
    rolled_back: tuple[str, ...] = ()
    """Machines whose layers are what they were before the run."""
    not_rolled_back: tuple[str, ...] = ()
    """Machines where that did not succeed, each with the reason."""
    recorded: tuple[str, ...] = ()
    """Machines whose layers before the run are recorded: `rollback_command` returns to them."""
    remarks: tuple[str, ...] = ()
    """What checkpoints of layers have left behind, in sentences. Secrets are masked."""

    @property
    def ok(self) -> bool:
        """Whether everything is done, and nothing had to be recovered from."""
        return self.state is RunState.DONE and not self.failures

    @property
    def exit_code(self) -> int:
        """Of the command line: 0 done, 1 failed (though it was recovered from) or stuck, 130 interrupted."""
        return 0 if self.ok else 130 if self.state is RunState.INTERRUPTED else 1

    @property
    def resume_command(self) -> str:
        """The command that goes on with the run; empty when there is nothing to go on with."""
        if self.state in (RunState.DONE, RunState.STUCK, RunState.ROLLED_BACK):
            return ""
        return self.command("run", "--resume", self.run)

    @property
    def rollback_command(self) -> str:
        """The command that takes back what a run did that did not come to its end; empty when it did, or has no layers."""
        if not self.recorded or self.state in (RunState.DONE, RunState.ROLLED_BACK):
            return ""
        return self.command("rollback", self.run)

    @property
    def trace_command(self) -> str:
        """The command that makes a page of the run."""
        return self.command("trace", self.run, "--html", f"{self.run}.html")

    def command(self, *words: str) -> str:
        """A command of this program that looks where this run is recorded."""
        here = self.state_directory == state_directory()
        return shlex.join(["madeus", *words, *(() if here else ("--state", str(self.state_directory)))])


class RunFailed(ExecutorError):
    """A run did not come to its end: raised by `RunResult`'s users who want an exception."""

    exit_code = 1

    def __init__(self, result: RunResult) -> None:
        super().__init__(f"run {result.run} {result.state}", result.resume_command)
        self.result = result


def conclude(
    system: System,
    conf: Configuration,
    trace: Trace,
    *,
    run: str,
    state_directory: Path,
    failures: tuple[Failure, ...],
    stopped: bool,
    divergence: str = "",
) -> RunResult:
    """The result of a run that can go no further, or was stopped."""
    failures = tuple(sorted(failures, key=lambda f: (f.stopped, f.component, f.transition)))
    if conf.fate is Fate.TAKEN_BACK:  # its controller died before it had written so
        return RunResult(run, RunState.ROLLED_BACK, trace, conf, failures, state_directory=state_directory)
    if is_done(system, conf):
        recovered = tuple(f for f in failures if _is_recovered(trace, f.component))
        return RunResult(run, RunState.DONE, trace, conf, recovered, state_directory=state_directory)
    failed = any(state.failed for state in conf.components.values())
    state = RunState.INTERRUPTED if stopped else RunState.FAILED if failed or divergence else RunState.STUCK
    cut = stopped or bool(divergence)
    deadlock = None if cut else find_deadlock(system, conf)
    ahead = not_started(system, conf) if cut or failed else ()
    return RunResult(run, state, trace, conf, failures, ahead, deadlock, divergence, state_directory)


def _is_recovered(trace: Trace, component: str) -> bool:
    return any(e.step.kind is StepKind.RECOVER and e.step.component == component for e in trace.events)


def not_started(system: System, conf: Configuration) -> tuple[tuple[str, str], ...]:
    """Transitions that would fire from here on if every failed one were retried with success."""
    if conf.clash is not None:
        return ()
    for component, state in conf.components.items():
        for transition in sorted(state.failed):
            conf = apply(system, conf, Step(StepKind.RETRY, component, transition))
    size = sum(len(system.tables[instance.type].kind.transitions) for instance in system.instances.values())
    size += sum(len(program.instructions) for program in system.programs)
    ahead = simulate(system, start=conf, steps=AHEAD * (size + 1))
    rank = {name: index for index, name in enumerate(system.instance_order)}
    fired = [e for e in ahead.trace.events if e.step.kind is StepKind.FIRE]
    fired.sort(key=lambda e: (e.time, rank[e.step.component]))
    return tuple(dict.fromkeys((e.step.component, e.step.element) for e in fired))
