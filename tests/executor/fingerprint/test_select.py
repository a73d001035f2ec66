"""Rules, traces, and which files they take into a fingerprint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeus.executor.fingerprint.rules import WORDS, BadRules, Rules, load_rules, parse_rules
from madeus.executor.fingerprint.select import decide, read_traces


def rules(*lines: str) -> Rules:
    return Rules(tuple(parse_rules("\n".join(lines), "own.rules")))


def survey(**found: Any) -> dict[str, Any]:
    return {"files": {}, "libraries": {}, "links": {}, "traces": [], **found}


def said(path: str, looked: dict[str, Any], *lines: str) -> str:
    return decide(looked, rules(*lines))[path].text


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (
            {"package": "db", "content": "as packaged"},
            "+ a file of the package db; as packaged: its package's version stands for it",
        ),
        ({"package": "db", "content": "changed"}, "+ a file of the package db; by its content"),
        (
            {"package": "db", "content": "changed", "elf": "yes"},
            "+ a file of the package db; by name, version and build",
        ),
        ({"package": "db", "conffile": "as packaged"}, "+ a configuration file of the package db; by its content"),
        ({"package": "db", "link": "/x"}, "+ a file of the package db; by where it leads"),
        (
            {"directory": "/etc/db", "package_of_directory": "db"},
            "+ in /etc/db, a configuration directory of db; by its content",
        ),
    ],
)
def test_files_of_the_package_and_its_directories_belong(fact: dict[str, str], reason: str) -> None:
    assert said("/etc/db/f", survey(files={"/etc/db/f": fact})) == reason


def test_libraries_belong_by_name_version_and_build() -> None:
    looked = survey(libraries={"/lib/libc.so.6": {}})
    assert said("/lib/libc.so.6", looked).endswith("that the application loads; by name, version and build")


def test_the_last_rule_that_matches_decides_and_is_named() -> None:
    looked = survey(files={"/etc/db/f": {"package": "db", "conffile": "changed"}})
    lines = ("exclude /etc/**", "include /etc/db/*")
    assert said("/etc/db/f", looked, *lines) == "+ rule `include /etc/db/*` (own.rules:2); by its content"
    assert said("/etc/db/f", looked, *reversed(lines)) == "- rule `exclude /etc/**` (own.rules:2)"


def traced(*traces: list[tuple[str, bool]]) -> dict[str, Any]:
    return survey(traces=list(traces))


def test_what_every_trace_reads_and_none_writes_belongs() -> None:
    looked = traced([("/a", False), ("/x", False), ("/c", False)], [("/a", False), ("/y", False), ("/c", False)])
    assert said("/a", looked) == "+ read in the start-up prefix that all 2 traces have in common; by its content"
    assert said("/c", looked) == "+ read, never written, in each of 2 traces of the start; by its content"
    assert said("/x", looked) == "- read in 1 of 2 traces of the start only"


def test_what_a_trace_writes_does_not_belong() -> None:
    looked = traced([("/log", True), ("/a", False)], [("/log", False), ("/a", False)])
    reason = "- written in 1 of 2 traces of the start: data, a log or a temporary file"
    assert said("/log", looked) == reason


def test_a_link_is_judged_where_it_leads() -> None:
    looked = traced([("/etc/localtime", False)]) | {"links": {"/etc/localtime": "/zone/UTC"}}
    assert said("/etc/localtime", looked) == "- a link; see /zone/UTC"
    assert said("/zone/UTC", looked).startswith("+ read, never written, in each of 1 trace")


@given(st.lists(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=6), min_size=2, max_size=4))
def test_the_common_prefix_is_read_by_every_trace(traces: list[list[tuple[str, bool]]]) -> None:
    found = read_traces(traces)
    for path in found.prefix:
        assert found.readers[path] == len(traces)
        assert path not in found.writers


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("exlude /x", "own.rules:1: `exlude` is no rule; did you mean `exclude`?"),
        ("exclude", "own.rules:1: `exclude` takes one pattern"),
        ("exclude /a /b", "own.rules:1: `exclude` takes one pattern"),
        ("lens /a", "own.rules:1: `lens` takes a pattern and a lens"),
        ("lens /a MySQL", "own.rules:1: `MySQL` is no lens: write one as MySQL.lns, or - for none"),
        ("include /etc/[ab", "own.rules:1: `/etc/[ab` is no pattern: a `[` without a `]`"),
        ("exclude /etc/[z-a]/*", "own.rules:1: `/etc/[z-a]/*` is no pattern: `[z-a]` is no range"),
        (
            "include etc/mysql/**",
            "own.rules:1: `etc/mysql/**` names no file: begin with / or *, or environment/NAME for a variable",
        ),
        ("lens my.cnf MySQL.lns", "own.rules:1: `my.cnf` names no file: begin with / or *"),
    ],
)
def test_a_line_that_is_no_rule_is_told_with_its_place(line: str, sentence: str) -> None:
    with pytest.raises(BadRules) as raised:
        rules(line)
    assert str(raised.value) == sentence
    assert raised.value.exit_code == 2


def test_rules_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadRules, match="No such file"):
        load_rules("x", [tmp_path / "none.rules"])
    (tmp_path / "bad.rules").write_bytes(b"exclude /\xff")
    with pytest.raises(BadRules, match="is not UTF-8"):
        load_rules("x", [tmp_path / "bad.rules"])


@pytest.mark.parametrize("application", ["mariadb-server", "apache2", "php", "libapache2-mod-php8.2", "anything"])
def test_shipped_rules_are_rules(application: str) -> None:
    found = load_rules(application)
    assert {rule.word for rule in found.rules} <= set(WORDS)
    assert found.deciding("/var/log/x") is not None
    own = ("/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key.pub", "/etc/machine-id", "/etc/shadow")
    assert [getattr(found.deciding(path), "word", "") for path in own] == ["exclude"] * len(own)
    assert found.deciding("/etc/ssh/sshd_config") is None


def test_own_rules_come_after_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "own.rules"
    own.write_text("include /var/log/precious  # on purpose\nlens /etc/mysql/my.cnf -\n")
    found = load_rules("mariadb-server", [own])
    assert found.deciding("/var/log/precious").text == "include /var/log/precious"  # type: ignore[union-attr]  # it is there
    assert found.lens("/etc/mysql/my.cnf") == ""
    assert found.lens("/etc/mysql/conf.d/x.cnf") == "MySQL.lns"
    assert found.dependent("php8.2-mysql")
    assert not found.dependent("php8.2-gd")


def test_an_include_rule_says_where_to_look() -> None:
    found = rules(
        "include /srv/shop/**", "include /etc/a.cnf", "include /a*/b", "include **.ini", "include environment/A"
    )
    assert [where for where, _ in found.included] == ["/srv/shop", "/etc/a.cnf"]
    assert re.fullmatch(found.included[0][1], "/srv/shop/a/b.php")


def test_what_an_include_rule_found_belongs_unless_a_later_rule_leaves_it_out() -> None:
    looked = survey(files={"/srv/shop/a": {"rule": "include"}, "/srv/shop/cache/b": {"rule": "include"}})
    lines = ("include /srv/shop/**", "exclude /srv/shop/cache/**")
    assert said("/srv/shop/a", looked, *lines).startswith("+ rule `include /srv/shop/**` (own.rules:1)")
    assert said("/srv/shop/cache/b", looked, *lines) == "- rule `exclude /srv/shop/cache/**` (own.rules:2)"
    assert said("/srv/shop/cache/b", looked, *reversed(lines)).startswith("+ rule `include /srv/shop/**`")


def test_a_directory_that_cannot_be_looked_into_is_told() -> None:
    looked = survey(files={"/etc/db/secret": {"unlisted": "Permission denied"}})
    reason = "- a directory that cannot be looked into: Permission denied"
    assert said("/etc/db/secret", looked) == said("/etc/db/secret", looked, "include /etc/db/**") == reason
