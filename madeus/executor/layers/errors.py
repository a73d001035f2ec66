"""What can go wrong with layers on hosts, beside `madeus.executor.errors`.

::

    InputError
    └── OperationRefused     the catalog does not allow it (`madeus.layers.errors.Refused`); nothing was done
    WorldError
    ├── AgentFailed          the host agent could not do a verb
    ├── MachineBusy          another operation is on it
    ├── OperationBroken      an operation that did not come to its end, and was taken back or can be gone on with
    └── MergeConflicts       files that a three-way merge could not bring together
"""

from __future__ import annotations

from collections.abc import Sequence

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

    asked: whether it was; the program itself may not have come there.
    """

    def __init__(self, host: str, verb: str, code: str, reason: str, help: str = "", asked: bool = True) -> None:
        super().__init__(f"{host}: {verb}: {reason}", help)
        self.host, self.verb, self.code, self.reason, self.asked = host, verb, code, reason, asked


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
