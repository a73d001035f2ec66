"""Whether this machine and this user can have test hosts at all; each lack with the Debian package that mends it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from madeus.executor.testbed import network, sshd, syscalls
from madeus.executor.testbed.errors import MissingPrerequisite, NeedsRoot


def check(mode: str, lower: Path = Path("/")) -> None:
    """Raises NeedsRoot or MissingPrerequisite."""
    if sys.platform != "linux":
        raise NeedsRoot(f"and Linux; this is {sys.platform}")
    if os.geteuid() != 0:
        raise NeedsRoot(f"you are user {os.geteuid()}")
    lacking = [
        name
        for name, number in (("SYS_ADMIN", syscalls.CAP_SYS_ADMIN), ("NET_ADMIN", syscalls.CAP_NET_ADMIN))
        if not effective_capabilities() >> number & 1
    ]
    if lacking:
        raise NeedsRoot(f"this root lacks the capability {' and '.join(lacking)}, as in an unprivileged container")
    for tool, package in (("ssh", "openssh-client"), ("ssh-keygen", "openssh-client")):
        if shutil.which(tool) is None:
            raise MissingPrerequisite(tool, package)
    if not (lower / sshd.SSHD.lstrip("/")).exists():
        raise MissingPrerequisite("sshd", "openssh-server")
    if mode != "lo" and network.ip_tool() is None:
        raise MissingPrerequisite("ip", "iproute2")
    if not has_overlay():
        raise MissingPrerequisite("overlay, a file system of the kernel,", "linux-image-amd64 (then modprobe overlay)")


def effective_capabilities() -> int:
    """The caller's effective capabilities as a bit set."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def has_overlay() -> bool:
    """Whether the kernel can mount overlays, after asking it to load the module."""
    if _knows_overlay():
        return True
    modprobe = shutil.which("modprobe") or shutil.which("modprobe", path="/usr/sbin:/sbin")
    if modprobe is not None:
        subprocess.run([modprobe, "overlay"], capture_output=True, check=False)
    return _knows_overlay()


def _knows_overlay() -> bool:
    return "\toverlay\n" in Path("/proc/filesystems").read_text(encoding="ascii")
