"""Plans that begin where hosts have drifted to."""

from __future__ import annotations

import pytest

from madeus.model import Assembly
from madeus.planner import Impossible
from madeus.planner.repair import Roads, repair
from madeus.semantics import ComponentState, Configuration, System, simulate
from tests.build import assembly, kind

DB = kind(
    "Db",
    "places off* installed running",
    "install: off -> installed takes 2..2",
    "start: installed -> running takes 3..3",
    "stop: running -> installed in stop",
    "provide sql at running",
)
WEB = kind(
    "Web",
    "places off* on",
    "start: off -> on takes 1..1",
    "stop: on -> off in stop",
    "use db during on",
    "provide http at on",
)


def drifted(made: Assembly, **places: str) -> Configuration:
    end = simulate(System(made)).configuration._replace(positions=())
    components = end.components
    for name, words in places.items():
        components = components.set(name, ComponentState(components[name].type, frozenset(words.split())))
    return end._replace(components=components)


def written(made: Assembly, now: Configuration, **wanted: str) -> list[str]:
    found = repair(made, now, {name: frozenset(words.split()) for name, words in wanted.items()})
    return [str(i) for i in found.program.instructions]


def site(users: int) -> Assembly:
    names = " ".join(f"w{k}:Web" for k in range(users))
    return assembly([DB, WEB], f"db:Db {names}", *(f"w{k}.db db.sql" for k in range(users)))


@pytest.mark.parametrize("users", [1, 3, 100])
def test_a_provider_comes_back_under_users_that_stay(users: int) -> None:
    made = site(users)
    assert written(made, drifted(made, db="installed"), db="running") == ["push db.deploy", "wait all"]


def test_users_that_went_back_come_again_and_the_others_stay() -> None:
    made = site(12)
    now = drifted(made, db="off", w3="off", w7="off")
    assert written(made, now, db="running", w3="on", w7="on") == [
        "push db.deploy",
        "push w3.deploy",
        "push w7.deploy",
        "wait all",
    ]


def test_several_services_that_went_off_come_back_side_by_side() -> None:
    names = " ".join([*(f"d{k}:Db" for k in range(15)), *(f"w{k}:Web" for k in range(30))])
    made = assembly([DB, WEB], names, *(f"w{k}.db d{k % 15}.sql" for k in range(30)))
    down = {f"d{k}": "installed" for k in range(15)}
    found = repair(made, drifted(made, **down), {name: frozenset(["running"]) for name in down})
    assert found.forecast.makespan == 3.0
    assert len(found.program.instructions) == 16


def test_where_no_behavior_leads_there_is_no_plan() -> None:
    once = kind("Once", "places made* used", "spend: made -> used in spend")
    made = assembly([once], "c:Once")
    with pytest.raises(Impossible):
        written(made, drifted(made, c="used"), c="made")


def test_roads_lead_where_behaviors_do() -> None:
    roads = Roads({"Db": DB})
    assert roads.lead("Db", frozenset(["off"]), frozenset(["running"]))
    assert roads.lead("Db", frozenset(["installed"]), frozenset(["running"]))
    assert roads.lead("Db", frozenset(["running"]), frozenset(["installed"]))
    assert not roads.lead("Db", frozenset(["running"]), frozenset(["off"]))
