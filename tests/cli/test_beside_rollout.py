"""What `reconfigure`, `repair` and `destroy` say while a rollout of the assembly is not over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from madeus.executor.journal.store import Journal
from madeus.executor.rollout.store import reopen
from tests.cli.test_rollout_run import Shop

BESIDE = """
program stop for shop {
  push web[1].drain
  wait web[1]
}
"""


@pytest.fixture
def halted(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.write()
    made.file.write_text(made.file.read_text() + BESIDE)
    made.deploy()
    (tmp_path / "w1" / "bad").touch()
    assert made.rollout("run", str(made.file)).exit_code == 1
    return made


def commands(shop: Shop) -> tuple[tuple[str, ...], ...]:
    return (
        ("reconfigure", str(shop.file), "stop", "--progress", "none"),
        ("repair", "shop", "--yes"),
        ("destroy", "shop", "--yes"),
    )


def test_beside_a_rollout_that_is_half_way_nothing_is_changed_and_the_ways_out_are_named(halted: Shop) -> None:
    for state in ("halted", "frozen"):
        id = halted.status()["id"]
        for words in commands(halted):
            done = halted.madeus(*words)
            assert (done.exit_code, done.stdout) == (1, ""), (words, done.output)
            assert f"rollout {id} of shop is {state}" in done.stderr
            assert all(f"madeus rollout {way} {id}" in done.stderr for way in ("status", "resume", "abort"))
            assert "--anyway" in done.stderr
        halted.rollout("freeze")
    assert len(halted.madeus("ps", "--format", "json").stdout.splitlines()) == 1


def test_beside_a_rollout_that_runs_the_process_that_drives_it_is_named(halted: Shop) -> None:
    id = halted.status()["id"]
    journal = Journal.open(halted.folder / "state", create=False)
    reopen(journal, id, "", str(halted.file), 0.0)
    journal.close()
    for words in commands(halted):
        done = halted.madeus(*words)
        assert done.exit_code == 1, done.output
        assert f"rollout {id} of shop is running, driven by process {os.getpid()} of" in done.stderr
        assert f"madeus rollout status {id}" in done.stderr and f"madeus rollout abort {id}" in done.stderr
        assert "resume" not in done.stderr


def test_with_anyway_it_is_done_beside_the_rollout(halted: Shop) -> None:
    for words in commands(halted):
        done = halted.madeus(*words, "--anyway")
        assert done.exit_code == 0, (words, done.output)
    assert halted.madeus("ps").stdout.startswith("nothing is deployed")


def test_a_rollout_that_was_aborted_or_is_done_stands_in_nobodys_way(halted: Shop) -> None:
    halted.rollout("abort")
    assert halted.madeus(*commands(halted)[1]).exit_code == 0
    (halted.folder / "w1" / "bad").unlink()
    again = halted.rollout("resume", "--retry")
    assert again.exit_code == 0, again.output
    for words in commands(halted):
        done = halted.madeus(*words)
        assert done.exit_code == 0, (words, done.output)


def test_a_rollout_of_what_was_destroyed_since_is_not_in_the_way_of_what_is_deployed_now(halted: Shop) -> None:
    assert halted.madeus("destroy", "shop", "--yes", "--anyway").exit_code == 0
    halted.deploy()
    done = halted.madeus(*commands(halted)[0])
    assert done.exit_code == 0, done.output
