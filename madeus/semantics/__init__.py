"""The operational semantics: configurations, the step relation, simulation, traces, replay."""

from madeus.semantics.agenda import Agenda
from madeus.semantics.blocker import Blocker
from madeus.semantics.configuration import Clash, ComponentState, Configuration, Fate, Pushed
from madeus.semantics.deadlock import Deadlock, Stuck, find_deadlock, is_done
from madeus.semantics.ports import is_active
from madeus.semantics.replay import NotAllowed, replay
from madeus.semantics.simulate import Simulation, simulate
from madeus.semantics.step import URGENT, Step, StepKind, apply, blocked, enabled
from madeus.semantics.system import System
from madeus.semantics.trace import Event, Execution, Trace

__all__ = [
    "URGENT",
    "Agenda",
    "Blocker",
    "Clash",
    "ComponentState",
    "Configuration",
    "Deadlock",
    "Event",
    "Execution",
    "Fate",
    "NotAllowed",
    "Pushed",
    "Simulation",
    "Step",
    "StepKind",
    "Stuck",
    "System",
    "Trace",
    "apply",
    "blocked",
    "enabled",
    "find_deadlock",
    "is_active",
    "is_done",
    "replay",
    "simulate",
]
