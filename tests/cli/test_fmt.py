"""`madeus fmt` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from madeus.cli.fmt import fmt

UGLY = b"secret   a\r\ncomponent C{place b}"
NEAT = b"secret a\n\ncomponent C {\n  place b\n}\n"


def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(fmt, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture
def ugly(tmp_path: Path) -> Path:
    path = tmp_path / "ugly.madeus"
    path.write_bytes(UGLY)
    return path


def test_a_file_is_written_in_the_one_layout_and_then_left_alone(ugly: Path) -> None:
    ugly.chmod(0o640)
    result = run(ugly)
    assert (result.exit_code, result.stdout) == (0, f"formatted {ugly}\n")
    assert ugly.read_bytes() == NEAT
    assert ugly.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in ugly.parent.iterdir()] == ["ugly.madeus"]
    result = run(ugly)
    assert (result.exit_code, result.stdout) == (0, "")


def test_check_writes_nothing_and_tells_by_its_exit_code(ugly: Path) -> None:
    result = run("--check", ugly)
    assert (result.exit_code, result.stdout) == (1, f"would format {ugly}\n")
    assert ugly.read_bytes() == UGLY
    ugly.write_bytes(NEAT)
    assert run("--check", ugly).exit_code == 0


def test_diff_shows_what_would_change(ugly: Path) -> None:
    result = run("--diff", ugly)
    assert result.exit_code == 1
    assert "\n-secret   a\n" in result.stdout and "\n+secret a\n" in result.stdout
    assert ugly.read_bytes() == UGLY
    ugly.write_bytes(NEAT.replace(b"\n", b"\r\n"))
    assert "line ends" in run("--diff", ugly).stdout


def test_standard_input_goes_to_standard_output() -> None:
    result = run("-", stdin=UGLY)
    assert (result.exit_code, result.stdout_bytes) == (0, NEAT)


def test_a_directory_is_searched_for_model_files(ugly: Path) -> None:
    for name in ("deep/er/x.madeus", ".hidden/y.madeus", "deep/z.txt"):
        (ugly.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (ugly.parent / name).write_bytes(UGLY)
    result = run(ugly.parent)
    assert result.exit_code == 0
    assert result.stdout.count("formatted") == 2
    assert (ugly.parent / ".hidden/y.madeus").read_bytes() == UGLY


def test_a_file_with_syntax_errors_is_left_as_it_is_and_the_others_are_formatted(ugly: Path) -> None:
    broken = ugly.parent / "broken.madeus"
    broken.write_bytes(b"secret   a b\n")
    result = run(broken, ugly)
    assert result.exit_code == 2
    assert "error[MAD020]" in result.stderr and "1 error" in result.stderr
    assert broken.read_bytes() == b"secret   a b\n"
    assert ugly.read_bytes() == NEAT


def test_syntax_errors_on_standard_input_give_no_output() -> None:
    result = run("-", stdin=b"secret a b")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "<stdin>:1:10" in result.stderr


@pytest.mark.parametrize("name", ["none.madeus", "empty"])
def test_a_missing_file_and_an_empty_directory_are_errors(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / name)
    assert result.exit_code == 2
    assert "MAD001" in result.stderr


def test_bytes_that_are_not_utf_8_are_an_error(ugly: Path) -> None:
    ugly.write_bytes(b"secret \xff")
    result = run(ugly)
    assert result.exit_code == 2
    assert "MAD002" in result.stderr


def test_the_target_of_a_link_is_written_and_not_the_link(ugly: Path) -> None:
    link = ugly.parent / "link.madeus"
    link.symlink_to(ugly)
    assert run(link).exit_code == 0
    assert link.is_symlink() and ugly.read_bytes() == NEAT


def test_a_file_that_cannot_be_written_is_an_error(ugly: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("madeus.cli.fmt.tempfile.mkstemp", refuse)
    result = run(ugly)
    assert result.exit_code == 2
    assert "cannot be written: permission denied" in result.stderr
