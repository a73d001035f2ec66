"""The one layout: same tree, same comments, and nothing left to change the second time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from madeus.dsl.format import Unformattable, format
from madeus.dsl.parser import parse
from tests.dsl.random_texts import modules

GOLDEN = Path(__file__).parents[1] / "golden" / "language"
_FEW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def _comments(text: str) -> list[str]:
    """The words of all comments, without their signs: a `///` may become `//`."""
    return sorted(re.sub(r"^//+", "", comment.text).strip() for comment in parse(text).module.comments)


@_FEW
@given(modules())
def test_formatting_keeps_the_tree_and_the_comments_and_does_it_once(text: str) -> None:
    before = parse(text)
    assert before.diagnostics == ()
    formatted = format(text)
    after = parse(formatted)
    assert after.diagnostics == ()
    assert after.module == before.module
    assert _comments(formatted) == _comments(text)
    assert format(formatted) == formatted


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.madeus")), ids=lambda path: path.stem)
def test_the_language_s_examples_are_written_in_one_layout(path: Path) -> None:
    text = path.read_text("utf-8")
    formatted = format(text)
    assert formatted == path.with_suffix(".formatted").read_text("utf-8")
    assert parse(formatted).module == parse(text).module


def test_a_text_with_errors_is_not_formatted() -> None:
    with pytest.raises(Unformattable) as caught:
        format("component {")
    assert [diagnostic.code for diagnostic in caught.value.diagnostics]


def _one(text: str) -> str:
    formatted = format(text)
    assert format(formatted) == formatted
    return formatted


def test_an_empty_text_stays_empty() -> None:
    assert format("") == ""
    assert format("\n\n  \n") == ""


def test_a_text_of_comments_keeps_them() -> None:
    assert _one("//a\n\n\n\n/* b\n   c */") == "//a\n\n/* b\n   c */\n"


def test_comments_stay_before_and_behind_their_statements() -> None:
    text = "component A{\n// one\nplace a // two\n\n\n// three\nplace b /*four*/ place c}"
    assert _one(text) == (
        "component A {\n  // one\n  place a  // two\n\n  // three\n  place b  /*four*/\n  place c\n}\n"
    )


def test_a_comment_inside_a_statement_moves_before_it() -> None:
    assert _one("component A { place a, // first\n b }") == "component A {\n  // first\n  place a, b\n}\n"


def test_a_misplaced_doc_comment_never_begins_to_document_something() -> None:
    text = "component A\n/// of nothing\n{ place a,\n/// of nothing too\nb }"
    before = parse(text).module
    formatted = _one(text)
    assert parse(formatted).module == before
    assert formatted == "component A {\n  // of nothing\n  // of nothing too\n  place a, b\n}\n"


def test_doc_comments_of_parameters_stay_with_them() -> None:
    text = "component A(/* x */ a: int,\n/// the second\nb: int = 2) {}"
    assert _one(text) == "component A(\n  /* x */\n  a: int,\n  /// the second\n  b: int = 2,\n) {}\n"
    assert parse(_one(text)).module == parse(text).module


def test_neighbours_line_up_until_an_empty_line() -> None:
    text = "assembly s { db: Db on a  web-server: Web(n = 1) on b // c\n\n x: X }"
    assert _one(text) == (
        "assembly s {\n  db:         Db         on a\n  web-server: Web(n = 1) on b  // c\n\n  x: X\n}\n"
    )


def test_a_long_action_gets_lines_of_its_own() -> None:
    long = "x" * 120
    text = f'component A {{ transition t: a -> b {{ run "{long}" }} }}'
    assert _one(text) == f'component A {{\n  transition t: a -> b {{\n    run "{long}"\n  }}\n}}\n'


def test_strings_of_several_lines_are_not_touched() -> None:
    text = 'component A { transition t: a -> b { run """\n one\n   two\n """ } }'
    assert '"""\n one\n   two\n """' in _one(text)


def test_parentheses_stay_where_they_matter_only() -> None:
    text = "verify s { goal g = ((a.x and (b.x and c.x)) or not (d.x or e.x)) and (f.x) }"
    assert _one(text) == ("verify s {\n  goal g = (a.x and (b.x and c.x) or not (d.x or e.x)) and f.x\n}\n")


def test_line_ends_and_the_byte_order_mark_become_plain() -> None:
    assert format("\ufeffsecret a\r\nsecret b\rsecret c") == "secret a\nsecret b\nsecret c\n"
