"""What a run tells while it goes on: one value for each event, to whoever listens.

``as_json`` gives the lines of ``madeus run --format json``. Each is an object with ``event`` (the name below in small letters:
``step_taken``), ``time`` (seconds since the start of the run) and the fields of the event; a reader ignores events and fields
that it does not know. Secrets are masked in all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from madeus.executor.journal.events import RunState
from madeus.semantics import Step


@dataclass(frozen=True, slots=True)
class RunBegan:
    """A controller has taken the run."""

    time: float
    run: str
    assembly: str
    stages: tuple[tuple[str, ...], ...]
    resumed: bool
    in_flight: int
    """Transitions that the controller before left running; 0 in a new run."""


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A step of the semantics; ``step`` is its kind in the JSON form, beside ``component`` and ``element``."""

    time: float
    seq: int
    step: Step
    cause: int


@dataclass(frozen=True, slots=True)
class TransitionHeld:
    """A transition could fire and waits for a slot of its host."""

    time: float
    component: str
    transition: str
    host: str


@dataclass(frozen=True, slots=True)
class ActionBegan:
    """An attempt of an action begins, or one that an earlier controller began is waited for."""

    time: float
    component: str
    transition: str
    action: int
    kind: str
    host: str
    attempt: int
    found: bool = False
    """Whether it had begun before this controller."""


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt has failed and another one follows."""

    time: float
    component: str
    transition: str
    action: int
    kind: str
    host: str
    attempt: int
    reason: str
    pause: float | None
    """Seconds until the next one."""


@dataclass(frozen=True, slots=True)
class ActionEnded:
    """An action has ended for good."""

    time: float
    component: str
    transition: str
    action: int
    kind: str
    host: str
    success: bool
    changed: bool | None = None
    reason: str = ""
    """Why it failed."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """The user has asked the run to stop: running commands are being ended."""

    time: float
    running: int


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The controller has let the run go."""

    time: float
    run: str
    state: RunState


ProgressEvent = (
    RunBegan | StepTaken | TransitionHeld | ActionBegan | AttemptFailed | ActionEnded | Stopping | RunFinished
)

Listener = Callable[[ProgressEvent], None]
"""Called in the event loop, in order; it must not take long."""


def as_json(event: ProgressEvent) -> dict[str, Any]:
    """The event as a JSON object."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
    coded: dict[str, Any] = {"event": name}
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, Step):
            coded["step"] = str(value.kind)
            coded["component"] = value.component
            coded["element"] = value.element
            if value.station:
                coded["station"] = value.station
            if not value.element:
                coded["position"] = value.position
        elif isinstance(value, float):
            coded[field.name] = round(value, 6)
        else:
            coded[field.name] = str(value) if isinstance(value, Enum) else value
    return coded
