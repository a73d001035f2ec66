"""Runs that go well: order, limits, values of ports, secrets, programs, conformance."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from madeus.executor.api import Origin, RunOptions, run_assembly
from madeus.executor.interrupt import Stoppable
from madeus.executor.inventory import Inventory, parse_inventory
from madeus.executor.journal.events import RunState
from madeus.executor.journal.read import read_run
from madeus.executor.preflight import NotRunnable
from madeus.executor.progress import ProgressEvent, StepTaken, as_json
from madeus.executor.testing import assert_conforms, resume_on_fakes, run_on_fakes
from madeus.executor.transport.base import Job
from madeus.executor.transport.fake import FakeWorld, Reply
from madeus.model import (
    Action,
    Add,
    Assembly,
    ComponentType,
    Connection,
    Instance,
    Multiplicity,
    Place,
    PortKind,
    Program,
    ProvidePort,
    Push,
    Transition,
    UsePort,
    ValueType,
    WaitAll,
)
from madeus.semantics import System, simulate
from tests.executor.run.assemblies import LAMP_LINES, action, chain, lamp
from tests.strategies import systems


def many(count: int, hosts: str = "h") -> Assembly:
    kind = chain("T", ("t", "work"))
    return Assembly("many", {"T": kind}, tuple(Instance(f"c{i}", "T", hosts) for i in range(count)))


def inventory(text: str) -> Inventory:
    return parse_inventory(text, Path("hosts.toml"))


def most_at_once(result_trace: object) -> int:
    executions = result_trace.executions  # type: ignore[attr-defined]
    return max(sum(o.start <= e.start < o.end for o in executions) for e in executions)


def test_commands_of_this_machine_run_in_the_order_of_the_model(state: Path) -> None:
    log = state / "log"
    result = run_assembly(lamp(str(log)), options=RunOptions(state=state))
    assert result.ok
    assert sorted(log.read_text().splitlines()) == LAMP_LINES
    assert result.exit_code == 0
    assert result.resume_command == ""
    conf = assert_conforms(result.trace, lamp(str(log)))
    assert conf.components == simulate(System(lamp(""))).configuration.components
    assert dict(result.configuration.data) == {("db", "ip"): "10.0.0.7"}


def test_a_run_can_be_started_where_a_loop_runs_already(state: Path) -> None:
    async def cell() -> bool:
        return run_assembly(lamp(str(state / "log")), options=RunOptions(state=state)).ok

    assert asyncio.run(cell())


@pytest.mark.parametrize(
    ("text", "limit", "most", "seconds"),
    [
        ("[hosts.h]\nlimit = 3", None, 3, 4.0),
        ("[defaults]\ntotal_limit = 2\n[hosts.h]", None, 2, 5.0),
        ("[hosts.h]\nlimit = 3", 1, 1, 10.0),
        ("[hosts.h]", None, 10, 1.0),
    ],
)
def test_limits_of_a_host_and_in_total_are_kept(
    state: Path, text: str, limit: int | None, most: int, seconds: float
) -> None:
    world = FakeWorld(lambda host, job: Reply(1.0))
    options = RunOptions(state=state, inventory=inventory(text), limit=limit)
    result = run_on_fakes(world, many(10), options=options)
    assert result.ok
    assert most_at_once(result.trace) == most
    assert result.trace.makespan == pytest.approx(seconds)
    assert_conforms(result.trace, many(10))
    assert [c for _, c in world.started] == [f"c{i}.t.0.0.1" for i in range(10)]
    assert sum(e.end - e.start for e in result.trace.critical_executions if e.end) == pytest.approx(seconds)


def test_a_busy_host_does_not_hold_up_another(state: Path) -> None:
    kind = chain("T", ("t", "work"))
    instances = tuple(Instance(f"c{i}", "T", "h" if i < 4 else "k") for i in range(6))
    world = FakeWorld(lambda host, job: Reply(1.0))
    options = RunOptions(state=state, inventory=inventory("[defaults]\nlimit = 1\n[hosts.h]\n[hosts.k]"))
    result = run_on_fakes(world, Assembly("two", {"T": kind}, instances), options=options)
    assert result.trace.makespan == pytest.approx(4.0)
    ends = {e.component: e.end for e in result.trace.executions}
    assert (ends["c4"], ends["c5"]) == (pytest.approx(1.0), pytest.approx(2.0))


def gathering(multiplicity: Multiplicity, providers: int) -> Assembly:
    node = ComponentType(
        "Node",
        (Place("off", True), Place("on")),
        (Transition("t", "off", "on", actions=(action("address", "ip"),)),),
        provides=(ProvidePort("ip", PortKind.DATA, ("on",), ValueType.STRING),),
    )
    user = ComponentType(
        "User",
        (Place("off", True), Place("on")),
        (
            Transition(
                "t", "off", "on", actions=(action("use <${ips}> ${n} ${host.rack} ${instance.name} ${host.name}"),)
            ),
        ),
        uses=(UsePort("ips", PortKind.DATA, ("t",), multiplicity=multiplicity, optional=True),),
    )
    nodes = tuple(Instance(f"n{i}", "Node", "h") for i in range(providers))
    instance = Instance("user", "User", "h", (("n", 5),))
    user = replace(user, parameters=())
    links = tuple(Connection("user", "ips", n.name, "ip") for n in nodes)
    from madeus.model import Parameter

    user = replace(user, parameters=(Parameter("n", ValueType.INT),))
    return Assembly("gather", {"Node": node, "User": user}, (*nodes, instance), links)


@pytest.mark.parametrize(
    ("multiplicity", "providers", "text"),
    [
        (Multiplicity.ALL, 3, "n0 n1 n2"),
        (Multiplicity.ALL, 0, ""),
        (Multiplicity.ONE, 1, "n0"),
        (Multiplicity.ONE, 0, ""),
    ],
)
def test_actions_read_ports_parameters_and_the_host(
    state: Path, multiplicity: Multiplicity, providers: int, text: str
) -> None:
    world = FakeWorld(lambda host, job: Reply(stdout=job.id.split(".")[0].encode()))
    hosts = inventory('[hosts.h]\n[hosts.h.variables]\nrack = "r1"')
    result = run_on_fakes(world, gathering(multiplicity, providers), options=RunOptions(state=state, inventory=hosts))
    assert result.ok, result.failures
    assert world.jobs[("h", "user.t.0.0.1")].script == f"use <{text}> 5 r1 user h"


def secretive() -> Assembly:
    db = ComponentType(
        "Db",
        (Place("off", True), Place("made"), Place("on")),
        (
            Transition("make", "off", "made", actions=(action("print key", "key", sensitive=True),)),
            Transition("start", "made", "on", actions=(action("start with ${pw}"),)),
        ),
        provides=(ProvidePort("key", PortKind.DATA, ("made",), ValueType.STRING),),
    )
    web = ComponentType(
        "Web",
        (Place("off", True), Place("set"), Place("on")),
        (
            Transition("wait", "off", "set", actions=(action("wait"),)),
            Transition("t", "set", "on", actions=(action("use ${key}"),)),
        ),
        uses=(UsePort("key", PortKind.DATA, ("t",)),),
    )
    links = (Connection("web", "key", "db", "key"),)
    return Assembly("hidden", {"Db": db, "Web": web}, (Instance("db", "Db"), Instance("web", "Web")), links)


def leaky(host: str, job: Job) -> Reply:
    return Reply(1.0, stdout=b"K-E-Y\n" if "key" in job.script else job.script.encode(), stderr=b"hunter2 again")


def test_secrets_reach_the_host_and_nothing_else(state: Path) -> None:
    seen: list[ProgressEvent] = []
    world = FakeWorld(leaky)
    options = RunOptions(state=state, secrets={"pw": "hunter2"}, listeners=(seen.append,))
    result = run_on_fakes(world, secretive(), options=options, origin=Origin(secrets=("pw",)))
    assert result.ok, result.failures
    assert world.jobs[("local", "db.start.0.0.1")].script == "start with hunter2"
    assert world.jobs[("local", "web.t.0.0.1")].script == "use K-E-Y"
    told = json.dumps([as_json(e) for e in seen]) + repr(result) + repr(options)
    kept = b"".join(file.read_bytes() for file in state.iterdir())
    for secret in ("hunter2", "K-E-Y"):
        assert secret not in told
        assert secret.encode() not in kept


def test_a_hidden_value_is_read_from_the_host_again_after_a_resume(state: Path) -> None:
    def script(host: str, job: Job) -> Reply:
        return replace(leaky(host, job), exit_code=1) if job.script == "wait" else leaky(host, job)

    world = FakeWorld(script)
    options = RunOptions(state=state, secrets={"pw": "hunter2"})
    first = run_on_fakes(world, secretive(), options=options, origin=Origin(secrets=("pw",)))
    assert first.state is RunState.FAILED
    world._script = leaky
    second = resume_on_fakes(world, first.run, options=options)
    assert second.ok, second.failures
    assert world.jobs[("local", "web.t.0.0.1")].script == "use K-E-Y"
    assert [job for _, job in world.started].count("db.make.0.0.1") == 1


def test_secrets_come_from_the_environment(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADEUS_SECRET_PW", "from-env")
    world = FakeWorld(leaky)
    assert run_on_fakes(world, secretive(), options=RunOptions(state=state), origin=Origin(secrets=("pw",))).ok
    assert world.jobs[("local", "db.start.0.0.1")].script == "start with from-env"


def test_everything_that_is_wrong_is_said_before_anything_runs(state: Path) -> None:
    kind = ComponentType(
        "T",
        (Place("p0", True), Place("p1")),
        (
            Transition("a", "p0", "p1", actions=(action("x", kind="rnu"),)),
            Transition("b", "p0", "p1", actions=(action("${pwd} ${host.rakc}"),)),
            Transition("c", "p0", "p1", actions=(Action("run", ("x",), (("timeuot", 3),)),)),
            Transition("d", "p0", "p1", actions=(action("x", "nothing"),)),
            Transition("e", "p0", "p1", actions=(action("${pw}"),)),
        ),
    )
    assembly = Assembly("bad", {"T": kind}, (Instance("a", "T", "h"), Instance("b", "T", "g")))
    hosts = inventory('[hosts.h]\n[hosts.h.variables]\nrack = "r"')
    with pytest.raises(NotRunnable) as caught:
        run_assembly(assembly, origin=Origin(secrets=("pw",)), options=RunOptions(state=state, inventory=hosts))
    text = str(caught.value)
    for words in (
        "a.a: unknown action `rnu`\n    did you mean `run`?",
        "a.b: `${host.rakc}` names nothing that is known here",
        "did you mean `timeout`?",
        "a.d: run: `-> nothing` names no data port that T provides",
        "a.e: the secret `pw` has no value\n    set MADEUS_SECRET_PW",
        "b: unknown host `g` in the inventory hosts.toml",
    ):
        assert words in text
    assert caught.value.exit_code == 2
    assert not list(state.iterdir())


def test_programs_run_on_the_assembly(state: Path) -> None:
    kind = ComponentType(
        "T",
        (Place("off", True), Place("on")),
        (
            Transition("up", "off", "on", ("install",), actions=(action("up"),)),
            Transition("down", "on", "off", ("stop",), actions=(action("down"),)),
        ),
        behaviors=("install", "stop"),
    )
    assembly = Assembly("site", {"T": kind}, (Instance("a", "T"),))
    install = Program(
        "install", "site", (Add(Instance("b", "T")), Push("a", "install"), Push("b", "install"), WaitAll())
    )
    update = Program("update", "site", (Push("a", "stop"), Push("a", "install"), WaitAll()))
    world = FakeWorld(lambda host, job: Reply(1.0))
    stages = ((install,), (update,))
    result = run_on_fakes(world, assembly, stages, options=RunOptions(state=state))
    assert result.ok
    assert [job for _, job in world.started] == ["a.up.0.0.1", "b.up.0.0.1", "a.down.0.0.1", "a.up.1.0.1"]
    assert_conforms(result.trace, assembly, stages)
    record = read_run(result.run, state)
    assert record.system.stages == stages
    assert record.trace == result.trace


def test_what_happens_is_told_in_order(state: Path) -> None:
    seen: list[ProgressEvent] = []
    run_on_fakes(
        FakeWorld(lambda h, j: Reply(1.0)),
        many(1),
        options=RunOptions(state=state, inventory=inventory("[hosts.h]"), listeners=(seen.append,)),
    )
    names = [as_json(e)["event"] + ":" + str(as_json(e).get("step", "")) for e in seen]
    assert names == [
        "run_began:",
        "step_taken:leave",
        "step_taken:fire",
        "action_began:",
        "action_ended:",
        "step_taken:end",
        "step_taken:enter",
        "step_taken:finish",
        "run_finished:",
    ]
    json.dumps([as_json(e) for e in seen])


def with_actions(system: System) -> Assembly:
    """The assembly of a system with a command in every second transition."""
    types = {
        name: replace(
            kind,
            transitions=tuple(
                replace(t, actions=(action("work"),) if i % 2 == 0 else ()) for i, t in enumerate(kind.transitions)
            ),
        )
        for name, kind in system.assembly.types.items()
    }
    return replace(system.assembly, types=types)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(system=systems())
def test_every_run_conforms_to_the_semantics(state: Path, system: System) -> None:
    assembly = with_actions(system)
    world = FakeWorld(lambda host, job: Reply(1 + sum(job.id.encode()) % 5))
    controllers: list[Stoppable] = []

    def enough(event: ProgressEvent) -> None:
        if isinstance(event, StepTaken) and event.seq == 300:
            controllers[0].stop()

    options = RunOptions(state=state, listeners=(enough,), on_start=controllers.append)
    result = run_on_fakes(world, assembly, system.stages, options=options)
    conf = assert_conforms(result.trace, assembly, system.stages)
    assert conf.components == result.configuration.components
    if result.state is not RunState.INTERRUPTED:
        assert (result.deadlock is None) == result.ok
    assert read_run(result.run, state).trace == result.trace
