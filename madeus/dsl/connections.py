"""Connections: the two ends of each looked up and compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from madeus.diagnostics import Span
from madeus.dsl import assembly_errors, names_errors, types_errors
from madeus.dsl import syntax as s
from madeus.dsl.assembly_errors import CONNECTION_LIMIT
from madeus.dsl.population import Member, Population
from madeus.dsl.scope import TypeInfo
from madeus.dsl.values import Environment
from madeus.model import Connection, Multiplicity


class Ends(NamedTuple):
    """What a `connect` or `disconnect` names."""

    users: list[Member] | None
    providers: list[Member] | None
    sound: bool
    """Whether both ports exist and fit."""


class Wiring:
    """Connections of one assembly as they are made and taken away."""

    def __init__(self) -> None:
        self.made: dict[Connection, Span] = {}
        self.by_use: dict[tuple[str, str], dict[Connection, Span]] = {}
        self.doubtful_ports: set[tuple[str, str]] = set()
        """Use ports that a faulty statement may have connected."""
        self.doubtful: set[str] = set()
        """Instances some port of which a faulty statement may have connected."""

    def copy(self) -> Wiring:
        """One that may be changed without changing this one."""
        other = Wiring()
        other.made = dict(self.made)
        other.by_use = {port: dict(found) for port, found in self.by_use.items()}
        other.doubtful_ports, other.doubtful = set(self.doubtful_ports), set(self.doubtful)
        return other

    def add(self, connection: Connection, span: Span) -> None:
        self.made[connection] = span
        self.by_use.setdefault((connection.user, connection.use), {})[connection] = span

    def remove(self, connection: Connection) -> None:
        del self.made[connection]
        del self.by_use[connection.user, connection.use][connection]

    def doubt(self, ends: Ends, use: str) -> None:
        """Note that a faulty statement may have connected these."""
        for member in ends.users or ():
            if member.info is not None and use in member.info.uses:
                self.doubtful_ports.add((member.name, use))
            else:
                self.doubtful.add(member.name)


def ends_of(statement: s.Connect | s.Disconnect, population: Population, env: Environment) -> Ends:
    """The instances at both ends of a connection; whatever is wrong with them or their ports is reported."""
    users = population.find(statement.use.instance, env)
    providers = population.find(statement.provide.instance, env)
    use, provide = statement.use.element, statement.provide.element
    sound = users is not None and providers is not None
    for info in _types(users):
        sound = _check_end(use, info, "use", population, env, swapped=_swapped(statement, users, providers)) and sound
    for info in _types(providers):
        swapped = _swapped(statement, users, providers)
        sound = _check_end(provide, info, "provide", population, env, swapped=swapped) and sound
    if any(m.info is None for m in (*(users or ()), *(providers or ()))):
        sound = False
    if sound:
        for user in _types(users):
            for provider in _types(providers):
                sound = _compare(statement, user, provider, env) and sound
    if len(users or ()) * len(providers or ()) > CONNECTION_LIMIT:
        env.report.add(assembly_errors.too_many("connections", CONNECTION_LIMIT, statement.span))
        sound = False
    return Ends(users, providers, sound)


def pairs(statement: s.Connect | s.Disconnect, ends: Ends) -> Iterator[Connection]:
    """Every connection that a statement names: all users with all providers."""
    if not ends.users or not ends.providers or not ends.sound:
        return
    use, provide = statement.use.element.text, statement.provide.element.text
    for user in ends.users:
        for provider in ends.providers:
            yield Connection(user.name, use, provider.name, provide)


def check_room(connection: Connection, statement: s.Connect, wiring: Wiring, info: TypeInfo, env: Environment) -> bool:
    """Whether a connection is new and its use port takes one more; the contrary is reported."""
    span = statement.span
    first = wiring.made.get(connection)
    if first is not None:
        env.report.once("MAD075", span, lambda: names_errors.duplicate_connection(str(connection), span, first))
        return False
    others = wiring.by_use.get((connection.user, connection.use))
    use = info.model.use.get(connection.use)
    if others and use is not None and use.multiplicity is Multiplicity.ONE:
        port = f"{connection.user}.{connection.use}"
        other = next(iter(others.values()))
        env.report.once(
            "MAD121", span, lambda: assembly_errors.too_many_connections(port, span, other, info.uses[connection.use])
        )
        return False
    return True


def _types(members: list[Member] | None) -> list[TypeInfo]:
    found: dict[str, TypeInfo] = {}
    for member in members or ():
        if member.info is not None:
            found[member.info.name] = member.info
    return list(found.values())


def _swapped(statement: s.Connect | s.Disconnect, users: list[Member] | None, providers: list[Member] | None) -> bool:
    use, provide = statement.use.element.text, statement.provide.element.text
    return any(use in info.provides for info in _types(users)) and any(provide in i.uses for i in _types(providers))


def _check_end(
    port: s.Name,
    info: TypeInfo,
    role: Literal["use", "provide"],
    population: Population,
    env: Environment,
    *,
    swapped: bool,
) -> bool:
    right, wrong = (info.uses, info.provides) if role == "use" else (info.provides, info.uses)
    if port.text in right:
        return True
    if port.text in wrong:
        if not (swapped and role == "provide"):
            is_use = role == "provide"
            span = wrong[port.text]
            env.report.once(
                "MAD096", port.span, lambda: types_errors.wrong_direction(port.text, is_use, port.span, span, swapped)
            )
    elif not info.may_declare(port.text, "port"):
        known = list(right) or list(wrong)
        env.report.once("MAD054", port.span, lambda: names_errors.unknown_port(port.text, info.name, port.span, known))
    return False


def _compare(statement: s.Connect | s.Disconnect, user: TypeInfo, provider: TypeInfo, env: Environment) -> bool:
    use_name, provide_name = statement.use.element.text, statement.provide.element.text
    use, provide = user.model.use.get(use_name), provider.model.provide.get(provide_name)
    if use is None or provide is None:
        return True
    span = statement.use.span.to(statement.provide.span)
    spans = (user.uses[use_name], provider.provides[provide_name])
    full = (f"{user.name}.{use_name}", f"{provider.name}.{provide_name}")
    if use.kind is not provide.kind:
        env.report.once(
            "MAD095",
            span,
            lambda: types_errors.kind_mismatch(full[0], use.kind, full[1], provide.kind, span, spans),
        )
    elif use.type is not None and provide.type is not None and use.type is not provide.type:
        wanted, given = use.type, provide.type
        env.report.once(
            "MAD097",
            span,
            lambda: types_errors.data_type_mismatch(full[0], wanted, full[1], given, span, spans),
        )
    else:
        return True
    return False
