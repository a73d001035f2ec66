"""A host's root: an overlay whose lower layer is shared by every host and whose upper layer is the host's disk.

Between them lies a small layer that the hosts of a bed share (`make_common_layer`): their settings, and opaque directories
that hide what of the machine must not show in a host: home directories, SSH settings, apt's sources and credentials.
`prepare_disk` lays what is a host's own into its upper layer before it is mounted; `enter_root` runs in the host's PID 1,
inside its fresh namespaces, and leaves it in the new root.
"""

import os
import re
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from madeus.executor.testbed import syscalls
from madeus.executor.testbed.syscalls import mount

HIDDEN = (
    "root",
    "home",
    "mnt",
    "media",
    "etc/ssh",
    "etc/apt",
    "etc/cron.d",
    "var/spool/cron",
    "var/tmp",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/lib/madeus",
)
"""Directories of the lower layer that a host sees empty; they keep their owner and mode."""

REMOVED = (
    # A machine that refuses to start services at installation (containers do) must not make its hosts refuse.
    "usr/sbin/policy-rc.d",
    # Without this mark man-db does not index the manual after each installation, seconds that no test host needs.
    "var/lib/man-db/auto-update",
)
"""Files of the lower layer that a host does not have."""

REPOSITORY = "opt/madeus-packages"
"""Where a host sees the bed's package repository (read-only)."""

ROOTS = "opt/madeus-roots"
"""Where a host that can stack layers sees the machine's minimal roots (read-only), to begin its stacks with."""

STORE = "var/lib/madeus"
"""Where such a host keeps its layers: a directory beside its overlay, which could not carry another one's upper layer."""

DISK_FILE_SYSTEMS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "bcachefs", "jfs", "zfs"})
_NOT_OVERLAID = frozenset({"proc", "sys", "dev", "run", "tmp", "root", "home", "mnt", "media", "boot"})
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_READ_ONLY_IN_PROC = ("sys", "sysrq-trigger", "irq", "bus", "fs")


@dataclass(frozen=True, slots=True)
class Seed:
    """One file to lay into a host's disk."""

    path: str
    """Relative to the host's root."""
    content: bytes
    mode: int = 0o644
    link: bool = False
    """`content` is what a symbolic link points to."""


def make_common_layer(directory: Path, lower: Path, seeds: Iterable[Seed], hidden: Iterable[str] = ()) -> None:
    """Mount the layer between `lower` and the hosts' disks at `directory` and fill it; lives with the mount namespace.

    `hidden`: directories that a host sees empty, beside `HIDDEN`.
    It must be a file system of its own: a lower layer inside another (`/`) is refused with ELOOP. Raises OSError.
    """
    directory.mkdir(exist_ok=True)
    mount("madeus", str(directory), "tmpfs", syscalls.MS_NODEV, "mode=755")
    for name in (*HIDDEN, *hidden):
        path = _directory(directory, lower, name)
        os.setxattr(path, "trusted.overlay.opaque", b"y")
    for place in (REPOSITORY, ROOTS):
        _directory(directory, lower, place)
    for removed in REMOVED:
        path = _directory(directory, lower, str(Path(removed).parent)) / Path(removed).name
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))  # overlay's mark for: not there
    _lay(directory, lower, seeds)


def prepare_disk(directory: Path, lower: Path, seeds: Iterable[Seed]) -> None:
    """Make the disk of a host (`directory/upper`) with its own seed files, unless it is there: a host keeps what it wrote."""
    upper = directory / "upper"
    if upper.exists():
        return
    fresh = directory / "upper.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    fresh.chmod(0o755)
    _lay(fresh, lower, seeds)
    fresh.rename(upper)


def _lay(layer: Path, lower: Path, seeds: Iterable[Seed]) -> None:
    for seed in seeds:
        path = _directory(layer, lower, str(Path(seed.path).parent)) / Path(seed.path).name
        if seed.link:
            path.symlink_to(os.fsdecode(seed.content))
            continue
        path.write_bytes(seed.content)
        path.chmod(seed.mode)


def _directory(layer: Path, lower: Path, relative: str) -> Path:
    """Make a directory of a layer. Where the lower layer has it too it takes that one's owner and mode: the upper's count."""
    path, model = layer, lower
    for part in Path(relative).parts:
        path, model = path / part, model / part
        if path.is_dir():
            continue
        path.mkdir(mode=0o755)
        with suppress(FileNotFoundError, NotADirectoryError):
            like = model.stat()
            os.chown(path, like.st_uid, like.st_gid)
            path.chmod(stat.S_IMODE(like.st_mode))
    return path


def disks_below_root(mountinfo: str) -> list[str]:
    """Mount points of disks other than `/` that belong to the system (a separate `/usr` or `/var`), outermost first.

    An overlay of `/` does not show them: each needs one of its own. `mountinfo` is the text of /proc/self/mountinfo.
    """
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        # proc(5): blanks in paths are written in octal
        target = left.split()[4].encode().decode("unicode_escape")
        kind = right.split()[0]
        first = target.strip("/").split("/")[0]
        if target != "/" and kind in DISK_FILE_SYSTEMS and first not in _NOT_OVERLAID and Path(target).is_dir():
            found.append(target)
    return sorted(set(found))


def enter_root(directory: Path, common: Path, lower: Path, binds: Mapping[Path, str], store: bool) -> None:
    """Build the root of a host from its disk in `directory` and make it the caller's root.

    `binds` are directories of the machine that it sees read-only, and where; `store`: it keeps layers, see `STORE`. The caller
    is PID 1 in fresh mount, pid, uts, ipc and network namespaces. Raises OSError; its text names the mount.
    """
    mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    extra = disks_below_root(Path("/proc/self/mountinfo").read_text(encoding="utf-8")) if str(lower) == "/" else []
    os.chdir(directory)
    Path("root").mkdir(exist_ok=True)
    overlay([common, lower], "upper", "work", "root")
    for number, target in enumerate(extra):
        seeded = common / target.strip("/")
        layers = [seeded, Path(target)] if seeded.is_dir() else [Path(target)]
        overlay(layers, f"disk{number}", f"work{number}", f"root{target}")
    for source, place in binds.items():
        _bind_read_only(str(source), f"root/{place}")
    if store:
        Path("store").mkdir(mode=0o700, exist_ok=True)
        mount("store", f"root/{STORE}", flags=syscalls.MS_BIND)
    os.chdir("root")
    _system_mounts()
    _devices()
    syscalls.pivot_root_here()


def overlay(layers: Sequence[Path], upper: str, work: str, target: str) -> None:
    """Mount one overlay of `upper` over `layers`, topmost first. Raises OSError.

    Relative `upper`, `work` and `target`: of the user's paths only `layers` need escaping in the option string.

    `volatile` spares every fsync of a package installation; it leaves a mark in `work` that forbids a second mount, so
    `work`, which holds nothing between two mounts, is made anew.
    """
    shutil.rmtree(work, ignore_errors=True)
    Path(work).mkdir()
    Path(upper).mkdir(exist_ok=True)
    lowers = ":".join(re.sub(r"([\\:,])", r"\\\1", str(layer)) for layer in layers)
    mount("madeus", target, "overlay", 0, f"lowerdir={lowers},upperdir={upper},workdir={work},redirect_dir=on,volatile")


def try_overlay(directory: Path, lower: Path) -> None:
    """Mount an overlay with its disk in `directory`, in the caller's mount namespace. Raises OSError."""
    os.chdir(directory)
    Path("root").mkdir()
    overlay([lower], "upper", "work", "root")
    Path("root/written").write_bytes(b"")


def _bind_read_only(source: str, target: str) -> None:
    mount(source, target, flags=syscalls.MS_BIND)
    mount(source, target, flags=syscalls.MS_BIND | syscalls.MS_REMOUNT | syscalls.MS_RDONLY | syscalls.MS_NODEV)


def _system_mounts() -> None:
    """/proc, /sys, /run, /tmp; what of /proc acts on the whole machine is read-only, as container engines do."""
    plain = syscalls.MS_NOSUID | syscalls.MS_NODEV
    mount("proc", "proc", "proc", plain | syscalls.MS_NOEXEC)
    for name in _READ_ONLY_IN_PROC:
        with suppress(FileNotFoundError):
            target = f"proc/{name}"
            mount(target, target, flags=syscalls.MS_BIND)
            remount = syscalls.MS_BIND | syscalls.MS_REMOUNT | syscalls.MS_RDONLY | plain | syscalls.MS_NOEXEC
            mount(target, target, flags=remount)
    mount("sysfs", "sys", "sysfs", plain | syscalls.MS_NOEXEC | syscalls.MS_RDONLY)
    mount("tmpfs", "run", "tmpfs", plain, "mode=755")
    mount("tmpfs", "tmp", "tmpfs", plain, "mode=1777")
    Path("run/sshd").mkdir(mode=0o755)
    Path("run/lock").mkdir()
    Path("run/lock").chmod(0o1777)
    Path("run/utmp").touch()


def _devices() -> None:
    mount("tmpfs", "dev", "tmpfs", syscalls.MS_NOSUID, "mode=755")
    for name, (major, minor) in _DEVICES.items():
        os.mknod(f"dev/{name}", 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        Path(f"dev/{name}").chmod(0o666)
    for name, target in {
        "fd": "/proc/self/fd",
        "stdin": "/proc/self/fd/0",
        "stdout": "/proc/self/fd/1",
        "stderr": "/proc/self/fd/2",
        "ptmx": "pts/ptmx",
    }.items():
        Path(f"dev/{name}").symlink_to(target)
    for name in ("pts", "shm", "mqueue"):
        Path(f"dev/{name}").mkdir()
    noexec = syscalls.MS_NOSUID | syscalls.MS_NOEXEC
    mount("devpts", "dev/pts", "devpts", noexec, "newinstance,ptmxmode=0666,mode=620,gid=5")
    mount("tmpfs", "dev/shm", "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=1777")
    with suppress(OSError):  # a kernel may be built without message queues
        mount("mqueue", "dev/mqueue", "mqueue", noexec | syscalls.MS_NODEV)
