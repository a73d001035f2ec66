"""The layered root as mounts: one overlay, and what of the host is bound into it.

Everything lies below a private tmpfs (`/run/madeus`), so that nothing is propagated to or from the rest of the host:

    root    the layered root: never without one between two stacks
    next    where the next stack is put together
    run     /run of the layered root: in memory, the same one in every stack until the host restarts
    tmp     /tmp of the layered root, likewise

The source of each overlay's mount is `madeus:` and a digest of its stack: the kernel's own table says which stack is mounted.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Sequence

from . import syscalls
from .store import Store
from .trouble import AgentError, NoSpace, step

WITHOUT = "MADEUS_LAYERS_WITHOUT"
"""Environment variable for tests: names of what the kernel is to be taken not to have (`beneath`, `lowerdir+`)."""

OPTIONS = {"index": "off", "metacopy": "off", "redirect_dir": "nofollow", "xino": "off"}
"""What keeps an overlay defined when its lower layers have been upper ones, or will be copied to another host."""

MOST_LAYERS = 500
"""Of read-only layers in one overlay: OVL_MAX_STACK of the kernel."""

LONGEST_LEGACY = 4000
"""Bytes of mount options that mount(2) takes, with room to spare."""

HOST_FILES = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
"""The host's own names and resolver, the same ones in every stack."""

_SYSTEM = (("/proc", "/proc"), ("/sys", "/sys"), ("/dev", "/dev"))
_OCTAL = re.compile(r"\\([0-7]{3})")


class Mounted:
    """One line of the kernel's table of mounts."""

    def __init__(self, line: str) -> None:
        left, _, right = line.rstrip("\n").partition(" - ")
        fields = left.split(" ")
        self.id, self.parent = int(fields[0]), int(fields[1])
        self.place = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields[4])
        self.shared = any(field.startswith(("shared:", "master:")) for field in fields[6:])
        self.kind, source = right.split(" ")[:2]
        self.source = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), source)


def table() -> list[Mounted]:
    """Every mount of this mount namespace."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return [Mounted(line) for line in file]


def ground(store: Store) -> None:
    """See that the mount points are there. Idempotent."""
    os.makedirs(store.run, exist_ok=True)
    here = [each for each in table() if each.place == os.path.realpath(store.run)]
    if not here:
        syscalls.mount("madeus", store.run, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=755")
    syscalls.mount("none", store.run, None, syscalls.MS_PRIVATE)
    for name in ("root", "next"):
        os.makedirs(f"{store.run}/{name}", exist_ok=True)
    plain = syscalls.MS_NOSUID | syscalls.MS_NODEV
    for name, mode in (("run", "755"), ("tmp", "1777")):
        place = f"{store.run}/{name}"
        os.makedirs(place, exist_ok=True)
        if not os.path.ismount(place):
            syscalls.mount("madeus", place, "tmpfs", plain, f"mode={mode}")
            syscalls.mount("none", place, None, syscalls.MS_PRIVATE)
    lock = f"{store.run}/run/lock"
    if not os.path.isdir(lock):
        os.mkdir(lock)
        os.chmod(lock, 0o1777)


def chain(store: Store) -> list[Mounted]:
    """The stacks mounted at the layered root, the visible one first; more than one only after a crash."""
    place = os.path.realpath(store.root)
    at = {each.id: each for each in table() if each.place == place}
    covered = {each.parent for each in at.values()}
    visible = [each for each in at.values() if each.id not in covered]
    found: list[Mounted] = []
    look = visible[0] if visible else None
    while look is not None:
        found.append(look)
        look = at.get(look.parent)
    return found


def clear_next(store: Store) -> None:
    """Take away what an operation that was cut off has put together."""
    while os.path.ismount(store.next):
        syscalls.umount(store.next)


def overlay(lowers: Sequence[str], upper: str, work: str, source: str, target: str, directory: str) -> None:
    """Mount an overlay of `upper` over `lowers` (topmost first) at `target`. Paths may be relative to `directory`.

    Raises AgentError (`too-old`, `no-space`), OSError.
    """
    if len(lowers) > MOST_LAYERS:
        raise AgentError(
            "too-old",
            f"{len(lowers)} read-only layers: overlays take at most {MOST_LAYERS}; compact the stack",
            what="layers",
        )
    home = os.open(".", os.O_PATH | os.O_CLOEXEC)
    os.chdir(directory)
    try:
        try:
            if "lowerdir+" in os.environ.get(WITHOUT, ""):
                raise OSError(errno.EINVAL, "left out for a test")
            _by_parts(lowers, upper, work, source, target)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS):
                raise
            _at_once(lowers, upper, work, source, target, error)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(f"{directory}/{upper}") from error
        if error.errno == errno.ELOOP:
            said = "layers lie inside one another: a root cannot be a layer of a store on its own file system; copy it"
            raise AgentError("failed", said, errno="ELOOP") from error
        raise
    finally:
        os.fchdir(home)
        os.close(home)


def _by_parts(lowers: Sequence[str], upper: str, work: str, source: str, target: str) -> None:
    """By the mount calls of Linux 6.5: one layer at a time, 500 of them, any character in their paths."""
    context = syscalls.fsopen("overlay")
    try:
        put = syscalls.FSCONFIG_SET_STRING
        syscalls.fsconfig(context, put, "source", source)
        for lower in lowers:
            syscalls.fsconfig(context, put, "lowerdir+", lower)
        syscalls.fsconfig(context, put, "upperdir", upper)
        syscalls.fsconfig(context, put, "workdir", work)
        for key, value in OPTIONS.items():
            syscalls.fsconfig(context, put, key, value)
        syscalls.fsconfig(context, syscalls.FSCONFIG_CMD_CREATE)
        mount = syscalls.fsmount(context)
    finally:
        os.close(context)
    try:
        place = os.open(target, os.O_PATH | os.O_CLOEXEC)
        try:
            syscalls.attach(mount, place, target)
        finally:
            os.close(place)
    finally:
        os.close(mount)


def _at_once(lowers: Sequence[str], upper: str, work: str, source: str, target: str, why: OSError) -> None:
    """By mount(2), whose options are one page."""
    escaped = [re.sub(r"([\\:,])", r"\\\1", lower) for lower in lowers]
    options = [f"lowerdir={':'.join(escaped)}", f"upperdir={upper}", f"workdir={work}"]
    text = ",".join([*options, *(f"{key}={value}" for key, value in OPTIONS.items())])
    if len(os.fsencode(text)) > LONGEST_LEGACY:
        said = f"this kernel cannot stack {len(lowers)} layers: {why.strerror}; compact the stack"
        raise AgentError("too-old", said, what="lowerdir+")
    syscalls.mount(source, target, "overlay", 0, text)


def furnish(store: Store, persistent: Sequence[str]) -> None:
    """Bind the host's /proc, /sys, /dev, its names, the layered root's /run and /tmp, and `persistent` into the next root."""
    root = os.open(store.next, os.O_PATH | os.O_CLOEXEC)
    try:
        for source, target in _SYSTEM:
            _bind(source, root, target, recursive=True)
        _bind(f"{store.run}/run", root, "/run")
        _bind(f"{store.run}/tmp", root, "/tmp")
        for name in HOST_FILES:
            if os.path.isfile(name):
                _bind(name, root, name)
        step("next.system")
        for path in persistent:
            _bind(f"{store.persistent}{path}", root, path)
    finally:
        os.close(root)


def _bind(source: str, root: int, target: str, recursive: bool = False) -> None:
    place = inside(root, target, directory=os.path.isdir(source))
    try:
        tree = syscalls.open_tree(source, recursive)
        try:
            syscalls.attach(tree, place, target)
        finally:
            os.close(tree)
    finally:
        os.close(place)


def inside(root: int, path: str, directory: bool) -> int:
    """A descriptor of `path` below the directory `root`, made where it is missing. Links cannot lead out of the root."""
    parts = [part for part in path.split("/") if part]
    for number in range(1, len(parts) + 1):
        here = "/".join(parts[:number])
        try:
            found = syscalls.open_in_root(root, here, os.O_PATH)
        except FileNotFoundError:
            above = syscalls.open_in_root(root, "/".join(parts[: number - 1]), os.O_PATH)
            try:
                if directory or number < len(parts):
                    os.mkdir(parts[number - 1], 0o755, dir_fd=above)
                else:
                    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                    os.close(os.open(parts[number - 1], flags, 0o644, dir_fd=above))
            except FileExistsError as error:
                said = f"{path} cannot be a mount point: {here} is a link that leads nowhere"
                raise AgentError("failed", said, path=path) from error
            finally:
                os.close(above)
            found = syscalls.open_in_root(root, here, os.O_PATH)
        if number == len(parts):
            kind = os.fstat(found).st_mode
            if stat.S_ISDIR(kind) != directory:
                os.close(found)
                wanted = "directory" if directory else "file"
                raise AgentError("failed", f"{path} cannot be a mount point: it is no {wanted} in the stack", path=path)
            return found
        os.close(found)
    return os.dup(root)


def replace(store: Store, old: bool) -> str:
    """Put the next root in the place of the layered one; how: `first`, `beneath` or `restart`.

    `beneath`: the next root goes under the one that is visible, which then leaves: whoever looks sees the one or the other.
    Where the kernel cannot (before 6.5), the old one leaves first; if then the next one cannot come, the old one does again.
    """
    if not old:
        syscalls.move_mount(store.next, store.root, beneath=False)
        step("switch.attached")
        return "first"
    try:
        if "beneath" in os.environ.get(WITHOUT, ""):
            raise OSError(errno.EINVAL, "left out for a test")
        syscalls.move_mount(store.next, store.root, beneath=True)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        return _restart(store)
    step("switch.beneath")
    syscalls.umount(store.root)
    step("switch.detached")
    return "beneath"


def _restart(store: Store) -> str:
    spare = syscalls.open_tree(store.root, recursive=True)
    try:
        syscalls.umount(store.root)
        step("switch.bare")
        try:
            syscalls.move_mount(store.next, store.root, beneath=False)
        except OSError:
            place = os.open(store.root, os.O_PATH | os.O_CLOEXEC)
            syscalls.attach(spare, place, store.root)
            os.close(place)
            raise
    finally:
        os.close(spare)
    step("switch.attached")
    return "restart"
