"""Recovery from a push that has failed: ``push c.update on_failure push c.rollback``.

From the failure of one of its transitions on, such a push starts nothing more: its component leaves no place and fires nothing.
What runs ends or fails, what is complete is entered. Then the push is abandoned and the recovery is pushed, in one step.
"""

from __future__ import annotations

from madeus.semantics.blocker import Blocker, Gone, Invalid, PortWait, Unconnected
from madeus.semantics.configuration import Clash, ComponentState, Configuration, Pushed
from madeus.semantics.ports import first_unserved, is_in_use
from madeus.semantics.system import System, recovery_origin


def is_doomed(system: System, state: ComponentState) -> bool:
    """Whether a transition of the push at the head has failed, and that push declares a recovery."""
    return bool(state.failed and state.queue) and state.queue[0].origin in system.recoveries


def recovering(system: System, state: ComponentState) -> str:
    """The component that the recovery of the push at the head is pushed to. Raises KeyError when it declares none."""
    return system.recoveries[state.queue[0].origin][0]


def blocked(
    system: System, conf: Configuration, component: str, behavior: str, hint: PortWait | Unconnected | None
) -> Blocker | None:
    """Why a behavior cannot be abandoned, or None: nothing of it moves, and where its tokens go back to is served."""
    state = conf.components[component]
    if not is_doomed(system, state) or state.head != behavior:
        return Gone(f"{behavior} has not failed, or declares no recovery")
    table = system.tables[state.type]
    if state.running or _is_complete(system, state, behavior):
        return Gone(f"{behavior} still moves")
    target, recovery = system.recoveries[state.queue[0].origin]
    other = conf.components.get(target)
    if other is None:
        return Invalid(target, f"component {target} does not exist")
    if recovery not in system.tables[other.type].kind.behaviors:
        return Invalid(target, f"{other.type} has no behavior {recovery}")
    if not table.holder_uses:
        return None
    after = _taken_back(system, state)
    becoming = [use for use in table.holder_uses if is_in_use(system, after, use) and not is_in_use(system, state, use)]
    return first_unserved(system, conf, component, becoming, hint) if becoming else None


def apply(system: System, conf: Configuration, component: str) -> Configuration:
    """Abandon the push at the head: its tokens go back to where their transitions begin, and the recovery is pushed.

    In the same component the recovery takes the place of the push, before what is queued behind it; in another one it is
    queued last.
    """
    state = conf.components[component]
    failed = state.queue[0]
    target, behavior = system.recoveries[failed.origin]
    pushed = Pushed(behavior, recovery_origin(failed.origin))
    twice = sorted(state.places & _sources(system, state))
    queue, components = state.queue[1:], conf.components
    if target == component:
        queue = (pushed, *queue)
    else:
        other = components[target]
        components = components.set(target, other._replace(queue=(*other.queue, pushed)))
    after = _taken_back(system, state)._replace(queue=queue)
    clash = Clash(component, twice[0], "place") if twice else None
    return conf._replace(components=components.set(component, after), clash=clash)


def _is_complete(system: System, state: ComponentState, behavior: str) -> bool:
    """Whether a station has all its docks, so that its place is about to be entered."""
    kind = system.tables[state.type].kind
    stations = {s for t in state.input_docks for s in kind.stations_of(kind.transition[t])}
    found = (kind.stations.get((behavior, station)) for station in stations)
    return any(docks and state.input_docks.issuperset(docks) for docks in found)


def _sources(system: System, state: ComponentState) -> frozenset[str]:
    """Places that the tokens on docks and failed transitions came from."""
    transition = system.tables[state.type].kind.transition
    return frozenset(transition[t].source for t in state.output_docks | state.failed | state.input_docks)


def _taken_back(system: System, state: ComponentState) -> ComponentState:
    return ComponentState(state.type, state.places | _sources(system, state), running=state.running, queue=state.queue)
