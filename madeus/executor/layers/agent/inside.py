"""Commands inside the layered root: a mount namespace of their own, whose root the stack is.

A process keeps the stack in which it was started, whole, with /proc, /dev and its persistent directories, for as long as it
runs: a switch does not pull the ground from under it. Pids, network, users and host name are the host's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence

from . import syscalls
from .trouble import AgentError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POLICY_DIRECTORY, POLICY = "usr/sbin", "policy-rc.d"
"""What Debian's packages ask whether they may start services."""

DENIAL = b"#!/bin/sh\n# madeus: services are started by the role\nexit 101\n"
NOT_EXECUTABLE = 127
OUTPUT_LIMIT = 1 << 20
"""Bytes of a command's output that an answer carries: the last ones."""


def enter(root: str) -> None:
    """Move this process into the layered root `root`. Raises AgentError `no-stack` when none is mounted."""
    if not os.path.ismount(root):
        raise AgentError("no-stack", f"no stack is mounted at {root}: switch to one, or boot", path=root)
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    os.chdir(root)
    try:
        syscalls.pivot_root_here()
    except OSError:  # the host's root is the initial one, which cannot be left
        os.chroot(".")
        os.chdir("/")


def execute(argv: Sequence[str], environment: Mapping[str, str], directory: str | None) -> None:
    """Become `argv`, in the layered root that this process has entered; ends with 127 when it cannot be executed."""
    try:
        os.chdir(directory or environment.get("HOME", "/"))
    except OSError as error:
        if directory is not None:
            os.write(2, f"{directory}: {error.strerror}\n".encode())
            os._exit(NOT_EXECUTABLE - 1)
    try:
        os.execvpe(argv[0], list(argv), dict(environment))
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(NOT_EXECUTABLE)


def usual_environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """What a command has in its environment: a login's, and what the request adds."""
    kept = {name: os.environ[name] for name in ("TERM", "LANG", "LC_ALL", "DEBIAN_FRONTEND") if name in os.environ}
    usual = {"PATH": PATH, "HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/sh"}
    return {**usual, **kept, **(extra or {})}


def passed_on() -> dict[str, str]:
    """This process's own environment, with a path that finds what Debian's packages call."""
    return {**os.environ, "PATH": os.environ.get("PATH") or PATH, "HOME": os.environ.get("HOME", "/root")}


def run(
    root: str,
    argv: Sequence[str],
    environment: Mapping[str, str] | None = None,
    directory: str | None = None,
    given: bytes = b"",
    timeout: float | None = None,
) -> tuple[int, str]:
    """Run a command inside and return its exit code (128 + signal) and what it wrote, both streams in one.

    Daemons that it leaves behind may keep its output open: only its own end is waited for. It leads a session of its own.
    After `timeout` seconds its process group is killed.
    """
    if not os.path.ismount(root):
        raise AgentError("no-stack", f"no stack is mounted at {root}: switch to one, or boot", path=root)
    output = os.memfd_create("output")
    source = os.memfd_create("input")
    os.write(source, given)
    os.lseek(source, 0, os.SEEK_SET)
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            for place, descriptor in enumerate((source, output, output)):
                os.dup2(descriptor, place)
            for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.umask(0o022)
            enter(root)
            execute(argv, usual_environment(environment), directory)
        except BaseException as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(NOT_EXECUTABLE)
    try:
        code = _wait(pid, timeout)
        size = os.fstat(output).st_size
        text = os.pread(output, OUTPUT_LIMIT, max(0, size - OUTPUT_LIMIT)).decode(errors="replace")
    finally:
        os.close(output)
        os.close(source)
    return code, text


def _wait(pid: int, timeout: float | None) -> int:
    if timeout is None:
        return exit_code(os.waitpid(pid, 0)[1])
    deadline = time.monotonic() + timeout
    pause = 0.0005
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return exit_code(status)
        if time.monotonic() >= deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            return exit_code(os.waitpid(pid, 0)[1])
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)


def exit_code(status: int) -> int:
    """The exit code of a process that ended with the wait status `status`: 128 + n after signal n."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def services_denied(root: str) -> Iterator[None]:
    """Packages that are installed in the body start no services. A stack that has a policy of its own keeps that."""
    place = _policy_directory(root)
    if place is None:
        yield
        return
    try:
        try:
            handle = os.open(POLICY, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755, dir_fd=place)
        except FileExistsError:
            yield
            return
        os.write(handle, DENIAL)
        os.fchmod(handle, 0o755)
        os.close(handle)
        try:
            yield
        finally:
            withdraw_denial(root)
    finally:
        os.close(place)


def withdraw_denial(root: str) -> None:
    """Remove the policy that `services_denied` left in the tree at `root`, also that of one that was killed."""
    place = _policy_directory(root)
    if place is None:
        return
    try:
        handle = os.open(POLICY, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
        ours = os.read(handle, len(DENIAL) + 1) == DENIAL
        os.close(handle)
        if ours:
            os.unlink(POLICY, dir_fd=place)
    except OSError:
        return  # there is none
    finally:
        os.close(place)


def _policy_directory(root: str) -> int | None:
    try:
        top = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return syscalls.open_in_root(top, POLICY_DIRECTORY, os.O_RDONLY | os.O_DIRECTORY)
        finally:
            os.close(top)
    except OSError:
        return None
