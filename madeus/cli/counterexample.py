"""``madeus check --trace``: the run that shows an answer, as a page or as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from madeus.checker.explanation import Explanation
from madeus.checker.problem import Problem
from madeus.checker.report.model import Checked, Outcome, Report
from madeus.checker.verdict import Fails, Holds
from madeus.cli.loading import InputError
from madeus.semantics import Trace


def write_run(report: Report, target: str) -> str:
    """Write the run of the first answer that has one: a violated property's before a deadlock's before a witness.

    Returns a sentence about it. Raises InputError when the file cannot be written.
    """
    for result in (*report.violated, *report.health):
        if result.explanation is not None:
            _write(result.problem, result.explanation.trace, _bad_news(result, result.explanation), target, bad=True)
            return (
                f"{target} shows why `{result.question}` of {result.block} is violated"
                if not result.health
                else (f"{target} shows the run into the deadlock of {result.block.removeprefix('health of ')}")
            )
    for result in report.results:
        if isinstance(result.verdict, Holds) and result.verdict.witness is not None:
            lines = (f"by {result.verdict.evidence.engine}",)
            _write(result.problem, result.verdict.witness, (f"{result.question} holds", lines), target, bad=False)
            return f"{target} shows a run for `{result.question}` of {result.block}: nothing is violated"
    return f"{target} was not written: no answer has a run that shows it"


def _bad_news(result: Checked, explanation: Explanation) -> tuple[str, tuple[str, ...]]:
    assert isinstance(result.verdict, Fails)
    title = f"{result.question}: {result.verdict.reason}" if not result.health else result.verdict.reason
    loop = () if explanation.loop is None else (f"from step {explanation.loop + 1} on the run repeats itself for ever",)
    where = (result.span.place,) if result.span is not None and result.outcome is Outcome.VIOLATED else ()
    return title, (*where, *loop, *explanation.waits, *explanation.end)


def _write(problem: Problem, trace: Trace, words: tuple[str, tuple[str, ...]], target: str, bad: bool) -> None:
    from madeus.view.page import Banner, trace_page

    system = problem.system
    banner = Banner(*words, note=not bad)
    if Path(target).suffix.lower() == ".json":
        from madeus.view.document import document

        text = (
            json.dumps(document(trace, system.assembly, system.programs, banner=banner, begin=system.begin), indent=1)
            + "\n"
        )
    else:
        text = trace_page(
            trace, system.assembly, programs=system.programs, banner=banner, steps_first=True, begin=system.begin
        )
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--trace {target}: {error.strerror}") from error
