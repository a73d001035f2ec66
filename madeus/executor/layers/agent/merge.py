"""One layer out of several: what a machine became is packaged, a long chain is made short."""

from __future__ import annotations

import os
from typing import Any

from . import copying, tree
from .copying import Copier
from .listing import matcher
from .store import Store
from .trouble import AgentError, refuse, step, told


def merge(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    """Make the layer `into` hold what the stack `layers` (bottom to top) shows. See the contract in `program`.

    Unless nothing lies below (`bottom`), what the layers hide of lower ones stays hidden: whiteouts and opaque directories are
    kept. Read-only layers' files are linked where that is possible, so that a merge takes little space and time.
    """
    layers, into = request.get("layers"), request.get("into")
    if not isinstance(layers, list) or not layers or not isinstance(into, str):
        refuse('`merge` needs "layers", bottom to top, and "into", the layer to make')
    if into in layers:
        refuse(f"layer {into} cannot be made out of itself", layer=into)
    earlier = store.meta(into)
    if earlier is not None:
        if earlier.get("from") != layers:
            raise AgentError("in-use", f"layer {into} exists and was not made out of these", layer=into, by="itself")
        return {"files": earlier.get("files", 0), "linked": 0, "copied": 0, "made": False}
    sources = [store.data(layer) for layer in layers]
    settled = all(store.known(layer)["frozen"] and "source" not in store.known(layer) for layer in layers)
    copier = Copier(link=settled)
    fresh = store.begin(into)
    try:
        _fill(sources, layers, f"{fresh}/data", copier, request)
    except (AgentError, OSError) as error:
        store.abandon(into)
        if isinstance(error, OSError):
            raise told(error, fresh) from error
        raise
    step("merge.filled")
    kind = str(request.get("kind", "merged"))
    meta = {"frozen": True, "kind": kind, "from": layers, "files": copier.files}
    store.finish(into, meta, everything=copier.copied > 0)
    return {"files": copier.files, "linked": copier.linked, "copied": copier.copied, "made": True}


def _fill(sources: list[str], layers: list[str], target: str, copier: Copier, request: dict[str, Any]) -> None:
    bottom = bool(request.get("bottom"))
    without = matcher(request.get("without") or [])
    root = tree.top(sources)
    directories = [(root, target)]
    copier.put(root.real, root.facts, target)
    look = [(root, target)]
    while look:
        here, place = look.pop()
        for name, entry in sorted(tree.merged(here).items()):
            path = f"{place}/{name}"
            if without(f"/{entry.path}"):
                continue
            if entry.kind == "whiteout":
                if not bottom and not here.sealed:
                    copying.make_whiteout(path)
                    copier.files += 1
                continue
            if entry.kind in ("dir", "file"):
                tree.refuse_redirect(entry.real, layers[entry.layer], f"/{entry.path}")
            copier.put(entry.real, entry.facts, path)
            if entry.kind == "dir":
                if entry.sealed and not here.sealed and not bottom:
                    os.setxattr(path, tree.OPAQUE, b"y")
                look.append((entry, path))
                directories.append((entry, path))
                step("merge.directory")
    for entry, place in reversed(directories):
        copying.settle(entry.facts, place)
