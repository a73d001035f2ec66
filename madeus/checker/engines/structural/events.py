"""The event graph of a choice-free assembly: every step that its runs take, and what comes before what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from math import inf

from madeus.checker.engines.structural.shape import NEVER, START, NotChoiceFree, Shape, shape
from madeus.model import Multiplicity, Transition, UsePort
from madeus.semantics import Step, StepKind, System


class EventGraph:
    """Events of a system by number. A set of events closed under ``before`` is a reachable configuration, and conversely.

    Raises NotChoiceFree when the system is not in the class.
    """

    def __init__(self, system: System) -> None:
        if system.stages:
            raise NotChoiceFree("programs run")
        if system.begin is not None:
            raise NotChoiceFree("the runs begin in the middle of the assembly's life")
        if system.failures != 0:
            raise NotChoiceFree("actions may fail")
        self.system = system
        self.shapes: dict[str, Shape] = {}
        self.base: dict[str, int] = {}
        """Number of each instance's first event."""
        self.steps: list[Step] = []
        self.before: list[list[int]] = []
        self._never: set[int] = set()
        assembly = system.assembly
        for instance in assembly.instances:
            made = self.shapes.get(instance.type)
            if made is None:
                made = self.shapes[instance.type] = shape(system.tables[instance.type])
            base = self.base[instance.name] = len(self.steps)
            name = instance.name
            self.steps.extend(Step(e.kind, name, e.element, e.station) for e in made.events)
            self.before.extend([base + e for e in earlier] for earlier in made.before)
        providers: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for c in assembly.connections:
            providers.setdefault((c.user, c.use), []).append((c.provider, c.provide))
        for instance in assembly.instances:
            made, base = self.shapes[instance.type], self.base[instance.name]
            for use in made.held:
                self._check_held(instance.name, use, made, providers.get((instance.name, use.name), ()))
            for event, use in made.needs:
                self._need(base + event, instance.name, use, providers.get((instance.name, use.name)))

    def shape_of(self, component: str) -> Shape:
        """Shape of an instance."""
        return self.shapes[self.system.assembly.instance[component].type]

    def event(self, component: str, local: int) -> int:
        """Number of an event of an instance; START and NEVER stay what they are."""
        return local if local < 0 else self.base[component] + local

    def _check_held(self, component: str, use: UsePort, made: Shape, ends: Iterable[tuple[str, str]]) -> None:
        for provider, provide in ends:
            if not self.shape_of(provider).constant[provide]:
                raise NotChoiceFree(
                    f"{component}.{use.name} is in use from the start and {provider}.{provide} may go off"
                )
            if self.shape_of(provider).served[provide] != (START,) and any(u is use for _, u in made.needs):
                raise NotChoiceFree(f"{component}.{use.name} is in use from the start and may be so again")

    def _need(self, event: int, component: str, use: UsePort, ends: list[tuple[str, str]] | None) -> None:
        if not ends:
            if not use.optional:
                self._never.add(event)
            return
        if use.multiplicity is Multiplicity.ANY and len(ends) > 1:
            raise NotChoiceFree(f"any one of several providers serves {component}.{use.name}")
        for provider, provide in ends:
            served = self.shape_of(provider).served[provide]
            if served is None:
                raise NotChoiceFree(f"several places of {provider} may be the first to bring up {provide}")
            for local in served:
                if local == NEVER:
                    self._never.add(event)
                elif local != START:
                    self.before[event].append(self.base[provider] + local)

    @cached_property
    def after(self) -> list[list[int]]:
        """For each event those that come right after it."""
        after: list[list[int]] = [[] for _ in self.before]
        for event, earlier in enumerate(self.before):
            for e in earlier:
                after[e].append(event)
        return after

    @cached_property
    def order(self) -> list[int]:
        """The events that happen, in an order in which they may; those on a cycle, or behind one, never do."""
        waiting = [len(earlier) for earlier in self.before]
        for event in self._never:
            waiting[event] += 1
        order = [event for event, count in enumerate(waiting) if not count]
        for event in order:
            for later in self.after[event]:
                waiting[later] -= 1
                if not waiting[later]:
                    order.append(later)
        return order

    @cached_property
    def happens(self) -> bytearray:
        """For each event whether it happens."""
        flags = bytearray(len(self.steps))
        for event in self.order:
            flags[event] = 1
        return flags

    @cached_property
    def rank(self) -> list[int]:
        """Position of each event in ``order``; meaningless for those that never happen."""
        rank = [0] * len(self.steps)
        for position, event in enumerate(self.order):
            rank[event] = position
        return rank

    def past(self, events: Iterable[int]) -> set[int]:
        """The events and all that come before them."""
        found = set(events)
        pending = list(found)
        before = self.before
        while pending:
            for earlier in before[pending.pop()]:
                if earlier not in found:
                    found.add(earlier)
                    pending.append(earlier)
        return found

    def linear(self, events: Iterable[int]) -> list[int]:
        """Events in an order in which they may happen."""
        return sorted(events, key=self.rank.__getitem__)

    def transition_of(self, event: int) -> Transition:
        """The transition of a FIRE or END event."""
        step = self.steps[event]
        return self.system.assembly.type_of(step.component).transition[step.element]

    def ends(self) -> Iterator[int]:
        """END events that happen, in order."""
        return (event for event in self.order if self.steps[event].kind is StepKind.END)

    @cached_property
    def least(self) -> list[float]:
        """Least duration of each END event, 0 for the others; in seconds."""
        return self._durations("minimum")

    @cached_property
    def greatest(self) -> list[float]:
        """Greatest duration of each END event, 0 for the others; in seconds."""
        return self._durations("maximum")

    def _durations(self, side: str) -> list[float]:
        table = [0.0] * len(self.steps)
        local: dict[str, list[tuple[int, float]]] = {}
        for name, made in self.shapes.items():
            local[name] = [(e, getattr(made.kind.transition[t].interval, side)) for t, e in made.end.items()]
        for instance in self.system.assembly.instances:
            base = self.base[instance.name]
            for event, duration in local[instance.type]:
                table[base + event] = duration
        return table

    def times(self, durations: list[float]) -> list[float]:
        """When each event happens, as early as it can; ``inf`` for those that never happen."""
        times = [inf] * len(self.steps)
        before = self.before
        for event in self.order:
            at = 0.0
            for earlier in before[event]:
                if times[earlier] > at:
                    at = times[earlier]
            times[event] = at + durations[event]
        return times
