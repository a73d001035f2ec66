"""Madeus: design, prove, run and take back the deployment of a distributed system, from one model.

>>> import madeus
>>> design = madeus.load("examples/openstack.madeus")
>>> round(design.simulate(durations="max").trace.makespan, 1)
143.2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from madeus.api import Design, LoadError, SelectionError, load
from madeus.semantics import Simulation, Trace

if TYPE_CHECKING:
    from madeus.checker import Fails, Holds, Unknown, Verdict
    from madeus.checker.report import Report
    from madeus.questions import Questions

_LATER = {
    "Fails": "madeus.checker",
    "Holds": "madeus.checker",
    "Questions": "madeus.questions",
    "Report": "madeus.checker.report",
    "Unknown": "madeus.checker",
    "Verdict": "madeus.checker",
}
"""Names that are imported when they are first used: a simulation or a run needs no checker."""


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'madeus' has no attribute {name!r}")


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
