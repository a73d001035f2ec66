"""From a model to a running system: actions on hosts, driven by the semantics, written to a journal.

The doors are `run_assembly` and `resume_run` (and their ``_async`` twins, for callers with an event loop of their own).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from madeus.executor.api import (
        Decisions,
        Origin,
        RunOptions,
        resume_run,
        resume_run_async,
        run_assembly,
        run_assembly_async,
    )
    from madeus.executor.inventory import Inventory, load_inventory
    from madeus.executor.journal.read import read_run
    from madeus.executor.result import RunResult

_HOMES = {
    "Decisions": "madeus.executor.reconcile",
    "Inventory": "madeus.executor.inventory",
    "Origin": "madeus.executor.api",
    "RunOptions": "madeus.executor.api",
    "RunResult": "madeus.executor.result",
    "load_inventory": "madeus.executor.inventory",
    "read_run": "madeus.executor.journal.read",
    "resume_run": "madeus.executor.api",
    "resume_run_async": "madeus.executor.api",
    "run_assembly": "madeus.executor.api",
    "run_assembly_async": "madeus.executor.api",
}

__all__ = [
    "Decisions",
    "Inventory",
    "Origin",
    "RunOptions",
    "RunResult",
    "load_inventory",
    "read_run",
    "resume_run",
    "resume_run_async",
    "run_assembly",
    "run_assembly_async",
]


def __getattr__(name: str) -> Any:
    """Names of the door, imported when they are asked for: `madeus testbed` must not pay for the journal."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
