"""What transitions have left behind: which have ended and not been taken back, and where they stand in a component's life.

The effect of a transition *stands* from its end until its component is (again) at the place it begins at. It is *relied on*
while it stands and the component is at the place it leads to, or at one that transitions of its behaviors lead to from there:
another behavior may undo it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from immutables import Map

from madeus.model import Add, ComponentType, Delete
from madeus.semantics import Configuration, Step, StepKind, System

Effects = Map[str, tuple[str, ...]]
"""Component -> transitions whose effect stands, the latest end last."""

NO_EFFECTS: Effects = Map()


class Standing:
    """Follows the steps of a run, and knows whose effects stand."""

    def __init__(self, system: System, before: Mapping[str, tuple[str, ...]] = NO_EFFECTS) -> None:
        """before: what stands where the run begins; of components that are elsewhere now it is cut back."""
        self._system = system
        self._found: dict[str, tuple[str, ...]] = {}
        if system.begin is not None:
            for name, state in system.begin.components.items():
                known = tuple(t for t in before.get(name, ()) if t in system.tables[state.type].kind.transition)
                self._found[name] = standing(system.tables[state.type].kind, state.places, known)
        self._first = dict(self._found)

    @property
    def effects(self) -> Effects:
        """Whose effects stand now."""
        return Map({name: ended for name, ended in self._found.items() if ended})

    def take(self, step: Step, after: Configuration) -> None:
        """Follow a step to the configuration after it."""
        name = step.component
        match step.kind:
            case StepKind.END:
                ended = self._found.get(name, ())
                self._cut(name, (*(t for t in ended if t != step.element), step.element), after)
            case StepKind.ENTER | StepKind.RECOVER:
                self._cut(name, self._found.get(name, ()), after)
            case StepKind.ROLLBACK:
                self._found = dict(self._first)
            case StepKind.PROGRAM:
                program = self._system.programs[self._system.program_index[name]]
                match program.instructions[step.position]:
                    case Add(instance):
                        self._found[instance.name] = ()
                    case Delete(component):
                        self._found.pop(component, None)
                    case _:
                        pass
            case _:
                pass

    def _cut(self, name: str, ended: tuple[str, ...], conf: Configuration) -> None:
        state = conf.components[name]
        self._found[name] = standing(self._system.tables[state.type].kind, state.places, ended)


def standing(kind: ComponentType, places: Iterable[str], ended: tuple[str, ...]) -> tuple[str, ...]:
    """Of transitions that have ended those whose effect stands when these places are marked."""
    marked = set(places)
    return tuple(t for t in ended if kind.transition[t].source not in marked)


def after(kind: ComponentType, transition: str) -> frozenset[str]:
    """Places where the effect of a transition is relied on: its destination, those that its behaviors lead to from there."""
    own = kind.transition[transition]
    found, pending = {own.destination}, [own.destination]
    while pending:
        place = pending.pop()
        for behavior in own.behaviors:
            for name in kind.outgoing.get((behavior, place), ()):
                destination = kind.transition[name].destination
                if destination not in found:
                    found.add(destination)
                    pending.append(destination)
    return frozenset(found)


def relied_on(kind: ComponentType, places: Iterable[str], ended: tuple[str, ...]) -> tuple[str, ...]:
    """Transitions whose effect is relied on when these places are marked."""
    marked = frozenset(places)
    return tuple(t for t in standing(kind, marked, ended) if not marked.isdisjoint(after(kind, t)))
