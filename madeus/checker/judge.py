"""The untimed questions, decided on a complete reachability graph: the meaning of ``problem``, word by word.

Every engine that builds such a graph judges here; the engines that do not are tested against one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from madeus.checker.counterexample import confirm, failure
from madeus.checker.graph import Graph, can_reach, components, fair_cycle, is_fair
from madeus.checker.verdict import Fails, Holds, Verdict, Width
from madeus.model import Available, Deployable, Forbidden, Parallelism, Reach
from madeus.model import Sequence as Ordered
from madeus.semantics import Step, StepKind, System

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Regions:
    """Where runs may stay for ever, or end, with a predicate true of every node."""

    ends: list[int]
    fair: list[list[int]]

    @property
    def nodes(self) -> list[int]:
        """All of their nodes."""
        return sorted({*self.ends, *(node for component in self.fair for node in component)})


def settled(graph: Graph[S], holds: Sequence[bool]) -> Regions:
    """Where a maximal fair run may keep a predicate for ever."""
    inside = {node for node, value in enumerate(holds) if value}
    fair = [c for c in components(graph.successors, inside) if is_fair(graph.successors, c)]
    return Regions([node for node in graph.ends() if holds[node]], fair)


def deployable(
    system: System, graph: Graph[S], question: Deployable, holds: Sequence[bool], back: frozenset[int] = frozenset()
) -> Verdict:
    """AF, EF or AG EF of "from here on the formula holds". back: nodes where a run was taken back, and has ended.

    To be taken back is as good an end as the goal, and not the goal itself. Where only failures that have been keep a run from
    the goal, so that it is taken back unless another one comes, nothing is asked of it.
    """
    if question.reach is Reach.ALWAYS:
        return _always(system, graph, question, holds, back)
    regions = settled(graph, [value and node not in back for node, value in enumerate(holds)])
    goal = question.goal
    if question.reach is Reach.POSSIBLE:
        if not regions.nodes:
            return Fails(f"no run comes to {goal.name} ({goal.formula}) and stays there")
        return Holds(witness=confirm(system, graph.path_to(regions.nodes[0]))[0])
    good = can_reach(graph.successors, regions.nodes)
    if back:
        good |= can_reach([_unfailing(out) for out in graph.successors], back)
    bad = next((node for node in range(len(graph.states)) if node not in good), None)
    if bad is None:
        return Holds()
    stuck = not graph.successors[bad]
    return failure(
        system, f"from here {goal.name} ({goal.formula}) cannot be reached any more", graph.path_to(bad), stuck=stuck
    )


def _unfailing(out: list[tuple[Step, int]]) -> list[tuple[Step, int]]:
    return [(step, target) for step, target in out if step.kind is not StepKind.FAIL]


def _always(
    system: System, graph: Graph[S], question: Deployable, holds: Sequence[bool], back: frozenset[int]
) -> Verdict:
    goal = question.goal
    bad = next((node for node in graph.ends() if not holds[node] and node not in back), None)
    fair = [c for c in components(graph.successors) if is_fair(graph.successors, c)]
    lasso: tuple[list[int], int] | None = None
    for component in fair:
        node = next((n for n in component if not holds[n]), None)
        if node is not None and (lasso is None or node < lasso[1]):
            lasso = (component, node)
    if bad is not None and (lasso is None or len(graph.path_to(bad)) <= len(graph.path_to(lasso[1]))):
        return failure(
            system, f"the run ends and {goal.name} ({goal.formula}) does not hold", graph.path_to(bad), stuck=True
        )
    if lasso is not None:
        loop = fair_cycle(graph.successors, *lasso)
        reason = f"the run goes round for ever and {goal.name} ({goal.formula}) does not stay"
        return failure(system, reason, graph.path_to(lasso[1]), loop)
    return Holds()


def never(system: System, graph: Graph[S], bad: Callable[[int], bool], reason: str) -> Verdict:
    """No reachable node is bad."""
    node = next((n for n in range(len(graph.states)) if bad(n)), None)
    return Holds() if node is None else failure(system, reason, graph.path_to(node))


def forbidden(system: System, graph: Graph[S], question: Forbidden, holds: Sequence[bool]) -> Verdict:
    """AG not formula."""
    return never(system, graph, lambda node: holds[node], f"{question.formula} holds")


def available(system: System, graph: Graph[S], question: Available, on: Sequence[bool], off: Sequence[bool]) -> Verdict:
    """on: the service is active. off: it has been and is not."""
    verdict = never(system, graph, off.__getitem__, goes_off(question))
    return verdict if any(on) or isinstance(verdict, Fails) else Holds(vacuous=(never_on(question),))


def goes_off(question: Available) -> str:
    """What is wrong with a service that is not available."""
    return f"{question.component}.{question.port} goes off after it has been on"


def never_on(question: Available) -> str:
    """Why the availability of a service is vacuous."""
    return f"{question.component}.{question.port} is never on"


def sequence(system: System, graph: Graph[S], question: Ordered, ended: Sequence[int]) -> Verdict:
    """ended: for each node, the bits of the question's transitions that have ended at least once."""
    names = question.transitions
    fired: set[int] = set()
    for node, out in enumerate(graph.successors):
        for step, _ in out:
            if step.kind is not StepKind.FIRE or (step.component, step.element) not in names:
                continue
            for at in range(1, len(names)):
                if names[at] != (step.component, step.element):
                    continue
                fired.add(at)
                if not ended[node] >> (at - 1) & 1:
                    return failure(system, out_of_order(question, at), [*graph.path_to(node), step])
    return Holds(vacuous=vacuous(question, fired))


def out_of_order(question: Ordered, at: int) -> str:
    """What is wrong with a sequence whose transition number ``at`` (from 0) fires too early."""
    return f"{'.'.join(question.transitions[at])} fires before {'.'.join(question.transitions[at - 1])} has ended"


def vacuous(question: Ordered, fired: set[int]) -> tuple[str, ...]:
    """Sentences about the transitions of a sequence, from the second on, that never fire; fired: positions of those that do."""
    if len(question.transitions) < 2:
        return ("a sequence of one transition says nothing",)
    never_ = (".".join(t) for at, t in enumerate(question.transitions) if at > 0 and at not in fired)
    return tuple(f"{name} never fires" for name in dict.fromkeys(never_))


def parallelism(
    system: System, graph: Graph[S], question: Parallelism, running: Callable[[S], Sequence[str]]
) -> Verdict:
    """running: qualified transitions counted that run in a state."""
    best, most = 0, -1
    for node, state in enumerate(graph.states):
        count = len(running(state))
        if count > most:
            best, most = node, count
    trace, _ = confirm(system, graph.path_to(best))
    width = Width(most, most, tuple(running(graph.states[best])), trace)
    return compare_width(question, width)


def compare_width(question: Parallelism, width: Width) -> Verdict:
    """The verdict of a question whose answer is exact."""
    comparison = question.comparison
    if comparison is None or comparison.holds(width.maximum, question.bound):
        return Holds(measure=width, witness=width.witness)
    reason = f"at most {width.maximum} actions run at once, not {comparison} {question.bound}"
    return Fails(reason, width.witness, measure=width)


def terminates(system: System, graph: Graph[S]) -> Verdict:
    """No fair component."""
    for component in components(graph.successors):
        if is_fair(graph.successors, component):
            loop = fair_cycle(graph.successors, component, component[0])
            return failure(system, "the run goes round for ever", graph.path_to(component[0]), loop)
    return Holds()


def confluent(
    system: System, graph: Graph[S], key: Callable[[S], Hashable], back: frozenset[int] = frozenset()
) -> Verdict:
    """key: what two configurations at the end of runs have in common when they are the same. back: see ``deployable``."""
    endless = terminates(system, graph)
    if isinstance(endless, Fails):
        return endless
    ends = [node for node in graph.ends() if node not in back]
    first = key(graph.states[ends[0]])
    for node in ends[1:]:
        if key(graph.states[node]) != first:
            reason = "the run ends in another configuration than some other run"
            return failure(system, reason, graph.path_to(node), stuck=True)
    return Holds()
