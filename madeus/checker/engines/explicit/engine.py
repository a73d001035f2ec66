"""The explicit engine: the translated net, explored as little as the question allows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from importlib.util import find_spec
from weakref import WeakKeyDictionary

from madeus.checker import judge
from madeus.checker.counterexample import confirm, failure
from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.compiled import REDUCED, Compiled
from madeus.checker.engines.explicit.encoding import encode
from madeus.checker.engines.explicit.failing import available_or_back
from madeus.checker.engines.explicit.parallel import parallelism
from madeus.checker.engines.explicit.search import Found, Reduced, Search
from madeus.checker.engines.explicit.target import Condition, Conditions, NotRepresented, Target, holds, up_set
from madeus.checker.engines.reference import identity
from madeus.checker.graph import Graph, explore
from madeus.checker.health import Seen, examine, report
from madeus.checker.problem import Health, Problem, with_failures
from madeus.checker.verdict import NOT_SHORTEST, Evidence, Fails, Holds, Unknown, Verdict, with_evidence
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
from madeus.petri.translate import TranslationError, translate
from madeus.semantics import Step, StepKind, System, is_done


class Explicit:
    """Reachability with stubborn sets, and without where a question needs everything."""

    name = "explicit"

    def __init__(self, reduce: bool = True, symmetry: bool = True) -> None:
        self.reduce = reduce
        self.symmetry = symmetry
        self._compiled: WeakKeyDictionary[System, Compiled | TranslationError] = WeakKeyDictionary()
        self._reduced: WeakKeyDictionary[System, Reduced] = WeakKeyDictionary()
        self._safe: WeakKeyDictionary[System, System] = WeakKeyDictionary()
        """The same systems without failures."""
        self._exchanged: WeakKeyDictionary[System, Reduced] = WeakKeyDictionary()

    def compiled(self, system: System) -> Compiled:
        """The compiled system. Raises TranslationError."""
        made = self._compiled.get(system)
        if made is None:
            try:
                translation = translate(system)
                encoding = encode(translation)
                made = Compiled(translation, Search(encoding), Conditions(translation, encoding), self.symmetry)
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
                found = find_condition(compiled, condition, watch)
                return _never(problem.system, compiled, found, f"{question.formula} holds")
            case Sequence() as question:
                return _sequence(problem.system, compiled, question, watch)
            case Available() as question if problem.taken_back and not problem.system.recoveries:
                safe = self._safe.get(problem.system)
                if safe is None:
                    safe = self._safe[problem.system] = with_failures(problem.system, 0)
                return available_or_back(problem.system, safe, self.compiled(safe), question, watch, _available)
            case Available() as question:
                return _available(problem.system, compiled, question, watch)
            case Parallelism() as question:
                return parallelism(problem.system, compiled, question, watch)
            case _:
                return self._at_the_end(problem, compiled, watch)

    def _at_the_end(self, problem: Problem, compiled: Compiled, watch: Watch) -> Verdict:
        """Questions about where runs end, on the reduced graph when no run is endless."""
        system = problem.system
        reduced = self._reduced.get(system)
        if reduced is not None:
            watch.reuse(len(reduced.markings))
        if reduced is None and (small := compiled.plain(watch)).complete:
            reduced = self._reduced[system] = small
        if reduced is None:
            reduced = self._up_to_replicas(problem, compiled, watch)
        if reduced is None:
            reduced = self._reduced[system] = compiled.search.reduced(watch)
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

    def _up_to_replicas(self, problem: Problem, compiled: Compiled, watch: Watch) -> Reduced | None:
        """The graph up to replicas; None where there are none, or where it does not answer the question."""
        match problem.question:
            case Deployable(goal):
                return compiled.reduced(compiled.keeping(compiled.conditions.compile(goal.formula)), watch)
            case Terminates() | Health() | Confluent():
                known = self._exchanged.get(problem.system)
                if known is None:
                    known = compiled.reduced(lambda _: True, watch)
                    if known is None:
                        return None
                    self._exchanged[problem.system] = known
                else:
                    watch.reuse(len(known.markings))
                match problem.question:
                    case Terminates():
                        return known
                    case Confluent():
                        return known if not known.acyclic or _tells_apart(compiled, known) else None
                    case _:
                        # What fires in one of the markings left out, some other replica has to be seen to fire.
                        return known if compiled.fires_alike(known.fired) else None
            case _:
                return None


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


def find_condition(compiled: Compiled, condition: Condition, watch: Watch) -> Found:
    """A shortest run to a condition: by reduction first; when that does not end soon, through everything by whole levels."""
    stubborn = compiled.search.stubborn
    target = Target(lambda m, _: holds(condition, m), lambda m, _: up_set(stubborn, condition, m))
    most = REDUCED if find_spec("numpy") is not None else None
    found = compiled.find(target, compiled.keeping(condition), watch, most)
    if found.complete or found.path is not None:
        return found
    from madeus.checker.engines.explicit.vector import Sweep, count_bits, evaluate

    halting = compiled.encoding.halting
    path = Sweep(compiled.encoding).run(
        watch, lambda states: evaluate(condition, states) & (count_bits(states, halting) == 0)
    )
    return Found(path, watch.states)


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
    found = compiled.find(target, compiled.sparing({component for component, _ in names}), watch)
    if found.path is not None:
        return failure(system, judge.out_of_order(question, early(*found.last) or 0), search.steps(found.path))
    fired = set()
    for at in range(1, len(names)):
        condition = running[at]
        if find_condition(compiled, condition, watch).path is not None:
            fired.add(at)
    return Holds(vacuous=judge.vacuous(question, fired))


def _available(system: System, compiled: Compiled, question: Available, watch: Watch) -> Verdict:
    """Memory: one bit, set by whatever brings the service up."""
    search = compiled.search
    groups = compiled.conditions.groups(question.component, question.port)
    condition = compiled.conditions.compile(Active(question.component, question.port))
    up = find_condition(compiled, condition, watch)
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
        return up_set(search.stubborn, condition, marking, wanted=not memory)

    target = Target(
        lambda m, past: bool(past) and not holds(condition, m),
        nearer,
        remember,
        int(holds(condition, compiled.encoding.initial)),
    )
    found = compiled.find(target, compiled.sparing({question.component}), watch)
    return _never(system, compiled, found, judge.goes_off(question))


def _deployable(system: System, compiled: Compiled, reduced: Reduced, question: Deployable) -> Verdict:
    """Without endless runs the three strengths speak of where runs end."""
    condition = compiled.conditions.reached(question.goal.formula)
    halting, back = compiled.encoding.halting, compiled.conditions.back.mask
    goal = question.goal
    if question.reach is Reach.POSSIBLE:
        good = next((n for n in reduced.ends if _good(reduced.markings[n], condition, halting)), None)
        if good is None:
            return Fails(f"no run comes to {goal.name} ({goal.formula}) and stays there")
        return Holds(witness=confirm(system, compiled.search.steps(reduced.path_to(good)))[0])
    left = (n for n in reduced.ends if not reduced.markings[n] & back)
    bad = next((n for n in left if not _good(reduced.markings[n], condition, halting)), None)
    if bad is None:
        return Holds()
    if question.reach is Reach.ALWAYS:
        reason = f"the run ends and {goal.name} ({goal.formula}) does not hold"
    else:
        reason = f"from here {goal.name} ({goal.formula}) cannot be reached any more"
    return failure(system, reason, compiled.search.steps(reduced.path_to(bad)), stuck=True)


def _good(marking: int, condition: Condition, halting: int) -> bool:
    return not marking & halting and holds(condition, marking)


def _ends(compiled: Compiled, reduced: Reduced) -> tuple[list[int], list[Hashable]]:
    """Nodes where runs end that are not taken back, and what their configurations are."""
    decode = compiled.translation.decode
    ends = [n for n in reduced.ends if not reduced.markings[n] & compiled.conditions.back.mask]
    return ends, [identity(decode(compiled.encoding.decode(reduced.markings[n]))) for n in ends]


def _tells_apart(compiled: Compiled, reduced: Reduced) -> bool:
    """Whether a graph up to replicas says if all runs end alike.

    Its markings are reached, so two ends that differ are two. Of those that it leaves out each is an exchange away from one
    that it has; so if no exchange changes that one, they are the same.
    """
    ends, keys = _ends(compiled, reduced)
    canon = reduced.canon
    if len(set(keys)) > 1 or canon is None:
        return True
    return all(canon.unchanged(reduced.markings[n]) for n in ends)


def _confluent(system: System, compiled: Compiled, reduced: Reduced) -> Verdict:
    ends, keys = _ends(compiled, reduced)
    other = next((n for n, key in zip(ends, keys, strict=True) if key != keys[0]), None)
    if other is None:
        return Holds()
    reason = "the run ends in another configuration than some other run"
    failed = failure(system, reason, compiled.search.steps(reduced.path_to(other)), stuck=True)
    if reduced.canon is None or reduced.canon.unchanged(reduced.markings[ends[0]]):
        return failed
    # An exchange of replicas may make another end of the first one, that is nearer.
    return with_evidence(failed, Evidence(notes=(NOT_SHORTEST,)))


def _health(system: System, compiled: Compiled, reduced: Reduced) -> Verdict:
    seen = Seen()
    seen.note(compiled.search.steps(reduced.fired))
    failed: Fails | None = None
    for node in reduced.ends:
        if (reason := _stuck(system, compiled, reduced.markings[node])) is not None:
            failed = failure(system, reason, compiled.search.steps(reduced.path_to(node)), stuck=True)
            break
    return report(examine(system, seen), failed)


def _stuck(system: System, compiled: Compiled, marking: int) -> str | None:
    """Why a marking where nothing is enabled is not the end of everything; None when it is."""
    conf = compiled.translation.decode(compiled.encoding.decode(marking))
    if is_done(system, conf):
        return None
    return "two tokens clash" if conf.clash is not None else "nothing can move although something is left to do"


def _full(compiled: Compiled, watch: Watch, remember: Callable[[int], bool] | None = None) -> Graph[tuple[int, int]]:
    """The whole graph. remember: sets the bit of memory for good in the markings where it is true."""
    search, halting = compiled.search, compiled.encoding.halting
    enabled_in: dict[int, frozenset[int]] = {compiled.encoding.initial: search.start}

    def past_of(marking: int, past: int) -> int:
        return past or int(remember is not None and not marking & halting and remember(marking))

    def expand(state: tuple[int, int]) -> Iterator[tuple[Step, tuple[int, int]]]:
        marking, past = state
        enabled = enabled_in[marking]
        for t in sorted(enabled):
            after = marking + compiled.encoding.delta[t]
            if after not in enabled_in:
                enabled_in[after] = search.enabled_after(enabled, after, t)
            label = search.labels[t]
            assert label is not None
            yield label, (after, past_of(after, past))

    first = compiled.encoding.initial
    return explore((first, past_of(first, 0)), expand, watch)


def _in_full(problem: Problem, compiled: Compiled, watch: Watch) -> Verdict:
    """Questions about endless runs, on the whole graph."""
    system = problem.system
    graph = _full(compiled, watch)
    halting = compiled.encoding.halting
    back = frozenset(n for n, (m, _) in enumerate(graph.states) if m & compiled.conditions.back.mask)
    match problem.question:
        case Deployable() as question:
            condition = compiled.conditions.compile(question.goal.formula)
            good = [_good(m, condition, halting) for m, _ in graph.states]
            return judge.deployable(system, graph, question, good, back)
        case Terminates():
            return judge.terminates(system, graph)
        case Confluent():
            decode = compiled.translation.decode
            return judge.confluent(system, graph, lambda s: identity(decode(compiled.encoding.decode(s[0]))), back)
        case Health():
            seen = Seen()
            for out in graph.successors:
                seen.note(step for step, _ in out)
            failed: Fails | None = None
            for node in graph.ends():
                if (reason := _stuck(system, compiled, graph.states[node][0])) is not None:
                    failed = failure(system, reason, graph.path_to(node), stuck=True)
                    break
            return report(examine(system, seen), failed)
        case _:
            return Unknown("this engine does not answer this question")
