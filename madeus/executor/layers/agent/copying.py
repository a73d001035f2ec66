"""Copying one entry of a tree with all that belongs to it: contents (holes kept), links, owner, mode, attributes, times."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Sequence

from . import tree
from .store import remove_tree

_FICLONE = 0x40049409
_CHUNK = 1 << 20
_NOT_COPIED = (
    f"{tree.PREFIX}origin",
    f"{tree.PREFIX}impure",
    f"{tree.PREFIX}nlink",
    f"{tree.PREFIX}opaque",
    f"{tree.PREFIX}whiteout",
    f"{tree.PREFIX}uuid",
)
"""Overlay's notes about one file system's own inodes, and the marks that whoever copies sets anew."""

Inode = tuple[int, int]


class Copier:
    """Copies entries into one new tree. Names of one file stay names of one file."""

    def __init__(self, link: bool = False) -> None:
        """`link`: files of the same file system are linked, not copied: the source must never change again."""
        self._link = link
        self._first: dict[Inode, str] = {}
        self.linked = 0
        self.copied = 0
        self.files = 0

    def put(self, source: str, facts: os.stat_result, target: str) -> None:
        """Make `target` like `source`. A directory is made empty; `settle` gives it its times when it is filled."""
        self.files += 1
        mode = facts.st_mode
        if stat.S_ISDIR(mode):
            os.mkdir(target, 0o700)
            self.dress(source, facts, target)
            return
        inode = (facts.st_dev, facts.st_ino)
        if facts.st_nlink > 1 and inode in self._first:
            os.link(self._first[inode], target, follow_symlinks=False)
            return
        if self._link and _linked(source, target):
            self.linked += 1
        else:
            self.copied += 1
            self._make(source, facts, target)
            self.dress(source, facts, target)
            settle(facts, target)
        if facts.st_nlink > 1:
            self._first[inode] = target

    def _make(self, source: str, facts: os.stat_result, target: str) -> None:
        mode = facts.st_mode
        if stat.S_ISREG(mode):
            copy_contents(source, target)
        elif stat.S_ISLNK(mode):
            os.symlink(os.readlink(source), target)
        else:
            os.mknod(target, stat.S_IFMT(mode) | 0o600, facts.st_rdev)

    def dress(self, source: str, facts: os.stat_result, target: str) -> None:
        """Owner, mode and attributes."""
        os.chown(target, facts.st_uid, facts.st_gid, follow_symlinks=False)
        if not stat.S_ISLNK(facts.st_mode):
            os.chmod(target, stat.S_IMODE(facts.st_mode))  # after chown, which takes set-uid away
        for name in tree.attributes(source):
            if name not in _NOT_COPIED:
                value = os.getxattr(source, name, follow_symlinks=False)
                os.setxattr(target, name, value, follow_symlinks=False)


def settle(facts: os.stat_result, target: str) -> None:
    """Give `target` its times."""
    os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns), follow_symlinks=False)


def make_whiteout(target: str) -> None:
    """Overlay's mark for: not there."""
    os.mknod(target, stat.S_IFCHR, os.makedev(0, 0))


def _linked(source: str, target: str) -> bool:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EMLINK, errno.EPERM):
            return False
        raise
    return True


def copy_contents(source: str, target: str) -> None:
    """Copy a regular file's contents: shared blocks where the file system can, holes stay holes."""
    read = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        write = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with contextlib.suppress(OSError):
                fcntl.ioctl(write, _FICLONE, read)
                return
            try:
                _copy_data(read, write)
            except OSError as error:
                error.filename = target
                raise
        finally:
            os.close(write)
    finally:
        os.close(read)


def _copy_data(read: int, write: int) -> None:
    size = os.fstat(read).st_size
    place = 0
    while place < size:
        try:
            begin = os.lseek(read, place, os.SEEK_DATA)
            end = os.lseek(read, begin, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            begin, end = place, size
        os.lseek(write, begin, os.SEEK_SET)
        while begin < end:
            part = os.pread(read, min(_CHUNK, end - begin), begin)
            if not part:
                break
            view = memoryview(part)
            while view:
                view = view[os.write(write, view) :]
            begin += len(part)
        place = max(end, begin)
        if begin < end:
            break
    os.ftruncate(write, size)


def copy_merged(layers: Sequence[str], path: str, target: str) -> None:
    """Make `target` a copy of the directory at `path` in the stack `layers`, bottom to top; empty when there is none."""
    remove_tree(target)
    found = tree.find(layers, path)
    if found is None or found.kind != "dir":
        os.mkdir(target, 0o755)
        os.chmod(target, 0o755)
        return
    copier = Copier()
    copier.put(found.real, found.facts, target)
    directories = [(found.facts, target)]
    for entry in tree.walk(found):
        if entry.kind == "whiteout":
            continue
        place = f"{target}/{entry.path[len(found.path) :].lstrip('/')}"
        copier.put(entry.real, entry.facts, place)
        if entry.kind == "dir":
            directories.append((entry.facts, place))
    for facts, place in reversed(directories):
        settle(facts, place)
