"""A controller of a rollout dies at every write of the journal; the one after it goes on exactly where it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.rollout.records import MachineState
from tests.executor.rollout.rig import BACK, Rig


def roll_and_die(folder: Path, dies_at: int, after: bool, bad: set[str]) -> tuple[Rig, bool]:
    """A rollout whose first controller dies there, gone on with; whether it died at all."""
    rig = Rig(folder / "state", n=3, settings=BACK + '  threshold 50%\n  test command "probe"\n', bad=bad)
    result, died = rig.roll_and_die(dies_at, after)
    states = {m: row.state for m, row in result.record.machines.items()}
    expected = {f"w{n}": MachineState.FAILED if f"w{n}" in bad else MachineState.PASSED for n in (1, 2, 3)}
    assert states == expected, (dies_at, after)
    return rig, died


WRITES = 22
"""Writes of such a rollout at least; a later one is not made any more."""


def all_deaths(folder: Path, after: bool, bad: set[str], step: int) -> Iterator[tuple[int, Rig]]:
    for dies_at in range(0, 100, step):
        rig, died = roll_and_die(folder / str(dies_at), dies_at, after, bad)
        yield dies_at, rig
        if not died:
            assert dies_at > WRITES
            return


def each_action_is_done_once(folder: Path, after: bool, step: int) -> None:
    for dies_at, rig in all_deaths(folder, after, set(), step):
        for machine in ("w1", "w2", "w3"):
            for command in ("stop", "unpack", "check"):
                assert rig.did.count((machine, command)) == 1, (dies_at, machine, command)
        assert rig.did.index(("w1", "check")) < rig.did.index(("w2", "stop"))


def a_failing_machine_is_taken_back_once(folder: Path, after: bool, step: int) -> None:
    for dies_at, rig in all_deaths(folder, after, {"w3"}, step):
        assert rig.did.count(("w3", "back")) == 1, dies_at
        assert ("w1", "back") not in rig.did and ("w2", "back") not in rig.did


@pytest.mark.parametrize("after", [False, True])
def test_each_action_is_done_once_where_the_controller_dies(tmp_path: Path, after: bool) -> None:
    each_action_is_done_once(tmp_path, after, 7)


@pytest.mark.parametrize("after", [False, True])
def test_a_failing_machine_is_taken_back_once_where_the_controller_dies(tmp_path: Path, after: bool) -> None:
    a_failing_machine_is_taken_back_once(tmp_path, after, 7)


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True])
def test_each_action_is_done_once_wherever_the_controller_dies(tmp_path: Path, after: bool) -> None:
    each_action_is_done_once(tmp_path, after, 1)


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True])
def test_a_failing_machine_is_taken_back_once_wherever_the_controller_dies(tmp_path: Path, after: bool) -> None:
    a_failing_machine_is_taken_back_once(tmp_path, after, 1)
