"""Where runs end, as a question of safety: a marking in which nothing is enabled.

What becomes of endless runs is known where there are none: where no run has more than so many steps, or no transition is part
of a T-invariant. Where there may be some, one that keeps a goal for ever takes a recurring transition from a marking where
the goal holds; when none is ever enabled in one, the goal is kept where runs end, or nowhere.
"""

from __future__ import annotations

from typing import Any

import z3

from madeus.checker.counterexample import confirm, failure
from madeus.checker.engines.explicit.compiled import Compiled
from madeus.checker.engines.smt.asking import Asking, Found, unknown
from madeus.checker.engines.smt.linear import Numbers, nothing_enabled, of_condition, recurring
from madeus.checker.engines.smt.unrolled import Moment, enabled, halted
from madeus.checker.verdict import Fails, Holds, Unknown, Verdict
from madeus.model import Deployable, Reach, Terminates
from madeus.semantics import System

BOUNDED = "no run is endless: effects of transitions never add up to nothing"


def endings(system: System, compiled: Compiled, question: Deployable | Terminates, asking: Asking) -> Verdict:
    """Raises Exhausted."""
    again = recurring(compiled.encoding.net, asking.watch)
    if not again:
        asking.notes.append(BOUNDED)
    if isinstance(question, Terminates):
        return Holds() if not again else Unknown("effects of transitions may add up to nothing: a run may be endless")
    if question.reach is Reach.POSSIBLE:
        return _possible(system, compiled, question, asking, again)
    return _everywhere(system, compiled, question, asking, again)


def _possible(
    system: System, compiled: Compiled, question: Deployable, asking: Asking, again: frozenset[int]
) -> Verdict:
    goal = question.goal
    condition = compiled.conditions.compile(goal.formula)
    holds, encoding = asking.of(condition), compiled.encoding
    numbers, dead = of_condition(condition), nothing_enabled(encoding.net)

    def ended(moment: Moment) -> Any:
        return z3.And(holds(moment), _nothing(compiled, moment))

    found = asking.reach(ended, lambda marking: z3.And(numbers(marking), dead(marking)))
    if found.path is not None:
        return Holds(witness=confirm(system, compiled.search.steps(found.path))[0])
    if not found.never:
        return unknown(f"no run ends where {goal.name} holds")
    if _finite(found, again) or _never_round(compiled, asking, holds, numbers, again):
        return Fails(f"no run comes to {goal.name} ({goal.formula}) and stays there")
    return Unknown(f"no run ends where {goal.name} holds, but an endless one may keep it")


def _never_round(compiled: Compiled, asking: Asking, holds: Any, numbers: Numbers, again: frozenset[int]) -> bool:
    """Whether no recurring transition is ever enabled where the goal holds."""

    def goes_on(moment: Moment) -> Any:
        return z3.And(holds(moment), z3.Or([enabled(compiled.encoding, moment, t) for t in sorted(again)]))

    return asking.reach(goes_on, numbers).never


def _everywhere(
    system: System, compiled: Compiled, question: Deployable, asking: Asking, again: frozenset[int]
) -> Verdict:
    """All runs end where the goal holds. Without endless runs that is also what recoverable means."""
    goal = question.goal
    condition = compiled.conditions.compile(goal.formula)
    holds, encoding = asking.of(condition), compiled.encoding
    numbers, dead = of_condition(condition), nothing_enabled(encoding.net)

    def stuck(moment: Moment) -> Any:
        clash = halted(encoding, moment)
        return z3.Or(clash, z3.And(z3.Not(holds(moment)), _nothing(compiled, moment)))

    quiet = None if encoding.net.single else lambda marking: z3.And(z3.Not(numbers(marking)), dead(marking))
    found = asking.reach(stuck, quiet, clashes=True)
    if found.path is not None and question.reach is Reach.ALWAYS:
        reason = f"the run ends and {goal.name} ({goal.formula}) does not hold"
        return failure(system, reason, compiled.search.steps(found.path), stuck=True)
    if found.path is not None:
        reason = f"from here {goal.name} ({goal.formula}) cannot be reached any more"
        return failure(system, reason, compiled.search.steps(found.path), stuck=True)
    if not found.never:
        return unknown(f"all runs end where {goal.name} holds")
    if _finite(found, again):
        return Holds()
    return Unknown(f"no run ends where {goal.name} does not hold, but one may be endless")


def _finite(found: Found, again: frozenset[int]) -> bool:
    return not again or found.length is not None


def _nothing(compiled: Compiled, moment: Moment) -> Any:
    every = range(len(compiled.encoding.net.transitions))
    return z3.And([z3.Not(enabled(compiled.encoding, moment, t)) for t in every])
