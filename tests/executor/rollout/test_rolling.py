"""Rollouts on scripted hosts: what is touched, what is counted, what is left alone."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from madeus.executor.journal.lock import user_name
from madeus.executor.journal.store import Journal
from madeus.executor.live.memory import Memory
from madeus.executor.live.read import read_live
from madeus.executor.rollout.before import read_before
from madeus.executor.rollout.control import Controller
from madeus.executor.rollout.ended import Said
from madeus.executor.rollout.errors import (
    MachinesHalfway,
    RolloutHeld,
    RolloutTakenOver,
    RolloutUnfinished,
    UnknownRollout,
)
from madeus.executor.rollout.order import RolloutResult
from madeus.executor.rollout.records import MachineState, RolloutState, signature
from madeus.executor.rollout.store import (
    TABLES,
    ask_for,
    begin,
    check_free,
    make_tables,
    read_rollout,
    reopen,
    settings_of,
    stages_from_json,
    stages_to_json,
)
from madeus.fleet.clusters import Cluster
from tests.executor.rollout.rig import BACK, BODY, Rig


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def states(result: RolloutResult | None) -> str:
    assert result is not None
    return " ".join(f"{m}={row.state}" for m, row in result.record.machines.items())


def note(result: RolloutResult | None) -> str:
    assert result is not None
    return f"{result.record.row.state}: {result.record.row.note}"


def touched(rig: Rig) -> set[str]:
    return {host for host, _ in rig.did}


def test_representatives_pass_before_the_rest_begins(state: Path) -> None:
    rig = Rig(state)
    result = rig.roll()
    assert note(result) == "done: "
    assert result is not None and result.exit_code == 0
    assert [d for d in rig.did if d[1] != "db"][:3] == [("w1", "stop"), ("w1", "unpack"), ("w1", "check")]
    assert {h for h, _ in rig.did[3:]} == {"w2", "w3", "w4"}
    assert all(rig.did.count((f"w{n}", "check")) == 1 for n in range(1, 5))


def test_a_representative_that_fails_is_taken_back_and_nobody_else_is_touched(state: Path) -> None:
    rig = Rig(state, bad={"w1"})
    result = rig.roll()
    assert states(result) == "w1=failed w2=waiting w3=waiting w4=waiting"
    assert note(result) == "halted: stage web representatives has not passed: 0 of 1 machines, 1 have to"
    assert result is not None and result.exit_code == 1
    assert touched(rig) == {"w1"} and rig.did[-1] == ("w1", "back")


def test_a_fixed_upgrade_goes_to_the_failed_machines_first_and_then_the_stages_go_on(state: Path) -> None:
    rig = Rig(state, settings=BACK + "  threshold 50%\n", bad={"w3"})
    first = rig.roll()
    assert states(first) == "w1=passed w2=passed w3=failed w4=passed"
    assert note(first) == "partial: 1 machine is not upgraded"
    assert first is not None and first.exit_code == 1
    rig.did.clear()
    again = rig.roll(resume=rig.last())
    assert note(again) == "partial: 1 machine is not upgraded" and rig.did == []
    rig.version = " fixed"
    fixed = rig.roll(resume=rig.last())
    assert note(fixed) == "done: "
    assert rig.did == [("w3", "stop"), ("w3", "unpack"), ("w3", "check fixed")]


def test_a_fixed_upgrade_reaches_failed_representatives_before_the_rest(state: Path) -> None:
    rig = Rig(state, bad={"w1", "w2"})
    rig.roll()
    rig.did.clear()
    rig.version = " fixed"
    assert note(rig.roll(resume=rig.last())) == "done: "
    assert rig.did[0][0] == "w1" and rig.did.index(("w1", "check fixed")) < rig.did.index(("w2", "stop"))


def test_the_same_upgrade_is_tried_again_only_when_asked_for(state: Path) -> None:
    rig = Rig(state, bad={"w1"})
    rig.roll()
    rig.did.clear()
    rig.bad.clear()
    assert note(rig.roll(resume=rig.last())).startswith("halted")
    assert rig.did == []
    assert note(rig.roll(resume=rig.last(), retry=True)) == "done: "


def test_an_unreachable_machine_is_not_a_failed_one(state: Path) -> None:
    rig = Rig(state, settings=BACK + "  threshold 60%\n  failures max 0 per rollout\n")
    rig.down("w4")
    result = rig.roll()
    assert states(result) == "w1=passed w2=passed w3=passed w4=unreachable"
    assert note(result) == "partial: 1 machine is not upgraded"
    assert result is not None and result.record.failures == ()
    rig.up("w4")
    assert note(rig.roll(resume=rig.last())) == "done: "


def test_a_machine_that_is_lost_in_the_middle_is_gone_on_with_when_it_is_back(state: Path) -> None:
    rig = Rig(state, settings=BACK + "  threshold 60%\n")

    def cut(journal: Journal, controller: Controller) -> None:
        asyncio.get_running_loop().call_later(4.5, rig.down, "w3")

    result = rig.roll(meanwhile=cut)
    assert states(result) == "w1=passed w2=passed w3=unreachable w4=passed"
    rig.up("w3")
    rig.did.clear()
    assert note(rig.roll(resume=rig.last())) == "done: "
    assert ("w3", "stop") not in rig.did


def test_unreachable_representatives_stop_the_rollout(state: Path) -> None:
    rig = Rig(state)
    rig.down("w1")
    result = rig.roll()
    assert states(result) == "w1=unreachable w2=waiting w3=waiting w4=waiting"
    assert rig.did == []


def test_a_budget_that_is_used_up_stops_what_has_not_begun(state: Path) -> None:
    rig = Rig(
        state, n=8, settings=BACK + "  threshold 10%\n  out max 2\n  failures max 1 per cluster\n", bad={"w2", "w3"}
    )
    result = rig.roll()
    assert note(result) == "halted: a failure budget is used up: 2 failed in the cluster web, 1 allowed"
    assert touched(rig) == {"w1", "w2", "w3"}


def test_failures_are_folded_by_cluster_and_signature(state: Path) -> None:
    alike = [
        Cluster("a", ("w1", "w2", "w3"), frozenset({"php/4"}), 1),
        Cluster("b", ("w4", "w5"), frozenset(), 2),
    ]
    rig = Rig(state, n=5, settings=BACK + "  protocol representatives_first\n  threshold 1%\n", clusters=alike)
    rig.bad = {"w2", "w3", "w5"}
    result = rig.roll()
    assert result is not None
    found = [(r.cluster, r.signature, sorted(r.machines), r.first.difference) for r in result.record.reports]
    assert sorted(found) == [
        ("a", "check: item # is wrong", ["w2", "w3"], ("+ php 4",)),
        ("b", "check: item # is wrong", ["w5"], ()),
    ]


def test_without_a_way_back_a_failing_machine_is_left_as_it_stands_and_everything_stops(state: Path) -> None:
    rig = Rig(state, settings="  on_failure freeze\n  out max 1\n  threshold 10%\n", bad={"w2"})
    result = rig.roll()
    assert states(result) == "w1=passed w2=frozen w3=waiting w4=waiting"
    assert note(result) == "frozen: w2 failed and is left as it stands"
    assert ("w2", "back") not in rig.did and touched(rig) == {"w1", "w2"}
    rig.version = " fixed"
    assert note(rig.roll(resume=rig.last())) == "done: "


def test_a_machine_that_cannot_be_taken_back_stops_everything(state: Path) -> None:
    rig = Rig(state, bad={"w1"}, bad_commands={("w1", "back")})
    result = rig.roll()
    assert states(result).startswith("w1=frozen")
    assert note(result) == "frozen: w1 could not be taken back"


def test_a_command_and_a_soak_decide_whether_a_machine_has_passed(state: Path) -> None:
    rig = Rig(state, settings=BACK + '  test command "probe"\n  soak 60s\n')
    assert note(rig.roll()) == "done: "
    assert rig.did.count(("w1", "probe")) == 2


def test_a_machine_whose_test_fails_is_taken_back_from_its_new_version(state: Path) -> None:
    rig = Rig(state, settings=BACK + '  test command "probe"\n', bad_commands={("w1", "probe")})
    result = rig.roll()
    assert states(result) == "w1=failed w2=waiting w3=waiting w4=waiting"
    assert rig.did[-3:] == [("w1", "probe"), ("w1", "stop"), ("w1", "back")]
    assert result is not None and result.record.reports[0].signature == 'test command "probe": item # is wrong'


def test_a_metric_that_is_worse_than_on_machines_not_yet_upgraded_fails(state: Path) -> None:
    pytest.importorskip("scipy")
    settings = BACK + '  test metric "metric" lower\n  soak 10s\n'
    fine = Rig(state, settings=settings, printed={f"w{n}": "5" for n in range(1, 5)})
    assert note(fine.roll()) == "done: "
    slow = Rig(state.parent / "other", settings=settings, printed={**{f"w{n}": "5" for n in range(2, 5)}, "w1": "9 ms"})
    result = slow.roll()
    assert states(result).startswith("w1=failed")
    assert result is not None
    assert "worse than on machines not yet upgraded: median 9, there 5" in result.record.failures[0].reason


def test_freezing_by_command_lets_what_is_on_come_to_its_end(state: Path) -> None:
    rig = Rig(state)

    def ask(journal: Journal, controller: Controller) -> None:
        asyncio.get_running_loop().call_later(1.2, ask_for, journal, controller.run_id, "freeze", 0.0)

    result = rig.roll(meanwhile=ask)
    assert (states(result), note(result)) == (
        "w1=passed w2=waiting w3=waiting w4=waiting",
        "frozen: frozen by command",
    )
    assert touched(rig) == {"w1"}
    assert note(rig.roll(resume=rig.last())) == "done: "


def test_after_an_abort_the_rest_is_never_touched_and_it_goes_on_exactly_where_it_was(state: Path) -> None:
    rig = Rig(state)

    def stop(journal: Journal, controller: Controller) -> None:
        asyncio.get_running_loop().call_later(1.5, controller.stop)

    result = rig.roll(meanwhile=stop)
    assert result is not None and result.exit_code == 130
    assert states(result) == "w1=upgrading w2=waiting w3=waiting w4=waiting"
    assert touched(rig) == {"w1"}
    assert note(rig.roll(resume=rig.last())) == "done: "
    assert rig.did.count(("w1", "stop")) == 1


def test_a_machine_in_the_middle_of_an_upgrade_goes_back_by_its_behaviors_before_it_gets_another_one(
    state: Path,
) -> None:
    rig = Rig(state)
    rig.roll(meanwhile=lambda journal, controller: asyncio.get_running_loop().call_later(2.5, controller.stop))
    assert rig.did == [("w1", "stop"), ("w1", "unpack"), ("w1", "check")]
    rig.did.clear()
    rig.version = " fixed"
    assert note(rig.roll(resume=rig.last())) == "done: "
    assert [c for m, c in rig.did if m == "w1"] == ["back", "stop", "unpack", "check fixed"]


def test_machines_that_still_have_to_get_a_fixed_upgrade_use_up_no_budget(state: Path) -> None:
    settings = BACK + "  threshold 10%\n  out max 1\n  failures max 1 per cluster\n"
    rig = Rig(state, n=5, settings=settings, bad={"w2", "w3"})
    assert note(rig.roll()) == "halted: a failure budget is used up: 2 failed in the cluster web, 1 allowed"
    rig.did.clear()
    rig.version = " fixed"
    assert note(rig.roll(resume=rig.last())) == "done: "
    assert [m for m, c in rig.did if c == "check fixed"] == ["w2", "w3", "w4", "w5"]


def test_a_machine_is_tried_again_once_in_a_session(state: Path) -> None:
    rig = Rig(state, settings=BACK + "  threshold 50%\n  out max 2\n", bad={"w3"})
    rig.roll()
    rig.did.clear()
    assert note(rig.roll(resume=rig.last(), retry=True)).startswith("partial")
    assert rig.did.count(("w3", "check")) == 1


@pytest.mark.parametrize(
    ("budget", "bad", "said"),
    [
        ("max 1 per stage", {"w2", "w4"}, "2 failed in the stage web rest, 1 allowed"),
        ("max 1 per stage", {"w2"}, ""),
        ("max 20% per stage", {"w2"}, "1 failed in the stage web rest 1, 0 allowed (20%)"),
        ("max 1 per rollout", {"w2", "w6"}, "2 failed in the rollout, 1 allowed"),
        ("max 15% per rollout", {"w2", "w6"}, "2 failed in the rollout, 1 allowed (15%)"),
        ("max 25% per rollout", {"w2", "w6"}, ""),
        ("max 10% per cluster", {"w4"}, "1 failed in the cluster web, 0 allowed (10%)"),
        ("max 0 per rollout", {"w7"}, "1 failed in the rollout, 0 allowed"),
    ],
)
def test_budgets_are_absolute_or_a_share_of_a_stage_a_cluster_or_the_rollout(
    state: Path, budget: str, bad: set[str], said: str
) -> None:
    """Nine machines: a representative, and the others in four batches of two."""
    rig = Rig(state, n=9, settings=BACK + f"  threshold 10%\n  out max 2\n  failures {budget}\n", bad=bad)
    result = rig.roll()
    if said:
        assert note(result) == f"halted: a failure budget is used up: {said}"
        last = max(bad)
        begun = {"w2": "w3", "w3": "w3", "w4": "w5", "w6": "w7", "w7": "w7"}[last]
        assert max(touched(rig)) == begun, "nothing outside the batch was touched"
    else:
        assert note(result).startswith("partial")
    assert {m for m, row in result.record.machines.items() if row.state is MachineState.FAILED} == bad


def test_an_abort_does_not_wait_for_the_end_of_the_soak_time(state: Path) -> None:
    rig = Rig(state, settings=BACK + '  test command "probe"\n  soak 1h\n')
    ended = []

    def stop(journal: Journal, controller: Controller) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(10, ask_for, journal, controller.run_id, "abort", 0.0)
        ended.append(loop)

    result = rig.roll(meanwhile=stop)
    assert states(result) == "w1=testing w2=waiting w3=waiting w4=waiting"
    assert note(result) == "aborted: aborted by command" and result.record.row.ended < 60
    assert touched(rig) == {"w1"}
    rig.did.clear()
    assert note(rig.roll(resume=rig.last())) == "done: "
    assert rig.did[0] == ("w1", "probe"), "its upgrade is done: only the tests are made again"


def test_a_new_rollout_does_not_begin_where_an_aborted_one_has_left_machines_in_the_middle(state: Path) -> None:
    rig = Rig(state)
    rig.roll(meanwhile=lambda journal, controller: asyncio.get_running_loop().call_later(1.5, controller.stop))
    journal = Journal.open(state)
    with pytest.raises(MachinesHalfway, match="w1: in the middle of rollout"):
        check_free(journal, "shop")
    check_free(journal, "another")
    rig.bad = {"w1"}
    rig.roll(resume=rig.last())
    with pytest.raises(RolloutUnfinished):
        check_free(journal, "shop")
    ask_for(journal, rig.last(), "abort", 0.0)
    check_free(journal, "shop")
    journal.close()


def test_a_machine_that_goes_away_while_it_is_tested_has_not_failed(state: Path) -> None:
    rig = Rig(state, settings=BACK + '  test command "probe"\n  soak 60s\n  failures max 0 per rollout\n')
    result = rig.roll(meanwhile=lambda journal, controller: asyncio.get_running_loop().call_later(10, rig.down, "w1"))
    assert states(result) == "w1=testing w2=waiting w3=waiting w4=waiting" and result.record.failures == ()
    rig.up("w1")
    assert note(rig.roll(resume=rig.last())) == "done: "
    assert rig.did.count(("w1", "stop")) == 1


def test_own_stages_begin_with_representatives_and_the_last_size_is_repeated(state: Path) -> None:
    alike = [Cluster("a", ("w1", "w2", "w3", "w4"), distance=1), Cluster("b", ("w5", "w6", "w7"), distance=2)]
    rig = Rig(state, n=7, settings=BACK + "  stages [1, 2, 40%]\n", clusters=alike)
    result = rig.roll()
    assert note(result) == "done: "
    begun = [m for m, c in rig.did if c == "stop"]
    assert begun[0] == "w1" and set(begun[1:3]) == {"w5", "w2"} and set(begun[3:5]) == {"w3", "w4"}
    assert [len(s.machines) for s in result.record.row.stages.stages] == [1, 2, 2, 2]


def test_a_random_order_is_that_of_its_seed(state: Path) -> None:
    alike = [Cluster(f"k{n}", (f"w{n}",), distance=n) for n in range(1, 7)]
    orders = set()
    for seed in (1, 1, 2, 3):
        rig = Rig(state.parent / f"{seed}-{len(list(state.parent.iterdir()))}", n=6, clusters=alike)
        rig.settings = BACK + f"  protocol random seed {seed}\n"
        assert note(rig.roll()) == "done: "
        orders.add((seed, tuple(m for m, c in rig.did if c == "stop")))
    assert len(orders) == 3 and len({order for _, order in orders}) > 1


def test_what_is_remembered_of_a_live_assembly_is_what_is_written(state: Path) -> None:
    rig = Rig(state, n=6, settings=BACK + "  threshold 50%\n  out max 3\n", bad={"w3", "w5"})
    memory, looks = Memory(), 0

    def compare(journal: Journal) -> None:
        nonlocal looks
        known, fresh = read_live(journal, "shop", memory), read_live(journal, "shop")
        assert (known.state, known.settled) == (fresh.state, fresh.settled)
        assert [(c.row, c.head) for c in known.changes] == [(c.row, c.head) for c in fresh.changes]
        assert (known.types, known.programs) == (fresh.types, fresh.programs)
        looks += 1

    def often(journal: Journal, controller: Controller) -> None:
        for tenth in range(1, 100):
            asyncio.get_running_loop().call_later(tenth / 10, compare, journal)

    assert note(rig.roll(meanwhile=often)).startswith("partial")
    assert looks > 50


def test_shared_instances_are_seen_to_before_and_after_all_machines_once(state: Path) -> None:
    body = "  push db.note\n  wait db\n" + BODY + "  wait all\n  push db.deploy\n"
    rig = Rig(state, body=body, bad={"w2"})
    result = rig.roll()
    assert rig.did[0] == ("db1", "noted") and note(result).startswith("halted")
    rig.version = " fixed"
    assert note(rig.roll(resume=rig.last())) == "done: "
    assert rig.did.count(("db1", "noted")) == 1


def test_a_cluster_that_nobody_could_test_makes_the_rollout_partial(state: Path) -> None:
    rig = Rig(state)
    order, stages = rig.order()
    assert order
    coded = stages_to_json(stages)
    coded["left_out"] = [["k", ["w9"], [], 0, []]]
    assert [c.name for c in stages_from_json(coded).left_out] == ["k"]
    assert stages_from_json(stages_to_json(stages)) == stages


def test_tables_of_an_earlier_version_are_brought_up_to_date(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    with journal.transaction() as connection:
        for statement in TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO rollout_schema VALUES (1)")
        connection.execute(
            "INSERT INTO rollouts VALUES (1, 'r-1', 'r', 'shop', 'f', 'd', 'halted', 'run', 0, 0, 1, '', ?, NULL, '[]')",
            (
                json.dumps(
                    {"protocol": "balanced", "stages": [], "representatives": [], "clusters": [], "left_out": []}
                ),
            ),
        )
        connection.execute("INSERT INTO rollout_failures VALUES (1, 'r-1', 'w1', 's', 'c', 'sign', 'why', '[]', 0)")
    old = read_rollout(journal, "r-1")
    assert old.failures[0].whole == ""
    make_tables(journal)
    make_tables(journal)
    assert read_rollout(journal, "r-1") == old
    assert read_before(journal, "r-1", "w1") is None and settings_of(journal, "r-1") == ()
    journal.close()


def test_a_rollout_that_another_process_drives_is_left_alone(state: Path) -> None:
    rig = Rig(state)
    _, stages = rig.order()
    journal = Journal.open(state)
    store = begin(journal, name="r", assembly="shop", file="f", digest="d", stages=stages, now=0.0)
    with pytest.raises(RolloutHeld, match=f"process {os.getpid()} of {user_name()} on"):
        reopen(journal, store.id, "d", "f", 1.0)
    with pytest.raises(RolloutUnfinished) as driven:
        check_free(journal, "shop")
    assert driven.value.help.startswith("wait for its end")
    journal.query("UPDATE rollouts SET holder = NULL")
    with pytest.raises(RolloutUnfinished) as lost:
        check_free(journal, "shop")
    assert lost.value.help.startswith("go on with it: madeus rollout resume")
    later = reopen(journal, store.id, "d", "f", 1.0)
    with pytest.raises(RolloutTakenOver):
        store.wanted()
    with pytest.raises(RolloutTakenOver):
        store.end(RolloutState.DONE, "", 1.0)
    later.end(RolloutState.DONE, "", 1.0)
    with pytest.raises(UnknownRollout):
        read_rollout(journal, "nothing")
    assert read_rollout(journal, "last").count(MachineState.WAITING) == 4
    journal.close()


def test_a_signature_forgets_numbers_and_the_machine() -> None:
    one = signature("check", "port 3306 on w1 is taken (0xdeadbeef)", "w1")
    assert one == signature("check", "port 3307 on w2 is taken (0xcafe0001)", "w2")
    assert one == "check: port # on <machine> is taken (#)"


def test_failures_of_one_kind_have_the_last_line_of_their_errors_in_common() -> None:
    assert Said.of("exit code 1", b"a\nb\n", b"c\nd\n") == ("exit code 1\na\nb\nc\nd", "d")
    assert Said.of("exit code 1", b"a\n") == ("exit code 1\na", "exit code 1")
    assert len(Said.of("x", b"y" * 100_000).reason) < 20_000


def test_a_report_is_open_until_its_machines_are_upgraded_or_fail_in_another_way(state: Path) -> None:
    rig = Rig(state, settings=BACK + "  protocol no_staging\n  threshold 1%\n", bad={"w1", "w2", "w3"})
    result = rig.roll()
    (one,) = result.record.reports
    assert sorted(one.open) == sorted(one.machines) == ["w1", "w2", "w3"]
    rig.version = " fixed"
    rig.bad_commands = {("w2", "unpack"), ("w3", "check fixed")}
    result = rig.roll(resume=rig.last())
    first, second, *_ = result.record.reports
    assert (sorted(first.open), first.machines == one.machines) == (["w3"], True)
    assert (second.signature, second.open) == ("unpack: item # is wrong", ("w2",))
    assert (
        first.first.whole == f"madeus logs {rig.first_run(first.first.machine)} 'web[{first.first.machine[1]}].check'"
    )


def test_a_report_tells_how_its_own_machine_differs_from_the_reference(state: Path) -> None:
    alike = Cluster(
        *("a", ("w1", "w2", "w3", "w4"), frozenset({"php/8", "php/7"}), 2, ("w2",)),
        lacks=frozenset({"php/7"}),
        deviating=(("w1", frozenset({"cnf/x"})),),
    )
    rig = Rig(state, settings=BACK + "  protocol no_staging\n  threshold 1%\n", bad={"w1", "w3"}, clusters=[alike])
    found = {f.machine: f.difference for f in rig.roll().record.failures}
    assert found == {"w1": ("+ cnf x", "~ php 7 -> 8"), "w3": ("~ php 7 -> 8",)}
    assert stages_from_json(stages_to_json(rig.order()[1])) == rig.order()[1]
