"""``madeus draw``, from the command line's point of view."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from madeus.cli import cli
from madeus.cli.guard import guarded
from madeus.view import drawing

MODEL = """
component T {
  initial place a
  place b
  transition go: a -> b
}
assembly one { c: T on h1 }
assembly two { c: T on h1  d: T on h2 }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.madeus"
    path.write_text(MODEL)
    return path


def test_dot_is_written_to_standard_output(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["draw", str(file), "-a", "two"]) == 0
    assert 'label="d : T  @h2"' in capfd.readouterr().out


def test_a_type_is_drawn_alone(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["draw", str(file), "--type", "T"]) == 0
    assert "label=T " in capfd.readouterr().out


def test_an_unknown_type_is_refused_with_a_suggestion(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["draw", str(file), "--type", "t"]) == 2
    assert "there is no component type t" in capfd.readouterr().err


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
@pytest.mark.parametrize(("form", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_ending_of_the_output_says_the_format(form: str, start: bytes, file: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out.{form}"
    assert guarded(cli, ["draw", str(file), "-a", "one", "-o", str(out)]) == 0
    assert out.read_bytes().startswith(start)


def test_an_ending_that_says_no_format_is_refused(
    file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.pdf"
    assert guarded(cli, ["draw", str(file), "--type", "T", "-o", str(out)]) == 2
    assert "--output: .pdf is no format of a drawing (dot, svg, png); give --format" in capfd.readouterr().err
    assert not out.exists()
    assert guarded(cli, ["draw", str(file), "--type", "T", "-o", str(out), "--format", "dot"]) == 0
    assert guarded(cli, ["draw", str(file), "--type", "T", "-o", str(tmp_path / "out.gv")]) == 0
    assert out.read_text() == (tmp_path / "out.gv").read_text()


def test_a_missing_graphviz_is_named_with_its_package(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drawing.shutil, "which", lambda _: None)
    assert guarded(cli, ["draw", str(file), "-a", "one", "--format", "svg"]) == 1
    assert "apt-get install graphviz" in capfd.readouterr().err


def test_an_output_that_cannot_be_written_is_an_error_and_no_traceback(
    file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert guarded(cli, ["draw", str(file), "-a", "one", "-o", str(tmp_path / "no" / "x.dot")]) == 2
    assert "No such file or directory" in capfd.readouterr().err
