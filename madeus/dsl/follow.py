"""The effect of a program's instructions, followed one by one: what exists, what is connected, what is marked."""

from __future__ import annotations

from typing import Protocol

from madeus.diagnostics import Span
from madeus.dsl import names_errors, program_errors
from madeus.dsl import syntax as s
from madeus.dsl.assembly import AssemblyInfo
from madeus.dsl.connections import Wiring
from madeus.dsl.population import Member, Population
from madeus.dsl.report import Report
from madeus.dsl.structure import Marking, run
from madeus.dsl.values import Environment
from madeus.model import Connection


class OthersChanges(Protocol):
    """What other programs may change."""

    added: dict[str, Member]
    deleted: set[str]
    connected: set[Connection]
    disconnected: set[Connection]
    pushed: set[str]


class Followed:
    """An assembly in the course of one program."""

    def __init__(self, assembly: AssemblyInfo, others: OthersChanges, report: Report, where: str) -> None:
        self.everyone = assembly.everyone
        self.others = others
        self.report = report
        self.where = where
        self.wiring: Wiring = assembly.wiring.copy()
        self.alive: dict[str, Member] = dict(assembly.population.members)
        self.deleted: dict[str, Span] = {}
        self.gone: dict[str, Span] = {}
        """Of the deleted those that no other program may have made again."""
        self.disconnected: dict[Connection, Span] = {}
        self.added: dict[str, Member] = {}
        self.marked: dict[str, frozenset[Marking] | None] = {}

    # ---- names

    def find(self, reference: s.InstanceReference, env: Environment) -> list[Member] | None:
        """The instances that a reference names and that exist by now; `None` when there are none, which is reported.

        Without an index: the replicas of the assembly and of this program. Those that only another program adds are meant by
        their index, or where there are no others.
        """
        members = self.everyone.find(reference, env)
        if members is None:
            return None
        if reference.index is None:
            own = [self.alive[m.name] for m in members if m.name in self.alive]
            if own:
                return own
        present = [self.alive.get(m.name, m) for m in members if self._exists(m.name)]
        if reference.index is None and present:
            return present
        for member in members:
            if not self._exists(member.name):
                self._missing(member.name, reference, env.report)
                return None
        return present

    def _exists(self, name: str) -> bool:
        return name in self.alive or name in self.others.added

    def _missing(self, name: str, reference: s.InstanceReference, report: Report) -> None:
        if name in self.gone:
            report.add(program_errors.deleted_before(name, reference.span, self.gone[name]))
            return
        hint = f"`{name}` is added further down: put `add` before this"
        report.add(names_errors.unknown_instance(name, self.where, reference.span, (), hint))

    def present(self, statement: s.Connect | s.Disconnect, env: Environment) -> Population:
        """The instances that a connection may name; those that do not exist by now are reported and left out."""
        population = Population(self.everyone.where, doubtful=self.everyone.doubtful, broken=self.everyone.broken)
        for reference in (statement.use.instance, statement.provide.instance):
            word = reference.name.text
            found = self.find(reference, env)
            if found is None:
                population.doubtful = population.doubtful | {word}
            for member in found or ():
                if member.name not in population.members:
                    population.put(word, member)
        return population

    # ---- instructions

    def add(self, member: Member) -> None:
        """``add``: the instance must not exist."""
        before = self.alive.get(member.name)
        if before is not None and member.name not in self.others.deleted:
            self.report.add(program_errors.added_again(member.name, member.span, before.span))
        self.alive[member.name] = member
        self.added[member.name] = member
        self.deleted.pop(member.name, None)
        self.gone.pop(member.name, None)
        if member.info is not None:
            self.marked[member.name] = frozenset((frozenset(member.info.model.initial_places),))

    def delete(self, member: Member, span: Span) -> None:
        """``delete``: the instance is not there any more."""
        self.alive.pop(member.name, None)
        self.added.pop(member.name, None)
        self.marked.pop(member.name, None)
        self.deleted[member.name] = span
        if member.name not in self.others.added:
            self.gone[member.name] = span

    def certain(self, connection: Connection) -> Wiring:
        """The connections of a use port that are certainly there."""
        wiring = Wiring()
        for other, span in self.wiring.by_use.get((connection.user, connection.use), {}).items():
            if other not in self.others.disconnected:
                wiring.add(other, span)
        return wiring

    def may_be_connected(self, connection: Connection) -> bool:
        """Whether a connection can be there."""
        doubtful = connection.user in self.wiring.doubtful
        doubtful = doubtful or (connection.user, connection.use) in self.wiring.doubtful_ports
        return doubtful or connection in self.wiring.made or connection in self.others.connected

    def connect(self, connection: Connection, span: Span) -> None:
        """``connect``."""
        self.wiring.add(connection, span)

    def disconnect(self, connection: Connection, span: Span) -> None:
        """``disconnect``: the connection must be there."""
        if not self.may_be_connected(connection):
            before = self.disconnected.get(connection)
            self.report.add(program_errors.not_connected(str(connection), span, before))
        if connection in self.wiring.made:
            self.wiring.remove(connection)
            self.disconnected[connection] = span

    def push(self, member: Member, behavior: s.Name) -> None:
        """``push``: a warning when no transition of the behavior can start."""
        info = member.info
        if info is None or info.idle_markings is None:
            return
        if member.name in self.others.pushed or (member.name in self.others.added and member.name not in self.added):
            self.marked[member.name] = info.idle_markings
        markings = self.marked.get(member.name)
        if markings is None:
            # What has been deployed is live: any behaviors may have run before the program.
            markings = info.idle_markings
        after: set[Marking] = set()
        started = False
        for marking in markings:
            result = run(info.model, behavior.text, marking)
            if result is None:
                self.marked[member.name] = info.idle_markings
                return
            started = started or result.started
            if result.end is not None:
                after.add(result.end)
        if not started and markings and any(behavior.text in t.behaviors for t in info.model.transitions):
            declared = info.behaviors.get(behavior.text, info.declaration.name.span)
            self.report.add(program_errors.push_cannot_start(member.name, behavior.text, behavior.span, declared))
        self.marked[member.name] = frozenset(after) if after else info.idle_markings

    def finish(self) -> None:
        """Report what is wrong when the program has ended."""
        for c, made in self.wiring.made.items():
            for name in dict.fromkeys((c.user, c.provider)):
                if name in self.deleted and c not in self.others.disconnected:
                    written = f"disconnect {c.user}.{c.use} from {c.provider}.{c.provide}"
                    span = self.deleted[name]
                    self.report.each(program_errors.deleted_connected(name, str(c), span, made, written))
        later = {(c.user, c.use) for c in self.others.connected}
        for name, member in self.added.items():
            if member.info is None or name in self.wiring.doubtful:
                continue
            for use in member.info.model.uses:
                port = (name, use.name)
                if use.optional or port in later or port in self.wiring.doubtful_ports or self.wiring.by_use.get(port):
                    continue
                declared = member.info.uses[use.name]
                self.report.each(program_errors.added_unconnected(name, use.name, member.span, declared))
