"""Groups as outlines: which of them can be drawn one inside the other."""

from __future__ import annotations

from dataclasses import dataclass

from madeus.model import ComponentType


@dataclass(frozen=True, slots=True)
class Outline:
    """A group that is drawn as an outline."""

    name: str
    places: frozenset[str]
    parent: str | None
    """The smallest outline around it."""


def outlines(kind: ComponentType) -> tuple[tuple[Outline, ...], tuple[str, ...]]:
    """Groups of a type that nest, larger ones first, and the names of those that cross another one."""
    groups = sorted(kind.groups, key=lambda g: -len(set(g.places)))
    nested: list[Outline] = []
    crossing: list[str] = []
    for group in groups:
        places = frozenset(group.places)
        if any(places & other.places and not places <= other.places for other in nested):
            crossing.append(group.name)
            continue
        around = [other for other in nested if places <= other.places]
        nested.append(Outline(group.name, places, around[-1].name if around else None))
    return tuple(nested), tuple(crossing)
