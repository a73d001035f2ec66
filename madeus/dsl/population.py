"""The instances of an assembly, as references find them: one by one, and as replicas."""

from __future__ import annotations

from dataclasses import dataclass, field

from madeus.diagnostics import Diagnostic, Span
from madeus.dsl import assembly_errors, names_errors, types_errors
from madeus.dsl import syntax as s
from madeus.dsl.assembly_errors import INSTANCE_LIMIT
from madeus.dsl.parameters import check
from madeus.dsl.report import Report
from madeus.dsl.scope import TypeInfo, World
from madeus.dsl.values import Environment, evaluate, whole_number
from madeus.model import LOCAL_HOST, Instance, Value


@dataclass(frozen=True, slots=True)
class Member:
    """An instance."""

    name: str
    info: TypeInfo | None
    """Its type; `None` when that is not known."""
    span: Span
    """Where its name is written."""
    instance: Instance


@dataclass(slots=True)
class Population:
    """Instances by name."""

    where: str
    """Such as ``assembly `lamp```, for messages."""
    members: dict[str, Member] = field(default_factory=dict)
    families: dict[str, list[str]] = field(default_factory=dict)
    """Word before the brackets -> names of its instances, in order."""
    doubtful: set[str] = field(default_factory=set)
    """Words whose instances are not all known."""
    broken: list[s.Broken] = field(default_factory=list)

    def may_have(self, word: str) -> bool:
        """Whether a faulty stretch may have made an instance of this name."""
        return not word or word in self.doubtful or any(part.declares(word) for part in self.broken)

    def put(self, word: str, member: Member) -> None:
        """Add an instance whose name begins with a word."""
        self.members[member.name] = member
        self.families.setdefault(word, []).append(member.name)

    def copy(self) -> Population:
        """One that may be added to without changing this one."""
        families = {word: list(names) for word, names in self.families.items()}
        return Population(self.where, dict(self.members), families, set(self.doubtful), list(self.broken))

    def find(self, reference: s.InstanceReference, env: Environment) -> list[Member] | None:
        """The instances that a reference names, all replicas without an index; `None` when unknown, which is reported."""
        word = reference.name.text
        if reference.index is None:
            names = self.families.get(word)
            if names is None:
                self._unknown(word, word, reference.name.span, env.report)
                return None
            return [self.members[name] for name in names]
        numbers = indices(reference.index, env)
        if numbers is None:
            return None
        found: list[Member] = []
        for number in numbers:
            name = f"{word}[{number}]"
            member = self.members.get(name)
            if member is None:
                self._unknown(name, word, reference.span, env.report)
                return None
            found.append(member)
        return found

    def _unknown(self, name: str, word: str, span: Span, report: Report) -> None:
        if self.may_have(word):
            return

        def build() -> Diagnostic:
            replicas = self.families.get(word, ())
            hint = ""
            if replicas:
                shown = replicas if len(replicas) <= 6 else (*replicas[:2], "...", replicas[-1])
                hint = "there is " + ", ".join(f"`{replica}`" if replica != "..." else replica for replica in shown)
            return names_errors.unknown_instance(name, self.where, span, self.families, hint)

        report.once("MAD055", span, build)


def indices(index: s.Index, env: Environment) -> range | None:
    """The numbers in brackets; `None` when they cannot be made out, are too many or make no sense, which is reported."""
    if isinstance(index, s.Range):
        return bounds(index, env, replicas=True)
    number = whole_number(index, env, "an index")
    if number is None:
        return None
    if number < 0:
        env.report.add(assembly_errors.negative_index(number, index.span))
        return None
    return range(number, number + 1)


def bounds(written: s.Range, env: Environment, replicas: bool) -> range | None:
    """The numbers of a range. A loop whose bounds depend on names may be empty, replicas may not."""
    low = whole_number(written.low, env, "a range")
    high = whole_number(written.high, env, "a range")
    if low is None or high is None:
        return None
    if low > high and (replicas or all(isinstance(end, s.Number) for end in (written.low, written.high))):
        env.report.add(assembly_errors.empty_range(low, high, written.span))
        return None
    if replicas and low < 0:
        env.report.add(assembly_errors.negative_index(low, written.span))
        return None
    if high - low >= INSTANCE_LIMIT:
        what = "instances" if replicas else "turns of a loop"
        env.report.add(assembly_errors.too_many(what, INSTANCE_LIMIT, written.span))
        return None
    return range(low, high + 1)


class Maker:
    """Makes instances from their statements."""

    def __init__(self, world: World, visible: int) -> None:
        self.world = world
        self.visible = visible
        self.report = world.report

    def make(self, statement: s.Instance, env: Environment, room: int) -> list[Member] | None:
        """The instances of one statement; room: how many more the assembly may have. `None` when it is not known which."""
        info = self._type(statement.type)
        arguments = self._arguments(statement, info, env)
        names = self._names(statement, env)
        if names is None:
            return None
        if len(names) > room:
            self.report.add(assembly_errors.too_many("instances", INSTANCE_LIMIT, statement.name.span))
            return None
        span, type_name = statement.name.span, statement.type.text
        return [
            Member(name, info, span, Instance(name, type_name, host, arguments, statement.layered))
            for name, host in names
        ]

    def _type(self, name: s.Name) -> TypeInfo | None:
        world = self.world
        if world.types.get(name.text, self.visible) is None:
            if not world.may_declare(name.text, self.visible, world.types.nameless):
                self.report.once(
                    "MAD050",
                    name.span,
                    lambda: names_errors.unknown_type(name.text, name.span, world.types.known(self.visible)),
                )
            return None
        return world.type_infos.get(name.text)

    def _names(self, statement: s.Instance, env: Environment) -> list[tuple[str, str]] | None:
        """Names of the instances and their hosts."""
        word, host = statement.name.text, statement.host
        own = indices(statement.index, env) if statement.index is not None else None
        theirs = indices(host.index, env) if host is not None and host.index is not None else None
        if (statement.index is not None and own is None) or (
            host is not None and host.index is not None and theirs is None
        ):
            return None
        on = host.name.text if host is not None else LOCAL_HOST
        if host is None or theirs is None:
            return [(f"{word}[{n}]", on) for n in own] if own is not None else [(word, on)]
        if own is None:
            if isinstance(host.index, s.Range):
                return [(f"{word}[{n}]", f"{on}[{n}]") for n in theirs]
            return [(word, f"{on}[{theirs[0]}]")]
        if isinstance(host.index, s.Range) and len(own) != len(theirs):
            first = statement.index.span if statement.index is not None else statement.name.span
            self.report.add(assembly_errors.ranges_differ(len(own), len(theirs), host.span, first))
            return None
        many = isinstance(host.index, s.Range)
        return [(f"{word}[{n}]", f"{on}[{theirs[k if many else 0]}]") for k, n in enumerate(own)]

    def _arguments(
        self, statement: s.Instance, info: TypeInfo | None, env: Environment
    ) -> tuple[tuple[str, Value], ...]:
        given: dict[str, Value | None] = {}
        spans: dict[str, Span] = {}
        for argument in statement.arguments:
            name, span = argument.name.text, argument.name.span
            value = evaluate(argument.value, env)
            if name in spans:
                self.report.add(names_errors.duplicate_key("the argument", name, span, spans[name]))
                continue
            spans[name] = span
            given[name] = value
            if info is None:
                continue
            parameter = info.parameters.get(name)
            if parameter is None:
                if not info.open_head:
                    self.report.add(names_errors.unknown_parameter(name, info.name, span, info.parameters))
            elif value is not None:
                what = f"`{name}` of `{info.name}`"
                given[name] = check(value, parameter, what, argument.value.span, self.report, parameter.span)
        if info is None:
            return ()
        pairs: list[tuple[str, Value]] = []
        for parameter in info.parameters.values():
            value = given.get(parameter.name, parameter.default)
            if parameter.required and parameter.name not in given:
                type_ = parameter.type or "value"
                self.report.each(
                    types_errors.missing_argument(parameter.name, info.name, type_, statement.type.span, parameter.span)
                )
            if value is not None:
                pairs.append((parameter.name, value))
        return tuple(pairs)
