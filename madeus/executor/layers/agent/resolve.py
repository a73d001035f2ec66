"""What becomes of files that old copy-on-write layers hide of new ones: kept, taken, or merged three ways.

*Mine* is what the old copy-on-write layers have, *theirs* what the new version has, *base* what the old version had. The
results are laid into the new copy-on-write layer, before it is mounted. Nothing is lost: where a merge has conflicts, mine
stays in place and theirs and the attempt are laid beside it, as `NAME.madeus-theirs` and `NAME.madeus-merged`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import Any

from . import copying, tree
from .copying import Copier
from .store import Store, remove_tree
from .tree import Entry
from .trouble import AgentError, refuse, step

STANZAS = ("/var/lib/dpkg/status", "/var/lib/apt/extended_states")
"""Files of paragraphs that each begin with the package they are about: merged by package."""

Paragraphs = dict[bytes, bytes]


def resolve(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    """Do what was decided for each path. See the contract in `program`."""
    into, decisions = request.get("into"), request.get("decisions")
    if not isinstance(into, str) or not isinstance(decisions, list):
        refuse('`resolve` needs "into", the new copy-on-write layer, and "decisions"')
    if store.known(into)["frozen"]:
        raise AgentError("frozen", f"layer {into} is read-only", layer=into)
    current = store.current()
    if current is not None and current["writable"] == into:
        raise AgentError(
            "in-use", f"layer {into} is mounted already: decide before the switch", layer=into, by="current"
        )
    old, new, below = ([store.data(layer) for layer in request.get(name) or []] for name in ("old", "new", "below"))
    work = _Resolution(store.data(into), old, new, below)
    done = []
    for decision in sorted(decisions, key=lambda each: str(each.get("path"))):
        path, how = decision.get("path"), decision.get("how")
        if not isinstance(path, str) or not path.startswith("/") or ".." in path.split("/"):
            refuse("each decision has an absolute path", path=path)
        if how not in ("keep", "take", "merge"):
            refuse(f'{path}: "how" is "keep", "take" or "merge"', path=path, how=how)
        conflict = getattr(work, how)(path.strip("/"))
        done.append({"path": path, "how": how, "conflict": conflict})
        step("resolve.decided")
    store.settle(into)
    return {"done": done}


class _Resolution:
    """The trees that a decision is about, and the layer that it goes into."""

    def __init__(self, into: str, old: Sequence[str], new: Sequence[str], below: Sequence[str]) -> None:
        self.into = into
        self.old, self.new, self.below = list(old), list(new), list(below)
        self.copier = Copier()

    def keep(self, path: str) -> bool:
        """Mine stays: the old layers go on hiding theirs."""
        self._clear(f"{self.into}/{path}")
        return False

    def take(self, path: str) -> bool:
        """Theirs comes to the top: a deletion as a deletion."""
        theirs = tree.find([*self.below, *self.new], path)
        self._put(path, theirs)
        return False

    def merge(self, path: str) -> bool:
        """What both changed, together; whether they are at odds."""
        mine = tree.find(self.old, path)
        theirs = tree.find([*self.below, *self.new], path)
        base = tree.find(self.below, path)
        if mine is None or theirs is None or mine.kind != "file" or theirs.kind != "file":
            self._beside(path, theirs, None)
            return True
        texts = [_contents(each) for each in (mine, base, theirs)]
        merged, conflict = (merge_stanzas if f"/{path}" in STANZAS else merge_lines)(*texts)
        if conflict:
            self._beside(path, theirs, merged)
            return True
        self._write(path, merged or b"", mine)
        return False

    def _put(self, path: str, entry: Entry | None) -> None:
        target = self._room(path)
        self._clear(target)
        if entry is None or entry.kind == "whiteout":
            copying.make_whiteout(target)
            return
        self.copier.put(entry.real, entry.facts, target)
        if entry.kind == "dir":
            copying.settle(entry.facts, target)

    def _write(self, path: str, contents: bytes, like: Entry) -> None:
        """A regular file that is `like` another in all but its contents."""
        target = self._room(path)
        fresh = f"{os.path.dirname(target)}/.madeus-{os.path.basename(target)}"
        self._clear(fresh)
        with open(fresh, "xb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        self.copier.dress(like.real, like.facts, fresh)
        self._clear(target)
        os.rename(fresh, target)

    def _beside(self, path: str, theirs: Entry | None, merged: bytes | None) -> None:
        self._clear(f"{self.into}/{path}")
        if theirs is not None and theirs.kind == "file":
            self._put(f"{path}.madeus-theirs", theirs)
            if merged is not None:
                self._write(f"{path}.madeus-merged", merged, theirs)

    def _room(self, path: str) -> str:
        """Where `path` is in the layer, with the directories above it, each like the one that the stack shows."""
        parts = path.split("/")
        for number in range(1, len(parts)):
            name = "/".join(parts[:number])
            target = f"{self.into}/{name}"
            if os.path.isdir(target) and not os.path.islink(target):
                continue
            shown = tree.find([*self.below, *self.new, *self.old], name)
            if shown is None or shown.kind != "dir":
                shown = tree.find([*self.below, *self.new], name)
            self._clear(target)
            if shown is None or shown.kind != "dir":
                os.mkdir(target, 0o755)
            else:
                self.copier.put(shown.real, shown.facts, target)
                copying.settle(shown.facts, target)
        return f"{self.into}/{path}"

    def _clear(self, target: str) -> None:
        """Remove what an earlier attempt left."""
        if os.path.isdir(target) and not os.path.islink(target):
            remove_tree(target)
        elif os.path.lexists(target):
            os.unlink(target)


def _contents(entry: Entry | None) -> bytes:
    if entry is None or entry.kind != "file":
        return b""
    with open(entry.real, "rb") as file:
        return file.read()


def merge_lines(mine: bytes, base: bytes, theirs: bytes) -> tuple[bytes | None, bool]:
    """The three-way merge of texts by `diff3 -m`, and whether it has conflicts; None when they are no texts."""
    if mine == theirs or theirs == base:
        return mine, False
    if mine == base:
        return theirs, False
    if any(b"\0" in text for text in (mine, base, theirs)):
        return None, True
    handles = []
    try:
        for name, text in (("mine", mine), ("base", base), ("theirs", theirs)):
            handle = os.memfd_create(name)
            handles.append(handle)
            os.write(handle, text)
        command = ["diff3", "-m", "-L", "mine", "-L", "base", "-L", "theirs"]
        command += [f"/proc/self/fd/{handle}" for handle in handles]
        done = subprocess.run(command, pass_fds=handles, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise AgentError("failed", "diff3 is missing on this host: install diffutils", path="diff3") from error
    finally:
        for handle in handles:
            os.close(handle)
    if done.returncode > 1:
        return None, True
    return done.stdout, done.returncode == 1


def merge_stanzas(mine: bytes, base: bytes, theirs: bytes) -> tuple[bytes | None, bool]:
    """The three-way merge of files of paragraphs, package by package; a package that both changed is a conflict."""
    left, origin, right = (_paragraphs(text) for text in (mine, base, theirs))
    found, conflict = [], False
    for name in [*right, *(each for each in left if each not in right)]:
        a, o, b = left.get(name), origin.get(name), right.get(name)
        if a == b or b == o:
            chosen = a
        elif a == o:
            chosen = b
        else:
            chosen, conflict = a, True
        if chosen is not None:
            found.append(chosen)
    return b"".join(each + b"\n\n" for each in found), conflict


def _paragraphs(text: bytes) -> Paragraphs:
    found = {}
    for paragraph in text.split(b"\n\n"):
        if paragraph.strip():
            fields = [line for line in paragraph.splitlines() if line.startswith((b"Package:", b"Architecture:"))]
            found[b"\n".join(sorted(fields))] = paragraph.strip(b"\n")
    return found
