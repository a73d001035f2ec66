"""Verify blocks: goals and questions, every name looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, product

from madeus.diagnostics import Span
from madeus.dsl import assembly_errors, names_errors, program_errors
from madeus.dsl import syntax as s
from madeus.dsl.assembly import AssemblyInfo
from madeus.dsl.bound import Bound, duration_bound, number_bound
from madeus.dsl.formula import lower_formula
from madeus.dsl.population import Member, Population
from madeus.dsl.program import ProgramInfo
from madeus.dsl.references import available_port, transition_of
from madeus.dsl.report import Report
from madeus.dsl.scope import World
from madeus.dsl.values import Environment, whole_number
from madeus.model import (
    Available,
    Bounds,
    Confluent,
    Deployable,
    Forbidden,
    Goal,
    Parallelism,
    Parametric,
    Property,
    Question,
    Reach,
    Sequence,
    Terminates,
    Verify,
)

_MOST_QUESTIONS = 10_000
"""Questions that one statement may stand for, replicas written out."""


@dataclass(slots=True)
class VerifyInfo:
    """A verify block and where each of its properties is written."""

    model: Verify
    span: Span
    spans: list[Span] = field(default_factory=list)


def lower_verify(
    declaration: s.Verify,
    world: World,
    visible: int,
    assemblies: Mapping[str, AssemblyInfo],
    programs: Mapping[str, ProgramInfo],
) -> VerifyInfo | None:
    """A verify block with everything that is wrong with it reported; `None` when its assembly is not known."""
    stages = _stages(declaration, world, visible, programs)
    name = declaration.assembly
    if world.assemblies.get(name.text, visible) is None or name.text not in assemblies:
        if not world.may_declare(name.text, visible, world.assemblies.nameless):
            world.report.add(names_errors.unknown_assembly(name.text, name.span, world.assemblies.known(visible)))
        return None
    assembly = assemblies[name.text]
    population = _population(declaration, assembly, programs)
    return _Lowering(declaration, assembly, stages, population, world.report).lower()


def _population(declaration: s.Verify, assembly: AssemblyInfo, programs: Mapping[str, ProgramInfo]) -> Population:
    """The instances that a block may name: the assembly's, and what the programs of the block add."""
    names = [name.text for phase in declaration.after for name in phase]
    if not names:
        return assembly.population
    everyone = assembly.everyone
    if not all(name in programs for name in names):
        return everyone
    added = {member for name in names for member in programs[name].added}
    where = f"{assembly.population.where} after {', '.join(names)}"
    population = Population(where, doubtful=set(everyone.doubtful), broken=list(everyone.broken))
    for word, family in everyone.families.items():
        for member in family:
            if member in assembly.population.members or member in added:
                population.put(word, everyone.members[member])
    return population


def _stages(
    declaration: s.Verify, world: World, visible: int, programs: Mapping[str, ProgramInfo]
) -> tuple[tuple[str, ...], ...]:
    seen: dict[str, Span] = {}
    stages: list[tuple[str, ...]] = []
    assembly = declaration.assembly.text
    for phase in declaration.after:
        known: list[str] = []
        for name in phase:
            if name.text in seen:
                world.report.add(names_errors.named_twice("the program", name.text, name.span, seen[name.text]))
                continue
            seen[name.text] = name.span
            program = programs.get(name.text)
            if world.programs.get(name.text, visible) is None or program is None:
                if not world.may_declare(name.text, visible, world.programs.nameless):
                    known_names = world.programs.known(visible)
                    world.report.add(names_errors.unknown_program(name.text, name.span, known_names))
                continue
            declared = program.declaration.assembly
            if declared.text != assembly and program.assembly is not None and assembly:
                world.report.add(
                    program_errors.foreign_program(name.text, declared.text, assembly, name.span, declared.span)
                )
            known.append(name.text)
        stages.append(tuple(known))
    return tuple(stages)


class _Lowering:
    """The work on one verify block."""

    def __init__(
        self,
        declaration: s.Verify,
        assembly: AssemblyInfo,
        stages: tuple[tuple[str, ...], ...],
        population: Population,
        report: Report,
    ) -> None:
        self.declaration = declaration
        self.assembly = assembly
        self.stages = stages
        self.report = report
        self.population = population
        outer = assembly.environment
        self.environment = Environment(report, outer.values, outer.secrets, outer.open, outer.used, outer.secrets_used)
        self.goals: dict[str, Goal | None] = {}
        """`None` for one whose formula could not be made out."""
        self.broken = [p for p in _all(declaration.properties) if isinstance(p, s.Broken)]
        self.properties: list[Property] = []
        self.spans: list[Span] = []

    def lower(self) -> VerifyInfo:
        self._goals()
        self._properties(self.declaration.properties, 0, None)
        goals = tuple(goal for goal in self.goals.values() if goal is not None)
        doc = self.declaration.doc or ""
        model = Verify(self.assembly.name, self.stages, goals, tuple(self.properties), doc)
        return VerifyInfo(model, self.declaration.assembly.span, self.spans)

    def _goals(self) -> None:
        declared: dict[str, Span] = {}
        for written in _all(self.declaration.properties):
            if not isinstance(written, s.Goal):
                continue
            name, span = written.name.text, written.name.span
            formula = lower_formula(written.formula, self.population, self.environment)
            if name in declared:
                self.report.add(names_errors.duplicate_goal(name, span, declared[name]))
                continue
            declared[name] = span
            self.goals[name] = Goal(name, formula) if formula is not None else None

    def _goal(self, name: s.Name) -> Goal | None:
        if name.text in self.goals:
            return self.goals[name.text]
        if name.text and not any(part.declares(name.text) for part in self.broken):
            self.report.add(names_errors.unknown_goal(name.text, name.span, self.goals))
        return None

    def _properties(self, properties: Iterable[s.Property], failures: int, outer: Span | None) -> None:
        for written in properties:
            match written:
                case s.WithFailures():
                    self._failures(written, failures, outer)
                case s.Goal() | s.Broken():
                    pass
                case _:
                    for question in self._questions(written):
                        self.properties.append(Property(question, failures))
                        self.spans.append(written.span)

    def _failures(self, written: s.WithFailures, failures: int, outer: Span | None) -> None:
        count = failures if written.broken else whole_number(written.count, self.environment, "`with failures`")
        span = written.count.span
        if outer is not None:
            self.report.add(program_errors.nested_failures(span, outer))
        elif count is not None and count < 0:
            self.report.add(program_errors.negative_number("the number of failures", span))
        self._properties(written.properties, max(count or 0, 0), span)

    def _questions(self, written: s.Property) -> list[Question]:
        """The questions a statement stands for: several when it names replicas and each is asked about."""
        match written:
            case s.Deployable():
                return self._about(written.goal, lambda goal: Deployable(goal, Reach(written.mode)))
            case s.Reachable():
                return self._about(written.goal, lambda goal: Deployable(goal, Reach.POSSIBLE))
            case s.Boundaries():
                return self._about(written.goal, Bounds)
            case s.DurationBound():
                bound = duration_bound(written.bound, self.environment, "a duration")
                return self._about(written.goal, lambda goal: _bounds(goal, bound))
            case s.Parametric():
                return self._parametric(written)
            case s.Sequence():
                return self._sequence(written)
            case s.Parallelism():
                return self._parallelism(written)
            case s.Forbidden():
                formula = lower_formula(written.formula, self.population, self.environment)
                return [Forbidden(formula)] if formula is not None else []
            case s.Available():
                return self._available(written)
            case s.Terminates():
                return [Terminates()]
            case s.Confluent():
                return [Confluent()]
            case _:
                return []

    def _about(self, name: s.Name, make: Callable[[Goal], Question | None]) -> list[Question]:
        goal = self._goal(name)
        question = make(goal) if goal is not None else None
        return [question] if question is not None else []

    def _parametric(self, written: s.Parametric) -> list[Question]:
        bound = duration_bound(written.bound, self.environment, "a duration")
        goal = self._goal(written.goal)
        members = self.population.find(written.transition.instance, self.environment)
        if members is None:
            return []
        if len(members) > 1:
            word, span = written.transition.instance.name.text, written.transition.instance.span
            self.report.add(program_errors.one_instance(word, len(members), "`parametric`", span))
            return []
        if not transition_of(members, written.transition.element, self.report) or goal is None or bound is None:
            return []
        transition = written.transition.element.text
        return [Parametric(members[0].name, transition, goal, bound.comparison, bound.value)]

    def _sequence(self, written: s.Sequence) -> list[Question]:
        if len(written.steps) < 2:
            self.report.add(program_errors.short_sequence(written.span))
        steps: list[list[tuple[str, str]]] = []
        whole = True
        for step in written.steps:
            members = self.population.find(step.instance, self.environment)
            if members is None or not transition_of(members, step.element, self.report):
                whole = False
                continue
            steps.append([(member.name, step.element.text) for member in members])
        if not whole or len(steps) < 2:
            return []
        if all(len(step) == 1 for step in steps):
            return [Sequence(tuple(step[0] for step in steps))]
        number = sum(len(one) * len(other) for one, other in pairwise(steps))
        if number > _MOST_QUESTIONS:
            self.report.add(assembly_errors.too_many("questions", _MOST_QUESTIONS, written.span))
            return []
        return [Sequence(pair) for one, other in pairwise(steps) for pair in product(one, other)]

    def _parallelism(self, written: s.Parallelism) -> list[Question]:
        bound = None
        if written.bound is not None:
            bound = number_bound(written.bound, self.environment, "the number of transitions")
        members: dict[str, Member] = {}
        for reference in written.of:
            found = self.population.find(reference, self.environment)
            if found is None:
                return []
            for member in found:
                if member.name in members:
                    first = written.of[0].span
                    self.report.add(names_errors.named_twice("the instance", member.name, reference.span, first))
                members[member.name] = member
        if written.bound is None:
            return [Parallelism(components=tuple(members))]
        return [Parallelism(bound.comparison, int(bound.value), tuple(members))] if bound is not None else []

    def _available(self, written: s.Available) -> list[Question]:
        off: Bound | None = None
        if written.off is not None:
            off = duration_bound(written.off, self.environment, "a time off", ("<=",))
        members = self.population.find(written.port.instance, self.environment)
        if members is None or not available_port(members, written.port.element, self.report):
            return []
        if written.off is not None and off is None:
            return []
        limit = off.value if off is not None else 0.0
        return [Available(member.name, written.port.element.text, limit) for member in members]


def _bounds(goal: Goal, bound: Bound | None) -> Bounds | None:
    return Bounds(goal, bound.comparison, bound.value) if bound is not None else None


def _all(properties: Iterable[s.Property]) -> Iterable[s.Property]:
    """Properties, those inside of `with failures` too."""
    for written in properties:
        yield written
        if isinstance(written, s.WithFailures):
            yield from _all(written.properties)
