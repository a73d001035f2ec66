"""``madeus trace``, from the command line's point of view."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from madeus.cli import cli
from madeus.cli.guard import guarded
from madeus.executor.journal.store import Journal
from madeus.model import Assembly, ComponentType, Instance, Interval, Place, Transition
from madeus.semantics.simulate import simulate
from madeus.semantics.system import System
from madeus.view.document import document


@pytest.fixture
def file(tmp_path: Path) -> Path:
    kind = ComponentType("T", (Place("a", True), Place("b")), (Transition("go", "a", "b", interval=Interval(3, 3)),))
    assembly = Assembly("one", {"T": kind}, (Instance("c", "T", "h1"),))
    path = tmp_path / "trace.json"
    path.write_text(json.dumps(document(simulate(System(assembly)).trace, assembly)))
    return path


def test_a_timeline_and_the_critical_path_are_printed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["trace", str(file)]) == 0
    said = capsys.readouterr().out
    assert "* c.go" in said
    assert "makespan 3.000 s, 1 transitions" in said


def test_a_page_and_a_chrome_trace_are_written(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html, chrome = tmp_path / "out.html", tmp_path / "out.json"
    assert guarded(cli, ["trace", str(file), "--html", str(html), "--chrome", str(chrome)]) == 0
    assert html.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert json.loads(chrome.read_text())["traceEvents"]
    assert capsys.readouterr().out == ""


def test_an_unknown_run_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["trace", "no-such-run", "--state", str(tmp_path)]) == 2
    assert "there is no run no-such-run, and no file of that name" in capsys.readouterr().err


def test_a_run_that_the_journal_has_not_is_told_as_by_the_other_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Journal.open(tmp_path).close()
    said = []
    for command in ("trace", "status"):
        assert guarded(cli, [command, "nope", "--state", str(tmp_path)]) == 2
        said.append(capsys.readouterr().err)
    assert (
        said[0] == said[1] == f"Error: there is no run `nope` in {tmp_path / 'state.db'}\n  `madeus runs` lists them\n"
    )


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", b'{"trace": []}'])
def test_a_file_that_is_no_trace_is_refused(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert guarded(cli, ["trace", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_an_error_and_no_traceback(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(cli, ["trace", str(file), "--html", str(tmp_path / "no" / "out.html")]) == 2
    assert "No such file or directory" in capsys.readouterr().err


def test_a_directory_is_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["trace", str(tmp_path)]) == 2
    assert "directory" in capsys.readouterr().err
