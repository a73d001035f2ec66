"""The Linux calls that Python has no wrapper for, by way of the C library's `syscall`.

Every function raises OSError with the call's errno. Sources: fsopen(2), fsconfig(2), fsmount(2), fspick(2), move_mount(2),
open_tree(2), openat2(2), unshare(2), pivot_root(2), umount2(2). Their numbers are the same on every architecture but alpha.
"""

from __future__ import annotations

import ctypes
import os

_OPEN_TREE, _MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT, _FSPICK, _OPENAT2 = 428, 429, 430, 431, 432, 433, 437

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000

FSCONFIG_SET_FLAG = 0
FSCONFIG_SET_STRING = 1
FSCONFIG_CMD_CREATE = 6
FSCONFIG_CMD_RECONFIGURE = 7
FSCONFIG_STRING_LIMIT = 255
"""Longest value of a string option, in bytes."""

MOVE_MOUNT_F_EMPTY_PATH = 0x04
MOVE_MOUNT_T_EMPTY_PATH = 0x40
MOVE_MOUNT_BENEATH = 0x200

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

CLONE_NEWNS = 0x00020000

RESOLVE_IN_ROOT = 0x10

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def _call(what: str, number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_uint64] | None) -> int:
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *words), what)


def fsopen(kind: str) -> int:
    """A descriptor of a file system that is being configured."""
    return _call(f"fsopen {kind}", _FSOPEN, kind.encode(), 1)  # FSOPEN_CLOEXEC


def fsconfig(context: int, command: int, key: str | None = None, value: str | None = None) -> None:
    """Set one option, or create the file system. The error's text is the kernel's own where it left one."""
    try:
        _call(
            f"{key or 'creating the file system'}{'' if value is None else ' ' + value}",
            _FSCONFIG,
            context,
            command,
            None if key is None else key.encode(),
            None if value is None else os.fsencode(value),
            0,
        )
    except OSError as error:
        said = _kernel_said(context)
        raise OSError(error.errno, f"{error.strerror}{': ' + said if said else ''}", error.filename) from error


def _kernel_said(context: int) -> str:
    lines = []
    while True:
        try:
            lines.append(os.read(context, 4096).decode(errors="replace").strip())
        except OSError:
            return "; ".join(line[2:] for line in lines if line.startswith("e "))


def fsmount(context: int) -> int:
    """A descriptor of a mount of the created file system, attached nowhere."""
    return _call("fsmount", _FSMOUNT, context, 1, 0)  # FSMOUNT_CLOEXEC


def make_read_only(place: int) -> None:
    """The whole file system whose mount's root is behind `place`, wherever it is mounted. EBUSY while a file is written to."""
    flags = 1 | 8  # FSPICK_CLOEXEC, FSPICK_EMPTY_PATH
    context = _call("fspick", _FSPICK, place, b"", flags)
    try:
        fsconfig(context, FSCONFIG_SET_FLAG, "ro")
        fsconfig(context, FSCONFIG_CMD_RECONFIGURE)
    finally:
        os.close(context)


def open_tree(path: str, recursive: bool) -> int:
    """A descriptor of a copy of the mount at `path` (and below), attached nowhere."""
    flags = 1 | os.O_CLOEXEC | (AT_RECURSIVE if recursive else 0)  # OPEN_TREE_CLONE
    return _call(path, _OPEN_TREE, AT_FDCWD, os.fsencode(path), flags)


def attach(mount: int, place: int, what: str) -> None:
    """Mount the detached tree behind `mount` on the directory or file behind `place`; `what` is for messages."""
    _call(what, _MOVE_MOUNT, mount, b"", place, b"", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)


def move_mount(source: str, target: str, beneath: bool) -> None:
    """Move the tree mounted at `source` on `target`, or beneath what is mounted there (Linux 6.5)."""
    flags = MOVE_MOUNT_BENEATH if beneath else 0
    _call(target, _MOVE_MOUNT, AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), flags)


def open_in_root(root: int, path: str, flags: int) -> int:
    """openat2: open `path` as if the directory `root` were `/`; symbolic links cannot lead out of it."""
    how = (ctypes.c_uint64 * 3)(flags | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT)
    return _call(path, _OPENAT2, root, os.fsencode(path.lstrip("/") or "."), how, ctypes.sizeof(how))


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """mount(2)."""
    _checked(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            None if kind is None else kind.encode(),
            ctypes.c_ulong(flags),
            None if data is None else os.fsencode(data),
        ),
        target,
    )


def umount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2); by default the mount leaves the tree at once and ends with its last user."""
    _checked(_libc.umount2(os.fsencode(target), ctypes.c_int(flags)), target)


def sync_file_system(descriptor: int) -> None:
    """syncfs(2): wait until all of the file system behind `descriptor` is on the disk."""
    _checked(_libc.syncfs(ctypes.c_int(descriptor)), "syncfs")


def unshare(flags: int) -> None:
    """Move the caller into namespaces of its own."""
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def pivot_root_here() -> None:
    """Make the current directory, a mount point, the root of this mount namespace and let the old root go."""
    _checked(_libc.pivot_root(b".", b"."), "pivot_root")
    umount(".")
    os.chdir("/")
