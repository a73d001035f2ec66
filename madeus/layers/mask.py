"""Masks: files that a machine has changed, and that an upgrade would leave hiding those of the new version.

A stack shows the topmost file of each path. What was copied up into an old copy therefore hides what a version inserted below
brings: a package list, a cache of the linker, an edited configuration. For each such path there are three sides: *mine* (the
machine's), *theirs* (the new version's) and *base* (the old version's).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from madeus.layers.catalog import Policy


class FileKind(StrEnum):
    """What stands at a path of a layer."""

    FILE = "file"
    DIRECTORY = "dir"
    LINK = "link"
    OTHER = "other"
    """Devices, pipes, sockets."""
    WHITEOUT = "whiteout"
    """The path was deleted here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A path in a layer."""

    kind: FileKind
    mode: int = 0
    """Permission bits."""
    size: int = 0
    """Bytes."""
    digest: str = ""
    """SHA-256 of a file's contents in hexadecimal; the target of a link."""
    owner: tuple[int, int] = (0, 0)
    """User and group."""
    opaque: bool = False
    """Of a directory: it hides all that stands below it in lower layers."""


Listing = Mapping[str, Entry]
"""Entries of one layer by absolute path (``/etc/passwd``)."""


class How(StrEnum):
    """What is done with a masked path."""

    KEEP = "keep"
    """The machine's stays on top."""
    TAKE = "take"
    """The new version's is shown; the machine's stays below, in its old copy."""
    MERGE = "merge"
    """Three-way merge of the contents."""
    ASK = "ask"
    """Somebody has to say."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A path where the machine's file would hide another one of the new version."""

    path: str
    mine: Entry | None
    """None: the machine has deleted it."""
    theirs: Entry | None
    """None: the new version has deleted it."""
    base: Entry | None
    """None: the old version had none."""

    @property
    def is_mergeable(self) -> bool:
        """Whether all three are plain files."""
        return all(side is not None and side.kind is FileKind.FILE for side in (self.mine, self.theirs, self.base))


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a mask, and because of what."""

    mask: Mask
    how: How
    because: str
    """The glob that decided; empty: neither the machine's nor the version's file differs from the old one."""


DEFAULTS = (
    Policy("/etc/ld.so.cache", How.TAKE),
    Policy("/var/cache/**", How.KEEP),
    Policy("/var/log/**", How.KEEP),
    Policy("/tmp/**", How.KEEP),
    Policy("/var/tmp/**", How.KEEP),
    Policy("/root/.bash_history", How.KEEP),
    Policy("**/__pycache__/**", How.TAKE),
)
"""After the policies of a role. The linker's cache and compiled Python are made anew by whoever misses them."""


def find_masks(copies: Sequence[Listing], added: Sequence[Listing], old: Sequence[Listing]) -> list[Mask]:
    """What the copies would hide, by path.

    Each argument is layers, bottom to top: the machine's copies, the versions that come, and the base and versions that the
    machine has.
    """
    masks = []
    for path, theirs in sorted(_shown(added).items()):
        found = _looked_up(copies, path)
        if found is None:
            continue
        (mine,) = found
        if mine is not None and theirs.kind is mine.kind is FileKind.DIRECTORY:
            continue  # what stands in it is looked at path by path
        if _same(mine, theirs):
            continue
        (base,) = _looked_up(old, path) or (None,)
        masks.append(Mask(path, mine, None if theirs.kind is FileKind.WHITEOUT else theirs, base))
    return masks


def decide(masks: Iterable[Mask], policies: Sequence[Policy]) -> list[Decision]:
    """What is done with each mask, in the order of paths; `How.ASK` where nobody has said.

    policies: the first one that fits counts; `DEFAULTS` come after them. A path that one side alone has changed needs nobody:
    the changed side is shown. What the version has below a file that is kept cannot be shown, and is not.
    """
    decisions: list[Decision] = []
    files: dict[str, str] = {}
    """Files of the machine that are kept in place of directories, and the globs that did."""
    for mask in masks:
        over = next((above for above in _above(mask.path) if above in files), None)
        if over is not None:
            decisions.append(Decision(mask, How.KEEP, files[over]))
            continue
        decisions.append(_decided(mask, policies))
        if mask.mine is not None and mask.mine.kind is not FileKind.DIRECTORY and decisions[-1].how is How.KEEP:
            files[mask.path] = decisions[-1].because
    return decisions


def _decided(mask: Mask, policies: Sequence[Policy]) -> Decision:
    if _unchanged(mask.mine, mask.base):
        return Decision(mask, How.TAKE, "")
    if _unchanged(mask.theirs, mask.base):
        return Decision(mask, How.KEEP, "")
    policy = next((one for one in (*policies, *DEFAULTS) if matches(one.glob, mask.path)), None)
    how, because = (How(policy.how), policy.glob) if policy is not None else (How.ASK, "")
    if how is How.MERGE and not mask.is_mergeable:
        how = How.ASK
    return Decision(mask, how, because)


def undecided(decisions: Iterable[Decision]) -> list[str]:
    """Paths for which somebody has to say what is done."""
    return [one.mask.path for one in decisions if one.how is How.ASK]


def to_resolve(decisions: Iterable[Decision]) -> list[dict[str, Any]]:
    """What a host has to write into the new copy, as JSON: nothing for what is kept."""
    return [{"path": one.mask.path, "how": str(one.how)} for one in decisions if one.how in (How.TAKE, How.MERGE)]


def to_check(decisions: Iterable[Decision]) -> dict[str, list[Any] | None]:
    """What a host compares before it switches, as JSON: the machine's side of each path that is not kept; None: it is kept.

    What stands in place of the machine's file was decided for the file as it was; what is kept may change.
    """
    return {one.mask.path: None if one.how is How.KEEP else _side(one.mask.mine) for one in decisions}


def _side(mine: Entry | None) -> list[Any]:
    return [] if mine is None else [str(mine.kind), mine.mode, *mine.owner, mine.digest]


def matches(glob: str, path: str) -> bool:
    """Whether a path fits a glob: ``*`` and ``?`` stay within a directory, ``**`` does not."""
    return _pattern(glob).fullmatch(path) is not None


@lru_cache(256)
def _pattern(glob: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(signs.get(part) or re.escape(part) for part in parts), re.DOTALL)


def _shown(layers: Sequence[Listing]) -> dict[str, Entry]:
    """The topmost entry of each path of some layers, deletions included."""
    shown: dict[str, Entry] = {}
    for listing in layers:
        hidden = {path for path, entry in listing.items() if _hides(entry)}
        if hidden:
            shown = {path: found for path, found in shown.items() if not any(above in hidden for above in _above(path))}
        shown.update(listing)
    return shown


def _looked_up(layers: Sequence[Listing], path: str) -> tuple[Entry | None] | None:
    """What stands at a path (None: nothing); None when no layer says anything of it."""
    above = list(_above(path))
    for listing in reversed(layers):
        entry = listing.get(path)
        if entry is not None:
            return (None if entry.kind is FileKind.WHITEOUT else entry,)
        if any(over in listing and _hides(listing[over]) for over in above):
            return (None,)
    return None


def _hides(entry: Entry) -> bool:
    """Whether an entry hides all that lower layers have below its path."""
    return entry.opaque or entry.kind is not FileKind.DIRECTORY


def _above(path: str) -> Iterator[str]:
    while path.count("/") > 1:
        path = path.rpartition("/")[0]
        yield path


def _same(mine: Entry | None, theirs: Entry) -> bool:
    if mine is None:
        return theirs.kind is FileKind.WHITEOUT
    return _facts(mine) == _facts(theirs)


def _facts(entry: Entry) -> tuple[object, ...]:
    return entry.kind, entry.mode, entry.owner, entry.digest


def _unchanged(side: Entry | None, base: Entry | None) -> bool:
    if side is None or base is None:
        return side is base
    return _facts(side) == _facts(base)
