"""Ports in a configuration: active, in use, refusing, served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from madeus.model import Connection, Multiplicity, PortKind, UsePort
from madeus.semantics.blocker import InUse, PortWait, Unconnected, Unserved
from madeus.semantics.configuration import ComponentState, Configuration, PortName
from madeus.semantics.system import GroupTable, System


def is_active(system: System, conf: Configuration, component: str, provide: str) -> bool:
    """Whether a provide port is active: every bound place or group holds a token (J19), or its data has a value."""
    state = conf.components.get(component)
    if state is None:
        return False
    port = system.tables[state.type].kind.provide[provide]
    if port.kind is PortKind.DATA:
        return (component, provide) in conf.data
    return service_active(system, state, provide)


def service_active(system: System, state: ComponentState, provide: str) -> bool:
    """Whether a service of a component in the given state is active."""
    for group in system.tables[state.type].bound_groups[provide]:  # noqa: SIM110 - a generator costs twice as much here
        if not _holds(state, group):
            return False
    return True


def _holds(state: ComponentState, group: GroupTable) -> bool:
    if not state.places.isdisjoint(group.places):
        return True
    inner = group.transitions
    return bool(inner) and not (
        state.output_docks.isdisjoint(inner)
        and state.running.isdisjoint(inner)
        and state.input_docks.isdisjoint(inner)
        and state.failed.isdisjoint(inner)
    )


def is_refusing(system: System, state: ComponentState, provide: str) -> bool:
    """Whether a service takes no new user: the head behavior of its component will take it off (MAU).

    It will when some bound group has no token from which the behavior keeps a token in the group; see TypeTable.staying.
    """
    head = state.head
    if head is None:
        return False
    for group in system.tables[state.type].staying_groups(head, provide):  # noqa: SIM110 - as above
        if not _holds(state, group):
            return True
    return False


def is_in_use(system: System, state: ComponentState, port: UsePort) -> bool:
    """Whether a use port is in use: a bound transition has fired and not ended, or a bound place or group holds a token.

    A failed transition has not ended: what it uses stays until it is retried or recovered from.
    """
    if port.holders:
        table = system.tables[state.type]
        return any(_holds(state, table.group(holder)) for holder in port.holders)
    return any(t in state.running or t in state.failed for t in port.transitions)


def unserved(
    system: System, conf: Configuration, component: str, port: UsePort, first: int = 0
) -> PortWait | Unconnected | None:
    """Why a use port is not served, or None: as many connected ports as its multiplicity asks are active, not refusing.

    first: index of the connection to look at first.
    """
    ends = conf.providers.get((component, port.name))
    if not ends:
        return None if port.optional else Unconnected(component, port.name)
    count = len(ends)
    if port.multiplicity is Multiplicity.ANY:
        reasons = [_reason(system, conf, end) for end in ends]
        if reasons[0] is None or None in reasons:
            return None
        return PortWait(component, port.name, *ends[0], reasons[0], others=ends[1:])
    for k in range(count):
        at = (first + k) % count
        reason = _reason(system, conf, ends[at])
        if reason is not None:
            return PortWait(component, port.name, *ends[at], reason, at)
    return None


def _reason(system: System, conf: Configuration, provide: PortName) -> Unserved | None:
    state = conf.components.get(provide[0])
    if state is None:
        return Unserved.INACTIVE
    port = system.tables[state.type].kind.provide[provide[1]]
    if port.kind is PortKind.DATA:
        return None if provide in conf.data else Unserved.NO_VALUE
    if not service_active(system, state, port.name):
        return Unserved.INACTIVE
    return Unserved.REFUSING if is_refusing(system, state, port.name) else None


def joining(system: System, conf: Configuration, connection: Connection) -> PortWait | None:
    """Why a provide port could not be added to a use port that is in use: it would not serve it. None when it would."""
    end = (connection.provider, connection.provide)
    reason = _reason(system, conf, end)
    return None if reason is None else PortWait(connection.user, connection.use, *end, reason)


def first_unserved(
    system: System,
    conf: Configuration,
    component: str,
    ports: Sequence[UsePort],
    hint: PortWait | Unconnected | None = None,
) -> PortWait | Unconnected | None:
    """The first of several use ports that is not served, or None; hint: the answer of an earlier search."""
    count = len(ports)
    begin = hint.index if hint is not None and hint.index < count and ports[hint.index].name == hint.use else 0
    for k in range(count):
        at = (begin + k) % count
        first = hint.position if hint is not None and k == 0 else 0
        wait = unserved(system, conf, component, ports[at], first)
        if wait is not None:
            return replace(wait, index=at) if at else wait
    return None


def others_serving(system: System, conf: Configuration, user: str, use: UsePort, going: PortName) -> bool:
    """Whether a use port in use stays served by others when one provide port goes off.

    Only a port of multiplicity ``any`` can: one active provider is as many as it asks for.
    """
    if use.multiplicity is not Multiplicity.ANY:
        return False
    return any(end != going and is_active(system, conf, *end) for end in conf.providers.get((user, use.name), ()))


def first_user(system: System, conf: Configuration, provide: PortName, first: int = 0) -> InUse | None:
    """A use port that is in use and would lose its service if a provide port went off, or None.

    first: index of the connection to look at first.
    """
    users = conf.users.get(provide, ())
    for k in range(len(users)):
        at = (first + k) % len(users)
        user, name = users[at]
        state = conf.components[user]
        use = system.tables[state.type].kind.use[name]
        if is_in_use(system, state, use) and not others_serving(system, conf, user, use, provide):
            others = conf.providers[users[at]] if use.multiplicity is Multiplicity.ANY else ()
            return InUse(*provide, user, name, at, others)
    return None
