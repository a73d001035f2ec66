"""Pages are found: every link leads somewhere, every page is in the navigation."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from tests.manual.blocks import ROOT, pages

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _text(page: Path) -> str:
    """A page without its blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    for link in _LINK.findall(_text(page)):
        target, _, anchor = link.partition("#")
        if ":" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in _anchors(path), f"{link}: there is no such heading"
            continue
        assert path.is_file() or page.name == "README.md", f"{link} is a folder"


def test_every_page_of_the_manual_is_in_the_navigation_and_the_other_way_round() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    named = set(re.findall(r"[\w/.-]+\.md", navigation))
    there = {str(page.relative_to(ROOT / "docs")) for page in pages() if page.is_relative_to(ROOT / "docs")}
    assert named == there


def test_no_page_names_the_host_of_a_package_registry() -> None:
    for page in pages():
        assert not re.search(r"pypi\.|pythonhosted|npmjs|crates\.io|docker\.io", page.read_text(encoding="utf-8"))


def test_no_example_hides_from_the_tests_in_an_indented_block() -> None:
    for page in pages():
        lines = _text(page).splitlines()
        hidden = [line for above, line in itertools.pairwise(lines) if not above.strip() and line[:4].isspace()]
        assert not [line for line in hidden if line.strip()], f"{page.name}: fence {hidden}"
