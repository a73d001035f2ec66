"""The one event structure that all runs of a program share, and the proof that they do.

One run is simulated. Its steps are ordered by what makes each of them enabled: the step before it in its thread, the push of
its behavior, what an instruction waits for, the event since which a provider serves a use port that is taken, the events by
which the users of a service let go of it before it goes off. A run of the system is then a way of walking through this order;
there is no other run when no step can be enabled before or without its causes. That is so when, for each time a use port is
taken, with its provider's last refusal before it and its first one after it (a provider that will go off refuses, MAU),

- the refusal before has begun whenever the causes of the step inside its own thread have happened, and
- the step has happened whenever the refusal after can begin.

By induction over the downward closed sets of events the enabled steps are always the least events that are left, so all runs
end, and in the same configuration (persistence: Keller 1974, Landweber and Robertson 1978). Where a condition cannot be shown,
NotCausal is raised and nothing is said.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from madeus.checker.engines.causal.threads import START, Link, Port, Pushed, Served, Taken, Threads
from madeus.checker.engines.causal.unroll import Local, NotCausal
from madeus.model import Multiplicity
from madeus.semantics import Simulation, Step, StepKind, System, simulate


class _Claim(NamedTuple):
    """A taking of a use port, at a time of serving of a provide port."""

    port: Port
    taken: Taken
    served: Served
    number: int


class Weave:
    """The events of all runs of a system. Raises NotCausal."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.threads = Threads(system)
        self.before = self.threads.before
        """Causes of each event, those through ports included."""
        self.simulation: Simulation = simulate(system)
        """A run; every other one is a permutation of it."""
        if self.simulation.deadlock is not None or self.simulation.truncated:
            raise NotCausal("a run does not come to its end")
        self.rank = self._ranks()
        """Place of each event in that run."""
        claims = [claim for port in self.threads.taken for claim in self._claims(port)]
        for port, links in self.threads.links.items():
            self._order_links(port, links)
        self._latest, self._earliest = self._landmarks()
        for claim in claims:
            self._check(claim)
        self._check_links()

    def _ranks(self) -> list[int]:
        queues: dict[str, list[Pushed]] = {}
        for pushed in self.threads.pushes:
            queues.setdefault(pushed.component, []).append(pushed)
        heads = dict.fromkeys(queues, 0)
        rank = [START] * len(self.before)
        for position, (_, step, _) in enumerate(self.simulation.trace.events, 1):
            if step.kind is StepKind.PROGRAM:
                rank[self.threads.program[(step.component, step.position)]] = 2 * position
                continue
            pushed = queues[step.component][heads[step.component]]
            station = step.station if step.kind is StepKind.ENTER else ""
            local = pushed.phases.events.number[Local(step.kind, step.element, station)]
            rank[pushed.base + local] = 2 * position
            if step.kind is StepKind.FINISH:
                heads[step.component] += 1
        for pushed in self.threads.pushes:
            rank[pushed.base] = 1 + max(rank[event] for event in self.before[pushed.base])
        assert START not in rank
        return rank

    def step(self, event: int) -> Step | None:
        """The step of an event; None where a behavior becomes the head of its queue, which is none."""
        position, inner = divmod(self.rank[event], 2)
        return None if inner else self.simulation.trace.events[position - 1].step

    def past(self, event: int) -> set[int]:
        """An event and all its causes."""
        found, waiting = {event}, [event]
        while waiting:
            for cause in self.before[waiting.pop()]:
                if cause not in found:
                    found.add(cause)
                    waiting.append(cause)
        return found

    # ---- causes through ports ----------------------------------------------------------------------------------------

    def _claims(self, port: Port) -> list[_Claim]:
        """Add the causes that a use port brings; the simulated run says which time of serving each taking belongs to."""
        threads = self.threads
        use = self.system.tables[threads.types[port[0]]].kind.use[port[1]]
        links = threads.links.get(port, [])
        if use.multiplicity is Multiplicity.ANY and len(links) > 1:
            raise NotCausal(f"{self._name(port)} is served by any of several")
        found: list[_Claim] = []
        for taken in threads.taken[port]:
            provides = self._connected(links, taken)
            if not provides and not use.optional and taken.fresh:
                raise NotCausal(f"{self._name(port)} is connected to nothing")
            for provide in provides:
                found.append(self._claim(port, taken, threads.served[provide]))
        return found

    def _connected(self, links: list[Link], taken: Taken) -> list[Port]:
        found: dict[Port, None] = {}
        for link in links:
            if self._at(link.event) > self._at(taken.event):
                break
            if link.joins:
                found[link.provide] = None
            else:
                found.pop(link.provide, None)
        return list(found)

    def _at(self, event: int) -> int:
        return START if event == START else self.rank[event]

    def _claim(self, port: Port, taken: Taken, served: Served) -> _Claim:
        pushes = self.threads.pushes
        number = sum(self.rank[pushes[turn.push].base] < self._at(taken.event) for turn in served.turns)
        raised = served.raised[number]
        if raised is None or (not taken.fresh and (raised or taken.event != START)):
            raise NotCausal(f"{self._name(port)} is in use without being served")
        if taken.fresh:
            self.before[taken.event].extend(raised)
        if number < len(served.turns):
            if taken.released is None:
                raise NotCausal(f"{self._name(port)} is never released")
            self.before[served.turns[number].drop].append(taken.released)
        return _Claim(port, taken, served, number)

    def _order_links(self, port: Port, links: list[Link]) -> None:
        """Connections change while the use port is not in use: a cut waits for that, and a join is looked at only then."""
        for link in links:
            if link.event == START:
                continue
            for taken in self.threads.taken.get(port, ()):
                if self._at(taken.event) < self.rank[link.event]:
                    if taken.released is None or self.rank[taken.released] > self.rank[link.event]:
                        raise NotCausal(f"{self._name(port)} is connected while it is in use")
                    if not link.joins:
                        self.before[link.event].append(taken.released)

    # ---- the order, and the proof ------------------------------------------------------------------------------------

    def _landmarks(self) -> tuple[list[float], list[float]]:
        """For each event the rank of the last instruction before it, and of the first one after it: most of the order."""
        count = len(self.before)
        order = sorted(range(count), key=self.rank.__getitem__)
        latest: list[float] = [-inf] * count
        earliest: list[float] = [inf] * count
        for event in self.threads.program.values():
            latest[event] = earliest[event] = self.rank[event]
        for event in order:
            for cause in self.before[event]:
                if self.rank[cause] >= self.rank[event]:
                    raise NotCausal("causes and the simulated run disagree")
                latest[event] = max(latest[event], latest[cause])
        for event in reversed(order):
            for cause in self.before[event]:
                earliest[cause] = min(earliest[cause], earliest[event])
        return latest, earliest

    def precedes(self, first: int, second: int) -> bool:
        """Whether an event comes before another one in every run, or is that one."""
        if first in (START, second):
            return True
        if second == START:
            return False
        if self._latest[second] >= self._earliest[first]:
            return True
        bound = self.rank[first]
        seen = {second}
        pending = [second]
        while pending:
            for cause in self.before[pending.pop()]:
                if cause == first:
                    return True
                if cause not in seen and self.rank[cause] > bound:
                    seen.add(cause)
                    pending.append(cause)
        return False

    def _any(self, first: int, seconds: tuple[int, ...]) -> bool:
        return any(self.precedes(first, second) for second in seconds)

    def _check(self, claim: _Claim) -> None:
        pushes, turns, taken = self.threads.pushes, claim.served.turns, claim.taken
        if not taken.fresh:
            return
        if claim.number > 0:
            refusing = pushes[turns[claim.number - 1].push]
            inside = self.threads.inside[taken.event]
            if not (self._any(refusing.instruction, inside) and self._any(refusing.previous, inside)):
                raise NotCausal(f"{self._name(claim.port)} may be taken before its provider refuses it")
        if claim.number < len(turns):
            going = pushes[turns[claim.number].push]
            if not (self.precedes(taken.event, going.instruction) or self.precedes(taken.event, going.previous)):
                raise NotCausal(f"{self._name(claim.port)} may be taken after its provider refuses it")

    def _check_links(self) -> None:
        """A change of connections comes before or after every taking of the port, and a join finds it not in use."""
        for port, links in self.threads.links.items():
            for link in links:
                if link.event == START:
                    continue
                before = self.threads.inside[link.event]
                for taken in self.threads.taken.get(port, ()):
                    if self._at(taken.event) > self.rank[link.event]:
                        ordered = self._any(link.event, self.threads.inside[taken.event])
                    elif link.joins:
                        ordered = taken.released is not None and self._any(taken.released, before)
                    else:
                        ordered = self._any(taken.event, before)
                    if not ordered:
                        raise NotCausal(f"{self._name(port)} may be connected before or after it is taken")

    def _name(self, port: Port) -> str:
        return f"{self.threads.names[port[0]]}.{port[1]}"
