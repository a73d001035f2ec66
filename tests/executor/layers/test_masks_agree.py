"""The agent's walk over real layers finds the masks that the plain definition finds in their listings."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.executor.layers.agent.listing import masked
from madeus.executor.layers.agent.store import Store
from madeus.executor.layers.api import is_mask
from madeus.layers.mask import Entry, FileKind, find_masks

pytestmark = pytest.mark.hosts  # whiteouts are devices: only root makes them

PATHS = ("/a", "/d", "/d/x", "/d/y", "/d/e", "/d/e/z")
WORDS = ("1", "2", "gone", "dir", "opaque")

Tree = dict[str, str]
"""What stands at each path: a text, ``gone``, ``dir`` or ``opaque``."""


def _sound(tree: Tree) -> Tree:
    """Without what stands below something that is no directory."""
    kept: Tree = {}
    for path in sorted(tree):
        above = [up for up in ("/d", "/d/e") if path.startswith(f"{up}/")]
        if all(kept.get(up, "dir") in ("dir", "opaque") for up in above):
            for up in above:
                kept.setdefault(up, "dir")
            kept[path] = tree[path]
    return kept


trees = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(WORDS)).map(_sound)


def listing(tree: Tree) -> dict[str, Entry]:
    def entry(word: str) -> Entry:
        if word in ("dir", "opaque"):
            return Entry(FileKind.DIRECTORY, 0o755, opaque=word == "opaque")
        if word == "gone":
            return Entry(FileKind.WHITEOUT)
        return Entry(FileKind.FILE, 0o644, len(word), sha256(word.encode()).hexdigest())

    return {path: entry(word) for path, word in tree.items()}


def laid(store: Store, name: str, tree: Tree) -> str:
    store.create(name)
    data = Path(store.data(name))
    for path in sorted(tree):
        place, word = data / path[1:], tree[path]
        if word == "gone":
            os.mknod(place, stat.S_IFCHR, os.makedev(0, 0))
        elif word in ("dir", "opaque"):
            place.mkdir()
            place.chmod(0o755)
            if word == "opaque":
                os.setxattr(place, "trusted.overlay.opaque", b"y")
        else:
            place.write_text(word)
            place.chmod(0o644)
    return name


@given(st.lists(trees, min_size=1, max_size=3), st.lists(trees, min_size=1, max_size=2), st.lists(trees, max_size=2))
@settings(max_examples=100, deadline=None)
def test_the_agent_tells_the_masks_of_the_definition(old: list[Tree], new: list[Tree], below: list[Tree]) -> None:
    expected = {mask.path for mask in find_masks(*([listing(tree) for tree in trees] for trees in (old, new, below)))}
    folder = tempfile.mkdtemp(prefix="madeus-masks-")
    try:
        store = Store(folder, f"{folder}/run")
        Path(store.layers).mkdir(parents=True)
        request = {
            side: [laid(store, f"{side}{number}", tree) for number, tree in enumerate(layers)]
            for side, layers in (("old", old), ("new", new), ("below", below))
        }
        found = {str(row["path"]) for row in masked(store, request)["masked"] if is_mask(row)}
    finally:
        shutil.rmtree(folder)
    assert found == expected
