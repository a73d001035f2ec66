"""The report as SARIF 2.1.0 (OASIS standard, 2020), within the limits that GitHub's code scanning sets.

A diagnostic is a result; a counterexample is its code flow, one thread of steps. What holds is no result.
"""

from __future__ import annotations

import json
from typing import Any

from madeus.checker.explanation import Explanation, Moment
from madeus.checker.report.model import FileReport, Report
from madeus.checker.report.place import Fingerprints, uri_of
from madeus.diagnostics import CODES, Diagnostic, Severity, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST_RESULTS = 5_000
"""Results of a run that GitHub shows."""
MOST_STEPS = 1_000
"""Locations of a thread flow that GitHub shows for a result; of a longer run the first tenth and the last steps are kept."""
MOST_RELATED = 100
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render(report: Report) -> str:
    """One SARIF log with one run."""
    rows: list[tuple[Diagnostic, FileReport, Explanation | None]] = []
    for file in report.files:
        rows += [(d, file, None) for d in file.diagnostics]
        for result in file.results:
            # The run belongs to the first diagnostic of a result: the property, or the deadlock.
            explained = (result.explanation, *[None] * len(result.diagnostics))
            rows += [(d, file, run) for d, run in zip(result.diagnostics, explained, strict=False)]
    rows.sort(key=lambda row: list(_LEVELS).index(row[0].severity))
    rows = rows[:MOST_RESULTS]
    rules = sorted({d.code for d, _, _ in rows})
    index = {code: at for at, code in enumerate(rules)}
    fingerprints = Fingerprints()
    results = [_result(*row, index, fingerprints) for row in rows]
    driver: dict[str, Any] = {"name": "madeus", "rules": [_rule(code) for code in rules]}
    if report.version:
        driver["version"] = report.version
    invocation = {"executionSuccessful": report.exit_code != 2, "exitCode": report.exit_code}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [invocation],
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _rule(code: str) -> dict[str, Any]:
    page = CODES[code]
    title = page.title[:1].upper() + page.title[1:]
    return {
        "id": code,
        "shortDescription": {"text": f"{title}."},
        "fullDescription": {"text": " ".join(page.text.split()) or title},
        "help": {"text": f"{page.text.strip()}\n\nmadeus explain {code}", "markdown": page.markdown()},
    }


def _result(
    found: Diagnostic,
    file: FileReport,
    explanation: Explanation | None,
    index: dict[str, int],
    fingerprints: Fingerprints,
) -> dict[str, Any]:
    text = ". ".join((found.message, *found.notes, *((found.help,) if found.help else ())))
    name = found.span.file if found.span is not None else file.file
    value: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": index[found.code],
        "level": _LEVELS[found.severity],
        "message": {"text": f"{text}."},
        "locations": [_location(found.span, name)],
        "partialFingerprints": {"madeus/v1": fingerprints.of(found, name)},
    }
    if found.related:
        value["relatedLocations"] = [
            {"id": at, **_location(span, span.file), "message": {"text": words}}
            for at, (span, words) in enumerate(found.related[:MOST_RELATED], 1)
        ]
    steps = _steps(explanation, name) if explanation is not None else []
    if steps:
        value["codeFlows"] = [{"message": {"text": found.message}, "threadFlows": [{"locations": steps}]}]
    return value


def _location(span: Span | None, file: str) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": uri_of(file)}}
    # GitHub shows nothing that has no region.
    place["region"] = {"startLine": 1} if span is None else _region(span)
    return {"physicalLocation": place}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.start_line,
        "startColumn": span.start_column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _steps(explanation: Explanation, file: str) -> list[dict[str, Any]]:
    """Locations of a thread flow; where more would be left off, an account of the steps that a short one needs."""
    moments = list(explanation.moments)
    if len(moments) > MOST_STEPS:
        moments = list(explanation.told)
    if len(moments) > MOST_STEPS:
        first = MOST_STEPS // 10
        moments = moments[:first] + moments[first - MOST_STEPS :]
    return [_step(moment, file) for moment in moments]


def _step(moment: Moment, file: str) -> dict[str, Any]:
    name = moment.span.file if moment.span is not None else file
    location = {**_location(moment.span, name), "message": {"text": moment.words}}
    return {
        "location": location,
        "executionOrder": moment.index + 1,
        "importance": "important" if moment.told else "unimportant",
    }
