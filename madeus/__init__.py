"""Madeus: design, prove, run and take back the deployment of a distributed system, from one model.

>>> import madeus
>>> design = madeus.load("examples/openstack.madeus")
>>> round(design.simulate(durations="max").trace.makespan, 1)
143.2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madeus.api import Design, LoadError, SelectionError, load
    from madeus.checker import Fails, Holds, Unknown, Verdict
    from madeus.checker.report import Report
    from madeus.questions import Questions
    from madeus.semantics import Simulation, Trace

_HOMES = {
    "Design": "madeus.api",
    "Fails": "madeus.checker",
    "Holds": "madeus.checker",
    "LoadError": "madeus.errors",
    "Questions": "madeus.questions",
    "Report": "madeus.checker.report",
    "SelectionError": "madeus.errors",
    "Simulation": "madeus.semantics",
    "Trace": "madeus.semantics",
    "Unknown": "madeus.checker",
    "Verdict": "madeus.checker",
    "load": "madeus.api",
}

__all__ = [
    "Design",
    "Fails",
    "Holds",
    "LoadError",
    "Questions",
    "Report",
    "SelectionError",
    "Simulation",
    "Trace",
    "Unknown",
    "Verdict",
    "load",
]


def __getattr__(name: str) -> object:
    """Names of the door, imported when they are first used: every command starts through this module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
