"""The explicit engine: the translated net, explored as little as the question allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from weakref import WeakKeyDictionary

from madeus.checker import judge
from madeus.checker.counterexample import confirm, failure
from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.encoding import Encoding, encode
from madeus.checker.engines.explicit.search import Found, Reduced, Search
from madeus.checker.engines.explicit.target import Condition, Conditions, NotRepresented, Target, holds, up_set
from madeus.checker.engines.reference import identity
from madeus.checker.graph import Graph, explore
from madeus.checker.health import Seen, examine, report
from madeus.checker.problem import Health, Problem
from madeus.checker.verdict import Evidence, Fails, Holds, Unknown, Verdict, Width, with_evidence
from madeus.model import (
    Active,
    Available,
    Confluent,
    Deployable,
    Forbidden,
    Formula,
    Parallelism,
    Reach,
    Sequence,
    Terminates,
)
from madeus.petri.element import ElementKind
from madeus.petri.translate import Translation, TranslationError, translate
from madeus.semantics import Step, StepKind, System, is_done

REDUCED = 40_000
"""States of a reduced search for a target after which a search of everything by whole levels is the better bet."""


@dataclass(frozen=True)
class Compiled:
    """What is worked out of a system once."""

    translation: Translation
    search: Search
    conditions: Conditions

    @property
    def encoding(self) -> Encoding:
        """The net on integers."""
        return self.search.encoding


class Explicit:
    """Reachability with stubborn sets, and without where a question needs everything."""

    name = "explicit"

    def __init__(self, reduce: bool = True) -> None:
        self.reduce = reduce
        self._compiled: WeakKeyDictionary[System, Compiled | TranslationError] = WeakKeyDictionary()
        self._reduced: WeakKeyDictionary[System, Reduced] = WeakKeyDictionary()

    def compiled(self, system: System) -> Compiled:
        """The compiled system. Raises TranslationError."""
        made = self._compiled.get(system)
        if made is None:
            try:
                translation = translate(system)
                encoding = encode(translation)
                made = Compiled(translation, Search(encoding), Conditions(translation, encoding))
                made.search.reducible &= self.reduce
            except TranslationError as error:
                made = error
            self._compiled[system] = made
        if isinstance(made, TranslationError):
            raise made
        return made

    def refuses(self, problem: Problem) -> str | None:
        """Questions of time, systems without a net, formulas the net does not speak of."""
        if problem.timed:
            return "it does not reason about time"
        try:
            compiled = self.compiled(problem.system)
            formula = _formula(problem)
            if formula is not None:
                compiled.conditions.compile(formula)
        except TranslationError as error:
            return str(error)
        except NotRepresented:
            return "its net does not keep the data ports that the formula names"
        return None

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """Exact. Raises Exhausted."""
        compiled = self.compiled(problem.system)
        verdict = self._answer(problem, compiled, watch)
        return with_evidence(verdict, Evidence(self.name, watch.states, watch.seconds, notes=verdict.evidence.notes))

    def _answer(self, problem: Problem, compiled: Compiled, watch: Watch) -> Verdict:
        match problem.question:
            case Forbidden() as question:
                condition = compiled.conditions.compile(question.formula)
                found = _find(compiled, _for_condition(compiled, condition), condition, watch)
                return _never(problem.system, compiled, found, f"{question.formula} holds")
            case Sequence() as question:
                return _sequence(problem.system, compiled, question, watch)
            case Available() as question:
                return _available(problem.system, compiled, question, watch)
            case Parallelism() as question:
                return _parallelism(problem.system, compiled, question, watch)
            case _:
                return self._at_the_end(problem, compiled, watch)

    def _at_the_end(self, problem: Problem, compiled: Compiled, watch: Watch) -> Verdict:
        """Questions about where runs end, on the reduced graph when no run is endless."""
        system = problem.system
        reduced = self._reduced.get(system)
        if reduced is None:
            reduced = self._reduced[system] = compiled.search.reduced(watch)
        else:
            watch.tick(0)
        if not reduced.acyclic:
            return _in_full(problem, compiled, watch)
        match problem.question:
            case Deployable() as question:
                return _deployable(system, compiled, reduced, question)
            case Terminates():
                return Holds()
            case Confluent():
                return _confluent(system, compiled, reduced)
            case _:
                return _health(system, compiled, reduced)


def _formula(problem: Problem) -> Formula | None:
    match problem.question:
        case Deployable(goal):
            return goal.formula
        case Forbidden(formula):
            return formula
        case Available(component, port):
            return Active(component, port)
        case _:
            return None


def _for_condition(compiled: Compiled, condition: Condition) -> Target:
    stubborn = compiled.search.stubborn
    return Target(lambda m, _: holds(condition, m), lambda m, _: up_set(stubborn, condition, m))


def _find(compiled: Compiled, target: Target, whole: Condition | None, watch: Watch) -> Found:
    """A shortest run to a target: by reduction first; when that does not end soon, through everything by whole levels.

    whole: the target as a condition, for the arrays; None: the target needs its memory.
    """
    arrays = whole is not None and find_spec("numpy") is not None
    found = compiled.search.find(target, watch, REDUCED if arrays else None)
    if found.complete or found.path is not None or whole is None:
        return found
    from madeus.checker.engines.explicit.vector import Sweep, evaluate

    sweep = Sweep(compiled.encoding)
    halting = compiled.encoding.halting
    ended = compiled.conditions.translation  # keeps the net alive while the arrays refer to it
    path = sweep.run(watch, lambda states: evaluate(whole, states) & ~_halted(states, halting))
    assert ended is not None
    return Found(path, watch.states)


def _halted(states, halting: int):  # type: ignore[no-untyped-def]
    from madeus.checker.engines.explicit.vector import count_bits

    return count_bits(states, halting) > 0


def _never(system: System, compiled: Compiled, found: Found, reason: str) -> Verdict:
    return Holds() if found.path is None else failure(system, reason, compiled.search.steps(found.path))


def _sequence(system: System, compiled: Compiled, question: Sequence, watch: Watch) -> Verdict:
    names = question.transitions
    search, translation = compiled.search, compiled.translation
    ending: list[int] = [0] * len(search.labels)
    firing: dict[tuple[str, str], list[int]] = {}
    for t, label in enumerate(search.labels):
        if label is None:
            continue
        key = (label.component, label.element)
        if label.kind is StepKind.END:
            for at, name in enumerate(names[:-1]):
                if name == key:
                    ending[t] |= 1 << at
        elif label.kind is StepKind.FIRE:
            firing.setdefault(key, []).append(t)
    running = [compiled.conditions.some(translation.numbers(ElementKind.RUNNING, *name)) for name in names]

    def early(marking: int, memory: int) -> int | None:
        for at in range(1, len(names)):
            if marking & running[at].mask and not memory >> (at - 1) & 1:
                return at
        return None

    def nearer(marking: int, memory: int) -> set[int]:
        return {t for at in range(1, len(names)) if not memory >> (at - 1) & 1 for t in firing.get(names[at], ())}

    target = Target(lambda m, past: early(m, past) is not None, nearer, tuple(ending))
    found = search.find(target, watch)
    if found.path is not None:
        return failure(system, judge.out_of_order(question, early(*found.last) or 0), search.steps(found.path))
    fired = set()
    for at in range(1, len(names)):
        condition = running[at]
        if _find(compiled, _for_condition(compiled, condition), condition, watch).path is not None:
            fired.add(at)
    return Holds(vacuous=judge.vacuous(question, fired))


def _available(system: System, compiled: Compiled, question: Available, watch: Watch) -> Verdict:
    """Memory: one bit, set by whatever brings the service up."""
    search = compiled.search
    groups = compiled.conditions.groups(question.component, question.port)
    condition: Condition = ("and", tuple(groups))
    up = _find(compiled, _for_condition(compiled, condition), condition, watch)
    if up.path is None:
        return Holds(vacuous=(judge.never_on(question),))
    if len(groups) > 1:
        graph = _full(compiled, watch, lambda m: holds(condition, m))
        on = [holds(condition, m) for m, _ in graph.states]
        off = [
            bool(past) and not now and not m & compiled.encoding.halting
            for (m, past), now in zip(graph.states, on, strict=True)
        ]
        return judge.never(system, graph, off.__getitem__, judge.goes_off(question))
    places = groups[0]
    bringing = {t for p in places.places for t in search.stubborn.raising[p]}
    remember = tuple(int(t in bringing) for t in range(len(search.labels)))

    def nearer(marking: int, memory: int) -> set[int]:
        return up_set(search.stubborn, places, marking, wanted=not memory)

    target = Target(
        lambda m, past: bool(past) and not m & places.mask,
        nearer,
        remember,
        int(holds(places, compiled.encoding.initial)),
    )
    return _never(system, compiled, search.find(target, watch), judge.goes_off(question))


def _parallelism(system: System, compiled: Compiled, question: Parallelism, watch: Watch) -> Verdict:
    """Raise the number until no run reaches one more."""
    search, elements = compiled.search, compiled.translation.elements
    counted = frozenset(question.components)
    places = {
        n: e
        for n, e in enumerate(elements)
        if e.kind is ElementKind.RUNNING and (not counted or e.component in counted)
    }
    mask = compiled.encoding.any_of(places)
    low = compiled.encoding.any_of(())
    for n in places:
        low |= 1 << compiled.encoding.fields[n].shift
    raising = {n: frozenset(search.stubborn.raising[n]) for n in places}

    def count(marking: int) -> int:
        return ((marking | marking >> 1) & low).bit_count() if mask != low else (marking & low).bit_count()

    def nearer(marking: int, _: int) -> set[int]:
        return {t for n, ts in raising.items() if not compiled.encoding.tokens(marking, n) for t in ts}

    best, last = 0, compiled.encoding.initial
    path: tuple[int, ...] = ()
    while True:
        wanted = best + 1
        found = search.find(Target(lambda m, _: count(m) >= wanted, nearer), watch, REDUCED if _numpy() else None)  # noqa: B023
        if found.path is None:
            break
        best, path, last = count(found.last[0]), found.path, found.last[0]
    if not found.complete:
        from madeus.checker.engines.explicit.vector import Sweep, count_bits

        reached = best

        def more(states):  # type: ignore[no-untyped-def]
            nonlocal reached
            counts = count_bits(states, low)
            reached = max(reached, int(counts.max(initial=0)))
            return counts > best

        while True:
            sweep = Sweep(compiled.encoding)
            longer = sweep.run(watch, more)
            if longer is None:
                break
            path, best = longer, reached
            last = compiled.encoding.initial
            for t in path:
                last += compiled.encoding.delta[t]
    names = tuple(sorted(f"{e.component}.{e.name}" for n, e in places.items() if compiled.encoding.tokens(last, n)))
    trace, _ = confirm(system, search.steps(path))
    return judge.compare_width(question, Width(best, best, names, trace))


def _numpy() -> bool:
    return find_spec("numpy") is not None


def _deployable(system: System, compiled: Compiled, reduced: Reduced, question: Deployable) -> Verdict:
    """Without endless runs the three strengths speak of where runs end."""
    condition = compiled.conditions.compile(question.goal.formula)
    halting = compiled.encoding.halting
    goal = question.goal
    if question.reach is Reach.POSSIBLE:
        good = next((n for n in reduced.ends if _good(reduced.markings[n], condition, halting)), None)
        if good is None:
            return Fails(f"no run comes to {goal.name} ({goal.formula}) and stays there")
        return Holds(witness=confirm(system, compiled.search.steps(reduced.path_to(good)))[0])
    bad = next((n for n in reduced.ends if not _good(reduced.markings[n], condition, halting)), None)
    if bad is None:
        return Holds()
    if question.reach is Reach.ALWAYS:
        reason = f"the run ends and {goal.name} ({goal.formula}) does not hold"
    else:
        reason = f"from here {goal.name} ({goal.formula}) cannot be reached any more"
    return failure(system, reason, compiled.search.steps(reduced.path_to(bad)), stuck=True)


def _good(marking: int, condition: Condition, halting: int) -> bool:
    return not marking & halting and holds(condition, marking)


def _confluent(system: System, compiled: Compiled, reduced: Reduced) -> Verdict:
    decode = compiled.translation.decode
    keys = [identity(decode(compiled.encoding.decode(reduced.markings[n]))) for n in reduced.ends]
    other = next((n for n, key in zip(reduced.ends, keys, strict=True) if key != keys[0]), None)
    if other is None:
        return Holds()
    reason = "the run ends in another configuration than some other run"
    return failure(system, reason, compiled.search.steps(reduced.path_to(other)), stuck=True)


def _health(system: System, compiled: Compiled, reduced: Reduced) -> Verdict:
    seen = Seen()
    seen.note(compiled.search.steps(reduced.fired))
    return report(
        examine(system, seen),
        _stuck(system, compiled, ((reduced.markings[n], lambda n=n: reduced.path_to(n)) for n in reduced.ends)),
    )  # type: ignore[misc]


def _stuck(system: System, compiled: Compiled, ends: Iterable[tuple[int, object]]) -> Fails | None:
    for marking, path in ends:
        conf = compiled.translation.decode(compiled.encoding.decode(marking))
        if not is_done(system, conf):
            reason = (
                "two tokens clash" if conf.clash is not None else "nothing can move although something is left to do"
            )
            return failure(system, reason, compiled.search.steps(path()), stuck=True)  # type: ignore[operator]
    return None


def _full(compiled: Compiled, watch: Watch, remember=None) -> Graph[tuple[int, int]]:  # type: ignore[no-untyped-def]
    """The whole graph, with labels and a bit of memory."""
    search = compiled.search
    enabled_in: dict[int, frozenset[int]] = {compiled.encoding.initial: search.start}

    def expand(state: tuple[int, int]) -> Iterator[tuple[Step, tuple[int, int]]]:
        marking, past = state
        enabled = enabled_in[marking]
        for t in sorted(enabled):
            after = marking + compiled.encoding.delta[t]
            if after not in enabled_in:
                enabled_in[after] = search.enabled_after(enabled, after, t)
            label = search.labels[t]
            assert label is not None
            yield (
                label,
                (
                    after,
                    past or int(remember is not None and not after & compiled.encoding.halting and remember(after)),
                ),
            )

    first = compiled.encoding.initial
    return explore((first, int(remember is not None and remember(first))), expand, watch)


def _in_full(problem: Problem, compiled: Compiled, watch: Watch) -> Verdict:
    """Questions about endless runs, on the whole graph."""
    system = problem.system
    graph = _full(compiled, watch)
    halting = compiled.encoding.halting
    match problem.question:
        case Deployable() as question:
            condition = compiled.conditions.compile(question.goal.formula)
            return judge.deployable(system, graph, question, [_good(m, condition, halting) for m, _ in graph.states])
        case Terminates():
            return judge.terminates(system, graph)
        case Confluent():
            decode = compiled.translation.decode
            return judge.confluent(system, graph, lambda s: identity(decode(compiled.encoding.decode(s[0]))))
        case Health():
            seen = Seen()
            for out in graph.successors:
                seen.note(step for step, _ in out)
            ends = []
            for node in graph.ends():
                conf = compiled.translation.decode(compiled.encoding.decode(graph.states[node][0]))
                if not is_done(system, conf):
                    reason = (
                        "two tokens clash"
                        if conf.clash is not None
                        else "nothing can move although something is left to do"
                    )
                    ends.append(failure(system, reason, graph.path_to(node), stuck=True))
                    break
            return report(examine(system, seen), ends[0] if ends else None)
        case _:
            return Unknown("this engine does not answer this question")
