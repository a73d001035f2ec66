"""Replay: whether the step relation allows a trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from madeus.semantics.configuration import Configuration
from madeus.semantics.step import Step, apply, blocked
from madeus.semantics.system import System


class NotAllowed(Exception):
    """The step relation does not allow a trace.

    index: position of the first step that is not enabled. step: that step. reason: why it is not.
    """

    def __init__(self, index: int, step: Step, reason: str) -> None:
        super().__init__(index, step, reason)
        self.index = index
        self.step = step
        self.reason = reason

    def __str__(self) -> str:
        return f"step {self.index} ({self.step}) is not enabled: {self.reason}"


def replay(system: System, steps: Iterable[Step], start: Configuration | None = None) -> Iterator[Configuration]:
    """The configurations that a sequence of steps goes through, the first one included.

    Raises NotAllowed at the first step that is not enabled.
    """
    conf = system.initial() if start is None else start
    yield conf
    for index, step in enumerate(steps):
        try:
            reason = blocked(system, conf, step)
        except KeyError as error:
            raise NotAllowed(index, step, f"{error.args[0]!r} is unknown") from error
        if reason is not None:
            raise NotAllowed(index, step, str(reason))
        conf = apply(system, conf, step)
        yield conf
