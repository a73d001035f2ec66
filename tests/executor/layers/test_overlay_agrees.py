"""The agent reads layers as the kernel's overlayfs does: lists, copies, merges and masks are held against mounts."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from madeus.executor.layers.agent import copying, merge, mounts, syscalls, tree
from madeus.executor.layers.agent.listing import masked
from madeus.executor.layers.agent.store import Store
from madeus.executor.layers.api import is_mask
from tests.executor.layers.trees import PATHS, Tree, laid, trees

pytestmark = pytest.mark.hosts  # overlays are mounted

Seen = dict[str, str]
"""A text or ``dir`` by path: what can be seen in a directory."""

PLAIN_BELOW = [{"/a": "1", "/d": "1"}, {"/a": "1", "/d": "dir", "/d/e": "dir"}]
"""A directory over a file: overlay looks no further down, although nothing is marked."""

LOWER: Tree = {"/d": "dir", "/d/e": "dir", "/d/e/z": "1", "/d/y": "2"}


@contextmanager
def stored(memory: Path) -> Iterator[Store]:
    folder = tempfile.mkdtemp(dir=memory)
    store = Store(folder, f"{folder}/run")
    for name in ("layers", "shown"):
        Path(folder, name).mkdir()
    try:
        yield store
    finally:
        shutil.rmtree(folder)


def shown(store: Store, layers: Sequence[str]) -> Seen:
    """What the kernel shows of a stack."""
    upper = f"top-{len(list(Path(store.layers).iterdir()))}"
    store.create(upper)
    lowers = [store.data(layer) for layer in reversed(layers)]
    place = f"{store.directory}/shown"
    home = f"{store.layers}/{upper}"
    mounts.overlay(lowers, f"{home}/data", f"{home}/work", "test", place, store.directory)
    try:
        return seen(place)
    finally:
        syscalls.umount(place, 0)


def seen(place: str) -> Seen:
    found = {}
    for path in PATHS:
        try:
            kind = os.lstat(place + path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        found[path] = "dir" if stat.S_ISDIR(kind) else Path(place + path).read_text()
    listed = {f"{above[len(place) :]}/{name}" for above, inner, files in os.walk(place) for name in (*inner, *files)}
    assert (
        found.keys() <= listed <= {*PATHS}
    )  # names of whiteouts in a directory of one layer are listed, and are nothing
    return found


def walked(store: Store, layers: Sequence[str]) -> Seen:
    """What the agent reads of a stack."""
    entries = tree.walk(tree.top([store.data(layer) for layer in layers]))
    return {
        f"/{entry.path}": "dir" if entry.kind == "dir" else Path(entry.real).read_text()
        for entry in entries
        if entry.kind != "whiteout"
    }


@given(stack=st.lists(trees, min_size=1, max_size=4))
@example(stack=[LOWER, *PLAIN_BELOW])
@settings(max_examples=100, deadline=None)
def test_a_walk_and_a_copy_and_a_look_up_find_what_the_kernel_shows(memory: Path, stack: list[Tree]) -> None:
    with stored(memory) as store:
        layers = [laid(store, f"l{number}", each) for number, each in enumerate(stack)]
        expected = shown(store, layers)
        assert walked(store, layers) == expected
        data = [store.data(layer) for layer in layers]
        for path in PATHS:
            found = tree.find(data, path)
            assert (found is not None and found.kind != "whiteout") == (path in expected)
        copying.copy_merged(data, "d", f"{store.directory}/copy")
        within = {
            path[2:]: word for path, word in expected.items() if path.startswith("/d/") and expected["/d"] == "dir"
        }
        copied = {
            f"/{each.relative_to(f'{store.directory}/copy')}" for each in Path(store.directory, "copy").rglob("*")
        }
        assert copied == within.keys()


@given(lower=st.lists(trees, min_size=1, max_size=2), layers=st.lists(trees, min_size=1, max_size=3), upper=trees)
@example(lower=[LOWER], layers=PLAIN_BELOW, upper={})
@example(lower=[LOWER], layers=[{"/d": "opaque", "/d/e": "dir", "/d/x": "gone"}], upper={})
@settings(max_examples=100, deadline=None)
def test_a_merged_layer_shows_and_hides_what_its_layers_did(
    memory: Path, lower: list[Tree], layers: list[Tree], upper: Tree
) -> None:
    with stored(memory) as store:
        below = [laid(store, f"b{number}", each) for number, each in enumerate(lower)]
        parts = [laid(store, f"l{number}", each, frozen=True) for number, each in enumerate(layers)]
        above = laid(store, "above", upper)
        merge.merge(store, {"layers": parts, "into": "merged"})
        assert shown(store, [*below, "merged", above]) == shown(store, [*below, *parts, above])
        assert walked(store, [*below, "merged", above]) == walked(store, [*below, *parts, above])
        merge.merge(store, {"layers": [*below, *parts], "into": "whole", "bottom": True})
        assert shown(store, ["whole"]) == shown(store, [*below, *parts])
        assert seen(store.data("whole")) == shown(store, ["whole"])


@given(
    old=st.lists(trees, min_size=1, max_size=3),
    new=st.lists(trees, min_size=1, max_size=2),
    below=st.lists(trees, max_size=2),
)
@example(old=PLAIN_BELOW, new=[LOWER], below=[])
@settings(max_examples=100, deadline=None)
def test_masked_are_the_files_of_a_new_version_that_the_kernel_does_not_show(
    memory: Path, old: list[Tree], new: list[Tree], below: list[Tree]
) -> None:
    with stored(memory) as store:
        request = {
            side: [laid(store, f"{side}{number}", each) for number, each in enumerate(layers)]
            for side, layers in (("old", old), ("new", new), ("below", below))
        }
        rows = [row for row in masked(store, request)["masked"] if is_mask(row)]
        after = shown(store, [*request["below"], *request["new"], *request["old"]])
        hidden = {path for path, word in shown(store, request["new"]).items() if after.get(path) != word}
        assert {row["path"] for row in rows if row["theirs"] != "whiteout"} == hidden
        assert all(row["path"] in after for row in rows if row["theirs"] == "whiteout")
