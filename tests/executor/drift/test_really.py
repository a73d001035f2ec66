"""Where components really are: drifted ones are put back along their way, and so are those who relied on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from madeus.executor.drift.answer import DRIFTED_CODE
from madeus.executor.drift.really import Reality
from madeus.executor.drift.survey import NoSuchPlace, Survey, survey
from madeus.executor.errors import ConnectionTimeout
from madeus.executor.inventory import Host, Inventory
from madeus.executor.journal.store import Journal
from madeus.executor.live.change import deploy, look, reconfigure
from madeus.model import Assembly, Program, Push, WaitAll
from madeus.planner.repair import Roads, repair
from tests.build import assembly, kind, program
from tests.executor.drift.probed import Hosts, live, probed
from tests.reconfiguration.everywhere import acting

DB = kind(
    "Db",
    "places off* installed configured running",
    "install: off -> installed",
    "configure: installed -> configured",
    "start: configured -> running",
    "provide sql at running",
)
WEB = kind(
    "Web",
    "places off* ready on",
    "install: off -> ready",
    "start: ready -> on",
    "use db during on",
    "provide http at on",
)
PROXY = kind("Proxy", "places off* on", "start: off -> on", "use web during on")


def site(db: tuple[str, ...] = (), web: tuple[str, ...] = (), proxy: tuple[str, ...] = ()) -> Assembly:
    types = [probed(DB, *db), probed(WEB, *web), probed(PROXY, *proxy)]
    return acting(assembly(types, "db:Db web:Web proxy:Proxy", "web.db db.sql", "proxy.web web.http"))


def seen(hosts: Hosts, state: Path, model: Assembly, *gone: str, **given: str) -> tuple[Survey, Reality]:
    hosts.deployed(model, state)
    hosts.gone = set(gone)
    found = survey("test", hosts.options(state))
    places = {name: frozenset(word.split("+")) for name, word in given.items()}
    return found, found.really(found.drift(), Roads(found.types).lead, places)


def at(reality: Reality) -> dict[str, set[str]]:
    return {name: set(point.places) for name, point in reality.at.items()}


def test_without_drift_everything_is_where_it_is_said_to_be(state: Path, hosts: Hosts) -> None:
    found, reality = seen(hosts, state, site(("running",), ("on",)))
    assert not reality.at
    assert reality.state(found.state) == found.state


def test_a_component_goes_back_to_the_latest_place_that_nothing_speaks_against(state: Path, hosts: Hosts) -> None:
    model = site(("installed", "configured", "running"), ("on",), ("on",))
    _, reality = seen(hosts, state, model, "db.running")
    assert at(reality) == {"db": {"configured"}}


def test_places_passed_on_the_way_have_to_hold_too(state: Path, hosts: Hosts) -> None:
    model = site(("installed", "configured", "running"), ("on",), ("on",))
    _, reality = seen(hosts, state, model, "db.running", "db.installed")
    assert at(reality) == {"db": {"off"}}


def test_effects_on_the_way_have_to_hold_too(state: Path, hosts: Hosts) -> None:
    model = site(("configure", "running"), ("on",), ("on",))
    _, reality = seen(hosts, state, model, "db.configure")
    assert at(reality) == {"db": {"installed"}}


def test_a_place_without_a_probe_is_believed(state: Path, hosts: Hosts) -> None:
    _, reality = seen(hosts, state, site(("running",), ("on",), ("on",)), "db.running")
    assert at(reality) == {"db": {"configured"}}


def test_an_initial_place_is_where_a_component_is_at_last_whatever_it_says(state: Path, hosts: Hosts) -> None:
    model = site(("off", "installed", "configured", "running"), ("on",), ("on",))
    _, reality = seen(hosts, state, model, "db.off", "db.running", "db.configured", "db.installed")
    assert at(reality) == {"db": {"off"}}


def test_a_user_whose_probes_hold_stays(state: Path, hosts: Hosts) -> None:
    _, reality = seen(hosts, state, site(("running",), ("on",), ()), "db.running")
    assert at(reality) == {"db": {"configured"}}
    assert [(r.user, r.use, r.stays) for r in reality.reliances] == [("web", "db", True)]


def test_a_user_without_a_probe_goes_back_to_where_it_does_not_need_the_service(state: Path, hosts: Hosts) -> None:
    _, reality = seen(hosts, state, site(("running",), (), ("on",)), "db.running")
    assert at(reality) == {"db": {"configured"}, "web": {"ready"}}
    assert [(r.user, r.use, r.stays) for r in reality.reliances] == [("web", "db", False), ("proxy", "web", True)]


def test_a_user_whose_host_cannot_be_reached_stays(state: Path, hosts: Hosts) -> None:
    model = site(("running",), ("on",), ("on",))
    model = replace(
        model, instances=tuple(replace(i, host="far" if i.name != "db" else "near") for i in model.instances)
    )
    inventory = Inventory(None, {name: Host(name) for name in ("near", "far")})
    assert deploy(model, options=hosts.options(state, inventory=inventory)).ok
    hosts.gone = {"db.running"}
    hosts.world.unreachable("far", ConnectionTimeout("far", "", "no answer"))
    found = survey("test", hosts.options(state))
    reality = found.really(found.drift(), Roads(found.types).lead)
    assert at(reality) == {"db": {"configured"}}
    assert [(r.user, r.stays, r.unreachable) for r in reality.reliances] == [("web", True, True)]


def test_users_of_users_are_asked_in_their_turn(state: Path, hosts: Hosts) -> None:
    _, reality = seen(hosts, state, site(("running",)), "db.running")
    assert at(reality) == {"db": {"configured"}, "web": {"ready"}, "proxy": {"off"}}


def test_a_drifted_user_goes_back_as_far_as_its_provider_asks(state: Path, hosts: Hosts) -> None:
    _, reality = seen(hosts, state, site(("running",), ("on",), ("on",)), "db.running", "web.on")
    assert at(reality) == {"db": {"configured"}, "web": {"ready"}}
    _, reality = seen(hosts, state / "other", site((), ("on",), ("on",)), "web.on")
    assert at(reality) == {"web": {"ready"}}


def test_what_somebody_knows_counts_more_than_probes(state: Path, hosts: Hosts) -> None:
    model = site(("installed", "configured", "running"))
    _, reality = seen(hosts, state, model, "db.running", db="installed", web="on")
    assert at(reality) == {"db": {"installed"}}


def test_a_component_without_a_way_forward_is_lost(state: Path, hosts: Hosts) -> None:
    once = kind("Once", "places made* used", "use_up: made -> used in spend", "provide sql at made")
    model = acting(assembly([probed(once, "made")], "db:Once"))
    _, reality = seen(hosts, state, model, "db.made")
    assert reality.lost == ("db",)


@pytest.mark.parametrize(("name", "place"), [("db", "nowhere"), ("ghost", "off")])
def test_places_that_are_given_have_to_be_there(state: Path, hosts: Hosts, name: str, place: str) -> None:
    with pytest.raises(NoSuchPlace):
        seen(hosts, state, site(), **{name: place})


def mended(hosts: Hosts, state: Path, found: Survey, reality: Reality) -> list[str]:
    stored = found.state.configuration.components
    now = reality.state(found.state)
    plan = repair(
        now.assembly("test", found.types), now.configuration, {name: stored[name].places for name in reality.at}
    )
    made: Program = plan.program
    journal = Journal.open(state)
    try:
        intent = look(
            journal, "test", found.design.assembly, ((made,),), {}, found.design.origin, correction=reality.state
        )
    finally:
        journal.close()
    hosts.world.started.clear()
    assert reconfigure(intent, hosts.options(state)).ok
    return [".".join(job.split(".")[:2]) for _, job in hosts.world.started]


def test_a_repair_does_again_what_is_missing_and_nothing_else(state: Path, hosts: Hosts) -> None:
    found, reality = seen(hosts, state, site(("running",), ("on",), ("on",)), "db.running")
    before = live(state).state
    assert mended(hosts, state, found, reality) == ["db.start"]
    assert live(state).state == before


def test_users_that_went_back_come_after_their_providers(state: Path, hosts: Hosts) -> None:
    found, reality = seen(hosts, state, site(("running",)), "db.running")
    before = live(state).state.configuration
    started = mended(hosts, state, found, reality)
    assert sorted(started) == ["db.start", "proxy.start", "web.start"]
    assert live(state).state.configuration == before


def test_a_component_that_was_moved_by_hand_is_moved_on_from_there(state: Path, hosts: Hosts) -> None:
    server = kind(
        "Server",
        "places off* running maintenance",
        "start: off -> running",
        "suspend: running -> maintenance in suspend",
        "resume: maintenance -> running in resume",
    )
    made = acting(assembly([probed(server, "running", "maintenance")], "s:Server"))
    suspend = program("suspend", Push("s", "suspend"), WaitAll())
    hosts.deployed(made, state, suspend)
    journal = Journal.open(state)
    intent = look(journal, "test", made, [[suspend]], {}, survey("test", hosts.options(state)).design.origin)
    journal.close()
    assert reconfigure(intent, hosts.options(state)).ok
    hosts.gone = {"s.maintenance"}
    found = survey("test", hosts.options(state))
    drift = found.drift()
    assert drift.exit_code == DRIFTED_CODE
    reality = found.really(drift, Roads(found.types).lead)
    assert at(reality) == {"s": {"running"}}
    assert mended(hosts, state, found, reality) == ["s.suspend"]
