"""Plans of small assemblies, instruction by instruction, and what cannot be planned."""

from __future__ import annotations

import pytest

from madeus.model import Add, Assembly, Connect, Connection, Instance, Parameter, Push, ValueType
from madeus.planner import Impossible, NotAtRest, NotFound, Target, initial, plan
from madeus.planner.wish import WishError, parse_wish
from madeus.semantics import Configuration, System, simulate
from tests.build import assembly, kind, link, program

DB = kind(
    "Db",
    "places off* on",
    "start: off -> on in up takes 2..2",
    "stop: on -> off in down takes 1..1",
    "provide sql at on",
)
WEB = kind(
    "Web",
    "places off* on paused",
    "start: off -> on in up station a takes 1..1",
    "resume: paused -> on in up station b takes 1..1",
    "pause: on -> paused in pause takes 1..1",
    "provide http at on",
    "use db during on",
)
JOB = kind("Job", "places idle* done", "migrate: idle -> done in run", "use db for migrate")
SHOP = assembly([DB, WEB, JOB], "db:Db web:Web job:Job", "web.db db.sql", "job.db db.sql")


def at(whole: Assembly, **places: str) -> Configuration:
    """A configuration at rest with these places marked."""
    conf = initial(whole)
    components = conf.components
    for name, place in places.items():
        components = components.set(name, components[name]._replace(places=frozenset((place,))))
    return conf._replace(components=components)


UP = at(SHOP, db="on", web="on")


def planned(goal: str, now: Configuration = UP, whole: Assembly = SHOP) -> list[str]:
    return [str(i) for i in plan(whole, parse_wish(goal, whole), now).program.instructions]


def test_a_user_is_moved_off_first_and_brought_back_last() -> None:
    assert planned("once db.down") == ["push web.pause", "push db.down", "push db.up", "push web.up", "wait all"]


def test_what_a_goal_takes_off_for_good_stays_off_and_so_do_its_users() -> None:
    assert planned("db.off") == ["push web.pause", "push db.down", "wait all"]


def test_providers_come_up_for_what_uses_them() -> None:
    assert planned("web.on", initial(SHOP)) == ["push db.up", "push web.up", "wait all"]


def test_a_service_may_be_asked_for_by_its_name() -> None:
    assert planned("web.http", initial(SHOP)) == ["push db.up", "push web.up", "wait all"]


def test_a_provider_needed_for_a_time_only_goes_down_again_after_a_wait() -> None:
    found = planned("job.done", initial(SHOP))
    assert found == ["push db.up", "push job.run", "wait job", "push db.down", "wait all"]


def test_a_component_that_is_left_out_is_cut_off_and_deleted() -> None:
    assert planned("without web") == ["push web.pause", "disconnect web.db from db.sql", "delete web", "wait all"]


def test_another_assembly_is_a_target() -> None:
    bigger = Assembly(
        "bigger",
        SHOP.types,
        (*SHOP.instances, Instance("db2", "Db")),
        (Connection("web", "db", "db2", "sql"), link("job.db db.sql")),
    )
    found = plan(SHOP, parse_wish("db2.on", SHOP, bigger), UP)
    assert [str(i) for i in found.program.instructions] == [
        "push web.pause",
        "add db2: Db",
        "push db2.up",
        "disconnect web.db from db.sql",
        "connect web.db to db2.sql",
        "push web.up",
        "wait all",
    ]
    assert [(o.component, o.seconds, o.back) for o in found.forecast.outages] == [("web", 2.0, True)]


def test_a_component_with_another_argument_is_replaced_and_comes_back_to_where_it_was() -> None:
    versioned = kind("Db", "places off* on", "start: off -> on in up", "stop: on -> off in down", "provide sql at on")
    versioned = type(versioned)(**{**vars_of(versioned), "parameters": (Parameter("version", ValueType.INT, 10),)})
    db = Instance("db", "Db", arguments=(("version", 10),))
    whole = Assembly("test", {"Db": versioned, "Web": WEB}, (db, Instance("web", "Web")), (link("web.db db.sql"),))
    found = planned("db.version = 11", at(whole, db="on", web="on"), whole)
    assert found == [
        *("push web.pause", "push db.down", "disconnect web.db from db.sql", "delete db", "add db: Db"),
        *("push db.up", "connect web.db to db.sql", "push web.up", "wait all"),
    ]
    assert planned("db.version = 10", at(whole, db="on", web="on"), whole) == []


def vars_of(made: object) -> dict[str, object]:
    from dataclasses import fields

    return {f.name: getattr(made, f.name) for f in fields(made)}  # type: ignore[arg-type]


def test_a_place_that_no_transition_leads_to_is_impossible() -> None:
    lost = kind("Lost", "places a* b c", "t: a -> b in up")
    whole = assembly([lost], "x:Lost")
    with pytest.raises(Impossible) as raised:
        planned("x.c", initial(whole), whole)
    assert raised.value.reasons == ("x cannot reach c", "  no transition of Lost leads to c")


def test_the_reason_of_an_impossible_place_follows_the_ports() -> None:
    mute = kind("Mute", "places a* b", "provide sql at b")
    whole = assembly([mute, WEB], "m:Mute web:Web", "web.db m.sql")
    with pytest.raises(Impossible) as raised:
        planned("web.on", initial(whole), whole)
    assert raised.value.reasons == (
        "web cannot reach on",
        "  web.on needs m.sql, which never comes up",
        "  no transition of Mute leads to b",
    )


def test_a_goal_whose_parts_exclude_each_other_is_impossible() -> None:
    with pytest.raises(Impossible) as raised:
        planned("web.on and db.off")
    assert raised.value.reasons == (
        "web cannot rest at on",
        "  it uses db.sql there, which is off wherever db may rest at the end",
    )


def test_a_behavior_that_never_fires_is_impossible() -> None:
    stuck = kind("Stuck", "places a* b", "t: b -> a in back", "u: a -> b in never", "use s for u")
    whole = assembly([stuck], "x:Stuck")
    with pytest.raises(Impossible, match="x cannot execute back"):
        planned("once x.back", initial(whole), whole)


def test_a_user_that_cannot_let_go_keeps_its_provider_on() -> None:
    clinging = kind("Cling", "places off* on", "start: off -> on in up", "use db during on")
    whole = assembly([DB, clinging], "db:Db c:Cling", "c.db db.sql")
    with pytest.raises(NotFound, match=r"c cannot let go of c\.db"):
        planned("once db.down", at(whole, db="on", c="on"), whole)


def test_components_that_need_each_other_half_way_are_pushed_side_by_side() -> None:
    one = kind(
        "One",
        "places a* b c",
        "t: a -> b in up",
        "u: b -> c in up",
        "group g = b c",
        "provide half at g",
        "use other for u",
    )
    whole = assembly([one], "x:One y:One", "x.other y.half", "y.other x.half")
    assert sorted(planned("x.c and y.c", initial(whole), whole)) == ["push x.up", "push y.up", "wait all"]


def test_planning_begins_at_rest() -> None:
    moving = System(SHOP, [[]]).initial()
    state = moving.components["db"]._replace(running=frozenset(("start",)))
    with pytest.raises(NotAtRest) as raised:
        plan(SHOP, Target(), moving._replace(components=moving.components.set("db", state)))
    assert raised.value.components == ("db",)


def test_a_value_that_was_produced_before_is_still_there() -> None:
    writer = kind(
        "Writer", "places a* b c", "t: a -> b in up", "u: b -> c in up", "provide data v at b", "provide s at c"
    )
    reader = kind("Reader", "places a* b", "t: a -> b in up", "use data v for t")
    whole = assembly([reader, writer], "r:Reader w:Writer", "r.v w.v")
    assert planned("r.b", initial(whole), whole) == ["push w.up", "push r.up", "wait all"]
    written = simulate(System(whole, [[program("write", Push("w", "up"))]])).configuration
    assert planned("r.b", written, whole) == ["push r.up", "wait all"]


def test_what_a_program_has_added_is_there_to_be_planned_with() -> None:
    grown = program("grow", Add(Instance("web2", "Web")), Connect(link("web2.db db.sql")))
    rest = simulate(System(SHOP, [[grown]])).configuration
    assert [str(i) for i in plan(SHOP, Target({"web2": frozenset(("on",))}), rest).program.instructions] == [
        "push db.up",
        "push web2.up",
        "wait all",
    ]


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        ("db.onn", "`db.onn`: there is no place or service of db called onn"),
        ("dbb.on", "`dbb.on`: there is no component called dbb"),
        ("once db.on", "`once db.on`: there is no behavior of db called on"),
        ("db.size = 3", "`db.size = 3`: there is no parameter of db called size"),
        (
            "db",
            "`db`: a goal is c.place, c.service, c.parameter = value, once c.behavior or without c, joined by and",
        ),
    ],
)
def test_a_goal_that_says_nothing_is_refused_with_the_reason(goal: str, message: str) -> None:
    with pytest.raises(WishError) as raised:
        parse_wish(goal, SHOP)
    assert str(raised.value) == message


def test_a_name_without_its_index_stands_for_all_replicas() -> None:
    whole = assembly([DB], "db[1]:Db db[2]:Db")
    assert parse_wish("db.on", whole) == Target({"db[1]": frozenset(("on",)), "db[2]": frozenset(("on",))})
