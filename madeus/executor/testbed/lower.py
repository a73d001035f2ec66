"""What lies below the hosts' disks: the machine's own root, or a minimal Debian made once by debootstrap."""

import platform
import re
import shutil
import subprocess
from pathlib import Path

from madeus.executor.testbed.errors import BadRoot, MissingPrerequisite, PackagesFailed
from madeus.executor.testbed.packages import cache_directory

IN_A_MINIMAL_ROOT = ("openssh-server", "iproute2", "procps", "ca-certificates")


def roots() -> Path:
    """The directory of the minimal roots, made if missing."""
    path = cache_directory() / "roots"
    path.mkdir(exist_ok=True)
    return path


def find(root: str) -> Path:
    """The directory of `root` (`machine` or `debootstrap:SUITE`), made if missing, which takes minutes and the network.

    Raises BadRoot, MissingPrerequisite, PackagesFailed.
    """
    if root == "machine":
        return Path("/")
    match = re.fullmatch(r"debootstrap:([a-z][a-z0-9.-]*)", root)
    if match is None:
        raise BadRoot(root)
    suite = match[1]
    target = roots() / f"{suite}-{platform.machine()}"
    if target.is_dir():
        return target
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(IN_A_MINIMAL_ROOT)}", suite, str(fresh)]
    tool = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin")
    if tool is None:
        raise MissingPrerequisite("debootstrap", "debootstrap")
    done = subprocess.run([tool, *command[1:]], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackagesFailed(f"a root of {suite}", "debootstrap", "\n".join(done.stdout.splitlines()[-8:]))
    fresh.rename(target)
    return target
