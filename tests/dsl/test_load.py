"""From text to model: replicas, loops, parameters, programs, questions, and where everything is written."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from madeus.dsl import Loaded, load
from madeus.fleet.budget import Budget, Scope
from madeus.fleet.settings import ClusterBy, OnFailure, read_settings
from madeus.model import (
    Active,
    Add,
    And,
    Available,
    Bounds,
    Comparison,
    Connection,
    Delete,
    Deployable,
    Duration,
    Interval,
    Marked,
    Model,
    Multiplicity,
    Parallelism,
    Push,
    Reach,
    Secret,
    Sequence,
    WaitAll,
    WaitComponent,
    WaitPush,
)
from tests.dsl.faults import CLIENT, WEB, loaded, program, sited, verify

LAMP = (Path(__file__).parent / "lamp.madeus").read_text(encoding="utf-8")
SITE = (Path(__file__).parent / "site.madeus").read_text(encoding="utf-8")


def _model(found: Loaded) -> Model:
    assert found.diagnostics == ()
    assert found.model is not None
    return found.model


def test_the_lamp_stack_is_three_instances_on_three_hosts_and_more() -> None:
    model = _model(loaded(LAMP))
    lamp = model.assemblies["lamp"]
    assert [(i.name, i.type, i.host) for i in lamp.instances] == [
        ("db", "MariaDB", "db1"),
        ("web[1]", "Apache", "web[1]"),
        ("web[2]", "Apache", "web[2]"),
        ("web[3]", "Apache", "web[3]"),
    ]
    assert lamp.instance["db"].arguments == (("version", "10.11"), ("port", 3306))
    assert lamp.connections[:2] == (
        Connection("web[1]", "db", "db", "sql"),
        Connection("web[2]", "db", "db", "sql"),
    )
    assert len(lamp.connections) == 6
    kind = model.types["MariaDB"]
    assert kind.doc == "The database. `version` is a parameter of the type, given where an instance is made."
    assert kind.transition["pull"].interval == Interval(5, 60)
    assert kind.transition["pull"].actions[0].options == (("timeout", Duration(300)), ("retry", 2))
    assert kind.transition["provision"].actions[0].outputs == ("ip",)
    assert kind.transition["configure"].actions[0].option("mode") == 0o644
    assert kind.transition["check"].actions[0].option("port") == "${port}"


def test_the_questions_of_the_lamp_stack() -> None:
    model = _model(loaded(LAMP))
    (block,) = model.verifications
    web = And(tuple(Marked(f"web[{n}]", "checked") for n in (1, 2, 3)))
    assert block.goals[0].formula == And((Marked("db", "checked"), web))
    questions = [p.question for p in block.properties]
    assert questions[0] == Deployable(block.goals[0])
    assert questions[1:4] == [Sequence((("db", "start"), (f"web[{n}]", "check"))) for n in (1, 2, 3)]
    assert questions[4] == Parallelism(Comparison.AT_LEAST, 3)
    assert questions[5] == Bounds(block.goals[0], Comparison.AT_MOST, 180.0)


def test_behaviors_stations_and_groups_of_the_site() -> None:
    model = _model(loaded(SITE))
    server = model.types["Server"]
    assert server.behaviors == ("install", "suspend")
    assert server.transition["allocate"].stations == ("fresh",)
    assert server.transition["allocate"].behaviors == ("install",)
    assert server.use["dep"].holders == ("serving",)
    assert [str(i) for i in model.programs["upgrade"].instructions] == [
        "push server.suspend",
        "push dep.update",
        "wait server",
        "push dep.install",
        "wait dep",
        "push server.install",
        "wait all",
    ]
    (block,) = model.verifications
    assert block.title == "site after upgrade"
    assert block.properties[1].question == Available("server", "web", 20.0)
    assert (block.properties[2].failures, block.properties[2].question) == (
        1,
        Deployable(block.goals[0], Reach.POSSIBLE),
    )


def test_loops_and_parameters_are_written_out() -> None:
    text = sited("").replace("assembly site {", "assembly site(n: int = 2, m: int = n + 1) {\n"
        "for i in 1..n { for k in 1..m { web[i * 10 + k]: Web(port = 8000 + k) on host[i] } }")  # fmt: skip
    site = _model(loaded(text)).assemblies["site"]
    assert [i.name for i in site.instances] == ["web[11]", "web[12]", "web[13]", "web[21]", "web[22]", "web[23]"]
    assert site.instance["web[23]"].host == "host[2]"
    assert site.instance["web[23]"].arguments == (("port", 8003),)


def test_settings_replace_the_defaults_of_parameters() -> None:
    text = WEB + '\nassembly site(n: int, host: string = "a") {\n  web[1..n]: Web on app\n  x: Web on h[n]\n}\n'
    text = text.replace(', host: string = "a"', "")
    for settings in ({"n": "5"}, {"site.n": "5"}, {"n": "2", "site.n": "5"}):
        model = _model(load("m.madeus", text=text, settings=settings))
        assert len(model.assemblies["site"].instances) == 6
    assert [d.code for d in load("m.madeus", text=text).diagnostics] == ["MAD091"]
    found = load("m.madeus", text=text, settings={"n": "5", "site.m": "1"}).diagnostics
    assert [(d.code, d.help) for d in found] == [("MAD092", "did you mean `site.n`?")]


def test_a_setting_of_no_parameter_is_answered_with_the_parameters_there_are() -> None:
    text = WEB + "\nassembly site(n: int = 1, size: int = 2) {\n  x: Web on h[n]\n}\nassembly bare { x: Web on h }\n"

    def help_of(text: str, key: str) -> str | None:
        diagnostics = load("m.madeus", text=text, settings={key: "x"}).diagnostics
        (found,) = (d for d in diagnostics if d.code == "MAD092")
        return found.help

    assert (
        help_of(text, "message") == "there is `site.n`, `site.size`; settings are written `n=value` or `site.n=value`"
    )
    assert (
        help_of(text, "bare.message")
        == "there is `site.n`, `site.size`; settings are written `n=value` or `site.n=value`"
    )
    assert help_of(WEB + "\nassembly bare { x: Web on h }\n", "n") == "no assembly of the file has parameters"


def test_replicas_on_one_host_and_on_one_each() -> None:
    site = _model(
        loaded(sited("a[1..2]: Web on app\nb: Web on app[4..5]\nc[1..2]: Web on app[7..8]\nd: Web"))
    ).assemblies["site"]
    assert {i.name: i.host for i in site.instances} == {
        "a[1]": "app",
        "a[2]": "app",
        "b[4]": "app[4]",
        "b[5]": "app[5]",
        "c[1]": "app[7]",
        "c[2]": "app[8]",
        "d": "local",
    }


def test_a_program_names_replicas_one_by_one() -> None:
    body = (
        "for i in 4..5 { add web[i]: Web\n push web[i].deploy as up }\nwait up\nwait web[4..5]\n"
        "push web.stop on_failure push web.deploy\nwait all\ndelete web[5]"
    )
    instructions = _model(loaded(program(body, "web[1..2]: Web"))).programs["go"].instructions
    adds = [i.instance.name for i in instructions if isinstance(i, Add)]
    assert adds == ["web[4]", "web[5]"]
    assert [i for i in instructions if isinstance(i, WaitPush)] == [WaitPush("up"), WaitPush("up[2]")]
    assert [i.label for i in instructions if isinstance(i, Push)][:2] == ["up", "up[2]"]
    assert [i for i in instructions if isinstance(i, WaitComponent)] == [
        WaitComponent("web[4]"),
        WaitComponent("web[5]"),
    ]
    assert [i.recovery for i in instructions if isinstance(i, Push)][2:] == [f"web[{n}].deploy" for n in (1, 2, 4, 5)]
    assert instructions[-2:] == (WaitAll(), Delete("web[5]"))


def test_a_name_without_an_index_does_not_mean_the_replicas_that_another_program_adds() -> None:
    text = program("push web.deploy\nwait web", "web[1..2]: Web")
    grow = "program grow for site { add web[3]: Web\n push web.deploy }\nprogram other for site { push web[3].deploy }"
    model = _model(loaded(f"{text}\n{grow}"))
    assert [str(i) for i in model.programs["go"].instructions] == [
        "push web[1].deploy",
        "push web[2].deploy",
        "wait web[1]",
        "wait web[2]",
    ]
    assert [str(i) for i in model.programs["grow"].instructions][1:] == [f"push web[{n}].deploy" for n in (1, 2, 3)]
    assert [str(i) for i in model.programs["other"].instructions] == ["push web[3].deploy"]


def test_a_name_without_an_index_means_the_replicas_of_another_program_where_there_are_no_others() -> None:
    grow = "program grow for site { add web[1..2]: Web }"
    model = _model(loaded(program("push web.deploy", "client: Web") + "\n" + grow))
    assert [str(i) for i in model.programs["go"].instructions] == ["push web[1].deploy", "push web[2].deploy"]


def test_an_assembly_knows_the_types_that_its_programs_add() -> None:
    model = _model(loaded(program("add d: Client", "web: Web")))
    assert set(model.assemblies["site"].types) == {"Web", "Client"}


def test_ports_in_formulas_are_active_and_places_are_marked() -> None:
    model = _model(loaded(verify("forbidden web.http and not web.off")))
    assert str(model.verifications[0].properties[0].question) == "forbidden web.http and not web.off"
    assert model.verifications[0].goals[0].formula == Marked("web", "on")
    model = _model(loaded(verify("goal served = web.http\ndeployable served")))
    assert model.verifications[0].goals[1].formula == Active("web", "http")


def test_literal_braces_keep_their_sign_and_secrets_their_name() -> None:
    text = (
        "secret key\n\ncomponent C {\n  initial place a\n  place b\n"
        '  transition t: a -> b { run "$${HOME} ${key}" environment { KEY = ${key} } }\n}\n'
    )
    model = _model(loaded(text))
    action = model.types["C"].transition["t"].actions[0]
    assert action.arguments == ("$${HOME} ${key}",)
    assert action.option("environment") == (("KEY", Secret("key")),)
    assert model.secrets == ("key",)


def test_a_secret_is_given_to_a_parameter_by_its_name() -> None:
    text = (
        "secret key\n\ncomponent C(password: string) {\n  initial place a\n  place b\n"
        '  transition t: a -> b { run "${password}" }\n'
        "}\n\nassembly s {\n  c: C(password = ${key})\n}\n"
    )
    assert _model(loaded(text)).assemblies["s"].instances[0].arguments == (("password", Secret("key")),)


def test_intervals_without_an_upper_bound_and_of_one_length() -> None:
    text = WEB.replace("takes 1s..2s", "takes 500ms..").replace("halt: on -> off", "halt: on -> off takes 2min")
    kind = _model(loaded(text)).types["Web"]
    assert kind.transition["start"].interval == Interval(0.5, inf)
    assert kind.transition["halt"].interval == Interval(120.0, 120.0)
    assert kind.behaviors == ("deploy", "stop")
    assert kind.use == {}


def test_multiplicities_and_optional_ports() -> None:
    kind = _model(loaded(CLIENT)).types["Client"]
    assert (kind.use["web"].multiplicity, kind.use["web"].optional) == (Multiplicity.ANY, True)
    assert (kind.use["address"].multiplicity, kind.use["address"].optional) == (Multiplicity.ONE, True)


def test_rollouts_and_roles_are_kept() -> None:
    text = program("push web.deploy", "web: Web") + (
        "\nrollout r of program go over fleet {\n  cluster by fingerprint diameter 2\n  representatives 1; protocol balanced\n"
        "  threshold 95%\n  failures max 3 per cluster\n  test transition check\n  soak 30s\n  on_failure rollback\n}\n"
        '\nrole web {\n  base debian12\n  version "2" from package m1\n  version "3" after "2"\n}\n'
    )
    model = _model(loaded(text))
    rollout = model.rollouts["r"]
    assert (rollout.program, rollout.fleet) == ("go", "fleet")
    assert dict(rollout.settings)["cluster"] == ("by", "fingerprint", "diameter", 2)
    assert dict(rollout.settings)["soak"] == (Duration(30.0),)
    assert read_settings(rollout).budgets == (Budget(3, Scope.CLUSTER),)
    role = model.roles["web"]
    assert [(v.name, v.after, v.package) for v in role.versions] == [("2", "", "m1"), ("3", "2", "")]


ROLE = """
role db {
  base debian12 from "debian.tar"
  persistent "/var/lib/mysql/"
  service "mariadb"
  service "cron"
  policy "/etc/**" merge
  policy "**/*.pyc" take
  lingering end
  version "1" {
    run "apt-get install -y mariadb-server" timeout 5min
    copy "my.cnf" to "/etc/my.cnf"
  }
  version "2" from "files" after "1"
}
"""


def test_what_makes_a_version_and_what_a_role_says_of_its_machines_is_kept() -> None:
    role = _model(loaded(ROLE)).roles["db"]
    assert (role.base, role.source) == ("debian12", "debian.tar")
    assert (role.persistent, role.services) == (("/var/lib/mysql",), ("mariadb", "cron"))
    assert [(policy.glob, policy.how) for policy in role.policies] == [("/etc/**", "merge"), ("**/*.pyc", "take")]
    assert role.lingering == "end"
    assert [action.kind for action in role.versions[0].actions] == ["run", "copy"]
    assert (role.versions[1].source, role.versions[1].after) == ("files", "1")


def test_what_recovers_outside_of_layers_is_told_where_a_program_is_taken_back() -> None:
    instances = "web: Web on h in layer\n other: Web on h"
    text = program("push web.deploy on_failure push other.deploy", instances)
    assert "MAD158" not in [d.code for d in loaded(text).diagnostics]
    found = loaded(text.replace(" for site", " for site on_failure rollback")).diagnostics
    assert [d.message for d in found if d.code == "MAD158"] == [
        "`go` is taken back when it fails, and what `other` has done stays"
    ]


def test_an_instance_may_live_in_the_layers_of_its_host_and_a_program_be_taken_back() -> None:
    text = program("push web.deploy", "web: Web on h in layer").replace(" for site", " for site on_failure rollback")
    model = _model(loaded(text))
    (assembly,) = model.assemblies.values()
    (found,) = model.programs.values()
    assert assembly.instance["web"].layered
    assert found.rollback


def test_every_setting_of_a_rollout_can_be_written() -> None:
    text = program("push web.deploy", "web: Web") + (
        "\nrollout r of program go over fleet {\n  cluster by release\n  stages [1, 10, 50%]\n  failures max 3 per stage\n"
        '  failures max 5% per rollout\n  out max 10%\n  test command "true" within 5s\n  test transition start\n'
        '  test http "http://x/" status 204 within 5s\n  test metric "cat m" higher significance 1%\n'
        "  on_failure rollback undo\n}\n"
        "rollout s of program go over fleet {\n  protocol random seed 4\n  on_failure freeze\n}\n"
    )
    model = _model(loaded(text))
    first, second = (read_settings(model.rollouts[name]) for name in "rs")
    assert first.staging.batches == (1, 10, 0.5)
    assert [str(t) for t in first.tests] == [
        'command "true"',
        "transition start",
        'http "http://x/" status 204',
        'metric "cat m" higher',
    ]
    assert (first.rollback, first.out, first.cluster_by) == (("undo",), 0.1, ClusterBy("release"))
    assert (second.staging.seed, second.on_failure) == (4, OnFailure.FREEZE)


# ---- where things are written ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("MariaDB", "MariaDB"),
        ("MariaDB.start", "start"),
        ("MariaDB.checked", "checked"),
        ("MariaDB.sql", "sql"),
        ("transition MariaDB.start", "start"),
        ("lamp", "lamp"),
        ("lamp/db", "db"),
        ("lamp/db.start", "start"),
        ("lamp/web[2]", "web"),
        ("lamp/web[2].configure", "configure"),
        ("lamp/connect web[1].db to db.sql", "connect web.db    to db.sql"),
        ("verify lamp", "lamp"),
        ("verify lamp#1", "deployable up"),
        ("verify lamp#4", "sequence db.start, web.check"),
        ("verify lamp#6", "duration up <= 3min"),
    ],
)
def test_the_source_map_tells_where_a_qualified_name_is_written(name: str, written: str) -> None:
    found = loaded(LAMP)
    span = found.source_map[name]
    text = next(iter(found.files.values()))
    assert text[span.start : span.end] == written
    assert name in found.source_map


def test_the_source_map_counts_instructions_from_zero() -> None:
    found = loaded(SITE)
    text = next(iter(found.files.values()))
    span = found.source_map["upgrade#2"]
    assert text[span.start : span.end] == "wait server"
    assert "upgrade#7" not in found.source_map
    with pytest.raises(KeyError):
        found.source_map["lamp/nothing"]


GROWING = """
component T {
  initial place off
  place on
  transition up: off -> on
}
assembly s { t[1..2]: T }
program up for s {
  push t[1..2].deploy
}
program more for s {
  add t[3]: T
  push t[3].deploy
}
"""


def test_a_verify_block_speaks_of_the_instances_of_the_assembly_and_of_its_own_programs() -> None:
    blocks = "verify s after up {\n  goal g = t.on\n}\nverify s after up, more {\n  goal g = t.on\n}\n"
    first, second = _model(loaded(GROWING + blocks)).verifications
    assert first.goals[0].formula == And((Marked("t[1]", "on"), Marked("t[2]", "on")))
    assert second.goals[0].formula == And((Marked("t[1]", "on"), Marked("t[2]", "on"), Marked("t[3]", "on")))


def test_an_instance_that_only_another_program_adds_is_not_known_in_a_verify_block() -> None:
    (found,) = load("m.madeus", text=GROWING + "verify s after up {\n  forbidden t[3].on\n}\n").diagnostics
    assert (found.code, found.message) == ("MAD055", "there is no instance `t[3]` in assembly `s` after up")
