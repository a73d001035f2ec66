"""What can go wrong with layers on hosts, beside `madeus.executor.errors`.

::

    InputError
    └── OperationRefused     the catalog does not allow it (`madeus.layers.errors.Refused`); nothing was done
    WorldError
    ├── AgentFailed          the host agent could not do a verb
    ├── MachineBusy          another operation is on it
    ├── StandsElsewhere      its host has another stack than the one that the state store knows; nothing was done
    ├── OperationBroken      an operation that did not come to its end, and was taken back or can be gone on with
    └── MergeConflicts       files that a three-way merge could not bring together
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from madeus.executor.errors import InputError, WorldError
from madeus.executor.journal.errors import Holder
from madeus.layers.errors import Refused


class OperationRefused(InputError):
    """The catalog does not allow it."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message, refused.help)
        self.refused = refused


class AgentFailed(WorldError):
    """The agent of a host could not do what it was asked. code: its word for the reason, such as ``no-space``.

    asked: whether it was; the program itself may not have come there. data: what else the agent says of the reason.
    """

    def __init__(
        self,
        host: str,
        verb: str,
        code: str,
        reason: str,
        help: str = "",
        asked: bool = True,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{host}: {verb}: {reason}", help)
        self.host, self.verb, self.code, self.reason, self.asked = host, verb, code, reason, asked
        self.data = dict(data or {})


ELSEWHERE = "elsewhere"
"""Code of an agent that was to replace a stack that it does not have."""


class StandsElsewhere(WorldError):
    """A host has another stack than the one that the state store knows: it was changed past this state store.

    known, there: layers, bottom to top. begun: the operation had done something on the host already.
    """

    def __init__(
        self, host: str, operation: str, known: Sequence[str], there: Sequence[str], begun: bool = False
    ) -> None:
        rows = (f"  known here:  {said(known)}", f"  on the host: {said(there)}")
        super().__init__(
            "\n".join((f"{host}: {operation}: the host has another stack than this state store knows", *rows)),
            _way_out(host, begun),
        )
        self.host, self.operation, self.known, self.there = host, operation, tuple(known), tuple(there)


def _way_out(host: str, begun: bool) -> str:
    done = "the operation was given up, its layers stay on the host" if begun else "the stack was left alone"
    return (
        f"it was changed by another state store, or by hand; {done}\n"
        f"`madeus host adopt {host}` takes over what the host has, as what can be returned to; "
        f"`madeus rollback {host}` then returns to what is known here"
    )


def said(stack: Sequence[str]) -> str:
    """A stack in a sentence."""
    return f"{stack[-1]} on {len(stack) - 1} others" if stack else "empty"


class MachineBusy(WorldError):
    """Another operation is on a machine. machine: empty when it has the whole catalog."""

    def __init__(self, machine: str, operation: str, holder: Holder) -> None:
        what = machine or "the catalog of layers"
        super().__init__(
            f"{what} is being changed ({operation}) by process {holder.pid} of {holder.user} on {holder.host}",
            "wait for its end, or say --wait",
        )
        self.machine, self.operation, self.holder = machine, operation, holder


class OperationBroken(WorldError):
    """An operation did not come to its end. way_out: what helps against the reason."""

    def __init__(self, operation: str, reason: str, undone: bool, way_out: str = "") -> None:
        how = (
            "nothing has changed: what it had begun was taken back"
            if undone
            else "`madeus layers resume` goes on with it, and so does the next operation on the machine"
        )
        super().__init__(f"{operation}: {reason}", f"{how}\n{way_out}".rstrip())
        self.operation, self.reason, self.undone = operation, reason, undone


class MergeConflicts(WorldError):
    """A three-way merge has conflicts; the switch did not take place."""

    def __init__(self, host: str, paths: Sequence[str]) -> None:
        super().__init__(
            "\n".join((f"{host}: both sides have changed the same lines of", *(f"  {path}" for path in paths))),
            "decide with --keep GLOB or --take GLOB; nothing has changed",
        )
        self.host, self.paths = host, tuple(paths)
