"""Whether a service stays on in runs that are taken back: asked of the runs without failures, of which there are far fewer.

From a failure on, everything depends on it, so no order is left out of a search: its states are those of all orders. But a run
in which a service is off at its end because it was taken back is, without the failure and the rollback, a run in which the
service is on while an action runs (see ``is_taken_back``); the failure may as well be the last step but one, when no other
action runs. So a shortest such run is a shortest one without failures to where the service is on and one action runs, and
two steps more.
"""

from __future__ import annotations

from collections.abc import Callable

from madeus.checker import judge
from madeus.checker.counterexample import failure
from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.compiled import Compiled
from madeus.checker.engines.explicit.target import Condition, Target, holds, up_set
from madeus.checker.verdict import Fails, Verdict
from madeus.model import Active, Available
from madeus.petri.element import ElementKind
from madeus.semantics import Step, StepKind, System, is_active
from madeus.semantics.step import rollback_step

Answer = Callable[[System, Compiled, Available, Watch], Verdict]


def available_or_back(
    system: System, safe: System, compiled: Compiled, question: Available, watch: Watch, answer: Answer
) -> Verdict:
    """Exact. safe, compiled: the system without failures. answer: finds whether the service goes off there.

    Raises Exhausted.
    """
    verdict = answer(safe, compiled, question, watch)
    first = system.initial()
    if question.component in first.components and is_active(system, first, question.component, question.port):
        return verdict
    run = _to_one_action(compiled, compiled.conditions.compile(Active(question.component, question.port)), watch)
    back = rollback_step(system)
    if run is None or back is None:
        return verdict
    path, running = run
    if isinstance(verdict, Fails) and verdict.trace is not None and len(verdict.trace.events) <= len(path) + 2:
        return verdict
    return failure(system, judge.goes_off(question), [*path, Step(StepKind.FAIL, *running), back])


def _to_one_action(compiled: Compiled, on: Condition, watch: Watch) -> tuple[list[Step], tuple[str, str]] | None:
    """A shortest run to where a condition holds while one action runs, and that action; None: there is none."""
    elements, stubborn = compiled.translation.elements, compiled.search.stubborn
    bodies = {n: e for n, e in enumerate(elements) if e.kind is ElementKind.RUNNING}
    mask = compiled.conditions.some(bodies).mask
    tokens = compiled.encoding.tokens

    def marked(marking: int) -> list[int]:
        return [n for n in bodies if tokens(marking, n)] if marking & mask else []

    def reached(marking: int, _: int) -> bool:
        return holds(on, marking) and len(marked(marking)) == 1

    def nearer(marking: int, _: int) -> set[int]:
        if not holds(on, marking):
            return up_set(stubborn, on, marking)
        running = marked(marking)
        changing = stubborn.lowering if running else stubborn.raising
        return {t for n in running or bodies for t in changing[n]}

    keep = compiled.keeping(("and", (on, compiled.conditions.some(bodies))))
    found = compiled.find(Target(reached, nearer), keep, watch)
    if found.path is None:
        return None
    element = bodies[marked(found.last[0])[0]]
    return compiled.search.steps(found.path), (element.component, element.name)
