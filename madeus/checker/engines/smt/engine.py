"""The SMT engine: proofs without enumeration, counterexamples by bounded search (z3).

Three ways, of which the first that ends says it:

- *State equation*: a marking reached by firing each transition t some x(t) times is the initial one plus the effect of x
  (Murata 1989, section IV-B). When no x gives a marking where a formula holds, none is reachable.
- *Bounded search*: runs of growing length from the initial marking (Biere et al. 1999). A run that is found is a shortest one.
- *k-induction* (Sheeran, Singh, Stalmarck 2000): when no k + 1 different markings in a row, all within the bounds and
  equations of the net, lead from k good ones to a bad one, and none is bad on the first k steps, no reachable marking is.

Past LENGTH steps the answer is Unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import z3

from madeus.checker import judge
from madeus.checker.counterexample import confirm, failure
from madeus.checker.engine import Watch
from madeus.checker.engines.compare import between
from madeus.checker.engines.explicit.compiled import Compiled
from madeus.checker.engines.explicit.engine import Explicit
from madeus.checker.engines.explicit.local import local_bounds
from madeus.checker.engines.explicit.target import Condition, Some
from madeus.checker.engines.smt.equations import equations
from madeus.checker.engines.smt.pairs import impossible_pairs
from madeus.checker.engines.smt.unrolled import (
    Known,
    Memory,
    Moment,
    Predicate,
    Unrolled,
    at_least,
    decided,
    enabled,
    halted,
    translated,
)
from madeus.checker.problem import Problem
from madeus.checker.verdict import Evidence, Holds, Unknown, Verdict, Width, with_evidence
from madeus.model import Available, Deployable, Forbidden, Parallelism, Reach
from madeus.model import Sequence as Ordered
from madeus.petri.element import ElementKind
from madeus.petri.net import Net
from madeus.semantics import StepKind, System

LENGTH = 40
"""Steps of the longest run that is searched."""

DEPTH = 12
"""Markings in a row of the longest induction that is tried."""

QUESTIONS = (Forbidden, Ordered, Available, Parallelism, Deployable)


class Smt:
    """Safety questions, and whether some run ends well."""

    name = "smt"

    def __init__(self) -> None:
        self._explicit = Explicit()
        self._known: WeakKeyDictionary[System, Known] = WeakKeyDictionary()

    def refuses(self, problem: Problem) -> str | None:
        """Questions of time, and those about all endings, systems without a net."""
        question = problem.question
        if not isinstance(question, QUESTIONS):
            return "it answers questions of safety, and whether some run ends well"
        if isinstance(question, Deployable) and question.reach is not Reach.POSSIBLE:
            return "it does not answer what becomes of all runs"
        return self._explicit.refuses(problem)

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """A proof, a run, or Unknown. Raises Exhausted."""
        compiled = self._explicit.compiled(problem.system)
        asking = _Asking(compiled, watch, self._what_is_known(problem.system, compiled))
        match problem.question:
            case Forbidden() as question:
                condition = compiled.conditions.compile(question.formula)
                found = asking.reach(asking.of(condition), condition)
                verdict = _never(problem.system, compiled, found, f"{question.formula} holds")
            case Ordered() as question:
                verdict = _sequence(problem.system, compiled, question, asking)
            case Available() as question:
                verdict = _available(problem.system, compiled, question, asking)
            case Parallelism() as question:
                verdict = _parallelism(problem.system, compiled, question, asking)
            case question:
                assert isinstance(question, Deployable)
                verdict = _possible(problem.system, compiled, question, asking)
        notes = tuple(dict.fromkeys(asking.notes)) if isinstance(verdict, Holds) else ()
        return with_evidence(verdict, Evidence(self.name, watch.states, watch.seconds, notes=notes))

    def _what_is_known(self, system: System, compiled: Compiled) -> Known:
        known = self._known.get(system)
        if known is None:
            known = Known(equations(compiled.encoding.net), impossible_pairs(compiled.encoding))
            self._known[system] = known
        return known


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found out about reaching something."""

    path: tuple[int, ...] | None = None
    """Steps of a shortest run to it."""
    never: bool = False
    """Whether it is proved that there is none; without a path and a proof nobody knows."""


@dataclass(slots=True)
class _Asking:
    """Questions whether something can be reached."""

    compiled: Compiled
    watch: Watch
    known: Known
    notes: list[str] = field(default_factory=list)

    def of(self, condition: Condition) -> Predicate:
        """A condition as a predicate."""
        return lambda moment: translated(self.compiled.encoding, condition, moment)

    def reach(
        self, wanted: Predicate, condition: Condition | None = None, memory: Sequence[Memory] = (), prove: bool = True
    ) -> _Found:
        """A shortest run to a marking where something is true, or a proof that there is none. Raises Exhausted.

        condition: the same without memory, for the state equation.
        """
        encoding, watch = self.compiled.encoding, self.watch
        if condition is not None and _excluded(encoding.net, condition, watch):
            self.notes.append("proved by the state equation")
            return _Found(never=True)
        search = Unrolled(encoding, memory)
        step = Unrolled(encoding, memory, self.known)
        for length in range(LENGTH + 1):
            watch.tick()
            last = search.moments[-1]
            if search.satisfied(watch, wanted(last), z3.Not(halted(encoding, last))):
                return _Found(search.path())
            search.extend()
            if not search.satisfied(watch):
                self.notes.append(f"no run has more than {length} steps")
                return _Found(never=True)
            if prove and length < DEPTH:
                here = step.moments[-1]
                bad = z3.And(wanted(here), z3.Not(halted(encoding, here)))
                if not step.satisfied(watch, bad):
                    self.notes.append(f"proved by induction over {length + 1} markings in a row")
                    return _Found(never=True)
                step.solver.add(z3.Not(bad))
                step.extend()
                step.differ()
        return _Found()


def _unknown(what: str) -> Unknown:
    return Unknown(f"it is not proved that {what}, and no run of up to {LENGTH} steps shows it")


def _never(system: System, compiled: Compiled, found: _Found, reason: str) -> Verdict:
    if found.path is not None:
        return failure(system, reason, compiled.search.steps(found.path))
    return Holds() if found.never else _unknown(f"never {reason}")


def _sequence(system: System, compiled: Compiled, question: Ordered, asking: _Asking) -> Verdict:
    """Memory: which transitions have ended."""
    names, labels = question.transitions, compiled.search.labels

    def ending(name: tuple[str, str]) -> frozenset[int]:
        ends = (
            t
            for t, label in enumerate(labels)
            if label is not None and label.kind is StepKind.END and (label.component, label.element) == name
        )
        return frozenset(ends)

    memory = [Memory(ending(name)) for name in names[:-1]]
    running = [compiled.conditions.some(compiled.translation.numbers(ElementKind.RUNNING, *name)) for name in names]
    fires = [asking.of(condition) for condition in running]

    def early(moment: Moment) -> Any:
        return z3.Or([z3.And(fires[at](moment), z3.Not(moment.memory[at - 1])) for at in range(1, len(names))])

    found = asking.reach(early, None, memory)
    if found.path is not None:
        return failure(system, _first_early(compiled, question, found.path), compiled.search.steps(found.path))
    if not found.never:
        return _unknown(f"the order is kept in {question}")
    fired = set()
    for at in range(1, len(names)):
        once = asking.reach(fires[at], running[at])
        if once.path is None and not once.never:
            return _unknown(f"{'.'.join(names[at])} never fires")
        if once.path is not None:
            fired.add(at)
    return Holds(vacuous=judge.vacuous(question, fired))


def _first_early(compiled: Compiled, question: Ordered, path: tuple[int, ...]) -> str:
    ended: set[tuple[str, str]] = set()
    names = question.transitions
    for t in path:
        label = compiled.search.labels[t]
        if label is not None and label.kind is StepKind.END:
            ended.add((label.component, label.element))
    last = compiled.search.labels[path[-1]]
    fired = (last.component, last.element) if last is not None else None
    at = next(at for at in range(1, len(names)) if names[at] == fired and names[at - 1] not in ended)
    return judge.out_of_order(question, at)


def _available(system: System, compiled: Compiled, question: Available, asking: _Asking) -> Verdict:
    """Memory: whether it has been on."""
    groups: Condition = ("and", tuple(compiled.conditions.groups(question.component, question.port)))
    on = asking.of(groups)
    encoding = compiled.encoding

    def seen(moment: Moment) -> Any:
        return z3.And(on(moment), z3.Not(halted(encoding, moment)))

    up = asking.reach(on, groups)
    if up.never:
        return Holds(vacuous=(judge.never_on(question),))
    found = asking.reach(lambda m: z3.And(m.memory[0], z3.Not(on(m))), None, [Memory(seen=seen)])
    if found.never and up.path is None:
        return _unknown(judge.never_on(question))
    return _never(system, compiled, found, judge.goes_off(question))


def _parallelism(system: System, compiled: Compiled, question: Parallelism, asking: _Asking) -> Verdict:
    places = {
        n: e
        for n, e in enumerate(compiled.translation.elements)
        if e.kind is ElementKind.RUNNING and (not question.components or e.component in question.components)
    }
    encoding = compiled.encoding
    ceiling = sum(
        b for name, b in local_bounds(system).items() if not question.components or name in question.components
    )
    best: tuple[int, ...] = ()
    count, most = 0, min(ceiling, len(places))

    def more(moment: Moment) -> Any:
        return z3.PbGe([(at_least(encoding, moment, place, 1), 1) for place in places], count + 1)

    while count < most:
        found = asking.reach(more)
        if found.path is None:
            if found.never:
                most = count
            break
        best = found.path
        marking = encoding.initial + sum(encoding.delta[t] for t in best)
        count = sum(1 for place in places if encoding.tokens(marking, place))
    last = encoding.initial + sum(encoding.delta[t] for t in best)
    names = tuple(sorted(f"{e.component}.{e.name}" for n, e in places.items() if encoding.tokens(last, n)))
    width = Width(count, most, names, confirm(system, compiled.search.steps(best))[0])
    return judge.compare_width(question, width) if count == most else between(question, width)


def _possible(system: System, compiled: Compiled, question: Deployable, asking: _Asking) -> Verdict:
    """A run that ends where the goal holds; without one nobody knows: an endless one may hold it too."""
    goal = asking.of(compiled.conditions.compile(question.goal.formula))
    encoding = compiled.encoding
    every = range(len(encoding.net.transitions))

    def ended(moment: Moment) -> Any:
        return z3.And(goal(moment), *[z3.Not(enabled(encoding, moment, t)) for t in every])

    found = asking.reach(ended, prove=False)
    if found.path is None:
        return _unknown(f"no run ends where {question.goal.name} holds")
    return Holds(witness=confirm(system, compiled.search.steps(found.path))[0])


def _excluded(net: Net, condition: Condition, watch: Watch) -> bool:
    """Whether the state equation has no solution where a condition holds."""
    solver = z3.Solver()
    times = [z3.Int(f"x{t}") for t in range(len(net.transitions))]
    solver.add([x >= 0 for x in times])
    change: list[list[Any]] = [[] for _ in net.places]
    for t, fired in enumerate(times):
        for arcs, sign in ((net.pre[t], -1), (net.post[t], 1)):
            for place, weight in arcs:
                change[place].append(sign * weight * fired)
    marking = [z3.Sum([z3.IntVal(tokens), *parts]) for tokens, parts in zip(net.initial, change, strict=True)]
    solver.add([tokens >= 0 for tokens in marking])
    solver.add([marking[place] <= 1 for place in net.single])
    solver.add(_of_numbers(condition, marking))
    return not decided(solver, watch)


def _of_numbers(condition: Condition, marking: list[Any]) -> Any:
    if isinstance(condition, Some):
        return z3.Or([marking[place] >= 1 for place in condition.places])
    word, parts = condition
    inner = [_of_numbers(part, marking) for part in parts]
    if word == "not":
        return z3.Not(inner[0])
    return z3.And(inner) if word == "and" else z3.Or(inner)
