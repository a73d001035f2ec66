"""What runs on a host: chunks, ELF files, traces, packages."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.executor.errors import InputError
from madeus.executor.fingerprint import BadRules, Request, Rules, fingerprint_hosts, load_rules, parse_rules
from madeus.executor.fingerprint.probe import chunks, dpkg, elf, facts, survey, trace
from madeus.executor.inventory import Inventory
from madeus.fleet import item
from madeus.fleet.item import split

debian = pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="there is no dpkg here")


@given(st.binary(max_size=20_000))
def test_chunks_are_all_of_the_content_in_order(data: bytes) -> None:
    cut = chunks.cut(data)
    assert b"".join(cut) == data
    assert all(chunks.SHORTEST < len(chunk) <= chunks.LONGEST for chunk in cut[:-1])


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(0, 29_999), st.binary(min_size=1, max_size=9))
def test_a_change_in_a_file_changes_few_chunks(seed: int, place: int, new: bytes) -> None:
    data = Random(seed).randbytes(30_000)
    before, after = set(chunks.cut(data)), set(chunks.cut(data[:place] + new + data[place:]))
    assert len(after - before) <= 8
    assert len(before) >= 5


def read_all(*paths: Path) -> dict[str, Any]:
    return survey.read({"content": [str(path) for path in paths], "chunks": [], "elf": []})


def test_what_is_no_regular_file_is_told_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    found = read_all(tmp_path / "pipe", tmp_path, tmp_path / "loop", Path("/dev/zero"), tmp_path / "none")
    assert found["unreadable"] == {
        str(tmp_path / "pipe"): "it is no regular file",
        str(tmp_path): "it is no regular file",
        str(tmp_path / "loop"): "Too many levels of symbolic links",
        "/dev/zero": "it is no regular file",
        str(tmp_path / "none"): "No such file or directory",
    }
    assert found["chunks"] == found["content"] == {}


def test_a_file_too_long_to_be_cut_is_one_chunk_and_not_brought_back(tmp_path: Path) -> None:
    data = bytes(chunks.WHOLE + 5)
    (tmp_path / "long").write_bytes(data)
    (tmp_path / "short").write_bytes(b"a = 1\n")
    found = read_all(tmp_path / "long", tmp_path / "short")
    assert list(found["content"]) == [str(tmp_path / "short")]
    assert found["chunks"][str(tmp_path / "long")] == [hashlib.sha256(data).hexdigest()]


def test_an_include_rule_finds_files_below_a_directory_and_follows_no_link(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    (shop / "deep").mkdir(parents=True)
    (shop / "deep" / "a.php").write_text("x")
    (shop / "b.txt").write_text("x")
    (shop / "deep" / "up.php").symlink_to("..")
    (shop / "gone.php").symlink_to("nowhere")
    (shop / "to.php").symlink_to("b.txt")
    files: dict[str, Any] = {}
    for where, pattern in Rules(tuple(parse_rules(f"include {shop}/**.php", "mine"))).included:
        assert not survey._included(where, re.compile(pattern), files)
    assert files == {
        f"{shop}/deep/a.php": {"rule": "include"},
        f"{shop}/deep/up.php": {"rule": "include", "link": ".."},
        f"{shop}/gone.php": {"rule": "include", "link": "nowhere"},
        f"{shop}/to.php": {"rule": "include"},
    }


def test_a_directory_that_cannot_be_listed_is_told_and_one_that_is_not_there_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(place: str) -> object:
        raise PermissionError(13, "Permission denied", place)

    files: dict[str, Any] = {}
    survey._included(str(tmp_path / "none"), re.compile(".*"), files)
    monkeypatch.setattr(os, "scandir", refuses)
    survey._included(str(tmp_path), re.compile("/x"), files)
    assert files == {str(tmp_path): {"unlisted": "Permission denied"}}
    files.clear()
    assert survey._below(str(tmp_path), files) == []
    assert files == {str(tmp_path): {"unlisted": "Permission denied"}}


def test_an_include_rule_for_too_many_files_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "MOST_SEEN", 3)
    for folder in "ab":
        (tmp_path / folder).mkdir()
        for number in range(4):
            (tmp_path / folder / f"{number}").touch()
    files: dict[str, Any] = {}
    assert survey._included(str(tmp_path), re.compile(".*"), files)
    assert len(files) == 4


def test_links_that_lead_to_no_file_count_by_where_they_lead(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "file").touch()
    (tmp_path / "good").symlink_to("file")
    assert [Path(path).name for path in survey._below(str(tmp_path), {})] == ["file", "good", "loop", "self"]
    assert survey._with_link(str(tmp_path / "self"), {}) == {"link": "."}
    assert survey._with_link(str(tmp_path / "loop"), {}) == {"link": "loop"}
    assert survey._with_link(str(tmp_path / "good"), {}) == {}


def test_a_fact_is_the_first_line_of_an_answer_or_how_there_was_none() -> None:
    asked = {"one": "echo a; echo b", "two": "exit 3", "three": "true", "four": "echo $((1 + 1)) >&2"}
    assert facts.ask(asked) == {"one": "a", "two": "exit 3", "three": "nothing", "four": "nothing"}


def test_of_facts_of_one_name_the_last_counts() -> None:
    rules = Rules(tuple(parse_rules("fact db/clean echo 1 # one\nfact db/age echo 2\nfact db/clean echo  3", "mine")))
    assert rules.facts == {"db/clean": "echo 3", "db/age": "echo 2"}
    assert item.fact("db/clean", "yes/no") == "fact/db/clean/yes%2Fno"
    with pytest.raises(BadRules, match="mine:1: `fact` takes a name and a command"):
        list(parse_rules("fact db/clean", "mine"))


def test_an_elf_program_says_what_it_needs() -> None:
    found = elf.read_elf(os.path.realpath(sys.executable))
    assert found is not None
    assert any(name.startswith("libc.so") for name in found.needed)
    assert len(found.build) >= 32


@given(st.binary(max_size=300))
def test_broken_elf_files_are_none(data: bytes) -> None:
    path = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp") / f"madeus-elf-{os.getpid()}"
    path.write_bytes(b"\x7fELF\x02\x01" + data)
    try:
        found = elf.read_elf(str(path))
        assert found is None or isinstance(found.build, str)
    finally:
        path.unlink()


def test_the_libraries_of_a_program_are_found_as_the_loader_finds_them() -> None:
    names = {Path(path).name for path in elf.loaded_by([os.path.realpath("/bin/ls")])}
    assert any(name.startswith(("libc.so", "libc-")) for name in names)


TRACE = """\
100 execve("/bin/sh", ["sh", "-c", "x"], 0x7ffc /* 3 vars */) = 0
100 openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3
100 openat(AT_FDCWD, "/etc/none", O_RDONLY) = -1 ENOENT (No such file or directory)
100 openat(AT_FDCWD, "relative", O_RDONLY) = 3
100 openat(AT_FDCWD, "/etc", O_RDONLY|O_DIRECTORY) = 3
101 openat(AT_FDCWD, "/etc/my.cnf", O_RDONLY <unfinished ...>
100 openat(AT_FDCWD, "/var/log/x", O_WRONLY|O_CREAT|O_APPEND, 0666) = 4
101 <... openat resumed>) = 5
100 openat(AT_FDCWD, "/etc/my.cnf", O_RDONLY) = 5
100 open("/var//data/../data/f", O_RDWR) = 6
100 openat(AT_FDCWD, "/a\\"b", O_RDONLY) = 6
100 --- SIGCHLD {si_signo=SIGCHLD} ---
100 +++ exited with 0 +++
"""


def test_a_trace_is_the_files_that_were_opened_in_order() -> None:
    assert trace.parse(TRACE) == [
        ("/bin/sh", False),
        ("/etc/ld.so.cache", False),
        ("/var/log/x", True),
        ("/etc/my.cnf", False),
        ("/var/data/f", True),
        ('/a"b', False),
    ]


@pytest.mark.skipif(not trace.has_strace(), reason="there is no strace here")
def test_a_traced_start_that_does_not_end_is_ended(tmp_path: Path) -> None:
    (tmp_path / "read").write_text("x")
    command = f"cat {tmp_path}/read; echo y > {tmp_path}/written; sleep 1000 & echo $! > {tmp_path}/pid; wait"
    opened = dict(trace.trace_start(command, 1.0))
    assert opened[f"{tmp_path}/read"] is False
    assert opened[f"{tmp_path}/written"] is True
    status = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/status")
    assert not status.exists() or "State:\tZ" in status.read_text()


@debian
def test_packages_know_what_they_need() -> None:
    packages = dpkg.installed()
    assert "libc6" in dpkg.closure(packages, "bash")
    assert dpkg.own(packages, "bash") == ["bash"]
    assert "/bin/bash" in dpkg.files(packages["bash"]) or "/usr/bin/bash" in dpkg.files(packages["bash"])


@pytest.mark.parametrize(
    ("version", "upstream"), [("1:10.11.6-0+deb12u1", "10.11.6"), ("2:8.2+93", "8.2+93"), ("1.0-rc1-2", "1.0-rc1")]
)
def test_the_upstream_version_has_neither_epoch_nor_revision(version: str, upstream: str) -> None:
    assert dpkg.upstream(version) == upstream


@debian
def test_a_host_is_looked_at_with_nothing_but_its_python() -> None:
    fleet = fingerprint_hosts(Inventory(), ["local"], Request("bash", load_rules("bash")))
    keys = {split(item)[0] for item in fleet.machines["local"].parsed}
    assert {"package/bash", "package/libc6", "library/libc.so.6"} <= keys
    assert fleet.reasons["local"]["/etc/bash.bashrc"].startswith("+ a configuration file of the package bash")
    again = fingerprint_hosts(Inventory(), ["local"], Request("bash", load_rules("bash")))
    assert again == fleet


@debian
def test_a_host_without_the_application_is_told() -> None:
    fleet = fingerprint_hosts(Inventory(), ["local"], Request("no-such-package"))
    assert fleet.machines == {}
    assert fleet.unreachable == {"local": "local: the package no-such-package is not installed"}


def test_no_hosts_are_refused() -> None:
    with pytest.raises(InputError, match="there are no hosts to look at"):
        fingerprint_hosts(Inventory(), [], Request("bash"))


@pytest.mark.parametrize("path", sorted(Path(dpkg.__file__).parent.glob("*.py")), ids=lambda path: path.name)
def test_what_is_sent_to_hosts_is_python_3_9_and_needs_nothing_else(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    outside = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert outside <= {"madeus.executor.fingerprint.probe"}
