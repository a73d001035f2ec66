"""One fault, one report; the rest of the file is read."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.diagnostics import Diagnostic
from madeus.diagnostics.render import plain
from madeus.dsl import syntax as s
from madeus.dsl.format import Unformattable, format
from madeus.dsl.parser import Parsed, parse
from tests.dsl.random_texts import modules

GOLDEN = Path(__file__).parents[1] / "golden" / "language"
_SETTINGS = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
C = "component C {{\n  initial place a\n{}\n  place z\n}}\n"
A = "assembly A {{\n  a: T\n{}\n  z: T\n}}\n"
V = "verify A {{\n{}\n  goal z = a.b\n}}\n"
P = "program p for A {{\n{}\n  wait all\n}}\n"


def only(text: str) -> Diagnostic:
    found = parse(text, "f").diagnostics
    assert len(found) == 1, [(one.code, one.message) for one in found]
    return found[0]


def survives(text: str) -> Parsed:
    """Everything that is asked of any text at all."""
    parsed = parse(text, "f")
    length = len(parsed.source.text)
    for diagnostic in parsed.diagnostics:
        assert diagnostic.span is not None
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= length
        assert diagnostic.span.start_line >= 1 and diagnostic.span.start_column >= 1
    assert plain(parsed.diagnostics[:20], {"f": text}) is not None
    nodes = list(s.walk(parsed.module))
    assert parsed.diagnostics or not any(isinstance(node, s.Broken) for node in nodes)
    if parsed.ok:
        formatted = format(text)
        assert parse(formatted).module == parsed.module
        assert format(formatted) == formatted
    else:
        with pytest.raises(Unformattable):
            format(text)
    return parsed


CASES = [
    # text, code, message, underlined, help
    (C.format("  transition t a -> z"), "MAD024", "`:` is missing after `t`", "a", "write `:` before this"),
    (C.format("  transition t = a -> z"), "MAD024", "expected `:`, found `=`", "=", "write `:` instead"),
    (C.format("  transition t: a z"), "MAD024", "`->` is missing after `a`", "z", "write `->` before this"),
    (C.format("  transition t: a - > z"), "MAD024", "expected `->`, found `- >`", "- >", "write `->` instead"),
    (C.format("  transtion t: a -> z"), "MAD023", "`transtion` is not a keyword", "transtion", "did you mean `transition`?"),
    (C.format("  group g: z"), "MAD024", "expected `=`, found `:`", ":", "write `=` instead"),
    (C.format("  place b;"), "MAD024", "`;` does not belong here", ";", "statements are not separated by signs"),
    (C.format("  place b,"), "MAD025", "expected a place name after `,`, but a new statement begins", "", None),
    (C.format('  place "b"'), "MAD020", "expected a place name, found the string \"b\"", '"b"', "names stand without quotes"),
    (C.format("  place 5"), "MAD020", "expected a place name, found `5`", "5", "names begin with a letter or `_`"),
    (C.format("  connect a.b to c.d"), "MAD029", "`connect` cannot stand in a component", "connect", None),
    (C.format("  transition t: a -> z takes 5"), "MAD020", "expected a duration such as `5s`, found `5`", "5", None),
    (C.format("  transition t: a -> z takes 5m"), "MAD013", "`m` is not a unit", "5m", "write `5min`"),
    (C.format("  transition t: a -> z takes 1s takes 2s"), "MAD027", "`takes` is given a second time", "takes", None),
    (C.format('  transition t: a -> z { run "x }'), "MAD011", "this string does not end on its line", '"', None),
    (C.format('  transition t: a -> z { run "${x" }'), "MAD015", "this interpolation does not end", "${", None),
    (C.format("  transition t: a -> z {\n    run )\n  }"), "MAD022", "nothing is open that this `)` could close", ")", None),
    (C.format("  transition t: a -> z {\n    run x ->\n  }"), "MAD020",
     "expected the name of a data port after `->`, found the end of the line", "", None),
    (A.format("  web T"), "MAD024", "`:` is missing after `web`", "T", None),
    (A.format("  web: T(x = 1"), "MAD021", "this `(` is not closed", "(", "add `)`"),
    (A.format("  web: T(x: 1)"), "MAD024", "expected `=`, found `:`", ":", None),
    (A.format("  connect a.b c.d"), "MAD024", "`to` is missing after `b`", "c", None),
    (A.format("  push a.b"), "MAD029", "`push` cannot stand in an assembly", "push a.b", "`push` belongs into a program"),
    (A.format("  for i in 1..2 {\n    delete a\n  }"), "MAD029", "`delete` cannot stand in an assembly", "delete a", None),
    (P.format("  web: T"), "MAD029", "a program does not declare instances", "web: T", "write `add web: ...`"),
    (V.format("  goal x: a.b"), "MAD024", "expected `=`, found `:`", ":", None),
    (V.format("  goal x = a.b && c.d"), "MAD010", "`&` and 1 more after it have no meaning here", "&&", "write `and`"),
    (V.format("  goal x = (a.b and c.d"), "MAD021", "this `(` is not closed", "(", "add `)`"),
    (V.format("  sequence a.b c.d"), "MAD024", "`,` is missing after `b`", "c", None),
    (V.format("  duration x <="), "MAD025", "expected a value after `<=`, but a new statement begins", "", None),
    ("secret “a”", "MAD010", "`“` has no meaning here", "“", 'write `"`'),
    ("secret märz", "MAD010", "`märz` is not a name", "märz", None),
    ("import x", "MAD020", 'expected a string in `"`, found `x`', "x", 'put quotes around it: `"x"`'),
    ("component C {\n  place a\n", "MAD021", "this `{` is not closed", "{", "add `}`"),
    ("component C {\n  place a\n\nsecret-ish: x\n}\n", "MAD020", None, "secret-ish", None),
    ("component C {\n  place a\n\nassembly B {\n  b: C\n}\n", "MAD021", "this `{` is not closed", "{", "add `}`"),
    ("secret a }\nsecret b", "MAD022", "nothing is open that this `}` could close", "}", "delete it"),
    ("/* never", "MAD012", "this comment does not end", "/*", "close it with `*/`"),
    ("assembly a(n: int = 089) {}", "MAD014", None, "089", None),
    ("assembly a(n: int = 1" + "0" * 30 + ") {}", "MAD014", "this number has too many digits", "1" + "0" * 30, None),
    ("secret a\0", "MAD010", "a NUL character stands in the text", "\0", None),
    ("secret", "MAD020", "expected a secret name after `secret`, found the end of the file", "", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "message", "underlined", "advice"), CASES, ids=[case[0][-40:] for case in CASES]
)
def test_a_fault_is_reported_once_and_says_what_to_do(
    text: str, code: str, message: str | None, underlined: str, advice: str | None
) -> None:
    found = only(text)
    assert found.code == code
    if message is not None:
        assert found.message == message
    assert found.span is not None
    assert text[found.span.start : found.span.end] == underlined
    if advice is not None:
        assert found.help == advice
    survives(text)


def test_statements_around_a_fault_are_read() -> None:
    component = parse(C.format("  place b, = c\n  transition t: a ->")).module.declarations[0]
    assert isinstance(component, s.Component)
    kinds = [type(member).__name__ for member in component.members]
    assert kinds == ["Places", "Places", "Broken", "Broken", "Places"]
    first, second = (member for member in component.members if isinstance(member, s.Broken))
    assert first.declares("c") and not first.declares("a")
    assert second.kind == "transition" and second.declares("t")


def test_a_mended_statement_is_read_as_it_was_meant() -> None:
    good = parse("component C {\n  transition t: a -> b { run x }\n}").module
    for text in ("transtion t: a -> b", "transition t = a -> b", "transition t a -> b", "transition t: a b"):
        parsed = parse(f"component C {{\n  {text} {{ run x }}\n}}")
        assert len(parsed.diagnostics) == 1
        assert parsed.module == good


def test_fixes_mend_the_text() -> None:
    for line in ("transtion t: a -> z", "transition t = a -> z", "transition t a -> z", "place b;"):
        text = C.format(f"  {line}")
        fix = only(text).fix
        assert fix is not None
        for edit in fix.edits:
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        assert parse(text).diagnostics == ()


def test_a_block_with_a_faulty_head_keeps_its_body_and_its_name() -> None:
    component, assembly = parse(
        "component C(x int = ) {\n  place a\n}\nassembly A(((\n{\n  a: C\n}"
    ).module.declarations
    assert isinstance(component, s.Component) and component.broken and component.name.text == "C"
    assert isinstance(component.members[0], s.Places)
    assert isinstance(assembly, s.Assembly | s.Broken)


def test_a_transition_with_a_faulty_head_does_not_spoil_its_actions_or_the_next() -> None:
    parsed = parse(C.format('  transition t ! a => b {\n    run "x"\n    run "y"\n  }\n  transition u: a -> z'))
    component = parsed.module.declarations[0]
    assert isinstance(component, s.Component)
    assert len(parsed.diagnostics) == 1
    assert [type(member).__name__ for member in component.members] == ["Places", "Broken", "Transition", "Places"]


def test_a_faulty_action_does_not_spoil_its_neighbours() -> None:
    parsed = parse(C.format('  transition t: a -> z {\n    run "a"\n    run = "b"\n    run "c"\n  }'))
    transition = parsed.module.declarations[0].members[1]  # type: ignore[union-attr] # a component
    assert isinstance(transition, s.Transition)
    assert [type(action).__name__ for action in transition.actions] == ["Action", "Broken", "Action"]
    assert len(parsed.diagnostics) == 1


def test_a_missing_brace_of_an_action_block_is_found_at_the_next_statement() -> None:
    text = "component C {\n  transition t: a -> b {\n    run x\n  transition u: b -> c { run y }\n  place d\n}\n"
    found = only(text)
    assert (found.code, found.span and found.span.start_line) == ("MAD021", 2)
    assert found.related[0][0].start_line == 4
    component = parse(text).module.declarations[0]
    assert isinstance(component, s.Component) and len(component.members) == 3


def test_fifty_broken_lines_give_fifty_diagnostics() -> None:
    breaks = [
        "transition t{n} a - b",
        "place p{n} = q",
        "transtion t{n}: a -> b",
        "provide data x{n} at",
        "use service s{n} because t",
        "group g{n} a, b",
        "frobnicate {n}",
        "transition t{n}: a -> b takes",
        "behavior = b{n}",
        "connect a.b to c{n}.d",
    ]
    lines = [f"  {breaks[n % 10].format(n=n)}" for n in range(50)]
    parsed = parse("component C {\n" + "\n".join(lines) + "\n}\nsecret last\n")
    assert [diagnostic.span and diagnostic.span.start_line for diagnostic in parsed.diagnostics] == list(range(2, 52))
    assert isinstance(parsed.module.declarations[-1], s.Secret)


def test_fifty_broken_lines_among_sound_ones_give_fifty_diagnostics() -> None:
    lines = []
    for n in range(50):
        lines += [f"  place p{n}", f"  transition t{n}: p{n} -> -> p{n}"]
    parsed = parse("component C {\n" + "\n".join(lines) + "\n}\n")
    assert len(parsed.diagnostics) == 50
    places = [node for node in s.walk(parsed.module) if isinstance(node, s.Places)]
    assert len(places) == 50


def test_after_too_many_faults_the_rest_is_not_read() -> None:
    parsed = parse("component C {\n" + "  place =\n" * 5000 + "}\n")
    assert len(parsed.diagnostics) == 501
    assert parsed.diagnostics[-1].code == "MAD028"


WORDS = [
    *("component", "C", "place", "transition", "a", ":", "->", "{", "}", "(", ")", "[", "]", ",", ".", "=", '"', '"""'),
    *("\n", "//", "/*", "*/", "///", ";", "run", "probe", "5s", "3", "${", "not", "and", "for", "in", "1..2", "with"),
    *("failures", "verify", "connect", "to", "x", "-"),
]
MUTATIONS = ["", "{", "}", "(", ")", "\n", '"', "transition ", ":", "=", " ", ";", "é", "/*"]
_GOOD = [path.read_text("utf-8") for path in sorted(GOLDEN.glob("*.madeus"))]


def test_each_left_out_token_is_at_most_a_few_faults_and_near_its_place() -> None:
    text = _GOOD[1]
    tokens = list(re.finditer(r'"[^"\n]*"|[A-Za-z_][\w-]*|->|\.\.|[{}()\[\]:=,.]', text))
    many = 0
    for token in tokens:
        mutated = text[: token.start()] + text[token.end() :]
        found = survives(mutated).diagnostics
        assert len(found) <= 6, (token.group(), mutated[token.start() - 30 : token.start() + 30])
        many += len(found) > 2
    assert many <= len(tokens) * 0.03


@_SETTINGS
@given(st.text(max_size=300))
def test_any_text_gives_a_tree_or_diagnostics(text: str) -> None:
    survives(text)


@_SETTINGS
@given(st.lists(st.sampled_from(WORDS), max_size=60))
def test_any_words_in_any_order_give_a_tree_or_diagnostics(words: list[str]) -> None:
    survives(" ".join(words))


@_SETTINGS
@given(st.binary(max_size=200))
def test_any_bytes_give_a_text_or_a_diagnostic(data: bytes) -> None:
    survives(data.decode("latin-1"))


@_SETTINGS
@given(modules(), st.randoms(use_true_random=False))
def test_any_mutation_of_a_sound_text_gives_a_tree_or_diagnostics(text: str, random: random.Random) -> None:
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice(MUTATIONS) + text[at + random.randint(0, 3) :]
    survives(text)


DEEP = 10_000
HOSTILE = {
    "parentheses": "verify a { goal x = " + "(" * DEEP + "a.b" + ")" * DEEP + " }",
    "open parentheses": "verify a { goal x = " + "(" * DEEP,
    "lists": "component A(x: list = " + "[" * DEEP + "]" * DEEP + ") {}",
    "maps": "component A { transition t: a -> b { run " + "{ a = " * DEEP + "}" * DEEP + " } }",
    "loops": "assembly a {" + "for i in 1..2 {" * DEEP + "}" * DEEP + "}",
    "failures": "verify a {" + "with failures 1 {" * DEEP,
    "braces": "component A " + "{" * DEEP,
    "negations": "verify a { goal x = " + "not " * DEEP + "a.b }",
    "minus signs": "assembly a(n: int = " + "-" * DEEP + "1) {}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_nesting_without_end_is_a_diagnostic(text: str) -> None:
    codes = {diagnostic.code for diagnostic in survives(text).diagnostics}
    assert codes and codes <= {"MAD026", "MAD020", "MAD021"}


def test_nesting_that_somebody_may_mean_is_read() -> None:
    for depth in (60,):
        text = "verify a { goal x = " + "(" * depth + "a.b" + ")" * depth + " }"
        assert survives(text).diagnostics == ()


LONG = {
    "sum": "assembly a(n: int = 1" + " + 1" * 20_000 + ") {}",
    "conjunction": "verify a { goal x = a.b" + " and a.b" * 20_000 + " }",
    "names": "component A { place " + ", ".join(f"p{n}" for n in range(50_000)) + " }",
    "holes": 'component A { transition t: a -> b { run "' + "${x}" * 20_000 + '" } }',
    "open holes": 'component A { transition t: a -> b { run "' + "${" * 100_000 + '" } }',
    "one name": "secret " + "a" * 1_000_000,
    "one string": 'import "' + "\\\\" * 500_000 + '"',
    "quotes": '"' * 300_001,
    "comments": "/*" * 300_000,
    "closing": "}" * 100_000,
    "digits": "9" * 1_000_000,
    "nothing": "\0" * 1_000_000,
    "dashes": "a" + "-" * 100_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_long_lines_are_read_in_proportionate_time(text: str) -> None:
    survives(text)


@pytest.mark.parametrize("frame", ["{}", "component C {{\n{}}}\n", "verify a {{\n{}}}\n", "program p for a {{\n{}}}\n"])
def test_lines_that_mean_nothing_are_reported_one_by_one(frame: str) -> None:
    text = frame.format("no sense = here\n" * 20)
    assert len(survives(text).diagnostics) == 20


@pytest.mark.parametrize(
    ("text", "found", "keyword"),
    [
        (A.format("  conect a.x to z.y"), "conect", "connect"),
        (A.format("  fro i in 1..2 {\n  }"), "fro", "for"),
        (P.format("  puhs a.b"), "puhs", "push"),
        (P.format("  wiat a"), "wiat", "wait"),
        (P.format("  wiat all"), "wiat", "wait"),
        (P.format("  delte a"), "delte", "delete"),
        (P.format("  ad b: T"), "ad", "add"),
        (P.format("  disconect a.x from b.y"), "disconect", "disconnect"),
        (P.format("  for i in 1..2 {\n    psuh a[i].b\n  }"), "psuh", "push"),
    ],
)
def test_a_misspelt_keyword_where_a_name_may_stand_is_one_report(text: str, found: str, keyword: str) -> None:
    report = only(text)
    assert (report.code, report.message) == ("MAD023", f"`{found}` is not a keyword")
    assert report.help == f"did you mean `{keyword}`?"
    assert report.span is not None and report.span.end - report.span.start == len(found)


def test_an_instance_called_nearly_like_a_keyword_is_no_misspelling() -> None:
    assert not parse(A.format("  wai: T\n  conect[1..2]: T on h"), "f").diagnostics
    assert only(A.format("  conect T")).message == "`:` is missing after `conect`"
