"""The register of codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import madeus
from madeus.diagnostics import CODES, Page, page


def test_codes_are_in_order_and_well_formed() -> None:
    assert list(CODES) == sorted(CODES)
    assert all(re.fullmatch(r"MAD\d{3}", code) and one.code == code for code, one in CODES.items())


@pytest.mark.parametrize("one", CODES.values(), ids=lambda one: one.code)
def test_every_page_explains_itself(one: Page) -> None:
    assert one.title and not one.title.endswith(".")
    assert len(one.text.split()) >= 5
    assert one.wrong != one.mended or one.settings or one.by_checker
    assert one.markdown().startswith(f"# {one.code}: {one.title}\n")


def test_a_page_is_found_in_either_case_and_unknown_ones_are_not() -> None:
    assert page("mad020") is CODES["MAD020"]
    assert page("MAD999") is None


def test_bytes_that_are_no_text_are_shown_as_escapes() -> None:
    assert "caf\\xe9" in CODES["MAD002"].markdown()


def test_every_code_that_the_package_speaks_of_has_a_page() -> None:
    package = Path(madeus.__file__).parent
    spoken = {code for path in package.rglob("*.py") for code in re.findall(r'"(MAD\d{3})"', path.read_text("utf-8"))}
    assert spoken == set(CODES)
