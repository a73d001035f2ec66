"""Base layers: the root of the host itself, a directory, or a tar."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from . import archive, copying, tree
from .copying import Copier
from .store import Store
from .trouble import AgentError, refuse, step, told

_EMPTY = ("proc", "sys", "dev", "run", "tmp")
"""Directories of a root that every stack has from its host."""


def seed(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    """Make a base layer, read-only. See the contract in `program`.

    `bind`: the directory itself is the layer, and must not change any more while a stack has it. It cannot hold the store on
    its own file system: overlay refuses layers inside one another. `copy` can, and leaves the store out.
    """
    layer, source = request.get("layer"), request.get("from")
    if not isinstance(layer, str) or not isinstance(source, str) or not source.startswith("/"):
        refuse('`seed` needs "layer" and "from": an absolute path, of a directory or of a tar')
    if not os.path.isdir(source):
        if not os.path.exists(source):
            raise AgentError("failed", f"{source}: there is no such directory or tar to begin with", path=source)
        return {**archive.push(store, request, kind="base"), "how": "tar"}
    real = os.path.realpath(source)
    how = request.get("how") or ("copy" if _holds_store(store, real) else "bind")
    if how not in ("copy", "bind"):
        refuse('"how" is "copy" or "bind"', how=how)
    earlier = store.meta(layer)
    if earlier is not None:
        if earlier.get("from") != real:
            raise AgentError("in-use", f"layer {layer} exists and was not made from {real}", layer=layer, by="itself")
        return {"files": earlier.get("files"), "how": earlier["how"], "made": False}
    meta = {"frozen": True, "kind": "base", "from": real, "how": how}
    if how == "bind":
        if _holds_store(store, real):
            said = f"{real} holds the store of layers on its own file system, and cannot be a layer itself: copy it"
            raise AgentError("failed", said, path=real)
        if real != "/":
            for path in _directories(real):
                tree.refuse_redirect(path, layer, path[len(real) :])
        store.begin(layer)
        store.finish(layer, {**meta, "source": real})
        return {"files": None, "how": how, "made": True}
    fresh = store.begin(layer)
    copier = Copier()
    try:
        _copy(store, real, f"{fresh}/data", layer, copier)
    except (AgentError, OSError) as error:
        store.abandon(layer)
        if isinstance(error, OSError):
            raise told(error, fresh) from error
        raise
    step("seed.filled")
    store.finish(layer, {**meta, "files": copier.files}, everything=True)
    return {"files": copier.files, "how": how, "made": True}


def _holds_store(store: Store, directory: str) -> bool:
    inside = os.path.realpath(store.directory)
    if not f"{inside}/".startswith(f"{directory.rstrip('/')}/"):
        return False
    return os.stat(store.directory).st_dev == os.stat(directory).st_dev


def _directories(top: str) -> Iterator[str]:
    look = [top]
    while look:
        here = look.pop()
        yield here
        with os.scandir(here) as entries:
            look += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]


def _copy(store: Store, source: str, target: str, layer: str, copier: Copier) -> None:
    """Copy one file system: other ones below it, and the store, become empty directories."""
    device = os.lstat(source).st_dev
    left_out = {os.path.realpath(store.directory), *(os.path.join(source, name) for name in _EMPTY)}
    facts = os.lstat(source)
    copier.put(source, facts, target)
    directories = [(facts, target)]
    look = [(source, target)]
    while look:
        here, place = look.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                facts = entry.stat(follow_symlinks=False)
                path = f"{place}/{entry.name}"
                tree.refuse_redirect(entry.path, layer, entry.path)
                copier.put(entry.path, facts, path)
                if entry.is_dir(follow_symlinks=False):
                    directories.append((facts, path))
                    if facts.st_dev == device and entry.path not in left_out:
                        look.append((entry.path, path))
    for facts, path in reversed(directories):
        copying.settle(facts, path)
