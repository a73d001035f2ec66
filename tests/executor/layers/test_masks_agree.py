"""The agent's walk over real layers finds the masks that the plain definition finds in their listings."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from madeus.executor.layers.agent.listing import masked
from madeus.executor.layers.agent.store import Store
from madeus.executor.layers.api import is_mask
from madeus.layers.mask import find_masks
from tests.executor.layers.trees import Tree, laid, listing, trees

pytestmark = pytest.mark.hosts  # whiteouts are devices: only root makes them


@given(
    old=st.lists(trees, min_size=1, max_size=3),
    new=st.lists(trees, min_size=1, max_size=2),
    below=st.lists(trees, max_size=2),
)
@example(
    old=[{"/a": "1", "/d": "1"}, {"/a": "1", "/d": "dir", "/d/e": "dir"}],
    new=[{"/d": "dir", "/d/e": "dir", "/d/e/z": "1"}],
    below=[],
)
@example(old=[{"/d": "opaque", "/d/e": "dir"}], new=[{"/d": "dir", "/d/e": "dir", "/d/e/z": "1"}], below=[])
@settings(max_examples=100, deadline=None)
def test_the_agent_tells_the_masks_of_the_definition(
    memory: Path, old: list[Tree], new: list[Tree], below: list[Tree]
) -> None:
    expected = {mask.path for mask in find_masks(*([listing(tree) for tree in trees] for trees in (old, new, below)))}
    folder = tempfile.mkdtemp(dir=memory)
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
