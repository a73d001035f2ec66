"""Attempts: timeout, retry, resume, masking. Scripted hosts, virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from madeus.executor.action import ActionResult, Call, Context, Description, Masked, Registry, execute
from madeus.executor.action.base import ActionKind
from madeus.executor.errors import (
    ActionFailed,
    ActionInterrupted,
    ActionTimedOut,
    AgentStartFailed,
    ConnectionLost,
    JobVanished,
)
from madeus.executor.inventory import Host
from madeus.executor.transport.base import Job
from madeus.executor.transport.fake import FakeWorld, Reply, run_virtual
from madeus.model.value import Duration
from tests.executor.action.world import action, do, pretend


def by_attempt(*replies: Reply) -> FakeWorld:
    """A host on which attempt n does what the n-th reply says."""
    return FakeWorld(lambda host, job: replies[int(job.id.rsplit(".", 1)[1]) - 1])


def test_a_failure_is_tried_again_with_growing_pauses() -> None:
    world = by_attempt(Reply(1, 1), Reply(1, 1), Reply(1, 0, b"good\n"))
    result, told, seconds = pretend(action("run", "x", retry=3, backoff=Duration(2), outputs=("o",)), world)
    assert result.outputs == {"o": "good"} and result.attempts == 3
    assert world.started == [("far", "c.t.0.0.1"), ("far", "c.t.0.0.2"), ("far", "c.t.0.0.3")]
    assert seconds == pytest.approx(1 + 2 + 1 + 4 + 1)
    assert [(a.number, a.error is not None, a.pause) for a in told] == [
        (1, False, None),
        (1, True, 2.0),
        (2, False, None),
        (2, True, 4.0),
        (3, False, None),
    ]


def test_the_last_failure_is_told_with_its_output() -> None:
    with pytest.raises(ActionFailed) as caught:
        pretend(action("run", "x", retry=1), FakeWorld(lambda *_: Reply(0, 3, b"out", b"err")))
    assert str(caught.value) == "run on far failed after 2 attempts: exit code 3"
    assert (caught.value.status, caught.value.stdout, caught.value.stderr) == (3, b"out", b"err")
    assert caught.value.attempts == 2 and caught.value.exit_code == 1


def test_without_retry_one_attempt_is_made() -> None:
    world = FakeWorld(lambda *_: Reply(0, 1))
    with pytest.raises(ActionFailed, match=r"^run on far failed: exit code 1$"):
        pretend(action("run", "x"), world)
    assert len(world.started) == 1


def test_an_attempt_is_ended_at_its_timeout_and_may_be_retried() -> None:
    world = by_attempt(Reply(100), Reply(1))
    result, _, seconds = pretend(action("run", "x", timeout=Duration(5), retry=1), world)
    assert result.attempts == 2 and seconds == pytest.approx(5 + 1 + 1)
    with pytest.raises(ActionTimedOut, match="did not end within its timeout of 5s"):
        pretend(action("run", "x", timeout=Duration(5)), FakeWorld(lambda *_: Reply(100)))


def test_a_refused_job_is_a_failed_attempt() -> None:
    with pytest.raises(ActionFailed, match="run on far failed: there is no user x"):
        pretend(action("run", "x"), FakeWorld(lambda *_: Reply(refused="there is no user x")))


def test_an_unreachable_host_is_no_failure_of_the_action() -> None:
    world = FakeWorld()
    world.unreachable("far", AgentStartFailed("far", "", "no"))
    with pytest.raises(AgentStartFailed):
        pretend(action("run", "x", retry=5), world)


def begun(world: FakeWorld, job: str, *, wait: bool) -> None:
    """An earlier controller has started a job and has, or has not, seen its end."""

    async def main() -> None:
        host = world.transport("far", "r")
        await host.start(Job(job, "x"))
        if wait:
            await host.wait(job)

    run_virtual(main())


def test_a_recorded_result_is_taken_on_resume_and_nothing_runs_again() -> None:
    world = FakeWorld(lambda *_: Reply(1, 0, b"1.2.3.4\n"))
    begun(world, "c.t.0.0.1", wait=True)
    result, told, _ = pretend(action("run", "x", outputs=("ip",)), world, resume=True)
    assert result.outputs == {"ip": "1.2.3.4"} and world.started == [("far", "c.t.0.0.1")] and told == []


def test_a_job_that_never_started_is_started_on_resume() -> None:
    world = FakeWorld()
    _, told, _ = pretend(action("run", "x"), world, resume=True)
    assert world.started == [("far", "c.t.0.0.1")] and [a.job for a in told] == ["c.t.0.0.1"]


def test_retries_go_on_where_they_were_on_resume() -> None:
    world = by_attempt(Reply(0, 1), Reply(0, 0))
    begun(world, "c.t.0.0.1", wait=True)
    result, _, _ = pretend(action("run", "x", retry=1), world, resume=True)
    assert world.started == [("far", "c.t.0.0.1"), ("far", "c.t.0.0.2")] and result.attempts == 2


def test_a_vanished_job_stops_a_resume_unless_it_may_run_again() -> None:
    for settings, kind in (({}, "run"), ({"idempotent": True}, "run"), ({}, "service")):
        world = by_attempt(Reply(100), Reply(0, 0))
        begun(world, "c.t.0.0.1", wait=False)
        world.restart("far")
        what = action(kind, "x") if kind == "run" else action(kind, "x", started=True)
        if settings or kind == "service":
            pretend(what, world, resume=True, **settings)
            assert world.started[-1] == ("far", "c.t.0.0.2")
        else:
            with pytest.raises(
                JobVanished, match=r"job c.t.0.0.1 was started but left no result: the host was restarted"
            ):
                pretend(what, world, resume=True)


def test_a_host_restarted_since_leaves_nothing_to_be_sure_of() -> None:
    world = FakeWorld()
    with pytest.raises(JobVanished):
        pretend(action("run", "x"), world, resume=True, boot_id="boot-0")


def test_an_interrupted_action_without_a_job_is_done_again_only_when_idempotent(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    world = FakeWorld()
    pretend(action("copy", str(tmp_path / "f"), to="/f"), world, resume=True)
    assert world.host("far").files["/f"][0] == b"x"
    with pytest.raises(ActionInterrupted, match=r"python on far was running when the controller stopped"):
        pretend(action("python", "os:getcwd"), world, resume=True)


def test_a_killed_job_is_not_tried_again() -> None:
    world = FakeWorld(lambda *_: Reply(100))

    async def main() -> None:
        transport = world.transport("far", "r")
        context = Context(Host("far"), transport, {}, Path(), ("c", "t", 0))
        doing = asyncio.create_task(execute(action("run", "x", retry=5), context, Registry.installed()))
        await asyncio.sleep(3)
        await transport.kill(context.job_id(1))
        with pytest.raises(ActionFailed, match="ended by SIGTERM"):
            await doing

    run_virtual(main())
    assert len(world.started) == 1


def test_a_channel_that_breaks_ends_the_wait_but_not_the_job() -> None:
    world = FakeWorld(lambda *_: Reply(10, 0, b"v"))

    async def main() -> ActionResult:
        context = Context(Host("far"), world.transport("far", "r"), {}, Path(), ("c", "t", 0))
        doing = asyncio.create_task(execute(action("run", "x", outputs=("o",)), context, Registry.installed()))
        await asyncio.sleep(3)
        world.unreachable("far", ConnectionLost("far", "", "gone"))
        with pytest.raises(ConnectionLost):
            await doing
        world.unreachable("far", None)
        again = Context(Host("far"), world.transport("far", "r"), {}, Path(), ("c", "t", 0))
        result = await execute(action("run", "x", outputs=("o",)), again, Registry.installed(), resume=True)
        assert asyncio.get_running_loop().time() == 10
        return result

    assert run_virtual(main()).outputs == {"o": "v"}
    assert len(world.started) == 1


def test_the_timeout_of_a_resumed_job_counts_from_its_start() -> None:
    world = FakeWorld(lambda *_: Reply(100))

    async def main() -> None:
        await world.transport("far", "r").start(Job("c.t.0.0.1", "x"))
        await asyncio.sleep(4)
        context = Context(Host("far"), world.transport("far", "r"), {}, Path(), ("c", "t", 0))
        with pytest.raises(ActionTimedOut):
            await execute(action("run", "x", timeout=Duration(5)), context, Registry.installed(), resume=True)
        assert asyncio.get_running_loop().time() == 5

    run_virtual(main())


def test_secrets_are_masked_in_outputs_and_failures() -> None:
    scope = {"pw": Masked("hunter2")}
    world = FakeWorld(lambda *_: Reply(0, 0, b"it is hunter2!", b"hunter2"))
    result, _, _ = pretend(action("run", "login ${pw}", outputs=("o",)), world, scope)
    assert (result.stdout, result.stderr) == (b"it is ***!", b"***")
    assert world.jobs[("far", "c.t.0.0.1")].script == "login hunter2"
    with pytest.raises(ActionFailed) as caught:
        pretend(action("run", "x"), FakeWorld(lambda *_: Reply(0, 1, b"hunter2")), scope)
    assert caught.value.stdout == b"***"


def test_a_sensitive_action_shows_nothing_and_hides_its_outputs() -> None:
    world = FakeWorld(lambda *_: Reply(0, 0, b"token"))
    result, _, _ = pretend(action("run", "x", outputs=("o",), sensitive=True), world)
    assert result.outputs == {"o": Masked("token")} and str(result.outputs["o"]) == "***"
    assert b"token" not in result.stdout


class Slow(ActionKind):
    description = Description(name="slow", summary="takes its time")

    def plan(self, call: Call, context: Context) -> str:
        return "slow"

    async def perform(self, call: Call, context: Context, attempt: int) -> ActionResult:
        await asyncio.sleep(10)
        raise TimeoutError("its own")


def test_a_kind_of_ones_own_gets_the_common_options(tmp_path: Path) -> None:
    registry = Registry.installed()
    registry.add(Slow())
    with pytest.raises(ActionTimedOut, match="slow on local failed: did not end within its timeout of 50ms"):
        do(action("slow", timeout=Duration(0.05)), tmp_path, registry=registry)


def test_a_timeout_of_the_actions_own_is_not_mistaken() -> None:
    async def main() -> None:
        registry = Registry.installed()
        registry.add(Slow())
        context = Context(Host("far"), FakeWorld().transport("far", "r"), {}, Path(), ("c",))
        with pytest.raises(TimeoutError, match="its own"):
            await execute(action("slow", timeout=Duration(60)), context, registry)

    run_virtual(main())
