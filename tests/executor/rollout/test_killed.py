"""A controller of a rollout dies at every write of the journal; the one after it goes on exactly where it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeus.executor.rollout.records import MachineState
from tests.executor.rollout.rig import BACK, Mortal, Rig


def roll_and_die(folder: Path, dies_at: int, after: bool, bad: set[str]) -> tuple[Rig, bool]:
    """A rollout whose first controller dies there, gone on with; whether it died at all."""
    rig = Rig(folder / "state", n=3, settings=BACK + '  threshold 50%\n  test command "probe"\n', bad=bad)
    result = rig.roll(mortal=Mortal.make(rig.state, dies_at, after))
    died = result is None
    if died:
        result = rig.roll(resume=rig.last()) if rig.last() else rig.roll()
    assert result is not None
    states = {m: row.state for m, row in result.record.machines.items()}
    expected = {f"w{n}": MachineState.FAILED if f"w{n}" in bad else MachineState.PASSED for n in (1, 2, 3)}
    assert states == expected, (dies_at, after)
    return rig, died


@pytest.mark.parametrize("after", [False, True])
def test_each_action_is_done_once_wherever_the_controller_dies(tmp_path: Path, after: bool) -> None:
    dies_at = 0
    while True:
        rig, died = roll_and_die(tmp_path / str(dies_at), dies_at, after, set())
        for machine in ("w1", "w2", "w3"):
            for command in ("stop", "unpack", "check"):
                assert rig.did.count((machine, command)) == 1, (dies_at, machine, command)
        assert rig.did.index(("w1", "check")) < rig.did.index(("w2", "stop"))
        if not died:
            break
        dies_at += 1
    assert dies_at > 20


@pytest.mark.parametrize("after", [False, True])
def test_a_failing_machine_is_taken_back_once_wherever_the_controller_dies(tmp_path: Path, after: bool) -> None:
    dies_at = 0
    while True:
        rig, died = roll_and_die(tmp_path / str(dies_at), dies_at, after, {"w3"})
        assert rig.did.count(("w3", "back")) == 1, dies_at
        assert ("w1", "back") not in rig.did and ("w2", "back") not in rig.did
        if not died:
            break
        dies_at += 1
    assert dies_at > 20
