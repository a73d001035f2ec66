"""Rollbacks of real test hosts over connections that outlive the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

import pytest

from madeus.executor.testbed import Testbed

pytestmark = pytest.mark.hosts

ROLE = 'role plain {\n  base machine\n  version "1" {\n    run "echo 1 > /etc/one"\n  }\n}\n'
MAIN = """
import sys
from madeus.cli import main
sys.argv[0] = "madeus"
try:
    main()
finally:
    heavy = {"asyncssh", "cryptography", "madeus.model", "madeus.semantics"}
    print("imported", *sorted(heavy & set(sys.modules)), file=sys.stderr)
"""

Madeus = Callable[..., tuple[str, list[str]]]


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    with Testbed.up(["k1", "k2"], tmp_path_factory.mktemp("kept") / "bed", name="keptctl", layers=True) as up:
        yield up


@pytest.fixture(scope="module")
def madeus(bed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Madeus]:
    """A command; what it prints, and which heavy modules it has imported. Its hosts keep connections."""
    folder = tmp_path_factory.mktemp("controller")
    inventory = bed.files.inventory.with_name("keeping.toml")
    inventory.write_text(bed.files.inventory.read_text().replace("[defaults]\n", '[defaults]\npersist = "5min"\n', 1))
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="kept-") as sockets:
        kept = {"MADEUS_STATE": str(folder), "MADEUS_INVENTORY": str(inventory), "XDG_RUNTIME_DIR": sockets}

        def call(*words: str) -> tuple[str, list[str]]:
            command = [sys.executable, "-c", MAIN, *words]
            done = subprocess.run(command, env={**os.environ, **kept}, capture_output=True, text=True, cwd=folder)
            assert done.returncode == 0, done.stderr
            return done.stdout, done.stderr.splitlines()[-1].split()[1:]

        (folder / "plain.madeus").write_text(ROLE)
        call("role", "define", "plain.madeus")
        call("role", "assign", "plain", "k1", "k2")
        call("role", "reprovision", "plain", "k1", "k2")
        yield call
        call("connections", "stop")


def kept(madeus: Madeus) -> dict[str, int]:
    """Host -> process that keeps its connection."""
    lines = [json.loads(line) for line in madeus("connections", "--format", "json")[0].splitlines()]
    return {line["host"]: line["process"] for line in lines}


def test_rollbacks_share_a_connection_and_import_no_library_of_ssh(madeus: Madeus, bed: Testbed) -> None:
    before = kept(madeus)
    assert set(before) == {"k1", "k2"}
    bed.host("k1").exec("chroot /run/madeus/root sh -c 'echo mine > /etc/one'")
    said, imported = madeus("rollback", "k1")
    assert said.startswith("k1: rollback to k1@") and imported == []
    assert kept(madeus) == before


def test_a_host_that_was_restarted_is_rolled_back_over_a_new_connection(madeus: Madeus, bed: Testbed) -> None:
    madeus("rollback", "k2")
    before = kept(madeus)
    host = bed.host("k2")
    host.kill()
    host.start()
    said, _ = madeus("rollback", "k2")
    assert said.startswith("k2: rollback to k2@")
    madeus("rollback", "k2")
    after = kept(madeus)
    assert after["k1"] == before["k1"] and after["k2"] != before["k2"]


def test_connections_are_ended_one_by_one_and_all(madeus: Madeus) -> None:
    madeus("rollback", "k1")
    madeus("rollback", "k2")
    assert madeus("connections", "stop", "k1")[0] == "1 connection ended\n"
    assert set(kept(madeus)) == {"k2"}
    assert madeus("connections", "stop")[0] == "1 connection ended\n"
    assert kept(madeus) == {}
