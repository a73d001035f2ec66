"""Programs that look at what they rely on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from madeus.executor.api import Origin, resume_run
from madeus.executor.errors import ConnectionLost
from madeus.executor.journal.events import RunState
from madeus.executor.journal.store import Journal
from madeus.executor.live.change import deploy, look, reconfigure
from madeus.executor.preflight import NotRunnable
from madeus.executor.result import RunResult
from madeus.model import Action, Assembly, Program, Push, WaitAll
from tests.build import assembly, kind, program
from tests.executor.drift.probed import Hosts, probed
from tests.reconfiguration.everywhere import acting

DB = kind("Db", "places off* up", "start: off -> up", "check: up -> up in check", "provide sql at up")
WEB = kind(
    "Web",
    "places off* ready on",
    "start: off -> ready",
    "open: ready -> on in open",
    "close: on -> ready in close",
    "use db for open",
    "use session during on",
)
OPEN = program("open", Push("web", "open"), WaitAll())


def site(any_of_two: bool = False) -> Assembly:
    web = WEB
    if any_of_two:
        web = kind(
            "Web", "places off* ready on", "start: off -> ready", "open: ready -> on in open", "use db any for open"
        )
        links = ("web.db db.sql", "web.db spare.sql")
        return acting(assembly([probed(DB, "up"), web], "db:Db spare:Db web:Web", *links))
    types = [probed(DB, "up"), probed(web, "ready", "on")]
    return acting(assembly(types, "db:Db spare:Db web:Web", "web.db db.sql", "web.session spare.sql"))


def run(hosts: Hosts, state: Path, made: Program, model: Assembly | None = None, **options: object) -> RunResult:
    hosts.deployed(model or site(), state, made)
    hosts.asked.clear()
    journal = Journal.open(state)
    intent = look(journal, "test", model or site(), [[made]], {made.name: made}, Origin())
    journal.close()
    return reconfigure(intent, hosts.options(state, **({"probes": True} | options)))


def test_what_a_step_relies_on_is_looked_at_before_it(state: Path, hosts: Hosts) -> None:
    assert run(hosts, state, OPEN).ok
    assert hosts.asked == ["web.ready", "db.up", "spare.up"]


def test_a_place_that_does_not_hold_any_more_is_not_left(state: Path, hosts: Hosts) -> None:
    hosts.gone = {"web.ready"}
    result = run(hosts, state, OPEN)
    assert result.state is RunState.FAILED
    assert result.divergence == (
        "before leave web.ready: web.ready does not hold any more on local: run look ready: exit code 7 (it is gone)"
    )
    assert [e.transition for e in result.trace.executions] == []


def test_nothing_is_begun_with_a_service_that_is_not_there(state: Path, hosts: Hosts) -> None:
    hosts.gone = {"db.up"}
    result = run(hosts, state, OPEN)
    assert result.divergence.startswith("before fire web.open: db.up does not hold any more on local: ")
    assert result.trace.executions == ()
    again = resume_run(result.run, hosts.options(state))
    assert again.divergence == result.divergence
    hosts.gone = set()
    assert resume_run(result.run, hosts.options(state)).ok


def test_no_place_is_entered_that_uses_a_service_that_is_not_there(state: Path, hosts: Hosts) -> None:
    hosts.gone = {"spare.up"}
    result = run(hosts, state, OPEN)
    assert result.divergence.startswith("before enter web.on")
    assert [e.transition for e in result.trace.executions] == ["open"]
    assert result.configuration.components["web"].input_docks == {"open"}


def test_a_host_that_cannot_be_asked_stops_the_run_too(state: Path, hosts: Hosts) -> None:
    hosts.refused = "no space left on device"
    result = run(hosts, state, OPEN)
    assert result.divergence == (
        "before leave web.ready: whether web.ready holds is not known: local: no space left on device"
    )
    hosts.refused = ""
    hosts.world.unreachable("local", ConnectionLost("local", "", "the connection was lost"))
    try:
        again = resume_run(result.run, hosts.options(state, probes=True))
    finally:
        hosts.world.unreachable("local", None)
    assert "is not known: local: the connection was lost" in again.divergence


def test_a_port_that_any_of_several_can_serve_relies_on_none_of_them(state: Path, hosts: Hosts) -> None:
    hosts.gone = {"db.up", "spare.up"}
    assert run(hosts, state, OPEN, site(any_of_two=True)).ok
    assert hosts.asked == []


def test_runs_that_do_not_look_do_not_mind(state: Path, hosts: Hosts) -> None:
    hosts.gone = {"db.up", "spare.up", "web.ready"}
    assert run(hosts, state, OPEN, probes=False).ok
    assert hosts.asked == []


def test_a_service_that_many_rely_on_at_once_is_asked_once(state: Path, hosts: Hosts) -> None:
    users = [f"u{n}" for n in range(20)]
    user = kind("User", "places off* on", "start: off -> on in start", "use db for start")
    made = acting(
        assembly(
            [probed(DB, "up"), user],
            " ".join(["db:Db", *(f"{u}:User" for u in users)]),
            *(f"{u}.db db.sql" for u in users),
        )
    )
    start = program("go", *(Push(u, "start") for u in users), WaitAll())
    assert run(hosts, state, start, made).ok
    assert hosts.asked == ["db.up"]


def test_a_secret_that_a_probe_needs_is_asked_for_before_anything_runs(state: Path, hosts: Hosts) -> None:
    db = kind("Db", "places off* up", "start: off -> up in start")
    db = replace(db, places=tuple(replace(p, probe=Action("run", ("login ${key}",))) for p in db.places))
    made = acting(assembly([db], "db:Db"))
    assert deploy(made, origin=Origin(secrets=("key",)), options=hosts.options(state)).ok
    start = program("go", Push("db", "start"), WaitAll())
    journal = Journal.open(state)
    intent = look(journal, "test", made, [[start]], {}, Origin(secrets=("key",)))
    journal.close()
    with pytest.raises(NotRunnable, match="the secret `key` has no value"):
        reconfigure(intent, hosts.options(state, probes=True))
    assert reconfigure(intent, hosts.options(state, probes=True, secrets={"key": "x"})).ok
