"""What can go wrong outside the model while a deployment is executed.

::

    ExecutorError
    ├── InputError                     the user's text or command, exit code 2
    │   ├── InventoryError             a bad inventory file
    │   ├── UnknownHost                a model's host name that the inventory does not know
    │   ├── ActionInputError           an action that is not written as its kind wants it
    │   │   ├── UnknownAction
    │   │   └── InvalidAction
    │   ├── InterpolationError         a ${name} that means nothing here
    │   ├── TemplateError              a Jinja2 template that does not render, with file and line
    │   └── LocalFileError             a file beside the .madeus file that is missing or unreadable
    ├── WorldError                     a host, a network or a command, exit code 1
    │   ├── HostError                  no channel to a host
    │   │   ├── UnknownAddress
    │   │   ├── ConnectionRefused
    │   │   ├── ConnectionTimeout
    │   │   ├── ConnectionFailed       anything else the network or the SSH library says
    │   │   ├── HostKeyUnknown
    │   │   ├── HostKeyChanged
    │   │   ├── AuthenticationFailed
    │   │   ├── IdentityUnusable
    │   │   ├── JumpHostFailed
    │   │   ├── NoShell
    │   │   ├── AgentStartFailed
    │   │   ├── ConnectionLost         an established channel broke and could not be had again
    │   │   └── TakenOver              another controller drives this run on the host now
    │   ├── JobRefused                 a job that the host could not start; it has not run
    │   ├── JobVanished                a job that started, left no result and is not alive
    │   ├── FileOperationFailed        put, get or stat of a file on a host
    │   ├── ActionFailed               an action ended, without success
    │   ├── ActionTimedOut             an action was ended at its timeout
    │   ├── ActionInterrupted          an action was running when the controller stopped; whether it took effect is unknown
    │   └── PythonActionFailed         the user's callable raised
    └── InternalError                  our bug, exit code 70
        └── ProtocolViolation          the agent on a host answered what it never says

Exceptions carry data; the class makes the sentence: ``str(error)`` is what happened, ``error.help`` the way out (may be empty).
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class ExecutorError(Exception):
    """Root of the tree."""

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        """The way out, one or more sentences or lines; empty when the message says it all."""


class InputError(ExecutorError):
    """The user's input is wrong; nothing was done."""

    exit_code = 2


class WorldError(ExecutorError):
    """A host, the network or a command did not do what was asked."""

    exit_code = 1


class InternalError(ExecutorError):
    """Our bug."""

    exit_code = 70


def _key(name: str) -> str:
    """A name as a key of a TOML table."""
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else f'"{name}"'


class InventoryError(InputError):
    """A bad inventory file: path, line (1-based) where it could be told, what is wrong there."""

    def __init__(self, path: Path, line: int | None, reason: str, help: str = "") -> None:
        where = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{where}: {reason}", help)
        self.path, self.line, self.reason = path, line, reason


class UnknownHost(InputError):
    """A model's host name resolves to nothing. group, members: of a name like ``web[3]``, and how many hosts it has."""

    def __init__(
        self, name: str, inventory: Path | None, near: str | None, group: str | None = None, members: int = 0
    ) -> None:
        where = f"in the inventory {inventory}" if inventory else "(no inventory file was given, only `local` is known)"
        if members:
            way_out = f"the group `{group}` has {members} host{'s' * (members != 1)}, counted from 1"
        elif near:
            way_out = f"did you mean `{near}`?"
        elif not inventory:
            way_out = "pass one with --inventory FILE"
        elif group is not None:
            joined = name.replace("[", "").replace("]", "")
            way_out = f"add `[hosts.{_key(joined)}]` or a group `[groups.{_key(group)}]` to it"
        else:
            way_out = f"add `[hosts.{_key(name)}]` to it"
        super().__init__(f"unknown host `{name}` {where}", way_out)
        self.name, self.inventory, self.near = name, inventory, near


class ActionInputError(InputError):
    """An action that is not written as its kind wants it."""


class UnknownAction(ActionInputError):
    """No action of that name is registered."""

    def __init__(self, kind: str, near: str | None, known: tuple[str, ...]) -> None:
        way_out = f"did you mean `{near}`?" if near else f"known actions: {', '.join(known)}"
        super().__init__(f"unknown action `{kind}`", way_out)
        self.kind, self.near, self.known = kind, near, known


class InvalidAction(ActionInputError):
    """Wrong arguments, options or outputs of a known action."""

    def __init__(self, kind: str, reason: str, help: str = "") -> None:
        super().__init__(f"{kind}: {reason}", help)
        self.kind, self.reason = kind, reason


class InterpolationError(InputError):
    """``${name}`` names nothing in scope, or something without a value yet."""

    def __init__(self, name: str, text: str, reason: str, help: str = "") -> None:
        super().__init__(f"{reason} in {text!r}", help)
        self.name, self.text, self.reason = name, text, reason


class TemplateError(InputError):
    """A template that does not parse or render."""

    def __init__(self, path: Path, line: int | None, reason: str, help: str = "") -> None:
        where = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{where}: {reason}", help)
        self.path, self.line, self.reason = path, line, reason


class LocalFileError(InputError):
    """A file that an action needs on the controller."""

    def __init__(self, path: Path, reason: str, help: str = "") -> None:
        super().__init__(f"{path}: {reason}", help)
        self.path, self.reason = path, reason


class HostError(WorldError):
    """No channel to a host. `host` is its name in the inventory, `target` is ``user@address:port`` where it has one."""

    def __init__(self, host: str, target: str, reason: str, help: str = "") -> None:
        super().__init__(f"{host}: {reason}" + (f" ({target})" if target else ""), help)
        self.host, self.target, self.reason = host, target, reason


class UnknownAddress(HostError):
    """The name of the machine does not resolve."""


class ConnectionRefused(HostError):
    """Nothing listens there."""


class ConnectionTimeout(HostError):
    """No answer within the host's ``connect_timeout``."""


class ConnectionFailed(HostError):
    """Another trouble of the network or of the protocol."""


class HostKeyUnknown(HostError):
    """The host's key is in no known_hosts file."""


class HostKeyChanged(HostError):
    """The host shows another key than the one that known_hosts has."""


class AuthenticationFailed(HostError):
    """The host refused every key that was tried; `tried` lists them."""

    def __init__(self, host: str, target: str, reason: str, help: str = "", tried: tuple[str, ...] = ()) -> None:
        super().__init__(host, target, reason, help)
        self.tried = tried


class IdentityUnusable(HostError):
    """The identity file is missing, unreadable, encrypted or no key."""


class JumpHostFailed(HostError):
    """The jump host could not be reached, or it could not reach the host."""


class NoShell(HostError):
    """The login works but gives no shell."""


class AgentStartFailed(HostError):
    """A shell is there, but the agent did not start in it."""


class ConnectionLost(HostError):
    """A channel broke and reconnecting did not succeed; jobs go on on the host and can be found again."""


class TakenOver(HostError):
    """A newer controller has connected to the same run on this host."""


class JobRefused(WorldError):
    """The host could not start the job: it has not run at all."""

    def __init__(self, host: str, job: str, reason: str, help: str = "") -> None:
        super().__init__(f"{host}: {reason}", help)
        self.host, self.job, self.reason = host, job, reason


class JobVanished(WorldError):
    """The job was started, is not alive and has recorded no result; it may have taken effect."""

    def __init__(self, host: str, job: str, reason: str) -> None:
        super().__init__(
            f"{host}: job {job} was started but left no result: {reason}",
            "look at the host to see how far it came; a transition declared `idempotent` is simply run again",
        )
        self.host, self.job, self.reason = host, job, reason


class FileOperationFailed(WorldError):
    """A file on a host could not be written, read or looked at."""

    def __init__(self, host: str, path: str, reason: str, help: str = "") -> None:
        super().__init__(f"{host}:{path}: {reason}", help)
        self.host, self.path, self.reason = host, path, reason


class ActionFailed(WorldError):
    """An action ended without success, after its retries. Outputs are bounded and have secrets masked."""

    def __init__(
        self,
        kind: str,
        host: str,
        reason: str,
        *,
        exit_code: int | None = None,
        stdout: bytes = b"",
        stderr: bytes = b"",
        attempts: int = 1,
        help: str = "",
    ) -> None:
        tries = f" after {attempts} attempts" if attempts > 1 else ""
        super().__init__(f"{kind} on {host} failed{tries}: {reason}", help)
        self.kind, self.host, self.reason, self.attempts = kind, host, reason, attempts
        self.status = exit_code
        """Exit code of the command, where there was one (`exit_code` is the controller's own, of the class)."""
        self.stdout, self.stderr = stdout, stderr


class ActionTimedOut(ActionFailed):
    """An action did not end within its timeout; its whole process group was ended."""


class ActionInterrupted(WorldError):
    """An action that leaves no trace on the host was running when the controller stopped."""

    def __init__(self, kind: str, host: str) -> None:
        super().__init__(
            f"{kind} on {host} was running when the controller stopped; whether it took effect is not known",
            "declare the transition `idempotent` when it may be run again",
        )
        self.kind, self.host = kind, host


class PythonActionFailed(ActionFailed):
    """The user's callable raised; `trace` is its own traceback, without our frames (also in `stderr`)."""

    def __init__(self, host: str, target: str, reason: str, trace: str) -> None:
        super().__init__(f'python "{target}"', host, reason, stderr=trace.encode())
        self.target, self.trace = target, trace


class ProtocolViolation(InternalError):
    """The agent of a host sent a frame that it never sends."""
