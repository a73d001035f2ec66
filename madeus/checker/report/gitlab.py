"""The report for GitLab's code quality widget: a JSON array with one issue for each diagnostic (a subset of Code Climate's)."""

from __future__ import annotations

import json
from typing import Any

from madeus.checker.report.model import Report
from madeus.checker.report.place import Fingerprints, path_of
from madeus.diagnostics import Diagnostic, Severity

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render(report: Report) -> str:
    """All issues; an empty array when there is none."""
    fingerprints = Fingerprints()
    issues = [
        _issue(diagnostic, file.file, fingerprints)
        for file in report.files
        for diagnostic in (*file.diagnostics, *(d for r in file.results for d in r.diagnostics))
    ]
    return json.dumps(issues, indent=1, ensure_ascii=False) + "\n"


def _issue(diagnostic: Diagnostic, file: str, fingerprints: Fingerprints) -> dict[str, Any]:
    span = diagnostic.span
    name = span.file if span is not None else file
    lines = {"begin": span.start_line, "end": span.end_line} if span is not None else {"begin": 1}
    return {
        "description": "; ".join((diagnostic.message, *diagnostic.notes)),
        "check_name": diagnostic.code,
        "fingerprint": fingerprints.of(diagnostic, name),
        "severity": _SEVERITIES[diagnostic.severity],
        "location": {"path": path_of(name), "lines": lines},
    }
