"""What is proved of programs before they run on a live assembly, told answer by answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from madeus.checker.before import VIOLATED, asks, code_of, worse
from madeus.checker.engine import Budget
from madeus.checker.explanation import Where
from madeus.checker.formula import UnknownName
from madeus.checker.plan import Ask, Wish
from madeus.checker.problem import Health
from madeus.checker.recoveries import unstartable
from madeus.checker.report.model import Checked
from madeus.checker.report.text import Line, Piece, Tone, answer, heading
from madeus.checker.session import Session
from madeus.checker.verdict import Fails, Unknown
from madeus.model import Model
from madeus.semantics import System

if TYPE_CHECKING:
    from madeus.cli.checking import Show

SAFE = "no service in use is cut: nothing is left, disconnected or deleted while somebody uses what would go off"


def prove(
    model: Model,
    system: System,
    where: Where,
    texts: Mapping[str, str],
    show: Show,
    budget: float | None,
) -> int:
    """Ask whether the programs end, without a deadlock, whether recoveries begin, and what the file's verify blocks say.

    A block speaks of these programs when they are the last ones that its head names. Returns an exit code: 0 when all is
    proved, 1 when something is violated, 3 when something is inconclusive.
    """
    session = Session(Wish(budget=Budget(budget)))
    code = 0
    ends, health, *declared = asks(model, system, where)
    for ask in (ends, health, *declared):
        if ask is not health:
            show(heading(ask.head) if ask is not ends else (Line(ask.title, Tone.HEADING),), texts)
        for problem in ask.problems:
            code = worse(code, _answer(session, replace(ask, problems=(problem,)), where, texts, show))
    code = worse(code, _recoveries(system, texts, show))
    show((Line(f"  {SAFE}", Tone.ASIDE),), texts)
    return code


def _recoveries(system: System, texts: Mapping[str, str], show: Show) -> int:
    """Say whether every declared recovery begins where a failure leaves its component; an exit code."""
    if not system.recoveries:
        return 0
    found = unstartable(system)
    stranded = [one for one in found if one.halfway]
    outcome, tone = ("violated", Tone.BAD) if stranded else ("holds", Tone.GOOD)
    lines = [Line(f"  {outcome:<12}  declared recoveries begin where a failure leaves their component", tone)]
    lines += [Line(f"                {one}", Tone.BAD if one.halfway else Tone.ASIDE) for one in found]
    show(lines, texts)
    return VIOLATED if stranded else 0


def _answer(session: Session, ask: Ask, where: Where, texts: Mapping[str, str], show: Show) -> int:
    try:
        results = list(session.answer(ask, where))
    except UnknownName as error:
        show((Line(f"  not asked: {ask.problems[0][1]}: {error}", Tone.ASIDE),), texts)
        return 0
    code = 0
    for result in results:
        if isinstance(result.problem.question, Health):
            grave = tuple(d for d in result.diagnostics if d.code in ("MAD163", "MAD164"))
            show(_of_deadlocks(replace(result, diagnostics=grave)), texts)
        else:
            show(answer(result), texts)
        code = worse(code, code_of(result.verdict))
    return code


def _of_deadlocks(result: Checked) -> Iterable[Piece]:
    """The answer about deadlocks; what else health checks look for is no reason not to run."""
    first, *rest = answer(result)
    if isinstance(result.verdict, Unknown):
        return (first, *rest)
    failed = isinstance(result.verdict, Fails)
    outcome, tone = ("violated", Tone.BAD) if failed else ("holds", Tone.GOOD)
    return (Line(f"  {outcome:<12}  no deadlock, no clash of tokens", tone), *rest)
