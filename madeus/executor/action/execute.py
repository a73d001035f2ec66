"""The loop around an action's attempts: timeout, retry with backoff, and resuming after the controller was stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from madeus.executor.action.base import ActionKind, ActionResult, Attempt, Call, Context, JobAction, Masked, reveal
from madeus.executor.action.prepare import prepare
from madeus.executor.action.registry import Registry
from madeus.executor.errors import (
    ActionFailed,
    ActionInterrupted,
    ActionTimedOut,
    FileOperationFailed,
    JobRefused,
    JobVanished,
)
from madeus.executor.transport.base import Absent, Outcome, Running, Vanished
from madeus.model.action import Action
from madeus.model.value import format_seconds

MAX_BACKOFF = 300.0
"""Longest pause between two attempts, in seconds."""


async def execute(
    action: Action, context: Context, registry: Registry, *, resume: bool = False, first: int = 1
) -> ActionResult:
    """Do an action on the context's host, with the retries and the timeout that it asks for.

    With `resume`, an earlier controller may have begun: the job of each attempt is looked for on the host first. One that is
    alive is waited for, a recorded result is taken, and nothing is started twice. What left no trace (an action without a job,
    a job that vanished) is done again only when the kind of action or the transition is idempotent.

    `first` is the number of the first attempt: a later one than 1 repeats an action that had failed for good.

    Cancelling does not end the job on the host: its identifier was told to `Context.notify`, `Transport.kill` ends it. A job
    that was killed is not tried again, except with `resume`: going on after a stop is doing it.

    Raises:
        ActionFailed: the last attempt did not work (`ActionTimedOut`, `PythonActionFailed` are of its kin).
        ActionInterrupted, JobVanished: only with `resume`; what was interrupted may have taken effect.
        ActionInputError, InterpolationError, TemplateError, LocalFileError: the action cannot be done as written.
        HostError: the host could not be reached; the action may go on there.
    """
    kind = registry.get(action.kind)
    call = prepare(kind, action, context.scope)
    again = kind.idempotent or context.idempotent
    if resume and not (isinstance(kind, JobAction) and kind.durable(call)):
        if not again:
            raise ActionInterrupted(action.kind, context.host.name)
        resume = False
    loop = _Attempts(kind, call, context, first, again)
    return await loop.run(resume)


class _EndedBefore(Exception):
    """A job that is looked for was ended on purpose by an earlier controller."""


class _Attempts:
    """One action's attempts."""

    def __init__(self, kind: ActionKind, call: Call, context: Context, first: int, again: bool) -> None:
        self.kind, self.call, self.context, self.first, self.again = kind, call, context, first, again
        self.timeout: float | None = call.options["timeout"]
        self.sensitive: bool = call.options["sensitive"]
        self.secrets = _secrets(context)
        self.looking = False
        """Whether an earlier controller may have started the job of the next attempt."""
        self.killed = False

    async def run(self, resume: bool) -> ActionResult:
        self.looking = resume
        left: int = self.call.options["retry"]
        pause: float = self.call.options["backoff"]
        number = self.first
        while True:
            try:
                return self._shown(replace(await self._attempt(number), attempts=number - self.first + 1))
            except JobVanished:
                if not self.again:
                    raise
                number += 1
                continue
            except _EndedBefore:
                # The controller before ended it, on Ctrl-C or at its timeout; to go on is to do it again.
                number += 1
                continue
            except (FileOperationFailed, JobRefused) as error:
                failed = ActionFailed(self.call.kind, self.context.host.name, error.reason, help=error.help)
                failed.__cause__ = error
            except ActionFailed as error:
                failed = error
            failed = self._masked(failed, number - self.first + 1)
            if left <= 0 or self.killed:
                raise failed
            left -= 1
            wait = min(pause, MAX_BACKOFF) * (0.75 + 0.5 * self.context.random())
            pause *= 2
            await self.context.notify(Attempt(number, self._job_of(number), failed, wait))
            if not self.looking:
                await self.context.sleep(wait)
            number += 1

    def _job_of(self, number: int) -> str | None:
        return self.context.job_id(number) if self._durable() else None

    def _durable(self) -> bool:
        return isinstance(self.kind, JobAction) and self.kind.durable(self.call)

    async def _attempt(self, number: int) -> ActionResult:
        if isinstance(self.kind, JobAction) and self._durable():
            return self.kind.result(self.call, self.context, await self._job(self.kind, number))
        await self.context.notify(Attempt(number, None))
        timeout = asyncio.timeout(self.timeout)
        try:
            async with timeout:
                return await self.kind.perform(self.call, self.context, number)
        except TimeoutError:
            if not timeout.expired():
                raise
            raise self._timed_out() from None

    async def _job(self, kind: JobAction, number: int) -> Outcome:
        """Outcome of this attempt's job: found, waited for, or started now."""
        transport, identifier = self.context.transport, self.context.job_id(number)
        spent = 0.0
        started = False
        if self.looking:
            found = await transport.find(identifier, self.context.boot_id)
            match found:
                case Absent():
                    self.looking = False
                case Running(seconds):
                    spent, started = seconds, True
                case Vanished(reason):
                    raise JobVanished(self.context.host.name, identifier, reason)
                case _:
                    if found.outcome.killed:
                        raise _EndedBefore
                    return found.outcome
        if not started:
            job = kind.job(self.call, self.context, number)
            await self.context.notify(Attempt(number, identifier))
            await transport.start(job)
        if self.timeout is None:
            outcome = await transport.wait(identifier)
            self.killed = outcome.killed
            return outcome
        try:
            async with asyncio.timeout(max(0.0, self.timeout - spent)) as timeout:
                outcome = await transport.wait(identifier)
                self.killed = outcome.killed
                return outcome
        except TimeoutError:
            if not timeout.expired():
                raise
        await transport.kill(identifier)
        raise self._timed_out(await transport.wait(identifier))

    def _timed_out(self, outcome: Outcome | None = None) -> ActionTimedOut:
        limit = format_seconds(self.timeout or 0)
        return ActionTimedOut(
            self.call.kind,
            self.context.host.name,
            f"did not end within its timeout of {limit}",
            exit_code=outcome.exit_code if outcome else None,
            stdout=outcome.stdout if outcome else b"",
            stderr=outcome.stderr if outcome else b"",
        )

    def _shown(self, result: ActionResult) -> ActionResult:
        if not self.sensitive and not self.secrets:
            return result
        outputs = dict(result.outputs)
        if self.sensitive:
            outputs = {
                name: value if isinstance(value, Masked) else Masked(reveal(value)) for name, value in outputs.items()
            }
        return replace(result, outputs=outputs, stdout=self._mask(result.stdout), stderr=self._mask(result.stderr))

    def _masked(self, error: ActionFailed, attempts: int) -> ActionFailed:
        """The error with its outputs masked and the number of attempts in its words."""
        error.stdout, error.stderr = self._mask(error.stdout), self._mask(error.stderr)
        if attempts > 1:
            error.attempts = attempts
            error.message = f"{error.kind} on {error.host} failed after {attempts} attempts: {error.reason}"
            error.args = (error.message,)
        return error

    def _mask(self, output: bytes) -> bytes:
        if self.sensitive:
            return b"(not shown: the action is sensitive)" if output else b""
        for secret in self.secrets:
            output = output.replace(secret, b"***")
        return output


def _secrets(context: Context) -> list[bytes]:
    """Texts to mask in outputs, longest first."""
    plain = {value.plain for value in _masked_values(context.scope.values()) if value.plain}
    return [text.encode() for text in sorted(plain, key=len, reverse=True)]


def _masked_values(values: Iterable[object]) -> Iterable[Masked]:
    return (value for value in values if isinstance(value, Masked))
