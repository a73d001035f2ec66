"""Items and how closely they are looked at."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeus.fleet import item
from madeus.fleet.granularity import Grain, GrainRule, Granularity, glob, parse_rule


@given(st.text(), st.text())
def test_a_setting_comes_apart_into_its_key_and_the_hash_of_its_value(name: str, value: str) -> None:
    key, found = item.split(item.setting("/etc/my.cnf", (name,), value))
    assert key == f"/etc/my.cnf/{item.segment(name)}"
    assert found == item.digest(value.encode(errors="surrogatepass") if value else "")


ANY = st.text(st.characters(), min_size=1)


@given(ANY, ANY)
def test_different_names_are_different_segments(one: str, other: str) -> None:
    assert (item.segment(one) == item.segment(other)) == (one == other)
    assert "/" not in item.segment(one)
    item.segment(one).encode()


@pytest.mark.parametrize(
    ("name", "text"), [(b"/etc/caf\xe9", "/etc/caf%E9"), (b"/a\nb/%", "/a%0Ab/%25"), (b"/\xc2\x80", "/%C2%80")]
)
def test_a_path_in_an_item_can_be_printed(name: bytes, text: str) -> None:
    assert item.file(os.fsdecode(name)) == text
    assert item.chunk(os.fsdecode(name), b"x").rpartition("/")[0] == text


@pytest.mark.parametrize("pattern", ["package/[ab", "package/[z-a]*"])
def test_a_pattern_that_means_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no pattern"):
        parse_rule(f"{pattern}=major")


@pytest.mark.parametrize(
    ("grain", "left"),
    [
        (Grain.EXACT, {"library/libc.so.6/2.36/ab", "package/php/2:8.2+93", "/etc/p.ini/mem/ff"}),
        (Grain.MAJOR, {"library/libc.so.6/2", "package/php/8", "/etc/p.ini/mem/ff"}),
        (Grain.PRESENCE, {"library/libc.so.6/", "package/php/", "/etc/p.ini/mem/"}),
        (Grain.IGNORE, set()),
    ],
)
def test_a_grain_leaves_of_an_item_what_it_says(grain: Grain, left: set[str]) -> None:
    items = frozenset({"library/libc.so.6/2.36/ab", "package/php/2:8.2+93", "/etc/p.ini/mem/ff"})
    assert Granularity((GrainRule("**", grain),)).coarsen(items) == left


def test_the_last_rule_that_matches_decides() -> None:
    granularity = Granularity((GrainRule("package/*", Grain.IGNORE), GrainRule("package/php*", Grain.MAJOR)))
    assert granularity.coarsen({"package/php8.2/8.2.1", "package/perl/5.36"}) == {"package/php8.2/8"}


def test_presence_stays_presence_when_it_is_looked_at_again() -> None:
    granularity = Granularity((GrainRule("**", Grain.PRESENCE),))
    once = granularity.coarsen({"package/php/8", "/etc/a/x/00"})
    assert granularity.coarsen(once) == once


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("package/php*", "package/php8.2", True),
        ("/etc/*", "/etc/a/b", False),
        ("/etc/**", "/etc/a/b", True),
        ("**/my.cnf/**", "/etc/mysql/my.cnf/mysqld/port", True),
        ("package/[ab]?", "package/bx", True),
        ("package/[!ab]x", "package/bx", False),
        ("a+b(c", "a+b(c", True),
        ("[z-a]", "[z-a]", True),
    ],
)
def test_a_pattern_matches_whole_keys(pattern: str, key: str, matches: bool) -> None:
    assert bool(glob(pattern).fullmatch(key)) == matches


@given(st.text())
def test_every_text_is_a_pattern(text: str) -> None:
    glob(text)


def test_a_rule_is_a_pattern_and_a_grain() -> None:
    assert parse_rule("/etc/a=b/*=presence") == GrainRule("/etc/a=b/*", Grain.PRESENCE)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("package/*", "`package/\\*` is no rule: write PATTERN=GRAIN"),
        ("a=close", "`close` is no granularity: exact, major, presence, ignore"),
    ],
)
def test_what_is_no_rule_is_told(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_rule(text)
