"""Looking at the world before a step: a host that is not as the model says stops the run before harm is done.

What to look at is not decided here: `Look` is given to a run (``RunOptions.before_step``) and asked before each step that
begins to move a component or makes it act: LEAVE, FIRE, and the instructions of programs. The step is held meanwhile, others
go on. With ``RunOptions.probes`` the model's own probes are asked; see `madeus.executor.drift.watch`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from madeus.semantics import Configuration, Step, StepKind

Look = Callable[[Configuration, Step], Awaitable[str | None]]
"""Asked with the configuration that a step is enabled in; a sentence about what is not as it should be, or None."""

LOOKED_AT = frozenset((StepKind.LEAVE, StepKind.FIRE, StepKind.PROGRAM))
"""Kinds of step that are looked at before they are taken."""


Concerns = Callable[[Configuration, Step], bool]
"""Whether there is something to look at before a step."""


def moves(conf: Configuration, step: Step) -> bool:
    """Whether a step begins to move a component or makes it act."""
    return step.kind in LOOKED_AT


class Lookout:
    """Holds steps while the world is looked at. Belongs to the event loop it is used in."""

    def __init__(
        self,
        look: Look,
        seen: Callable[[Step], None],
        diverged: Callable[[Step, str], None],
        concerns: Concerns = moves,
    ) -> None:
        """seen: called with a step that may be taken now. diverged: with one that may not, and why."""
        self._look, self._seen, self._diverged, self._concerns = look, seen, diverged, concerns
        self._clear: set[Step] = set()
        self._tasks: dict[Step, asyncio.Task[None]] = {}

    @property
    def pending(self) -> bool:
        """Whether something is being looked at."""
        return bool(self._tasks)

    def holds(self, conf: Configuration, step: Step) -> bool:
        """Whether a step has to wait. One that was found clear may be taken once."""
        if step in self._clear:
            self._clear.discard(step)
            return False
        if step not in self._tasks and not self._concerns(conf, step):
            return False
        if step not in self._tasks:
            self._tasks[step] = asyncio.ensure_future(self._ask(conf, step))
        return True

    async def close(self) -> None:
        """Look at nothing more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, conf: Configuration, step: Step) -> None:
        try:
            reason = await self._look(conf, step)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the user's callable: whatever it raises, nobody has seen that all is well
            reason = f"it could not be looked at: {error}"
        del self._tasks[step]
        if reason is None:
            self._clear.add(step)
            self._seen(step)
        else:
            self._diverged(step, reason)
