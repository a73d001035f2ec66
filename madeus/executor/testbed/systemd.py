"""Hosts whose PID 1 is systemd: `systemctl` is real in them, and what a machine starts with they start with.

systemd wants a cgroup tree of its own: the host's PID 1 moves into a group of the machine's cgroup2 hierarchy before it gets a
cgroup namespace, whose root that group then is. Source: systemd's Container Interface (systemd.io/CONTAINER_INTERFACE).
"""

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from madeus.executor.testbed import sshd, syscalls
from madeus.executor.testbed.errors import MissingPrerequisite
from madeus.executor.testbed.root import Seed
from madeus.executor.testbed.syscalls import mount

PROGRAM = "/lib/systemd/systemd"
PACKAGE = "systemd-sysv"
UNITS = "etc/systemd/system"
"""A host sees none of what is enabled in the layer below: what was meant for the machine may need its hardware."""

ENVIRONMENT = {"container": "madeus"}
"""By which units know that there is no hardware (ConditionVirtualization)."""

PATIENCE = 60.0
"""Seconds for systemd to come up."""

_GROUP = "madeus-testbed"
_MASKED = (
    "systemd-udevd.service",
    "systemd-timesyncd.service",
    "systemd-logind.service",
    "systemd-resolved.service",
    "systemd-networkd.service",
    "systemd-tmpfiles-clean.timer",
    "getty.target",
    "console-getty.service",
)
_SSHD_UNIT = f"""[Unit]
Description=SSH of the test host
After=network.target

[Service]
ExecStartPre=/bin/mkdir -p /run/sshd
ExecStart={sshd.SSHD} -D -E /{sshd.LOG}
KillMode=process
Restart=on-failure
"""


def check(lower: Path) -> None:
    """See that the root `lower` has systemd. Raises MissingPrerequisite."""
    if not (lower / PROGRAM.lstrip("/")).exists():
        raise MissingPrerequisite("systemd (in the hosts' root)", f"{PACKAGE}, or --root bookworm+{PACKAGE}")


def seeds() -> list[Seed]:
    """What every host of a bed with systemd has."""
    wanted = f"{UNITS}/multi-user.target.wants"
    found = [Seed(f"{UNITS}/{name}", b"/dev/null", link=True) for name in _MASKED]
    found.append(Seed(f"{UNITS}/default.target", b"/lib/systemd/system/multi-user.target", link=True))
    found.append(Seed(f"{UNITS}/testbed-sshd.service", _SSHD_UNIT.encode()))
    found.append(Seed(f"{wanted}/testbed-sshd.service", f"/{UNITS}/testbed-sshd.service".encode(), link=True))
    return found


def join_group(bed: Path, host: str) -> None:
    """Move the caller into the own group of a host of the bed in `bed`. Raises OSError."""
    group = _group(bed, host)
    group.mkdir(parents=True, exist_ok=True)
    (group / "cgroup.procs").write_text("0")


def remove_group(bed: Path, host: str) -> None:
    """Remove the group of a host that has ended, with those below it."""
    with suppress(OSError):
        group = _group(bed, host)
        for here, _, _ in os.walk(group, topdown=False):
            Path(here).rmdir()
        group.parent.rmdir()


def furnish() -> None:
    """Mount the host's own groups in the caller's root; let mounts be shared, as systemd does on a machine. Raises OSError."""
    mount("cgroup2", "/sys/fs/cgroup", "cgroup2", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_SHARED)


def _group(bed: Path, host: str) -> Path:
    return _hierarchy() / _GROUP / f"{sha256(os.fsencode(bed)).hexdigest()[:12]}-{host}"


def _hierarchy() -> Path:
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        left, _, right = line.partition(" - ")
        if right.split()[0] == "cgroup2":
            return Path(left.split()[4])
    raise FileNotFoundError("this machine has no cgroup2 hierarchy mounted, which systemd needs")
