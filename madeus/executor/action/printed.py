"""What the user's Python prints while an action of it runs: kept for the journal instead of going to this program's output.

Several actions run at once, in threads and in the event loop, so `contextlib.redirect_stdout` will not do: the context of
the one that prints says where it goes.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

from typing_extensions import override


class Printed:
    """The two streams of one action."""

    def __init__(self) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()

    def stream(self, name: str) -> io.StringIO:
        """``stdout`` or ``stderr``."""
        return self._out if name == "stdout" else self._err

    def stdout(self, limit: int) -> bytes:
        """At most so many bytes, from the beginning."""
        return self._out.getvalue().encode(errors="replace")[:limit]

    def stderr(self, limit: int) -> bytes:
        """At most so many bytes, from the beginning."""
        return self._err.getvalue().encode(errors="replace")[:limit]


_PRINTED: ContextVar[Printed | None] = ContextVar("printed", default=None)


class _Switch(io.TextIOBase):
    """Stands in the place of `sys.stdout` or `sys.stderr` while actions run; what others print goes on to it."""

    def __init__(self, name: str, rest: TextIO) -> None:
        self.name, self.rest, self.users = name, rest, 0

    def _target(self) -> TextIO:
        printed = _PRINTED.get()
        return self.rest if printed is None else printed.stream(self.name)

    @override
    def write(self, text: str) -> int:
        return self._target().write(text)

    @override
    def flush(self) -> None:
        self._target().flush()

    @override
    def isatty(self) -> bool:
        return self._target().isatty()

    @override
    def fileno(self) -> int:
        return self.rest.fileno()

    @override
    def writable(self) -> bool:
        return True

    def __getattr__(self, name: str) -> object:
        return getattr(self.rest, name)


@contextmanager
def captured() -> Iterator[Printed]:
    """While in the block, what this context prints is kept. A thread has to be started in a copy of the context."""
    printed = Printed()
    token = _PRINTED.set(printed)
    switches = []
    for name in ("stdout", "stderr"):
        present = getattr(sys, name)
        switch = present if isinstance(present, _Switch) else _Switch(name, present)
        switch.users += 1
        switches.append(switch)
        setattr(sys, name, switch)
    try:
        yield printed
    finally:
        _PRINTED.reset(token)
        for switch in switches:
            switch.users -= 1
            if not switch.users and getattr(sys, switch.name) is switch:
                setattr(sys, switch.name, switch.rest)
