"""A system: the static side of the step relation. An assembly, the programs that run on it, and tables computed once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from madeus.model import Add, Assembly, ComponentType, Instance, PortKind, Program, Push, UsePort
from madeus.semantics.configuration import Configuration, Fate, start


class GroupTable(NamedTuple):
    """Where a token counts as being in a group: on these places, or on the docks and the body of these transitions."""

    places: frozenset[str]
    transitions: frozenset[str]


class TypeTable:
    """Tables of one component type that the step relation looks things up in."""

    def __init__(self, kind: ComponentType) -> None:
        self.kind = kind
        self._groups: dict[str, GroupTable] = {}
        self._staying: dict[tuple[str, str], GroupTable] = {}
        self._staying_groups: dict[tuple[str, str], tuple[GroupTable, ...]] = {}
        self.holder_uses: tuple[UsePort, ...] = tuple(u for u in kind.uses if u.holders)
        self.bound_groups: Mapping[str, tuple[GroupTable, ...]] = {
            p.name: tuple(self.group(name) for name in p.bound) for p in kind.provides
        }
        self.services: tuple[str, ...] = tuple(p.name for p in kind.provides if p.kind is PortKind.SERVICE)

    def group(self, name: str) -> GroupTable:
        """The table of a group, or of a place seen as the group of that place alone."""
        table = self._groups.get(name)
        if table is None:
            places = self.kind.group_places[name]
            # A port bound to a place wants the token on that very place; docks and transitions count for groups only.
            inner = (
                t.name
                for t in self.kind.transitions
                if name not in self.kind.place and t.source in places and t.destination in places
            )
            table = self._groups[name] = GroupTable(places, frozenset(inner))
        return table

    def staying_groups(self, behavior: str, provide: str) -> tuple[GroupTable, ...]:
        """For each group that a provide port is bound to, the part of it that the behavior does not make tokens leave."""
        groups = self._staying_groups.get((behavior, provide))
        if groups is None:
            groups = tuple(self.staying(behavior, name) for name in self.kind.provide[provide].bound)
            self._staying_groups[(behavior, provide)] = groups
        return groups

    def staying(self, behavior: str, group: str) -> GroupTable:
        """The part of a group from which a token never has to leave it while the behavior runs.

        Greatest fixed point: a place stays when nothing of the behavior leaves it, or when one of the transitions that
        do leads to a place that stays (a leave is a fork, so that branch keeps a token in the group).
        """
        table = self._staying.get((behavior, group))
        if table is None:
            whole = self.group(group)
            places = set(whole.places)
            shrinking = True
            while shrinking:
                gone = {p for p in places if not self._keeps(behavior, p, places, whole.transitions)}
                places -= gone
                shrinking = bool(gone)
            inner = (t for t in whole.transitions if self.kind.transition[t].destination in places)
            table = self._staying[(behavior, group)] = GroupTable(frozenset(places), frozenset(inner))
        return table

    def _keeps(self, behavior: str, place: str, staying: set[str], inner: frozenset[str]) -> bool:
        leaving = self.kind.outgoing.get((behavior, place))
        return leaving is None or any(t in inner and self.kind.transition[t].destination in staying for t in leaving)


class System:
    """What stays the same while an assembly runs.

    assembly: instances and connections at the start. stages: programs that run on it; those of one stage side by side, a
    stage begins when the one before it is done and every component is idle. Without stages the components deploy.
    failures: how many actions may fail in the runs that are looked at; None: any number, not counted.
    begin: where a live assembly stands, instead of its initial places; nothing deploys by itself then. Its components and
    connections have to be those of the assembly. Raises ValueError when they are not.
    """

    def __init__(
        self,
        assembly: Assembly,
        stages: Sequence[Sequence[Program]] = (),
        failures: int | None = 0,
        begin: Configuration | None = None,
    ) -> None:
        self.assembly = assembly
        self.stages: tuple[tuple[Program, ...], ...] = tuple(tuple(stage) for stage in stages)
        self.failures = failures
        self.begin = begin
        if begin is not None:
            _check_begin(assembly, begin)
        self.programs: tuple[Program, ...] = tuple(p for stage in self.stages for p in stage)
        self.stage_of: tuple[int, ...] = tuple(i for i, stage in enumerate(self.stages) for _ in stage)
        self.tables: Mapping[str, TypeTable] = {name: TypeTable(kind) for name, kind in assembly.types.items()}

    def initial(self) -> Configuration:
        """The configuration before the first step."""
        if self.begin is not None:
            begin = self.begin._replace(positions=(0,) * len(self.programs), failures=0, clash=None)
            return begin._replace(fate=Fate.OPEN)
        return start(self.assembly, deploying=self.deploys, programs=len(self.programs))

    @property
    def deploys(self) -> bool:
        """Whether the components deploy by themselves: there is no program, and nothing has run before."""
        return not self.stages and self.begin is None

    @cached_property
    def program_index(self) -> Mapping[str, int]:
        """Index of each program by name; a program occurs once in a system."""
        return {program.name: index for index, program in enumerate(self.programs)}

    @cached_property
    def instance_order(self) -> tuple[str, ...]:
        """Names of all instances that may exist at some time, in order of declaration."""
        return tuple(self.instances)

    @cached_property
    def labels(self) -> Mapping[tuple[int, str], tuple[str, str]]:
        """(program index, label of a push) -> (component, origin of that push)."""
        return {
            (index, i.label): (i.component, origin(program.name, position))
            for index, program in enumerate(self.programs)
            for position, i in enumerate(program.instructions)
            if isinstance(i, Push) and i.label
        }

    @cached_property
    def recoveries(self) -> Mapping[str, tuple[str, str]]:
        """Origin of each push that declares a recovery -> (component, behavior) that is pushed when it fails."""
        return {
            origin(program.name, position): (i.recovery.rpartition(".")[0], i.recovery.rpartition(".")[2])
            for program in self.programs
            for position, i in enumerate(program.instructions)
            if isinstance(i, Push) and i.recovery
        }

    @cached_property
    def rollback(self) -> str:
        """The program for which a run is taken back when one of its actions fails; empty: it is not.

        The first one that says ``on_failure rollback``, if all that the programs move lives in layers (``outside``).
        """
        named = next((program.name for program in self.programs if program.rollback), "")
        return "" if self.outside else named

    @cached_property
    def outside(self) -> tuple[str, ...]:
        """Instances that the programs push to and that do not live in layers: no rollback returns them."""
        added = (i.instance for p in self.programs for i in p.instructions if isinstance(i, Add))
        pushed = {i.component for p in self.programs for i in p.instructions if isinstance(i, Push)}
        pushed.update(component for component, _ in self.recoveries.values())
        moved = (i for i in (*self.assembly.instances, *added) if i.name in pushed)
        return tuple(dict.fromkeys(instance.name for instance in moved if not instance.layered))

    @cached_property
    def instances(self) -> Mapping[str, Instance]:
        """Every instance that may exist at some time, by name; the last one added under a name wins."""
        added: Iterable[Instance] = (i.instance for p in self.programs for i in p.instructions if isinstance(i, Add))
        return {**self.assembly.instance, **{i.name: i for i in added}}


def _check_begin(assembly: Assembly, begin: Configuration) -> None:
    types = {name: state.type for name, state in begin.components.items()}
    if types != {instance.name: instance.type for instance in assembly.instances}:
        raise ValueError("the components of the start are not the instances of the assembly")
    if begin.connections() != tuple(sorted(assembly.connections)):
        raise ValueError("the connections of the start are not those of the assembly")


def origin(program: str, position: int) -> str:
    """Identity of the push that an instruction makes."""
    return f"{program}#{position}"


def recovery_origin(push: str) -> str:
    """Identity of the push that recovers from the failure of another one."""
    return f"{push}!"
