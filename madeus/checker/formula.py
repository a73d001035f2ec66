"""Formulas in configurations, and the names they may use."""

from __future__ import annotations

from collections.abc import Iterator

from madeus.model import Active, And, Formula, Marked, Not, Or
from madeus.semantics import Configuration, System, is_active


class UnknownName(ValueError):
    """A question names something that the system never has. what: the qualified name, where: what it was taken for."""

    def __init__(self, what: str, taken_for: str) -> None:
        super().__init__(what, taken_for)
        self.what = what
        self.taken_for = taken_for

    def __str__(self) -> str:
        return f"{self.what} is no {self.taken_for} of this assembly"


def holds(system: System, conf: Configuration, formula: Formula) -> bool:
    """Whether a formula holds in a configuration; nothing holds in one with a clash."""
    return conf.clash is None and _holds(system, conf, formula)


def _holds(system: System, conf: Configuration, formula: Formula) -> bool:
    match formula:
        case Marked(component, place):
            state = conf.components.get(component)
            return state is not None and place in state.places
        case Active(component, port):
            return is_active(system, conf, component, port)
        case And(parts):
            return all(_holds(system, conf, part) for part in parts)
        case Or(parts):
            return any(_holds(system, conf, part) for part in parts)
        case Not(part):
            return not _holds(system, conf, part)


def atoms(formula: Formula) -> Iterator[Marked | Active]:
    """The atoms of a formula, from left to right."""
    pending: list[Formula] = [formula]
    while pending:
        match pending.pop():
            case Marked() | Active() as atom:
                yield atom
            case And(parts) | Or(parts):
                pending.extend(reversed(parts))
            case Not(part):
                pending.append(part)


def check_names(system: System, formula: Formula) -> None:
    """Raises UnknownName when the formula names a component, place or port that the system never has."""
    for atom in atoms(formula):
        instance = system.instances.get(atom.component)
        if instance is None:
            raise UnknownName(atom.component, "component")
        kind = system.assembly.types[instance.type]
        if isinstance(atom, Marked) and atom.place not in kind.place:
            raise UnknownName(str(atom), "place")
        if isinstance(atom, Active) and atom.port not in kind.provide:
            raise UnknownName(str(atom), "provide port")


def check_transition(system: System, component: str, transition: str) -> None:
    """Raises UnknownName when the system never has that transition."""
    instance = system.instances.get(component)
    if instance is None:
        raise UnknownName(component, "component")
    if transition not in system.assembly.types[instance.type].transition:
        raise UnknownName(f"{component}.{transition}", "transition")
