"""`madeus role`, `roles`, `states`, `rollback`, `host` and `layers`, on a state directory without hosts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from madeus.cli.guard import guarded
from madeus.cli.root import cli
from madeus.executor.layers.api import Layers
from madeus.layers.catalog import Catalog, Machine


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Madeus = Callable[..., Done]


@pytest.fixture
def madeus(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Madeus:
    """The command, in this process, in a directory and with a state of its own."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MADEUS_STATE", str(folder / "state"))
    monkeypatch.delenv("MADEUS_INVENTORY", raising=False)

    def call(*words: str) -> Done:
        capsys.readouterr()
        try:
            code = guarded(cli, list(words))
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0
        return Done(code, *capsys.readouterr())

    return call


ROLE = """
role shop {
  base debian12
  version "1" { run "true" }
  version "2" after "1" { run "true" }
}
"""
HOSTS = """
[defaults]
port = 9
[hosts.web1]
address = "127.0.0.1"
[hosts.web2]
address = "127.0.0.1"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.madeus").write_text(ROLE)
    (tmp_path / "hosts.toml").write_text(HOSTS)
    return tmp_path


def test_roles_of_a_file_become_known_and_are_listed(folder: Path, madeus: Madeus) -> None:
    assert madeus("role", "define", "shop.madeus").stdout == "define role shop\n"
    listed = [json.loads(line) for line in madeus("roles", "--format", "json").stdout.splitlines()]
    assert [(line["role"], line["base"]) for line in listed] == [("spare", "system"), ("shop", "debian12")]
    assert [(v["version"], v["made"]) for v in listed[1]["versions"]] == [("1", False), ("2", False)]
    assert "not made yet" in madeus("role", "list").stdout


def test_another_chain_is_refused_and_said_why(folder: Path, madeus: Madeus) -> None:
    madeus("role", "define", "shop.madeus")
    (folder / "shop.madeus").write_text(ROLE.replace('"2"', '"1b"'))
    done = madeus("role", "define", "shop.madeus")
    assert done.returncode == 2
    assert "role shop has the versions 1 < 2, the definition says 1 < 1b" in done.stderr


def test_a_file_without_roles_and_one_with_faults_are_bad_input(folder: Path, madeus: Madeus) -> None:
    (folder / "none.madeus").write_text("secret x\n")
    done = madeus("role", "define", "none.madeus")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "Error: none.madeus declares no role")
    (folder / "bad.madeus").write_text('role r {\n  base a\n  policy "/a" kepe\n  version "1"\n}\n')
    done = madeus("role", "define", "bad.madeus")
    assert done.returncode == 2 and "MAD157" in done.stderr


def test_a_version_that_cannot_be_made_is_found_when_its_role_is_checked_and_defined(
    folder: Path, madeus: Madeus
) -> None:
    versions = 'version "1" { frobnicate "x" }\n  version "2" after "1" { copy "a" nothing true }'
    (folder / "odd.madeus").write_text(f"role odd {{\n  base a\n  {versions}\n}}\n")
    checked = madeus("check", "odd.madeus")
    assert "MAD129" in checked.stdout + checked.stderr
    done = madeus("role", "define", "odd.madeus")
    assert done.returncode == 2
    assert 'odd, version "1": unknown action `frobnicate`' in done.stderr
    assert 'odd, version "2": copy: unknown option `nothing`' in done.stderr
    assert "odd" not in madeus("roles").stdout


def test_hosts_of_the_inventory_become_spare_machines(folder: Path, madeus: Madeus) -> None:
    done = madeus("host", "add", "web1", "--inventory", "hosts.toml")
    assert done.stdout == "web1 is new: spare\n"
    assert madeus("host", "add", "web1", "--inventory", "hosts.toml").returncode == 2
    done = madeus("host", "add", "web7", "--inventory", "hosts.toml")
    assert done.returncode == 2 and "unknown host `web7`" in done.stderr
    madeus("host", "add", "rack", "--address", "10.0.0.7")
    listed = [json.loads(line) for line in madeus("host", "list", "--format", "json").stdout.splitlines()]
    assert [(line["machine"], line["role"], line["status"]) for line in listed] == [
        ("rack", "spare", "unknown"),
        ("web1", "spare", "unknown"),
    ]
    assert madeus("host", "rename", "rack", "shelf").stdout == "rename rack to shelf\n"
    assert madeus("host", "remove", "shelf").stdout == "remove machine shelf\n"
    assert "shelf" not in madeus("host", "list").stdout


def test_a_host_that_cannot_be_reached_is_named_and_the_operation_can_be_gone_on_with(
    folder: Path, madeus: Madeus
) -> None:
    done = madeus("role", "assign", "spare", "web1", "web2", "--inventory", "hosts.toml")
    assert done.returncode == 1
    assert "Error: web1: assign spare: web1: nothing listens on port 9" in done.stderr
    assert "`madeus layers resume` goes on with it" in done.stderr
    history = [json.loads(line) for line in madeus("layers", "history", "--format", "json").stdout.splitlines()]
    assert {(line["summary"], line["state"]) for line in history if line["operation"] == "assign"} == {
        ("assign spare", "broken")
    }
    assert madeus("layers", "resume").returncode == 1
    assert madeus("host", "watch", "--once").returncode == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("states", "web1"), "there is no machine web1"),
        (("rollback", "web1", "1"), "there is no machine web1"),
        (("rollback", "web1"), "there is no machine or run web1"),
        (("compact", "web1"), "there is no machine web1"),
        (("conflicts", "web1"), "there is no machine web1"),
        (("role", "upgrade", "web1"), "there is no machine web1"),
        (("role", "package", "shop", "3", "web1"), "there is no machine web1"),
        (("role", "delete", "shop"), "there is no role shop"),
        (("role", "delete", "spare"), "the role spare cannot be deleted"),
        (("role", "assign", "shop", "local"), "there is no role shop"),
        (("host", "exec", "web1", "true"), "there is no machine web1"),
        (("host", "add", "a", "b", "--address", "x"), "--address goes with a single host"),
    ],
)
def test_what_is_not_there_is_bad_input(madeus: Madeus, words: tuple[str, ...], said: str) -> None:
    done = madeus(*words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr


def test_nothing_known_is_said_so(folder: Path, madeus: Madeus) -> None:
    assert "no machine is known yet" in madeus("host", "list").stdout
    assert madeus("layers", "list", "--format", "json").returncode == 0
    assert madeus("layers", "gc").stdout == "every layer is needed by a machine, a state or a role\n"
    assert madeus("layers", "resume").stdout == "nothing was interrupted\n"


def test_a_single_round_says_each_time_which_machines_are_not_up(folder: Path, madeus: Madeus) -> None:
    madeus("host", "add", "web1", "-i", "hosts.toml")
    for _ in range(2):
        done = madeus("host", "watch", "--once", "-i", "hosts.toml", "--format", "json")
        assert done.returncode == 1
        told = {line["machine"]: line for line in map(json.loads, done.stdout.splitlines())}
        assert {name: line["status"] for name, line in told.items()} == {"web1": "down", "web2": "down"}
        assert "nothing listens on port 9" in told["web1"]["reason"]


def test_the_history_of_a_machine_that_nobody_knows_is_refused(folder: Path, madeus: Madeus) -> None:
    madeus("host", "add", "web1", "-i", "hosts.toml")
    done = madeus("layers", "history", "web2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no machine web2" in done.stderr
    madeus("host", "remove", "web1")
    assert "remove machine web1" in madeus("layers", "history", "web1").stdout


def test_ctrl_c_says_how_what_had_begun_is_gone_on_with(
    folder: Path, madeus: Madeus, monkeypatch: pytest.MonkeyPatch
) -> None:
    madeus("role", "define", "shop.madeus")
    assert madeus("role", "assign", "shop", "web1", "-i", "hosts.toml").returncode == 1

    async def interrupted(layers: Layers) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Layers, "resume", interrupted)
    done = madeus("layers", "resume")
    assert done.returncode == 130
    assert "had begun: make shop 1\n  `madeus layers resume` goes on with it" in done.stderr


def test_a_layer_that_many_need_fills_no_screen(madeus: Madeus, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog()
    for number in range(9):
        catalog = catalog.with_machine(Machine(f"m{number}", stack=("system",)))
    monkeypatch.setattr("madeus.cli.layers.read_catalog", lambda state: catalog)
    assert "m0, m1, m2, m3 and 6 more" in madeus("layers", "list").stdout


def test_what_is_for_machines_has_no_other_text(folder: Path, madeus: Madeus) -> None:
    for words in (("layers", "resume"), ("layers", "gc"), ("layers", "history"), ("layers", "list"), ("host", "list")):
        for line in madeus(*words, "--format", "json").stdout.splitlines():
            assert isinstance(json.loads(line), dict), words
