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


NETS = Path(__file__).parent.parent / "golden" / "nets"


def test_a_public_net_is_counted_and_its_shortest_run_to_a_dead_marking_is_shown(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert guarded(cli, ["net", str(NETS / "Angiogenesis-PT-01.pnml"), "--states", "--deadlock"]) == 1
    out = capfd.readouterr().out
    assert "reachable markings       110 (" in out
    assert "dead marking             reachable; a shortest run to it has 10 firings" in out


def test_a_count_that_is_not_finished_is_inconclusive(capfd: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["net", str(NETS / "DiscoveryGPU-PT-15a.pnml"), "--states", "--budget", "200ms"]) == 3
    assert "inconclusive: the budget is spent: 0.2 s" in capfd.readouterr().out


def test_a_public_net_is_written_in_other_formats(capfd: pytest.CaptureFixture[str]) -> None:
    source = str(NETS / "Angiogenesis-PT-01.pnml")
    for form, begin in (("lola", "PLACE"), ("tina", "#"), ("dot", "digraph"), ("json", "{"), ("pnml", "<?xml")):
        assert guarded(cli, ["net", source, "--format", form]) == 0
        assert capfd.readouterr().out.startswith(begin)


def test_statistics_do_not_claim_bounds_that_are_not_known(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert guarded(cli, ["net", str(NETS / "DiscoveryGPU-PT-15a.pnml"), "--stats"]) == 0
    assert "of 150 it is not known" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "document", "message"),
    [
        ([], '<!DOCTYPE a [<!ENTITY x "y">]><pnml/>', "a document type declaration is not taken"),
        ([], "no xml", "line 1, column 1: not XML"),
        (["--program", "p"], "<pnml/>", "is a net, and has no assemblies"),
        (["--failures", "1"], "<pnml/>", "is a net, and has no actions that may fail"),
        (["--states", "--format", "dot"], "<pnml/>", "--format: the net is not written with --stats, --states"),
    ],
)
def test_a_bad_net_is_told_with_exit_code_2(
    words: list[str], document: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.pnml"
    path.write_text(document)
    assert guarded(cli, ["net", str(path), *words]) == 2
    assert message in capfd.readouterr().err
