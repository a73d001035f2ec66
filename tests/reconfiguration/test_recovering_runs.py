"""Runs in which a push fails, and runs that find a host not to be as the model says."""

from __future__ import annotations

from pathlib import Path

from madeus.executor.api import RunOptions
from madeus.executor.journal.events import RunState
from madeus.executor.result import RunResult
from madeus.executor.testing import FakeWorld, assert_conforms, resume_on_fakes, run_on_fakes
from madeus.executor.transport.base import Job
from madeus.executor.transport.fake import Reply
from madeus.model import Push, WaitAll
from madeus.semantics import Configuration, Step, StepKind, System
from tests.build import assembly, kind, program
from tests.reconfiguration.everywhere import acting

DB = kind(
    "Db",
    "places v1* mid v2",
    "begin: v1 -> mid in update",
    "migrate: mid -> v2 in update",
    "back: mid -> v1 in rollback",
)


def updating(recovery: str = "db.rollback") -> System:
    made = program("p", Push("db", "update", "", recovery), Push("other", "update"), WaitAll())
    return System(acting(assembly([DB], "db:Db other:Db")), [[made]], None)


def failing(*names: str) -> FakeWorld:
    left = list(names)

    def script(host: str, job: Job) -> Reply:
        name = ".".join(job.id.split(".")[:2])
        if name in left:
            left.remove(name)
            return Reply(seconds=1, exit_code=3)
        return Reply(seconds=1)

    return FakeWorld(script)


def go(world: FakeWorld, system: System, state: Path, **options: object) -> RunResult:
    result = run_on_fakes(world, system.assembly, system.stages, options=RunOptions(state=state, **options))  # type: ignore[arg-type]
    assert assert_conforms(result.trace, system.assembly, system.stages) == result.configuration
    return result


def test_a_failed_push_is_rolled_back_and_the_program_goes_on(state: Path) -> None:
    result = go(failing("db.migrate"), updating(), state)
    assert result.state is RunState.DONE
    assert result.configuration.components["db"].places == {"v1"}
    assert result.configuration.components["other"].places == {"v2"}
    assert [failure.name for failure in result.failures] == ["db.migrate"]
    assert not result.ok
    assert result.exit_code == 1


def test_a_failed_push_without_a_recovery_stops_and_is_tried_again_by_a_resume(state: Path) -> None:
    world = failing("db.migrate")
    result = go(world, updating(""), state)
    assert result.state is RunState.FAILED
    assert result.configuration.components["db"].failed == {"migrate"}
    again = resume_on_fakes(world, result.run, options=RunOptions(state=state))
    assert again.ok
    assert again.configuration.components["db"].places == {"v2"}


def test_a_recovery_that_fails_stops_and_is_tried_again_by_a_resume(state: Path) -> None:
    world = failing("db.migrate", "db.back")
    result = go(world, updating(), state)
    assert result.state is RunState.FAILED
    assert result.configuration.components["db"].failed == {"back"}
    again = resume_on_fakes(world, result.run, options=RunOptions(state=state))
    assert again.state is RunState.DONE
    assert again.configuration.components["db"].places == {"v1"}


def test_a_stopped_run_tries_again_before_it_abandons_anything(state: Path) -> None:
    stopping = []

    def listen(event: object) -> None:
        step = getattr(event, "step", None)
        if isinstance(step, Step) and step == Step(StepKind.FIRE, "db", "migrate"):
            stopping[0].stop()

    world = failing()
    result = go(world, updating(), state, on_start=stopping.append, listeners=(listen,))
    assert result.state is RunState.INTERRUPTED
    assert result.configuration.components["db"].failed == {"migrate"}
    again = resume_on_fakes(world, result.run, options=RunOptions(state=state))
    assert again.ok
    assert again.configuration.components["db"].places == {"v2"}
    assert not any(event.step.kind is StepKind.RECOVER for event in again.trace.events)


def test_a_failure_after_a_resume_is_recovered_from(state: Path) -> None:
    stopping = []

    def listen(event: object) -> None:
        if getattr(event, "step", None) == Step(StepKind.FIRE, "db", "migrate"):
            stopping[0].stop()

    first = go(failing(), updating(), state, on_start=stopping.append, listeners=(listen,))
    again = resume_on_fakes(failing("db.migrate", "db.migrate"), first.run, options=RunOptions(state=state))
    assert again.state is RunState.DONE
    assert any(event.step.kind is StepKind.RECOVER for event in again.trace.events)
    assert again.configuration.components["db"].places == {"v1"}


async def nothing(conf: Configuration, step: Step) -> str | None:
    return None


def test_a_host_that_is_as_the_model_says_changes_nothing(state: Path) -> None:
    asked: list[str] = []

    async def look(conf: Configuration, step: Step) -> str | None:
        asked.append(str(step))
        return None

    result = go(failing(), updating(), state, before_step=look)
    assert result.ok
    assert [name for name in asked if "db" in name] == [
        "leave db.v1",
        "fire db.begin",
        "leave db.mid",
        "fire db.migrate",
    ]
    assert {"p[0]", "p[1]", "p[2]"} <= set(asked)


def test_a_host_that_is_not_as_the_model_says_stops_the_run_and_says_before_what(state: Path) -> None:
    async def look(conf: Configuration, step: Step) -> str | None:
        return "mid is gone from its disk" if str(step) == "leave db.mid" else None

    world = failing()
    result = go(world, updating(), state, before_step=look)
    assert result.state is RunState.FAILED
    assert result.exit_code == 1
    assert result.divergence == "before leave db.mid: mid is gone from its disk"
    assert result.configuration.components["db"].places == {"mid"}
    again = resume_on_fakes(world, result.run, options=RunOptions(state=state, before_step=nothing))
    assert again.ok


def test_what_cannot_be_looked_at_stops_the_run(state: Path) -> None:
    async def look(conf: Configuration, step: Step) -> str | None:
        raise OSError("no route")

    result = go(failing(), updating(), state, before_step=look)
    assert result.divergence.endswith("it could not be looked at: no route")
    assert not result.trace.events


def test_steps_are_looked_at_where_hosts_have_few_slots(state: Path) -> None:
    result = go(failing(), updating(), state, before_step=nothing, limit=1)
    assert result.ok
