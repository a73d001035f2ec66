"""Settings of configuration files, and the items they make."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from madeus.executor.fingerprint import augeas as parsers
from madeus.executor.fingerprint.augeas import has_augtool, parse_files, settings
from madeus.executor.fingerprint.build import Parsed, build, lensed, reasons
from madeus.executor.fingerprint.rules import Rules, parse_rules
from madeus.executor.fingerprint.select import decide
from madeus.fleet.item import digest

augeas = pytest.mark.skipif(not has_augtool(), reason="there is no augtool here (Debian: augeas-tools)")

CNF = b"# by hand\n[mysqld]\nport = 3306\nskip-networking\n[client]\nport=1\n!includedir /etc/x/\n"
APACHE = b"Listen 80\nListen 81\n<Directory /srv>\n  Options A B\n  Require all granted\n</Directory>\n"


@augeas
@pytest.mark.parametrize(
    ("lens", "content", "expected"),
    [
        (
            "MySQL.lns",
            CNF,
            [
                (("!includedir",), "/etc/x/"),
                (("client", "port"), "1"),
                (("mysqld", "port"), "3306"),
                (("mysqld", "skip-networking"), ""),
            ],
        ),
        (
            "Httpd.lns",
            APACHE,
            [
                (("Directory /srv", "Options"), "A B"),
                (("Directory /srv", "Require"), "all granted"),
                (("Listen",), "80"),
                (("Listen",), "81"),
            ],
        ),
        ("PHP.lns", b"; c\n[PHP]\nengine = On\n", [(("PHP", "engine"), "On")]),
        ("Shellvars.lns", b'A=1\nexport B="2 3"', [(("A",), "1"), (("B",), '"2 3"')]),
        ("MySQL.lns", b"# nothing but words\n", []),
    ],
)
def test_a_lens_reads_settings(lens: str, content: bytes, expected: list[Any]) -> None:
    assert parse_files([(lens, content)]) == {(lens, content): expected}


@augeas
def test_many_files_are_read_at_once_and_what_no_lens_reads_is_left_out() -> None:
    files = [("MySQL.lns", b"[m]\nport = %d\n" % number) for number in range(12)]
    broken = [("MySQL.lns", b"<<<\n"), ("No.lns", CNF), ("set /x; quit", CNF)]
    found = parse_files([*files, *broken])
    assert set(found) == set(files)
    assert [found[one] for one in files] == [[(("m", "port"), str(number))] for number in range(12)]


def test_nothing_is_read_of_no_files() -> None:
    assert parse_files([]) == {}


def test_positions_and_comments_are_no_settings() -> None:
    tree = [(["a[1]"], "x"), (["a[2]"], "x"), (["#comment[1]"], "words"), (["b", "c[3]"], None)]
    assert settings(tree) == [(("a",), "x"), (("b", "c"), "")]


def looked(**more: Any) -> dict[str, Any]:
    found = {
        "packages": {"db": "1:2.0-1", "libc6": "2.36-9"},
        "own": ["db"],
        "installed": {"db": "1:2.0-1", "libc6": "2.36-9", "php-db": "8.2", "shop": "3"},
        "dependents": ["shop"],
        "files": {
            "/etc/db/db.cnf": {"package": "db", "conffile": "changed"},
            "/etc/db/on": {"package": "db", "link": "../x"},
            "/srv/db/page": {"package": "db", "content": "changed"},
        },
        "libraries": {"/lib/libc.so.6": {"soname": "libc.so.6", "version": "2.36", "build": "ab" * 20}},
        "environment": {"LANG": "C", "SECRET": "s"},
        "facts": {},
        "traces": [],
        "links": {},
        "cut": [],
    }
    return {**found, **more}


RULES = Rules(
    tuple(
        parse_rules("lens **.cnf MySQL.lns\ndependent php*-db\ninclude environment/LANG\nexclude environment/S*", "r")
    )
)


def test_everything_that_was_found_becomes_items() -> None:
    survey = looked()
    decisions = decide(survey, RULES)
    read = {
        "content": {"/etc/db/db.cnf": base64.b64encode(CNF).decode()},
        "chunks": {"/etc/db/db.cnf": ["0" * 64], "/srv/db/page": ["1" * 64, "2" * 64]},
        "elf": {},
        "unreadable": {},
    }
    parsed: Parsed = {("MySQL.lns", CNF): [(("mysqld", "port"), "3306")]}
    found = build("m", survey, decisions, read, parsed, RULES)
    assert found.parsed == {
        "package/db/1:2.0-1",
        "package/libc6/2.36-9",
        "package/php-db/8.2",
        "package/shop/3",
        "library/libc.so.6/2.36/abababababab",
        f"environment/LANG/{digest('C')}",
        f"/etc/db/db.cnf/mysqld/port/{digest('3306')}",
        f"/etc/db/on/link/{digest('../x')}",
    }
    assert found.content == {"/srv/db/page/111111111111", "/srv/db/page/222222222222"}
    assert found.applications == {"php-db", "shop"}
    why = reasons(survey, decisions, read, parsed, RULES)
    assert why["/etc/db/db.cnf"] == "+ a configuration file of the package db; 1 setting by MySQL.lns"
    assert why["/srv/db/page"] == "+ a file of the package db; 2 chunks"


def test_without_a_parser_a_file_is_compared_in_chunks() -> None:
    survey = looked()
    decisions = decide(survey, RULES)
    read = {
        "content": {"/etc/db/db.cnf": base64.b64encode(CNF).decode()},
        "chunks": {"/etc/db/db.cnf": ["0" * 64]},
        "elf": {},
        "unreadable": {"/srv/db/page": "Permission denied"},
    }
    found = build("m", survey, decisions, read, {}, RULES)
    assert found.content == {"/etc/db/db.cnf/000000000000"}
    why = reasons(survey, decisions, read, {}, RULES)
    assert why["/etc/db/db.cnf"].endswith("; 1 chunk (MySQL.lns cannot read it)")
    assert why["/srv/db/page"] == "- a file of the package db; but it cannot be read: Permission denied"


@augeas
def test_a_lens_that_is_missing_or_wrong_takes_no_other_file_with_it() -> None:
    good = ("MySQL.lns", CNF)
    for bad in (("Nope.lns", b"a=1\n"), ("MySQL.nope", b"a=1\n"), ("MySQL.lns", b"[mysqld\n= =\n"), ("Bad lens", b"x")):
        assert list(parse_files([bad, good])) == [good]


@augeas
def test_files_that_break_augtool_or_take_too_long_are_left_out_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    real = parsers._augtool

    def breaks(root: Path, script: str) -> str | None:
        evil = any(b"evil" in path.read_bytes() for path in root.iterdir())
        return None if evil else real(root, script)

    monkeypatch.setattr(parsers, "_augtool", breaks)
    files = [("MySQL.lns", b"[mysqld]\nport=%d\n" % n) for n in range(5)]
    assert set(parse_files([*files[:2], ("MySQL.lns", b"evil"), *files[2:]])) == set(files)


def test_a_file_with_a_nul_is_no_text_for_a_lens() -> None:
    content = {
        "/etc/a.cnf": base64.b64encode(b"\0[mysqld]\nport=1\n").decode(),
        "/etc/b.cnf": base64.b64encode(CNF).decode(),
    }
    assert list(lensed({"content": content}, RULES)) == [("MySQL.lns", CNF)]


def test_names_that_are_no_utf_8_or_end_lines_are_escaped_in_items_and_reasons() -> None:
    paths = {"/etc/db/caf\udce9.cnf": "/etc/db/caf%E9.cnf", "/etc/db/a\nb": "/etc/db/a%0Ab"}
    survey = looked(files={path: {"package": "db", "content": "changed"} for path in paths})
    decisions = decide(survey, RULES)
    read: dict[str, Any] = {"content": {}, "chunks": {path: ["1" * 64] for path in paths}, "elf": {}, "unreadable": {}}
    found = build("m", survey, decisions, read, {}, RULES)
    assert found.content == {f"{path}/111111111111" for path in paths.values()}
    assert set(paths.values()) <= set(reasons(survey, decisions, read, {}, RULES))


def test_a_directory_that_holds_too_many_files_for_a_rule_is_told() -> None:
    survey = looked(cut=["/srv/shop"])
    read: dict[str, Any] = {"content": {}, "chunks": {}, "elf": {}, "unreadable": {}}
    why = reasons(survey, decide(survey, RULES), read, {}, RULES)
    assert why["/srv/shop"] == "- it holds too many files for an `include` rule: only the first were looked at"
