"""What is proved of programs before they run on a live assembly, from where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from madeus.checker.engine import Budget
from madeus.checker.explanation import Where
from madeus.checker.formula import UnknownName
from madeus.checker.plan import Ask, Wish
from madeus.checker.problem import Health, Problem, is_taken_back, with_failures
from madeus.checker.recoveries import unstartable
from madeus.checker.report.model import Checked
from madeus.checker.report.text import Line, Piece, Tone, answer, heading
from madeus.checker.session import Session
from madeus.checker.verdict import Fails, Unknown
from madeus.model import Available, Bounds, Deployable, Forbidden, Model, Property, Terminates, Verify
from madeus.semantics import System

if TYPE_CHECKING:
    from madeus.cli.checking import Show

VIOLATED, INCONCLUSIVE = 1, 3

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
    safe = with_failures(system, 0)
    names = tuple(tuple(p.name for p in stage) for stage in system.stages)
    title = f"{system.assembly.name} from where it stands, {', '.join(' and '.join(stage) for stage in names)}"
    health = Ask(title, system.assembly.name, 0, None, ((1, Problem(safe, Health()), None),), titles=(title,))
    ends = Ask(title, system.assembly.name, 1, None, ((1, Problem(safe, Terminates()), None),))
    asks = [ends, health, *_declared(model, system, names, where)]
    code = 0
    for ask in asks:
        if ask is not health:
            show(heading(ask.head) if ask is not ends else (Line(title, Tone.HEADING),), texts)
        for problem in ask.problems:
            code = _worse(code, _answer(session, replace(ask, problems=(problem,)), where, texts, show))
    code = _worse(code, _recoveries(system, texts, show))
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
        match result.verdict:
            case Fails():
                code = _worse(code, VIOLATED)
            case Unknown():
                code = _worse(code, INCONCLUSIVE)
            case _:
                pass
    return code


def _of_deadlocks(result: Checked) -> Iterable[Piece]:
    """The answer about deadlocks; what else health checks look for is no reason not to run."""
    first, *rest = answer(result)
    if isinstance(result.verdict, Unknown):
        return (first, *rest)
    failed = isinstance(result.verdict, Fails)
    outcome, tone = ("violated", Tone.BAD) if failed else ("holds", Tone.GOOD)
    return (Line(f"  {outcome:<12}  no deadlock, no clash of tokens", tone), *rest)


def _declared(model: Model, system: System, names: tuple[tuple[str, ...], ...], where: Where) -> Iterable[Ask]:
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


def _worse(first: int, second: int) -> int:
    """Violated comes before inconclusive."""
    return VIOLATED if VIOLATED in (first, second) else max(first, second)
