"""Live assemblies: what stays known after a run, who may change what, and what a newer model may change."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from madeus.executor.api import Origin, RunOptions, resume_run
from madeus.executor.effects import NO_EFFECTS
from madeus.executor.inventory import Inventory
from madeus.executor.journal.errors import UnknownRun
from madeus.executor.journal.events import RunState
from madeus.executor.journal.read import read_run
from madeus.executor.journal.schema import APPLICATION, SCHEMA, TABLES
from madeus.executor.journal.snapshot import configuration_from_json, configuration_to_json
from madeus.executor.journal.store import FILE, Journal
from madeus.executor.live.change import Intent, deploy, forget, look, reconfigure
from madeus.executor.live.claims import claims
from madeus.executor.live.difference import compare
from madeus.executor.live.errors import (
    CannotChange,
    ChangedMeanwhile,
    ComponentsHeld,
    DeployedAlready,
    NoLiveAssembly,
)
from madeus.executor.live.read import Live, read_all, read_live, read_one
from madeus.executor.live.state import LiveState, given_up, merged
from madeus.executor.result import RunResult
from madeus.executor.testing import FakeWorld, assert_conforms
from madeus.executor.transport.base import Job
from madeus.executor.transport.fake import Reply
from madeus.executor.transport.pool import Transports
from madeus.model import (
    Add,
    Assembly,
    Connect,
    Delete,
    Disconnect,
    Instance,
    Multiplicity,
    Place,
    Program,
    Push,
    Transition,
    WaitAll,
    WaitComponent,
)
from madeus.semantics import Step, StepKind, System, simulate
from madeus.view.marking import markings
from madeus.view.run import run_document
from tests.build import assembly, kind, link, program
from tests.reconfiguration.everywhere import acting

SERVER = kind(
    "Server",
    "places off* on",
    "start: off -> on",
    "stop: on -> off in stop",
    "provide s at on",
    "provide data url at on",
)
CLIENT = kind(
    "Client",
    "places off* on",
    "start: off -> on",
    "stop: on -> off in stop",
    "use s during on",
    "use data url for start",
)
STOP_CLIENT = program("stop_c", Push("c", "stop"), WaitComponent("c"))
STOP_OTHER = program("stop_o", Push("o", "stop"), WaitComponent("o"))
GROW = program(
    "grow", Add(Instance("d", "Client")), Connect(link("d.s a.s")), Connect(link("d.url a.url")), Push("d", "deploy")
)
SHRINK = program(
    "shrink",
    Push("d", "stop"),
    WaitComponent("d"),
    Disconnect(link("d.s a.s")),
    Disconnect(link("d.url a.url")),
    Delete("d"),
)
PROGRAMS = {p.name: p for p in (STOP_CLIENT, STOP_OTHER, GROW, SHRINK)}


def site(*types: object) -> Assembly:
    made = assembly(
        list(types) or [SERVER, CLIENT],
        "a:Server b:Server c:Client o:Client",
        "c.s a.s",
        "c.url a.url",
        "o.s b.s",
        "o.url b.url",
    )  # type: ignore[arg-type]
    return acting(made)


def options(state: Path, *failing: str, **more: object) -> RunOptions:
    def script(host: str, job: Job) -> Reply:
        return Reply(exit_code=int(job.id.startswith(failing) if failing else 0))

    world = FakeWorld(script)
    made = RunOptions(state=state, transports=lambda run: Transports(run, make=world.transport_maker(run)))
    return replace(made, **more)  # type: ignore[arg-type]


def deployed(state: Path) -> RunResult:
    result = deploy(site(), (), PROGRAMS, Origin(digest="one"), options(state))
    assert result.ok
    return result


def intend(state: Path, *programs: Program, model: Assembly | None = None, take_over: bool = False) -> Intent:
    journal = Journal.open(state)
    try:
        return look(
            journal, "test", model or site(), [[p] for p in programs], PROGRAMS, Origin(digest="two"), take_over
        )
    finally:
        journal.close()


def places(live: Live) -> dict[str, set[str]]:
    return {name: set(s.places) for name, s in live.state.configuration.components.items()}


def test_what_was_deployed_stays_known(state: Path) -> None:
    run = deployed(state)
    live = read_one("test", state)
    assert places(live) == {"a": {"on"}, "b": {"on"}, "c": {"on"}, "o": {"on"}}
    assert live.status == "idle"
    assert [change.row.run for change in live.changes] == [run.run]
    assert live.state.configuration.connections() == tuple(sorted(site().connections))
    assert set(live.state.configuration.data) == {("a", "url"), ("b", "url")}
    assert dict(live.programs) == PROGRAMS
    assert live.types == site().types
    assert [one.name for one in read_all(state)] == ["test"]


def test_nothing_is_deployed_twice(state: Path) -> None:
    deployed(state)
    with pytest.raises(DeployedAlready, match="test is deployed already"):
        deploy(site(), options=options(state))
    assert len(Journal.open(state).heads()) == 1


def test_a_deployment_that_failed_lives_and_is_resumed(state: Path) -> None:
    result = deploy(site(), (), PROGRAMS, options=options(state, "c.start"))
    assert result.state is RunState.FAILED
    assert read_one("test", state).status == "failed"
    assert read_one("test", state).state.configuration.components["c"].failed == {"start"}
    with pytest.raises(DeployedAlready) as error:
        deploy(site(), options=options(state))
    assert f"madeus run --resume {result.run}" in error.value.help
    assert resume_run(result.run, options(state)).ok
    assert places(read_one("test", state))["c"] == {"on"}


def test_programs_run_from_where_the_assembly_stands(state: Path) -> None:
    deployed(state)
    result = reconfigure(intend(state, STOP_CLIENT), options(state))
    assert result.ok
    assert [str(e.step) for e in result.trace.events if e.step.kind is StepKind.FIRE] == ["fire c.stop"]
    assert places(read_one("test", state)) == {"a": {"on"}, "b": {"on"}, "c": {"off"}, "o": {"on"}}
    record = read_run(result.run, state)
    assert record.system.begin is not None
    assert assert_conforms(record.trace, record.assembly, [[STOP_CLIENT]], record.system.begin) == result.configuration
    shown = markings(record.trace, record.assembly, record.programs, record.system.begin)
    assert not shown.problem
    assert run_document(record).begin == record.system.begin


def test_components_come_and_go(state: Path) -> None:
    deployed(state)
    assert reconfigure(intend(state, GROW), options(state)).ok
    live = read_one("test", state)
    assert places(live)["d"] == {"on"}
    assert link("d.s a.s") in live.assembly.connections
    assert "d" in live.assembly.instance
    assert reconfigure(intend(state, SHRINK), options(state)).ok
    assert set(places(read_one("test", state))) == {"a", "b", "c", "o"}
    assert reconfigure(intend(state, GROW, STOP_CLIENT), options(state)).ok


def test_a_program_that_failed_keeps_its_components_until_it_is_resumed(state: Path) -> None:
    deployed(state)
    result = reconfigure(intend(state, STOP_CLIENT), options(state, "c.stop"))
    assert result.state is RunState.FAILED
    with pytest.raises(ComponentsHeld) as error:
        intend(state, STOP_CLIENT)
    assert error.value.message == f"c of test belongs to run {result.run}, which is failed and not finished"
    assert reconfigure(intend(state, STOP_OTHER), options(state)).ok
    assert places(read_one("test", state))["o"] == {"off"}
    assert resume_run(result.run, options(state)).ok
    assert places(read_one("test", state)) == {"a": {"on"}, "b": {"on"}, "c": {"off"}, "o": {"off"}}


def test_a_program_that_is_given_up_goes_back_to_where_it_began(state: Path) -> None:
    deployed(state)
    failed = reconfigure(intend(state, STOP_CLIENT), options(state, "c.stop"))
    intent = intend(state, STOP_CLIENT, take_over=True)
    assert intent.begin.configuration.components["c"].places == {"on"}
    assert reconfigure(intent, options(state)).ok
    assert read_run(failed.run, state).head.state is RunState.ABANDONED
    assert places(read_one("test", state))["c"] == {"off"}


def test_two_programs_go_on_at_once_where_they_touch_different_components(state: Path) -> None:
    deployed(state)
    told: list[str] = []

    def meanwhile(event: object) -> None:
        if getattr(event, "step", None) != Step(StepKind.FIRE, "c", "stop"):
            return
        with pytest.raises(ComponentsHeld) as error:
            intend(state, GROW)
        told.append(error.value.message)
        assert read_one("test", state).status == "running"
        assert reconfigure(intend(state, STOP_OTHER), options(state)).ok

    result = reconfigure(intend(state, STOP_CLIENT), options(state, listeners=(meanwhile,)))
    assert result.ok
    assert len(told) == 1
    assert told[0].startswith("a, c of test are held by process ")
    assert f"run {result.run}" in told[0]
    assert places(read_one("test", state)) == {"a": {"on"}, "b": {"on"}, "c": {"off"}, "o": {"off"}}


def test_a_run_that_is_on_is_neither_given_up_nor_forgotten(state: Path) -> None:
    deployed(state)
    refused: list[type] = []

    def meanwhile(event: object) -> None:
        if getattr(event, "step", None) != Step(StepKind.FIRE, "c", "stop"):
            return
        journal = Journal.open(state)
        with pytest.raises(ComponentsHeld):
            forget(journal, "test", time.time())
        with pytest.raises(ComponentsHeld):
            intend(state, STOP_CLIENT, take_over=True)
        journal.close()
        refused.append(ComponentsHeld)

    assert reconfigure(intend(state, STOP_CLIENT), options(state, listeners=(meanwhile,))).ok
    assert refused


def test_what_was_changed_since_it_was_looked_at_is_looked_at_again(state: Path) -> None:
    deployed(state)
    first, second = intend(state, STOP_CLIENT), intend(state, STOP_CLIENT)
    assert reconfigure(first, options(state)).ok
    with pytest.raises(ChangedMeanwhile):
        reconfigure(second, options(state))
    assert len(Journal.open(state).heads()) == 2


def test_an_assembly_is_forgotten_and_its_runs_are_not(state: Path) -> None:
    run = deployed(state)
    journal = Journal.open(state)
    forget(journal, "test", time.time())
    with pytest.raises(NoLiveAssembly, match="no live assembly is called `test`"):
        read_live(journal, "test")
    assert journal.head(run.run).state is RunState.DONE
    deployed(state)
    with pytest.raises(UnknownRun):
        journal.head("nothing")


def test_a_name_that_does_not_live_is_told_with_those_that_do(state: Path) -> None:
    with pytest.raises(NoLiveAssembly):
        read_one("tset", state)
    deployed(state)
    with pytest.raises(NoLiveAssembly) as error:
        read_one("tset", state)
    assert error.value.help == "there is test"


def test_a_newer_model_is_kept_as_a_version(state: Path) -> None:
    deployed(state)
    newer = replace(
        site(),
        types={**site().types, "Client": replace(site().types["Client"], places=(*CLIENT.places, Place("idle")))},
    )
    intent = intend(state, STOP_CLIENT, model=newer)
    assert intent.difference.changes == ("type Client: place idle added",)
    assert reconfigure(intent, options(state)).ok
    live = read_one("test", state)
    assert [(v.number, v.digest) for v in live.versions] == [(1, "one"), (2, "two")]
    assert [c.row.version for c in live.changes] == [1, 2]
    assert intend(state, STOP_OTHER, model=newer).difference.changes == ()


def test_a_place_that_holds_a_token_must_not_vanish(state: Path) -> None:
    deployed(state)
    away = kind(
        "Server",
        "places off* up",
        "start: off -> up",
        "stop: up -> off in stop",
        "provide s at up",
        "provide data url at up",
    )
    with pytest.raises(CannotChange) as error:
        intend(state, STOP_CLIENT, model=site(away, CLIENT))
    assert error.value.problems == (
        "a is at on, and Server has no place on any more",
        "b is at on, and Server has no place on any more",
    )
    assert error.value.exit_code == 2


def test_types_do_not_change_under_a_run_that_goes_on(state: Path) -> None:
    deployed(state)
    failed = reconfigure(intend(state, STOP_CLIENT), options(state, "c.stop"))
    newer = replace(
        site(),
        types={**site().types, "Client": replace(site().types["Client"], places=(*CLIENT.places, Place("idle")))},
    )
    with pytest.raises(ComponentsHeld) as error:
        intend(state, STOP_OTHER, model=newer)
    assert f"the model of test belongs to run {failed.run}" in error.value.message


# ---- differences


def live_state(*types: object) -> LiveState:
    made = site(*types)
    end = simulate(System(made)).configuration
    return LiveState(made.instances, end._replace(positions=()))


def changed(old: Assembly, new: Assembly) -> tuple[str, ...]:
    return compare(live_state(), old.types, new).changes


def refused(new: Assembly) -> tuple[str, ...]:
    return compare(live_state(), site().types, new).problems


def test_equal_models_do_not_differ() -> None:
    difference = compare(live_state(), site().types, site())
    assert (difference.changes, difference.problems) == ((), ())


def test_every_kind_of_difference_is_told() -> None:
    before = site().types["Server"]
    after = replace(
        before,
        places=(*before.places, Place("spare")),
        transitions=(replace(before.transitions[0], idempotent=True), Transition("hop", "on", "spare", ("move",))),
        behaviors=("deploy", "move"),
        provides=before.provides[:1],
    )
    new = replace(site(), types={**site().types, "Server": after})
    told = [line.removeprefix("type Server: ") for line in changed(site(), new)]
    assert told == [
        "place spare added",
        "transition start changed",
        "transition stop removed",
        "transition hop added",
        "behavior stop removed",
        "behavior move added",
        "provide port url removed",
    ]


def test_instances_arguments_and_connections_that_differ_are_told() -> None:
    new = site()
    told = (Instance("a", "Server", arguments=(("n", 2),)), *new.instances[1:], Instance("z", "Client"))
    assert changed(site(), replace(new, instances=told)) == (
        "instance a: n = 2",
        "instance z: in the file, not in the live assembly",
    )
    fewer = replace(new, connections=new.connections[1:])
    assert changed(site(), fewer) == (f"connection {new.connections[0]}: in the live assembly, not in the file",)


def test_a_type_a_host_or_a_connected_port_must_not_vanish_or_change() -> None:
    new = site()
    assert refused(replace(new, types={"Server": new.types["Server"]})) == ("the type Client of c, o is gone",)
    moved = (replace(new.instances[0], host="far"), *new.instances[1:])
    assert refused(replace(new, instances=moved)) == (
        "a lives on local and the file has it on far: delete it and add it anew",
    )
    retyped = (replace(new.instances[0], type="Client"), *new.instances[1:])
    assert refused(replace(new, instances=retyped))[0].startswith("a is a Server and the file has it as a Client")
    server, client = new.types["Server"], new.types["Client"]
    portless = replace(client, uses=client.uses[1:])
    assert refused(replace(new, types={"Server": server, "Client": portless})) == (
        "c.s is connected to a.s, and Client has no use port s any more",
        "o.s is connected to b.s, and Client has no use port s any more",
    )
    mute = replace(server, provides=server.provides[:1])
    assert "c.url is connected to a.url, and Server has no provide port url any more" in refused(
        replace(new, types={"Server": mute, "Client": client})
    )
    assert not refused(
        replace(
            new,
            types={
                "Server": server,
                "Client": replace(client, uses=tuple(replace(u, multiplicity=Multiplicity.ALL) for u in client.uses)),
            },
        )
    )


def test_a_service_in_use_must_not_be_bound_elsewhere() -> None:
    new = site()
    server = new.types["Server"]
    bound = replace(server, provides=(replace(server.provides[0], bound=("off",)), server.provides[1]))
    assert refused(replace(new, types={**new.types, "Server": bound})) == (
        "c.s would be in use without being served: use port c.s waits for a.s, which is not active",
        "o.s would be in use without being served: use port o.s waits for b.s, which is not active",
    )


# ---- claims and states


def test_programs_claim_what_they_touch_and_what_that_is_connected_to() -> None:
    found = claims([[STOP_CLIENT]], "abco", site().connections)
    assert (found.writes, found.reads) == ({"c"}, {"a"})
    found = claims([[GROW]], "abco", site().connections)
    assert (found.writes, found.reads) == ({"a", "d"}, {"c"})
    found = claims([[program("p", WaitAll())]], "abco", ())
    assert (found.writes, found.reads) == (set(), set("abco"))
    found = claims([[program("p", Push("c", "stop", "", "b.stop"))]], "abco", ())
    assert found.writes == {"b", "c"}
    assert claims([[STOP_CLIENT], [STOP_OTHER]], "abco", ()).reads == {"a", "b"}


def test_two_readers_do_not_dispute_and_a_writer_does() -> None:
    c, o = claims([[STOP_CLIENT]], "abco", site().connections), claims([[STOP_OTHER]], "abco", site().connections)
    assert not c.disputed(o)
    assert c.disputed(claims([[GROW]], "abco", site().connections)) == {"a", "c"}
    assert c.disputed(c) == {"c"}


def test_a_configuration_survives_json() -> None:
    conf = live_state().configuration
    assert configuration_from_json(configuration_to_json(conf)) == conf


def test_a_run_changes_its_own_components_alone() -> None:
    state = live_state()
    other = state.configuration
    for name in ("c", "o"):
        gone = other.components[name]._replace(places=frozenset({"off"}))
        other = other._replace(components=other.components.set(name, gone))
    after = merged(state, {"c"}, {i.name: i for i in state.instances}, other, NO_EFFECTS)
    assert after.configuration.components["c"].places == {"off"}
    assert after.configuration.components["o"].places == {"on"}
    assert after.configuration.connections() == state.configuration.connections()


def test_what_is_given_up_stands_where_it_began() -> None:
    state = live_state()
    moving = state.configuration.components["c"]._replace(places=frozenset(), failed=frozenset({"stop"}))
    conf = state.configuration._replace(components=state.configuration.components.set("c", moving))
    back = given_up(LiveState(state.instances, conf), site().types, {"c"})
    assert back.configuration == state.configuration


# ---- the file


def test_a_journal_of_the_first_version_is_taken_on(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / FILE)
    old.executescript(TABLES)
    old.execute("INSERT INTO locks VALUES ('key', 'run', 1)")
    old.execute(f"PRAGMA application_id = {APPLICATION}")
    old.execute("PRAGMA user_version = 1")
    old.commit()
    old.close()
    journal = Journal.open(tmp_path)
    assert journal.query("PRAGMA user_version") == [(SCHEMA,)]
    assert journal.query("SELECT key FROM locks") == [("key",)]
    assert journal.query("SELECT count(*) FROM live") == [(0,)]
    journal.close()
    Journal.open(tmp_path).close()


def test_the_inventory_of_a_deployment_stays_known(state: Path) -> None:
    deploy(site(), (), PROGRAMS, options=options(state, inventory=Inventory(total_limit=7)))
    assert read_one("test", state).inventory.total_limit == 7
    assert reconfigure(intend(state, STOP_CLIENT), options(state)).ok
    assert read_one("test", state).inventory.total_limit == 7
    assert reconfigure(intend(state, STOP_OTHER), options(state, inventory=Inventory(total_limit=3))).ok
    assert read_one("test", state).inventory.total_limit == 3
