"""What is proved of programs before they run on a live assembly, from where it stands.

That they end, without a deadlock or a clash, that declared recoveries begin where a failure leaves their component, and what
the verify blocks of the file say that end with these programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from madeus.checker.engine import Budget
from madeus.checker.explanation import Where, nowhere
from madeus.checker.formula import UnknownName
from madeus.checker.plan import Ask, Wish
from madeus.checker.problem import Health, Problem, is_taken_back, with_failures
from madeus.checker.recoveries import Unstartable, unstartable
from madeus.checker.report.model import Checked
from madeus.checker.session import Session
from madeus.checker.verdict import Fails, Unknown, Verdict
from madeus.model import Available, Bounds, Deployable, Forbidden, Model, Property, Terminates, Verify
from madeus.semantics import System

VIOLATED, INCONCLUSIVE = 1, 3


@dataclass(frozen=True, slots=True)
class Proof:
    """What was asked of programs before they run, and answered."""

    answers: tuple[Checked, ...]
    recoveries: tuple[Unstartable, ...] = ()
    """Failures after which a declared recovery has no beginning."""

    @property
    def exit_code(self) -> int:
        """0: all is proved, 1: something is violated, 3: something is inconclusive."""
        code = VIOLATED if any(one.halfway for one in self.recoveries) else 0
        for answer in self.answers:
            code = worse(code, code_of(answer.verdict))
        return code

    def __str__(self) -> str:
        words = {VIOLATED: "violated", INCONCLUSIVE: "inconclusive"}
        faulty = [answer for answer in self.answers if code_of(answer.verdict)]
        lines = [f"{words[code_of(a.verdict)]}: {a.problem}: {_reason(a.verdict)}" for a in faulty]
        lines += [f"violated: {one}" for one in self.recoveries if one.halfway]
        return "\n".join(lines) or "all is proved"


def prove(model: Model, system: System, where: Where = nowhere, budget: float | None = None) -> Proof:
    """Ask everything. budget: seconds for each question."""
    session = Session(Wish(budget=Budget(budget)))
    answers: list[Checked] = []
    for ask in asks(model, system, where):
        for problem in ask.problems:
            try:
                answers.extend(session.answer(replace(ask, problems=(problem,)), where))
            except UnknownName:
                continue  # A name of the block is not there now: the block speaks of another configuration.
    return Proof(tuple(answers), unstartable(system))


def asks(model: Model, system: System, where: Where) -> tuple[Ask, ...]:
    """The questions, grouped: that the programs end, that there is no deadlock, then block by block.

    A block speaks of these programs when they are the last ones that its head names.
    """
    safe = with_failures(system, 0)
    names = tuple(tuple(p.name for p in stage) for stage in system.stages)
    title = f"{system.assembly.name} from where it stands, {', '.join(' and '.join(stage) for stage in names)}"
    health = Ask(title, system.assembly.name, 0, None, ((1, Problem(safe, Health()), None),), titles=(title,))
    ends = Ask(title, system.assembly.name, 1, None, ((1, Problem(safe, Terminates()), None),))
    return (ends, health, *_declared(model, system, names, where))


def _declared(model: Model, system: System, names: tuple[tuple[str, ...], ...], where: Where) -> Iterator[Ask]:
    """The properties of the verify blocks that end with these programs; times are those of the whole block, if it is these."""
    systems = {0: with_failures(system, 0)}
    written: dict[str, int] = {}
    for number, verify in enumerate(model.verifications, 1):
        before = written.get(verify.title, 0)
        written[verify.title] = before + len(verify.properties)
        if verify.assembly != system.assembly.name or verify.stages[-len(names) :] != names:
            continue
        problems = []
        for position, asked in enumerate(verify.properties, 1):
            if _speaks(asked, verify, names):
                covered = asked.failures if is_taken_back(system, asked.question) else 0
                left = asked.failures - covered
                chosen = systems.setdefault(left, with_failures(system, left))
                span = where(f"verify {verify.title}#{before + position}")
                problems.append((position, Problem(chosen, asked.question, covered), span))
        if problems:
            span = where(f"verify {verify.title}")
            yield Ask(verify.title, verify.assembly, number, span, tuple(problems), verify.doc)


def _speaks(asked: Property, verify: Verify, names: tuple[tuple[str, ...], ...]) -> bool:
    match asked.question:
        case Available() | Deployable() | Forbidden():
            return True
        case Bounds(comparison=comparison):
            return comparison is not None and verify.stages == names
        case _:
            return False


def _reason(verdict: Verdict) -> str:
    return verdict.reason if isinstance(verdict, Fails | Unknown) else ""


def code_of(verdict: Verdict) -> int:
    """Of one answer: 0, 1 or 3."""
    match verdict:
        case Fails():
            return VIOLATED
        case Unknown():
            return INCONCLUSIVE
        case _:
            return 0


def worse(first: int, second: int) -> int:
    """Violated comes before inconclusive."""
    return VIOLATED if VIOLATED in (first, second) else max(first, second)
