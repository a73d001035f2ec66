"""The one register of diagnostic codes: what `madeus explain`, the documentation and the tests read.

A code is never given another meaning; a code that is no longer used keeps its page. To add codes write a module in
`madeus/diagnostics/pages/` with a tuple `PAGES` and name it below. The numbers:

    MAD001 to MAD009  files                     pages/files.py
    MAD010 to MAD049  letters and syntax        pages/syntax.py
    MAD050 and up     names, types, structure   the modules that follow
"""

from __future__ import annotations

from types import MappingProxyType

from madeus.diagnostics.page import Page
from madeus.diagnostics.pages import files, syntax

_PARTS = (files.PAGES, syntax.PAGES)


def _register() -> dict[str, Page]:
    pages: dict[str, Page] = {}
    for part in _PARTS:
        for page in part:
            if page.code in pages:
                raise ValueError(f"{page.code} has two pages")
            pages[page.code] = page
    return dict(sorted(pages.items()))


CODES = MappingProxyType(_register())
"""Code to page, in the order of the codes."""


def page(code: str) -> Page | None:
    """The page of a code, written in either case (`mad020`), or `None` when there is no such code."""
    return CODES.get(code.upper())
