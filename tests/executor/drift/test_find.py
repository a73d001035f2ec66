"""Live assemblies beside what their hosts say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from madeus.executor.action.registry import Registry
from madeus.executor.api import Origin
from madeus.executor.drift.answer import Answer, Drift, Seen
from madeus.executor.drift.ask import check_probe, looking
from madeus.executor.drift.find import find_drift, look_async
from madeus.executor.drift.question import questions
from madeus.executor.errors import ConnectionTimeout, InvalidAction
from madeus.executor.inventory import Host, Inventory
from madeus.executor.journal.store import Journal
from madeus.executor.live.change import deploy, look, reconfigure
from madeus.executor.live.errors import CannotChange, NoLiveAssembly
from madeus.executor.live.state import state_from_json, state_to_json
from madeus.executor.preflight import NotRunnable
from madeus.executor.progress import StepTaken
from madeus.executor.transport.base import FileFacts, Outcome
from madeus.executor.transport.fake import FakeTransport, run_virtual
from madeus.executor.transport.pool import Transports
from madeus.model import Action, Assembly, Duration, Instance, Program, Push, Transition, WaitAll
from madeus.semantics import Step, StepKind
from tests.build import assembly, kind, program
from tests.executor.drift.probed import Hosts, live, probed
from tests.reconfiguration.everywhere import acting

DB = kind(
    "Db",
    "places off* installed running",
    "install: off -> installed",
    "start: installed -> running",
    "update: running -> installed in update",
    "provide sql at running",
)
WEB = kind("Web", "places off* on", "start: off -> on", "stop: on -> off in stop", "use db during on")
PROBED = [probed(DB, "install", "installed", "running"), probed(WEB, "on")]
UPDATE = program("update", Push("web", "stop"), Push("db", "update"), WaitAll())


def site(*types: object) -> Assembly:
    return acting(assembly(list(types) or PROBED, "db:Db web:Web", "web.db db.sql"))  # type: ignore[arg-type]


def told(drift: Drift, seen: Seen) -> list[str]:
    return [str(answer.question) for answer in drift.of(seen)]


def run(state: Path, hosts: Hosts, made: Program) -> None:
    journal = Journal.open(state)
    try:
        intent = look(journal, "test", site(), [[made]], {made.name: made}, Origin())
    finally:
        journal.close()
    assert reconfigure(intent, hosts.options(state)).ok


def test_places_that_hold_a_token_are_asked_about_and_effects_relied_on(state: Path, hosts: Hosts) -> None:
    hosts.deployed(site(), state)
    drift = find_drift("test", hosts.options(state))
    assert sorted(hosts.asked) == ["db.install", "db.running", "web.on"]
    assert sorted(told(drift, Seen.HOLDS)) == ["db.install", "db.running", "web.on"]
    assert drift.exit_code == 0
    run(state, hosts, UPDATE)
    hosts.asked.clear()
    find_drift("test", hosts.options(state))
    assert sorted(hosts.asked) == ["db.install", "db.installed"]


def test_what_does_not_hold_is_told_with_what_was_seen(state: Path, hosts: Hosts) -> None:
    hosts.deployed(site(), state)
    hosts.gone = {"db.running"}
    drift = find_drift("test", hosts.options(state))
    (answer,) = drift.of(Seen.DRIFTED)
    assert (str(answer.question), answer.question.element, answer.host) == ("db.running", "place", "local")
    assert (answer.probe, answer.expected, answer.reason) == ("run look running", "exit code 0", "exit code 7")
    assert (answer.exit_code, answer.lines) == (7, ("one", "it is gone"))
    assert (drift.exit_code, drift.components) == (1, {"db"})


def test_it_is_looked_once(state: Path, hosts: Hosts) -> None:
    hosts.deployed(site(), state)
    hosts.gone = {"web.on"}
    find_drift("test", hosts.options(state))
    assert hosts.asked.count("web.on") == 1


def test_a_probe_that_says_so_is_asked_again(state: Path, hosts: Hosts) -> None:
    patient = Action("run", ("look on",), (("retry", 2), ("backoff", Duration(0.0))))
    web = replace(PROBED[1], places=tuple(replace(p, probe=patient) if p.name == "on" else p for p in WEB.places))
    hosts.deployed(site(PROBED[0], web), state)
    hosts.gone = {"web.on"}
    assert find_drift("test", hosts.options(state)).exit_code == 1
    assert hosts.asked.count("web.on") == 3


def test_a_host_that_cannot_be_reached_is_not_known(state: Path, hosts: Hosts) -> None:
    here = acting(replace(site(), instances=(Instance("db", "Db", "one"), Instance("web", "Web", "two"))))
    inventory = Inventory(None, {"one": Host("one"), "two": Host("two")})
    assert deploy(here, options=hosts.options(state, inventory=inventory)).ok
    hosts.world.unreachable("one", ConnectionTimeout("one", "root@one", "no answer within 10 s"))
    drift = find_drift("test", hosts.options(state))
    assert told(drift, Seen.HOLDS) == ["web.on"]
    assert {(answer.host, answer.unreachable, answer.reason) for answer in drift.of(Seen.UNKNOWN)} == {
        ("one", True, "no answer within 10 s")
    }
    assert drift.exit_code == 3
    hosts.gone = {"web.on"}
    assert find_drift("test", hosts.options(state)).exit_code == 1


def test_a_probe_that_does_not_end_has_drifted_after_its_timeout(state: Path, hosts: Hosts) -> None:
    hosts.deployed(site(), state)
    hosts.seconds = 1_000.0
    known, asked = live(state), questions(live(state).state, live(state).types, ["web"])

    async def main() -> tuple[str, float]:
        (answer,) = await look_async(known, known.state, known.types, asked, hosts.options(state))
        assert answer.seen is Seen.DRIFTED
        return answer.reason, asyncio.get_running_loop().time()

    assert run_virtual(main()) == ("did not end within its timeout of 30s", 30.0)


class Frozen(FakeTransport):
    """A host that takes jobs and says nothing more."""

    @override
    async def wait(self, job_id: str) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    @override
    async def kill(self, job_id: str, grace: float = 10.0) -> None:
        await asyncio.Event().wait()

    @override
    async def stat(self, paths: Sequence[str], user: str | None = None) -> list[FileFacts]:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize("probe", [Action("run", ("look on",)), Action("copy", (__file__,), (("to", "/x"),))])
def test_a_host_that_is_frozen_is_not_known(state: Path, hosts: Hosts, probe: Action) -> None:
    web = replace(WEB, places=tuple(replace(p, probe=probe) if p.name == "on" else p for p in WEB.places))
    hosts.deployed(site(PROBED[0], web), state)
    known, asked = live(state), questions(live(state).state, live(state).types, ["web"])
    options = hosts.options(
        state, transports=lambda run: Transports(run, make=lambda host: Frozen(hosts.world, host.name, run))
    )

    async def main() -> tuple[Answer, ...]:
        # Something else has to happen now and then for the clock to jump.
        ticking = asyncio.ensure_future(asyncio.sleep(1_000))
        answers = await look_async(known, known.state, known.types, asked, options)
        ticking.cancel()
        return answers

    (answer,) = run_virtual(main())
    assert (answer.seen, answer.unreachable, answer.reason) == (Seen.UNKNOWN, True, "the host does not answer")


def test_a_job_that_the_host_refuses_says_nothing_of_the_place(state: Path, hosts: Hosts) -> None:
    hosts.deployed(site(), state)
    hosts.refused = "no space left on device"
    drift = find_drift("test", hosts.options(state))
    assert {(a.seen, a.unreachable, a.reason) for a in drift.answers} == {
        (Seen.UNKNOWN, False, "no space left on device")
    }


def test_components_without_a_probe_where_they_are_are_named(state: Path, hosts: Hosts) -> None:
    hosts.deployed(site(PROBED[0], WEB), state)
    assert find_drift("test", hosts.options(state)).unasked == ("web",)


def test_components_that_a_run_changes_meanwhile_are_left_out(state: Path, hosts: Hosts) -> None:
    hosts.deployed(site(), state)
    found: list[Drift] = []

    def meanwhile(event: object) -> None:
        if isinstance(event, StepTaken) and event.step == Step(StepKind.FIRE, "web", "stop"):
            found.append(find_drift("test", hosts.options(state)))

    stop = program("stop", Push("web", "stop"), WaitAll())
    journal = Journal.open(state)
    intent = look(journal, "test", site(), [[stop]], {"stop": stop}, Origin())
    journal.close()
    done = reconfigure(intent, hosts.options(state, listeners=(meanwhile,)))
    (drift,) = found
    assert drift.busy == (("web", done.run),)
    assert {answer.question.component for answer in drift.answers} == {"db"}


def test_what_moves_between_the_look_and_its_end_is_left_out(state: Path, hosts: Hosts) -> None:
    hosts.deployed(site(), state)
    ran: list[bool] = []
    hosts.meanwhile = lambda: ran.append(True) or run(state, hosts, UPDATE) if not ran else None
    drift = find_drift("test", hosts.options(state))
    assert {component for component, _ in drift.busy} == {"db", "web"}
    assert drift.answers == ()


def test_a_file_has_the_probes_of_now(state: Path, hosts: Hosts) -> None:
    hosts.deployed(site(DB, WEB), state)
    assert find_drift("test", hosts.options(state)).answers == ()
    hosts.gone = {"db.running"}
    drift = find_drift("test", hosts.options(state), site())
    assert told(drift, Seen.DRIFTED) == ["db.running"]
    with pytest.raises(CannotChange, match="db is at running, and Db has no place running any more"):
        find_drift("test", hosts.options(state), site(kind("Db", "places off*", "provide sql at off"), WEB))


def test_there_has_to_be_a_live_assembly(state: Path) -> None:
    with pytest.raises(NoLiveAssembly):
        find_drift("test", Hosts().options(state))


def test_a_secret_that_a_probe_names_is_needed_and_masked(state: Path, hosts: Hosts) -> None:
    web = replace(WEB, places=tuple(replace(p, probe=Action("run", ("login ${key}",))) for p in WEB.places))
    assert deploy(
        site(DB, web), origin=Origin(secrets=("key",)), options=hosts.options(state, secrets={"key": "x9"})
    ).ok
    with pytest.raises(NotRunnable, match=r"probe of web\.on: the secret `key` has no value"):
        find_drift("test", hosts.options(state))
    hosts.gone = {"web.on"}
    hosts.printed = b"x9 is wrong"
    (answer,) = find_drift("test", hosts.options(state, secrets={"key": "x9"})).answers
    assert (answer.probe, answer.lines) == ("run login ***", ("one", "*** is wrong"))


def test_a_probe_of_a_transition_reads_its_data_ports(state: Path, hosts: Hosts) -> None:
    db = replace(
        kind("Db", "places off* on", "start: off -> on", "provide data url at on"),
        transitions=(Transition("start", "off", "on", actions=(Action("run", ("url",), outputs=("url",)),)),),
    )
    web = kind("Web", "places off* on", "start: off -> on", "use data url for start")
    web = replace(web, transitions=tuple(replace(t, probe=Action("run", ("look ${url}",))) for t in web.transitions))
    made = assembly([db, web], "db:Db web:Web", "web.url db.url")
    hosts.answer = b"db:5432"
    assert deploy(made, options=hosts.options(state)).ok
    (answer,) = find_drift("test", hosts.options(state)).answers
    assert (answer.probe, answer.seen) == ("run look db:5432", Seen.HOLDS)


def test_a_value_that_nobody_knows_any_more_cannot_be_asked_with(state: Path, hosts: Hosts) -> None:
    db = kind("Db", "places off* on", "start: off -> on", "provide data url at on")
    web = kind("Web", "places off* on", "start: off -> on", "use data url for start")
    web = replace(web, transitions=tuple(replace(t, probe=Action("run", ("look ${url}",))) for t in web.transitions))
    assert deploy(assembly([db, web], "db:Db web:Web", "web.url db.url"), options=hosts.options(state)).ok
    (answer,) = find_drift("test", hosts.options(state)).answers
    assert (answer.seen, answer.unreachable) == (Seen.UNKNOWN, False)
    assert "the data port db.url has no value" in answer.reason


def test_a_probe_has_no_outputs() -> None:
    with pytest.raises(InvalidAction, match="a probe has no outputs: `-> ip`"):
        check_probe(Action("run", ("x",), outputs=("ip",)), Registry.installed())


def test_a_bad_probe_is_told_before_a_run_begins(state: Path, hosts: Hosts) -> None:
    bad = replace(WEB, places=tuple(replace(p, probe=Action("template", ("x",), (("to", "y"),))) for p in WEB.places))
    with pytest.raises(NotRunnable, match=r"web\.off, its probe: template: `y` is no absolute path"):
        hosts.deployed(site(DB, bad), state)


def test_waiting_probes_look_once_unless_they_say_how_long() -> None:
    registry = Registry.installed()
    port = Action("wait_tcp", (), (("port", 80),))
    assert looking(port, registry).options == (("port", 80), ("within", Duration(0.0)), ("timeout", Duration(30.0)))
    patient = replace(port, options=(("port", 80), ("within", Duration(60.0))))
    assert looking(patient, registry).options[-1] == ("timeout", Duration(90.0))
    own = replace(port, options=(("port", 80), ("timeout", Duration(3.0))))
    assert looking(own, registry).option("timeout") == Duration(3.0)


def test_effects_are_stored_and_a_store_without_them_is_read(state: Path, hosts: Hosts) -> None:
    hosts.deployed(site(), state)
    stored = live(state).state
    assert dict(stored.effects) == {"db": ("install", "start"), "web": ("start",)}
    coded = state_to_json(stored)
    assert state_from_json(coded) == stored
    del coded["effects"]
    assert dict(state_from_json(coded).effects) == {}
