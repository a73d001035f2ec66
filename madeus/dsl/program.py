"""Programs: instructions written out, and followed as far as their effect is certain before anything runs.

Other programs of the same assembly may have run before or run at the same time: what they may have changed is not certain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from madeus.diagnostics import Span
from madeus.dsl import assembly_errors, names_errors, program_errors, role_errors
from madeus.dsl import syntax as s
from madeus.dsl.assembly import AssemblyInfo, Turns
from madeus.dsl.assembly_errors import CONNECTION_LIMIT, INSTANCE_LIMIT
from madeus.dsl.connections import check_room, ends_of, pairs
from madeus.dsl.follow import Followed
from madeus.dsl.population import Maker, Member
from madeus.dsl.report import Report
from madeus.dsl.scope import World
from madeus.dsl.values import Environment
from madeus.model import (
    Add,
    Connect,
    Connection,
    Delete,
    Disconnect,
    Instruction,
    Program,
    Push,
    WaitAll,
    WaitComponent,
    WaitPush,
)


@dataclass(slots=True)
class ProgramInfo:
    """A program: its instructions, and where each is written."""

    declaration: s.Program
    assembly: AssemblyInfo | None
    """`None` when that is not known."""
    model: Program
    spans: list[Span] = field(default_factory=list)
    """One for each instruction."""
    added: dict[str, Member] = field(default_factory=dict)


@dataclass(slots=True)
class Changes:
    """What programs may change, by name, wherever in them."""

    added: dict[str, Member] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    connected: set[Connection] = field(default_factory=set)
    disconnected: set[Connection] = field(default_factory=set)
    pushed: set[str] = field(default_factory=set)

    def include(self, other: Changes) -> None:
        """Add another program's."""
        self.added.update(other.added)
        self.deleted |= other.deleted
        self.connected |= other.connected
        self.disconnected |= other.disconnected
        self.pushed |= other.pushed


def lower_programs(
    world: World, visible: Sequence[int], assemblies: Mapping[str, AssemblyInfo]
) -> dict[str, ProgramInfo]:
    """All programs, with everything that is wrong with them reported."""
    programs: dict[str, ProgramInfo] = {}
    lowerings: dict[str, list[_Lowering]] = {}
    for name, (declaration, number) in world.programs.entries.items():
        assembly = _assembly(declaration.assembly, world, visible[number], assemblies)
        info = programs[name] = ProgramInfo(
            declaration, assembly, Program(name, declaration.assembly.text, rollback=declaration.rollback)
        )
        if assembly is not None:
            lowerings.setdefault(assembly.name, []).append(_Lowering(info, assembly, world, visible[number]))
    for group in lowerings.values():
        assembly = group[0].assembly
        assembly.programs = len(group)
        assembly.everyone = assembly.population.copy()
        for lowering in group:
            lowering.look_ahead()
        for lowering in group:
            others = Changes()
            for other in group:
                if other is not lowering:
                    others.include(other.changes)
            lowering.lower(others)
    return programs


def _assembly(name: s.Name, world: World, visible: int, assemblies: Mapping[str, AssemblyInfo]) -> AssemblyInfo | None:
    if world.assemblies.get(name.text, visible) is not None:
        return assemblies.get(name.text)
    if not world.may_declare(name.text, visible, world.assemblies.nameless):
        world.report.add(names_errors.unknown_assembly(name.text, name.span, world.assemblies.known(visible)))
    return None


class _Lowering:
    """The work on one program."""

    def __init__(self, info: ProgramInfo, assembly: AssemblyInfo, world: World, visible: int) -> None:
        self.info = info
        self.assembly = assembly
        self.report: Report = world.report
        self.maker = Maker(world, visible)
        outer = assembly.environment
        self.environment = Environment(
            world.report,
            outer.values,
            world.secret_spans(visible),
            outer.open or bool(world.incomplete & visible),
            outer.used,
            world.secrets_used,
        )
        self.hidden = {name: p.span for name, p in assembly.parameters.items()}
        self.changes = Changes()
        self.where = f"program `{info.model.name}`"
        self.instructions: list[Instruction] = []
        self.labels: dict[str, tuple[s.Push, list[str]]] = {}
        self.outside: set[str] = set()
        """Instances outside of layers that a program which is taken back moves; each is told once."""
        self.broken = [part for part in info.declaration.statements if isinstance(part, s.Broken)]

    def _walk(self) -> Turns:
        return Turns(self.report)

    def look_ahead(self) -> None:
        """Collect what the program adds, so that it and others may name it; then what it changes."""
        everyone, statements = self.assembly.everyone, self.info.declaration.statements
        everyone.broken.extend(self.broken)
        for statement, env in self._walk().walk(statements, self.environment, self.hidden):
            if isinstance(statement, s.Add):
                word = statement.instance.name.text
                made = self.maker.make(statement.instance, env, INSTANCE_LIMIT - len(everyone.members))
                if made is None:
                    everyone.doubtful.add(word)
                for member in made or ():
                    self.changes.added[member.name] = member
                    self.info.added[member.name] = member
                    self.assembly.added[member.name] = member
                    if member.name not in everyone.members:
                        everyone.put(word, member)
        silent = Report()
        for statement, env in self._walk().walk(statements, self.environment, self.hidden):
            quiet = Environment(silent, env.values, env.secrets, env.open)
            self._note(statement, quiet)

    def _note(self, statement: s.Statement, env: Environment) -> None:
        everyone, changes = self.assembly.everyone, self.changes
        match statement:
            case s.Delete():
                changes.deleted.update(m.name for m in everyone.find(statement.instance, env) or ())
            case s.Push():
                changes.pushed.update(m.name for m in everyone.find(statement.behavior.instance, env) or ())
            case s.Connect() | s.Disconnect():
                connections = list(pairs(statement, ends_of(statement, everyone, env)))
                target = changes.connected if isinstance(statement, s.Connect) else changes.disconnected
                target.update(connections)
                if isinstance(statement, s.Connect):
                    for connection in connections:
                        later = self.assembly.connected_later
                        later.setdefault((connection.user, connection.use), statement.span)
            case _:
                pass

    def lower(self, others: Changes) -> None:
        """Write the instructions out, following their effect."""
        followed = Followed(self.assembly, others, self.report, self.where)
        for statement, env in self._walk().walk(self.info.declaration.statements, self.environment, self.hidden):
            before = len(self.instructions)
            self._statement(statement, env, followed)
            self.info.spans.extend(statement.span for _ in range(len(self.instructions) - before))
            if len(self.instructions) > CONNECTION_LIMIT:
                self.report.add(assembly_errors.too_many("instructions", CONNECTION_LIMIT, statement.span))
                break
        if not self.broken:
            followed.finish()
        written = self.info.model
        doc = self.info.declaration.doc or ""
        self.info.model = Program(
            written.name, self.assembly.name, tuple(self.instructions), doc, self.info.declaration.rollback
        )

    def _statement(self, statement: s.Statement, env: Environment, followed: Followed) -> None:
        match statement:
            case s.Add():
                for member in self.maker.make(statement.instance, env, INSTANCE_LIMIT) or ():
                    followed.add(member)
                    self.instructions.append(Add(member.instance))
            case s.Delete():
                for member in followed.find(statement.instance, env) or ():
                    followed.delete(member, statement.instance.span)
                    self.instructions.append(Delete(member.name))
            case s.Connect():
                self._connect(statement, env, followed)
            case s.Disconnect():
                self._disconnect(statement, env, followed)
            case s.Push():
                self._push(statement, env, followed)
            case s.Wait():
                self._wait(statement, env, followed)
            case _:
                pass

    def _connect(self, statement: s.Connect, env: Environment, followed: Followed) -> None:
        ends = ends_of(statement, followed.present(statement, env), env)
        if not ends.sound:
            followed.wiring.doubt(ends, statement.use.element.text)
            return
        for connection in pairs(statement, ends):
            info = self.assembly.everyone.members[connection.user].info
            if info is None or check_room(connection, statement, followed.certain(connection), info, env):
                followed.connect(connection, statement.span)
                self.instructions.append(Connect(connection))

    def _disconnect(self, statement: s.Disconnect, env: Environment, followed: Followed) -> None:
        ends = ends_of(statement, followed.present(statement, env), env)
        several = len(ends.users or ()) * len(ends.providers or ()) > 1
        for connection in pairs(statement, ends):
            if several and not followed.may_be_connected(connection):
                continue
            followed.disconnect(connection, statement.span)
            self.instructions.append(Disconnect(connection))

    def _push(self, statement: s.Push, env: Environment, followed: Followed) -> None:
        members = followed.find(statement.behavior.instance, env)
        recovering = self._recovery(statement, env, followed, members)
        name = statement.behavior.element
        label = self._label(statement)
        for k, member in enumerate(members or ()):
            if not self._has_behavior(member, name):
                continue
            followed.push(member, name)
            self._moved(member, statement.behavior.instance.span)
            own = ""
            if label is not None and statement.label is not None:
                own = statement.label.text if not label else f"{statement.label.text}[{len(label) + 1}]"
                label.append(own)
            self.instructions.append(Push(member.name, name.text, own, recovering[k] if recovering else ""))

    def _moved(self, member: Member, span: Span) -> None:
        """Tell of what a program that is taken back moves outside of layers."""
        if self.info.declaration.rollback and not member.instance.layered and member.name not in self.outside:
            self.outside.add(member.name)
            self.report.each(role_errors.not_taken_back(member.name, self.info.model.name, span, member.span))

    def _recovery(
        self, statement: s.Push, env: Environment, followed: Followed, members: list[Member] | None
    ) -> list[str]:
        """For each component pushed what is pushed when it fails, qualified."""
        reference = statement.on_failure
        if reference is None:
            return []
        found = followed.find(reference.instance, env)
        if found is None:
            return []
        for member in found:
            if self._has_behavior(member, reference.element):
                self._moved(member, reference.instance.span)
        if members is None:
            return []
        if len(found) == 1:
            found = found * len(members)
        if len(found) != len(members):
            self.report.add(program_errors.recovery_differs(len(members), len(found), reference.span))
            return []
        return [f"{member.name}.{reference.element.text}" for member in found]

    def _has_behavior(self, member: Member, name: s.Name) -> bool:
        info = member.info
        if info is None:
            return False
        if name.text in info.model.behaviors:
            return True
        if not info.may_declare(name.text, "behavior"):
            self.report.once(
                "MAD053",
                name.span,
                lambda: names_errors.unknown_behavior(name.text, info.name, name.span, info.model.behaviors),
            )
        return False

    def _label(self, statement: s.Push) -> list[str] | None:
        """The pushes that have the label so far; a second statement that gives it is reported."""
        name = statement.label
        if name is None:
            return None
        known = self.labels.get(name.text)
        if known is not None and known[0] is not statement and known[0].label is not None:
            self.report.add(names_errors.duplicate_label(name.text, name.span, known[0].label.span, instance=False))
            return None
        families = self.assembly.everyone.families
        if name.text in families:
            member = self.assembly.everyone.members[families[name.text][0]]
            self.report.add(names_errors.duplicate_label(name.text, name.span, member.span, instance=True))
        return self.labels.setdefault(name.text, (statement, []))[1]

    def _wait(self, statement: s.Wait, env: Environment, followed: Followed) -> None:
        target = statement.target
        if target is None:
            self.instructions.append(WaitAll())
            return
        word = target.name.text
        families = self.assembly.everyone.families
        if target.index is None and word not in families:
            if word in self.labels:
                self.instructions.extend(WaitPush(label) for label in self.labels[word][1])
            elif not self.assembly.everyone.may_have(word):
                self._unknown_label(target, word)
            return
        self.instructions.extend(WaitComponent(member.name) for member in followed.find(target, env) or ())

    def _unknown_label(self, target: s.InstanceReference, word: str) -> None:
        later: dict[str, Span] = {}
        pending: list[s.Statement] = list(self.info.declaration.statements)
        while pending:
            statement = pending.pop()
            if isinstance(statement, s.Push) and statement.label is not None:
                later[statement.label.text] = statement.label.span
            elif isinstance(statement, s.For):
                pending.extend(statement.statements)
        if word in later:
            self.report.add(program_errors.label_given_later(word, target.span, later[word]))
        else:
            known = [*later, *self.assembly.everyone.families]
            self.report.add(names_errors.unknown_label(word, self.where, target.span, known))
