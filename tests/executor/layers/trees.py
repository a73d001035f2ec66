"""Small trees of every shape that a layer can have, laid out as layers of a store."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

from hypothesis import strategies as st

from madeus.executor.layers.agent.store import Store
from madeus.layers.mask import Entry, FileKind

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
    """A tree as the definition of masks has it."""

    def entry(word: str) -> Entry:
        if word in ("dir", "opaque"):
            return Entry(FileKind.DIRECTORY, 0o755, opaque=word == "opaque")
        if word == "gone":
            return Entry(FileKind.WHITEOUT)
        return Entry(FileKind.FILE, 0o644, len(word), sha256(word.encode()).hexdigest())

    return {path: entry(word) for path, word in tree.items()}


def laid(store: Store, name: str, tree: Tree, frozen: bool = False) -> str:
    """A tree as a layer; its name."""
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
    if frozen:
        store.freeze(name)
    return name
