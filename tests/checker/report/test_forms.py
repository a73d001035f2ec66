"""The forms of a report: whole against golden files, and each against the schema of those who read it.

``MADEUS_REGENERATE=1 pytest tests/checker/report`` writes the golden files anew; review the difference.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from lxml import etree

from madeus.checker.report import FORMATS, Outcome, Report, render
from madeus.checker.report.github import command
from madeus.checker.report.model import FileReport
from madeus.checker.report.sarif import MOST_RELATED, MOST_RESULTS, MOST_STEPS
from madeus.diagnostics import CODES, Diagnostic, Severity, Span
from tests.checker.report.build import checked, everything

GOLDEN = Path(__file__).parents[2] / "golden" / "check"
ENDINGS = {"text": "txt", "junit": "xml", "github": "log"}


@pytest.fixture(scope="module")
def report() -> Report:
    return everything()


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_has_its_golden_form(report: Report, form: str) -> None:
    golden = GOLDEN / f"report-{form}.{ENDINGS.get(form, 'json')}"
    text = render(report, form)
    if os.environ.get("MADEUS_REGENERATE"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_about_nothing_is_complete(form: str) -> None:
    text = render(Report(()), form)
    assert text.endswith("\n")


def test_an_unknown_form_is_refused(report: Report) -> None:
    with pytest.raises(ValueError, match="no form of report is called html"):
        render(report, "html")


def test_the_exit_code_puts_bad_input_before_violated_before_inconclusive(report: Report) -> None:
    race, tight, broken = report.files
    assert Report((race, tight, broken)).exit_code == 2
    assert Report((race, tight)).exit_code == 1
    assert Report((tight,)).exit_code == 3
    assert Report(()).exit_code == 0
    healthy = replace(race, blocks=tuple(b for b in race.blocks if not b.number))
    assert Report((healthy,)).exit_code == 0
    assert Report((healthy,), strict=True).exit_code == 1


def test_a_report_has_every_outcome(report: Report) -> None:
    assert {r.outcome for r in report.results} == set(Outcome)
    assert {d.code for d in report.diagnostics} >= {"MAD160", "MAD161", "MAD162", "MAD163"}


# ---- SARIF


def sarif_run(report: Report, most: int = 100) -> dict[str, Any]:
    """The one run of a log; the log is held against the schema with so many of its results, since that takes long."""
    log = json.loads(render(report, "sarif"))
    (whole,) = log["runs"]
    log["runs"] = [{**whole, "results": whole["results"][:most]}]
    schema = json.loads((GOLDEN / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(log)
    assert isinstance(whole, dict)
    return whole


def test_sarif_is_valid_and_its_rule_ids_and_indexes_agree(report: Report) -> None:
    run = sarif_run(report)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    prints = [result["partialFingerprints"]["madeus/v1"] for result in run["results"]]
    assert len(prints) == len(set(prints))


def test_a_counterexample_is_the_code_flow_of_its_result(report: Report) -> None:
    flows = [r for r in sarif_run(report)["results"] if "codeFlows" in r]
    assert flows
    for result in flows:
        (flow,) = result["codeFlows"]
        (thread,) = flow["threadFlows"]
        orders = [location["executionOrder"] for location in thread["locations"]]
        assert orders == sorted(orders)
        for location in thread["locations"]:
            assert location["location"]["physicalLocation"]["region"]["startLine"] >= 1


def test_sarif_keeps_to_the_limits_of_github() -> None:
    file = checked()
    (longest,) = [r for r in file.results if r.explanation is not None and r.number == 1 and not r.health]
    told = longest.explanation
    assert told is not None
    many = tuple(replace(told.moments[n % len(told.moments)], index=n) for n in range(20_000))
    events = tuple(told.trace.events[n % len(told.moments)] for n in range(20_000))
    long = replace(told, moments=many, trace=replace(told.trace, events=events))
    span = longest.span
    assert span is not None
    wide = replace(longest.diagnostics[0], related=tuple((span, str(n)) for n in range(500)))
    result = replace(longest, explanation=long, diagnostics=(wide, *[longest.diagnostics[0]] * 6_000))
    block = replace(file.blocks[0], results=(result,))
    run = sarif_run(Report((replace(file, blocks=(block,)),)), most=2)
    assert len(run["results"]) == MOST_RESULTS
    first = next(r for r in run["results"] if "codeFlows" in r)
    locations = first["codeFlows"][0]["threadFlows"][0]["locations"]
    assert len(locations) == MOST_STEPS
    assert locations[0]["executionOrder"] < 20
    assert locations[-1]["executionOrder"] > 19_990
    assert len(first["relatedLocations"]) == MOST_RELATED


@pytest.mark.long
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_sarif_multitool_finds_no_error(report: Report, tmp_path: Path) -> None:
    (tmp_path / "madeus.sarif").write_text(render(report, "sarif"), encoding="utf-8")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--fetch-retries=1", "--prefix", str(tmp_path)]
    try:
        subprocess.run([*install, "@microsoft/sarif-multitool"], check=True, timeout=240)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("the multitool cannot be installed here")
    tool = tmp_path / "node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
    arguments = ["validate", "madeus.sarif", "--output", "said.sarif", "--level", "Error"]
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    # Its exit code is 0 whatever it finds.
    subprocess.run([tool, *arguments], cwd=tmp_path, env=environment, check=False, capture_output=True)
    said = json.loads((tmp_path / "said.sarif").read_text(encoding="utf-8-sig"))
    assert [r["ruleId"] for r in said["runs"][0].get("results", []) if r.get("level") == "error"] == []


# ---- JUnit


def junit_tree(report: Report) -> Any:
    tree = etree.fromstring(render(report, "junit").encode())
    etree.XMLSchema(etree.parse(str(GOLDEN / "junit-10.xsd"))).assertValid(tree)
    return tree


def test_junit_is_valid_and_counts_what_it_holds(report: Report) -> None:
    tree = junit_tree(report)
    for element in (tree, *tree.iter("testsuite")):
        assert int(element.get("tests")) == len(list(element.iter("testcase")))
        assert int(element.get("failures")) == len(list(element.iter("failure")))
        assert int(element.get("errors")) == len(list(element.iter("error")))
    assert len(list(tree.iter("failure"))) == len(report.violated)
    # What is inconclusive and what could not be read are errors; nothing is ever skipped.
    assert len(list(tree.iter("error"))) == len(report.inconclusive) + 1
    assert not list(tree.iter("skipped"))


def test_junit_bears_names_that_xml_does_not(report: Report) -> None:
    file = report.files[0]
    strange = replace(file, file='a<b>&"c\x00\x1b.madeus')
    assert 'a<b>&"c??.madeus' in junit_tree(Report((strange,)))[0].get("name")


# ---- GitHub and GitLab


def test_workflow_commands_escape_what_would_end_them() -> None:
    span = Span("a,b:c%.madeus", 3, 4, 3, 9, 0, 5)
    found = Diagnostic("MAD160", Severity.ERROR, "100% of\r\nit", span, notes=("::error::gotcha",))
    assert command(found, "x") == (
        "::error file=a%2Cb%3Ac%25.madeus,line=3,endLine=3,col=4,endColumn=9,"
        "title=MAD160%3A a property that is violated::100%25 of%0D%0Ait%0A::error::gotcha"
    )


def test_every_annotation_is_one_line(report: Report) -> None:
    lines = render(report, "github").splitlines()
    assert all(line.startswith(("::error ", "::warning ")) for line in lines[:-1])
    assert lines[-1].startswith("4 of 8 properties verified")


def test_gitlab_issues_have_what_the_widget_needs(report: Report) -> None:
    issues = json.loads(render(report, "gitlab"))
    assert issues
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["check_name"] in CODES
        assert not issue["location"]["path"].startswith(("./", "/"))
        assert issue["location"]["lines"]["begin"] >= 1
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


# ---- JSON


def test_json_has_the_whole_run_and_finite_numbers_only(report: Report) -> None:
    value = json.loads(render(report, "json"), parse_constant=_refuse)
    properties = [p for file in value["files"] for block in file["verify"] for p in block["properties"]]
    violated = [p for p in properties if p["outcome"] == "violated" and p["run"]]
    assert violated
    assert {"component", "element", "host", "words", "span", "time", "step"} == set(violated[0]["run"]["steps"][0])
    assert value["counts"] == {"holds": 4, "violated": 2, "inconclusive": 2}


def _refuse(text: str) -> Callable[[], None]:
    raise AssertionError(text)


def test_a_bare_file_report_has_no_results() -> None:
    assert list(FileReport("x").results) == []
