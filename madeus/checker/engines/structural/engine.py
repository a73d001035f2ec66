"""Each question, answered on the event graph of a choice-free assembly."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from madeus.checker import judge
from madeus.checker.counterexample import confirm
from madeus.checker.engine import Watch
from madeus.checker.engines.compare import between, compare_bounds, for_durations
from madeus.checker.engines.structural.events import EventGraph
from madeus.checker.engines.structural.shape import NotChoiceFree
from madeus.checker.engines.structural.state import NotMonotone, TooLarge, clauses, final, satisfied, terms
from madeus.checker.engines.structural.timing import boundaries, parametric, timed_width, trace
from madeus.checker.engines.structural.width import widest
from madeus.checker.health import Seen, examine, report
from madeus.checker.problem import Problem, has_intervals
from madeus.checker.verdict import Evidence, Fails, Holds, Unknown, Verdict, Width, with_evidence
from madeus.model import (
    Active,
    Available,
    Bounds,
    Confluent,
    Deployable,
    Forbidden,
    Formula,
    Parallelism,
    Parametric,
    Sequence,
    Terminates,
)
from madeus.semantics import StepKind, System, Trace, simulate


class Structural:
    """Marked-graph reasoning: cycles, ancestors, antichains, longest paths."""

    name = "structural"

    def __init__(self) -> None:
        self._graphs: WeakKeyDictionary[System, EventGraph | NotChoiceFree] = WeakKeyDictionary()

    def graph(self, system: System) -> EventGraph:
        """The event graph of a system, made once. Raises NotChoiceFree."""
        made = self._graphs.get(system)
        if made is None:
            try:
                made = EventGraph(system)
            except NotChoiceFree as error:
                made = error
            self._graphs[system] = made
        if isinstance(made, NotChoiceFree):
            raise NotChoiceFree(made.reason)
        return made

    def refuses(self, problem: Problem) -> str | None:
        """Why the system is not choice-free; None when it is."""
        try:
            self.graph(problem.system)
        except NotChoiceFree as error:
            return f"not choice-free: {error}"
        return None

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """Exact, or Unknown where the class leaves a question open. Raises Exhausted."""
        graph = self.graph(problem.system)
        try:
            verdict = _answer(graph, problem, watch)
        except NotMonotone:
            verdict = Unknown("the goal may hold for a while and then no more")
        except TooLarge:
            verdict = Unknown("the formula has too many cases")
        return with_evidence(verdict, Evidence(self.name, len(graph.steps), watch.seconds))


def _answer(graph: EventGraph, problem: Problem, watch: Watch) -> Verdict:
    match problem.question:
        case Deployable() as question:
            if final(graph, question.goal.formula):
                return Holds()
            goal = question.goal
            run = simulate(graph.system)
            reason = f"the run ends and {goal.name} ({goal.formula}) does not hold"
            return Fails(reason, _confirmed(graph, run.trace), deadlock=run.deadlock)
        case Sequence() as question:
            return _sequence(graph, question)
        case Parallelism() as question:
            return _parallelism(graph, question, watch)
        case Bounds() as question:
            return compare_bounds(question, boundaries(graph, question.goal.formula))
        case Parametric() as question:
            durations = parametric(
                graph,
                question.component,
                question.transition,
                question.goal.formula,
                question.comparison,
                question.bound,
            )
            return (
                Unknown("the goal is no conjunction of places")
                if durations is None
                else for_durations(question, durations)
            )
        case Forbidden() as question:
            reached = _smallest(graph, question.formula)
            if reached is None:
                return Holds()
            return Fails(f"{question.formula} holds", _shortest(graph, reached))
        case Available() as question:
            return _available(graph, question)
        case Terminates() | Confluent():
            return Holds()
        case _:
            return _health(graph)


def _smallest(graph: EventGraph, formula: Formula) -> set[int] | None:
    """A least configuration in which a formula holds. Raises TooLarge."""
    reached = (satisfied(graph, term) for term in terms(graph, formula))
    return min((found for found in reached if found is not None), key=len, default=None)


def _shortest(graph: EventGraph, events: Iterable[int]) -> Trace:
    times = graph.times(graph.least)
    return trace(graph, sorted(events, key=lambda e: (times[e], graph.rank[e])), times)


def _confirmed(graph: EventGraph, found: Trace) -> Trace:
    events = found.events
    return confirm(graph.system, [e.step for e in events], [e.time for e in events], [e.cause for e in events])[0]


def _sequence(graph: EventGraph, question: Sequence) -> Verdict:
    fired: set[int] = set()
    shortest: tuple[int, set[int]] | None = None
    for at in range(1, len(question.transitions)):
        first, second = question.transitions[at - 1], question.transitions[at]
        local = graph.shape_of(second[0]).fire.get(second[1])
        fire = -1 if local is None else graph.event(second[0], local)
        if fire < 0 or not graph.happens[fire]:
            continue
        fired.add(at)
        past = graph.past((fire,))
        local = graph.shape_of(first[0]).end.get(first[1])
        ordered = local is not None and graph.event(first[0], local) in past
        if not ordered and (shortest is None or len(past) < len(shortest[1])):
            shortest = (at, past)
    if shortest is None:
        return Holds(vacuous=judge.vacuous(question, fired))
    return Fails(judge.out_of_order(question, shortest[0]), _shortest(graph, shortest[1]))


def _parallelism(graph: EventGraph, question: Parallelism, watch: Watch) -> Verdict:
    counted = frozenset(question.components)
    end_of = {graph.before[end][0]: end for end in graph.ends() if not counted or graph.steps[end].component in counted}
    if has_intervals(graph.system):
        width = timed_width(graph, end_of, watch.check)
    else:
        after = graph.after
        if len(graph.order) < len(graph.steps):
            after = [[e for e in later if graph.happens[e]] for later in after]
        fires = widest(graph.order, after, end_of, watch.check)
        names = tuple(sorted(f"{graph.steps[f].component}.{graph.steps[f].element}" for f in fires))
        width = Width(len(fires), len(fires), names, _shortest(graph, graph.past(fires)))
    if width.minimum == width.maximum:
        return judge.compare_width(question, width)
    return between(question, width)


def _available(graph: EventGraph, question: Available) -> Verdict:
    port = f"{question.component}.{question.port}"
    atom = Active(question.component, question.port)
    on = _smallest(graph, atom)
    if on is None:
        return Holds(vacuous=(judge.never_on(question),))
    if graph.shape_of(question.component).constant[question.port]:
        return Holds()
    spans = clauses(graph, atom)
    going = [s[0].off for s in spans if len(s) == 1 and s[0].off >= 0 and graph.happens[s[0].off]]
    if not going:
        return Unknown(f"the groups of {port} may be left in several ways")
    off = min((on | graph.past((event,)) for event in going), key=len)
    return Fails(judge.goes_off(question), _shortest(graph, off))


def _health(graph: EventGraph) -> Verdict:
    seen = Seen()
    seen.note(graph.steps[e] for e in graph.order)
    findings = list(examine(graph.system, seen))
    moving = (StepKind.LEAVE, StepKind.FIRE, StepKind.END)
    stuck = any(
        not graph.after[e] or not all(graph.happens[later] for later in graph.after[e])
        for e in graph.order
        if graph.steps[e].kind in moving
    )
    if not stuck:
        return report(findings, None)
    run = simulate(graph.system)
    failed = Fails(
        "nothing can move although something is left to do", _confirmed(graph, run.trace), deadlock=run.deadlock
    )
    return report(findings, failed)
