"""What a search looks for: whether a marking is it, and which transitions may bring it nearer (the up-set)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

from madeus.checker.engines.explicit.encoding import Encoding
from madeus.checker.engines.explicit.stubborn import Stubborn
from madeus.model import Active, And, Formula, Marked, Not, Or, PortKind
from madeus.petri.element import ElementKind
from madeus.petri.translate import Translation
from madeus.semantics import is_active

DOCKS = (ElementKind.OUTPUT_DOCK, ElementKind.RUNNING, ElementKind.FAILED, ElementKind.INPUT_DOCK)


class NotRepresented(Exception):
    """The net does not say whether an atom holds."""


@dataclass(frozen=True, slots=True)
class Some:
    """One of the places holds a token; no places: false."""

    places: tuple[int, ...]
    mask: int


Condition = Some | tuple[str, tuple["Condition", ...]]
"""A literal, or ("and" | "or" | "not", parts)."""


class Conditions:
    """Formulas over the markings of a translated system."""

    def __init__(self, translation: Translation, encoding: Encoding) -> None:
        self.translation = translation
        self.encoding = encoding
        self.back = self.some(translation.taken_back)
        """The run was taken back: then everything is as at the start, whatever the other places hold."""
        self._first = translation.decode(translation.net.initial)

    def compile(self, formula: Formula) -> Condition:
        """The condition that a formula is. Raises NotRepresented."""
        match formula:
            case And(parts):
                return "and", tuple(self.compile(p) for p in parts)
            case Or(parts):
                return "or", tuple(self.compile(p) for p in parts)
            case Not(part):
                return "not", (self.compile(part),)
            case Marked(component, place):
                state = self._first.components.get(component)
                places = self.some(self.translation.numbers(ElementKind.PLACE, component, place))
                return self._or_back(places, state is not None and place in state.places)
            case Active(component, port):
                groups = self.groups(component, port)
                on = is_active(self.translation.system, self._first, component, port)
                if on or not self.back.places:
                    return "and", tuple(self._or_back(group, True) for group in groups)
                return "and", (*groups, ("not", (self.back,)))

    def _or_back(self, condition: Some, first: bool) -> Condition:
        """A condition on places that also says what holds when the run was taken back. first: whether it holds at the start."""
        if not self.back.places:
            return condition
        if first:
            return self.some((*condition.places, *self.back.places))
        return "and", (condition, ("not", (self.back,)))

    def reached(self, goal: Formula) -> Condition:
        """A goal is reached by a run that is not taken back."""
        condition = self.compile(goal)
        return ("and", (condition, ("not", (self.back,)))) if self.back.places else condition

    def over(self, goal: Formula) -> Condition:
        """A goal is reached and the run will not be taken back, or it was taken back."""
        if not self.back.places:
            return self.compile(goal)
        lost = self.some(self.translation.numbers(ElementKind.LOST, ""))
        return "or", (self.back, ("and", (self.compile(goal), ("not", (lost,)))))

    def some(self, places: Iterable[int]) -> Some:
        """The condition that one of the places holds a token."""
        listed = tuple(places)
        return Some(listed, self.encoding.any_of(listed))

    def groups(self, component: str, port: str) -> list[Some]:
        """For each place or group a service is bound to, that a token is in it, as long as the run is not taken back.

        Raises NotRepresented for data.
        """
        system = self.translation.system
        kind = system.assembly.types[system.instances[component].type]
        if kind.provide[port].kind is PortKind.DATA:
            raise NotRepresented
        found: list[Some] = []
        for table in system.tables[kind.name].bound_groups[port]:
            places = [
                n for p in sorted(table.places) for n in self.translation.numbers(ElementKind.PLACE, component, p)
            ]
            for transition in sorted(table.transitions):
                places += [n for dock in DOCKS for n in self.translation.numbers(dock, component, transition)]
            found.append(self.some(places))
        return found


def holds(condition: Condition, marking: int) -> bool:
    """Whether a condition holds in a marking."""
    if isinstance(condition, Some):
        return bool(marking & condition.mask)
    word, parts = condition
    if word == "and":
        return all(holds(part, marking) for part in parts)
    if word == "or":
        return any(holds(part, marking) for part in parts)
    return not holds(parts[0], marking)


def exchanged(condition: Condition, swap: Mapping[int, int]) -> Hashable:
    """A condition after an exchange of places, in a form that is equal for those that differ in the order of parts."""
    if isinstance(condition, Some):
        return frozenset(swap.get(place, place) for place in condition.places)
    word, parts = condition
    return word, frozenset(exchanged(part, swap) for part in parts)


def up_set(stubborn: Stubborn, condition: Condition, marking: int, wanted: bool = True) -> set[int]:
    """Transitions one of which has to fire before the condition is as wanted, which it is not."""
    if isinstance(condition, Some):
        if wanted:
            return {t for place in condition.places for t in stubborn.raising[place]}
        # Every token has to go, this one too.
        marked = next(p for p in condition.places if stubborn.encoding.tokens(marking, p))
        return set(stubborn.lowering[marked])
    word, parts = condition
    if word == "not":
        return up_set(stubborn, parts[0], marking, not wanted)
    wrong = [part for part in parts if holds(part, marking) != wanted]
    if (word == "and") == wanted:
        return min((up_set(stubborn, part, marking, wanted) for part in wrong), key=len)
    return {t for part in wrong for t in up_set(stubborn, part, marking, wanted)}


@dataclass(frozen=True, slots=True)
class Target:
    """What a search looks for."""

    reached: Callable[[int, int], bool]
    """(marking, memory) -> whether it is found."""
    nearer: Callable[[int, int], set[int]]
    """(marking, memory) -> the up-set."""
    remember: tuple[int, ...] = ()
    """For each transition the bits of memory that firing it sets; empty: no memory."""
    start: int = 0
    """Memory at the start."""
