"""What happens when actions fail, hosts vanish, and the user decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from madeus.executor.api import RunOptions, resume_run_async, run_assembly_async
from madeus.executor.errors import ConnectionLost
from madeus.executor.inventory import parse_inventory
from madeus.executor.journal.errors import NotResumable
from madeus.executor.journal.events import AttemptState, RunState
from madeus.executor.journal.read import read_run
from madeus.executor.reconcile import Decisions
from madeus.executor.result import RunResult
from madeus.executor.testing import assert_conforms, resume_on_fakes, run_on_fakes, virtual_options
from madeus.executor.transport.base import Job
from madeus.executor.transport.fake import FakeWorld, Reply, run_virtual
from madeus.model import (
    Action,
    Assembly,
    ComponentType,
    Connection,
    Instance,
    Place,
    PortKind,
    ProvidePort,
    Transition,
    UsePort,
)
from madeus.semantics import StepKind
from tests.executor.run.assemblies import action, chain, lamp

INVENTORY = parse_inventory("[hosts.h]\n[hosts.k]\n", Path("hosts.toml"))


def failing(*words: str, **reply: object) -> Callable[[str, Job], Reply]:
    """Jobs whose script holds one of the words fail; the others take a second."""

    def script(host: str, job: Job) -> Reply:
        bad = any(word in job.script for word in words)
        answer = Reply(1.0, 3 if bad else 0, b"10.0.0.7\n", b"no\n" if bad else b"")
        return replace(answer, **reply) if bad and reply else answer  # type: ignore[arg-type]

    return script


def pair(idempotent: bool = False, *actions: Action) -> Assembly:
    kind = chain(
        "T", Transition("t", "p0", "p1", actions=actions or (action("once"),), idempotent=idempotent), ("u", "then")
    )
    return Assembly("pair", {"T": kind}, (Instance("a", "T", "h"), Instance("b", "T", "k")))


def test_a_failed_action_is_no_success_and_independent_branches_finish(state: Path) -> None:
    world = FakeWorld(failing("start2"))
    result = run_on_fakes(world, lamp("/log"), options=RunOptions(state=state))
    assert result.state is RunState.FAILED
    assert result.exit_code == 1
    (failure,) = result.failures
    assert (failure.name, failure.host, failure.action, failure.position) == ("db.start", "local", "run", 1)
    assert (failure.exit_code, failure.stderr) == (3, b"no\n")
    assert result.not_started == (("web[1]", "check"), ("web[2]", "check"))
    assert result.configuration.components["web[1]"].output_docks == {"check"}
    assert result.configuration.components["db"].failed == {"start"}
    assert result.run in result.resume_command
    assert str(state) in result.resume_command
    assert_conforms(result.trace, lamp("/log"))


def test_resuming_retries_what_failed_and_nothing_else(state: Path) -> None:
    options = RunOptions(state=state)
    world = FakeWorld(failing("start2"))
    first = run_on_fakes(world, lamp("/log"), options=options)
    before = list(world.started)
    world._script = failing("nothing")
    result = resume_on_fakes(world, first.run, options=options)
    assert result.ok, result.failures
    assert world.started[len(before) :] == [
        ("local", "db.start.0.1.2"),
        ("local", "web~5b1~5d.check.0.0.1"),
        ("local", "web~5b2~5d.check.0.0.1"),
    ]
    assert [e.step.kind for e in result.trace.events].count(StepKind.RETRY) == 1
    assert_conforms(result.trace, lamp("/log"))
    record = read_run(first.run, state)
    retried = next(
        e
        for e in record.trace.executions
        if e.component == "db" and e.fired in record.details and not e.failed and e.transition == "start"
    )
    assert [(a.attempt.action, a.attempt.number, a.attempt.state) for a in record.details[retried.fired].actions] == [
        (1, 2, AttemptState.DONE)
    ]


def test_a_run_that_is_done_is_not_resumed(state: Path) -> None:
    options = RunOptions(state=state)
    result = run_on_fakes(FakeWorld(), pair(), options=replace(options, inventory=INVENTORY))
    with pytest.raises(NotResumable, match="it is done"):
        resume_on_fakes(FakeWorld(), result.run, options=options)
    assert read_run(result.run, state).status == "done"


def vanished(state: Path, assembly: Assembly) -> tuple[FakeWorld, RunResult]:
    """The job of `once` on k leaves no result."""
    world = FakeWorld(lambda host, job: Reply(1.0, vanishes=host == "k" and "once" in job.script))
    return world, run_on_fakes(world, assembly, options=RunOptions(state=state, inventory=INVENTORY))


def test_an_action_without_a_result_is_undecided_and_only_the_user_decides(state: Path) -> None:
    world, result = vanished(state, pair())
    assert result.state is RunState.FAILED
    (failure,) = result.failures
    assert failure.undecided
    assert failure.name == "b.t"
    assert result.configuration.components["a"].places == {"p2"}
    options = RunOptions(state=state)
    again = resume_on_fakes(world, result.run, options=options)
    assert [f.undecided for f in again.failures] == [True]
    assert world.started.count(("k", "b.t.0.0.1")) == 1
    world._script = lambda host, job: Reply(1.0)
    done = resume_on_fakes(world, result.run, options=options, decisions=Decisions(retry=frozenset({"b.t"})))
    assert done.ok, done.failures
    assert ("k", "b.t.0.0.2") in world.started
    assert_conforms(done.trace, pair())


def test_an_action_may_be_taken_for_done(state: Path) -> None:
    world, result = vanished(state, pair())
    decisions = Decisions(assume_done=frozenset({"b.t"}))
    done = resume_on_fakes(world, result.run, options=RunOptions(state=state), decisions=decisions)
    assert done.ok, done.failures
    assert [job for host, job in world.started if host == "k"] == ["b.t.0.0.1", "b.u.0.0.1"]
    states = [a.attempt.state for e in read_run(result.run, state).details.values() for a in e.actions]
    assert states.count(AttemptState.ASSUMED) == 1


def test_nothing_is_assumed_of_a_value_that_nobody_knows(state: Path) -> None:
    kind = ComponentType(
        "T",
        (Place("p0", True), Place("p1")),
        (Transition("t", "p0", "p1", actions=(action("once", "ip"),)),),
        provides=(ProvidePort("ip", PortKind.DATA, ("p1",)),),
    )
    world, result = vanished(state, Assembly("x", {"T": kind}, (Instance("b", "T", "k"),)))
    with pytest.raises(NotResumable, match="nobody knows the value of ip"):
        decisions = Decisions(assume_done=frozenset({"b.t"}))
        resume_on_fakes(world, result.run, options=RunOptions(state=state), decisions=decisions)
    assert read_run(result.run, state).status == "failed"


@pytest.mark.parametrize(
    ("decisions", "words"),
    [
        (Decisions(retry=frozenset({"a.t"})), "a.t is not an unfinished transition"),
        (Decisions(retry=frozenset({"b.t"}), assume_done=frozenset({"b.t"})), "b.t cannot be both"),
    ],
)
def test_a_decision_has_to_fit(state: Path, decisions: Decisions, words: str) -> None:
    world, result = vanished(state, pair())
    with pytest.raises(NotResumable, match=words):
        resume_on_fakes(world, result.run, options=RunOptions(state=state), decisions=decisions)


def test_an_idempotent_transition_is_simply_run_again(state: Path) -> None:
    """The host restarts while the controller is away."""
    world = FakeWorld(lambda host, job: Reply(50.0))

    async def main() -> RunResult:
        options = virtual_options(world, RunOptions(state=state, inventory=INVENTORY))
        controllers: list[object] = []
        task = asyncio.ensure_future(
            run_assembly_async(pair(True), options=replace(options, on_start=controllers.append))
        )
        await asyncio.sleep(10)
        world.restart("k")
        return await task

    result = run_virtual(main())
    # The transport says of a job it waits for that it has vanished: an idempotent transition goes on at once.
    assert result.ok, result.failures
    assert [job for host, job in world.started if host == "k"] == ["b.t.0.0.1", "b.t.0.0.2", "b.u.0.0.1"]
    rows = [a.attempt for e in read_run(result.run, state).details.values() for a in e.actions if a.attempt.host == "k"]
    assert [(r.number, r.state) for r in rows][:2] == [(1, AttemptState.LOST), (2, AttemptState.DONE)]


def test_a_host_out_of_reach_fails_its_transitions_and_a_resume_finds_what_it_did(state: Path) -> None:
    world = FakeWorld(lambda host, job: Reply(20.0))

    async def main() -> tuple[RunResult, RunResult]:
        options = virtual_options(world, RunOptions(state=state, inventory=INVENTORY))
        task = asyncio.ensure_future(run_assembly_async(pair(), options=options))
        await asyncio.sleep(10)
        world.unreachable("k", ConnectionLost("k", "", "the connection broke"))
        first = await task
        world.unreachable("k", None)
        await asyncio.sleep(60)
        return first, await resume_run_async(first.run, options)

    first, second = run_virtual(main())
    assert [(f.name, f.undecided) for f in first.failures] == [("b.t", True)]
    assert second.ok
    assert [job for host, job in world.started if host == "k"] == ["b.t.0.0.1", "b.u.0.0.1"]
    assert_conforms(second.trace, pair())


def test_a_host_that_was_never_reached_is_tried_again(state: Path) -> None:
    world = FakeWorld()
    world.unreachable("k", ConnectionLost("k", "", "nobody answers"))
    first = run_on_fakes(world, pair(), options=RunOptions(state=state, inventory=INVENTORY))
    assert [(f.name, f.undecided, f.reason) for f in first.failures] == [("b.t", False, "k: nobody answers")]
    world.unreachable("k", None)
    assert resume_on_fakes(world, first.run, options=RunOptions(state=state)).ok


def test_retries_and_their_attempts_are_in_the_journal(state: Path) -> None:
    tries = iter([1, 1, 0])
    world = FakeWorld(lambda host, job: Reply(1.0, next(tries) if "a.t" in job.id else 0))
    assembly = pair(False, action("once", retry=2))
    result = run_on_fakes(world, assembly, options=RunOptions(state=state, inventory=INVENTORY))
    assert result.ok, result.failures
    record = read_run(result.run, state)
    fired = next(e.fired for e in record.trace.executions if e.name == "a.t")
    states = [(a.attempt.number, str(a.attempt.state)) for a in record.details[fired].actions]
    assert states == [(1, "failed"), (2, "failed"), (3, "done")]


def test_a_deadlock_of_the_model_is_told_with_what_waits_for_what(state: Path) -> None:
    def half(name: str) -> ComponentType:
        return ComponentType(
            name,
            (Place("off", True), Place("on")),
            (Transition("go", "off", "on", actions=(action("go"),)),),
            provides=(ProvidePort("up", PortKind.SERVICE, ("on",)),),
            uses=(UsePort("other", PortKind.SERVICE, ("go",)),),
        )

    assembly = Assembly(
        "circle",
        {"A": half("A"), "B": half("B")},
        (Instance("a", "A"), Instance("b", "B")),
        (Connection("a", "other", "b", "up"), Connection("b", "other", "a", "up")),
    )
    result = run_on_fakes(FakeWorld(), assembly, options=RunOptions(state=state))
    assert result.state is RunState.STUCK
    assert result.exit_code == 1
    assert result.deadlock is not None
    assert set(result.deadlock.cycle) == {"a", "b"}


def test_stopping_ends_what_runs_and_the_run_can_be_resumed(state: Path) -> None:
    world = FakeWorld(lambda host, job: Reply(50.0 if host == "k" else 1.0))

    async def main() -> tuple[RunResult, RunResult]:
        options = virtual_options(world, RunOptions(state=state, inventory=INVENTORY))

        def started(controller: object) -> None:
            asyncio.get_running_loop().call_later(10, controller.stop)  # type: ignore[attr-defined]

        first = await run_assembly_async(pair(), options=replace(options, on_start=started))
        world._script = lambda host, job: Reply(1.0)
        return first, await resume_run_async(first.run, options)

    first, second = run_virtual(main())
    assert first.state is RunState.INTERRUPTED
    assert first.exit_code == 130
    assert first.trace.makespan < 11
    assert first.configuration.components["a"].places == {"p2"}
    assert second.ok
    assert [job for host, job in world.started if host == "k"] == ["b.t.0.0.1", "b.t.0.0.2", "b.u.0.0.1"]
    assert_conforms(second.trace, pair())


def test_an_unreadable_value_fails_the_transition_that_produced_it(state: Path) -> None:
    from madeus.model import ValueType

    kind = ComponentType(
        "T",
        (Place("p0", True), Place("p1")),
        (Transition("t", "p0", "p1", actions=(action("count", "n"),)),),
        provides=(ProvidePort("n", PortKind.DATA, ("p1",), ValueType.INT),),
    )
    assembly = Assembly("x", {"T": kind}, (Instance("a", "T"),))
    world = FakeWorld(lambda host, job: Reply(stdout=b"many\n"))
    result = run_on_fakes(world, assembly, options=RunOptions(state=state))
    assert "'many' is no int, which the data port n takes" in result.failures[0].reason
    good = run_on_fakes(FakeWorld(lambda h, j: Reply(stdout=b"7\n")), assembly, options=RunOptions(state=state))
    assert good.configuration.data[("a", "n")] == 7
