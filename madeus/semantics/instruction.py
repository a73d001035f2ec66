"""Instructions of programs: when they are enabled and what they do (C20 reconfiguration programs, MAU)."""

from __future__ import annotations

from bisect import bisect_left

from madeus.model import (
    Add,
    Connect,
    Connection,
    Delete,
    Disconnect,
    Instruction,
    Multiplicity,
    Push,
    WaitAll,
    WaitComponent,
    WaitPush,
)
from madeus.semantics.blocker import Blocker, Busy, Gone, InUse, Invalid, Linked, StageWait
from madeus.semantics.configuration import ComponentState, Configuration, Links, PortName, Pushed, initial_data
from madeus.semantics.ports import is_in_use, joining
from madeus.semantics.system import System, origin, recovery_origin


def instruction_at(system: System, program: str, position: int) -> tuple[int, Instruction]:
    """Index of a program in the system and its instruction at a position."""
    index = system.program_index[program]
    return index, system.programs[index].instructions[position]


def component_of(system: System, program: str, position: int) -> str:
    """The component that an instruction acts on; empty when there is not one."""
    match instruction_at(system, program, position)[1]:
        case Add(instance):
            return instance.name
        case Delete(component) | Push(component) | WaitComponent(component):
            return component
        case Connect(connection) | Disconnect(connection):
            return connection.user
        case WaitPush() | WaitAll():
            return ""


def touched(system: System, program: str, position: int) -> tuple[str, ...]:
    """Components whose queue, existence or connections an instruction changes."""
    match instruction_at(system, program, position)[1]:
        case Connect(connection) | Disconnect(connection):
            return tuple(dict.fromkeys((connection.user, connection.provider)))
        case _:
            component = component_of(system, program, position)
            return (component,) if component else ()


def blocked(system: System, conf: Configuration, program: str, position: int, hint: Blocker | None) -> Blocker | None:
    """Why the instruction of a program is not enabled, or None. hint: an earlier answer."""
    index = system.program_index[program]
    if conf.positions[index] != position:
        return Gone(f"program {program} is not at instruction {position}")
    if position == 0 and system.stage_of[index] > 0:
        wait = _stage_blocked(system, conf, system.stage_of[index], hint)
        if wait is not None:
            return wait
    instruction = system.programs[index].instructions[position]
    match instruction:
        case Add(instance):
            if instance.name in conf.components:
                return Invalid(instance.name, f"component {instance.name} exists already")
            return None
        case Delete(component):
            return _delete_blocked(system, conf, component)
        case Connect(connection):
            return _connect_blocked(system, conf, connection)
        case Disconnect(connection):
            return _disconnect_blocked(system, conf, connection)
        case Push(component, behavior):
            state = conf.components.get(component)
            if state is None:
                return Invalid(component, f"component {component} does not exist")
            if behavior not in system.tables[state.type].kind.behaviors:
                return Invalid(component, f"{state.type} has no behavior {behavior}")
            return None
        case WaitComponent(component):
            state = conf.components.get(component)
            if state is None:
                return Invalid(component, f"component {component} does not exist")
            return Busy(component, state.queue[0].behavior) if state.queue else None
        case WaitPush(label):
            component, identity = system.labels[(index, label)]
            state = conf.components.get(component)
            if state is not None and any(pushed.origin == identity for pushed in state.queue):
                return Busy(component, label)
            if identity in system.recoveries:
                recovering, behavior = system.recoveries[identity]
                state = conf.components.get(recovering)
                if state is not None and any(p.origin == recovery_origin(identity) for p in state.queue):
                    return Busy(recovering, behavior)
            return None
        case WaitAll():
            return _all_idle_blocked(system, conf, hint)


def _stage_blocked(system: System, conf: Configuration, stage: int, hint: Blocker | None) -> Blocker | None:
    for index, program in enumerate(system.programs):
        if system.stage_of[index] < stage and conf.positions[index] < len(program.instructions):
            return StageWait(program.name)
        if system.stage_of[index] == stage and conf.positions[index] > 0:
            return None  # a program of this stage has begun, so the stage has
    return _all_idle_blocked(system, conf, hint)


def _all_idle_blocked(system: System, conf: Configuration, hint: Blocker | None) -> Blocker | None:
    if isinstance(hint, Busy):
        # Most likely still the one: look there before anywhere else.
        state = conf.components.get(hint.component)
        if state is not None and state.queue:
            return Busy(hint.component, state.queue[0].behavior, hint.position)
    names = system.instance_order
    first = hint.position if isinstance(hint, Busy) else 0
    for k in range(len(names)):
        at = (first + k) % len(names)
        state = conf.components.get(names[at])
        if state is not None and state.queue:
            return Busy(names[at], state.queue[0].behavior, at)
    return None


def _delete_blocked(system: System, conf: Configuration, component: str) -> Blocker | None:
    state = conf.components.get(component)
    if state is None:
        return Invalid(component, f"component {component} does not exist")
    if state.queue:
        return Busy(component, state.queue[0].behavior)
    kind = system.tables[state.type].kind
    for port in (*kind.use, *kind.provide):
        if (component, port) in conf.providers or (component, port) in conf.users:
            return Linked(component, port)
    return None


def _connect_blocked(system: System, conf: Configuration, connection: Connection) -> Blocker | None:
    user, provider = conf.components.get(connection.user), conf.components.get(connection.provider)
    if user is None:
        return Invalid(connection.user, f"component {connection.user} does not exist")
    if provider is None:
        return Invalid(connection.provider, f"component {connection.provider} does not exist")
    use = system.tables[user.type].kind.use.get(connection.use)
    provide = system.tables[provider.type].kind.provide.get(connection.provide)
    if use is None:
        return Invalid(connection.user, f"{user.type} has no use port {connection.use}")
    if provide is None:
        return Invalid(connection.provider, f"{provider.type} has no provide port {connection.provide}")
    ends = conf.providers.get((connection.user, connection.use), ())
    links = ("links", connection.use)
    if (connection.provider, connection.provide) in ends:
        return Invalid(connection.user, f"{connection} is connected already", links)
    if ends and use.multiplicity is Multiplicity.ONE:
        return Invalid(connection.user, f"{connection.user}.{connection.use} takes one connection and has it", links)
    if is_in_use(system, user, use) and not (ends and use.multiplicity is Multiplicity.ANY):
        # Else a port in use would have an inactive provider, which the semantics' invariants rule out.
        return joining(system, conf, connection)
    return None


def _disconnect_blocked(system: System, conf: Configuration, connection: Connection) -> Blocker | None:
    ends = conf.providers.get((connection.user, connection.use), ())
    if (connection.provider, connection.provide) not in ends:
        return Invalid(connection.user, f"there is no connection {connection}", ("links", connection.use))
    state = conf.components[connection.user]
    use = system.tables[state.type].kind.use[connection.use]
    if is_in_use(system, state, use):
        return InUse(connection.provider, connection.provide, connection.user, connection.use)
    return None


def apply(system: System, conf: Configuration, program: str, position: int) -> Configuration:
    """The configuration after an instruction that is enabled."""
    index, instruction = instruction_at(system, program, position)
    positions = (*conf.positions[:index], position + 1, *conf.positions[index + 1 :])
    match instruction:
        case Add(instance):
            kind = system.tables[instance.type].kind
            added = ComponentState(instance.type, frozenset(kind.initial_places))
            data = conf.data.update(initial_data(system.assembly, instance))
            components = conf.components.set(instance.name, added)
            conf = conf._replace(components=components, data=data)
        case Delete(component):
            data = conf.data
            for provide in system.tables[conf.components[component].type].kind.provide:
                if (component, provide) in data:
                    data = data.delete((component, provide))
            conf = conf._replace(components=conf.components.delete(component), data=data)
        case Connect(c):
            conf = conf._replace(
                providers=_with(conf.providers, (c.user, c.use), (c.provider, c.provide)),
                users=_with(conf.users, (c.provider, c.provide), (c.user, c.use)),
            )
        case Disconnect(c):
            conf = conf._replace(
                providers=_without(conf.providers, (c.user, c.use), (c.provider, c.provide)),
                users=_without(conf.users, (c.provider, c.provide), (c.user, c.use)),
            )
        case Push(component, behavior):
            state = conf.components[component]
            queue = (*state.queue, Pushed(behavior, origin(program, position)))
            conf = conf._replace(components=conf.components.set(component, state._replace(queue=queue)))
        case WaitComponent() | WaitPush() | WaitAll():
            pass
    return conf._replace(positions=positions)


def _with(links: Links, port: PortName, end: PortName) -> Links:
    ends = links.get(port, ())
    at = bisect_left(ends, end)
    return links.set(port, (*ends[:at], end, *ends[at:]))


def _without(links: Links, port: PortName, end: PortName) -> Links:
    rest = tuple(other for other in links[port] if other != end)
    return links.set(port, rest) if rest else links.delete(port)
