"""Text to tree: every form of the language, keywords as names, line ends in actions, positions and doc comments."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from madeus.dsl import syntax as s
from madeus.dsl.parser import SourceText, decode, parse, read

GOLDEN = Path(__file__).parents[1] / "golden" / "language"


def whole(text: str) -> tuple[s.Declaration, ...]:
    parsed = parse(text, "a.madeus")
    assert parsed.diagnostics == ()
    return parsed.module.declarations


def member(text: str) -> s.Member:
    (component,) = whole(f"component C {{ {text} }}")
    assert isinstance(component, s.Component)
    return component.members[0]


def actions(text: str) -> tuple[s.Action | s.Probe | s.Broken, ...]:
    transition = member(f"transition t: a -> b {{ {text} }}")
    assert isinstance(transition, s.Transition)
    return transition.actions


def statement(text: str) -> s.Statement:
    (assembly,) = whole(f"assembly A {{ {text} }}")
    assert isinstance(assembly, s.Assembly)
    return assembly.statements[0]


def instruction(text: str) -> s.Statement:
    (program,) = whole(f"program p for A {{ {text} }}")
    assert isinstance(program, s.Program)
    return program.statements[0]


def question(text: str) -> s.Property:
    (verify,) = whole(f"verify A {{ {text} }}")
    assert isinstance(verify, s.Verify)
    return verify.properties[0]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.madeus")), ids=lambda path: path.stem)
def test_the_language_s_examples_are_read_without_a_fault(path: Path) -> None:
    parsed = parse(path.read_text("utf-8"), path.name)
    assert parsed.diagnostics == ()
    assert not any(isinstance(node, s.Broken) for node in s.walk(parsed.module))


def test_every_kind_of_node_occurs_in_the_example_of_everything() -> None:
    module = parse((GOLDEN / "everything.madeus").read_text("utf-8")).module
    seen = {type(node).__name__ for node in s.walk(module)}
    known = {name for name in s.__all__ if isinstance(getattr(s, name), type)}
    assert known - seen - {"Broken", "Comment"} == set()


def test_an_empty_text_is_an_empty_module() -> None:
    assert whole("") == ()
    assert whole("  // nothing\n\n") == ()


def test_a_span_says_lines_columns_and_offsets() -> None:
    (_, secret) = whole("// é\nsecret a  secret bé\n".replace("bé", "bc"))
    assert isinstance(secret, s.Secret)
    assert secret.name.span == ("a.madeus", 2, 18, 2, 20, 22, 24)
    assert secret.span.place == "a.madeus:2:11"


def test_a_span_goes_from_the_first_to_the_last_token() -> None:
    (component,) = whole("component C {\n  place a\n}")
    assert component.span[1:5] == (1, 1, 3, 2)


def test_doc_comments_stay_with_what_they_precede() -> None:
    component, verify = whole(
        "/// one\n///  two\n// no\ncomponent C(/// no\n a: int,\n /// of b\n b: int) {\n/// p\nplace x /// no\n}\nverify A {}"
    )
    assert isinstance(component, s.Component)
    assert component.doc == "one\n two"
    assert [parameter.doc for parameter in component.parameters] == [None, "of b"]
    assert component.members[0].doc == "p"  # type: ignore[union-attr] # not broken
    assert verify.doc is None  # type: ignore[union-attr] # not broken


def test_positions_and_comments_are_no_part_of_equality() -> None:
    assert parse("secret a").module == parse("\n\n/* x */ secret  a // y").module


def test_keywords_are_names_where_only_a_name_fits() -> None:
    for word in ("place", "transition", "in", "takes", "at", "service", "run", "initial", "component", "all", "true"):
        component = member(f"transition {word}: {word} -> {word} in {word} station {word} takes 1s")
        assert isinstance(component, s.Transition)
        assert component.name.text == component.source.text == component.behaviors[0].text == word


def test_keywords_are_instance_names_where_a_sign_shows_it() -> None:
    for word in ("connect", "for", "push", "wait", "on", "to"):
        made = statement(f"{word}: T on {word}")
        assert isinstance(made, s.Instance) and made.name.text == word
        wired = statement(f"connect {word}.{word} to {word}[1].{word}")
        assert isinstance(wired, s.Connect) and wired.use.element.text == word
    goal = question("goal g = not.x and not not.y")
    assert isinstance(goal, s.Goal) and isinstance(goal.formula, s.And)
    assert isinstance(goal.formula.parts[0], s.Atom) and isinstance(goal.formula.parts[1], s.Not)


def test_keywords_are_free_words_in_actions() -> None:
    (action,) = actions('run "x" from 3 at "y" for to in on connect "z" probe 1s')
    assert isinstance(action, s.Action)
    assert [option.name.text for option in action.options] == [
        "from",
        "at",
        "for",
        "to",
        "in",
        "on",
        "connect",
        "probe",
    ]


def test_names_may_hold_dashes_and_an_arrow_ends_them() -> None:
    transition = member("transition a-b: c--d->e-1")
    assert isinstance(transition, s.Transition)
    assert (transition.name.text, transition.source.text, transition.target.text) == ("a-b", "c--d", "e-1")


def test_two_statements_may_stand_on_one_line() -> None:
    behavior = member("behavior b { transition t: a -> b   transition u: b -> c }")
    assert isinstance(behavior, s.Behavior)
    assert len(behavior.transitions) == 2


def test_a_line_end_or_a_semicolon_ends_an_action() -> None:
    assert len(actions('\n run "a"\n\n script "b"; copy "c" ;\n\n')) == 3
    assert len(actions('run "a" script "b"')) == 1


def test_line_ends_in_brackets_do_not_end_an_action() -> None:
    (action,) = actions('run [\n"a",\n"b"\n] env {\nA = 1,\nB = 2\n}')
    assert isinstance(action, s.Action)
    assert isinstance(action.items[0], s.ListValue) and len(action.items[0].items) == 2


def test_an_action_has_values_options_flags_and_captures() -> None:
    (action,) = actions('service "x" started timeout 5min ${port} true mode 0644 -> ip, name')
    assert isinstance(action, s.Action)
    assert [option.name.text for option in action.options] == ["started", "timeout", "mode"]
    assert action.options[0].value is None
    assert [type(value) for value in action.values] == [s.String, s.Interpolation, s.Boolean]
    assert [name.text for name in action.captures] == ["ip", "name"]
    mode = action.options[2].value
    assert isinstance(mode, s.Number) and mode.value == 0o644


def test_probes_stand_in_transitions_and_places() -> None:
    probe, action = actions('probe run "a"\n probe "b"')
    assert isinstance(probe, s.Probe) and isinstance(action, s.Action)
    places = member('place a { probe run "x" }')
    assert isinstance(places, s.Places) and isinstance(places.body[0], s.Probe)


def test_an_interval_has_two_one_or_no_upper_bound() -> None:
    bounds = []
    for text in ("2s..10s", "5s", "5ms.."):
        transition = member(f"transition t: a -> b takes {text}")
        assert isinstance(transition, s.Transition) and transition.takes is not None
        bounds.append((transition.takes.low.seconds, transition.takes.high and transition.takes.high.seconds))
    assert bounds == [(2, 10), (5, 5), (Fraction(1, 200), None)]


def test_a_use_port_says_its_multiplicity_in_any_order() -> None:
    use = member("use service db optional any for t, u")
    assert isinstance(use, s.Use)
    assert (use.multiplicity, use.optional, use.binding) == ("any", True, "for")


def test_sums_and_products_are_flat_and_parentheses_matter() -> None:
    loop = statement("for i in 1..n * (2 + 3) - -4 + 5 { }")
    assert isinstance(loop, s.For)
    high = loop.range.high
    assert isinstance(high, s.Sum) and isinstance(high.first, s.Product)
    assert [sign for sign, _ in high.rest] == ["-", "+"]
    assert isinstance(high.first.factors[1], s.Sum) and isinstance(high.rest[0][1], s.Negative)


def test_and_binds_tighter_than_or() -> None:
    goal = question("goal g = a.x or b.y and not (c.z or d.w) and e.v")
    assert isinstance(goal, s.Goal) and isinstance(goal.formula, s.Or)
    right = goal.formula.parts[1]
    assert isinstance(right, s.And) and len(right.parts) == 3


def test_a_host_may_be_a_string_and_have_an_index() -> None:
    made = statement('web[1..3]: T on "h.example.org"[2]')
    assert isinstance(made, s.Instance) and isinstance(made.index, s.Range) and made.host is not None
    assert made.host.name.text == "h.example.org" and isinstance(made.host.index, s.Number)


def test_a_push_has_a_label_and_an_answer_to_failure() -> None:
    push = instruction("push c.b as step on_failure push c.back push d.b")
    assert isinstance(push, s.Push) and push.label is not None and push.on_failure is not None
    assert (push.label.text, push.on_failure.element.text) == ("step", "back")


def test_phases_are_parted_by_commas_and_joined_by_and() -> None:
    (verify,) = whole("verify site after install, upgrade and scale {}")
    assert isinstance(verify, s.Verify)
    assert [[name.text for name in phase] for phase in verify.after] == [["install"], ["upgrade", "scale"]]


def _string(raw: str) -> s.String:
    (action,) = actions(f"run {raw}")
    assert isinstance(action, s.Action)
    value = action.items[0]
    assert isinstance(value, s.String)
    return value


def test_a_string_has_escapes_holes_and_doubled_dollars() -> None:
    value = _string(r'"a\"\\\n\t\d ${ host.name } $${HOME} $4 $$"')
    assert value.parts == ('a"\\\n\t\\d ', s.Interpolation("host.name", value.span), " ${HOME} $4 $$")


def test_a_hole_knows_where_it_stands() -> None:
    value = _string('"é ${x}"')
    hole = value.parts[1]
    assert isinstance(hole, s.Interpolation)
    assert hole.span.start_column - value.span.start_column == 3
    text = _string('"""\n  a\n  ${x} ${y}\n"""')
    second = text.parts[3]
    assert isinstance(second, s.Interpolation)
    assert (second.span.start_line, second.span.start_column) == (3, 8)


def test_a_text_in_triple_quotes_loses_its_margin() -> None:
    assert (
        _string('"""\n    if true; then\n\n      echo "x"\n    fi\n    """').value
        == 'if true; then\n\n  echo "x"\nfi\n'
    )
    assert _string('"""\n    a\n  b\n"""').value == "    a\n  b\n"
    assert _string('"""  a\n    b"""').value == "  a\n    b"
    assert _string('"""\n   ${x}\n     ${y}z"""').value == "${x}\n  ${y}z"


def test_line_ends_of_all_systems_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.madeus"
    path.write_bytes(b"\xef\xbb\xbfsecret a\r\nsecret b\rsecret c\n")
    source = read(path, "a.madeus")
    assert isinstance(source, SourceText)
    assert source.text == "secret a\nsecret b\nsecret c\n"
    assert parse(source.text).module == parse("\ufeffsecret a\r\nsecret b\rsecret c\n").module


def test_bytes_that_are_not_utf_8_are_reported_with_their_offset() -> None:
    fault = decode(b"// \xc3\xa9\r\nsecret \xe9", "a")
    assert not isinstance(fault, SourceText)
    assert (fault.code, fault.message) == ("MAD002", "the byte 0xe9 at offset 14 is not UTF-8")
    assert fault.span is not None and fault.span.place == "a:2:8"


def test_files_that_cannot_be_read_are_reported(tmp_path: Path) -> None:
    for path in (tmp_path / "none.madeus", tmp_path, "a\0b"):
        faults = read(path)
        assert isinstance(faults, tuple)
        assert [fault.code for fault in faults] == ["MAD001"]
