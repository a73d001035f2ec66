"""Everything that the manual and the README show is done, and does what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manual.blocks import ROOT, blocks_of, pages
from tests.manual.perform import Page

NAMES = [str(page.relative_to(ROOT)) for page in pages() if blocks_of(page)]
WITH_HOSTS = [name for name in NAMES if any(block.needs_hosts for block in blocks_of(ROOT / name))]


def _follow(name: str, folder: Path, hosts: bool) -> None:
    page = Page(folder, hosts)
    try:
        for block in blocks_of(ROOT / name):
            if hosts or not block.needs_hosts:
                page.follow(block)
    finally:
        page.shell.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_does_what_it_shows(name: str, tmp_path: Path) -> None:
    _follow(name, tmp_path, hosts=False)


@pytest.mark.hosts
@pytest.mark.parametrize("name", WITH_HOSTS)
def test_a_page_does_what_it_shows_on_test_hosts(name: str, tmp_path: Path) -> None:
    _follow(name, tmp_path, hosts=True)
