"""What follows the manual's pages notices when a page is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.manual.blocks import blocks_in, commands_in
from tests.manual.perform import Page
from tests.manual.shown import matches


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    made = Page(tmp_path)
    yield made
    made.shell.close()


def _follow(page: Page, text: str) -> None:
    for block in blocks_in(text, "page.md"):
        page.follow(block)


def test_a_block_has_its_language_its_file_and_the_marks_right_before_it() -> None:
    text = '<!-- hosts -->\n<!-- with a.madeus -->\n\n```madeus title="b.madeus"\nx\n```\nwords\n```sh\ny\n```\n'
    first, second = blocks_in(text, "page.md")
    assert (first.language, first.title, first.text, first.line) == ("madeus", "b.madeus", "x\n", 4)
    assert first.needs_hosts and first.named_by("with") == ["a.madeus"]
    assert (second.language, second.marks) == ("sh", ())


@pytest.mark.parametrize("text", ["```sh\nnever closed\n", "<!-- hopes -->\n```sh\n```\n"])
def test_an_unclosed_block_and_an_unknown_mark_are_errors(text: str) -> None:
    with pytest.raises(ValueError, match=r"page\.md"):
        blocks_in(text, "page.md")


def test_commands_go_on_after_an_angle_bracket() -> None:
    (block,) = blocks_in("```console\n$ cat <<E\n> a\n> E\na\n$ true\n```\n", "page.md")
    assert [(c.text, c.shown) for c in commands_in(block)] == [("cat <<E\na\nE", "a"), ("true", "")]


@pytest.mark.parametrize(
    ("shown", "output", "same"),
    [
        ("a  b", "a b", True),
        ("a b", "ab", False),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a\n...\nd", "a\nd", True),
        ("a\n...\nd", "a\nb", False),
        ("took ... s", "took 3 s", True),
        ("took 1.5 s", "took 2.5 s", False),
        ("run lamp-20260101-000000-abcd done", "run lamp-20271231-101010-ff00 done", True),
        ("run lamp done", "run lump done", False),
        ("", "something", False),
        ("a", "a\nb", False),
    ],
)
def test_an_output_matches_what_is_shown(shown: str, output: str, same: bool) -> None:
    assert matches(shown, output) is same


def test_numbers_with_a_point_may_be_others_where_times_vary() -> None:
    assert matches("took 1.5 s", "took 22.75 s", times_vary=True)
    assert not matches("took 15 s", "took 16 s", times_vary=True)


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ echo a\nb\n```\n",
        "```console\n$ false\n```\n",
        "<!-- fails -->\n```console\n$ true\n```\n",
        "```madeus\nassembly a { x: Nope }\n```\n",
        "<!-- gives MAD050 -->\n```madeus\ncomponent C { initial place p }\n```\n",
        '<!-- an action -->\n```madeus\nrun "true" timeuot 3s\n```\n',
        '<!-- an action -->\n```madeus\nwait_tcp port "many"\n```\n',
        "```toml\n[hosts.a]\nadress = 'b'\n```\n",
        "```python\nassert False\n```\n",
        "```python\n>>> 1 + 1\n3\n```\n",
        "```sh\nmadeus simulate --no-such-option x\n```\n",
        "```sh\nmadeus testbed fly\n```\n",
        "```sh\n./scripts/none\n```\n",
        "```yaml\nscript:\n  - madeus check x --no-such-option\n```\n",
        '```groovy\nsh "madeus fly || true"\n```\n',
        "```cobol\n```\n",
        "```json\n{\n```\n",
    ],
)
def test_a_wrong_page_is_noticed(page: Page, text: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        _follow(page, text)


def test_a_page_keeps_its_files_directory_variables_and_names_from_block_to_block(page: Page) -> None:
    _follow(
        page,
        '```json title="d/a.json"\n[1]\n```\n```console\n$ cd d; x=3\n$ false\n$ echo $?\n1\n```\n'
        "```console\n$ cat a.json; echo $x\n[1]\n3\n```\n```python\na = 1\n```\n```python\n>>> a + 1\n2\n```\n"
        "```sh\nsudo madeus testbed up 3\n```\n",
    )


def test_nothing_that_a_page_started_outlives_it(tmp_path: Path) -> None:
    made = Page(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    _, code = made.shell.type(f"setsid sleep 1000 > {pipe} &")
    assert code == 0
    with pipe.open("rb") as open_while_it_lives:
        made.shell.close()
        assert open_while_it_lives.read() == b""


def test_a_command_that_does_not_end_is_an_error(tmp_path: Path) -> None:
    made = Page(tmp_path)
    made.shell._timeout = 0.3
    with pytest.raises(TimeoutError, match="sleep"):
        made.shell.type("echo before; sleep 1000")
    made.shell.close()
