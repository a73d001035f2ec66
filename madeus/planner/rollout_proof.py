"""What is proved of a rollout before it runs, by the checker, on the systems of single machines (see `madeus.planner.rollout`).

Machines that are alike give parts that are the same but for names; each such part is asked once, so fleets of thousands of
machines take as long as their kinds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from madeus.checker import Budget, Fails, Findings, Health, Holds, Portfolio, Problem, Verdict
from madeus.fleet.amounts import Amount, at_most
from madeus.model import (
    Active,
    And,
    Assembly,
    Available,
    Deployable,
    Forbidden,
    Formula,
    Goal,
    Marked,
    Not,
    Or,
    Program,
    Question,
    Terminates,
)
from madeus.model import Sequence as InSequence
from madeus.planner.rollout import OBSERVER, Compiled, Part, rehearse
from madeus.planner.start import standing
from madeus.semantics import Configuration, StepKind, System, is_active


class Answer(StrEnum):
    """What became of a claim."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "inconclusive"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence about a rollout, and whether it is true."""

    sentence: str
    answer: Answer
    reason: str = ""
    """Why not, a sentence; or what the truth rests on."""
    run: tuple[str, ...] = ()
    """Steps that show the violation."""
    cases: int = 0
    """Systems that were looked at; machines that are alike share one."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class No:
    """A case that is not proved."""

    answer: Answer
    reason: str
    run: tuple[str, ...]


Cases = Iterator[tuple[str, Part, Callable[[Part], list[Question]], str]]


def prove_rollout(
    compiled: Compiled,
    out: Amount | None = None,
    declared: Sequence[Available] = (),
    budget: Budget | None = None,
) -> list[Claim]:
    """The claims about a rollout. out: machines that may be out at once; declared: bounds of interruptions from the file."""
    prover = _Prover(compiled, budget or Budget(seconds=60))
    claims = [prover.representatives_first()]
    for name, machines in sorted(prover.services().items()):
        claims += prover.service(name, machines, out)
    claims.append(prover.ends())
    claims += [prover.available(question) for question in declared]
    return claims


def prove_program(
    assembly: Assembly, begin: Configuration, program: Program, budget: Budget
) -> tuple[Claim, Configuration]:
    """That a program on shared instances comes to its end; and where it leads to, as far as a simulation shows."""
    began = time.perf_counter()
    system = System(standing(assembly, begin), [[program]], 0, begin)
    run = rehearse(system)
    sentence = f"what is done {program.name.rpartition('@')[2]} the machines are upgraded comes to its end"
    no = None
    if run.truncated:
        no = No(Answer.VIOLATED, "it never ends", ())
    elif run.deadlock is not None:
        no = No(Answer.VIOLATED, str(run.deadlock), tuple(str(e.step) for e in run.trace.events))
    for question in (Terminates(), Health()) if no is None else ():
        verdict: Verdict = Portfolio().check(Problem(system, question), budget=budget)
        if not isinstance(question, Health) or _deadlocks(verdict):
            no = no or judged(verdict)
    seconds = time.perf_counter() - began
    end = run.configuration._replace(positions=(), failures=0)
    if no is None:
        return Claim(sentence, Answer.HOLDS, "", (), 1, seconds), end
    return Claim(sentence, no.answer, no.reason, no.run, 1, seconds), end


def _deadlocks(verdict: Verdict) -> bool:
    """Whether a health check says, or leaves open, that there is a deadlock or a clash."""
    if isinstance(verdict, Holds):
        return False
    measure = verdict.measure
    return not isinstance(measure, Findings) or any(f.ailment.grave for f in measure.findings)


class _Prover:
    def __init__(self, compiled: Compiled, budget: Budget) -> None:
        self._compiled, self._budget = compiled, budget
        self._portfolio = Portfolio()
        self._known: dict[tuple[object, ...], No | None] = {}
        self._deadline = None if budget.seconds is None else time.monotonic() + budget.seconds

    def representatives_first(self) -> Claim:
        """No machine outside the representatives starts before those of its cluster have passed."""
        sentence = "no machine outside the representatives starts before the representatives of its cluster have passed"
        first = dict(self._compiled.stages.representatives)
        chosen = {m for machines in first.values() for m in machines}
        clusters = {m: c.name for c in self._compiled.stages.clusters for m in c.machines}

        def cases() -> Cases:
            for machine in self._compiled.sliced.machines:
                if machine in chosen:
                    continue
                for before in first.get(clusters[machine], ()):
                    if before in self._compiled.sliced.machines:
                        gate = self._compiled.wave_of[before] + 1
                        part = self._compiled.part((machine, before), (gate, len(self._compiled.stages.waves)))
                        why = f"{machine} may start before {before} has passed"
                        yield machine, part, partial(self._in_order, machine, before), why

        return self._claim(sentence, "first", cases())

    def _in_order(self, machine: str, before: str, part: Part) -> list[Question]:
        """While the gate after the representative's wave is closed the machine is as it was; it opens when that one is done."""
        begin = self._compiled.begin.components
        moved: list[Formula] = [
            Not(Marked(c, p)) for c in self._compiled.sliced.instances[machine] if c in begin for p in begin[c].places
        ]
        questions: list[Question] = [Forbidden(And((Not(_open_or_left()), Or(tuple(moved)))))]
        own = set(self._compiled.sliced.instances[before])
        for c, t in _fired(part.system, own):
            questions.append(InSequence(((c, t), (OBSERVER, "open"))))
        return questions

    def services(self) -> dict[tuple[str, str], list[str]]:
        """(type, port) of services that the fleet offers -> machines that do, and that the rollout touches."""
        return self._serving(self._compiled.machine_of)

    def _serving(self, machine_of: Mapping[str, str]) -> dict[tuple[str, str], list[str]]:
        compiled, system = self._compiled, System(self._compiled.assembly, (), 0, self._compiled.begin)
        found: dict[tuple[str, str], dict[str, None]] = {}
        for name, machine in machine_of.items():
            if name not in compiled.begin.components:
                continue
            kind = compiled.begin.components[name].type
            for port in system.tables[kind].services:
                if is_active(system, compiled.begin, name, port):
                    found.setdefault((kind, port), {})[machine] = None
        return {service: list(machines) for service, machines in found.items()}

    def service(self, name: tuple[str, str], machines: list[str], out: Amount | None) -> list[Claim]:
        """A service is off on a machine during that machine's wave only; so as many are out as a wave has, at most."""
        kind, port = name
        waves: dict[int, int] = {}
        for machine in machines:
            waves[self._compiled.wave_of[machine]] = waves.get(self._compiled.wave_of[machine], 0) + 1
        upgraded = self._serving(self._compiled.still).get(name, [])
        widest, total = max(waves.values()), len(machines) + len(upgraded)
        allowed = total if out is None else at_most(out, total)

        def cases() -> Cases:
            for machine in machines:
                why = f"{kind}.{port} may be off on {machine} outside its stage"
                yield machine, self._of_machine(machine, exact=False), partial(self._off, machine, kind, port), why

        said = f"at most {widest} of {total} machines of {kind}.{port} are out at any time"
        claim = self._claim(said, f"out {kind}.{port}", cases())
        if widest > allowed and claim.answer is Answer.HOLDS:
            reason = f"the rollout allows {allowed}"
            claim = Claim(said, Answer.VIOLATED, reason, (), claim.cases, claim.seconds)
        serving = total - widest
        stays = f"{kind}.{port} stays available: {serving} of {total} machines serve at any time"
        if claim.answer is Answer.UNKNOWN:
            return [claim, Claim(stays, Answer.UNKNOWN, claim.reason)]
        if not serving or claim.run:
            reason = "all of its machines are out at once" if not serving else claim.reason
            return [claim, Claim(stays.partition(":")[0], Answer.VIOLATED, reason)]
        return [claim, Claim(stays, Answer.HOLDS, "by the claim above")]

    def _of_machine(self, machine: str, exact: bool = True) -> Part:
        wave = self._compiled.wave_of[machine]
        return self._compiled.part((machine,), (wave, wave), exact)

    def _off(self, machine: str, kind: str, port: str, part: Part) -> list[Question]:
        begin = self._compiled.begin.components
        own = [c for c in self._compiled.sliced.instances[machine] if c in begin and begin[c].type == kind]
        return [Forbidden(And((Not(Active(c, port)), Not(Marked(OBSERVER, "open"))))) for c in own]

    def ends(self) -> Claim:
        """Every run ends with every machine upgraded."""

        def cases() -> Cases:
            for machine in self._compiled.sliced.machines:
                why = f"{machine} may never be upgraded"
                yield machine, self._of_machine(machine), partial(self._arrives, machine), why

        return self._claim("the rollout ends, with every machine upgraded", "ends", cases())

    def _arrives(self, machine: str, part: Part) -> list[Question]:
        run = rehearse(part.system)
        if run.truncated:
            return [Terminates()]
        own = self._compiled.sliced.instances[machine]
        ends = [Marked(c, p) for c in own if c in run.configuration.components for p in _places(run.configuration, c)]
        return [Deployable(Goal("upgraded", And((Marked(OBSERVER, "left"), *ends))))]

    def available(self, question: Available) -> Claim:
        """A bound that the file declares."""
        sentence, name = str(question), question.component
        if name in self._compiled.machine_of:
            machine = self._compiled.machine_of[name]
            cases: Cases = iter([(machine, self._of_machine(machine), lambda part: [question], "")])
            return self._claim(sentence, f"{question}", cases, memo=False)
        began = time.perf_counter()
        touched = {c for instances in self._compiled.sliced.shared.values() for c in instances}
        if name not in touched and name in self._compiled.begin.components:
            return Claim(sentence, Answer.HOLDS, f"nothing is done to {name} while machines are upgraded")
        verdict = self._ask(self._compiled.system, question)
        no = judged(verdict)
        answer, reason, run = (Answer.HOLDS, "", ()) if no is None else (no.answer, no.reason, no.run)
        return Claim(sentence, answer, reason, run, 1, time.perf_counter() - began)

    def _claim(self, sentence: str, topic: str, cases: Cases, memo: bool = True) -> Claim:
        began = time.perf_counter()
        asked = count = 0
        worst: No | None = None
        where = ""
        for machine, part, questions, why in cases:
            count += 1
            key = (topic, part.key)
            if not memo or key not in self._known:
                asked += 1
                self._known[key] = self._case(part, questions(part))
            no = self._known[key]
            if no is not None and (worst is None or no.answer is Answer.VIOLATED):
                worst, where = no, f"{why or machine}: {no.reason}"
                if no.answer is Answer.VIOLATED:
                    break
        seconds = time.perf_counter() - began
        if worst is not None:
            return Claim(sentence, worst.answer, where, worst.run, asked, seconds)
        alike = (
            f"{count} {'case' if count == 1 else 'cases'}, {asked} that differ"
            if count
            else "of nothing: there is no such machine"
        )
        return Claim(sentence, Answer.HOLDS, alike, (), asked, seconds)

    def _case(self, part: Part, questions: list[Question]) -> No | None:
        worst: No | None = None
        for question in questions:
            no = judged(self._ask(part.system, question))
            if no is not None and no.answer is Answer.VIOLATED:
                return no
            worst = worst or no
        return worst

    def _ask(self, system: System, question: Question) -> Verdict:
        left = None if self._deadline is None else max(0.1, self._deadline - time.monotonic())
        return self._portfolio.check(Problem(system, question), budget=Budget(seconds=left))


def judged(verdict: Verdict) -> No | None:
    """What is not proved by a verdict; None when everything is."""
    if isinstance(verdict, Holds):
        return None
    if isinstance(verdict, Fails):
        steps = () if verdict.trace is None else tuple(str(e.step) for e in verdict.trace.events)
        return No(Answer.VIOLATED, verdict.reason, steps)
    return No(Answer.UNKNOWN, verdict.reason, ())


def _open_or_left() -> Formula:
    return Or((Marked(OBSERVER, "open"), Marked(OBSERVER, "left")))


def _fired(system: System, own: Collection[str]) -> list[tuple[str, str]]:
    """Transitions of some instances that a run fires."""
    events = rehearse(system).trace.events
    fired = [(e.step.component, e.step.element) for e in events if e.step.kind is StepKind.FIRE]
    return [pair for pair in dict.fromkeys(fired) if pair[0] in own]


def _places(configuration: Configuration, component: str) -> list[str]:
    return sorted(configuration.components[component].places)
