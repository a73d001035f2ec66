"""The life of a component type as an automaton: rests (sets of marked places), and the behaviors that lead from rest to rest.

Ports are looked at one component at a time: which of them a rest holds in use or serves, and which a behavior takes, releases,
takes off and brings up on its way. Behaviors that have a choice inside (``unroll`` refuses them) are no moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from madeus.checker.engines.causal.phases import Phases, phases
from madeus.checker.engines.causal.unroll import NotCausal, unroll
from madeus.model import Assembly, ComponentType, PortKind, Transition
from madeus.semantics.system import TypeTable

Places = frozenset[str]


@dataclass(frozen=True)
class Move:
    """One behavior of a component, from rest to rest."""

    behavior: str
    source: Places
    target: Places
    phases: Phases
    duration: float
    """Seconds, in the middle of the intervals."""
    drops: frozenset[str]
    """Services that serve before and go off on the way."""
    takes: frozenset[str]
    """Use ports that have to be served on the way."""
    needs_data: frozenset[str]
    """Data use ports that are read on the way."""


@dataclass(frozen=True)
class Rest:
    """What a component does while it rests."""

    serving: frozenset[str]
    """Services that are active."""
    using: frozenset[str]
    """Use ports that are in use."""


class Lives:
    """The automata of the types of an assembly, worked out as far as somebody asks."""

    def __init__(self, assembly: Assembly) -> None:
        self.types = assembly.types
        self.skipped: dict[tuple[str, str], str] = {}
        """(type, behavior) -> why it is no move from some rest."""
        self._tables: dict[str, TypeTable] = {}
        self._moves: dict[tuple[str, Places], tuple[Move, ...]] = {}
        self._rests: dict[tuple[str, Places], Rest] = {}
        self._seconds: dict[str, dict[str, float]] = {}

    def kind(self, name: str) -> ComponentType:
        """A component type."""
        return self.types[name]

    def table(self, name: str) -> TypeTable:
        """Its tables."""
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = TypeTable(self.types[name])
            self._seconds[name] = {t.name: usual_duration(t) for t in found.kind.transitions}
        return found

    def moves(self, name: str, places: Places) -> tuple[Move, ...]:
        """The behaviors of a type that move something from a rest."""
        found = self._moves.get((name, places))
        if found is None:
            every = (self._move(name, places, behavior) for behavior in self.types[name].behaviors)
            found = self._moves[(name, places)] = tuple(move for move in every if move is not None)
        return found

    def move(self, name: str, places: Places, behavior: str) -> Move | None:
        """One of them."""
        return next((move for move in self.moves(name, places) if move.behavior == behavior), None)

    def _move(self, name: str, places: Places, behavior: str) -> Move | None:
        table = self.table(name)
        try:
            made = phases(unroll(table, places, behavior))
        except NotCausal as error:
            self.skipped.setdefault((name, behavior), str(error))
            return None
        if not made.events.moves:
            return None
        kinds = {use.name: use.kind for use in table.kind.uses}
        taken = {use for use, holds in made.holds.items() if any(hold.taken is not None for hold in holds)}
        return Move(
            behavior,
            places,
            made.events.target,
            made,
            made.events.duration(self._seconds[name]),
            frozenset(port for port, turn in made.turns.items() if turn.refuses),
            frozenset(use for use in taken if kinds[use] is PortKind.SERVICE),
            frozenset(use for use in taken if kinds[use] is PortKind.DATA),
        )

    def rest(self, name: str, places: Places) -> Rest:
        """What a type does at a rest."""
        found = self._rests.get((name, places))
        if found is None:
            table = self.table(name)
            serving = (
                port
                for port in table.services
                if all(not places.isdisjoint(group.places) for group in table.bound_groups[port])
            )
            using = (
                use.name
                for use in table.holder_uses
                if any(not places.isdisjoint(table.group(holder).places) for holder in use.holders)
            )
            found = self._rests[(name, places)] = Rest(frozenset(serving), frozenset(using))
        return found

    def reachable(self, name: str, places: Places, most: int = 20_000) -> set[Places]:
        """Rests that moves lead to, ports aside; at most so many."""
        found = {places}
        pending = [places]
        while pending and len(found) < most:
            for move in self.moves(name, pending.pop()):
                if move.target not in found:
                    found.add(move.target)
                    pending.append(move.target)
        return found


def usual_duration(transition: Transition) -> float:
    """The middle of a transition's interval; the least where nothing bounds it."""
    low, high = transition.interval.minimum, transition.interval.maximum
    return low if high == inf else (low + high) / 2
