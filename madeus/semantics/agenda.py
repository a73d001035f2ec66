"""The agenda: the enabled steps of a configuration, kept up to date from step to step.

``step.enabled`` looks at the whole configuration. The agenda looks only at what a step touched: at the consequences inside its
component, and at the steps that wait for something of that component, as their Blocker's watches say. The work of a run is thus
proportional to its steps, not to the size of the assembly times its steps. That both give the same set after every step is
held by test.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from madeus.semantics import instruction, recovery
from madeus.semantics.blocker import Blocker, Gone, PortWait, Wait, Watch
from madeus.semantics.configuration import Configuration, Fate
from madeus.semantics.ports import is_active, is_in_use, is_refusing
from madeus.semantics.step import (
    URGENT,
    Produced,
    Step,
    StepKind,
    apply,
    blocked,
    consequences,
    next_instructions,
    rollback_step,
)
from madeus.semantics.step import candidates as all_candidates
from madeus.semantics.system import System


class Agenda:
    """A configuration that steps are taken in, with its enabled urgent steps in the order in which they became enabled.

    The one mutable object of this room; it holds no state that is not derived from ``configuration``, except that order.
    """

    def __init__(self, system: System, configuration: Configuration) -> None:
        self.system = system
        self.configuration = configuration
        self._ready: deque[Step] = deque()
        self._taken = 0
        self._known: dict[Step, int] = {}
        """Steps in ``_ready`` or ``_waiting``, each with the number of steps taken when it came there."""
        self._held: dict[Step, None] = {}
        """Enabled steps that `take_next` was told to leave."""
        self._waiting: dict[Step, Wait] = {}
        self._watchers: dict[str, dict[tuple[str, str], dict[Step, None]]] = {}
        for component in configuration.components:
            self._consider_all(all_candidates(system, configuration, component))
        self._consider_all(next_instructions(system, configuration))
        # The maps of a configuration have no useful order: begin in the order of declaration, the same in every process.
        rank = {name: index for index, name in enumerate(system.instance_order)}
        ordered = sorted(self._ready, key=lambda s: (s.kind is StepKind.PROGRAM, rank.get(s.component, -1), s))
        self._ready = deque(ordered)

    @property
    def waiting(self) -> dict[Step, Wait]:
        """Steps whose tokens are there and that wait, each with what for."""
        return dict(self._waiting)

    def ready(self) -> list[Step]:
        """The enabled urgent steps, longest enabled first."""
        conf = self.configuration
        steps = [step for step in (*self._ready, *self._held) if blocked(self.system, conf, step) is None]
        last = rollback_step(self.system)
        return [*steps, last] if last is not None and blocked(self.system, conf, last) is None else steps

    def is_held(self, step: Step) -> bool:
        """Whether `take_next` was told to leave a step, and it was not released since."""
        return step in self._held

    def release(self, step: Step) -> None:
        """Let `take_next` look at a held step again, before all others. Raises KeyError for one that is not held."""
        del self._held[step]
        self._ready.appendleft(step)

    def take_next(self, hold: Callable[[Step], bool] | None = None) -> tuple[Step, int] | None:
        """Take the longest enabled urgent step, if there is one.

        hold: asked of each step that could be taken; one it is true of is left, and not looked at until `release`. It stays
        enabled, or stops being so, without notice.

        Returns the step and its cause: the index, counted from 0, of the taken step that enabled it; -1: the start.
        """
        while self._ready:
            step = self._ready[0]
            since = self._known[step]
            # Looked at after the latest step: still true.
            reason = None if since == self._taken else blocked(self.system, self.configuration, step)
            if reason is None:
                if hold is not None and hold(step):
                    self._ready.popleft()
                    self._held[step] = None
                    continue
                self._take(step, ())
                return step, since - 1
            self._ready.popleft()
            del self._known[step]
            self._park(step, reason)
        # What takes a run back comes after everything else, and depends on all of it.
        last = rollback_step(self.system)
        if last is None or blocked(self.system, self.configuration, last) is not None or (hold and hold(last)):
            return None
        self._take(last, ())
        return last, self._taken - 2

    def take(self, step: Step, produced: Produced = ()) -> Configuration:
        """Take an enabled step. produced: values of an END. Raises ValueError when the step is not enabled."""
        reason = blocked(self.system, self.configuration, step)
        if reason is not None:
            raise ValueError(f"{step} is not enabled: {reason}")
        return self._take(step, produced)

    def _take(self, step: Step, produced: Produced) -> Configuration:
        before = self.configuration
        self._taken += 1
        after = self.configuration = apply(self.system, before, step, produced)
        if self._known.pop(step, None) is not None:
            if self._ready and self._ready[0] == step:
                self._ready.popleft()
            elif step in self._held:
                del self._held[step]
            else:
                self._ready.remove(step)
        if after.clash is not None or after.fate is Fate.TAKEN_BACK:
            self._ready.clear()
            self._held.clear()
            self._waiting.clear()
            self._known.clear()
            return after
        self._consider_all(consequences(self.system, after, step))
        if step.kind is StepKind.PROGRAM:
            for component in instruction.touched(self.system, step.component, step.position):
                self._wake(component, before, after)
            self._wake("", before, after)
        else:
            self._wake(step.component, before, after)
            if step.kind is StepKind.RECOVER:
                self._wake(recovery.recovering(self.system, before.components[step.component]), before, after)
        return after

    def _consider_all(self, steps: Iterator[Step]) -> None:
        for step in steps:
            if step.kind in URGENT and step not in self._known:
                self._consider(step, None)

    def _consider(self, step: Step, hint: Blocker | None) -> None:
        reason = blocked(self.system, self.configuration, step, hint)
        if reason is None:
            self._known[step] = self._taken
            self._ready.append(step)
        else:
            self._park(step, reason)

    def _park(self, step: Step, reason: Blocker) -> None:
        if isinstance(reason, Gone):
            return
        self._known[step] = self._taken
        self._waiting[step] = reason
        for component, aspect in _watches(step, reason):
            self._watchers.setdefault(component, {}).setdefault(aspect, {})[step] = None

    def _wake(self, component: str, before: Configuration, after: Configuration, moved: bool = True) -> None:
        aspects = self._watchers.get(component)
        if not aspects:
            return
        changed = [
            a for a in aspects if (moved or a[0] in _OF_TRANSITIONS) and self._changed(component, a, before, after)
        ]
        if not changed:
            return
        woken: dict[Step, None] = {}
        for aspect in changed:
            woken.update(aspects.pop(aspect))
        for step in woken:
            reason = self._waiting.pop(step, None)
            if reason is None:
                continue
            self._known.pop(step, None)
            for other, aspect in _watches(step, reason):
                watching = self._watchers.get(other, {}).get(aspect)
                if watching is not None:
                    watching.pop(step, None)
                    if not watching:
                        del self._watchers[other][aspect]
            self._consider(step, reason)

    def _changed(self, component: str, aspect: tuple[str, str], before: Configuration, after: Configuration) -> bool:
        what, name = aspect
        match what:
            case "links":
                port = (component, name)
                return before.providers.get(port) != after.providers.get(port) or before.users.get(
                    port
                ) != after.users.get(port)
            case "program":
                return True
            case "idle":
                old, new = before.components.get(component), after.components.get(component)
                return old is None or new is None or old.queue != new.queue
            case "exists":
                return (component in before.components) != (component in after.components)
            case "tokens":
                return before.components.get(component) is not after.components.get(component)
            case "use":
                return self._in_use(before, component, name) != self._in_use(after, component, name)
            case _:
                return self._service(before, component, name) != self._service(after, component, name)

    def _in_use(self, conf: Configuration, component: str, use: str) -> bool:
        state = conf.components.get(component)
        return state is not None and is_in_use(self.system, state, self.system.tables[state.type].kind.use[use])

    def _service(self, conf: Configuration, component: str, provide: str) -> tuple[bool, bool]:
        active = is_active(self.system, conf, component, provide)
        return active, active and is_refusing(self.system, conf.components[component], provide)


_OF_TRANSITIONS = ("use", "tokens")
"""Aspects that firing and ending can change."""


def _watches(step: Step, reason: Wait) -> tuple[Watch, ...]:
    """What may enable a waiting step.

    Leaving and entering also depend on the other tokens of their own component; a connect that waits for a provider may
    also go on when the use port is no longer in use.
    """
    if step.kind in (StepKind.LEAVE, StepKind.RECOVER, StepKind.ENTER):
        return (*reason.watches, (step.component, ("tokens", "")))
    if step.kind is StepKind.PROGRAM and isinstance(reason, PortWait):
        return (*reason.watches, (reason.component, ("use", reason.use)))
    return reason.watches
