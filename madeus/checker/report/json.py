"""The report as JSON, for programs. The manual's page on ``madeus check`` describes it; ``format`` counts versions."""

from __future__ import annotations

import json
from math import inf
from typing import Any

from madeus.checker.explanation import Explanation
from madeus.checker.report.measure import sentence
from madeus.checker.report.model import Block, Checked, FileReport, Outcome, Report
from madeus.checker.verdict import Boundaries, Durations, Fails, Findings, Holds, Measure, TimeOff, Unknown, Width
from madeus.diagnostics import Diagnostic, Span

FORMAT = 1


def render(report: Report) -> str:
    """One JSON object."""
    counts = {str(outcome): sum(r.outcome is outcome for r in report.results) for outcome in Outcome}
    value = {
        "format": FORMAT,
        "tool": {"name": "madeus", "version": report.version},
        "exit_code": report.exit_code,
        "counts": counts,
        "files": [_file(file) for file in report.files],
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _file(file: FileReport) -> dict[str, Any]:
    return {
        "file": file.file,
        "diagnostics": [diagnostic(d) for d in file.diagnostics],
        "verify": [_block(b) for b in file.blocks if b.number],
        "health": [_block(b) for b in file.blocks if not b.number],
    }


def _block(block: Block) -> dict[str, Any]:
    return {
        "title": block.title,
        "number": block.number,
        "span": span(block.span),
        "notes": list(block.notes),
        "properties": [_checked(r) for r in block.results],
    }


def _checked(result: Checked) -> dict[str, Any]:
    verdict = result.verdict
    evidence = verdict.evidence
    value: dict[str, Any] = {
        "number": result.number,
        "question": result.question,
        "stages": [[p.name for p in stage] for stage in result.problem.system.stages],
        "failures": result.problem.failures,
        "outcome": str(result.outcome),
        "span": span(result.span),
        "engine": evidence.engine,
        "states": evidence.states,
        "shared": evidence.shared and not result.cached,
        "seconds": round(evidence.seconds, 6),
        "cached": result.cached,
        "assumptions": [str(a) for a in evidence.assumptions],
        "notes": list(evidence.notes),
        "answer": sentence(verdict.measure) or None,
        "measure": _measure(verdict.measure),
        "diagnostics": [diagnostic(d) for d in result.diagnostics],
    }
    match verdict:
        case Holds():
            value["vacuous"] = list(verdict.vacuous)
        case Fails():
            value["reason"] = verdict.reason
            value["run"] = _run(result.explanation)
        case Unknown():
            value["reason"] = verdict.reason
    return value


def _run(explanation: Explanation | None) -> dict[str, Any] | None:
    if explanation is None:
        return None
    steps = [
        {
            "time": event.time,
            "step": str(event.step.kind),
            "component": moment.component,
            "element": moment.element,
            "host": moment.host or None,
            "words": moment.words,
            "span": span(moment.span),
        }
        for event, moment in zip(explanation.trace.events, explanation.moments, strict=True)
    ]
    return {
        "seconds": explanation.trace.makespan,
        "steps": steps,
        "loop": explanation.loop,
        "end": list(explanation.end),
        "waits": list(explanation.waits),
    }


def _number(value: float) -> float | None:
    return None if abs(value) == inf else value


def _measure(measure: Measure | None) -> dict[str, Any] | None:
    match measure:
        case None:
            return None
        case Boundaries():
            return {
                "minimum": _number(measure.minimum),
                "maximum": _number(measure.maximum),
                "unbounded": list(measure.unbounded),
                "critical_path": [e.name for e in measure.slowest.critical_executions] if measure.slowest else None,
            }
        case Width(minimum, maximum, together):
            return {"minimum": minimum, "maximum": maximum, "together": list(together)}
        case TimeOff(longest):
            return {"longest": _number(longest)}
        case Durations(minimum, maximum, above, below, parts):
            found: dict[str, Any] = {
                "minimum": _number(minimum),
                "maximum": _number(maximum),
                "open_below": below,
                "open_above": above,
                "empty": measure.empty,
            }
            return found | {"parts": [_measure(part) for part in parts]} if parts else found
        case Findings(findings):
            rows = [
                {"ailment": str(f.ailment), "component": f.component, "element": f.element, "sentence": f.sentence}
                for f in findings
            ]
            return {"findings": rows}


def diagnostic(found: Diagnostic) -> dict[str, Any]:
    """A diagnostic as plain data."""
    return {
        "code": found.code,
        "severity": str(found.severity),
        "message": found.message,
        "span": span(found.span),
        "related": [{"span": span(at), "message": words} for at, words in found.related],
        "notes": list(found.notes),
        "help": found.help,
    }


def span(at: Span | None) -> dict[str, Any] | None:
    """A stretch of a text as plain data; the end is exclusive."""
    if at is None:
        return None
    return {
        "file": at.file,
        "start": {"line": at.start_line, "column": at.start_column},
        "end": {"line": at.end_line, "column": at.end_column},
    }
