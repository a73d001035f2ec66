"""What a controller holds of the run that it drives: model, hosts, journal, clocks, and how it is to go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from madeus.executor.action.registry import Registry
from madeus.executor.divergence import Look
from madeus.executor.inventory import Inventory
from madeus.executor.journal.errors import Holder
from madeus.executor.journal.events import AttemptRecord, StepRecord
from madeus.executor.journal.store import Journal
from madeus.executor.progress import Listener
from madeus.executor.transport.pool import Transports
from madeus.semantics import System

if TYPE_CHECKING:
    from madeus.executor.layers.running import LayeredRun


@dataclass(slots=True)
class Session:
    """One controller's hold on a run: what it needs beside the model."""

    system: System
    inventory: Inventory
    journal: Journal
    holder: Holder
    created: float
    """Start of the run, in seconds since the Unix epoch: time 0 of its trace."""
    base: Path
    """Directory that local files of actions are relative to."""
    secrets: Mapping[str, str] = field(repr=False, default_factory=dict)
    limit: int | None = None
    """Slots in total; None: what the inventory says."""
    registry: Registry = field(default_factory=Registry.installed)
    transports: Callable[[str], Transports] = Transports
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    listeners: Sequence[Listener] = ()
    journal_thread: Callable[[], Executor] | None = None
    """Makes what waits for the disk; None: a thread."""
    before_step: Look | None = None
    """Asked before a component is moved; see `madeus.executor.divergence`."""
    probes: bool = False
    """Whether probes of the model are asked before steps that rely on them."""
    layered: Callable[[Transports], LayeredRun] | None = None
    """Makes the layers that instances live in; None: none does."""
    rollback: bool = False
    """Whether the machines' layers go back to what they were when the run fails."""
    earlier: Sequence[StepRecord] = ()
    """Of a resumed run: its steps."""
    attempts: Sequence[AttemptRecord] = ()
    """Of a resumed run: its actions' attempts."""
