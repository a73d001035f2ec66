"""Whether transitions come one after another, read off the one event structure that all runs share."""

from __future__ import annotations

from madeus.checker import judge
from madeus.checker.counterexample import failure
from madeus.checker.engines.causal.weave import Weave
from madeus.checker.verdict import Holds, Verdict
from madeus.model import Sequence
from madeus.semantics import StepKind


def sequence(woven: Weave, question: Sequence) -> Verdict:
    """Exact. A transition that fires more than once does so in the order of its component's pushes: the first time decides."""
    names = question.transitions
    fires, ends = _first(woven, StepKind.FIRE, set(names)), _first(woven, StepKind.END, set(names))
    for at in range(1, len(names)):
        fire, end = fires.get(names[at]), ends.get(names[at - 1])
        if fire is not None and (end is None or not woven.precedes(end, fire)):
            past = sorted(woven.past(fire), key=woven.rank.__getitem__)
            steps = [step for event in past if (step := woven.step(event)) is not None]
            return failure(woven.system, judge.out_of_order(question, at), steps)
    return Holds(vacuous=judge.vacuous(question, {at for at in range(1, len(names)) if names[at] in fires}))


def _first(woven: Weave, kind: StepKind, names: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The first event of a kind of each of some transitions."""
    found: dict[tuple[str, str], int] = {}
    for pushed in woven.threads.pushes:
        for number, local in enumerate(pushed.phases.events.events):
            name = (pushed.component, local.element)
            if local.kind is kind and name in names:
                found.setdefault(name, pushed.base + number)
    return found
