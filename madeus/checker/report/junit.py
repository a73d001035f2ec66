"""The report as JUnit XML, as Jenkins' xUnit plugin describes it (schema junit-10): a block is a suite, a property a case.

A violated property is a failure; an inconclusive one and a text with errors are errors, never skipped cases.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from madeus.checker.report.model import Block, Checked, FileReport, Outcome, Report
from madeus.checker.report.place import path_of
from madeus.checker.report.text import Line, answer

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """One ``testsuites`` element."""
    suites = [suite for file in report.files for suite in _file(file, report.strict)]
    cases, failures, errors = (
        (sum(column) for column in zip(*(suite.counts for suite in suites), strict=True)) if suites else (0, 0, 0)
    )
    seconds = sum(suite.seconds for suite in suites)
    body = "".join(suite.xml for suite in suites)
    attributes = _attributes(name="madeus check", time=_time(seconds), **_counts(cases, failures, errors))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites{attributes}>\n{body}</testsuites>\n'


class _Suite(NamedTuple):
    counts: tuple[int, int, int]
    """Cases, failures, errors."""
    seconds: float
    xml: str


def _file(file: FileReport, strict: bool) -> list[_Suite]:
    suites = []
    if file.faulty:
        faults = [d for d in file.diagnostics if d.is_error]
        lines = "\n".join(f"{d.span.place if d.span else file.file}: {d.code}: {d.message}" for d in faults)
        case = _case("the text", path_of(file.file), 0.0, _outcome("error", "syntax", faults[0].message, lines))
        suites.append(_suite(path_of(file.file), 1, 0, 1, 0.0, case))
    return suites + [_block(file, block, strict) for block in file.blocks if block.results]


def _block(file: FileReport, block: Block, strict: bool) -> _Suite:
    failures = errors = 0
    seconds = 0.0
    cases: list[str] = []
    for result in block.results:
        content = _content(result, file, strict)
        failures += content.startswith("<failure")
        errors += content.startswith("<error")
        elapsed = 0.0 if result.cached else result.verdict.evidence.seconds
        seconds += elapsed
        name = f"{result.number}: {result.question}" if not result.health else f"{result.number}: {_title(result)}"
        cases.append(_case(name, f"{path_of(file.file)}.{block.title}", elapsed, content))
    return _suite(f"{path_of(file.file)}: {block.title}", len(cases), failures, errors, seconds, "".join(cases))


def _title(result: Checked) -> str:
    stages = ", ".join(" and ".join(p.name for p in stage) for stage in result.problem.system.stages)
    return f"health after {stages}" if stages else "health"


def _content(result: Checked, file: FileReport, strict: bool) -> str:
    said = "\n".join(piece.text for piece in answer(result) if isinstance(piece, Line)).strip("\n")
    messages = "\n".join(d.message for d in result.diagnostics)
    if result.health:
        if strict and result.diagnostics:
            return _outcome("failure", "health", result.diagnostics[0].message, f"{messages}\n{said}")
        return _out(f"{messages}\n{said}" if messages else said)
    reason = getattr(result.verdict, "reason", "")
    place = result.span.place if result.span is not None else file.file
    match result.outcome:
        case Outcome.VIOLATED:
            return _outcome("failure", "violated", reason, f"{place}\n{said}")
        case Outcome.INCONCLUSIVE:
            return _outcome("error", "inconclusive", reason, f"{place}\n{said}")
        case Outcome.HOLDS:
            return _out(f"{messages}\n{said}" if messages else said)


def _suite(name: str, cases: int, failures: int, errors: int, seconds: float, body: str) -> _Suite:
    attributes = _attributes(name=name, time=_time(seconds), **_counts(cases, failures, errors))
    return _Suite((cases, failures, errors), seconds, f" <testsuite{attributes}>\n{body} </testsuite>\n")


def _case(name: str, group: str, seconds: float, content: str) -> str:
    return f"  <testcase{_attributes(name=name, classname=group, time=_time(seconds))}>{content}</testcase>\n"


def _outcome(element: str, kind: str, message: str, text: str) -> str:
    return f"<{element}{_attributes(type=kind, message=message)}>{_text(text)}</{element}>"


def _out(text: str) -> str:
    return f"<system-out>{_text(text)}</system-out>"


def _counts(cases: int, failures: int, errors: int) -> dict[str, str]:
    return {"tests": str(cases), "failures": str(failures), "errors": str(errors)}


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _attributes(**values: str) -> str:
    return "".join(f" {name}={quoteattr(_NOT_XML.sub('?', value))}" for name, value in values.items())


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("?", text))
