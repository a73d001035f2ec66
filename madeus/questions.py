"""One question at a time, from Python: ``design.ask("lamp").deployable("db.checked and web.checked")``.

Each method is a question of the language and returns its verdict: ``Holds``, ``Fails`` or ``Unknown``, with the number that was
asked for in ``measure`` and a shortest run that shows a failure in ``trace``, replayed on the semantics.

>>> import madeus
>>> lamp = madeus.load("examples/lamp/lamp.madeus").ask()
>>> lamp.with_intervals({"db.pull": (5, 10), "web.pull": 5}).boundaries("db.checked and web.checked").measure.maximum
32.0
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf, isnan
from typing import TYPE_CHECKING

from madeus.errors import SelectionError, look_up
from madeus.model import (
    Active,
    Add,
    And,
    Available,
    Bounds,
    Comparison,
    ComponentType,
    Confluent,
    Deployable,
    Forbidden,
    Formula,
    Goal,
    Instance,
    Interval,
    Marked,
    Not,
    Or,
    Parallelism,
    Parametric,
    Question,
    Reach,
    Sequence,
    Terminates,
)
from madeus.semantics import System

if TYPE_CHECKING:
    from madeus.checker import Verdict
    from madeus.dsl import syntax
    from madeus.dsl.syntax import Reference

Lengths = float | tuple[float, float]
"""Seconds that an action takes: exactly, or at least and at most."""


class Questions:
    """The questions that can be put to an assembly, alone or while programs run on it.

    Goals are formulas as in a ``verify`` block (``"db.checked and not web.waiting"``; a name without an index stands for all
    its replicas), values of ``madeus.model``, or names given with ``naming``. Nothing here changes: the methods ``with_...``
    and ``naming`` give another object. A name that is not there raises SelectionError.
    """

    def __init__(
        self,
        system: System,
        engine: str = "auto",
        budget: float | None = None,
        goals: Mapping[str, Goal] | None = None,
    ) -> None:
        self.system = system
        self._engine = engine
        self._budget = budget
        self._goals = dict(goals or {})

    def with_failures(self, failures: int) -> Questions:
        """The same when up to that many actions may fail."""
        if failures < 0:
            raise SelectionError(f"{failures} is no number of failures")
        return self._on(System(self.system.assembly, self.system.stages, failures, self.system.begin))

    def with_interval(self, transition: str, minimum: float, maximum: float = inf) -> Questions:
        """The same when a transition (``db.start``; without an index all replicas') takes so many seconds."""
        return self.with_intervals({transition: (minimum, maximum)})

    def with_intervals(self, intervals: Mapping[str, Lengths]) -> Questions:
        """The same when transitions take as long as a table says: seconds, or a pair of least and most."""
        own: dict[str, dict[str, Interval]] = {}
        for name, lengths in intervals.items():
            interval = _interval(name, lengths)
            for component, transition in self._transitions(name):
                own.setdefault(component, {})[transition] = interval
        return self._on(_with_intervals(self.system, own))

    def naming(self, name: str, formula: str | Formula) -> Questions:
        """The same with a named deployment that goals may speak of."""
        return Questions(self.system, self._engine, self._budget, {**self._goals, name: self._named(name, formula)})

    def deployable(self, goal: str | Formula, reach: str = "always") -> Verdict:
        """Whether every run comes to the goal and stays there. reach: or only ``possible``, or always ``recoverable``."""
        if reach not in tuple(Reach):
            raise SelectionError(f"a goal is reached {', '.join(Reach)}, not {reach}")
        return self.answer(Deployable(self._goal(goal), Reach(reach)))

    def sequence(self, *transitions: str) -> Verdict:
        """Whether each of some transitions fires only after the one before it has ended."""
        if len(transitions) < 2:
            raise SelectionError("a sequence has two transitions or more")
        return self.answer(Sequence(tuple(self._transition(name) for name in transitions)))

    def parallelism(self, *components: str) -> Verdict:
        """How many transitions run at once at most, of some components or of all: ``measure`` is a Width."""
        return self.answer(Parallelism(components=tuple(c for name in components for c in self._components(name))))

    def boundaries(self, goal: str | Formula, intervals: Mapping[str, Lengths] | None = None) -> Verdict:
        """Least and most time to a goal: ``measure`` is a Boundaries, with a run for either and its critical path."""
        asked = self.with_intervals(intervals) if intervals else self
        return asked.answer(Bounds(self._goal(goal)))

    def duration(self, goal: str | Formula, comparison: str, seconds: float) -> Verdict:
        """Whether the time to a goal keeps a bound, such as ``duration("up", "<=", 180)``."""
        return self.answer(Bounds(self._goal(goal), _comparison(comparison), seconds))

    def parametric(self, transition: str, goal: str | Formula, comparison: str, seconds: float) -> Verdict:
        """For which durations of one transition the time to a goal keeps a bound: ``measure`` is a Durations."""
        component, name = self._transition(transition)
        return self.answer(Parametric(component, name, self._goal(goal), _comparison(comparison), seconds))

    def forbidden(self, formula: str | Formula) -> Verdict:
        """Whether a formula holds in no configuration that can be reached."""
        return self.answer(Forbidden(self._goal(formula).formula))

    def available(self, port: str, off: float = 0.0) -> Verdict:
        """Whether a service that has been on is never off, or off for at most so many seconds."""
        component, _, name = port.rpartition(".")
        members = self._components(component)
        if len(members) > 1:
            raise SelectionError(f"{component} has replicas; ask about one of them, such as {members[0]}.{name}")
        look_up(self._kind(members[0]).provide, name, f"provide port of {members[0]}")
        return self.answer(Available(members[0], name, off))

    def terminates(self) -> Verdict:
        """Whether every run ends."""
        return self.answer(Terminates())

    def confluent(self) -> Verdict:
        """Whether all runs end in the same configuration."""
        return self.answer(Confluent())

    def health(self) -> Verdict:
        """Deadlocks, and what can never happen: ``measure`` is a Findings."""
        return self._ask(None)

    def answer(self, question: Question) -> Verdict:
        """The verdict of any question of the model."""
        return self._ask(question)

    def _ask(self, question: Question | None) -> Verdict:
        from madeus.checker import Budget, Health, MissingLibrary, Problem, UnknownEngine, UnknownName, check

        try:
            return check(Problem(self.system, question or Health()), self._engine, Budget(self._budget))
        except (UnknownName, UnknownEngine, MissingLibrary) as error:
            raise SelectionError(str(error)) from error

    def _on(self, system: System) -> Questions:
        return Questions(system, self._engine, self._budget, self._goals)

    def _goal(self, goal: str | Formula) -> Goal:
        if isinstance(goal, str) and goal in self._goals:
            return self._goals[goal]
        return self._named("goal", goal)

    def _named(self, name: str, formula: str | Formula) -> Goal:
        return Goal(name, self._formula(formula) if isinstance(formula, str) else formula)

    def _formula(self, text: str) -> Formula:
        from madeus.dsl import syntax
        from madeus.dsl.parser import parse

        parsed = parse(f"verify asked {{\n  goal asked = {text}\n}}\n", "<formula>")
        # Text that closes the block and goes on would be something else than a formula.
        match parsed.module.declarations:
            case (syntax.Verify(properties=(syntax.Goal() as written,)),) if parsed.ok:
                return self._lower(written.formula)
        reason = parsed.diagnostics[0].message if parsed.diagnostics else "it is more than one formula"
        raise SelectionError(f"`{text}` is no formula: {reason}")

    def _lower(self, written: syntax.Formula) -> Formula:
        from madeus.dsl import syntax

        match written:
            case syntax.Atom():
                atoms = [self._atom(member, written.reference) for member in self._members(written.reference)]
                return atoms[0] if len(atoms) == 1 else And(tuple(atoms))
            case syntax.Not():
                return Not(self._lower(written.operand))
            case syntax.And():
                return And(tuple(self._lower(part) for part in written.parts))
            case syntax.Or():
                return Or(tuple(self._lower(part) for part in written.parts))

    def _members(self, reference: Reference) -> list[str]:
        from madeus.dsl import syntax

        name, index = reference.instance.name.text, reference.instance.index
        match index:
            case None:
                return self._components(name)
            case syntax.Number(int() as number):
                return self._components(f"{name}[{number}]")
            case syntax.Range(syntax.Number(int() as low), syntax.Number(int() as high)) if low <= high:
                return [c for number in range(low, high + 1) for c in self._components(f"{name}[{number}]")]
            case _:
                raise SelectionError(f"an index of {name} is a number or a range of numbers")

    def _atom(self, component: str, reference: Reference) -> Formula:
        kind, name = self._kind(component), reference.element.text
        if name in kind.place:
            return Marked(component, name)
        look_up({**kind.place, **kind.provide}, name, f"place or provide port of {component}")
        return Active(component, name)

    def _components(self, name: str) -> list[str]:
        """The component of that name, or all replicas of it."""
        instances = self.system.instances
        if name in instances:
            return [name]
        replicas = [other for other in instances if other.startswith(f"{name}[")]
        if not replicas:
            look_up(instances, name, "component")
        return replicas

    def _kind(self, component: str) -> ComponentType:
        return self.system.assembly.types[self.system.instances[component].type]

    def _transitions(self, name: str) -> Iterator[tuple[str, str]]:
        component, _, transition = name.rpartition(".")
        for member in self._components(component):
            look_up(self._kind(member).transition, transition, f"transition of {member}")
            yield member, transition

    def _transition(self, name: str) -> tuple[str, str]:
        found = list(self._transitions(name))
        if len(found) > 1:
            raise SelectionError(f"{name} stands for {len(found)} transitions; name one, such as {'.'.join(found[0])}")
        return found[0]


def _comparison(text: str) -> Comparison:
    if text not in tuple(Comparison):
        raise SelectionError(f"numbers are compared with {', '.join(Comparison)}, not {text}")
    return Comparison(text)


def _interval(name: str, lengths: Lengths) -> Interval:
    """Raises SelectionError when no action can take that long."""
    minimum, maximum = lengths if isinstance(lengths, tuple) else (lengths, lengths)
    if isnan(minimum) or isnan(maximum) or not 0 <= minimum <= maximum or minimum == inf:
        raise SelectionError(f"{name}: no action takes {minimum:g} to {maximum:g} s")
    return Interval(float(minimum), float(maximum))


def _with_intervals(system: System, own: Mapping[str, Mapping[str, Interval]]) -> System:
    """The system in which some instances have types of their own, as tables of measured durations make them."""
    types = dict(system.assembly.types)

    def retyped(instance: Instance) -> Instance:
        intervals = own.get(instance.name)
        if not intervals:
            return instance
        kind = types[instance.type]
        name = f"{kind.name.partition('@')[0]}@{instance.name}"
        changed = tuple(replace(t, interval=intervals[t.name]) if t.name in intervals else t for t in kind.transitions)
        types[name] = replace(kind, name=name, transitions=changed)
        return replace(instance, type=name)

    assembly = system.assembly
    instances = tuple(retyped(instance) for instance in assembly.instances)
    stages = [
        [
            replace(
                program,
                instructions=tuple(
                    replace(i, instance=retyped(i.instance)) if isinstance(i, Add) else i for i in program.instructions
                ),
            )
            for program in stage
        ]
        for stage in system.stages
    ]
    begin = system.begin
    if begin is not None:
        named = {instance.name: instance.type for instance in instances}
        components = {name: state._replace(type=named[name]) for name, state in begin.components.items()}
        begin = begin._replace(components=begin.components.update(components))
    return System(replace(assembly, types=types, instances=instances), stages, system.failures, begin)
