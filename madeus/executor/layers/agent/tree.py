"""What a stack of layers holds, read from the layers themselves as overlay reads them.

A layer's entry hides what lies below it when it is not a directory, when it is a whiteout (a character device 0:0, or an empty
file with the attribute `trusted.overlay.whiteout`), and below an opaque directory (`trusted.overlay.opaque`). Source: the
kernel's Documentation/filesystems/overlayfs.rst.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence

from .trouble import AgentError

PREFIX = "trusted.overlay."
OPAQUE = f"{PREFIX}opaque"
WHITEOUT = f"{PREFIX}whiteout"
REFUSED = (f"{PREFIX}redirect", f"{PREFIX}metacopy")
"""Contents that lie elsewhere: a stack with other lower layers would find others."""

Names = dict[str, "Entry"]

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
}


class Entry:
    """A name of a merged directory, or of one layer's.

    `places` are where it is, topmost first: one for all but directories, whose contents are merged from all of them. `sealed`:
    below the last place nothing of a lower layer may show (opaque, or it covers something that is no directory, or it stands
    in a directory that is sealed).
    """

    __slots__ = ("facts", "kind", "path", "places", "sealed")

    def __init__(
        self, path: str, kind: str, facts: os.stat_result, place: tuple[int, str], sealed: bool = False
    ) -> None:
        self.path = path
        self.kind = kind
        self.facts = facts
        self.places = [place]
        self.sealed = sealed

    @property
    def layer(self) -> int:
        """The number of the topmost layer that has it."""
        return self.places[0][0]

    @property
    def real(self) -> str:
        """Where its topmost instance lies."""
        return self.places[0][1]


def attributes(path: str) -> list[str]:
    """Names of extended attributes; none where the file system has none."""
    try:
        return os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EPERM, errno.ENODATA):
            return []
        raise


def _attribute(path: str, name: str) -> bytes:
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP, errno.EPERM):
            return b""
        raise


def refuse_redirect(path: str, layer: str, shown: str) -> None:
    """Raise AgentError `redirect` when the contents of `path` lie elsewhere."""
    for name in attributes(path):
        if name in REFUSED:
            raise AgentError(
                "redirect",
                f"layer {layer} cannot be used: {shown} has the attribute {name}, its contents lie elsewhere",
                layer=layer,
                path=shown,
                attribute=name,
            )


def is_opaque(place: str) -> bool:
    """Whether a directory of a layer hides what lower layers have in its place."""
    return _attribute(place, OPAQUE) == b"y"


def kind_of(facts: os.stat_result, place: str, marked: bool) -> str:
    """What an entry of a layer is; `marked`: its directory may have whiteouts that are files."""
    if stat.S_ISCHR(facts.st_mode) and facts.st_rdev == 0:
        return "whiteout"
    if marked and stat.S_ISREG(facts.st_mode) and facts.st_size == 0 and WHITEOUT in attributes(place):
        return "whiteout"
    return _KINDS[stat.S_IFMT(facts.st_mode)]


def names(place: str, layer: int, above: str) -> Iterator[tuple[str, Entry]]:
    """The entries of one layer's directory, by name."""
    marked = _attribute(place, OPAQUE) == b"x"
    with os.scandir(place) as entries:
        for entry in entries:
            path = f"{above}/{entry.name}" if above else entry.name
            facts = entry.stat(follow_symlinks=False)
            yield entry.name, Entry(path, kind_of(facts, entry.path, marked), facts, (layer, entry.path))


def top(layers: Sequence[str]) -> Entry:
    """The root of the stack `layers`, bottom to top. Overlay merges it from all of them, also where one is marked opaque."""
    places = [(number, layers[number]) for number in range(len(layers) - 1, -1, -1)]
    root = Entry("", "dir", os.lstat(places[0][1]), places[0])
    root.places = places
    return root


def merged(directory: Entry) -> Names:
    """The entries of a merged directory by name, whiteouts included where they hide what may lie below the stack.

    An entry of a lower layer shows only where no upper layer has one that is no directory. What is in a sealed directory is
    sealed: lower layers do not come back one directory further down.
    """
    found: Names = {}
    closed: set[str] = set()
    for number, place in directory.places:
        for name, entry in names(place, number, directory.path):
            earlier = found.get(name)
            if earlier is None:
                found[name] = entry
                if entry.kind == "dir" and is_opaque(entry.real):
                    entry.sealed = True
                if entry.kind != "dir" or entry.sealed:
                    closed.add(name)
            elif name not in closed:
                if entry.kind == "dir":
                    earlier.places.append(entry.places[0])
                    earlier.sealed = is_opaque(entry.real)
                else:
                    earlier.sealed = True
                if earlier.sealed:
                    closed.add(name)
    if directory.sealed:
        for entry in found.values():
            entry.sealed = entry.kind == "dir"
    return found


def walk(root: Entry) -> Iterator[Entry]:
    """Every entry below `root` in the stack, each directory before what is in it, in the order of names."""
    look = [root]
    while look:
        here = look.pop()
        if here is not root:
            yield here
        if here.kind == "dir":
            contents = merged(here)
            look += [contents[name] for name in sorted(contents, reverse=True)]


def find(layers: Sequence[str], path: str) -> Entry | None:
    """The entry at `path` in the stack `layers` (bottom to top), a whiteout included; None when no layer has it."""
    here = top(layers)
    for part in [each for each in path.split("/") if each]:
        found = _named(here, part) if here.kind == "dir" else None
        if found is None:
            return None
        found.sealed = found.sealed or (here.sealed and found.kind == "dir")
        here = found
    return here


def _named(directory: Entry, name: str) -> Entry | None:
    found: Entry | None = None
    for number, above in directory.places:
        place = f"{above}/{name}"
        try:
            facts = os.lstat(place)
        except FileNotFoundError:
            continue
        marked = stat.S_ISREG(facts.st_mode) and facts.st_size == 0 and _attribute(above, OPAQUE) == b"x"
        kind = kind_of(facts, place, marked)
        if found is None:
            path = f"{directory.path}/{name}" if directory.path else name
            found = Entry(path, kind, facts, (number, place), kind == "dir" and is_opaque(place))
            if kind != "dir":
                return found
        elif kind == "dir":
            found.places.append((number, place))
            found.sealed = is_opaque(place)
        else:
            found.sealed = True
        if found.sealed:
            return found
    return found
