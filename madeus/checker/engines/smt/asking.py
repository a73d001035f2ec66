"""Whether something can be reached: by a run, or by a proof that it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import z3

from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.compiled import Compiled
from madeus.checker.engines.explicit.target import Condition
from madeus.checker.engines.smt.linear import Numbers, excluded
from madeus.checker.engines.smt.unrolled import Known, Memory, Moment, Predicate, Unrolled, halted, translated
from madeus.checker.verdict import Unknown

LENGTH = 40
"""Steps of the longest run that is searched."""

DEPTH = 12
"""Markings in a row of the longest induction that is tried."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about reaching something."""

    path: tuple[int, ...] | None = None
    """Steps of a shortest run to it."""
    never: bool = False
    """Whether it is proved that there is none; without a path and a proof nobody knows."""
    length: int | None = None
    """No run has more steps; None: that is not known."""


@dataclass(slots=True)
class Asking:
    """Questions whether something can be reached."""

    compiled: Compiled
    watch: Watch
    known: Known
    notes: list[str] = field(default_factory=list)

    def of(self, condition: Condition) -> Predicate:
        """A condition as a predicate."""
        return lambda moment: translated(self.compiled.encoding, condition, moment)

    def reach(
        self,
        wanted: Predicate,
        numbers: Numbers | None = None,
        memory: Sequence[Memory] = (),
        clashes: bool = False,
    ) -> Found:
        """A shortest run to a marking where something is true, or a proof that there is none. Raises Exhausted.

        numbers: the same without memory, or what follows from it, for the state equation. clashes: whether it may be true
        where two tokens have met.
        """
        encoding, watch = self.compiled.encoding, self.watch
        if numbers is not None and excluded(encoding.net, numbers, watch):
            self.notes.append("proved by the state equation")
            return Found(never=True)

        def bad(moment: Moment) -> Any:
            return wanted(moment) if clashes else z3.And(wanted(moment), z3.Not(halted(encoding, moment)))

        search = Unrolled(encoding, memory)
        step = Unrolled(encoding, memory, self.known)
        for length in range(LENGTH + 1):
            watch.tick()
            if search.satisfied(watch, bad(search.moments[-1])):
                return Found(search.path())
            search.extend()
            if not search.satisfied(watch):
                self.notes.append(f"no run has more than {length} steps")
                return Found(never=True, length=length)
            if length < DEPTH:
                here = bad(step.moments[-1])
                if not step.satisfied(watch, here):
                    self.notes.append(f"proved by induction over {length + 1} markings in a row")
                    return Found(never=True)
                step.solver.add(z3.Not(here))
                step.extend()
                step.differ()
        return Found()


def unknown(what: str) -> Unknown:
    """Nobody knows."""
    return Unknown(f"it is not proved that {what}, and no run of up to {LENGTH} steps shows it")
