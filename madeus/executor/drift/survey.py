"""A live assembly before a repair: the part of it that rests and that no run has, and what its hosts say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from madeus.executor.api import Origin, RunOptions
from madeus.executor.drift.answer import Answer, Drift
from madeus.executor.drift.find import look
from madeus.executor.drift.question import Question, questions
from madeus.executor.drift.really import Leads, Reality, really
from madeus.executor.errors import InputError
from madeus.executor.live.change import Correction
from madeus.executor.live.difference import adapted, compare
from madeus.executor.live.errors import CannotChange, ChangedMeanwhile
from madeus.executor.live.read import Live, read_one
from madeus.executor.live.state import LiveState, given_up
from madeus.model import Assembly, ComponentType, Program
from madeus.model.codec import read


class NoSuchPlace(InputError):
    """A component, or a place of it, that is said to be where it cannot be."""


@dataclass(frozen=True)
class Design:
    """The model that a repair goes by."""

    assembly: Assembly
    programs: Mapping[str, Program]
    origin: Origin

    @staticmethod
    def of(live: Live) -> Design:
        """The newest one that is stored. Raises NotAModel."""
        latest = live.latest
        file = Path(latest.file) if latest.file else None
        origin = Origin(file, Path(latest.base), latest.digest, latest.secrets)
        return Design(read(Assembly, latest.model["assembly"]), live.programs, origin)


@dataclass(frozen=True)
class Survey:
    """What a repair has to do with."""

    live: Live
    design: Design
    state: LiveState
    """Where the components stand that can be repaired, all at rest."""
    left_out: tuple[tuple[str, str], ...]
    """(component, run): components that belong to a run which has not finished."""
    options: RunOptions

    @property
    def types(self) -> Mapping[str, ComponentType]:
        """Types of the components."""
        return self.design.assembly.types

    def drift(self, components: Sequence[str] | None = None) -> Drift:
        """What the hosts say, of some components or all. Raises NotRunnable."""
        asked = questions(self.state, self.types, components)
        told = {question.component for question in asked}
        unasked = tuple(i.name for i in self.state.instances if i.name not in told)
        return Drift(self.live.name, self.look(asked), self.left_out, unasked if components is None else ())

    def look(self, asked: Sequence[Question]) -> tuple[Answer, ...]:
        """The answers to questions. Raises NotRunnable."""
        return look(self.live, self.state, self.types, asked, self.options)

    def really(self, drift: Drift, leads: Leads, given: Mapping[str, frozenset[str]] | None = None) -> Reality:
        """Where the components are. given: places that the user knows components to be at.

        Raises:
            NoSuchPlace: a component or place of `given` that is not there.
        """
        for name, places in (given or {}).items():
            state = self.state.configuration.components.get(name)
            if state is None:
                raise NoSuchPlace(f"{self.live.name} has no component {name} that can be repaired")
            for place in sorted(places - set(self.types[state.type].place)):
                known = ", ".join(self.types[state.type].place)
                raise NoSuchPlace(f"{state.type}, the type of {name}, has no place {place}", f"there is {known}")
        return really(self.state, self.types, drift.answers, self.look, leads, given)

    def correction(self, reality: Reality) -> Correction:
        """Puts right what the store says when a repair begins. Raises ChangedMeanwhile when it says something else by then."""

        def correct(stored: LiveState) -> LiveState:
            now, seen = stored.configuration.components, self.state.configuration.components
            if any(now.get(component) != seen[component] for component in reality.at):
                raise ChangedMeanwhile(self.live.name)
            return reality.state(stored)

        return correct


def survey(
    name: str, options: RunOptions | None = None, design: Design | None = None, take_over: bool = False
) -> Survey:
    """Look at what is stored of a live assembly.

    design: a newer model. take_over: components of runs that nobody drives any more count, as if those had been given up.

    Raises:
        NoLiveAssembly, JournalUnusable: see there.
        CannotChange: what lives does not fit the newer model.
    """
    options = options or RunOptions()
    live = read_one(name, options.state)
    own = design or Design.of(live)
    state, left_out = live.state, dict[str, str]()
    for change in live.unfinished:
        if take_over and change.holder is None:
            state = given_up(state, live.types, change.row.writes)
        else:
            left_out.update((component, change.row.run) for component in change.row.writes)
    state = state.without(left_out)
    if design is not None:
        difference = compare(state, live.types, own.assembly, left_out)
        if difference.problems:
            raise CannotChange(name, difference.problems)
        state = adapted(state, own.assembly)
    return Survey(live, own, state, tuple(sorted(left_out.items())), options)
