"""The cut of a system: a center of few components that many others are connected to, and islands that are left without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from madeus.model import Add, Connect, Delete, Disconnect, Program, Push, WaitComponent, WaitPush
from madeus.petri.element import ElementKind
from madeus.petri.translate import Translation
from madeus.semantics import System

ISLAND = 3
"""Components of an island, at most."""

CENTER = 8
"""Components of the center, at most."""

FEW = 3
"""Islands, at least: with fewer there is nothing to gain."""


class NotModular(Exception):
    """A system that does not fall apart. reason: a phrase."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Parts:
    """Modules by number: the center is 0, islands come after it."""

    owner: tuple[int, ...]
    """For each place of the net its module; -1 for places that follow from others."""
    islands: tuple[tuple[str, ...], ...]
    """Components of each island; island number i is module i + 1."""

    def module(self, component: str) -> int:
        """The module of a component."""
        return next((number for number, island in enumerate(self.islands, 1) if component in island), 0)


def cut(translation: Translation, center: Collection[str] | None = None) -> Parts:
    """The parts of a translated system. center: components to put there instead of those with the most connections.

    A program that names the components of one island alone belongs to it; other programs belong to the center.
    Raises NotModular.
    """
    near = _neighbors(translation)
    chosen = _center(near) if center is None else center
    if len(chosen) > CENTER:
        raise NotModular("no few components hold the others together")
    islands = [tuple(sorted(island)) for island in _islands(near, chosen)]
    if len(islands) < FEW and center is None:
        raise NotModular("there are too few components around a center")
    where = {name: number for number, island in enumerate(islands, 1) for name in island}
    system = translation.system
    for program in system.programs:
        touched = {where.get(name, 0) for name in _named(system, program)}
        where_it_is = touched.pop() if len(touched) == 1 else 0
        where[_key(program.name)] = where_it_is
    owner = []
    for number, element in enumerate(translation.elements):
        if number in translation.net.sums:
            owner.append(-1)
        elif element.kind is ElementKind.POSITION:
            owner.append(where[_key(element.component)])
        else:
            owner.append(where.get(element.component, 0))
    return Parts(tuple(owner), tuple(islands))


def _key(program: str) -> str:
    """Programs and components may have the same names."""
    return f"program {program}"


def _neighbors(translation: Translation) -> dict[str, set[str]]:
    outline = translation.outline
    near: dict[str, set[str]] = {name: set() for name in outline.courses}
    for c in (*outline.lasting, *outline.passing):
        if c.user != c.provider and c.user in near and c.provider in near:
            near[c.user].add(c.provider)
            near[c.provider].add(c.user)
    return near


def _center(near: Mapping[str, set[str]]) -> set[str]:
    """Take the components with the most connections out of large islands until there are none."""
    center: set[str] = set()
    while len(center) <= CENTER:
        large = [island for island in _islands(near, center) if len(island) > ISLAND]
        if not large:
            break
        for island in large:
            center.add(max(island, key=lambda name: len(near[name] - center)))
    return center


def _islands(near: Mapping[str, set[str]], center: Collection[str]) -> list[list[str]]:
    seen = set(center)
    found: list[list[str]] = []
    for name in near:
        if name in seen:
            continue
        seen.add(name)
        island, pending = [name], [name]
        while pending:
            for other in near[pending.pop()]:
                if other not in seen:
                    seen.add(other)
                    island.append(other)
                    pending.append(other)
        found.append(island)
    return found


def _named(system: System, program: Program) -> set[str]:
    """The components that a program names; an empty name stands for all."""
    found: dict[str, None] = defaultdict()
    for instruction in program.instructions:
        match instruction:
            case Push(component) | WaitComponent(component) | Delete(component):
                found[component] = None
            case Add(instance):
                found[instance.name] = None
            case Connect(connection) | Disconnect(connection):
                found.update(dict.fromkeys((connection.user, connection.provider)))
            case WaitPush(label):
                found[system.labels[(system.program_index[program.name], label)][0]] = None
            case _:
                found[""] = None
    return set(found)
