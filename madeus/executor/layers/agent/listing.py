"""What layers hold, and what old copy-on-write layers would hide of new ones."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import stat
from collections.abc import Callable, Sequence
from typing import Any

from . import tree
from .store import Store
from .tree import Entry
from .trouble import AgentError, refuse

_READ = 1 << 20
_TOLD = 8
"""Paths in a message."""

_COMPARED = ("mode", "size", "uid", "gid", "sha256", "target")


def digest(path: str) -> str:
    """SHA-256 of a regular file, in hexadecimal."""
    total = hashlib.sha256()
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        while part := os.read(handle, _READ):
            total.update(part)
    finally:
        os.close(handle)
    return total.hexdigest()


def described(entry: Entry, layer: str, hashed: bool) -> dict[str, Any]:
    """An entry as the answer has it."""
    facts = entry.facts
    answer: dict[str, Any] = {
        "kind": entry.kind,
        "mode": stat.S_IMODE(facts.st_mode),
        "size": facts.st_size if entry.kind in ("file", "link") else 0,
        "uid": facts.st_uid,
        "gid": facts.st_gid,
        "layer": layer,
    }
    if entry.kind == "link":
        answer["target"] = os.readlink(entry.real)
    if entry.kind == "dir" and entry.sealed:
        answer["opaque"] = True
    if hashed and entry.kind == "file":
        answer["sha256"] = digest(entry.real)
    return answer


def matcher(patterns: Sequence[str] | None) -> Callable[[str], bool]:
    """Whether an absolute path fits one of the globs: `*` and `?` stay in a directory, `**` goes through; None: all fit."""
    if patterns is None:
        return lambda path: True
    compiled = [_glob(pattern) for pattern in patterns]
    return lambda path: any(each.fullmatch(path) for each in compiled)


def _glob(pattern: str) -> re.Pattern[str]:
    text = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", pattern):
        if part == "**/":
            text += "(?:.*/)?"
        elif part == "**":
            text += ".*"
        elif part == "*":
            text += "[^/]*"
        elif part == "?":
            text += "[^/]"
        elif part.startswith("[") and part.endswith("]") and len(part) > 2:
            text += fnmatch.translate(part)[4:-3]
        else:
            text += re.escape(part)
    return re.compile(text, re.DOTALL)


def listing(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    """What the layers of the request hold, merged: path (from `/`) to its description. See the contract in `program`."""
    layers = _layers(request, "layers", least=1)
    fits = matcher(request.get("paths"))
    hashed = bool(request.get("hash"))
    entries = {}
    for entry in tree.walk(tree.top([store.data(layer) for layer in layers])):
        path = f"/{entry.path}"
        if fits(path):
            entries[path] = described(entry, layers[entry.layer], hashed)
    return {"entries": entries}


def masked(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    """What of the layers `new` the layers `old` would hide when they stay on top. Only what both have is compared.

    Directories hide nothing by being there twice. A deletion hides, and so does an opaque directory: for it every path of `new`
    below that `old` has not is told.
    """
    old, new, below = (_layers(request, name, least) for name, least in (("old", 1), ("new", 1), ("below", 0)))
    mine, theirs, base = ([store.data(layer) for layer in layers] for layers in (old, new, below))
    found: list[dict[str, Any]] = []
    _compare(tree.top(mine), tree.top(theirs), tree.top(base) if base else None, found)
    found.sort(key=lambda each: str(each["path"]))
    return {"masked": found}


def compare(store: Store, masks: dict[str, Any]) -> None:
    """See that what is masked is what was decided about. `seen`: path to the machine's side of it, or None when it is kept.

    Raises AgentError `changed`.
    """
    seen = masks.get("seen")
    if not isinstance(seen, dict):
        refuse('"masks" needs "seen", what was decided about')
    changed = []
    for row in masked(store, masks)["masked"]:
        nothing = row["mine"] in (None, "whiteout")
        if row["same"] or (nothing and row["theirs"] == "whiteout"):
            continue
        kind = row["mine"] if row["mine"] in ("file", "dir", "link") else "other"
        content = row.get("mine_sha256") or row.get("mine_target") or ""
        side = [] if nothing else [kind, *(row.get(f"mine_{name}", 0) for name in ("mode", "uid", "gid")), content]
        if row["path"] not in seen or seen[row["path"]] not in (None, side):
            changed.append(row["path"])
    if changed:
        more = f" and {len(changed) - _TOLD} more" if len(changed) > _TOLD else ""
        said = f"changed since it was decided what is shown of them: {', '.join(changed[:_TOLD])}{more}"
        raise AgentError("changed", said, paths=changed)


def _compare(mine: Entry, theirs: Entry, base: Entry | None, found: list[dict[str, Any]]) -> None:
    """Walk both trees side by side, only where both go on; `base` goes along where it can."""
    look: list[tuple[Entry, Entry, Entry | None]] = [(mine, theirs, base)]
    while look:
        upper, lower, origin = look.pop()
        uppers, lowers = tree.merged(upper), tree.merged(lower)
        origins = tree.merged(origin) if origin is not None and origin.kind == "dir" else {}
        for name, their in lowers.items():
            my, common = uppers.get(name), origins.get(name)
            if my is None:
                if upper.sealed:
                    _hidden(None, their, common, found)
            elif my.kind == "dir" and their.kind == "dir":
                if my.sealed or not _same_directory(my, their):
                    _directory(my, their, common, found)
                look.append((my, their, common))
            else:
                _hidden(my, their, common, found)


def _same_directory(mine: Entry, theirs: Entry) -> bool:
    a, b = mine.facts, theirs.facts
    return (a.st_mode, a.st_uid, a.st_gid) == (b.st_mode, b.st_uid, b.st_gid)


def _directory(mine: Entry, theirs: Entry, base: Entry | None, found: list[dict[str, Any]]) -> None:
    """A directory whose owner or mode differ: the upper one's count. Nothing to decide where the new layer changes neither."""
    if base is not None and base.kind == "dir" and _same_directory(base, theirs):
        return
    if not _same_directory(mine, theirs):
        found.append(_row(mine, theirs, base, same=False))


def _hidden(mine: Entry | None, theirs: Entry, base: Entry | None, found: list[dict[str, Any]]) -> None:
    if mine is not None and mine.kind == "whiteout" and theirs.kind == "whiteout":
        return
    row = _row(mine, theirs, base, same=mine is not None and _same(mine, theirs))
    found.append(row)
    if theirs.kind == "dir":
        origins = tree.merged(base) if base is not None and base.kind == "dir" else {}
        for name, each in tree.merged(theirs).items():
            _hidden(None, each, origins.get(name), found)


def _row(mine: Entry | None, theirs: Entry, base: Entry | None, same: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "path": f"/{theirs.path}",
        "mine": None if mine is None else mine.kind,
        "theirs": theirs.kind,
        "base": None if base is None else base.kind,
        "same": same,
    }
    for side, entry in (("mine", mine), ("theirs", theirs), ("base", base)):
        if not same and entry is not None and entry.kind != "whiteout":
            row |= {f"{side}_{name}": value for name, value in described(entry, "", True).items() if name in _COMPARED}
    return row


def _same(mine: Entry, theirs: Entry) -> bool:
    """Whether hiding `theirs` behind `mine` changes nothing. Contents are read only when all else is equal."""
    a, b = mine.facts, theirs.facts
    if mine.kind != theirs.kind or (a.st_mode, a.st_uid, a.st_gid) != (b.st_mode, b.st_uid, b.st_gid):
        return False
    if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino):
        return True
    if mine.kind == "file":
        return a.st_size == b.st_size and _equal(mine.real, theirs.real)
    if mine.kind == "link":
        return os.readlink(mine.real) == os.readlink(theirs.real)
    return a.st_rdev == b.st_rdev


def _equal(one: str, other: str) -> bool:
    with open(one, "rb") as left, open(other, "rb") as right:
        while True:
            part = left.read(_READ)
            if part != right.read(_READ):
                return False
            if not part:
                return True


def sizes(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    """Of each layer: entries, bytes of its files, bytes on the disk (a file with several names counts once)."""
    answer = {}
    for layer in _layers(request, "layers", least=0):
        files = total = disk = 0
        seen: set[tuple[int, int]] = set()
        look = [store.data(layer)]
        while look:
            with os.scandir(look.pop()) as entries:
                for entry in entries:
                    facts = entry.stat(follow_symlinks=False)
                    files += 1
                    if entry.is_dir(follow_symlinks=False):
                        look.append(entry.path)
                    if (facts.st_dev, facts.st_ino) in seen:
                        continue
                    if facts.st_nlink > 1:
                        seen.add((facts.st_dev, facts.st_ino))
                    disk += facts.st_blocks * 512
                    total += facts.st_size if stat.S_ISREG(facts.st_mode) else 0
        answer[layer] = {"files": files, "bytes": total, "disk": disk}
    return {"sizes": answer}


def _layers(request: dict[str, Any], name: str, least: int) -> list[str]:
    layers = request.get(name)
    if layers is None and least == 0:
        return []
    if not isinstance(layers, list) or len(layers) < least:
        refuse(f'"{name}" is a list of layers, bottom to top')
    if len(set(layers)) != len(layers):
        raise AgentError("bad-request", f'a layer stands twice in "{name}"', layers=layers)
    return layers
