"""`madeus testbed` as its user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from madeus.cli.testbed import testbed as command
from madeus.executor.testbed import registry


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def run(*words: str) -> Result:
    return CliRunner().invoke(command, list(words))


def place(tmp_path: Path, bed: str = "default") -> Path:
    return tmp_path / "state/madeus/testbed" / bed


def test_without_root_up_ends_with_2_and_says_that_local_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    result = run("up", "3")
    assert result.exit_code == 2
    assert "without root the host `local` still works" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["up"], "Missing argument"),
        (["up", "0"], "0 hosts: give a number from 1 to 10000, or names"),
        (["up", "local"], "`local` cannot be a test host's name: it means this machine"),
        (["up", "1", "2x", "--mode", "magic"], "Invalid value for '--mode'"),
        (["up", "1", "--name", "../x"], "--name '../x': letters, digits"),
        (["kill", "h1"], "no test hosts are up at"),
        (["ssh", "h1"], "no test hosts are up at"),
        (["exec", "h1", "true"], "no test hosts are up at"),
        (["packages", "hello"], "no test hosts are up at"),
        (["kill"], "Missing argument"),
    ],
)
def test_a_mistake_ends_with_2_and_a_sentence(words: list[str], said: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.output


def test_down_with_nothing_up_is_no_mistake(tmp_path: Path) -> None:
    result = run("down")
    assert (result.exit_code, result.output) == (0, f"nothing is up at {place(tmp_path)}\n")


def test_list_without_beds_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "marked_processes", lambda: iter(()))
    assert run("list").output == "no test hosts; `madeus testbed up 3` starts some\n"


def test_a_lost_bed_is_listed_as_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "marked_processes", lambda: iter(()))
    place(tmp_path).mkdir(parents=True)
    record = registry.BedRecord("default", "relay", "/", registry.ProcessId(1, -1), "", ())
    registry.BedFiles(place(tmp_path)).write(record)
    assert "bed default: lost in a crash" in run("list").output
    assert json.loads(run("list", "--format", "json").output)[0]["state"] == "lost"


@pytest.mark.hosts
def test_a_whole_life(tmp_path: Path) -> None:
    try:
        up = run("up", "2")
        assert up.exit_code == 0, up.output
        inventory = place(tmp_path) / "inventory.toml"
        assert f"  madeus run FILE --inventory {inventory}\n" in up.output
        assert inventory.exists()
        again = run("up", "3")
        assert "already up: h1, h2\n" in again.output
        assert "bed default: 1 new host in" in again.output
        assert run("partition", "h1", "h2").output == "h1 is cut off\nh2 is cut off\n"
        assert "up, partitioned" in run("list", "--dir", str(place(tmp_path))).output
        assert run("heal", "h1", "h2").exit_code == 0
        assert run("freeze", "h1").output == "h1 is frozen\n"
        assert run("thaw", "h1").output == "h1 goes on\n"
        assert run("kill", "h3").output == "h3 is down\n"
        assert run("start", "h3").output == "h3 is up\n"
        assert "already up" in run("up", "h3").output
        other = run("up", "1", "--mode", "lo")
        assert other.exit_code == 2
        assert "its bed is up in mode relay" in other.output
        (bed,) = json.loads(run("list", "--dir", str(place(tmp_path)), "--format", "json").output)
        assert [(host["name"], host["state"]) for host in bed["hosts"]] == [("h1", "up"), ("h2", "up"), ("h3", "up")]
        for verb in ("ssh", "exec"):
            words = [
                sys.executable,
                "-c",
                "from madeus.cli.testbed import testbed; testbed()",
                verb,
                "h2",
                "hostname; exit 3",
            ]
            if verb == "exec":
                words[-1:] = ["sh", "-c", "hostname; exit 3"]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout) == (3, "h2\n"), done.stderr
    finally:
        down = run("down")
    assert down.exit_code == 0
    assert not place(tmp_path).exists()


@pytest.mark.hosts
def test_a_bed_elsewhere_is_found_by_its_name(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    assert run("up", "1", "--name", "far", "--dir", str(elsewhere)).exit_code == 0
    try:
        assert run("freeze", "--name", "far", "h1").output == "h1 is frozen\n"
    finally:
        assert run("down", "--name", "far").exit_code == 0
    assert not elsewhere.exists()
