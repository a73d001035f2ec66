"""``madeus net``, from the command line's point of view."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from madeus.cli import cli
from madeus.cli.guard import guarded
from madeus.petri.formats import from_pnml

MODEL = """
component T {
  initial place a
  place b
  transition go: a -> b takes 1s..2s
}
assembly one { c: T on h1 }
program up for one { push c.deploy  wait all }
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "model.madeus"
    path.write_text(MODEL)
    return str(path)


def test_pnml_is_written_to_standard_output(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["net", file]) == 0
    net = from_pnml(capfd.readouterr().out)
    assert {"c.a", "c.b", "c.go.running"} <= set(net.places)


def test_the_ending_of_the_file_chooses_the_format(file: str, tmp_path: Path) -> None:
    for ending, begin in (
        (".pnml", "<?xml"),
        (".lola", "PLACE"),
        (".net", "# one unit"),
        (".tapn", "<?xml"),
        (".dot", "digraph"),
        (".json", "{"),
    ):
        target = tmp_path / f"net{ending}"
        assert guarded(cli, ["net", file, "-o", str(target)]) == 0
        assert target.read_text().startswith(begin)


def test_programs_and_failures_are_part_of_the_net(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["net", file, "--program", "up", "--failures", "2", "--format", "json"]) == 0
    net = json.loads(capfd.readouterr().out)
    names = {place["name"]: place["tokens"] for place in net["places"]}
    assert names["up[0]"] == 1
    assert names["failures left"] == 2
    assert {"kind": "fail", "component": "c", "element": "go"} in [t["label"] for t in net["transitions"]]


def test_statistics_tell_size_class_and_invariants(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["net", file, "--stats"]) == 0
    assert capfd.readouterr().out == (
        "net                      one\n"
        "places                   6 (0 may hold more than one token)\n"
        "transitions              5 (4 urgent)\n"
        "arcs                     10\n"
        "class                    marked graph with read arcs\n"
        "connected parts          1\n"
        "clashes                  impossible\n"
        "dead from the start      0 transitions\n"
        "minimal P-invariants     1\n"
        "minimal T-invariants     0\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--failures", "many"], "--failures many: give a number such as 1, or any"),
        (["--program", "nope"], "there is no program nope"),
        (["--assembly", "two"], "there is no assembly two"),
        (["-o", "/nowhere/at/all.pnml"], "--output /nowhere/at/all.pnml: No such file or directory"),
    ],
)
def test_a_mistake_of_the_user_is_told_with_exit_code_2(
    file: str, words: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert guarded(cli, ["net", file, *words]) == 2
    assert message in capfd.readouterr().err
