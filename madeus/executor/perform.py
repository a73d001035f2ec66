"""Doing the actions of one transition, one after another, each attempt in the journal before it begins and after it ended."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from madeus.executor.action.base import ActionResult, Attempt, Context, JobAction, RuntimeValue, reveal
from madeus.executor.action.execute import execute
from madeus.executor.action.registry import Registry
from madeus.executor.errors import (
    ActionFailed,
    ActionInterrupted,
    ExecutorError,
    HostError,
    InternalError,
    JobVanished,
    WorldError,
)
from madeus.executor.firing import Firing, Known, TransitionFailed
from madeus.executor.inventory import Host
from madeus.executor.journal.errors import FencedOff, JournalUnusable
from madeus.executor.journal.events import AttemptRecord, AttemptState
from madeus.executor.journal.snapshot import produced_to_text
from madeus.executor.journal.writer import Writer
from madeus.executor.progress import ActionBegan, ActionEnded, AttemptFailed, ProgressEvent
from madeus.executor.secrets import Vault
from madeus.executor.transport.base import Transport
from madeus.model import Action, ComponentType, Value, ValueType
from madeus.semantics.step import Produced


class Stopped(WorldError):
    """The run was asked to stop before the action began, or while it ran."""

    def __init__(self, message: str = "the run was stopped before this action began") -> None:
        super().__init__(message)


class UnexpectedTrouble(WorldError):
    """An action's own code raised something that is no `ExecutorError`."""

    def __init__(self, kind: str, error: Exception) -> None:
        super().__init__(
            f"the action `{kind}` broke: {type(error).__name__}: {error}",
            "this is a bug of the action, or of madeus; please report it with the lines above",
        )
        self.trace = "".join(traceback.format_exception(error))


class OutputMistyped(ActionFailed):
    """The value for a data port is not of the port's type."""


class Performer:
    """Does the actions of transitions; holds what all of them share."""

    def __init__(
        self,
        *,
        registry: Registry,
        transport: Callable[[str, Host], Transport],
        writer: Writer,
        vault: Vault,
        base: Path,
        clock: Callable[[], float],
        publish: Callable[[ProgressEvent], None] | None,
    ) -> None:
        """transport: of an instance on its host. clock: seconds since the start of the run."""
        self._registry, self._transport, self._writer, self._vault = registry, transport, writer, vault
        self._base, self._clock, self._publish = base, clock, publish
        self.stopping = False
        """Once set, no further action begins."""

    async def perform(self, firing: Firing, host: Host, kind: ComponentType) -> Produced:
        """Do the actions; what they produced for the data ports of the component.

        Raises:
            TransitionFailed: an action did not succeed; the journal has it.
            JournalUnusable, FencedOff: the journal takes no more; nothing further was begun.
        """
        produced: dict[str, Value] = {}
        transport = self._transport(firing.component, host)
        for index, action in enumerate(firing.transition.actions):
            known = firing.known.get(index, Known())
            if known.done:
                produced.update(known.outputs)
                continue
            produced.update(await self._one(firing, index, action, known, host, transport, kind))
        return tuple(produced.items())

    async def _one(
        self,
        firing: Firing,
        index: int,
        action: Action,
        known: Known,
        host: Host,
        transport: Transport,
        kind: ComponentType,
    ) -> dict[str, Value]:
        firing.action, firing.attempt, firing.job, firing.begun = index, known.first, None, known.look
        boot: str | None = None

        async def note(attempt: Attempt) -> None:
            if attempt.error is not None:
                record = self._record(firing, action, AttemptState.FAILED, attempt.number)
                self._writer.add(_with_error(record, attempt.error, self._vault))
                firing.begun, firing.job, firing.attempt = False, None, attempt.number + 1
                if known.look and durable:  # the next one may have been begun by an earlier controller, too
                    firing.begun, firing.job = True, context.job_id(attempt.number + 1)
                self._tell_retry(firing, action, attempt)
                return
            if self.stopping:
                raise Stopped
            if firing.begun and attempt.number > firing.attempt:  # its job has vanished; it may be run again
                self._writer.add(self._record(firing, action, AttemptState.LOST, firing.attempt))
            firing.attempt, firing.job = attempt.number, attempt.job
            self._writer.add(
                AttemptRecord(
                    *(firing.fired, index, attempt.number, firing.execution, action.kind, firing.host),
                    AttemptState.RUNNING,
                    attempt.job,
                    boot,
                    self._clock(),
                )
            )
            await self._writer.durable()
            firing.begun = True
            self._tell_begin(firing, action, found=False)

        context = Context(
            host=host,
            transport=transport,
            scope=firing.scope,
            base=self._base,
            step=(firing.component, firing.transition.name, firing.count),
            index=index,
            idempotent=firing.transition.idempotent,
            boot_id=known.boot,
            notify=note,
        )
        durable = False
        try:
            if self.stopping and not known.look:
                raise Stopped
            durable = isinstance(self._registry.get(action.kind), JobAction)
            boot = (await transport.connect()).boot_id
            if known.look:
                firing.job = context.job_id(known.first) if durable else None
                self._tell_begin(firing, action, found=True)
            result = await execute(action, context, self._registry, resume=known.look, first=known.first)
            outputs = self._outputs(firing, index, action, result, kind)
        except (FencedOff, JournalUnusable, TransitionFailed):
            raise
        except Exception as trouble:
            error = trouble if isinstance(trouble, ExecutorError) else UnexpectedTrouble(action.kind, trouble)
            state = _state_after(error, firing.begun)
            if not isinstance(error, Stopped):
                record = self._record(firing, action, state, firing.attempt)
                self._writer.add(_with_error(record, error, self._vault))
            self._tell_end(firing, action, None, error)
            firing.begun, firing.job = False, None
            raise TransitionFailed(error, state) from trouble
        now = self._clock()
        self._writer.add(
            AttemptRecord(
                *(firing.fired, index, firing.attempt, firing.execution, action.kind, firing.host, AttemptState.DONE),
                began=now,
                ended=now,
                seconds=result.seconds,
                exit_code=result.exit_code,
                changed=None if result.changed is None else int(result.changed),
                stdout=result.stdout,
                stderr=result.stderr,
                outputs=produced_to_text(tuple(outputs.items())) if outputs else None,
            )
        )
        firing.begun, firing.job = False, None
        self._tell_end(firing, action, result, None)
        return outputs

    def interrupted(self, firing: Firing) -> AttemptState:
        """Note in the journal that the transition's task was ended from outside; what is known of its action then."""
        state = AttemptState.LOST if firing.begun else AttemptState.FAILED
        if firing.begun:
            action = firing.transition.actions[firing.action]
            record = self._record(firing, action, state, firing.attempt)
            self._writer.add(record._replace(error="the controller was stopped while it ran"))
        return state

    def _outputs(
        self, firing: Firing, index: int, action: Action, result: ActionResult, kind: ComponentType
    ) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for port, value in result.outputs.items():
            typed = _typed(action.kind, firing.host, kind, port, value)
            found[port] = self._vault.hide(hidden_name(firing.fired, index, port), typed)
        return found

    def _record(self, firing: Firing, action: Action, state: AttemptState, number: int) -> AttemptRecord:
        now = self._clock()
        return AttemptRecord(
            *(firing.fired, firing.action, number, firing.execution, action.kind, firing.host, state),
            began=now,
            ended=now,
        )

    def _tell_begin(self, firing: Firing, action: Action, found: bool) -> None:
        if self._publish is not None:
            where = (firing.component, firing.transition.name, firing.action, action.kind, firing.host)
            self._publish(ActionBegan(self._clock(), *where, firing.attempt, found))

    def _tell_retry(self, firing: Firing, action: Action, attempt: Attempt) -> None:
        if self._publish is not None:
            where = (firing.component, firing.transition.name, firing.action, action.kind, firing.host)
            reason = attempt.error.reason if attempt.error else ""
            self._publish(AttemptFailed(self._clock(), *where, attempt.number, self._vault.mask(reason), attempt.pause))

    def _tell_end(self, firing: Firing, action: Action, result: ActionResult | None, error: Exception | None) -> None:
        if self._publish is not None:
            where = (firing.component, firing.transition.name, firing.action, action.kind, firing.host)
            changed = result.changed if result else None
            reason = self._vault.mask(str(error)) if error else ""
            self._publish(ActionEnded(self._clock(), *where, error is None, changed, reason))


def hidden_name(fired: int, action: int, port: str) -> str:
    """Name that a hidden output goes by in ports and journal; a blank keeps it apart from the secrets of a model."""
    return f"output {fired} {action} {port}"


def _state_after(error: ExecutorError, begun: bool) -> AttemptState:
    if isinstance(error, ActionInterrupted | JobVanished):
        return AttemptState.LOST
    unknown = begun and isinstance(error, HostError | UnexpectedTrouble | InternalError)
    return AttemptState.LOST if unknown else AttemptState.FAILED


def _with_error(record: AttemptRecord, error: ExecutorError, vault: Vault | None = None) -> AttemptRecord:
    message, way_out = error.message, error.help
    if vault is not None:
        message, way_out = vault.mask(message), vault.mask(way_out)
    record = record._replace(error=message, help=way_out or None)
    if isinstance(error, ActionFailed):
        return record._replace(exit_code=error.status, stdout=error.stdout, stderr=error.stderr)
    if isinstance(error, UnexpectedTrouble):
        return record._replace(stderr=error.trace.encode(errors="replace"))
    return record


_TYPES: Mapping[ValueType, type[int] | type[float]] = {ValueType.INT: int, ValueType.FLOAT: float}


def _typed(action: str, host: str, kind: ComponentType, port: str, value: RuntimeValue) -> RuntimeValue:
    """The captured text as a value of the port's type. Raises OutputMistyped."""
    declared = kind.provide[port].type if port in kind.provide else None
    if not isinstance(value, str) or declared is None:
        return value
    try:
        if declared in _TYPES:
            return _TYPES[declared](value)
        if declared is ValueType.BOOL:
            return {"true": True, "false": False}[value]
        if declared is ValueType.LIST:
            return tuple(value.split())
    except (ValueError, KeyError):
        reason = f"its output {reveal(value)[:60]!r} is no {declared}, which the data port {port} takes"
        raise OutputMistyped(action, host, reason) from None
    return value
