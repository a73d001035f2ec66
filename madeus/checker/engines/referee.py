"""The referee: SNAKES' own state graph of the translated net. Slow, and of nobody's making here: for tests and cross-checks."""

from __future__ import annotations

from collections.abc import Iterator

from madeus.checker.engine import Watch
from madeus.checker.engines.reference import State, judge_states, memory
from madeus.checker.graph import Graph, explore
from madeus.checker.problem import Problem
from madeus.checker.verdict import Evidence, Verdict, with_evidence
from madeus.petri.interop import snakes_graph
from madeus.petri.plain import plain
from madeus.petri.translate import TranslationError, translate
from madeus.semantics import Step


class Referee:
    """Judges on the graph that SNAKES builds."""

    name = "referee"

    def refuses(self, problem: Problem) -> str | None:
        """Questions of time, systems without a net, nets where a clash ends the run (SNAKES does not know that rule)."""
        if problem.timed:
            return "it does not reason about time"
        try:
            net = translate(problem.system).net
        except TranslationError as error:
            return str(error)
        return "two tokens may clash in its net" if net.single else None

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """Exact; raises Exhausted, and ModuleNotFoundError without SNAKES."""
        system = problem.system
        translation = translate(system)
        ordinary = plain(translation.net)
        found = snakes_graph(translation.net, watch.check)
        where = [ordinary.place_index[name] for name in translation.net.places]
        confs = [translation.decode([marking[p] for p in where]) for marking in found.markings]
        remember = memory(system, problem.question)

        def expand(state: tuple[int, int]) -> Iterator[tuple[Step, tuple[int, int]]]:
            node, past = state
            for transition, after in found.edges[node]:
                label = ordinary.labels[transition]
                assert label is not None
                yield label, (after, remember(past, label, confs[after]))

        graph = explore((0, remember(0, None, confs[0])), expand, watch)
        named: Graph[State] = Graph(
            [(confs[node], past) for node, past in graph.states], graph.successors, graph.parents
        )
        return with_evidence(judge_states(problem, named), Evidence(self.name, len(found.markings), watch.seconds))
