"""Each fault of names, types and structure: its code and the exact stretch that is underlined."""

from __future__ import annotations

import pytest

from tests.dsl.faults import CLIENT, WEB, faults, loaded, program, sited, verify


def _component(body: str) -> str:
    return f"component T {{\n{body}\n}}\n"


COMPONENTS = [
    # places, groups, transitions
    ("initial place a\nplace b\ntransition t: a -> c", [("MAD051", "c")]),
    ("initial place a\nplace b\ngroup g = b\ntransition t: a -> g", [("MAD051", "g")]),
    ("initial place a\ngroup g = a, x", [("MAD051", "x")]),
    ("initial place a\ngroup g = a, a", [("MAD079", "a")]),
    ("initial place a\nprovide service p at x, y", [("MAD051", "x"), ("MAD051", "y")]),
    ("initial place a\nplace a", [("MAD072", "a")]),
    ("initial place a\ngroup a = a", [("MAD072", "a")]),
    ("initial place a\nplace b\ntransition t: a -> b\ntransition t: b -> a", [("MAD072", "t")]),
    (
        "initial place a\nplace b\nbehavior x { transition t: a -> b }\nbehavior x { transition u: b -> a }",
        [("MAD072", "x")],
    ),
    ("initial place a\nprovide service p at a\nprovide service p at a", [("MAD072", "p")]),
    ("place a, b\ntransition t: a -> b", [("MAD110", "T")]),
    ("initial place a\nplace b, c\ntransition t: b -> c", [("MAD111", "b")]),
    ("initial place a\nplace b, c\ntransition t: b -> c\ntransition u: c -> b", [("MAD111", "b")]),
    ("initial place a\nplace b, c\ntransition t: a -> b\nbehavior x { transition u: c -> a }", [("MAD112", "x")]),
    ("initial place a\nplace b\ntransition t: a -> b in deploy, nope", [("MAD053", "nope")]),
    ("initial place a\nplace b\ntransition t: a -> b in deploy, deploy", [("MAD079", "deploy")]),
    ("initial place a\nplace b, c\ntransition t: a -> b station s\ntransition u: a -> c station s", [("MAD113", "s")]),
    ("initial place a\nplace b\ntransition t: a -> b takes 3s..2s", [("MAD116", "3s..2s")]),
    ('initial place a { run "x" }', [("MAD117", 'run "x"')]),
    ('initial place a { probe run "x"\nprobe run "y" }', [("MAD118", 'probe run "y"')]),
    ('initial place a { probe run "x" -> p }', [("MAD119", "p")]),
    (
        'initial place a\nplace b\nprovide data p: int at b\ntransition t: a -> b { run "x" -> p\nprobe run "x" -> p, q }',
        [("MAD119", "p, q")],
    ),
    # ports
    ("initial place a\nplace b\nuse service u for t, v\ntransition t: a -> b", [("MAD052", "v")]),
    ("initial place a\nplace b\nuse service u for b\ntransition t: a -> b", [("MAD052", "b")]),
    ("initial place a\nplace b\nuse service u during t\ntransition t: a -> b", [("MAD051", "t")]),
    ("initial place a\nplace b\nuse service u during a\ntransition t: a -> b", [("MAD115", "a")]),
    ("initial place a\nplace b\ngroup g = a, b\nuse service u during g\ntransition t: a -> b", [("MAD115", "g")]),
    ("initial place a\nplace b\nuse data u: int during b\ntransition t: a -> b", [("MAD100", "b")]),
    ("initial place a\nplace b\nuse data u for t\ntransition t: a -> b", [("MAD098", "u")]),
    ("initial place a\nprovide service p: int at a", [("MAD098", "int")]),
    ("initial place a\nprovide data p: integer at a", [("MAD062", "integer")]),
    ("initial place a\nplace b\nprovide data p: int at a, b\ntransition t: a -> b", [("MAD099", "a, b")]),
    ("initial place a\ngroup g = a\nprovide data p: int at g", [("MAD099", "g")]),
    ('initial place a\nplace b\nprovide service p at b\ntransition t: a -> b { run "x" -> p }', [("MAD102", "p")]),
    (
        'initial place a\nplace b\nuse data u: int optional for t\ntransition t: a -> b { run "${u}" -> u }',
        [("MAD102", "u")],
    ),
    ('initial place a\nplace b\ntransition t: a -> b { run "x" -> nothing }', [("MAD102", "nothing")]),
    (
        'initial place a\nplace b, c\nprovide data p: int at c\ntransition t: a -> b { run "x" -> p }\ntransition u: b -> c',
        [("MAD101", "p")],
    ),
    # actions
    ('initial place a\nplace b\ntransition t: a -> b { run "${x} ${y}" }', [("MAD061", "${x}"), ("MAD061", "${y}")]),
    ('initial place a\nplace b\ntransition t: a -> b { run "${}" }', [("MAD061", "${}")]),
    (
        'initial place a\nplace b\ntransition t: a -> b { run "${host.rack} ${host.name} ${instance.name} $${HOME}" }',
        [],
    ),
    ('initial place a\nplace b\ntransition t: a -> b { run "x" timeout "5" }', [("MAD088", '"5"')]),
    ('initial place a\nplace b\ntransition t: a -> b { run "x" timeout }', [("MAD088", "timeout")]),
    ('initial place a\nplace b\ntransition t: a -> b { run "x" timeout 5s timeout 6s }', [("MAD078", "timeout")]),
    ('initial place a\nplace b\ntransition t: a -> b { run "x" environment { A = 1, A = 2 } }', [("MAD078", "A")]),
    ('initial place a\nplace b\ntransition t: a -> b { rum "x" }', [("MAD065", "rum")]),
    ('initial place a\nplace b\ntransition t: a -> b { consul_kv "x" timeout "as it likes" }', []),
    # joins
    (
        "initial place a\nplace b, c\ntransition t: a -> b\nbehavior x { transition u: b -> c\ntransition v: a -> c }",
        [("MAD114", "u")],
    ),
    (
        "initial place a\nplace b, c, d\n"
        "transition t: a -> b\ntransition u: a -> c\ntransition v: b -> d\ntransition w: c -> d",
        [],
    ),
]


@pytest.mark.parametrize(
    ("body", "expected"), COMPONENTS, ids=lambda value: None if isinstance(value, list) else value[:60]
)
def test_a_fault_of_a_component_is_underlined(body: str, expected: list[tuple[str, str]]) -> None:
    assert faults(_component(body)) == expected


ASSEMBLIES = [
    ("w: Wep", [("MAD050", "Wep")]),
    ("w: Web(prot = 1)", [("MAD059", "prot")]),
    ("w: Web(port = 1, port = 2)", [("MAD078", "port")]),
    ("w: Web(port = 1.5)", [("MAD085", "1.5")]),
    ("w: Web(port = true)", [("MAD085", "true")]),
    ("w: Web(port = x)", [("MAD060", "x")]),
    ("w: Web\nw: Web", [("MAD074", "w")]),
    ("w: Web\nw[1]: Web", [("MAD074", "w")]),
    ("w[1..3]: Web\nw[3]: Web", [("MAD074", "w")]),
    ("for i in 1..2 { w: Web }", [("MAD074", "w")]),
    ("w[3..1]: Web", [("MAD122", "3..1")]),
    ("for i in 3..1 { w[i]: Web }", [("MAD122", "3..1")]),
    ("for i in 1..2 { for k in 2..i { w[k]: Web } }", []),
    ("w[1..10000000000]: Web", [("MAD123", "1..10000000000")]),
    ("for i in 1..10000000000 { w[i]: Web }", [("MAD123", "1..10000000000")]),
    ("w[1..3]: Web on h[1..2]", [("MAD124", "h[1..2]")]),
    ("w[1]: Web on h[1..2]", [("MAD124", "h[1..2]")]),
    ("w[0 - 1]: Web", [("MAD125", "0 - 1")]),
    ('w["a"]: Web', [("MAD087", '"a"')]),
    ("w: Web(port = 1000000000 * 1000000000 * 10)", [("MAD089", "1000000000 * 1000000000 * 10")]),
    ('w: Web(port = 1 + "a")', [("MAD087", '"a"')]),
    ("w: Web\nc: Client\nconnect c.web to w.htp", [("MAD054", "htp")]),
    ("w: Web\nc: Client\nconnect c.wep to w.http", [("MAD054", "wep")]),
    ("w: Web\nc: Client\nconnect c.web to v.http", [("MAD055", "v")]),
    ("w[1..2]: Web\nc: Client\nconnect c.web to w[3].http", [("MAD055", "w[3]")]),
    ("w: Web\nc: Client\nconnect w.http to c.web", [("MAD096", "http")]),
    ("w: Web\nc: Client\nconnect c.web to w.url", [("MAD095", "c.web to w.url")]),
    ("w: Web\nc: Client\nconnect c.web to w.http\nconnect c.web to w.http", [("MAD075", "connect c.web to w.http")]),
    ("w[1..2]: Web\nc: Client\nconnect c.address to w.url", [("MAD121", "connect c.address to w.url")]),
    ("for i in 1..2 { for i in 1..2 { w[i]: Web } }", [("MAD074", "w"), ("MAD080", "i")]),
]


@pytest.mark.parametrize(
    ("body", "expected"), ASSEMBLIES, ids=lambda value: None if isinstance(value, list) else value[:60]
)
def test_a_fault_of_an_assembly_is_underlined(body: str, expected: list[tuple[str, str]]) -> None:
    assert sorted(faults(sited(body))) == expected


PROGRAMS = [
    ("add web: Web", [("MAD130", "web")]),
    ("add x: Web\nadd x: Web", [("MAD130", "x")]),
    ("disconnect c.web from web.http\ndelete c\nadd c: Web", []),
    ("delete x", [("MAD055", "x")]),
    ("push x.deploy\nadd x: Web", [("MAD055", "x")]),
    ("disconnect c.web from web.http\ndelete c\npush c.deploy\nwait c", [("MAD131", "c"), ("MAD131", "c")]),
    ("delete c", [("MAD132", "c")]),
    ("delete c\ndisconnect c.web from web.http", [("MAD131", "c"), ("MAD132", "c")]),
    ("connect c.web to web.http", [("MAD075", "connect c.web to web.http")]),
    ("connect c.address to web.url\nconnect c.address to web.url", [("MAD075", "connect c.address to web.url")]),
    (
        "add w2: Web\nconnect c.address to web.url\nconnect c.address to w2.url",
        [("MAD121", "connect c.address to w2.url")],
    ),
    ("disconnect c.address from web.url", [("MAD133", "disconnect c.address from web.url")]),
    ("push web.stopp", [("MAD053", "stopp")]),
    ("push web.stop on_failure push web.nope", [("MAD053", "nope")]),
    ("push web.stop as s\npush web.deploy as s", [("MAD077", "s")]),
    ("push web.stop as c", [("MAD077", "c")]),
    ("wait nope", [("MAD063", "nope")]),
    ("wait s\npush web.stop as s", [("MAD135", "s")]),
    ("add w2: Web\npush w2.stop", [("MAD134", "stop")]),
    ("add w2: Web\npush w2.deploy\npush w2.stop\npush w2.deploy", []),
    ("push web.stop", []),
    ("for i in 1..3 { add w[i]: Web\npush w[i].deploy as up }\nwait up\nwait w", []),
]


@pytest.mark.parametrize(
    ("body", "expected"), PROGRAMS, ids=lambda value: None if isinstance(value, list) else value[:60]
)
def test_a_fault_of_a_program_is_underlined(body: str, expected: list[tuple[str, str]]) -> None:
    assert sorted(faults(program(body))) == expected


PROPERTIES = [
    ("deployable uo", [("MAD058", "uo")]),
    ("goal up = web.off", [("MAD076", "up")]),
    ("goal x = web.onn", [("MAD064", "onn")]),
    ("goal x = wep.on", [("MAD055", "wep")]),
    ("goal x = w[4].on", [("MAD055", "w[4]")]),
    ("goal x = web.on and (not w.offf or web.http)", [("MAD064", "offf")]),
    ("sequence web.start", [("MAD141", "sequence web.start")]),
    ("sequence web.start, web.strat", [("MAD052", "strat")]),
    ("sequence web.start, w.start", []),
    ("parallelism >= 3s", [("MAD087", "3s")]),
    ("parallelism >= -1", [("MAD146", "-1")]),
    ("parallelism of web, web", [("MAD079", "web")]),
    ("duration up = 3min", [("MAD140", "= 3min")]),
    ("duration up <= 3", [("MAD085", "3")]),
    ("duration up <= -3", [("MAD146", "-3")]),
    ("available web.http off >= 3s", [("MAD140", ">= 3s")]),
    ("available web.url", [("MAD095", "url")]),
    ("available web.htp", [("MAD054", "htp")]),
    ("parametric w.start for up <= 3s", [("MAD145", "w")]),
    ("with failures -1 { terminates }", [("MAD146", "-1")]),
    ("with failures 1s { terminates }", [("MAD087", "1s")]),
    ("with failures 1 { with failures 2 { terminates } }", [("MAD142", "2")]),
]


@pytest.mark.parametrize(
    ("body", "expected"), PROPERTIES, ids=lambda value: None if isinstance(value, list) else value[:60]
)
def test_a_fault_of_a_property_is_underlined(body: str, expected: list[tuple[str, str]]) -> None:
    assert faults(verify(body)) == expected


def test_a_formula_does_not_speak_of_use_ports() -> None:
    assert faults(verify("goal x = c.web", "web: Web\nc: Client\nconnect c.web to web.http")) == [("MAD096", "web")]


FLEETS = [
    ('role r {\n  base a\n  base b\n  version "1"\n}', [("MAD151", "b")]),
    ('role r {\n  base a\n  version "1"\n  version "2"\n}', [("MAD152", '"2"')]),
    ('role r {\n  base a\n  version "1" after "2"\n  version "2" after "1"\n}', [("MAD152", '"1"')]),
    ('role r {\n  base a\n  version "1"\n  version "1"\n}', [("MAD078", '"1"')]),
    ('role r {\n  base a\n  version "1" from host m1\n}', [("MAD153", "host")]),
    ('role r {\n  base a\n  version "1" from package m1 { run "x" }\n}', [("MAD154", 'run "x"')]),
    ('role r {\n  base a\n  version "1" {\n    probe run "x"\n  }\n}', [("MAD155", 'probe run "x"')]),
    ('role r {\n  base a\n  version "1" { run "x" -> y }\n}', [("MAD155", "y")]),
    ('role r {\n  base a\n  version "1" { run "${password}" }\n}', [("MAD061", "${password}")]),
    ('role r {\n  base a\n  version "1" { frobnicate "x" }\n}', [("MAD129", "frobnicate")]),
    ('role r {\n  base a\n  persistent "var"\n  version "1"\n}', [("MAD156", '"var"')]),
    ('role r {\n  base a\n  persistent "/proc/x"\n  version "1"\n}', [("MAD156", '"/proc/x"')]),
    ('role r {\n  base a\n  persistent "/a/../b"\n  version "1"\n}', [("MAD156", '"/a/../b"')]),
    ('role r {\n  base a\n  persistent "/a"\n  persistent "/a/"\n  version "1"\n}', [("MAD079", '"/a/"')]),
    ('role r {\n  base a\n  service "s"\n  service "s"\n  version "1"\n}', [("MAD079", '"s"')]),
    ('role r {\n  base a\n  policy "/a" kepe\n  version "1"\n}', [("MAD157", "kepe")]),
    ('role r {\n  base a\n  lingering edn\n  version "1"\n}', [("MAD159", "edn")]),
    ('role r {\n  base a\n  lingering end\n  lingering end\n  version "1"\n}', [("MAD079", "lingering end")]),
    ('role r {\n  base a\n  policy "a" keep\n  version "1"\n}', [("MAD157", '"a"')]),
    ('role r {\n  base a\n  policy "/a" keep\n  policy "/a" take\n  version "1"\n}', [("MAD079", '"/a"')]),
    ("rollout r of program nope over fleet {\n  soak 30s\n}", [("MAD057", "nope")]),
    ("rollout r of program go over fleet {\n  soak 30\n  soak 30s\n}", [("MAD150", "soak 30"), ("MAD078", "soak")]),
    (
        "rollout r of program go over fleet {\n  failures max 3 per claster\n}",
        [("MAD150", "failures max 3 per claster")],
    ),
    (
        "rollout r of program go over f {\n  failures max 3 per cluster\n  failures max 5%\n  failures max 4 per cluster\n}",
        [("MAD078", "failures")],
    ),
    ("rollout r of program go over fleet {\n  protocol random\n  stages [1, 2]\n}", [("MAD150", "stages")]),
]


@pytest.mark.parametrize(
    ("text", "expected"), FLEETS, ids=lambda value: None if isinstance(value, list) else value[:60]
)
def test_a_fault_of_a_role_or_a_rollout_is_underlined(text: str, expected: list[tuple[str, str]]) -> None:
    assert faults(program("push web.deploy") + text) == expected


NEEDY = CLIENT.replace("any optional", "any").replace("string optional", "string")


def test_an_open_port_is_an_error_and_a_warning_where_a_program_connects_it() -> None:
    text = WEB + NEEDY + "assembly site {\n  w: Web\n  c[1..3]: Client\n  connect c.address to w.url\n}\n"
    (found,) = loaded(text).diagnostics
    assert (found.code, found.is_error, found.notes) == ("MAD120", True, ("nor are 2 more of its like",))
    (found,) = loaded(text + "program go for site {\n  connect c.web to w.http\n}\n").diagnostics
    assert (found.code, found.is_error) == ("MAD120", False)
    assert found.related[-1][1] == "connected here, by a program"


def test_a_statement_with_a_fault_leaves_no_open_port_behind() -> None:
    text = WEB + NEEDY + "assembly site {\n  w: Web\n  c: Client\n  connect c.address to w.url\n"
    assert [code for code, _ in faults(text + "  connect c.wep to w.http\n}\n")] == ["MAD054"]
    assert [code for code, _ in faults(text + "  connect c.web to v.http\n}\n")] == ["MAD055"]
    assert [code for code, _ in faults(text + "  connect c.web to w.url\n}\n")] == ["MAD095"]


def test_a_port_at_an_unknown_place_is_the_only_fault() -> None:
    text = sited("w: Web\nc: Client\nconnect c.address to w.url").replace(
        "data url: string at on", "data url: string at onn"
    )
    assert faults(text) == [("MAD051", "onn")]


def test_what_other_programs_may_have_changed_is_not_reported() -> None:
    text = program("add x: Web") + "program then for site {\n  push x.deploy\n  add web: Web\n  delete x\n}\n"
    assert faults(text + "program before for site {\n  delete web\n}\n") == [("MAD132", "web")]


def test_all_faults_of_a_file_are_reported_at_once() -> None:
    text = (
        "component A {\n  initial place a\n  transition t: a -> x\n}\n"
        "component B {\n  place b\n}\n"
        "assembly s {\n  a: A\n  c: C\n  connect a.x to c.y\n}\n"
        "program p for t {\n}\n"
        "verify s {\n  deployable up\n}\n"
    )
    assert [code for code, _ in faults(text)] == ["MAD051", "MAD110", "MAD050", "MAD054", "MAD056", "MAD058"]


@pytest.mark.parametrize(
    "text",
    [
        "component A {\n  initial place a\n  place b\n  transition t: a -> \n  use service u optional for t\n}\n",
        "component A {\n  initial place\n  transition t: a -> b\n}\n",
        "component {\n  initial place a\n}\nassembly s {\n  a: A\n}\n",
        "assembly s {\n  a: on\n  connect a.x to a.y\n}\n",
        'import "gone.madeus"\nassembly s {\n  a: Elsewhere\n}\nverify t {\n  terminates\n}\n',
        "component A(x: nope) {\n  initial place a\n}\nassembly s {\n  a: A(x = 1)\n}\n",
    ],
)
def test_a_broken_declaration_has_no_follow_up_faults(text: str) -> None:
    found = loaded(text).diagnostics
    assert len([d for d in found if d.is_error]) == 1


def test_a_misspelt_name_comes_with_what_was_meant_and_a_fix() -> None:
    found = loaded(sited("w: Wep")).diagnostics[0]
    assert found.help == "did you mean `Web`?"
    assert found.fix is not None
    assert [edit.text for edit in found.fix.edits] == ["Web"]


def test_a_duplicate_points_to_the_first_one() -> None:
    found = loaded(sited("w: Web\nw: Web"))
    (span, words), *rest = found.diagnostics[0].related
    text = next(iter(found.files.values()))
    assert rest == []
    assert words == "first made here"
    assert text[span.start : span.end] == "w"


def test_warnings_do_not_prevent_a_model() -> None:
    found = loaded("secret s\n" + WEB)
    assert [d.code for d in found.diagnostics] == ["MAD082"]
    assert found.model is not None
    assert found.ok


def test_both_component_types_of_these_tests_are_sound() -> None:
    assert faults(WEB + CLIENT) == []
