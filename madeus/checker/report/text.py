"""The report for people: each question with its answer, and for what is violated the run that shows it.

A report is a row of pieces: lines with a tone, and diagnostics. A terminal colours them; ``render`` leaves colours out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from madeus.checker.explanation import Explanation, Moment
from madeus.checker.report.measure import remarks, seconds, sentence
from madeus.checker.report.model import Block, Checked, Outcome, Report, rests_on
from madeus.checker.verdict import CROSS_CHECKED, UNCONFIRMED, Holds
from madeus.diagnostics import Diagnostic

MOST_STEPS = 40
"""Steps of a run that are listed; of a longer one the first few and the last ones."""
_FIRST = 8


class Tone(StrEnum):
    """How a line is meant."""

    PLAIN = "plain"
    HEADING = "heading"
    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"
    ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the report."""

    text: str
    tone: Tone = Tone.PLAIN


Piece = Line | Diagnostic

_TONES = {Outcome.HOLDS: Tone.GOOD, Outcome.VIOLATED: Tone.BAD, Outcome.INCONCLUSIVE: Tone.UNSURE}
_WIDTH = max(len(outcome) for outcome in Outcome)


def heading(block: Block) -> Iterator[Piece]:
    """The line above a block, and what is remarked about it as a whole."""
    place = f"  {block.span.place}" if block.span is not None else ""
    name = f"verify {block.title}" if block.number else block.title
    yield Line(f"{name}{place}", Tone.HEADING)
    for note in block.notes:
        yield Line(f"  {note}", Tone.ASIDE)


def answer(result: Checked) -> Iterator[Piece]:
    """A question and its answer."""
    if result.health:
        yield from _health(result)
        return
    outcome = result.outcome
    number = sentence(result.verdict.measure)
    says = f": {number}" if number else ""
    yield Line(f"  {outcome:<{_WIDTH}}  {result.question}{says}", _TONES[outcome])
    yield Line(f"  {'':<{_WIDTH}}  {_by(result)}", Tone.ASIDE)
    if isinstance(result.verdict, Holds):
        for remark in (*remarks(result.verdict.measure), *_confirmations(result)):
            yield Line(f"  {'':<{_WIDTH}}  {remark}", Tone.ASIDE)
    yield from _findings(result)


def closing(report: Report) -> Iterator[Piece]:
    """The last line: how many of what."""
    counts = {outcome: sum(r.outcome is outcome for r in report.results) for outcome in Outcome}
    parts = [f"{counts[Outcome.HOLDS]} of {_plural(len(report.results), 'property', 'properties')} verified"]
    if not report.results:
        parts = ["nothing is asked: there is no verify block"]
    if counts[Outcome.VIOLATED]:
        parts.append(f"{counts[Outcome.VIOLATED]} violated")
    if counts[Outcome.INCONCLUSIVE]:
        parts.append(f"{counts[Outcome.INCONCLUSIVE]} inconclusive")
    warnings = sum(len(r.diagnostics) for r in report.health)
    if warnings:
        parts.append(_plural(warnings, "health warning"))
    faulty = sum(file.faulty for file in report.files)
    if faulty:
        parts.append(f"{_plural(faulty, 'file')} with errors")
    tone = {0: Tone.GOOD, 3: Tone.UNSURE}.get(report.exit_code, Tone.BAD)
    yield Line(", ".join(parts), tone)


def pieces(report: Report) -> Iterator[tuple[Piece, int]]:
    """The whole report; with each piece the index of the file it speaks of."""
    for index, file in enumerate(report.files):
        for diagnostic in file.diagnostics:
            yield diagnostic, index
        for block in file.blocks:
            for piece in heading(block):
                yield piece, index
            for result in block.results:
                for piece in answer(result):
                    yield piece, index
    for piece in closing(report):
        yield piece, -1


def render(report: Report) -> str:
    """The report without colours."""
    out: list[str] = []
    for piece, index in pieces(report):
        if isinstance(piece, Line):
            out.append(f"{piece.text}\n")
        else:
            from madeus.diagnostics.render import plain

            out.append(plain((piece,), report.files[index].texts))
    return "".join(out)


def _by(result: Checked) -> str:
    evidence = result.verdict.evidence
    if not evidence.engine:
        return "by no engine"
    states = f"{evidence.states:,} {'state' if evidence.states == 1 else 'states'}"
    states += " shared with another question" if evidence.shared and not result.cached else ""
    kept = ", from the cache" if result.cached else ""
    rests = f"; rests on: {rests_on(evidence.assumptions)}" if evidence.assumptions else ""
    return f"by {evidence.engine}, {states}, {_elapsed(evidence.seconds)}{kept}{rests}"


def _elapsed(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def _confirmations(result: Checked) -> Iterator[str]:
    """Notes about other engines' agreement; those about engines that were tried before stay in the machine's forms."""
    for note in result.verdict.evidence.notes:
        if note.startswith(CROSS_CHECKED):
            yield f"{note}, cached" if result.cached else note
        elif note == UNCONFIRMED:
            yield note


def _health(result: Checked) -> Iterator[Piece]:
    if result.outcome is Outcome.INCONCLUSIVE:
        yield Line(f"  {'unknown':<{_WIDTH}}  {_title(result)}: {getattr(result.verdict, 'reason', '')}", Tone.UNSURE)
    elif not result.diagnostics:
        yield Line(f"  {'healthy':<{_WIDTH}}  {_title(result)}", Tone.GOOD)
    else:
        found = _plural(len(result.diagnostics), "warning")
        yield Line(f"  {found:<{_WIDTH}}  {_title(result)}", Tone.UNSURE)
    yield Line(f"  {'':<{_WIDTH}}  {_by(result)}", Tone.ASIDE)
    yield from _findings(result)


def _title(result: Checked) -> str:
    stages = ", ".join(" and ".join(p.name for p in stage) for stage in result.problem.system.stages)
    name = result.problem.system.assembly.name
    return f"{name} after {stages}" if stages else name


def _findings(result: Checked) -> Iterator[Piece]:
    yield from result.diagnostics
    if result.explanation is not None:
        for line in run(result.explanation):
            yield Line(f"  {line}" if line else "")
        yield Line("")


def run(explanation: Explanation) -> Iterator[str]:
    """The account of a run, a line each."""
    told = explanation.told
    whole = len(explanation.moments)
    yield f"the run, {_plural(whole, 'step')}, {seconds(explanation.trace.makespan)}:"
    cut = len(told) > MOST_STEPS
    shown = [*told[:_FIRST], None, *told[-(MOST_STEPS - _FIRST) :]] if cut else list(told)
    looping = explanation.loop
    for moment in shown:
        if moment is None:
            yield f"    ... {len(told) - MOST_STEPS} more; --trace FILE.html has all of them"
            continue
        if looping is not None and moment.index >= looping:
            yield "    from here on for ever:"
            looping = None
        yield _step(moment)
    if not explanation.moments:
        yield "    (nothing has happened yet)"
    yield "where it stops:" if explanation.loop is None else "where it comes round again:"
    for line in (*explanation.end, *explanation.waits):
        yield f"    {line}"


def _step(moment: Moment) -> str:
    place = f"  ({moment.span.file}:{moment.span.start_line})" if moment.span is not None else ""
    return f"  {moment.index + 1:>4}  {seconds(moment.time):>9}  {moment.words}{place}"


def _plural(number: int, word: str, words: str = "") -> str:
    return f"{number:,} {word if number == 1 else words or f'{word}s'}"
