"""From an answer to diagnostics: one for a property that is violated, unknown or true of nothing, one for each ailment."""

from __future__ import annotations

from madeus.checker.explanation import Explanation, Where
from madeus.checker.problem import Health, Problem
from madeus.checker.report.measure import sentence
from madeus.checker.verdict import Ailment, Fails, Finding, Findings, Holds, Unknown, Verdict, Width
from madeus.diagnostics import Diagnostic, Span, error, warning

VIOLATED = "MAD160"
INCONCLUSIVE = "MAD161"
VACUOUS = "MAD162"
_AILMENTS = {
    Ailment.DEADLOCK: "MAD163",
    Ailment.CLASH: "MAD164",
    Ailment.DEAD_TRANSITION: "MAD165",
    Ailment.DEAD_BEHAVIOR: "MAD166",
    Ailment.INCOMPLETE_JOIN: "MAD167",
    Ailment.UNUSED_PORT: "MAD168",
}
_WHAT = {
    Ailment.DEAD_TRANSITION: "transition",
    Ailment.DEAD_BEHAVIOR: "behavior",
    Ailment.INCOMPLETE_JOIN: "place",
    Ailment.UNUSED_PORT: "port",
}
MOST_RELATED = 8
"""Steps of a run that a diagnostic shows with their source lines; the last ones."""
MOST_FINDINGS = 50
"""Ailments of one kind that are reported one by one."""


def of_property(
    problem: Problem, verdict: Verdict, span: Span | None, explanation: Explanation | None
) -> tuple[Diagnostic, ...]:
    """What a person should read about a property; nothing when it simply holds."""
    match verdict:
        case Holds() if verdict.vacuous:
            message = f"`{problem}` holds of nothing: {'; '.join(verdict.vacuous)}"
            return (warning(VACUOUS, message, span),)
        case Holds():
            return ()
        case Fails():
            message = f"`{problem}` is violated: {verdict.reason}"
            together = verdict.measure.together if isinstance(verdict.measure, Width) else ()
            beside = related(explanation, frozenset(together))
            return (error(VIOLATED, message, span, related=beside, notes=_notes(explanation)),)
        case Unknown():
            known = sentence(verdict.measure)
            notes = (f"known all the same: {known}",) if known else ()
            help_ = "raise `--budget` or `--memory`, or ask a smaller question; this is never taken for verified"
            message = f"nobody knows whether `{problem}` holds: {verdict.reason}"
            tried = tuple(note for note in verdict.evidence.notes if note not in verdict.reason)
            return (warning(INCONCLUSIVE, message, span, help=help_, notes=(*notes, *tried)),)


def of_health(
    problem: Problem, verdict: Verdict, title: str, where: Where, explanation: Explanation | None
) -> tuple[Diagnostic, ...]:
    """The findings of a health check, every one a warning."""
    assert isinstance(problem.question, Health)
    measure = verdict.measure
    if not isinstance(measure, Findings):
        return ()
    found: list[Diagnostic] = []
    counts: dict[Ailment, int] = {}
    for finding in measure.findings:
        counts[finding.ailment] = counts.get(finding.ailment, 0) + 1
        if finding.ailment.grave:
            found.append(_grave(finding, title, where, problem, explanation))
        elif counts[finding.ailment] <= MOST_FINDINGS:
            found.append(_light(finding, title, where, problem))
    for ailment, count in counts.items():
        if count > MOST_FINDINGS:
            message = f"{count - MOST_FINDINGS} more of the kind: {ailment}"
            found.append(warning(_AILMENTS[ailment], message, where(f"assembly {problem.system.assembly.name}")))
    return tuple(found)


def related(explanation: Explanation | None, only: frozenset[str] = frozenset()) -> tuple[tuple[Span, str], ...]:
    """The source lines of the last steps of a run, each line once, in the order of the steps.

    only: qualified transitions whose steps are wanted; none: every step of a short account.
    """
    if explanation is None:
        return ()
    found: dict[Span, str] = {}
    for moment in reversed(explanation.told):
        if only and f"{moment.component}.{moment.element}" not in only:
            continue
        if moment.span is not None and moment.span not in found and len(found) < MOST_RELATED:
            found[moment.span] = f"step {moment.index + 1}: {moment.words}"
    return tuple(reversed(found.items()))


def _grave(finding: Finding, title: str, where: Where, problem: Problem, explanation: Explanation | None) -> Diagnostic:
    assembly = problem.system.assembly.name
    span = where(f"verify {title}") or where(f"assembly {assembly}")
    code = _AILMENTS[finding.ailment]
    if finding.ailment is Ailment.CLASH:
        what = explanation.waits[0] if explanation is not None and explanation.waits else finding.sentence
        message = f"in `{title}` two tokens may meet: {what}"
    else:
        message = f"`{title}` may come to a deadlock: {finding.sentence}"
    return warning(code, message, span, related=related(explanation), notes=_notes(explanation))


def _light(finding: Finding, title: str, where: Where, problem: Problem) -> Diagnostic:
    assembly = problem.system.assembly.name
    component, element = finding.component, finding.element
    span = where(f"{_WHAT[finding.ailment]} {assembly}/{component}.{element}") or where(f"{assembly}/{component}")
    instance = where(f"{assembly}/{component}")
    beside = ((instance, "this instance"),) if instance is not None and instance != span else ()
    return warning(_AILMENTS[finding.ailment], f"{finding.sentence} in `{title}`", span, related=beside)


def _notes(explanation: Explanation | None) -> tuple[str, ...]:
    if explanation is None:
        return ()
    notes: list[str] = []
    if explanation.loop is not None:
        notes.append(f"from step {explanation.loop + 1} on the run repeats itself for ever")
    notes += explanation.waits
    if explanation.critical:
        notes.append(f"the time is that of {' -> '.join(explanation.critical)}")
    return tuple(notes)
