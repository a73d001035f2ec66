"""Rollouts of machines that live in layers: what fails at its gate gets its files and its marking back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from madeus.executor.journal.store import Journal
from madeus.executor.layers.simulated import SimulatedHosts
from madeus.executor.layers.store import LayerStore
from madeus.executor.rollout.order import RolloutResult
from madeus.executor.rollout.records import MachineState
from tests.executor.rollout.rig import Rig

PROBE = '  test command "probe"\n  on_failure rollback nothing\n'
"""No component has such a behavior: the layers are the only way back."""


def rig(folder: Path, n: int = 3, settings: str = PROBE, **more: object) -> Rig:
    names = [f"w{i}" for i in range(1, n + 1)]
    return Rig(folder / "state", n=n, settings=settings, layers=SimulatedHosts(*names), **more)  # type: ignore[arg-type]


def states(result: RolloutResult) -> str:
    return " ".join(f"{m}={row.state}" for m, row in result.record.machines.items())


def run_states(rig: Rig) -> list[str]:
    journal = Journal.open(rig.state)
    try:
        return [str(head.state) for head in journal.heads()]
    finally:
        journal.close()


GATES = {
    "transition": ({"bad": {"w1"}}, "  test transition check\n  on_failure rollback nothing\n"),
    "command": ({"bad_commands": {("w1", "probe")}}, PROBE),
    "http": (
        {"deaf": {"w1"}},
        '  test http "http://127.0.0.1:9/" within 1s\n  on_failure rollback nothing\n',
    ),
    "metric": (
        {"printed": {"w1": "9", "w2": "5", "w3": "5"}},
        '  test metric "metric" lower\n  soak 10s\n  on_failure rollback nothing\n',
    ),
}


@pytest.mark.parametrize("gate", GATES)
def test_a_machine_that_fails_at_its_gate_gets_its_layers_and_its_marking_back(tmp_path: Path, gate: str) -> None:
    if gate == "metric":
        pytest.importorskip("scipy")
    more, settings = GATES[gate]
    made = rig(tmp_path, settings=settings, **more)
    result = made.roll()
    assert states(result) == "w1=failed w2=waiting w3=waiting"
    assert result.record.row.note == "stage web representatives has not passed: 0 of 1 machines, 1 have to"
    assert made.releases() == "1 1 1"
    assert made.standing() == "running running running"
    (report,) = result.record.reports
    assert (report.cluster, report.machines) == ("web", ("w1",)) and report.signature
    assert ("w1", "back") not in made.did


def test_the_marking_is_put_back_after_others_have_gone_on(tmp_path: Path) -> None:
    """w2's run is part of the assembly's state for long when its gate fails: w3's has begun since."""
    made = rig(
        tmp_path,
        settings=PROBE + "  threshold 50%\n  soak 60s\n  out max 2\n",
        n=4,
        bad_commands={("w2", "probe")},
    )
    result = made.roll()
    assert states(result) == "w1=passed w2=failed w3=passed w4=passed"
    assert made.releases() == "2 1 2 2"
    assert made.standing() == "running running running running"
    store = LayerStore.open(made.state)
    runs = [o for o in store.operations("w2") if o.kind == "rollback"]
    store.close()
    assert len(runs) == 1 and runs[0].run == result.record.machines["w2"].run


def test_a_fixed_upgrade_reaches_a_machine_whose_layers_were_taken_back(tmp_path: Path) -> None:
    made = rig(tmp_path, bad_commands={("w1", "probe")})
    made.roll()
    made.bad_commands.clear()
    made.version = " fixed"
    result = made.roll(resume=made.last())
    assert states(result) == "w1=passed w2=passed w3=passed"
    assert made.releases() == "2-fixed 2-fixed 2-fixed"


def test_a_machine_that_cannot_be_reached_while_it_is_taken_back_is_taken_back_when_it_is_there_again(
    tmp_path: Path,
) -> None:
    made = rig(tmp_path, bad_commands={("w1", "probe")})
    assert made.layers is not None
    made.cut_at = "probe"
    result = made.roll()
    assert states(result) == "w1=undoing w2=waiting w3=waiting"
    assert result.record.row.state == "frozen" and made.releases() == "2 1 1"
    made.cut_at = ""
    made.layers.down.clear()
    result = made.roll(resume=made.last())
    assert states(result) == "w1=failed w2=waiting w3=waiting"
    assert (made.releases(), made.standing()) == ("1 1 1", "running running running")
    assert made.did.count(("w1", "probe")) == 1


def test_commands_are_asked_inside_of_the_layers(tmp_path: Path) -> None:
    made = rig(tmp_path)
    assert states(made.roll()) == "w1=passed w2=passed w3=passed"
    assert {(f"w{n}", "probe") for n in (1, 2, 3)} <= made.inside


def test_a_machine_in_the_middle_of_an_upgrade_is_taken_back_before_it_gets_another_one(tmp_path: Path) -> None:
    made = rig(tmp_path)
    made.roll(meanwhile=lambda journal, controller: asyncio.get_running_loop().call_later(2.5, controller.stop))
    assert made.did[-1] == ("w1", "check") and made.releases() == "2 1 1"
    made.did.clear()
    made.version = " fixed"
    result = made.roll(resume=made.last())
    assert states(result) == "w1=passed w2=passed w3=passed" and result.record.failures == ()
    assert [command for machine, command in made.did if machine == "w1"] == ["stop", "unpack", "check fixed", "probe"]
    assert made.releases() == "2-fixed 2-fixed 2-fixed"


def test_without_rollback_a_machine_in_layers_is_left_as_it_stands(tmp_path: Path) -> None:
    made = rig(tmp_path, settings='  test command "probe"\n  on_failure freeze\n', bad_commands={("w1", "probe")})
    result = made.roll()
    assert states(result) == "w1=frozen w2=waiting w3=waiting"
    assert made.releases() == "2 1 1"


def test_budgets_count_a_machine_whose_layers_were_taken_back(tmp_path: Path) -> None:
    settings = PROBE + "  threshold 10%\n  out max 2\n  failures max 1 per cluster\n"
    made = rig(tmp_path, n=6, settings=settings, bad_commands={("w2", "probe"), ("w3", "probe")})
    result = made.roll()
    assert result.record.row.note == "a failure budget is used up: 2 failed in the cluster web, 1 allowed"
    assert made.releases() == "2 1 1 1 1 1"
    assert [sorted(r.machines) for r in result.record.reports] == [["w2", "w3"]]


def wherever_it_dies(folder: Path, after: bool, step: int, most: int = 1, **more: object) -> None:
    last = 0
    for dies_at in range(0, 200, step):
        made = rig(folder / str(dies_at), n=2, **more)
        result, died = made.roll_and_die(dies_at, after)
        assert result.record.machines["w1"].state is MachineState.FAILED, dies_at
        assert result.record.machines["w2"].state is MachineState.WAITING, dies_at
        assert (made.releases(), made.standing()) == ("1 1", "running running"), dies_at
        assert len(result.record.failures) == 1, dies_at
        assert made.did.count(("w1", "unpack")) == 1, dies_at
        store = LayerStore.open(made.state)
        assert 1 <= len([o for o in store.operations("w1") if o.kind == "rollback"]) <= most, dies_at
        store.close()
        last = dies_at
        if not died:
            break
    assert last > 5


@pytest.mark.parametrize("after", [False, True])
def test_layers_are_taken_back_once_where_the_controller_dies(tmp_path: Path, after: bool) -> None:
    wherever_it_dies(tmp_path, after, 3, bad_commands={("w1", "probe")})


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("bad", [{"bad_commands": {("w1", "probe")}}, {"bad": {"w1"}}], ids=["gate", "transition"])
def test_layers_are_taken_back_once_wherever_the_controller_dies(
    tmp_path: Path, after: bool, bad: dict[str, object]
) -> None:
    # A run that takes its layers back itself does so again when its end was not written: to the same state.
    wherever_it_dies(tmp_path, after, 1, 2 if "bad" in bad else 1, **bad)
