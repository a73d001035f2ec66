"""Asking a probe: it looks, once unless it says otherwise, and whatever comes of it is an answer."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from madeus.executor.action.base import ActionKind, Context, RuntimeValue
from madeus.executor.action.execute import execute
from madeus.executor.action.prepare import check_action, prepare
from madeus.executor.action.registry import Registry
from madeus.executor.action.wait_tcp import NothingToAskWith
from madeus.executor.drift.answer import LAST_LINES, Answer, Seen
from madeus.executor.drift.question import Element, Question
from madeus.executor.errors import (
    ActionFailed,
    ActionTimedOut,
    ExecutorError,
    FileOperationFailed,
    HostError,
    InternalError,
    InvalidAction,
    JobRefused,
)
from madeus.executor.inventory import Host
from madeus.executor.scope import Scopes
from madeus.executor.secrets import Vault
from madeus.executor.transport.base import Transport
from madeus.model import Action, ComponentType
from madeus.model.value import Duration
from madeus.semantics import Configuration

TIMEOUT = 30.0
"""Seconds that a look may take when the probe says nothing of it; what it waits for (``within``) comes on top."""

PATIENCE = 15.0
"""Seconds beyond its timeouts after which a host is taken for one that does not answer."""


SILENT = "the host does not answer"


class NoProbe(InvalidAction):
    """An action that changes things stands where one has to look."""

    def __init__(self, kind: str) -> None:
        way_out = "look with `run`, or with another of the built-in actions"
        super().__init__(kind, "it changes things and cannot be a probe", way_out)


def looking(action: Action, registry: Registry) -> Action:
    """The action that looks, for a probe as it is written.

    Raises:
        NoProbe: it is of a kind that changes things.
        UnknownAction: there is no such kind.
    """
    found = registry.get(action.kind).looking(action)
    if found is None:
        raise NoProbe(action.kind)
    if found.option("timeout") is None:
        within = found.option("within")
        wait = within.seconds if isinstance(within, Duration) else within if isinstance(within, int | float) else 0.0
        found = replace(found, options=(*found.options, ("timeout", Duration(TIMEOUT + wait))))
    return found


def check_probe(action: Action, registry: Registry) -> None:
    """What can be said of a probe before it looks. Raises what `check_action` does, and NoProbe."""
    looking(action, registry)
    if action.outputs:
        raise InvalidAction(action.kind, f"a probe has no outputs: `-> {', '.join(action.outputs)}`")
    check_action(registry.get(action.kind), action)


@dataclass(slots=True)
class Asker:
    """Asks probes in one event loop, over the transports of a run."""

    registry: Registry
    scopes: Scopes
    transport: Callable[[Host], Transport]
    base: Path
    """Directory of the .madeus file."""
    vault: Vault
    patience: float = PATIENCE
    _session: str = field(default_factory=lambda: secrets.token_hex(4))
    """Keeps the jobs of this one apart from those of others in the same run."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def _place(self, component: str, host: Host) -> Transport:
        """Where an instance is asked: on its host, or in the layers that it lives in."""
        inner = self.transport(host)
        if not self.scopes.layered(component):
            return inner
        from madeus.executor.layers.host import enter_prefix
        from madeus.executor.layers.rooted import RootedTransport

        return RootedTransport(inner, enter_prefix())

    async def ask(self, question: Question, kind: ComponentType, conf: Configuration) -> Answer:
        """Look. kind: the component's type. conf: where values of data ports are taken from; nothing is raised for the world.

        Raises:
            InternalError: our bug.
        """
        host = self.scopes.host(question.component)
        answer = Answer(question, Seen.UNKNOWN, host.name, _written(question.probe))
        guard: asyncio.Timeout | None = None
        try:
            scope = self._scope(question, kind, conf)
            context = Context(
                host=host,
                transport=self._place(question.component, host),
                scope=scope,
                base=self.base,
                step=("probe", question.component, question.element, question.name, self._session, next(self._numbers)),
                idempotent=True,
                looking=True,
            )
            written = self.registry.get(question.probe.kind)
            call = prepare(written, question.probe, scope)
            answer = replace(answer, probe=self.vault.mask(written.plan(call, context)), expected=written.expects(call))
            action = looking(question.probe, self.registry)
            limit = _limit(self.registry.get(action.kind), action, scope) + self.patience
            # A host that is not there must not look like an action that takes too long.
            await context.transport.connect()
            async with asyncio.timeout(limit) as guard:
                await execute(action, context, self.registry)
            return replace(answer, seen=Seen.HOLDS)
        except TimeoutError:
            if guard is None or not guard.expired():
                raise
            return replace(answer, reason=SILENT, unreachable=True)
        except HostError as error:
            return replace(answer, reason=self.vault.mask(error.reason), unreachable=True)
        except ActionFailed as error:
            if isinstance(error, ActionTimedOut) and not await self._answers(host):
                return replace(answer, reason=SILENT, unreachable=True)
            if isinstance(error, NothingToAskWith) or isinstance(error.__cause__, JobRefused | FileOperationFailed):
                return replace(answer, reason=self.vault.mask(error.reason))
            lines = _last_lines(error.stdout, error.stderr)
            reason = self.vault.mask(error.reason)
            return replace(answer, seen=Seen.DRIFTED, reason=reason, exit_code=error.status, lines=lines)
        except InternalError:
            raise
        except ExecutorError as error:
            return replace(answer, reason=self.vault.mask(error.message))
        except Exception as error:  # an action of an installed package may raise anything
            return replace(answer, reason=f"the probe broke: {type(error).__name__}: {error}")

    async def _answers(self, host: Host) -> bool:
        """Whether a host says anything at all."""
        try:
            async with asyncio.timeout(self.patience):
                await self.transport(host).stat(["/"])
        except (TimeoutError, HostError):
            return False
        return True

    def _scope(self, question: Question, kind: ComponentType, conf: Configuration) -> Mapping[str, RuntimeValue]:
        if question.element is Element.PLACE:
            return self.scopes.fixed(question.component)
        # The probe is read in the place of the actions: what they need is not asked for.
        transition = replace(kind.transition[question.name], actions=(question.probe,))
        return self.scopes.of(conf, question.component, transition)


def _limit(kind: ActionKind, action: Action, scope: Mapping[str, RuntimeValue]) -> float:
    """Seconds that all attempts may take together."""
    options = prepare(kind, action, scope).options
    retries: int = options["retry"]
    pauses = sum(options["backoff"] * 2**k for k in range(min(retries, 9)))
    return float(options["timeout"] * (retries + 1) + 1.25 * pauses)


def _written(action: Action) -> str:
    return " ".join([action.kind, *(str(value) for value in action.arguments)])


def _last_lines(stdout: bytes, stderr: bytes) -> tuple[str, ...]:
    printed = [line for text in (stdout, stderr) for line in text.decode(errors="replace").splitlines() if line.strip()]
    return tuple(line.rstrip() for line in printed[-LAST_LINES:])
