"""The SMT engine: proofs without enumeration, counterexamples by bounded search (z3).

Three ways, of which the first that ends says it:

- *State equation*: a marking reached by firing each transition t some x(t) times is the initial one plus the effect of x
  (Murata 1989, section IV-B). When no x gives a marking where a formula holds, none is reachable.
- *Bounded search*: runs of growing length from the initial marking (Biere et al. 1999). A run that is found is a shortest one.
- *k-induction* (Sheeran, Singh, Stalmarck 2000): when no k + 1 different markings in a row, all within the bounds and
  equations of the net, lead from k good ones to a bad one, and none is bad on the first k steps, no reachable marking is.

Questions about where runs end become questions of safety where no run is endless (``endings``).
Past ``asking.LENGTH`` steps the answer is Unknown.
"""

from __future__ import annotations

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
from madeus.checker.engines.explicit.target import Condition
from madeus.checker.engines.smt.asking import Asking, Found, unknown
from madeus.checker.engines.smt.endings import endings
from madeus.checker.engines.smt.equations import equations
from madeus.checker.engines.smt.linear import of_condition
from madeus.checker.engines.smt.pairs import impossible_pairs
from madeus.checker.engines.smt.unrolled import (
    Known,
    Memory,
    Moment,
    at_least,
    halted,
)
from madeus.checker.problem import Problem
from madeus.checker.verdict import Evidence, Fails, Holds, Verdict, Width, with_evidence
from madeus.model import Available, Deployable, Forbidden, Parallelism, Terminates
from madeus.model import Sequence as Ordered
from madeus.petri.element import ElementKind
from madeus.semantics import StepKind, System

QUESTIONS = (Forbidden, Ordered, Available, Parallelism, Deployable, Terminates)


class Smt:
    """Safety questions, and questions about where runs end."""

    name = "smt"

    def __init__(self) -> None:
        self._explicit = Explicit()
        self._known: WeakKeyDictionary[System, Known] = WeakKeyDictionary()

    def refuses(self, problem: Problem) -> str | None:
        """Questions of time, confluence and health, systems without a net."""
        question = problem.question
        if not isinstance(question, QUESTIONS):
            return "it answers questions of safety, and where runs end"
        if problem.taken_back:
            return "it does not follow runs that are taken back"
        return self._explicit.refuses(problem)

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """A proof, a run, or Unknown. Raises Exhausted."""
        compiled = self._explicit.compiled(problem.system)
        asking = Asking(compiled, watch, self._what_is_known(problem.system, compiled))
        match problem.question:
            case Forbidden() as question:
                condition = compiled.conditions.compile(question.formula)
                found = asking.reach(asking.of(condition), of_condition(condition))
                verdict = _never(problem.system, compiled, found, f"{question.formula} holds")
            case Ordered() as question:
                verdict = _sequence(problem.system, compiled, question, asking)
            case Available() as question:
                verdict = _available(problem.system, compiled, question, asking)
            case Parallelism() as question:
                verdict = _parallelism(problem.system, compiled, question, asking)
            case question:
                assert isinstance(question, Deployable | Terminates)
                verdict = endings(problem.system, compiled, question, asking)
        proved = isinstance(verdict, Holds) or (isinstance(verdict, Fails) and verdict.trace is None)
        notes = tuple(dict.fromkeys(asking.notes)) if proved else ()
        return with_evidence(verdict, Evidence(self.name, watch.states, watch.seconds, notes=notes))

    def _what_is_known(self, system: System, compiled: Compiled) -> Known:
        known = self._known.get(system)
        if known is None:
            known = Known(equations(compiled.encoding.net), impossible_pairs(compiled.encoding))
            self._known[system] = known
        return known


def _never(system: System, compiled: Compiled, found: Found, reason: str) -> Verdict:
    if found.path is not None:
        return failure(system, reason, compiled.search.steps(found.path))
    return Holds() if found.never else unknown(f"never {reason}")


def _sequence(system: System, compiled: Compiled, question: Ordered, asking: Asking) -> Verdict:
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
        return unknown(f"the order is kept in {question}")
    fired = set()
    for at in range(1, len(names)):
        once = asking.reach(fires[at], of_condition(running[at]))
        if once.path is None and not once.never:
            return unknown(f"{'.'.join(names[at])} never fires")
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


def _available(system: System, compiled: Compiled, question: Available, asking: Asking) -> Verdict:
    """Memory: whether it has been on."""
    groups: Condition = ("and", tuple(compiled.conditions.groups(question.component, question.port)))
    on = asking.of(groups)
    encoding = compiled.encoding

    def seen(moment: Moment) -> Any:
        return z3.And(on(moment), z3.Not(halted(encoding, moment)))

    up = asking.reach(on, of_condition(groups))
    if up.never:
        return Holds(vacuous=(judge.never_on(question),))
    found = asking.reach(lambda m: z3.And(m.memory[0], z3.Not(on(m))), None, [Memory(seen=seen)])
    if found.never and up.path is None:
        return unknown(judge.never_on(question))
    return _never(system, compiled, found, judge.goes_off(question))


def _parallelism(system: System, compiled: Compiled, question: Parallelism, asking: Asking) -> Verdict:
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
