"""A real OpenSSH server on a free port of 127.0.0.1, for one test or a module; needs no root."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from madeus.executor.inventory import Host

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@dataclass
class Sshd:
    """The server: `folder` holds its keys, configuration and log."""

    folder: Path
    port: int = 0
    extra: str = ""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Sshd:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "host_key").exists():
            make_key(self.folder / "host_key")
            make_key(self.folder / "id")
            shutil.copy(self.folder / "id.pub", self.folder / "authorized_keys")
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        self.write_known_hosts()
        (self.folder / "config").write_text(
            f"{self.extra}\nPort {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host_key\n"
            f"PidFile {self.folder}/pid\nAuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
            "UseDNS no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 1000:30:2000\n"
            "MaxSessions 1000\nPermitRootLogin yes\n"
        )
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [SSHD, "-D", "-f", str(self.folder / "config"), "-E", str(self.folder / "log")], start_new_session=True
        )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        raise RuntimeError((self.folder / "log").read_text())

    def write_known_hosts(self) -> None:
        kind, key, *_ = (self.folder / "host_key.pub").read_text().split()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def host(self, name: str = "here", **changes: object) -> Host:
        """How to reach it."""
        settings: dict[str, object] = {
            "address": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "identity": self.folder / "id",
            "known_hosts": self.folder / "known_hosts",
            "ssh_config": self.empty("ssh_config"),
        }
        return Host(name, **{**settings, **changes})  # type: ignore[arg-type]  # settings by name

    def empty(self, name: str) -> Path:
        path = self.folder / name
        path.touch()
        return path

    def connections(self) -> list[int]:
        """Processes that serve one connection each."""
        assert self.process is not None
        found = []
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                rest = entry.read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if int(rest[1]) == self.process.pid:
                found.append(int(entry.parent.name))
        return found

    def cut(self) -> None:
        """Kill every connection, not the server."""
        for process in self.connections():
            with_children = [process, *children(process)]
            for one in with_children:
                if Path(f"/proc/{one}/comm").exists() and Path(f"/proc/{one}/comm").read_text().strip().startswith(
                    "sshd"
                ):
                    os.kill(one, signal.SIGKILL)

    def stop(self) -> None:
        if self.process is not None:
            self.cut()
            self.process.kill()
            self.process.wait()
            self.process = None


def children(process: int) -> list[int]:
    """Direct children of a process."""
    try:
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)], check=True)
