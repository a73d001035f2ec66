"""Runs inside layers on simulated hosts: a checkpoint before each transition, taken back when the run fails."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from madeus.executor.api import Origin, RunOptions
from madeus.executor.inventory import Host, Inventory
from madeus.executor.journal.errors import NotResumable
from madeus.executor.journal.events import RunState
from madeus.executor.journal.store import FILE, Journal
from madeus.executor.layers.api import Layers
from madeus.executor.layers.simulated import SimulatedHosts
from madeus.executor.layers.store import LayerStore
from madeus.executor.live.change import deploy, look, reconfigure
from madeus.executor.live.read import read_live
from madeus.executor.testing import assert_conforms, resume_on_fakes, run_on_fakes, run_virtual
from madeus.executor.transport.base import Job
from madeus.executor.transport.fake import FakeWorld, Reply
from madeus.executor.transport.pool import Transports
from madeus.model import Action, Assembly, ComponentType, Instance, Place, Program, Push, Transition, WaitAll
from madeus.semantics import Fate, Step, StepKind

INVENTORY = Inventory(hosts={name: Host(name) for name in ("m1", "m2")})


def site(*instances: Instance) -> Assembly:
    """Components that install, then publish; ``fresh`` goes with install."""
    step = Transition("install", "off", "there", actions=(Action("run", ("install",)),))
    beside = Transition("fresh", "off", "there", actions=(Action("run", ("fresh",)),))
    last = Transition("publish", "there", "online", actions=(Action("run", ("publish",)),))
    kind = ComponentType("Site", (Place("off", True), Place("there"), Place("online")), (step, beside, last))
    return Assembly("frontend", {"Site": kind}, instances)


def failing(*words: str):  # type: ignore[no-untyped-def]
    def script(host: str, job: Job) -> Reply:
        text = dict(job.environment).get("MADEUS_JOB", job.script)
        return Reply(0.01, exit_code=int(f"{host} {text}" in words or text in words))

    return script


def options(state: Path, hosts: SimulatedHosts, **more: object) -> RunOptions:
    return RunOptions(state=state, inventory=INVENTORY, layer_hosts=lambda store: hosts, **more)  # type: ignore[arg-type]


def states(state: Path, machine: str) -> list[tuple[int, str]]:
    store = LayerStore.open(state)
    try:
        return [(one.number, one.why) for one in store.catalog().states_of(machine)]
    finally:
        store.close()


def test_each_transition_is_a_checkpoint_and_those_that_overlap_share_one(tmp_path: Path) -> None:
    hosts = SimulatedHosts("m1", "m2")
    assembly = site(Instance("a", "Site", "m1", layered=True), Instance("b", "Site", "m2"))
    result = run_on_fakes(FakeWorld(), assembly, options=options(tmp_path, hosts))
    assert result.ok
    assert states(tmp_path, "m1") in ([(2, "a.publish"), (1, "a.install")], [(2, "a.publish"), (1, "a.fresh")])
    assert not hosts["m2"].calls


def test_what_lives_in_a_layer_acts_in_the_stack_and_the_rest_on_the_host(tmp_path: Path) -> None:
    world = FakeWorld()
    assembly = site(Instance("a", "Site", "m1", layered=True), Instance("b", "Site", "m2"))
    run_on_fakes(world, assembly, options=options(tmp_path, SimulatedHosts("m1", "m2")))
    inside, outside = world.jobs[("m1", "a.install.0.0.1")], world.jobs[("m2", "b.install.0.0.1")]
    assert " enter -- /bin/sh" in inside.script and dict(inside.environment)["MADEUS_JOB"] == "install"
    assert outside.script == "install" and not outside.environment


def test_a_run_that_fails_takes_its_machines_back_when_that_is_wanted(tmp_path: Path) -> None:
    hosts = SimulatedHosts("m1", "m2")
    assembly = site(Instance("a", "Site", "m1", layered=True), Instance("b", "Site", "m2", layered=True))
    run_on_fakes(FakeWorld(), assembly, options=options(tmp_path, hosts))
    hosts["m1"].write("/srv/site", "good")
    before = hosts["m1"].shown()

    def spoil(host: str, job: Job) -> Reply:
        hosts[host].write("/srv/site", "bad")
        return failing("m1 publish")(host, job)

    result = run_on_fakes(FakeWorld(spoil), assembly, options=options(tmp_path, hosts, rollback=True))
    assert result.state is RunState.ROLLED_BACK and result.exit_code == 1 and result.resume_command == ""
    assert result.rolled_back == ("m1", "m2")
    assert hosts["m1"].shown() == before and "/srv/site" not in hosts["m2"].shown()
    assert result.recorded == ("m1", "m2") and result.rollback_command == ""
    with pytest.raises(NotResumable, match="it was rolled back"):
        resume_on_fakes(FakeWorld(), result.run, options=options(tmp_path, hosts))


def test_nothing_is_started_any_more_in_a_run_that_will_be_taken_back(tmp_path: Path) -> None:
    hosts, world = SimulatedHosts("m1", "m2"), FakeWorld(failing("m1 install"))
    assembly = site(Instance("a", "Site", "m1", layered=True), Instance("b", "Site", "m2"))
    result = run_on_fakes(world, assembly, options=options(tmp_path, hosts, rollback=True))
    assert result.state is RunState.ROLLED_BACK
    assert ("m2", "b.publish.0.0.1") not in world.started
    world = FakeWorld(failing("m1 install"))
    run_on_fakes(world, assembly, options=options(tmp_path, hosts))
    assert ("m2", "b.publish.0.0.1") in world.started


def test_a_program_may_say_that_it_is_taken_back(tmp_path: Path) -> None:
    hosts = SimulatedHosts("m1")
    assembly = site(Instance("a", "Site", "m1", layered=True))
    program = Program("up", "frontend", (Push("a", "deploy"), WaitAll()), rollback=True)
    result = run_on_fakes(FakeWorld(failing("publish")), assembly, ((program,),), options=options(tmp_path, hosts))
    assert result.state is RunState.ROLLED_BACK
    assert [event.step for event in result.trace.events][-1] == Step(StepKind.ROLLBACK, "up")
    after = assert_conforms(result.trace, assembly, ((program,),))
    assert after.fate is Fate.TAKEN_BACK and after.components == result.configuration.components


def test_a_controller_that_dies_once_the_machines_are_back_leaves_nothing_to_be_tried_again(tmp_path: Path) -> None:
    hosts, world = SimulatedHosts("m1"), FakeWorld(failing("publish"))
    assembly = site(Instance("a", "Site", "m1", layered=True))
    program = Program("up", "frontend", (Push("a", "deploy"), WaitAll()), rollback=True)
    result = run_on_fakes(world, assembly, ((program,),), options=options(tmp_path, hosts))
    with sqlite3.connect(tmp_path / FILE) as journal:  # as if it had not written that the run has ended
        journal.execute("UPDATE runs SET state = 'running' WHERE id = ?", (result.run,))
    journal.close()
    world = FakeWorld()
    resumed = resume_on_fakes(world, result.run, options=options(tmp_path, hosts))
    assert resumed.state is RunState.ROLLED_BACK and not world.started
    assert resumed.trace.events == result.trace.events


def test_a_run_that_is_taken_back_waits_for_what_runs_and_goes_no_further_than_the_step_relation(
    tmp_path: Path,
) -> None:
    def slow(host: str, job: Job) -> Reply:
        text = dict(job.environment).get("MADEUS_JOB", job.script)
        return Reply(0.01 if text == "install" else 3.0, exit_code=int(text == "install"))

    hosts = SimulatedHosts("m1", "m2")
    assembly = site(Instance("a", "Site", "m1", layered=True), Instance("b", "Site", "m2", layered=True))
    program = Program("up", "frontend", (Push("a", "deploy"), Push("b", "deploy"), WaitAll()), rollback=True)
    result = run_on_fakes(FakeWorld(slow), assembly, ((program,),), options=options(tmp_path, hosts))
    assert result.state is RunState.ROLLED_BACK
    words = [str(event.step) for event in result.trace.events]
    # Both beginnings of a and of b run when the first fails; they are waited for, and nothing is published.
    assert words[-3:-1] == ["end a.fresh", "end b.fresh"] and words[-1] == "rollback up"
    assert not any("publish" in word for word in words)
    assert_conforms(result.trace, assembly, ((program,),))


@pytest.mark.parametrize("broken", [("begin",), ("begin", "mend")], ids=["the recovery ends", "it fails, too"])
def test_a_recovery_comes_before_a_rollback(tmp_path: Path, broken: tuple[str, ...]) -> None:
    moves = (
        Transition("begin", "off", "on", actions=(Action("run", ("begin",)),)),
        Transition("mend", "off", "on", ("mend",), actions=(Action("run", ("mend",)),)),
    )
    kind = ComponentType("Site", (Place("off", True), Place("on")), moves, ("deploy", "mend"))
    assembly = Assembly("frontend", {"Site": kind}, tuple(Instance(n, "Site", f"m{n}", layered=True) for n in "12"))
    pushes = (Push("1", "deploy", recovery="1.mend"), WaitAll(), Push("2", "mend"), WaitAll())
    program = Program("up", "frontend", pushes, rollback=True)
    hosts = SimulatedHosts("m1", "m2")
    result = run_on_fakes(FakeWorld(failing(*broken)), assembly, ((program,),), options=options(tmp_path, hosts))
    words = [str(event.step) for event in result.trace.events]
    assert "recover 1.deploy" in words
    if "mend" in broken:
        assert result.state is RunState.ROLLED_BACK and "fire 2.mend" not in words
    else:
        assert result.state is RunState.DONE and "fire 2.mend" in words
    conf = assert_conforms(result.trace, assembly, ((program,),))
    assert (conf.fate is Fate.TAKEN_BACK) == ("mend" in broken) == (words[-1] == "rollback up")


def test_a_failed_run_can_be_taken_back_later(tmp_path: Path) -> None:
    hosts = SimulatedHosts("m1")
    assembly = site(Instance("a", "Site", "m1", layered=True))

    def spoil(host: str, job: Job) -> Reply:
        hosts[host].write("/srv/site", "bad")
        return failing("publish")(host, job)

    result = run_on_fakes(FakeWorld(spoil), assembly, options=options(tmp_path, hosts))
    assert result.state is RunState.FAILED and hosts["m1"].shown()["/srv/site"] == "bad"

    async def later() -> None:
        async with Layers(LayerStore.open(tmp_path), hosts, INVENTORY) as layers:
            done = await layers.rollback_run(result.run)
            assert [one.machine for one in done] == ["m1"] and done[0].error is None

    run_virtual(later())
    assert "/srv/site" not in hosts["m1"].shown()
    with pytest.raises(NotResumable, match="it was rolled back"):
        resume_on_fakes(FakeWorld(), result.run, options=options(tmp_path, hosts))


def test_what_goes_on_in_the_stack_before_a_checkpoint_is_told_with_the_transition(tmp_path: Path) -> None:
    hosts = SimulatedHosts("m1")
    hosts["m1"].lingering = [{"pid": 7, "name": "myd", "command": "/opt/myd -x"}]
    result = run_on_fakes(
        FakeWorld(), site(Instance("a", "Site", "m1", layered=True)), options=options(tmp_path, hosts)
    )
    assert result.ok
    assert [remark.splitlines()[:2] for remark in result.remarks[-1:]] == [
        [
            "m1, before a.publish: 1 process goes on in the stack from before and does not see the new one:",
            "  myd, pid 7: /opt/myd -x",
        ]
    ]


def test_a_machine_that_cannot_be_taken_back_is_named_and_the_run_stays_failed(tmp_path: Path) -> None:
    hosts = SimulatedHosts("m1")
    assembly = site(Instance("a", "Site", "m1", layered=True))

    def leave(host: str, job: Job) -> Reply:
        if dict(job.environment)["MADEUS_JOB"] == "publish":
            hosts.down.add("m1")
        return failing("publish")(host, job)

    result = run_on_fakes(FakeWorld(leave), assembly, options=options(tmp_path, hosts, rollback=True))
    assert result.state is RunState.FAILED and result.resume_command
    assert [reason.split(":")[0] for reason in result.not_rolled_back] == ["m1"]


def test_a_run_that_stands_where_it_failed_says_how_it_is_taken_back(tmp_path: Path) -> None:
    hosts = SimulatedHosts("m1", "m2")
    assembly = site(Instance("a", "Site", "m1", layered=True), Instance("b", "Site", "m2"))
    result = run_on_fakes(FakeWorld(failing("m1 publish")), assembly, options=options(tmp_path, hosts))
    assert result.recorded == ("m1",)
    assert result.rollback_command == f"madeus rollback {result.run} --state {tmp_path}"
    assert result.trace_command == f"madeus trace {result.run} --html {result.run}.html --state {tmp_path}"
    again = run_on_fakes(FakeWorld(), assembly, options=options(tmp_path, hosts))
    assert again.ok and again.recorded == ("m1",) and again.rollback_command == ""


def test_a_transition_whose_checkpoint_fails_has_failed_and_did_nothing(tmp_path: Path) -> None:
    hosts, world = SimulatedHosts("m1"), FakeWorld()
    hosts.down.add("m1")
    result = run_on_fakes(world, site(Instance("a", "Site", "m1", layered=True)), options=options(tmp_path, hosts))
    assert result.state is RunState.FAILED and not world.started
    assert "nothing listens there" in result.failures[0].reason
    hosts.down.clear()
    assert resume_on_fakes(world, result.run, options=options(tmp_path, hosts)).ok


def test_a_live_assembly_stands_where_it_stood_when_a_program_on_it_was_taken_back(tmp_path: Path) -> None:
    hosts, world = SimulatedHosts("m1"), FakeWorld(failing("update"))
    moves = (
        Transition("install", "off", "on", actions=(Action("run", ("install",)),)),
        Transition("update", "on", "off", ("update",), actions=(Action("run", ("update",)),)),
    )
    kind = ComponentType("Site", (Place("off", True), Place("on")), moves, ("deploy", "update"))
    assembly = Assembly("frontend", {"Site": kind}, (Instance("a", "Site", "m1", layered=True),))
    program = Program("update", "frontend", (Push("a", "update"), WaitAll()), rollback=True)
    made = options(tmp_path, hosts, transports=lambda run: Transports(run, make=world.transport_maker(run)))
    assert deploy(assembly, (), {"update": program}, options=made).ok
    journal = Journal.open(tmp_path)
    try:
        before = read_live(journal, "frontend").state
        intent = look(journal, "frontend", assembly, ((program,),), {"update": program}, Origin())
        failed = reconfigure(intent, made)
        assert failed.state is RunState.ROLLED_BACK and failed.rolled_back == ("m1",)
        after = read_live(journal, "frontend")
        assert (after.status, after.state) == ("idle", before)
        world._script = failing()
        intent = look(journal, "frontend", assembly, ((program,),), {"update": program}, Origin())
        again = reconfigure(intent, made)
        assert again.ok
        assert read_live(journal, "frontend").state.configuration.components["a"].places == {"off"}
    finally:
        journal.close()
