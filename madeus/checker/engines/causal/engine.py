"""The causal engine: order, ends, times and times off, for programs whose runs are permutations of one another.

The class and the proof are in ``weave``. Linear in the steps of the run but for the checks of the order, which are short where
the program itself orders things.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from madeus.checker.engine import Watch
from madeus.checker.engines.causal.off import available, service
from madeus.checker.engines.causal.order import sequence
from madeus.checker.engines.causal.reach import bounds, events
from madeus.checker.engines.causal.unroll import NotCausal
from madeus.checker.engines.causal.weave import Weave
from madeus.checker.formula import holds
from madeus.checker.health import Seen, examine, report
from madeus.checker.problem import Health, Problem
from madeus.checker.verdict import Evidence, Fails, Holds, Unknown, Verdict, with_evidence
from madeus.model import Available, Bounds, Confluent, Deployable, Reach, Sequence, Terminates
from madeus.semantics import System


class Causal:
    """Answers from one run, once all others are shown to be permutations of it."""

    name = "causal"

    def __init__(self) -> None:
        self._woven: WeakKeyDictionary[System, Weave | NotCausal] = WeakKeyDictionary()

    def woven(self, system: System) -> Weave:
        """The event structure of a system. Raises NotCausal."""
        made = self._woven.get(system)
        if made is None:
            try:
                made = Weave(system)
            except NotCausal as error:
                made = error
            self._woven[system] = made
        if isinstance(made, NotCausal):
            raise made
        return made

    def refuses(self, problem: Problem) -> str | None:
        """Other questions, and programs outside of the class."""
        question = problem.question
        if not isinstance(question, Deployable | Terminates | Confluent | Sequence | Available | Bounds | Health):
            return "it answers questions about order, where runs end and when, and how long services are off"
        try:
            woven = self.woven(problem.system)
        except NotCausal as error:
            return f"not all runs are alike: {error}"
        try:
            if isinstance(question, Available):
                service(woven, question.component, question.port)
            elif isinstance(question, Bounds):
                events(woven, question.goal.formula)
        except NotCausal as error:
            return str(error)
        return None

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """Exact; Unknown for a service of which only a bound of its time off is found."""
        woven = self.woven(problem.system)
        watch.tick(len(woven.before))
        trace = woven.simulation.trace
        evidence = Evidence(
            self.name, len(woven.before), watch.seconds, notes=("every run is a permutation of one, by its causes",)
        )
        match problem.question:
            case Deployable(goal, reach):
                if holds(problem.system, woven.simulation.configuration, goal.formula):
                    return Holds(evidence, witness=trace if reach is Reach.POSSIBLE else None)
                if reach is Reach.POSSIBLE:
                    return Fails(f"no run comes to {goal.name} ({goal.formula}) and stays there", evidence=evidence)
                return Fails(f"the run ends and {goal.name} ({goal.formula}) does not hold", trace, evidence)
            case Terminates() | Confluent():
                return Holds(evidence)
            case Sequence() as question:
                return with_evidence(sequence(woven, question), evidence)
            case Bounds() as question:
                return with_evidence(bounds(woven, question), evidence)
            case Available() as question:
                return with_evidence(available(woven, question), evidence)
            case Health():
                seen = Seen()
                seen.note(event.step for event in trace.events)
                return report(examine(problem.system, seen), None)
            case _:
                return Unknown("this engine does not answer this question")
