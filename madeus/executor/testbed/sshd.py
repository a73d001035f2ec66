"""The hosts' OpenSSH: keys, the server's settings, and what a client needs to trust and find them."""

import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from madeus.executor.testbed.errors import MissingPrerequisite
from madeus.executor.testbed.registry import HostRecord

SSHD = "/usr/sbin/sshd"
"""Inside a host; sshd insists on an absolute path."""
CONFIG = "etc/ssh/sshd_config"
LOG = "var/log/sshd.log"
HOST_KEY = "etc/ssh/ssh_host_ed25519_key"
AUTHORIZED_KEYS = "etc/ssh/authorized_keys"

_NO_PENALTIES_SINCE = (9, 8)


def version(lower: Path) -> tuple[int, int]:
    """OpenSSH's version in the root `lower`, (0, 0) when it does not say. Raises MissingPrerequisite."""
    if not (lower / SSHD.lstrip("/")).exists():
        raise MissingPrerequisite("sshd", "openssh-server")
    command = ["ssh", "-V"] if str(lower) == "/" else ["chroot", str(lower), "ssh", "-V"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    except FileNotFoundError as error:
        raise MissingPrerequisite("ssh", "openssh-client") from error
    match = re.match(r"OpenSSH_(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def server_config(openssh: tuple[int, int], listen: str | None = None) -> str:
    """The text of sshd_config. Key login only; no limit that a burst of connections or channels would meet.

    The defaults that would: MaxStartups 10:30:100 drops connections in a burst, MaxSessions 10 refuses the 11th channel
    of a connection, and since 9.8 penalties shut out an address that hung up early.
    """
    lines = [
        f"ListenAddress {listen or '0.0.0.0'}",
        f"HostKey /{HOST_KEY}",
        f"AuthorizedKeysFile /{AUTHORIZED_KEYS}",
        "AuthenticationMethods publickey",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "UsePAM no",
        "UseDNS no",
        "StrictModes no",
        "MaxStartups 1000:30:2000",
        "MaxSessions 1000",
        "LoginGraceTime 120",
        "PrintMotd no",
        "PidFile none",
        "Subsystem sftp internal-sftp",
        # Nobody sits before a test host: debconf need not look for somebody to ask.
        "SetEnv DEBIAN_FRONTEND=noninteractive",
    ]
    if openssh >= _NO_PENALTIES_SINCE:
        lines.append("PerSourcePenalties no")
    return "\n".join(lines) + "\n"


def make_keys(files: Sequence[Path], comment: str) -> None:
    """Make one ed25519 key pair at each path (private; `.pub` beside it), all at once. Raises MissingPrerequisite."""
    try:
        makers = [
            subprocess.Popen(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(file)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            for file in files
        ]
    except FileNotFoundError as error:
        raise MissingPrerequisite("ssh-keygen", "openssh-client") from error
    for maker in makers:
        _, said = maker.communicate()
        if maker.returncode != 0:
            raise OSError(f"ssh-keygen: {said.decode(errors='replace').strip()}")


def known_hosts(hosts: Iterable[tuple[HostRecord, str]]) -> str:
    """The text of known_hosts for (host, its public key): by address and by name."""
    return "".join(
        f"{','.join(_known(name, host.port) for name in (host.address, host.name))} {' '.join(key.split()[:2])}\n"
        for host, key in hosts
    )


def _known(name: str, port: int) -> str:
    return name if port == 22 else f"[{name}]:{port}"


def client_config(hosts: Iterable[HostRecord], identity: Path, known: Path) -> str:
    """The text of an ssh_config that reaches every host by name and verifies its key."""
    records = list(hosts)
    entries = [f"Host {host.name}\n  HostName {host.address}\n  Port {host.port}\n" for host in records]
    names = " ".join(host.name for host in records)
    common = (
        f"Host {names}\n"
        "  User root\n"
        f'  IdentityFile "{identity}"\n'
        "  IdentitiesOnly yes\n"
        f'  UserKnownHostsFile "{known}"\n'
        "  StrictHostKeyChecking yes\n"
        "  PasswordAuthentication no\n"
        "  LogLevel ERROR\n"
    )
    return "".join(entries) + (common if records else "")
