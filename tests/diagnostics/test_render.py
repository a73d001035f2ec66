"""What a person sees of a diagnostic."""

from __future__ import annotations

from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from madeus.diagnostics import Edit, Fix, Severity, Span, error, in_order, nearest, warning
from madeus.diagnostics.render import plain, print_diagnostics, summary
from madeus.diagnostics.suggest import distance


def span(text: str, part: str, file: str = "a.madeus") -> Span:
    start = text.index(part)
    end = start + len(part)
    line, last = text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 1
    return Span(file, line, start - text.rfind("\n", 0, start), last, end - text.rfind("\n", 0, end), start, end)


def test_message_place_line_underline_related_notes_and_help() -> None:
    text = "component C {\n  place a\n  place a\n}\n"
    second = Span("a.madeus", 3, 9, 3, 10, 32, 33)
    shown = plain(
        [error("MAD055", "`a` is a place already", second, related=((span(text, "a"), "declared here"),),
               notes=("places have one name",), help="choose\nanother name")],
        {"a.madeus": text.replace("component", "compoaent", 0)},
    )  # fmt: skip
    assert shown == (
        "error[MAD055]: `a` is a place already\n"
        " --> a.madeus:3:9\n"
        "3 |   place a\n"
        "  |         ^\n"
        " --> a.madeus:2:5\n"
        "2 |   place a\n"
        "  |     - declared here\n"
        "  = note: places have one name\n"
        "  = help: choose\n"
        "          another name\n"
        "\n"
    )


def test_wide_characters_and_tabs_are_underlined_where_they_stand() -> None:
    text = "漢字\tx\ty\n"
    lines = plain([error("MAD020", "m", span(text, "y"))], {"a.madeus": text}).splitlines()
    assert lines[2] == "1 | 漢字    x   y"
    assert cell_len(lines[2][: lines[2].index("y")]) == lines[3].index("^")
    lines = plain([error("MAD020", "m", span(text, "字"))], {"a.madeus": text}).splitlines()
    assert lines[3] == "  |   ^^"


def test_a_stretch_of_several_lines_shows_the_first() -> None:
    text = "a {\n b\n}\n"
    lines = plain([error("MAD020", "m", span(text, "{\n b\n}"))], {"a.madeus": text}).splitlines()
    assert lines[2:4] == ["1 | a {", "  |   ^ to line 3"]


def test_an_empty_stretch_and_one_past_the_end_of_the_line_are_shown() -> None:
    for column in (2, 3, 99):
        where = Span("a", 1, column, 1, column, 1, 1)
        assert "^" in plain([error("MAD020", "m", where)], {"a": "ab"})


def test_of_an_overlong_line_the_surroundings_are_shown() -> None:
    text = "x" * 500_000 + "HERE" + "y" * 500_000
    lines = plain([error("MAD020", "m", span(text, "HERE"))], {"a.madeus": text}, width=80).splitlines()
    assert all(cell_len(line) <= 82 for line in lines)
    assert lines[2].index("HERE") == lines[3].index("^^^^")
    assert lines[2].startswith("1 | …") and lines[2].endswith("…")


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = "a \x1b[31m\u202e b\n"
    shown = plain([error("MAD020", "a \x1b[2J b", span(text, "b"))], {"a.madeus": text})
    assert "\x1b" not in shown and "\u202e" not in shown


def test_a_text_that_is_not_known_and_a_missing_span_are_no_obstacle() -> None:
    shown = plain([error("MAD001", "m", None), error("MAD020", "n", Span("b", 1, 1, 1, 2, 0, 1))], {})
    assert shown == "error[MAD001]: m\n\nerror[MAD020]: n\n --> b:1:1\n\n"


def test_colour_is_used_on_a_terminal_and_square_brackets_are_text() -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=80, no_color=False)
    print_diagnostics(console, [warning("MAD060", "`web[red]` x", None)], {})
    assert "\x1b[" in out.getvalue() and "web[red]" in out.getvalue()


def test_counts_are_summed_up() -> None:
    assert summary([error("A", "", None), error("A", "", None), warning("B", "", None)]) == "2 errors, 1 warning"
    assert summary([]) == ""


def test_diagnostics_stand_in_the_order_of_the_text_each_once() -> None:
    late, early = error("A", "m", Span("a", 2, 1, 2, 2, 5, 6)), error("B", "m", Span("a", 1, 1, 1, 2, 0, 1))
    general = error("C", "m", None)
    assert in_order([late, early, late, general]) == (general, early, late)
    assert early.severity is Severity.ERROR and early.is_error and not warning("A", "", None).is_error
    assert Fix("t", (Edit(late.span or early.span, "x"),)).edits  # type: ignore[arg-type] # both have a span


def test_the_nearest_word_is_near() -> None:
    known = ["transition", "place", "provide", "place"]
    assert nearest("transtion", known) == "transition"
    assert nearest("palce", known) == "place"
    assert nearest("Place", known) == "place"
    assert nearest("elephant", known) is None
    assert nearest("", known) is None
    assert nearest("x" * 100, ["x" * 99]) is None


def test_a_swap_a_slip_and_a_gap_are_one_edit_each() -> None:
    assert [distance("ab", other, 3) for other in ("ba", "ac", "a", "abc", "ab", "xyz")] == [1, 1, 1, 1, 0, 3]
    assert distance("abcdef", "uvwxyz", 2) == 3


@given(st.text(max_size=80), st.integers(0, 100), st.integers(0, 100), st.integers(1, 120))
def test_any_text_can_be_shown(text: str, column: int, length: int, width: int) -> None:
    where = Span("a", 1, column + 1, 1, column + length + 1, column, column + length)
    shown = plain([error("MAD020", text, where)], {"a": text}, width)
    assert "\x1b" not in shown
