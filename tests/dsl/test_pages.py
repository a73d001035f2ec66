"""Every code has a page whose wrong example gives that diagnostic alone, and whose mended example gives none."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeus.diagnostics import CODES, Page
from madeus.dsl import load


def _written(page: Page, text: str, folder: Path) -> Path:
    path = folder / "example.madeus"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    for name, content in page.beside:
        (folder / name).write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("page", [p for p in CODES.values() if not p.by_checker], ids=lambda page: page.code)
def test_the_wrong_example_of_a_page_gives_that_diagnostic_and_no_other(page: Page, tmp_path: Path) -> None:
    loaded = load(_written(page, page.wrong, tmp_path), settings=dict(page.settings))
    codes = {diagnostic.code for diagnostic in loaded.diagnostics}
    if page.code == "MAD028":
        codes.discard("MAD010")  # too many faults: there have to be others before
    assert codes == {page.code}
    assert (loaded.model is None) == any(diagnostic.is_error for diagnostic in loaded.diagnostics)


@pytest.mark.parametrize("page", CODES.values(), ids=lambda page: page.code)
def test_the_mended_example_of_a_page_gives_no_diagnostic(page: Page, tmp_path: Path) -> None:
    loaded = load(_written(page, page.mended, tmp_path))
    assert loaded.diagnostics == ()
    assert loaded.model is not None
