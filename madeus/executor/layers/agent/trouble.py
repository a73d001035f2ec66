"""What can go wrong on the host, as data; and the points at which a test cuts the power."""

from __future__ import annotations

import errno
import os
import signal
from typing import Any, NoReturn

FAULT = "MADEUS_LAYERS_FAULT"
"""Environment variable for tests: the number of the step (1, 2, ...) before which this process kills itself."""

EXIT_REFUSED = 1
EXIT_REQUEST = 2
EXIT_BUSY = 75

_FULL = (errno.ENOSPC, errno.EDQUOT)


class AgentError(Exception):
    """A verb that did not do what was asked; what stood before still stands.

    `code` is one of `bad-request`, `busy`, `changed`, `elsewhere`, `failed`, `frozen`, `in-use`, `no-layer`, `no-space`,
    `no-stack`, `not-allowed`, `not-frozen`, `redirect`, `too-old`, `unfinished`; `data` goes beside it into the answer.
    """

    def __init__(self, code: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def exit_code(self) -> int:
        """What the program ends with."""
        return {"bad-request": EXIT_REQUEST, "busy": EXIT_BUSY}.get(self.code, EXIT_REFUSED)

    def answer(self) -> dict[str, Any]:
        """The answer that carries it."""
        return {"error": {"code": self.code, "message": self.message, **self.data}}


class NoSpace(AgentError):
    """The file system of `path` is full, or the quota used up."""

    def __init__(self, path: str, needed: int | None = None) -> None:
        free = free_bytes(path, reserved=needed is not None)
        said = f"no space is left on the file system of {path} ({free} bytes are free"
        said += f", {needed} are needed)" if needed is not None else ")"
        super().__init__("no-space", said, path=path, free=free, needed=needed)


def free_bytes(path: str, reserved: bool = True) -> int:
    """Bytes that are free on the file system of `path` or of the nearest directory above it that exists.

    `reserved`: with what root alone may write; a file system that is full keeps some of it to itself.
    """
    while True:
        try:
            facts = os.statvfs(path)
        except OSError:
            if path in ("/", ""):
                return 0
            path = os.path.dirname(path)
            continue
        return (facts.f_bfree if reserved else facts.f_bavail) * facts.f_frsize


def told(error: OSError, doing: str) -> AgentError:
    """The trouble behind an error of the system; `doing` names the file that it was about, if the error does not."""
    path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else doing
    if error.errno in _FULL:
        return NoSpace(path)
    said = error.strerror or str(error)
    code = "not-allowed" if error.errno in (errno.EPERM, errno.EACCES) else "failed"
    return AgentError(code, f"{path}: {said}", path=path, errno=errno.errorcode.get(error.errno or 0, ""))


_passed = 0


def step(name: str) -> None:
    """A point between two effects of a verb. A test may have the power cut here: see `FAULT`."""
    wanted = os.environ.get(FAULT)
    if wanted is None:
        return
    global _passed
    _passed += 1
    if wanted in (str(_passed), name):
        os.kill(os.getpid(), signal.SIGKILL)


def refuse(message: str, **data: Any) -> NoReturn:
    """Answer that the request makes no sense."""
    raise AgentError("bad-request", message, **data)
