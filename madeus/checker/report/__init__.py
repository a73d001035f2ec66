"""Reports: what was asked of a file and answered, and its forms: text, JSON, SARIF, JUnit, GitHub, GitLab.

Every form is a pure function from a ``Report`` to a text; ``render`` chooses one by name.
"""

from __future__ import annotations

from importlib import import_module

from madeus.checker.report.model import Block, Checked, FileReport, Outcome, Report

FORMATS = ("text", "json", "sarif", "junit", "github", "gitlab")


def render(report: Report, form: str) -> str:
    """A report in one of FORMATS, ending with a line end where it is not empty."""
    if form not in FORMATS:
        raise ValueError(f"no form of report is called {form}; there are {', '.join(FORMATS)}")
    module = import_module(f"madeus.checker.report.{form}")
    text = module.render(report)
    assert isinstance(text, str)
    return text


__all__ = ["FORMATS", "Block", "Checked", "FileReport", "Outcome", "Report", "render"]
