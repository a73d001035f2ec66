"""The one register of diagnostic codes: what `madeus explain`, the documentation and the tests read.

A code is never given another meaning; a code that is no longer used keeps its page. To add codes write a module in
`madeus/diagnostics/pages/` with a tuple `PAGES` and name it below. The numbers:

    MAD001 to MAD007  files                        pages/files.py
    MAD008 and MAD009 imports, duration tables     pages/imports.py
    MAD010 to MAD049  letters and syntax           pages/syntax.py
    MAD050 to MAD069  unknown names                pages/names.py
    MAD070 to MAD083  duplicate and unused names   pages/twice.py
    MAD085 to MAD104  values and kinds of ports    pages/types.py
    MAD110 to MAD127  life cycles and assemblies   pages/structure.py
    MAD129 to MAD159  programs, verify, fleets     pages/programs.py
    MAD160 to MAD168  answers of `madeus check`    pages/checks.py
"""

from __future__ import annotations

from types import MappingProxyType

from madeus.diagnostics.page import Page
from madeus.diagnostics.pages import checks, files, imports, names, programs, structure, syntax, twice, types

_PARTS = (
    files.PAGES,
    imports.PAGES,
    syntax.PAGES,
    names.PAGES,
    twice.PAGES,
    types.PAGES,
    structure.PAGES,
    programs.PAGES,
    checks.PAGES,
)


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
