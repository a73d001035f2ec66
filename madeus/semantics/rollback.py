"""Runs that are taken back: ``program upgrade for site on_failure rollback``, where all that the programs move lives in layers.

From the failure of an action on, such a run starts nothing more: no place is left, nothing fires, no program goes on, nothing
is recovered from. What runs ends or fails, what is complete is entered. Then the machines show what they showed before the
run, in one step, and the run has ended. A failure that a push declares a recovery from is that recovery's; only where it can
never begin, and nothing else can move, the run is taken back for it.
"""

from __future__ import annotations

from madeus.semantics.blocker import Blocker, Gone
from madeus.semantics.configuration import ComponentState, Configuration, Fate
from madeus.semantics.recovery import is_doomed
from madeus.semantics.system import System


def is_final(system: System, state: ComponentState) -> bool:
    """Whether a transition of a component has failed and nothing recovers from it."""
    return bool(state.failed) and not is_doomed(system, state)


def after_failure(system: System, conf: Configuration, after: ComponentState) -> Fate:
    """What becomes of a run in which an action of a component has just failed; after: the component then."""
    return Fate.LOST if system.rollback and is_final(system, after) else conf.fate


def after_retry(system: System, conf: Configuration, component: str, after: ComponentState) -> Fate:
    """What becomes of a lost run in which a failed transition of a component is tried again; after: the component then."""
    others = any(is_final(system, state) for name, state in conf.components.items() if name != component)
    return Fate.LOST if is_final(system, after) or others else Fate.OPEN


def blocked(system: System, conf: Configuration) -> Blocker | None:
    """Why a run cannot be taken back now, or None: an action has failed and none runs.

    In a run that is not lost, that nothing else can move is for the caller to see to.
    """
    if conf.fate is Fate.OPEN and not (system.recoveries and any(s.failed for s in conf.components.values())):
        return Gone("no action has failed")
    running = next((name for name, state in conf.components.items() if state.running), None)
    return None if running is None else Gone(f"an action of {running} runs")


def apply(system: System, conf: Configuration) -> Configuration:
    """Everything as it was before the run; how many actions have failed is not forgotten."""
    return system.initial()._replace(failures=conf.failures, fate=Fate.TAKEN_BACK)
