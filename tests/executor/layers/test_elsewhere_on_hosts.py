"""Two state stores that drive the layers of one test host, by the commands that people type."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.testbed import Testbed
from tests.executor.layers.controller import Controller

pytestmark = pytest.mark.hosts

ROLE = """
role shop {
  base debian12
  version "1" { run "echo 1 > /etc/shop" }
}

component Site {
  initial place off
  place written
  transition write: off -> written { run "echo second > /etc/second" }
}

assembly site {
  site: Site on e1 in layer
}
"""


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    with Testbed.up(["e1"], tmp_path_factory.mktemp("layers") / "bed", name="elsewhere", layers=True) as up:
        yield up


@pytest.fixture(scope="module")
def stores(bed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> list[Controller]:
    def store(folder: Path) -> Controller:
        (folder / "site.madeus").write_text(ROLE)
        return Controller(folder, bed.files.inventory)

    return [store(tmp_path_factory.mktemp(name)) for name in ("first", "second")]


def test_a_stack_of_another_store_is_left_alone_until_it_is_adopted(stores: list[Controller]) -> None:
    first, second = stores
    first("role", "define", "site.madeus")
    first("role", "assign", "shop", "e1")
    first("role", "reprovision", "shop", "e1")
    first.inside("e1", "echo first > /etc/first")

    told = second("run", "site.madeus", "--progress", "none", code=1)
    assert "e1: assign spare: the host has another stack than this state store knows" in told
    assert "known here:  empty" in told and "madeus host adopt e1" in told
    assert first.inside("e1", "cat /etc/shop /etc/first") == "1\nfirst\n"
    assert "e1 is up" in first("host", "watch", "--once")

    second("host", "adopt", "e1")
    second("run", "site.madeus", "--progress", "none")
    assert first.inside("e1", "cat /etc/second /etc/first") == "second\nfirst\n"

    for words in (("rollback", "e1"), ("role", "package", "shop", "2", "e1"), ("role", "reprovision", "shop", "e1")):
        assert "the host has another stack than this state store knows" in first(*words, code=1)
    assert first.inside("e1", "cat /etc/second /etc/first") == "second\nfirst\n"

    told = first("host", "adopt", "e1")
    assert told.startswith("e1: adopt e1-")
    assert first.inside("e1", "cat /etc/second") == "second\n"
    first("rollback", "e1")
    assert first.inside("e1", "cat /etc/shop /etc/first; test ! -e /etc/second") == "1\nfirst\n"
    first("layers", "gc")
    first("rollback", "e1")
    assert first.inside("e1", "cat /etc/second /etc/first") == "second\nfirst\n"

    assert "the host has another stack" in second("rollback", "e1", code=1)
    assert "nothing to take over" in first("host", "adopt", "e1", code=2)
