"""The Linux calls that Python 3.11 has no wrapper for, by way of the C library. One process, one thread: nothing here locks.

Every function raises OSError with the call's errno. Sources: unshare(2), setns(2), mount(2), pivot_root(2), prctl(2),
capabilities(7).
"""

import ctypes
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
CAP_NET_ADMIN = 12
CAP_SYS_ADMIN = 21
CAP_MKNOD = 27

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Move the caller into new namespaces (CLONE_NEWPID: its next children)."""
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Move the caller into the namespace (or, with a pidfd, the namespaces `kind`) behind `descriptor`."""
    _checked(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2); the error names the target."""
    _checked(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            os.fsencode(data) or None,
        ),
        f"mount {kind or source} on {target}",
    )


def umount(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    _checked(_libc.umount2(os.fsencode(target), ctypes.c_int(flags)), f"umount {target}")


def pivot_root_here() -> None:
    """Make the current directory, a mount point, the root of this mount namespace and let the old root go."""
    _checked(_libc.pivot_root(b".", b"."), "pivot_root")
    umount(".", MNT_DETACH)
    os.chdir("/")


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel for `signal_number` when the parent ends."""
    _checked(_libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal_number), 0, 0, 0), "prctl")


def keep_capabilities(kept: Iterable[int]) -> None:
    """Drop every other capability from the bounding set: root's programs have only `kept` from the next exec on."""
    wanted = set(kept)
    # UTF-8 is always loaded; another codec would be looked for in a root that may not have this Python.
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="utf-8"))
    for number in range(last + 1):
        if number not in wanted:
            _checked(_libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(number), 0, 0, 0), "prctl")


@contextmanager
def in_network(namespace: int, home: int) -> Iterator[None]:
    """Run the body in the network namespace `namespace`, then return to `home` (descriptors of both)."""
    setns(namespace, CLONE_NEWNET)
    try:
        yield
    finally:
        setns(home, CLONE_NEWNET)


@contextmanager
def children_in(pid_namespace: int, home: int) -> Iterator[None]:
    """Children forked in the body are born in `pid_namespace`; the body itself stays where it is."""
    setns(pid_namespace, CLONE_NEWPID)
    try:
        yield
    finally:
        setns(home, CLONE_NEWPID)
