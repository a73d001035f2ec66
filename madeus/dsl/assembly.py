"""Assemblies: parameters set, loops and replicas written out, instances made and connected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from madeus.diagnostics import Span
from madeus.dsl import assembly_errors, names_errors
from madeus.dsl import syntax as s
from madeus.dsl.assembly_errors import CONNECTION_LIMIT, INSTANCE_LIMIT
from madeus.dsl.connections import Wiring, check_room, ends_of, pairs
from madeus.dsl.parameters import ParameterInfo, declare, parse_text
from madeus.dsl.population import Maker, Member, Population, bounds
from madeus.dsl.report import Report
from madeus.dsl.scope import World
from madeus.dsl.types_errors import parameter_without_value, wrong_override
from madeus.dsl.values import Environment
from madeus.model import Assembly, ComponentType, Value, ValueType

_TYPES = frozenset(ValueType)


@dataclass(slots=True)
class AssemblyInfo:
    """An assembly: its instances and connections, and what programs still have to say about it."""

    name: str
    declaration: s.Assembly
    visible: int
    """Files (bits) whose names it may use."""
    parameters: dict[str, ParameterInfo]
    environment: Environment
    population: Population
    wiring: Wiring = field(default_factory=Wiring)
    everyone: Population = field(default_factory=lambda: Population(""))
    """Its instances and those that programs add."""
    connected_later: dict[tuple[str, str], Span] = field(default_factory=dict)
    """Use ports that a program connects."""
    added: dict[str, Member] = field(default_factory=dict)
    """Instances that programs add."""
    programs: int = 0
    sound: bool = True
    """Whether all of its instances and connections were understood."""

    def model(self, types: Mapping[str, ComponentType]) -> Assembly:
        """The assembly as a value; types: all component types."""
        members = (*self.population.members.values(), *self.added.values())
        needed = dict.fromkeys(m.instance.type for m in members if m.instance.type in types)
        return Assembly(
            self.name,
            {name: types[name] for name in needed},
            tuple(m.instance for m in self.population.members.values()),
            tuple(self.wiring.made),
            self.declaration.doc or "",
        )


class Turns:
    """Counts the turns of all loops of a block together."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.left = CONNECTION_LIMIT

    def walk(
        self, statements: Iterable[s.Statement], env: Environment, hidden: Mapping[str, Span]
    ) -> Iterator[tuple[s.Statement, Environment]]:
        """Every statement in every turn of its loops, in order, with what the names stand for in that turn."""
        for statement in statements:
            if not isinstance(statement, s.For):
                yield statement, env
                continue
            variable = statement.variable
            if variable.text in hidden:
                self.report.add(names_errors.hidden_name(variable.text, variable.span, hidden[variable.text]))
            inner = {**hidden, variable.text: variable.span} if variable.text else hidden
            if statement.broken:
                values = {**env.values, variable.text: None}
                blind = Environment(self.report, values, env.secrets, True, env.used, env.secrets_used)
                yield from self.walk(statement.statements, blind, inner)
                continue
            turns = bounds(statement.range, env, replicas=False)
            if turns is None:
                yield from self.walk(statement.statements, env.inside(variable.text, None), inner)
                continue
            for turn in turns:
                self.left -= 1
                if self.left < 0:
                    what = "turns of all loops together"
                    self.report.add(assembly_errors.too_many(what, CONNECTION_LIMIT, statement.range.span))
                    return
                yield from self.walk(statement.statements, env.inside(variable.text, turn), inner)


def lower_assembly(
    declaration: s.Assembly, world: World, visible: int, overrides: Mapping[str, tuple[str, str]]
) -> AssemblyInfo:
    """An assembly with its instances and connections; everything wrong is reported.

    overrides: by parameter the setting from outside as written and its value.
    """
    report, name = world.report, declaration.name.text
    secrets = world.secret_spans(visible)
    blind = bool(world.incomplete & visible)
    given = _given(declaration, overrides, report)
    parameters, used = declare(declaration.parameters, name, report, secrets, given, declaration.broken or blind)
    for parameter in parameters.values():
        if parameter.required and parameter.name not in overrides:
            report.add(parameter_without_value(parameter.name, name, parameter.span))
    values: dict[str, Value | None] = {n: p.default for n, p in parameters.items()}
    env = Environment(report, values, secrets, declaration.broken or blind, used)
    population = Population(f"assembly `{name}`")
    population.broken.extend(p for p in _statements(declaration.statements) if isinstance(p, s.Broken))
    info = AssemblyInfo(name, declaration, visible, parameters, env, population)
    hidden = {n: p.span for n, p in parameters.items()}
    _populate(info, Maker(world, visible), Turns(report), hidden)
    _connect(info, Turns(report), hidden)
    world.secrets_used |= env.secrets_used
    info.everyone = population.copy()
    info.sound = info.sound and not population.broken and not population.doubtful
    return info


def check_parameters(info: AssemblyInfo, report: Report) -> None:
    """Report parameters that nothing reads; called when all programs are known."""
    if info.everyone.broken or info.declaration.broken:
        return
    for parameter in info.parameters.values():
        if parameter.name not in info.environment.used:
            report.add(names_errors.unused_parameter(parameter.name, info.name, parameter.span))


def _given(
    declaration: s.Assembly, overrides: Mapping[str, tuple[str, str]], report: Report
) -> dict[str, Value | None]:
    """Values from outside by parameter, each made to its type."""
    given: dict[str, Value | None] = {}
    for parameter in declaration.parameters:
        name, type_name = parameter.name.text, parameter.type.text
        if name not in overrides:
            continue
        given[name] = None
        if type_name in _TYPES:
            key, text = overrides[name]
            given[name] = parse_text(text, ValueType(type_name))
            if given[name] is None:
                report.each(wrong_override(key, text, type_name, parameter.name.span))
    return given


def _statements(statements: Iterable[s.Statement]) -> Iterator[s.Statement]:
    """Statements inside and outside of loops."""
    for statement in statements:
        yield statement
        if isinstance(statement, s.For):
            yield from _statements(statement.statements)


def _populate(info: AssemblyInfo, maker: Maker, turns: Turns, hidden: Mapping[str, Span]) -> None:
    population = info.population
    for statement, env in turns.walk(info.declaration.statements, info.environment, hidden):
        if not isinstance(statement, s.Instance):
            continue
        word = statement.name.text
        made = maker.make(statement, env, INSTANCE_LIMIT - len(population.members))
        if made is None:
            population.doubtful.add(word)
            continue
        for member in made:
            first = population.members.get(member.name) or _mixed(population, word, member)
            if first is not None:
                env.report.add(names_errors.duplicate_instance(member.name, member.span, first.span))
            else:
                population.put(word, member)
            if member.info is None:
                info.sound = False


def _mixed(population: Population, word: str, member: Member) -> Member | None:
    """An instance without an index beside replicas of the same name, or the other way round."""
    family = population.families.get(word)
    if not family or (family[0] == word) == (member.name == word):
        return None
    return population.members[family[0]]


def _connect(info: AssemblyInfo, turns: Turns, hidden: Mapping[str, Span]) -> None:
    population, wiring = info.population, info.wiring
    for statement, env in turns.walk(info.declaration.statements, info.environment, hidden):
        if not isinstance(statement, s.Connect):
            continue
        ends = ends_of(statement, population, env)
        if not ends.sound:
            info.sound = False
            wiring.doubt(ends, statement.use.element.text)
            continue
        for connection in pairs(statement, ends):
            user = population.members[connection.user].info
            if user is not None and check_room(connection, statement, wiring, user, env):
                if len(wiring.made) >= CONNECTION_LIMIT:
                    env.report.add(assembly_errors.too_many("connections", CONNECTION_LIMIT, statement.span))
                    return
                wiring.add(connection, statement.span)


def check_connected(info: AssemblyInfo, report: Report) -> None:
    """Report use ports that nothing is connected to and that are not optional; called when all programs are known."""
    if info.population.broken:
        return
    wiring = info.wiring
    bare: dict[tuple[Span, str], list[Member]] = {}
    for member in info.population.members.values():
        if member.info is None or member.name in wiring.doubtful:
            continue
        for use in member.info.model.uses:
            port = (member.name, use.name)
            if not use.optional and not wiring.by_use.get(port) and port not in wiring.doubtful_ports:
                bare.setdefault((member.span, use.name), []).append(member)
    for (span, use_name), members in bare.items():
        member = members[0]
        if member.info is None:
            continue
        later = info.connected_later.get((member.name, use_name))
        type_ = member.info
        report.each(
            assembly_errors.unconnected(
                member.name, use_name, type_.name, span, type_.uses[use_name], later, len(members) - 1
            )
        )
