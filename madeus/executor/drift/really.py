"""Where the components of an assembly really are, as far as probes say: the marking that a repair begins with.

A component that has drifted is put back to the latest place of its way (`madeus.executor.drift.back`) that its probes do not
speak against. A user of a service that has gone off by that is put back as well, to where it does not need the service, unless
its own probes say that it still holds where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from madeus.executor.drift.answer import Answer, Seen
from madeus.executor.drift.back import Standpoint, passed, relied, way_back
from madeus.executor.drift.question import Question, of_places, of_transitions
from madeus.executor.live.state import LiveState, put_back
from madeus.model import ComponentType, Instance
from madeus.semantics import ComponentState, System
from madeus.semantics.ports import is_in_use, unserved

Look = Callable[[Sequence[Question]], tuple[Answer, ...]]
"""Asks some questions."""

Leads = Callable[[str, frozenset[str], frozenset[str]], bool]
"""(type, from, to) -> whether behaviors lead from some places to others."""


@dataclass(frozen=True, slots=True)
class Reliance:
    """A use port in use whose service has gone off, and what is made of its component."""

    user: str
    use: str
    why: str
    """What is wrong with the service."""
    stays: bool
    """Its probes say that it holds all the same, or nobody can tell; else it is put back."""
    unreachable: bool = False
    """Its host could not be reached, so it stays."""


@dataclass(frozen=True)
class Reality:
    """Where the assembly really stands."""

    at: Mapping[str, Standpoint]
    """Components that are elsewhere than the store says."""
    answers: Mapping[Question, Answer] = field(default_factory=dict)
    """Everything that was looked at."""
    reliances: tuple[Reliance, ...] = ()
    lost: tuple[str, ...] = ()
    """Components for which no place was found from which behaviors lead back."""

    def state(self, stored: LiveState) -> LiveState:
        """The stored state, put right."""
        return put_back(stored, {c: p.places for c, p in self.at.items()}, {c: p.effects for c, p in self.at.items()})


def really(
    state: LiveState,
    types: Mapping[str, ComponentType],
    answers: Iterable[Answer],
    look: Look,
    leads: Leads,
    given: Mapping[str, frozenset[str]] | None = None,
) -> Reality:
    """Find out where the components are; components have to rest.

    answers: to the questions about the stored marking. given: places that somebody knows components to be at.
    """
    return _Inquiry(state, types, answers, look, leads, given or {}).reality()


class _Inquiry:
    def __init__(
        self,
        state: LiveState,
        types: Mapping[str, ComponentType],
        answers: Iterable[Answer],
        look: Look,
        leads: Leads,
        given: Mapping[str, frozenset[str]],
    ) -> None:
        self.state, self.types, self.look, self.leads = state, types, look, leads
        self.answers = {answer.question: answer for answer in answers}
        self.instances = {i.name: i for i in state.instances}
        self.system = System(state.assembly("", types), begin=state.configuration)
        self.at: dict[str, Standpoint] = {}
        self.conf = state.configuration
        """With what was put back."""
        self.ways: dict[str, list[Standpoint]] = {}
        self.lost: list[str] = []
        self.given = given

    def reality(self) -> Reality:
        """Drifted components first, then who relies on them."""
        drifted = {a.question.component for a in self.answers.values() if a.seen is Seen.DRIFTED} - set(self.given)
        for name, places in self.given.items():
            stored = self._stored(name)
            effects = next((p.effects for p in self._way(name) if p.places == places), ())
            if places != stored:
                self._put(name, Standpoint(places, effects))
        self._ask(q for name in drifted for point in self._way(name) for q in self._questions(name, point))
        for name in sorted(drifted):
            self._back(name, self._undisputed)
        reliances = self._reliances()
        return Reality(self.at, self.answers, tuple(reliances), tuple(self.lost))

    def _stored(self, name: str) -> frozenset[str]:
        return self.state.configuration.components[name].places

    def _way(self, name: str) -> list[Standpoint]:
        found = self.ways.get(name)
        if found is None:
            kind = self.types[self.instances[name].type]
            ended = self.state.effects.get(name, ())
            found = self.ways[name] = list(way_back(kind, self._stored(name), ended))
        return found

    def _questions(self, name: str, point: Standpoint) -> list[Question]:
        instance: Instance = self.instances[name]
        kind = self.types[instance.type]
        places = point.places | (passed(kind, point) - set(kind.initial_places))
        return [
            *of_places(name, instance.host, kind, places),
            *of_transitions(name, instance.host, kind, relied(kind, point)),
        ]

    def _ask(self, questions: Iterable[Question]) -> None:
        new = [q for q in dict.fromkeys(questions) if q not in self.answers]
        if new:
            self.answers.update((answer.question, answer) for answer in self.look(new))

    def _undisputed(self, name: str, point: Standpoint) -> bool:
        return all(self.answers[q].seen is Seen.HOLDS for q in self._questions(name, point))

    def _back(self, name: str, fits: Callable[[str, Standpoint], bool]) -> bool:
        """Put a component back to the latest place before where it is now that fits; False when there is none."""
        way, type_name = self._way(name), self.instances[name].type
        here = self.at.get(name)
        first = next((k + 1 for k, point in enumerate(way) if here is not None and point.places == here.places), 1)
        for point in way[first:]:
            initial = point.places == frozenset(self.types[type_name].initial_places)
            if (initial or fits(name, point)) and self.leads(type_name, point.places, self._stored(name)):
                self._put(name, point)
                return True
        if here is None:
            self.lost.append(name)
        return False

    def _put(self, name: str, point: Standpoint) -> None:
        self.at[name] = point
        components = self.conf.components
        there = ComponentState(components[name].type, point.places)
        self.conf = self.conf._replace(components=components.set(name, there))

    def _reliances(self) -> list[Reliance]:
        """Who relies on what has gone off, and on what goes off because of that."""
        found: dict[tuple[str, str], Reliance] = {}
        pending = True
        while pending:
            pending = False
            for name in self.instances:
                wrong = self._unserved(name)
                if not wrong or name in self.given:
                    continue
                believed = name not in self.at and self._believed(name)
                unreachable = self.instances[name].host in self._unreachable()
                if believed or unreachable:
                    stays = (Reliance(name, use, why, True, unreachable) for use, why in wrong.items())
                    found.update({(one.user, one.use): one for one in stays})
                    continue
                if self._back(name, self._served):
                    found.update({(name, use): Reliance(name, use, why, False) for use, why in wrong.items()})
                    pending = True
        return list(found.values())

    def _unserved(self, name: str) -> dict[str, str]:
        """Use ports in use that were served where the store says that all is, and are not."""
        conf, kind = self.conf, self.types[self.instances[name].type]
        s, before = conf.components[name], self.state.configuration
        wrong: dict[str, str] = {}
        for use in kind.uses:
            if not use.holders or not is_in_use(self.system, s, use):
                continue
            reason = unserved(self.system, conf, name, use)
            if reason is not None and unserved(self.system, before, name, use) is None:
                wrong[use.name] = str(reason)
        return wrong

    def _believed(self, name: str) -> bool:
        """Whether a component has probes where it is, and all of them say that it holds."""
        asked = self._questions(name, self._way(name)[0])
        self._ask(asked)
        return bool(asked) and all(self.answers[q].seen is Seen.HOLDS for q in asked)

    def _unreachable(self) -> set[str]:
        """Hosts that could not be reached, as the model names them."""
        return {answer.question.host for answer in self.answers.values() if answer.unreachable}

    def _served(self, name: str, point: Standpoint) -> bool:
        self._ask(self._questions(name, point))
        conf = self.conf
        s = ComponentState(self.instances[name].type, point.places)
        there = conf._replace(components=conf.components.set(name, s))
        for use in self.types[s.type].uses:
            if use.holders and is_in_use(self.system, s, use) and unserved(self.system, there, name, use) is not None:
                return False
        return self._undisputed(name, point)
