"""The SMT engine: proofs by the state equation, counterexamples by bounded search (z3).

A marking reached by firing each transition t some x(t) times is the initial one plus the effect of x (Murata 1989, section
IV-B). When no x gives a marking where a formula holds, none is reachable: a proof without enumeration. When some x does it may
still not be realizable; then runs of growing length are searched, up to a limit, after which the answer is Unknown.
"""

from __future__ import annotations

from typing import Any

import z3

from madeus.checker.counterexample import failure
from madeus.checker.engine import Exhausted, Watch
from madeus.checker.engines.explicit.compiled import Compiled
from madeus.checker.engines.explicit.engine import Explicit
from madeus.checker.engines.explicit.target import Condition, Some
from madeus.checker.problem import Problem
from madeus.checker.verdict import Evidence, Holds, Unknown, Verdict, with_evidence
from madeus.model import Forbidden
from madeus.petri.net import Net

LENGTH = 40
"""Steps of the longest run that is searched."""


class Smt:
    """Forbidden formulas."""

    name = "smt"

    def __init__(self) -> None:
        self._explicit = Explicit()

    def refuses(self, problem: Problem) -> str | None:
        """Everything but ``forbidden`` on a system with a net."""
        if not isinstance(problem.question, Forbidden):
            return "it answers forbidden formulas alone"
        return self._explicit.refuses(problem)

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """A proof, a run, or Unknown. Raises Exhausted."""
        assert isinstance(problem.question, Forbidden)
        compiled = self._explicit.compiled(problem.system)
        condition = compiled.conditions.compile(problem.question.formula)
        if _excluded(compiled.encoding.net, condition, watch):
            verdict: Verdict = Holds(evidence=Evidence(notes=("proved by the state equation",)))
        else:
            path = _search(compiled, condition, watch)
            if path is None:
                verdict = Unknown(
                    f"the state equation does not exclude it, and no run of up to {LENGTH} steps reaches it"
                )
            else:
                reason = f"{problem.question.formula} holds"
                verdict = failure(problem.system, reason, compiled.search.steps(path))
        return with_evidence(verdict, Evidence(self.name, watch.states, watch.seconds, notes=verdict.evidence.notes))


def _excluded(net: Net, condition: Condition, watch: Watch) -> bool:
    solver = z3.Solver()
    times = [z3.Int(f"x{t}") for t in range(len(net.transitions))]
    solver.add([x >= 0 for x in times])
    change = [[amount * times[t] for t, amount in touched] for touched in _effects(net)]
    marking = [z3.Sum([z3.IntVal(tokens), *parts]) for tokens, parts in zip(net.initial, change, strict=True)]
    solver.add([tokens >= 0 for tokens in marking])
    solver.add([marking[place] <= 1 for place in net.single])
    solver.add(_translated(condition, marking))
    return bool(_decided(solver, watch) == z3.unsat)


def _search(compiled: Compiled, condition: Condition, watch: Watch) -> list[int] | None:
    """A shortest run to the condition of at most LENGTH steps."""
    net = compiled.encoding.net
    solver = z3.Solver()
    before = [z3.IntVal(tokens) for tokens in net.initial]
    taken: list[Any] = []
    effects = _effects(net)
    for length in range(LENGTH + 1):
        watch.tick()
        solver.push()
        solver.add(_translated(condition, before), *[before[p] <= 1 for p in net.single])
        if _decided(solver, watch) == z3.sat:
            model = solver.model()
            return [model.eval(t).as_long() for t in taken]
        solver.pop()
        after = [z3.Int(f"m{length}_{place}") for place in range(len(net.places))]
        fired = z3.Int(f"t{length}")
        taken.append(fired)
        solver.add(fired >= 0, fired < len(net.transitions))
        solver.add([z3.Implies(fired == t, _guard(net, t, before)) for t in range(len(net.transitions))])
        for place, tokens in enumerate(before):
            parts = [z3.If(fired == t, amount, 0) for t, amount in effects[place]]
            solver.add(after[place] == z3.Sum([tokens, *parts]))
        solver.add([before[p] <= 1 for p in net.single])
        before = after
    return None


def _guard(net: Net, t: int, marking: list[Any]) -> Any:
    return z3.And(
        *[marking[p] >= w for p, w in (*net.pre[t], *net.read[t])],
        *[marking[p] < w for p, w in net.inhibit[t]],
    )


def _effects(net: Net) -> list[list[tuple[int, int]]]:
    """For each place the transitions that touch its tokens, and by how much."""
    found: list[list[tuple[int, int]]] = [[] for _ in net.places]
    for t in range(len(net.transitions)):
        for place, weight in net.pre[t]:
            found[place].append((t, -weight))
        for place, weight in net.post[t]:
            found[place].append((t, weight))
    return found


def _translated(condition: Condition, marking: list[Any]) -> Any:
    if isinstance(condition, Some):
        return z3.Or([marking[place] >= 1 for place in condition.places])
    word, parts = condition
    inner = [_translated(part, marking) for part in parts]
    if word == "not":
        return z3.Not(inner[0])
    return z3.And(inner) if word == "and" else z3.Or(inner)


def _decided(solver: Any, watch: Watch) -> Any:
    watch.check()
    if watch.budget.seconds is not None:
        solver.set("timeout", max(1, int(1000 * (watch.budget.seconds - watch.seconds))))
    answer = solver.check()
    if answer == z3.unknown:
        watch.check()
        raise Exhausted(f"z3 gave up: {solver.reason_unknown()}")
    return answer
