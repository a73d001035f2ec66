"""The map back: which model element each place of a net stands for, and the configuration that a marking means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from immutables import Map

from madeus.model import Connection, PortKind
from madeus.petri.element import Element, ElementKind
from madeus.petri.net import Net
from madeus.petri.translate.outline import Outline
from madeus.semantics.configuration import Clash, ComponentState, Configuration, Fate, PortName, Pushed
from madeus.semantics.step import Step
from madeus.semantics.system import System

_NONE: frozenset[str] = frozenset()

_CLASHES = {
    ElementKind.PLACE: "place",
    ElementKind.OUTPUT_DOCK: "output dock",
    ElementKind.RUNNING: "transition",
    ElementKind.SUM: "transition",
    ElementKind.INPUT_DOCK: "input dock",
}


@dataclass(frozen=True)
class Translation:
    """A net and what it stands for.

    Every firing sequence of the net is a run of the system, step by step (``net.labels``), and ``decode`` gives the
    configuration that each marking means; values of data ports are only known to be there or not.
    """

    outline: Outline
    net: Net
    elements: tuple[Element, ...]
    """Model element of each place, by place number."""

    @property
    def system(self) -> System:
        """The system that was translated."""
        return self.outline.system

    @cached_property
    def by_element(self) -> Mapping[Element, tuple[int, ...]]:
        """Place numbers of an element; more than one where a name may stand for components of several types."""
        found: dict[Element, list[int]] = {}
        for number, element in enumerate(self.elements):
            found.setdefault(element, []).append(number)
        return {element: tuple(numbers) for element, numbers in found.items()}

    @cached_property
    def taken_back(self) -> tuple[int, ...]:
        """The place that is marked where a run was taken back; empty where none is."""
        return self.numbers(ElementKind.TAKEN_BACK, "")

    def numbers(self, kind: ElementKind, component: str, name: str = "") -> tuple[int, ...]:
        """Place numbers of a component's element; empty when the net has none for it, since it never holds a token."""
        return self.by_element.get(Element(kind, component, name), ())

    def steps(self, firing: Iterable[int]) -> tuple[Step, ...]:
        """The steps that a firing sequence stands for."""
        labels = (self.net.labels[transition] for transition in firing)
        return tuple(label for label in labels if label is not None)

    def decode(self, marking: Sequence[int]) -> Configuration:
        """The configuration that a marking means. Raises ValueError for a marking of another length."""
        if len(marking) != len(self.elements):
            raise ValueError(f"a marking of {len(marking)} places for a net of {len(self.elements)}")
        if any(marking[number] for number in self.taken_back):
            # Nothing was moved: see ``rollback``.
            spent = sum(
                tokens for e, tokens in zip(self.elements, marking, strict=True) if e.kind is ElementKind.BUDGET
            )
            failures = 0 if self.system.failures is None else self.system.failures - spent
            return self.decode(self.net.initial)._replace(failures=failures, fate=Fate.TAKEN_BACK)
        reader = _Reader(self.outline)
        for number, tokens in enumerate(marking):
            if tokens:
                reader.read(self.elements[number], tokens)
        clash = None
        for number in sorted(self.net.single):
            if marking[number] > 1:
                element = self.elements[number]
                clash = Clash(element.component, element.name, _CLASHES[element.kind])
                break
        return reader.configuration(clash)


class _Reader:
    """Collects what the marked places say."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        system = self.system = outline.system
        self.types = {name: course.types[0] for name, course in outline.courses.items() if course.fixed}
        self.sets: dict[str, dict[ElementKind, set[str]]] = {}
        self.values: list[tuple[str, str]] = []
        self.heads: dict[str, str] = {}
        self.following: dict[str, dict[str, str]] = {}
        self.connections: list[Connection] = list(outline.lasting)
        self.named = {str(c): c for c in outline.passing}
        self.positions = [0] * len(system.programs)
        self.budget = 0
        self.fate = Fate.OPEN

    def read(self, element: Element, tokens: int) -> None:
        """Take in a marked place."""
        kind, component, name, behind = element
        match kind:
            case ElementKind.DATA:
                self.values.append((component, name))
            case ElementKind.HEAD:
                self.heads[component] = name
            case ElementKind.NEXT:
                self.following.setdefault(component, {})[behind] = name
            case ElementKind.EXISTS:
                self.types[component] = name
            case ElementKind.CONNECTION:
                self.connections.append(self.named[name])
            case ElementKind.POSITION:
                self.positions[self.system.program_index[component]] = int(name)
            case ElementKind.BUDGET:
                self.budget = tokens
            case ElementKind.LOST:
                self.fate = Fate.LOST
            case ElementKind.LAST | ElementKind.IDLE | ElementKind.ABSENT | ElementKind.TAKEN_BACK | ElementKind.SUM:
                pass
            case _:
                self.sets.setdefault(component, {}).setdefault(kind, set()).add(name)

    def configuration(self, clash: Clash | None) -> Configuration:
        """What the places said."""
        components: dict[str, ComponentState] = {}
        data: dict[PortName, None] = {}
        for name, type_name in self.types.items():
            sets = {kind: frozenset(found) for kind, found in self.sets.get(name, {}).items()}
            components[name] = ComponentState(
                type_name,
                sets.get(ElementKind.PLACE, _NONE),
                sets.get(ElementKind.OUTPUT_DOCK, _NONE),
                sets.get(ElementKind.RUNNING, _NONE),
                sets.get(ElementKind.FAILED, _NONE),
                sets.get(ElementKind.INPUT_DOCK, _NONE),
                self._queue(name),
            )
            kind = self.system.tables[type_name].kind
            data.update(((name, p), None) for place in kind.initial_places for p in kind.produced.get(place, ()))
        for name, place in self.values:
            kind = self.system.tables[self.types[name]].kind
            data.update(((name, p), None) for p in kind.produced[place] if kind.provide[p].kind is PortKind.DATA)
        providers: dict[PortName, list[PortName]] = {}
        users: dict[PortName, list[PortName]] = {}
        for c in self.connections:
            providers.setdefault((c.user, c.use), []).append((c.provider, c.provide))
            users.setdefault((c.provider, c.provide), []).append((c.user, c.use))
        failures = 0 if self.system.failures is None else self.system.failures - self.budget
        return Configuration(
            Map(components),
            Map({port: tuple(sorted(ends)) for port, ends in providers.items()}),
            Map({port: tuple(sorted(ends)) for port, ends in users.items()}),
            Map(data),
            tuple(self.positions),
            failures,
            clash,
            self.fate,
        )

    def _queue(self, name: str) -> tuple[Pushed, ...]:
        origin = self.heads.get(name)
        if origin is None:
            return ()
        behavior = {point.origin: point.behavior for point in self.outline.courses[name].pushes}
        following = self.following.get(name, {})
        queue = [Pushed(behavior[origin], origin)]
        while origin in following:
            origin = following[origin]
            queue.append(Pushed(behavior[origin], origin))
        return tuple(queue)
