"""Deadlocks that are certain before any search: components that wait for each other in a circle while they are deployed.

What may ever happen is taken generously (a place once marked stays marked): the least set that is
closed under the rules of the step relation, found in linear time (Dowling and Gallier's algorithm for Horn clauses). What is
not in it never happens on any run, and each such thing lacks another one: a walk from lack to lack ends in a circle.
Only components in a circle of connections are looked at this closely.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from madeus.diagnostics import Span
from madeus.dsl import assembly_errors
from madeus.dsl.assembly import AssemblyInfo
from madeus.dsl.report import Report
from madeus.dsl.scope import TypeInfo
from madeus.model import DEFAULT_BEHAVIOR, ComponentType, Connection, Multiplicity, PortKind, UsePort
from madeus.semantics.system import TypeTable

Fact = tuple[str, str, str]
"""(kind, instance, element); kinds are place, transition, provide, use and group."""
Clause = tuple[Fact, tuple[Fact, ...]]
"""The first holds when all of the others do."""


def check_waits(info: AssemblyInfo, report: Report) -> None:
    """Report circular waits, and ports that never come up though they are needed, in an assembly without programs."""
    members = info.population.members
    if not info.sound or any(m.info is None or not m.info.sound or m.info.doubtful for m in members.values()):
        return
    tables = {name: TypeTable(kind) for name, kind in _kinds(info).items()}
    alone = {name: _alone(table) for name, table in tables.items()}
    _never_served(info, alone, report)
    graph = {name: dict[str, None]() for name in members}
    for connection in info.wiring.made:
        graph[connection.user][connection.provider] = None
    circle = {name for part in _components(graph) if len(part) > 1 or part[0] in graph[part[0]] for name in part}
    if circle:
        _circles(info, circle, tables, alone, report)


def _kinds(info: AssemblyInfo) -> dict[str, ComponentType]:
    types = (member.info for member in info.population.members.values())
    return {t.name: t.model for t in types if t is not None}


# ---- what may happen -------------------------------------------------------------------------------------------------


def possible(clauses: Iterable[Clause]) -> set[Fact]:
    """The least set of facts that is closed under the clauses."""
    heads: list[Fact] = []
    missing: list[int] = []
    users: dict[Fact, list[int]] = {}
    pending: list[Fact] = []
    for head, body in clauses:
        number = len(heads)
        heads.append(head)
        needed = dict.fromkeys(body)
        missing.append(len(needed))
        for fact in needed:
            users.setdefault(fact, []).append(number)
        if not needed:
            pending.append(head)
    holding: set[Fact] = set()
    while pending:
        fact = pending.pop()
        if fact in holding:
            continue
        holding.add(fact)
        for number in users.get(fact, ()):
            missing[number] -= 1
            if missing[number] == 0:
                pending.append(heads[number])
    return holding


def _inside(table: TypeTable, name: str) -> Iterator[Clause]:
    """Clauses of one instance; those of its use ports are left to the caller.

    A service is of use only where the deployment keeps it up: it refuses users when its tokens will leave its groups.
    """
    kind = table.kind
    for place in kind.initial_places:
        yield ("place", name, place), ()
    for transition in kind.transitions:
        if DEFAULT_BEHAVIOR in transition.behaviors:
            uses = tuple(("use", name, use.name) for use in kind.transition_uses.get(transition.name, ()))
            yield ("transition", name, transition.name), (("place", name, transition.source), *uses)
    holders: dict[str, list[Fact]] = {}
    for use in kind.uses:
        for holder in use.holders:
            for place in kind.group_places[holder]:
                holders.setdefault(place, []).append(("use", name, use.name))
    for (behavior, station), docks in kind.stations.items():
        if behavior == DEFAULT_BEHAVIOR:
            place = kind.station_place[station]
            taken = tuple(("transition", name, dock) for dock in docks)
            yield ("place", name, place), (*taken, *holders.get(place, ()))
    for port in kind.provides:
        if port.kind is PortKind.DATA:
            yield ("provide", name, port.name), (("place", name, port.bound[0]),)
        else:
            yield ("provide", name, port.name), tuple(("group", name, bound) for bound in port.bound)
    for bound in dict.fromkeys(bound for port in kind.provides for bound in port.bound):
        group = table.staying(DEFAULT_BEHAVIOR, bound)
        for place in group.places:
            yield ("group", name, bound), (("place", name, place),)
        for transition_name in group.transitions:
            yield ("group", name, bound), (("transition", name, transition_name),)


def _alone(table: TypeTable) -> set[Fact]:
    """What may happen to an instance when all its use ports are served."""
    return possible([*_inside(table, ""), *((("use", "", use.name), ()) for use in table.kind.uses)])


def _needed(kind: ComponentType, use: UsePort, alone: set[Fact]) -> bool:
    """Whether the deployment comes to a point where the use port has to be served."""
    if any(
        DEFAULT_BEHAVIOR in kind.transition[t].behaviors and ("transition", "", t) in alone for t in use.transitions
    ):
        return True
    return any(("place", "", p) in alone for holder in use.holders for p in kind.group_places[holder])


def _never_served(info: AssemblyInfo, alone: dict[str, set[Fact]], report: Report) -> None:
    """Report use ports that the deployment needs and whose providers never come up, each by its type alone."""
    members = info.population.members
    judged: dict[tuple[str, ...], bool] = {}
    for (user_name, use_name), connections in info.wiring.by_use.items():
        user = members[user_name].info
        if user is None:
            continue
        use = user.model.use[use_name]
        lacking: list[tuple[Connection, TypeInfo]] = []
        for connection in connections:
            provider = members[connection.provider].info
            if provider is not None and ("provide", "", connection.provide) not in alone[provider.name]:
                lacking.append((connection, provider))
        if not lacking or (use.multiplicity is Multiplicity.ANY and len(lacking) < len(connections)):
            continue
        key = (user.name, use_name)
        if key not in judged:
            judged[key] = _needed(user.model, use, alone[user.name])
        if judged[key]:
            connection, provider = lacking[0]
            _report(info, connection, provider, alone[provider.name], connections[connection], report)


def _report(
    info: AssemblyInfo, connection: Connection, provider: TypeInfo, possible_: set[Fact], span: Span, report: Report
) -> None:
    port, provide = f"{connection.user}.{connection.use}", f"{connection.provider}.{connection.provide}"
    kind = provider.model
    groups = (kind.group_places[bound] for bound in kind.provide[connection.provide].bound)
    passing = all(any(("place", "", place) in possible_ for place in group) for group in groups)
    declared = provider.provides[connection.provide]
    build = assembly_errors.never_kept if passing else assembly_errors.never_active
    report.once("MAD127", span, lambda: build(port, provide, span, declared, info.name))


# ---- circles ---------------------------------------------------------------------------------------------------------


def _components(graph: dict[str, dict[str, None]]) -> Iterator[list[str]]:
    """Strongly connected components (Tarjan), without recursion."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: dict[str, None] = {}
    for start in graph:
        if start in index:
            continue
        work = [(start, iter(graph[start]))]
        index[start] = low[start] = len(index)
        on_stack[start] = None
        while work:
            node, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part: list[str] = []
                    while True:
                        last, _ = on_stack.popitem()
                        part.append(last)
                        if last == node:
                            break
                    yield part
            elif following not in index:
                index[following] = low[following] = len(index)
                on_stack[following] = None
                work.append((following, iter(graph[following])))
            elif following in on_stack:
                low[node] = min(low[node], index[following])


def _circles(
    info: AssemblyInfo,
    circle: set[str],
    tables: dict[str, TypeTable],
    alone: dict[str, set[Fact]],
    report: Report,
) -> None:
    members = info.population.members
    clauses: list[Clause] = []
    for name in members:
        type_ = members[name].info
        if name not in circle or type_ is None:
            continue
        clauses.extend(_inside(tables[type_.name], name))
        for use in type_.model.uses:
            clauses.extend(_served(info, name, use, circle, alone))
    holding = possible(clauses)
    bodies: dict[Fact, list[tuple[Fact, ...]]] = {}
    for head, body in clauses:
        bodies.setdefault(head, []).append(body)
    visited: set[Fact] = set()
    for start in bodies:
        type_ = members[start[1]].info
        if start[0] != "transition" or start in holding or start in visited or type_ is None:
            continue
        found = _walk(start, bodies, holding, visited, info, alone)
        if found:
            report.add(assembly_errors.circular_wait(found, info.name))


def _served(
    info: AssemblyInfo, name: str, use: UsePort, circle: set[str], alone: dict[str, set[Fact]]
) -> Iterator[Clause]:
    """When a use port may be served: by providers in a circle as they may, by others as their type allows."""
    head: Fact = ("use", name, use.name)
    needed: list[Fact] = []
    served = False
    for connection in info.wiring.by_use.get((name, use.name), {}):
        provider = info.population.members[connection.provider].info
        if connection.provider in circle:
            needed.append(("provide", connection.provider, connection.provide))
        elif provider is None or ("provide", "", connection.provide) in alone[provider.name]:
            served = True
        else:
            needed.append(("provide", connection.provider, connection.provide))
    if use.multiplicity is Multiplicity.ANY and (served or len(needed) > 0):
        if served:
            yield head, ()
        for fact in needed:
            yield head, (fact,)
    else:
        yield head, tuple(needed)


def _walk(
    start: Fact,
    bodies: dict[Fact, list[tuple[Fact, ...]]],
    holding: set[Fact],
    visited: set[Fact],
    info: AssemblyInfo,
    alone: dict[str, set[Fact]],
) -> tuple[tuple[str, str, Span], ...]:
    """From lack to lack until a circle closes; its waits for ports, or nothing when the walk ends elsewhere."""
    path: dict[Fact, None] = {}
    fact = start
    while fact not in path:
        type_ = info.population.members[fact[1]].info
        if fact in visited or fact not in bodies or type_ is None:
            visited.update(path)
            return ()
        if (fact[0], "", fact[2]) not in alone[type_.name]:
            visited.update(path)
            return ()
        path[fact] = None
        fact = next(f for f in bodies[fact][0] if f not in holding)
    visited.update(path)
    facts = list(path)
    around = facts[facts.index(fact) :]
    steps: list[tuple[str, str, Span]] = []
    for k, (kind, instance, element) in enumerate(around):
        if kind != "use":
            continue
        before, after = around[k - 1], around[(k + 1) % len(around)]
        connection = Connection(instance, element, after[1], after[2])
        span = info.wiring.made[connection]
        steps.append((f"{before[1]}.{before[2]}", f"{after[1]}.{after[2]}", span))
    return tuple(steps)
