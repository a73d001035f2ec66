"""A running host: its PID 1, further processes in it, and its end. Runs in the keeper, which is the parent of all of them.

The order of a birth, for a whole batch at once: `conceive` forks PID 1, which moves into its namespaces and waits; the keeper
plugs the cables in; `deliver` lets it build its root, drop capabilities and become sshd. PID 1 dies with the keeper, and
everything of a host (processes, mounts, link, namespaces) dies with its PID 1.
"""

import os
import resource
import signal
import socket
import stat
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from madeus.executor.testbed import network, packages, root, sshd, syscalls, systemd
from madeus.executor.testbed.errors import HostFailed
from madeus.executor.testbed.registry import MARKER, Mode, ProcessId, identify

NOT_EXECUTABLE = 127
"""Exit code of a command that could not be executed, as a shell has it."""
INTERNAL = 70
USUAL_OPEN_FILES = 1024
"""The soft limit that a login on a real machine has."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
"""Of commands that are run in a host without SSH; logins get the like from sshd."""

# Docker's default set (without MKNOD: no device controller guards the machine's disks here), and what daemons ask for.
_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID, _KILL, _SETGID, _SETUID, _SETPCAP = 0, 1, 3, 4, 5, 6, 7, 8
_NET_BIND_SERVICE, _NET_RAW, _IPC_LOCK, _SYS_CHROOT, _SYS_PTRACE, _SYS_NICE, _AUDIT_WRITE, _SETFCAP = (
    10,
    13,
    14,
    18,
    19,
    23,
    29,
    31,
)
CAPABILITIES = frozenset(
    {_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID, _KILL, _SETGID, _SETUID, _SETPCAP}
    | {_NET_BIND_SERVICE, _NET_RAW, _IPC_LOCK, _SYS_CHROOT, _SYS_PTRACE, _SYS_NICE, _AUDIT_WRITE, _SETFCAP}
)
_SHARED_KINDS = (
    syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWUTS
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWNET
    | syscalls.CLONE_NEWCGROUP
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a host is to be."""

    name: str
    number: int
    inner: str
    directory: Path
    lower: Path
    repository: Path
    mode: Mode
    bed: Path
    common: Path
    layers: bool = False
    """Whether it can mount layered roots: a store on the bed's own file system, and the capabilities for it."""
    systemd: bool = False
    """Whether its PID 1 is systemd."""

    @property
    def own_network(self) -> bool:
        """Whether the host has its own network namespace."""
        return self.mode != "lo"

    @property
    def capabilities(self) -> frozenset[int]:
        """NET_ADMIN only over a network of its own; what mounts and makes device nodes only where layers are wanted."""
        network_too = CAPABILITIES | {syscalls.CAP_NET_ADMIN} if self.own_network else CAPABILITIES
        mounting = self.layers or self.systemd
        return network_too | {syscalls.CAP_SYS_ADMIN, syscalls.CAP_MKNOD} if mounting else network_too


@dataclass(frozen=True, slots=True)
class Unborn:
    """PID 1 between `conceive` and `deliver`."""

    plan: Plan
    pid: int
    ready: int
    """Reads one byte when the namespaces are there."""
    go: int
    failed: int
    """Reads the reason of a failure, or the end of file when sshd runs."""


def conceive(plan: Plan, home: int) -> Unborn:
    """Fork the PID 1 of a host into fresh namespaces, where it waits. `home` is the caller's own pid namespace."""
    ready, say_ready = os.pipe()
    wait_go, go = os.pipe()
    failed, say_failed = os.pipe()

    def run() -> None:
        try:
            syscalls.die_with_parent(signal.SIGKILL)
            _isolate(plan)
            os.write(say_ready, b"r")
            os.close(go)
            if os.read(wait_go, 1) == b"g":
                _become_init(plan)
        except BaseException as error:  # whatever it is, the keeper must hear of it
            os.write(say_failed, str(error).encode()[:4000] or type(error).__name__.encode())

    syscalls.unshare(syscalls.CLONE_NEWPID)
    try:
        pid = _fork(run)
    finally:
        syscalls.setns(home, syscalls.CLONE_NEWPID)
    for descriptor in (say_ready, wait_go, say_failed):
        os.close(descriptor)
    return Unborn(plan, pid, ready, go, failed)


def _isolate(plan: Plan) -> None:
    if plan.systemd:
        systemd.join_group(plan.bed, plan.name)
    kinds = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWCGROUP
    syscalls.unshare(kinds | (syscalls.CLONE_NEWNET if plan.own_network else 0))
    socket.sethostname(plan.name)


def _become_init(plan: Plan) -> None:
    if plan.own_network:
        network.configure_own_links(plan.inner)
    binds = {plan.repository: root.REPOSITORY}
    if plan.layers:
        binds[packages.roots_directory()] = root.ROOTS
    root.enter_root(plan.directory, plan.common, plan.lower, binds, plan.layers)
    if plan.systemd:
        systemd.furnish()
    syscalls.keep_capabilities(plan.capabilities)
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.umask(0o022)
    environment = {"PATH": PATH, MARKER: str(plan.bed), "MADEUS_TESTBED_HOST": plan.name}
    if plan.systemd:
        os.execve(systemd.PROGRAM, ["/sbin/init"], {**environment, **systemd.ENVIRONMENT})
    os.execve(sshd.SSHD, [sshd.SSHD, "-D", "-E", f"/{sshd.LOG}"], environment)


def wait_ready(unborn: Unborn) -> None:
    """Wait until the namespaces of the host are there. Raises HostFailed."""
    if os.read(unborn.ready, 1) != b"r":
        raise HostFailed(unborn.plan.name, "making its namespaces", _reason(unborn))


def let_go(unborn: Unborn) -> None:
    """Let the host build its root and become sshd."""
    with suppress(BrokenPipeError):
        os.write(unborn.go, b"g")


def deliver(unborn: Unborn) -> ProcessId:
    """Wait until sshd runs as the host's PID 1. Raises HostFailed."""
    reason = _reason(unborn)
    if reason:
        raise HostFailed(unborn.plan.name, "building its root", reason)
    try:
        return identify(unborn.pid)
    except ProcessLookupError as error:
        raise HostFailed(unborn.plan.name, "starting sshd", last_words(unborn.plan.directory)) from error


def forget(unborn: Unborn) -> None:
    """Close the pipes to the host."""
    for descriptor in (unborn.ready, unborn.go, unborn.failed):
        os.close(descriptor)


def _reason(unborn: Unborn) -> str:
    said = b""
    while part := os.read(unborn.failed, 4096):
        said += part
    return said.decode(errors="replace")


def last_words(directory: Path) -> str:
    """The end of the sshd log on a host's disk."""
    try:
        return (directory / "upper" / sshd.LOG).read_text(encoding="utf-8", errors="replace")[
            -500:
        ] or "it said nothing"
    except OSError:
        return "it said nothing"


PATIENCE = 10.0
"""Seconds for an sshd to come up."""


def wait_listening(
    name: str, process: ProcessId, address: str, port: int, directory: Path, patience: float = PATIENCE
) -> None:
    """Wait until the host's sshd listens. Raises HostFailed when it ends before, or says nothing for `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            if network.is_listening(process.pid, address, port):
                return
            identify(process.pid)
        except (FileNotFoundError, ProcessLookupError):
            break
        if time.monotonic() > deadline:
            break
        time.sleep(0.005)
    raise HostFailed(name, "starting sshd", last_words(directory))


BOOT = f"/{root.STORE}/boot"
"""What a host runs when it comes up, if it is there: the layered root comes back as it was."""


class Inside:
    """The way into the namespaces of a running host: processes can be started in it."""

    def __init__(self, process: ProcessId, capabilities: frozenset[int], home: int) -> None:
        """`home` is the caller's own pid namespace. Raises OSError when the host is gone."""
        self._capabilities = capabilities
        self._home = home
        self._handle = os.pidfd_open(process.pid)

    def close(self) -> None:
        """Let the host go."""
        os.close(self._handle)

    def spawn(self, argv: Sequence[str], environment: Mapping[str, str], streams: Sequence[int]) -> int:
        """Start `argv` in the host with `streams` as its descriptors 0, 1 and 2; returns its pid on the machine.

        It leads a session of its own. A command that cannot be executed ends with 127, as in a shell. Raises OSError when
        the host is gone.
        """

        def run() -> None:
            syscalls.setns(self._handle, _SHARED_KINDS)
            os.chdir("/root")
            syscalls.keep_capabilities(self._capabilities)
            _place_streams(streams)
            os.umask(0o022)
            try:
                os.execvpe(argv[0], list(argv), dict(environment))
            except OSError as error:
                os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
                os._exit(NOT_EXECUTABLE)

        with syscalls.children_in(self._handle, self._home):
            return _fork(run)


def _place_streams(streams: Sequence[int]) -> None:
    """Make `streams` the descriptors 0, 1, 2; they may be any descriptors, those three included."""
    clear = [os.dup(stream) for stream in streams]
    high = [descriptor if descriptor > 2 else os.dup(descriptor) for descriptor in clear]
    for place, descriptor in enumerate(high):
        os.dup2(descriptor, place)


def _fork(run: Callable[[], None]) -> int:
    """Fork a child that does `run`, leads its own session, and never comes back from here; returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        _reset_process()
        os.setsid()
        run()
    except BaseException:
        traceback.print_exc()  # the keeper's standard error is its log
    finally:
        os._exit(INTERNAL)


def _reset_process() -> None:
    """Undo what the keeper set up for itself: signals, and room for many open files."""
    signal.set_wakeup_fd(-1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, USUAL_OPEN_FILES), hard))
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def processes_of(process: ProcessId) -> set[int]:
    """The pids, as the machine numbers them, of every process in the host's pid namespace."""
    wanted = Path(f"/proc/{process.pid}/ns/pid").stat()
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            here = (entry / "ns/pid").stat()
        except OSError:
            continue
        if (here.st_dev, here.st_ino) == (wanted.st_dev, wanted.st_ino):
            found.add(int(entry.name))
    return found


def freeze(process: ProcessId) -> None:
    """Stop every process of the host, also those that are forked while this goes on."""
    stopped: set[int] = set()
    while running := processes_of(process) - stopped:
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= running


def thaw(process: ProcessId) -> None:
    """Let every process of the host go on."""
    for pid in processes_of(process):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def session_daemons(pid: int) -> list[int]:
    """The sshd processes that serve the connection of the sshd `pid`: itself and its sshd children, not their commands."""
    found, look = [], [pid]
    while look:
        current = look.pop()
        with suppress(OSError):
            if Path(f"/proc/{current}/comm").read_text(encoding="utf-8").startswith("sshd"):
                found.append(current)
                children = Path(f"/proc/{current}/task/{current}/children").read_text(encoding="ascii")
                look += map(int, children.split())
    return found


def renew_names(process: ProcessId, names: dict[str, str]) -> None:
    """Put the bed's names into the running host's /etc/hosts, beside what the host itself wrote there."""
    path = Path(f"/proc/{process.pid}/root/etc/hosts")
    with suppress(OSError):  # a host that deleted or linked the file away keeps it so
        if stat.S_ISREG(path.lstat().st_mode):
            with path.open("r+", encoding="utf-8") as file:
                text = network.with_host_names(file.read(), names)
                file.seek(0)
                file.truncate()
                file.write(text)
