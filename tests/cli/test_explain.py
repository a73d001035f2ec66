"""`madeus explain`."""

from __future__ import annotations

import json

from click.testing import CliRunner

from madeus.cli import cli
from madeus.diagnostics import CODES


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["explain", *arguments])
    return result.exit_code, result.output


def test_a_code_is_explained_with_both_examples() -> None:
    code, output = _run("MAD055")
    assert code == 0
    assert output == CODES["MAD055"].markdown()
    assert "Wrong:" in output
    assert "Mended:" in output


def test_lower_case_is_accepted() -> None:
    assert _run("mad055") == _run("MAD055")


def test_without_a_code_all_are_listed() -> None:
    code, output = _run()
    assert code == 0
    assert [line.split()[0] for line in output.splitlines()] == list(CODES)


def test_a_number_alone_is_understood_as_a_slip() -> None:
    code, output = _run("55")
    assert code == 2
    assert "There is no diagnostic '55'. Did you mean 'MAD055'?" in output


def test_a_code_that_is_nothing_alike_leads_to_the_list() -> None:
    code, output = _run("E0425-whatever")
    assert code == 2
    assert "'madeus explain' lists all codes." in output


def test_every_page_is_json() -> None:
    for name, page in CODES.items():
        code, output = _run(name, "--format", "json")
        assert code == 0
        found = json.loads(output)
        assert (found["code"], found["title"]) == (name, page.title)


def test_the_list_is_json() -> None:
    code, output = _run("--format", "json")
    assert code == 0
    assert {entry["code"] for entry in json.loads(output)} == set(CODES)
