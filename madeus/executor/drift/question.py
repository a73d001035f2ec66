"""What a live assembly relies on and can be looked at: the probes of its marked places, and of transitions behind them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from madeus.executor.effects import relied_on
from madeus.executor.live.state import LiveState
from madeus.model import Action, ComponentType


class Element(StrEnum):
    """What a probe belongs to."""

    PLACE = "place"
    TRANSITION = "transition"


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a place or the effect of a transition really holds."""

    component: str
    element: Element
    name: str
    """Of the place or transition."""
    host: str
    """As the model names it."""
    probe: Action

    def __str__(self) -> str:
        return f"{self.component}.{self.name}"


def of_places(component: str, host: str, kind: ComponentType, places: Iterable[str]) -> Iterator[Question]:
    """The questions about places of a component, where they have a probe."""
    for name in sorted(places):
        probe = kind.place[name].probe
        if probe is not None:
            yield Question(component, Element.PLACE, name, host, probe)


def of_transitions(component: str, host: str, kind: ComponentType, names: Iterable[str]) -> Iterator[Question]:
    """The questions about effects of transitions, where they have a probe."""
    for name in names:
        probe = kind.transition[name].probe
        if probe is not None:
            yield Question(component, Element.TRANSITION, name, host, probe)


def questions(
    state: LiveState, types: Mapping[str, ComponentType], components: Collection[str] | None = None
) -> list[Question]:
    """What can be asked of an assembly that stands there, or of some of its components.

    A place is asked about while it holds a token, a transition while its effect is relied on (`madeus.executor.effects`).
    """
    found: list[Question] = []
    for instance in state.instances:
        if components is not None and instance.name not in components:
            continue
        kind, s = types[instance.type], state.configuration.components[instance.name]
        ended = relied_on(kind, s.places, state.effects.get(instance.name, ()))
        found += of_places(instance.name, instance.host, kind, s.places)
        found += of_transitions(instance.name, instance.host, kind, ended)
    return found
