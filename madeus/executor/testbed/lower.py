"""What lies below the hosts' disks: the machine's own root, or a minimal Debian made once by debootstrap.

`bullseye+mariadb-server` is a root of its own: a copy of bullseye's in which the packages and all that they need are installed.
Making it takes the network; from then on it is on this machine's disk.
"""

import fcntl
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from madeus.executor.testbed.errors import BadRoot, MissingPrerequisite, PackagesFailed
from madeus.executor.testbed.packages import cache_directory

IN_A_MINIMAL_ROOT = ("openssh-server", "iproute2", "procps", "ca-certificates")

SUITES = ("bullseye", "bookworm", "trixie")
"""Suites that may be named without `debootstrap:`."""

_ROOT = re.compile(r"(?P<tool>debootstrap:)?(?P<suite>[a-z][a-z0-9.-]*)(?P<packages>(\+[a-z0-9][a-z0-9.-]*)*)")
_NO_SERVICES = "usr/sbin/policy-rc.d"


def find(root: str) -> Path:
    """The directory of `root`, made if missing, which takes minutes and the network.

    root: `machine`; a suite (`bookworm`, or `debootstrap:` and any name that debootstrap knows); a suite and packages
    (`bookworm+mariadb-server+socat`). Raises BadRoot, MissingPrerequisite, PackagesFailed.
    """
    if root == "machine":
        return Path("/")
    match = _ROOT.fullmatch(root)
    if match is None or (match["tool"] is None and match["suite"] not in SUITES):
        raise BadRoot(root)
    packages = sorted({name for name in match["packages"].split("+") if name})
    with _alone() as roots:
        base = _bootstrapped(roots, match["suite"])
        return _installed(roots, base, packages) if packages else base


@contextmanager
def _alone() -> Iterator[Path]:
    """The directory of the roots; one process at a time makes some."""
    roots = cache_directory() / "roots"
    roots.mkdir(exist_ok=True)
    with (roots / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield roots


def _bootstrapped(roots: Path, suite: str) -> Path:
    target = roots / f"{suite}-{platform.machine()}"
    if target.is_dir():
        return target
    fresh = _fresh(target)
    included = ",".join(IN_A_MINIMAL_ROOT)
    done = _run(["debootstrap", "--variant=minbase", f"--include={included}", suite, str(fresh)], "debootstrap")
    if done.returncode != 0:
        raise PackagesFailed(f"a root of {suite}", "debootstrap", "\n".join(done.stdout.splitlines()[-8:]))
    fresh.rename(target)
    return target


def _installed(roots: Path, base: Path, packages: Sequence[str]) -> Path:
    target = roots / f"{base.name}+{'+'.join(packages)}"
    if target.is_dir():
        return target
    fresh = _fresh(target)
    names = " ".join(packages)
    copied = _run(["cp", "-a", "--reflink=auto", str(base), str(fresh)], "coreutils")
    if copied.returncode != 0:
        raise PackagesFailed(f"a root with {names}", "cp", "\n".join(copied.stderr.splitlines()[-8:]))
    # What the packages bring is started by hosts, never here.
    policy = fresh / _NO_SERVICES
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    for words in (["update"], ["install", *packages], ["clean"]):
        done = _inside(fresh, ["apt-get", "-q", "-y", "--no-install-recommends", *words])
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.startswith(("E:", "Err:"))]
            said = said or (done.stdout + done.stderr).splitlines()
            raise PackagesFailed(f"a root with {names}", f"apt-get {words[0]}", "\n".join(said[-8:]))
    policy.unlink()
    fresh.rename(target)
    return target


def _fresh(target: Path) -> Path:
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    return fresh


def _inside(root: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a root, in namespaces of its own: nothing that it starts outlives it."""
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root}/proc", "chroot", str(root)]
    return _run([*words, "env", "DEBIAN_FRONTEND=noninteractive", *command], "util-linux")


def _run(command: Sequence[str], package: str) -> subprocess.CompletedProcess[str]:
    """Raises MissingPrerequisite."""
    tool = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin:/usr/bin")
    if tool is None:
        raise MissingPrerequisite(command[0], package)
    return subprocess.run([tool, *command[1:]], capture_output=True, text=True, check=False)
