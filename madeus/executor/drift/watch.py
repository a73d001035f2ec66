"""Looking while programs run: a step is not taken when a place that it relies on does not really hold any more.

==============================  ===========================================================================================
before                          the probes of
==============================  ===========================================================================================
leave c.p                       p
fire c.t                        the places by which the services are active that use ports bound to t are connected to
enter c.p                       the same, for use ports bound to p or to a group with p in it
==============================  ===========================================================================================

A port of multiplicity ``any`` that has several connections relies on none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from madeus.executor.drift.answer import Answer, Seen
from madeus.executor.drift.ask import Asker
from madeus.executor.drift.question import Question, of_places
from madeus.model import Multiplicity, PortKind, UsePort
from madeus.semantics import Configuration, Step, StepKind, System

FRESH = 1.0
"""Seconds for which a place that holds is not asked about again."""


class Watch:
    """Looks before the steps of one run; belongs to its event loop."""

    def __init__(self, system: System, asker: Asker) -> None:
        self._system, self._asker = system, asker
        self._asking: dict[Question, asyncio.Task[Answer]] = {}
        self._held: dict[Question, tuple[frozenset[str], float]] = {}
        """Place that was seen to hold -> places of its component then, and when."""

    def concerns(self, conf: Configuration, step: Step) -> bool:
        """Whether there is something to look at before a step."""
        return any(True for _ in self._questions(conf, step))

    async def look(self, conf: Configuration, step: Step) -> str | None:
        """What a step relies on that does not hold; None: nothing. Made for `RunOptions.before_step`."""
        asked = list(dict.fromkeys(self._questions(conf, step)))
        answers = await asyncio.gather(*(self._answer(conf, question) for question in asked))
        return next((_sentence(answer) for answer in answers if answer.seen is not Seen.HOLDS), None)

    async def _answer(self, conf: Configuration, question: Question) -> Answer:
        places = conf.components[question.component].places
        now = asyncio.get_running_loop().time()
        held = self._held.get(question)
        if held is not None and held[0] == places and now - held[1] < FRESH:
            return Answer(question, Seen.HOLDS, question.host, "")
        task = self._asking.get(question)
        if task is None:
            kind = self._system.tables[conf.components[question.component].type].kind
            task = self._asking[question] = asyncio.ensure_future(self._asker.ask(question, kind, conf))
        try:
            answer = await asyncio.shield(task)
        finally:
            self._asking.pop(question, None)
        if answer.seen is Seen.HOLDS:
            self._held[question] = (places, asyncio.get_running_loop().time())
        return answer

    def _questions(self, conf: Configuration, step: Step) -> Iterator[Question]:
        match step.kind:
            case StepKind.LEAVE:
                yield from self._of(conf, step.component, (step.element,))
            case StepKind.FIRE:
                kind = self._system.tables[conf.components[step.component].type].kind
                yield from self._of_providers(conf, step.component, kind.transition_uses.get(step.element, ()))
            case StepKind.ENTER:
                table = self._system.tables[conf.components[step.component].type]
                becoming = (
                    use
                    for use in table.holder_uses
                    if any(step.element in table.group(holder).places for holder in use.holders)
                )
                yield from self._of_providers(conf, step.component, becoming)
            case _:
                pass

    def _of(self, conf: Configuration, component: str, places: Iterable[str]) -> Iterator[Question]:
        kind = self._system.tables[conf.components[component].type].kind
        yield from of_places(component, self._system.instances[component].host, kind, places)

    def _of_providers(self, conf: Configuration, component: str, uses: Iterable[UsePort]) -> Iterator[Question]:
        for use in uses:
            ends = conf.providers.get((component, use.name), ())
            if use.kind is not PortKind.SERVICE or (use.multiplicity is Multiplicity.ANY and len(ends) > 1):
                continue
            for provider, port in ends:
                state = conf.components[provider]
                groups = self._system.tables[state.type].bound_groups[port]
                marked = {place for group in groups for place in group.places & state.places}
                yield from self._of(conf, provider, marked)


def _sentence(answer: Answer) -> str:
    last = f" ({answer.lines[-1]})" if answer.lines else ""
    if answer.seen is Seen.UNKNOWN:
        return f"whether {answer.question} holds is not known: {answer.host}: {answer.reason}{last}"
    return f"{answer.question} does not hold any more on {answer.host}: {answer.probe}: {answer.reason}{last}"
