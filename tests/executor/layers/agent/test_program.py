"""The program as a text: what hosts' Pythons must be able to read, and the parts that need no root."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from madeus.executor.layers.agent import bundle as bundled
from madeus.executor.layers.agent.listing import matcher
from madeus.executor.layers.agent.mounts import Mounted
from madeus.executor.layers.agent.resolve import merge_lines, merge_stanzas

MODULES = sorted(path for path in Path(bundled.__file__).parent.glob("*.py") if path.name != "bundle.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_module_is_read_by_python_3_9_and_needs_the_standard_library_alone(path: Path) -> None:
    module = ast.parse(path.read_text(), feature_version=(3, 9))
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            assert all(name.name.split(".")[0] in sys.stdlib_module_names for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1 or (node.module or "").split(".")[0] in sys.stdlib_module_names
        assert not isinstance(node, ast.Match)


def test_the_bundle_is_the_same_each_time_and_named_by_its_contents() -> None:
    one = bundled.bundle()
    assert one == bundled.bundle.__wrapped__()
    assert one.path == f"/var/lib/madeus/layers/agent-{one.sha256[:16]}.py"
    ast.parse(one.content, feature_version=(3, 9))


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/etc/**", "/etc/a/b", True),
        ("/etc/**", "/etcetera", False),
        ("/etc/*", "/etc/a/b", False),
        ("/etc/*.conf", "/etc/a.conf", True),
        ("/etc/?", "/etc/ab", False),
        ("**/*.pyc", "/usr/lib/x.pyc", True),
        ("/a/**/b", "/a/b", True),
        ("/a/**/b", "/a/x/y/b", True),
        ("/a[0-9]", "/a7", True),
        ("/a[0-9]", "/ab", False),
        ("/a+b", "/a+b", True),
    ],
)
def test_globs_stay_in_a_directory_unless_doubled(pattern: str, path: str, fits: bool) -> None:
    assert matcher([pattern])(path) is fits


def test_without_globs_everything_fits_and_an_empty_list_fits_nothing() -> None:
    assert matcher(None)("/x")
    assert not matcher([])("/x")


def test_lines_changed_on_one_side_are_taken_and_on_both_are_a_conflict() -> None:
    base = b"1\n2\n3\n4\n5\n6\n"
    assert merge_lines(b"A\n2\n3\n4\n5\n6\n", base, b"1\n2\n3\n4\n5\nB\n") == (b"A\n2\n3\n4\n5\nB\n", False)
    assert merge_lines(base, base, b"new") == (b"new", False)
    assert merge_lines(b"mine", base, base) == (b"mine", False)
    merged, conflict = merge_lines(b"A\n", b"1\n", b"B\n")
    assert conflict
    assert merged is not None
    assert b"A" in merged
    assert b"B" in merged
    assert merge_lines(b"\0a", b"\0", b"\0b") == (None, True)


def stanza(name: str, version: str) -> bytes:
    return f"Package: {name}\nVersion: {version}\nArchitecture: all\n\n".encode()


def test_the_list_of_packages_is_merged_by_package() -> None:
    base = stanza("a", "1") + stanza("b", "1") + stanza("c", "1")
    mine = stanza("a", "1") + stanza("b", "2") + stanza("own", "1")
    theirs = stanza("a", "3") + stanza("b", "1") + stanza("c", "1") + stanza("fresh", "1")
    merged, conflict = merge_stanzas(mine, base, theirs)
    assert not conflict
    assert merged == stanza("a", "3") + stanza("b", "2") + stanza("fresh", "1") + stanza("own", "1")
    assert merge_stanzas(stanza("a", "2"), stanza("a", "1"), stanza("a", "3")) == (stanza("a", "2"), True)


def test_the_kernels_table_of_mounts_is_read_with_its_escapes() -> None:
    line = "88 66 0:84 / /run/with\\040blank rw - overlay madeus:12 rw,lowerdir=a\n"
    mounted = Mounted(line)
    assert (mounted.id, mounted.parent, mounted.place, mounted.source) == (88, 66, "/run/with blank", "madeus:12")
