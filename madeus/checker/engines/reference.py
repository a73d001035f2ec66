"""The reference engine: plain breadth-first search over the step relation itself.

Slow (a few thousand configurations a second) and beyond doubt: the other engines are tested against it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator

from madeus.checker import formula, judge
from madeus.checker.counterexample import failure
from madeus.checker.engine import Watch
from madeus.checker.graph import Graph, explore
from madeus.checker.health import Seen, examine, report
from madeus.checker.problem import Problem
from madeus.checker.verdict import Evidence, Fails, Unknown, Verdict, with_evidence
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
from madeus.semantics import Configuration, Fate, Step, StepKind, System, apply, enabled, is_done

State = tuple[Configuration, int]
"""A configuration, and what the question has to remember of the run: a bit for each thing that has happened."""
Memory = Callable[[int, Step | None, Configuration], int]


class Reference:
    """Breadth-first search on ``semantics.enabled`` and ``semantics.apply``."""

    name = "reference"

    def refuses(self, problem: Problem) -> str | None:
        """Only questions of time."""
        return "it does not reason about time" if problem.timed else None

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """Explore everything, then judge. Raises Exhausted."""
        system, question = problem.system, problem.question
        check_question(problem)
        remember = memory(system, question)
        start = system.initial()

        def expand(state: State) -> Iterator[tuple[Step, State]]:
            conf, past = state
            for step in enabled(system, conf):
                after = apply(system, conf, step)
                yield step, (after, remember(past, step, after))

        graph = explore((start, remember(0, None, start)), expand, watch)
        return with_evidence(judge_states(problem, graph), Evidence(self.name, len(graph.states), watch.seconds))


def check_question(problem: Problem) -> None:
    """Raises UnknownName when the question names what the system never has."""
    system, question = problem.system, problem.question
    match question:
        case Deployable(goal) | Bounds(goal):
            formula.check_names(system, goal.formula)
        case Forbidden(asked):
            formula.check_names(system, asked)
        case Available(component, port):
            formula.check_names(system, Active(component, port))
        case Sequence(transitions):
            for transition in transitions:
                formula.check_transition(system, *transition)
        case Parametric(component, transition, goal):
            formula.check_transition(system, component, transition)
            formula.check_names(system, goal.formula)
        case Parallelism(components=components):
            for component in components:
                if component not in system.instances:
                    raise formula.UnknownName(component, "component")
        case _:
            pass


def memory(system: System, question: object) -> Memory:
    """What a question has to remember: which transitions of a sequence have ended, whether a service has been on."""
    match question:
        case Sequence(transitions):

            def ended(past: int, step: Step | None, conf: Configuration) -> int:
                if step is None or step.kind is not StepKind.END:
                    return past
                for at, transition in enumerate(transitions[:-1]):
                    if transition == (step.component, step.element):
                        past |= 1 << at
                return past

            return ended
        case Available(component, port):

            def has_been_on(past: int, step: Step | None, conf: Configuration) -> int:
                return past or int(formula.holds(system, conf, Active(component, port)))

            return has_been_on
        case _:
            return lambda past, step, conf: 0


def running(conf: Configuration, components: tuple[str, ...]) -> list[str]:
    """Qualified transitions that run; components: those counted, none for all."""
    counted = components or tuple(sorted(conf.components))
    return [f"{c}.{t}" for c in counted if c in conf.components for t in sorted(conf.components[c].running)]


def identity(conf: Configuration) -> Hashable:
    """What two configurations have in common when they are the same but for the order in which connections were made."""
    return conf.components, conf.connections(), frozenset(conf.data), conf.positions, conf.clash


def judge_states(problem: Problem, graph: Graph[State]) -> Verdict:
    """The verdict on a question that is not of time, on a complete graph of configurations with memory."""
    system, question = problem.system, problem.question

    def values(asked: Formula) -> list[bool]:
        return [formula.holds(system, conf, asked) for conf, _ in graph.states]

    back = frozenset(node for node, (conf, _) in enumerate(graph.states) if conf.fate is Fate.TAKEN_BACK)
    match question:
        case Deployable(goal):
            return judge.deployable(system, graph, question, values(goal.formula), back)
        case Forbidden(asked):
            return judge.forbidden(system, graph, question, values(asked))
        case Sequence():
            return judge.sequence(system, graph, question, [past for _, past in graph.states])
        case Available(component, port):
            on = values(Active(component, port))
            clash = [conf.clash is not None for conf, _ in graph.states]
            off = [bool(past) and not now and not c for (_, past), now, c in zip(graph.states, on, clash, strict=True)]
            return judge.available(system, graph, question, on, off)
        case Parallelism(components=components):
            return judge.parallelism(system, graph, question, lambda state: running(state[0], components))
        case Terminates():
            return judge.terminates(system, graph)
        case Confluent():
            return judge.confluent(system, graph, lambda state: identity(state[0]), back)
        case Bounds() | Parametric():
            return Unknown("the reference engine does not reason about time")
        case _:
            seen = Seen()
            for out in graph.successors:
                seen.note(step for step, _ in out)
            return report(examine(system, seen), stuck(system, graph))


def stuck(system: System, graph: Graph[State]) -> Fails | None:
    """The shortest run into a deadlock or a clash."""
    for node in graph.ends():
        conf = graph.states[node][0]
        if not is_done(system, conf):
            reason = (
                "two tokens clash" if conf.clash is not None else "nothing can move although something is left to do"
            )
            return failure(system, reason, graph.path_to(node), stuck=True)
    return None
