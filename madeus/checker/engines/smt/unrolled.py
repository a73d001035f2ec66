"""A net unrolled for a solver: one copy of the marking for each moment, one transition between two of them.

A place of one bit is a Boolean; one that may hold more is a vector of as many bits as the encoding of markings gives it. Bits
of memory are set for good by transitions, or by what is true of a marking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from madeus.checker.engine import Exhausted, Watch
from madeus.checker.engines.explicit.encoding import Encoding
from madeus.checker.engines.explicit.target import Condition, Some


@dataclass(frozen=True, slots=True)
class Moment:
    """A marking of an unrolled net."""

    tokens: Sequence[Any]
    """Boolean or vector of bits of each place."""
    memory: Sequence[Any]
    """Boolean of each bit of memory."""


Predicate = Callable[[Moment], Any]
"""What is true of a moment, as a Boolean of z3."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A bit of memory. set_by: transitions that set it. seen: what sets it where it is true."""

    set_by: frozenset[int] = frozenset()
    seen: Predicate | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is true of every reachable marking."""

    equations: Sequence[Mapping[int, int]] = ()
    """Weights of places whose sum is the same everywhere."""
    apart: Sequence[tuple[int, Sequence[int]]] = ()
    """Facts that exclude others; 2p: place p is empty, 2p + 1: it is marked."""


class Unrolled:
    """Copies of a net's marking in one solver. free: the first is any marking of which that is true, not the initial one."""

    def __init__(self, encoding: Encoding, memory: Sequence[Memory], free: Known | None = None) -> None:
        self.encoding = encoding
        self.net = encoding.net
        self.memory = memory
        self.free = free
        self.solver = z3.SolverFor("QF_FD")
        self.model: Any = None
        """What satisfied the solver last."""
        self._taken: list[list[Any]] = []
        self._touching: list[list[tuple[int, int]]] = [[] for _ in self.net.places]
        for t in range(len(self.net.transitions)):
            change: dict[int, int] = {}
            for arcs, sign in ((self.net.pre[t], -1), (self.net.post[t], 1)):
                for place, weight in arcs:
                    change[place] = change.get(place, 0) + sign * weight
            for place, amount in change.items():
                if amount:
                    self._touching[place].append((t, amount))
        self.moments = [self._first()]

    def _first(self) -> Moment:
        tokens = [self._variable(f"m0_{p}", p) for p in range(len(self.net.places))]
        bits = [z3.Bool(f"b0_{k}") for k in range(len(self.memory))]
        first = Moment(tokens, bits)
        if self.free is None:
            for place, amount in enumerate(self.net.initial):
                self.solver.add(tokens[place] == (bool(amount) if self._single(place) else amount))
            for bit, memory in zip(bits, self.memory, strict=True):
                self.solver.add(bit == (memory.seen(first) if memory.seen is not None else False))
        else:
            self._restrict(first, self.free)
        return first

    def _single(self, place: int) -> bool:
        return self.encoding.fields[place].width == 1

    def _variable(self, name: str, place: int) -> Any:
        return z3.Bool(name) if self._single(place) else z3.BitVec(name, self.encoding.fields[place].width)

    def _restrict(self, moment: Moment, known: Known) -> None:
        net, solver = self.net, self.solver
        if net.bounds is not None:
            for place, bound in enumerate(net.bounds):
                limit = bound + bool(net.single)
                if not self._single(place) and limit >> self.encoding.fields[place].width == 0:
                    solver.add(z3.ULE(moment.tokens[place], limit))
        for equation in known.equations:
            total = sum(weight * net.initial[place] for place, weight in equation.items())
            solver.add(self._weighs(moment, equation, total))
        for fact, others in known.apart:
            solver.add(z3.Implies(_fact(moment, fact), z3.And([_fact(moment, other ^ 1) for other in others])))
        for bit, memory in zip(moment.memory, self.memory, strict=True):
            if memory.seen is not None:
                solver.add(z3.Implies(memory.seen(moment), bit))

    def _weighs(self, moment: Moment, invariant: Mapping[int, int], total: int) -> Any:
        terms: list[tuple[Any, int]] = []
        for place, weight in invariant.items():
            token, width = moment.tokens[place], self.encoding.fields[place].width
            if width == 1:
                terms.append((token, weight))
            else:
                terms.extend((z3.Extract(k, k, token) == 1, weight << k) for k in range(width))
        # All weights are made positive: not x counts for what x would take away.
        less = sum(weight for _, weight in terms if weight < 0)
        positive = [(x, w) if w > 0 else (z3.Not(x), -w) for x, w in terms]
        return z3.PbEq(positive, total - less)

    def extend(self) -> None:
        """One more moment, one transition after the last."""
        before, length = self.moments[-1], len(self.moments)
        count = len(self.net.transitions)
        fired = [z3.Bool(f"t{length}_{t}") for t in range(count)]
        solver = self.solver
        solver.add(z3.PbEq([(f, 1) for f in fired], 1) if fired else z3.BoolVal(False))
        if self.net.single:
            solver.add(z3.Not(halted(self.encoding, before)))
        for t, taken in enumerate(fired):
            solver.add(z3.Implies(taken, enabled(self.encoding, before, t)))
        tokens = []
        for place, touching in enumerate(self._touching):
            fresh = self._variable(f"m{length}_{place}", place)
            old = before.tokens[place]
            if self._single(place):
                more = [fired[t] for t, amount in touching if amount > 0]
                fewer = [fired[t] for t, amount in touching if amount < 0]
                solver.add(fresh == z3.Or(*more, z3.And(old, z3.Not(z3.Or(fewer)))))
            else:
                value = old
                for t, amount in touching:
                    value = z3.If(fired[t], old + amount, value)
                solver.add(fresh == value)
            tokens.append(fresh)
        bits = [z3.Bool(f"b{length}_{k}") for k in range(len(self.memory))]
        after = Moment(tokens, bits)
        for bit, was, memory in zip(bits, before.memory, self.memory, strict=True):
            ways = [was, *(fired[t] for t in sorted(memory.set_by))]
            if memory.seen is not None:
                ways.append(memory.seen(after))
            solver.add(bit == z3.Or(ways))
        self._taken.append(fired)
        self.moments.append(after)

    def differ(self) -> None:
        """The last moment is no earlier one over again."""
        last = self.moments[-1]
        for other in self.moments[:-1]:
            pairs = [*zip(last.tokens, other.tokens, strict=True), *zip(last.memory, other.memory, strict=True)]
            self.solver.add(z3.Or([a != b for a, b in pairs]))

    def satisfied(self, watch: Watch, *conditions: Any) -> bool:
        """Whether the last moment may be such. Raises Exhausted."""
        self.solver.push()
        self.solver.add(*conditions)
        found = decided(self.solver, watch)
        self.model = self.solver.model() if found else None
        self.solver.pop()
        return found

    def path(self) -> tuple[int, ...]:
        """Transitions of the run that was found."""
        return tuple(next(t for t, f in enumerate(fired) if z3.is_true(self.model.eval(f))) for fired in self._taken)


def _fact(moment: Moment, fact: int) -> Any:
    token = moment.tokens[fact // 2]
    return token if fact & 1 else z3.Not(token)


def at_least(encoding: Encoding, moment: Moment, place: int, weight: int) -> Any:
    """Whether a place holds so many tokens."""
    width = encoding.fields[place].width
    if weight >> width:
        return z3.BoolVal(False)
    return moment.tokens[place] if width == 1 else z3.UGE(moment.tokens[place], weight)


def halted(encoding: Encoding, moment: Moment) -> Any:
    """Whether two tokens have met, so that nothing moves and nothing is true."""
    return z3.Or([at_least(encoding, moment, place, 2) for place in sorted(encoding.net.single)])


def enabled(encoding: Encoding, moment: Moment, t: int) -> Any:
    """Whether a transition is enabled in a marking that is not halted."""
    net = encoding.net
    return z3.And(
        *[at_least(encoding, moment, p, w) for p, w in (*net.pre[t], *net.read[t])],
        *[z3.Not(at_least(encoding, moment, p, w)) for p, w in net.inhibit[t]],
    )


def translated(encoding: Encoding, condition: Condition, moment: Moment) -> Any:
    """A condition as a Boolean of z3."""
    if isinstance(condition, Some):
        return z3.Or([at_least(encoding, moment, place, 1) for place in condition.places])
    word, parts = condition
    inner = [translated(encoding, part, moment) for part in parts]
    if word == "not":
        return z3.Not(inner[0])
    return z3.And(inner) if word == "and" else z3.Or(inner)


def decided(solver: Any, watch: Watch) -> bool:
    """Whether something satisfies all that a solver knows. Raises Exhausted."""
    watch.check()
    if watch.budget.seconds is not None:
        solver.set("timeout", max(1, int(1000 * (watch.budget.seconds - watch.seconds))))
    answer = solver.check()
    if answer == z3.unknown:
        watch.check()
        if solver.reason_unknown() in ("timeout", "canceled"):
            raise watch.late()
        raise Exhausted(f"z3 gave up: {solver.reason_unknown()}")
    return bool(answer == z3.sat)
