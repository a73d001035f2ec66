"""`madeus fingerprint` and `madeus cluster`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from madeus.cli.rollout_choice import read_clusters
from madeus.cli.root import cli
from madeus.executor.fingerprint import write_fleet
from madeus.fleet.fingerprint import Fingerprint, Fleet

OLD = "/etc/mysql/conf.d/old.cnf/mysqld/max_tmp_tables/e29c9c180c62"
BASE = frozenset({"package/mariadb-server/1:10.11.6-0", "package/libc6/2.36-9"})
PHP = frozenset({"package/php8.2-mysql/8.2.1"})

FLEET = Fleet(
    "mariadb-server",
    {
        "db1": Fingerprint("db1", BASE, frozenset({"/srv/a/1", "/srv/a/2"})),
        "db2": Fingerprint("db2", BASE, frozenset({"/srv/a/1", "/srv/a/3"})),
        "db3": Fingerprint("db3", BASE | {OLD}, frozenset({"/srv/a/1", "/srv/a/2"})),
        "db4": Fingerprint("db4", BASE | PHP, frozenset({"/srv/a/1", "/srv/a/2"}), frozenset({"php8.2-mysql"})),
    },
    {name: {"/etc/mysql/my.cnf": "+ a configuration file", "/var/log/x": f"- {name[:2]}"} for name in ("db1", "db2")}
    | {"db3": {"/etc/mysql/my.cnf": "- rule `exclude **`"}},
    {"db9": "db9: refused the connection"},
)

TEXT = """\
4 machines in 3 clusters, diameter 2, reference db1

c1  2 machines, as the reference
  db1 db2

c2  1 machine, 1 item from the reference
  db3
  + /etc/mysql/conf.d/old.cnf/mysqld/max_tmp_tables e29c9c180c62

c3  1 machine, 1 item from the reference
  db4
  used by php8.2-mysql
  + package/php8.2-mysql 8.2.1
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.json"
    write_fleet(FLEET, path)
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)), standalone_mode=False, catch_exceptions=True)


def said(*arguments: str | Path) -> str:
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str | Path) -> str:
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code == 2, result.output
    return result.stderr


def test_clusters_are_shown_with_what_sets_them_apart(fleet: Path) -> None:
    assert said("cluster", fleet, "-d", "2", "--reference", "db1") == TEXT


def test_the_clusters_of_a_file_are_those_that_a_rollout_reads(fleet: Path, tmp_path: Path) -> None:
    said("cluster", fleet, "-d", "2", "--reference", "db1", "-o", tmp_path / "clusters.json")
    found = read_clusters(tmp_path / "clusters.json")
    assert [(c.name, c.machines, c.distance) for c in found] == [
        ("c1", ("db1", "db2"), 0),
        ("c2", ("db3",), 1),
        ("c3", ("db4",), 1),
    ]
    assert found[1].differs == {OLD}


def test_a_file_that_cannot_be_written_is_told_before_a_machine_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "fleet.json"
    told = refused("fingerprint", "nohost", "-a", "x", "-i", tmp_path / "none.toml", "-o", path)
    assert told == f"Error: {path}: cannot be written: there is no directory {tmp_path}/gone\n"


def test_granularity_merges_clusters(fleet: Path) -> None:
    document = json.loads(
        said("cluster", fleet, "-d", "2", "--reference", "db1", "-g", "/etc/**=ignore", "--format", "json")
    )
    assert [one["machines"] for one in document["clusters"]] == [["db1", "db2", "db3"], ["db4"]]
    assert document["granularity"] == ["/etc/**=ignore"]


def test_why_two_machines_are_apart(fleet: Path) -> None:
    assert said("cluster", fleet, "--reference", "db1", "--explain", "db1", "db3") == (
        "db1 is in c1, db3 in c2: /etc/mysql/conf.d/old.cnf/mysqld/max_tmp_tables differs\n"
        "parsed\n  + /etc/mysql/conf.d/old.cnf/mysqld/max_tmp_tables e29c9c180c62\n"
    )
    value = json.loads(said("cluster", fleet, "--explain", "db1", "db2", "--format", "json"))
    assert value["why"] == "distance"
    assert value["content"] == [{"key": "/srv/a", "before": ["2"], "after": ["3"]}]


def test_clusters_are_drawn(fleet: Path, tmp_path: Path) -> None:
    pytest.importorskip("graphviz")
    dot = said("cluster", fleet, "-d", "2", "--reference", "db1", "--format", "dot")
    assert "reference -- c3 [label=1" in dot
    assert "c1: 2 machines" in dot
    if shutil.which("dot"):
        said("cluster", fleet, "-o", tmp_path / "clusters.svg")
        assert "<svg" in (tmp_path / "clusters.svg").read_text()


def test_the_reference_may_be_in_another_file(fleet: Path, tmp_path: Path) -> None:
    other = tmp_path / "golden.json"
    write_fleet(Fleet("x", {"golden": Fingerprint("golden", BASE)}), other)
    assert "reference golden" in said("cluster", fleet, "--reference", other)
    assert "reference db3" in said("cluster", fleet, "--reference", f"{fleet}:db3")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--reference", "db11"], "there is no such machine and no such file; did you mean db1?"),
        (["--reference", "db9"], "--reference db9: it could not be looked at: db9: refused the connection"),
        (["--granularity", "x/[z-a]=major"], "--granularity: `x/[z-a]` is no pattern: `[z-a]` is no range"),
        (["--explain", "db1", "db9"], "no machine db9 in the fleet; it could not be looked at: db9: refused"),
        (["--granularity", "x=close"], "--granularity: `close` is no granularity: exact, major, presence, ignore"),
        (["--diameter", "-1"], "-1 is not in the range x>=0"),
        (["-o", "/nowhere/x.json"], "--output /nowhere/x.json: No such file or directory"),
    ],
)
def test_what_cannot_be_clustered_is_told(fleet: Path, arguments: list[str], sentence: str) -> None:
    assert sentence in refused("cluster", fleet, *arguments)


def test_the_reference_of_a_fleet_of_many_must_be_named(fleet: Path) -> None:
    assert "the file has 4 machines; name one" in refused("cluster", fleet, "--reference", fleet)


def test_a_file_that_is_no_fleet_is_told(tmp_path: Path) -> None:
    assert "No such file" in refused("cluster", tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("[1]")
    assert "is no fleet file: its format is not madeus-fleet" in refused("cluster", tmp_path / "bad.json")
    (tmp_path / "twice.json").write_text('{"machines": {"a": {}, "a": {}}}')
    assert "is no fleet file: `a` comes twice" in refused("cluster", tmp_path / "twice.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert "is nested too deeply" in refused("cluster", tmp_path / "deep.json")


def test_why_a_file_belongs_is_told_for_each_machine(fleet: Path) -> None:
    assert said("fingerprint", "--from", fleet, "--why", "/etc/**") == (
        "/etc/mysql/my.cnf\n  + a configuration file  [db1, db2]\n  - rule `exclude **`  [db3]\n"
    )
    assert "no machine's packages" in refused("fingerprint", "--from", fleet, "--why", "/none")


def test_the_distance_of_each_machine_from_the_reference_is_shown(fleet: Path) -> None:
    shown = said("fingerprint", "--from", fleet, "--reference", "db1").splitlines()
    assert [line.split()[-1] for line in shown] == ["differs", "0", "2", "1", "1"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "say which package it is about with --application"),
        (["-a", "bash"], "there are no hosts: name some, or pass an inventory"),
        (["-a", "bash", "db1"], "unknown host"),
        (["-a", "bash", "local", "--rules", "/none.rules"], "/none.rules: No such file or directory"),
        (["--from", "/none.json", "db1"], "--from takes a fleet file"),
    ],
)
def test_what_cannot_be_looked_at_is_told(arguments: list[str], sentence: str) -> None:
    assert sentence in refused("fingerprint", *arguments)


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="there is no dpkg here")
def test_a_fingerprint_is_written_and_clustered(tmp_path: Path) -> None:
    assert (
        said("fingerprint", "local", "-a", "bash", "-o", tmp_path / "fleet.json").splitlines()[1].split()[0] == "local"
    )
    assert "1 machine in 1 cluster" in said("cluster", tmp_path / "fleet.json")
    result = CliRunner().invoke(cli, ["fingerprint", "local", "-a", "no-such-package"])
    assert run("fingerprint", "local", "-a", "no-such-package").return_value == 1
    assert "not looked at: local: the package no-such-package is not installed" in result.stderr
