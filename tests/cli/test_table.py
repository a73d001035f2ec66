"""Lists in a terminal: they fit it, and their rows end where their words end."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.text import Text

from madeus.cli.root import cli

MODEL = """component One {
  initial place off
  place on
  behavior deploy { transition go: off -> on { run "true" } }
  behavior leave { transition back: on -> off { run "true" } }
}
assembly a_shop_with_a_long_name { one: One }
program take_it_away_again for a_shop_with_a_long_name {
  push one.leave
  wait one
}
"""


def said(folder: Path, columns: int | None, *words: str) -> list[str]:
    env = {"FORCE_COLOR": "1", "COLUMNS": str(columns)} if columns else {}
    done = CliRunner(env=env).invoke(cli, [*words, "--state", str(folder / "state")])
    assert done.exit_code == 0, done.output
    return [Text.from_ansi(line).plain if columns else line for line in done.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    file = tmp_path / "a" / "folder" / "far" / "down" / "shop.madeus"
    file.parent.mkdir(parents=True)
    file.write_text(MODEL)
    said(tmp_path, None, "deploy", str(file), "--progress", "none")
    said(tmp_path, None, "reconfigure", str(file), "take_it_away_again", "--progress", "none")
    return tmp_path


@pytest.mark.parametrize("command", ["runs", "ps"])
@pytest.mark.parametrize("columns", [80, 100, 200, None])
def test_a_list_is_no_wider_than_the_terminal_and_its_rows_do_not_end_in_blanks(
    folder: Path, command: str, columns: int | None
) -> None:
    lines = said(folder, columns, command)
    assert all(line == line.rstrip() for line in lines)
    if columns:
        assert max(map(len, lines)) <= columns
    else:
        assert lines[1].endswith(str(folder / "a/folder/far/down/shop.madeus"))
    assert (lines[1].endswith("shop.madeus")) == (columns not in (80, 100) or command == "ps")
    assert "take_it" in lines[1] or command == "ps"


def test_names_of_runs_are_whole_in_a_narrow_terminal(folder: Path) -> None:
    wide, narrow = (said(folder, columns, "runs") for columns in (200, 80))
    names = [line.split()[0] for line in wide[1:]]
    assert [line.split()[0] for line in narrow if line.startswith("a_shop")] == names
