"""Traces of an application's start: which files it opens, in order, and whether it writes them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile

_CALL = re.compile(r'^(\d+) +(openat2?|open|creat|execve)\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)", ?(.*?)\)? += (-?\d+)')
_BEGUN = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_WRITING = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND")


def has_strace() -> bool:
    """Whether there is strace."""
    return shutil.which("strace") is not None


def trace_start(command: str, seconds: float) -> list[tuple[str, bool]]:
    """Run a command under strace for at most some seconds, then end it and all that it started.

    Returns what it opened, see `parse`.
    """
    folder = tempfile.mkdtemp(prefix="madeus-trace-")
    output = os.path.join(folder, "trace")
    calls = "trace=open,openat,openat2,creat,execve"
    words = ["strace", "-f", "-qq", "-s", "4096", "-e", calls, "-o", output, "sh", "-c", command]
    try:
        with open(os.devnull, "r+b") as nothing:
            child = subprocess.Popen(words, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
            _wait(child, seconds)
            _end(child, output)
        with open(output, errors="surrogateescape") as stream:
            return parse(stream.read())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(child: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(seconds)


def _end(child: subprocess.Popen[bytes], output: str) -> None:
    """End the traced processes, then strace."""
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
        if child.poll() is not None:
            return
        for pid in _traced(output):
            try:
                os.kill(pid, number)
            except OSError:
                continue
        _wait(child, patience)
    child.kill()
    child.wait()


def _traced(output: str) -> list[int]:
    """Processes that are traced now: those of the output whose tracer is alive."""
    with open(output, errors="surrogateescape") as stream:
        pids = {int(line.split(" ", 1)[0]) for line in stream if line[:1].isdigit()}
    found = []
    for pid in sorted(pids):
        try:
            with open(f"/proc/{pid}/status") as stream:
                if not re.search(r"^TracerPid:\s+0$", stream.read(), re.MULTILINE):
                    found.append(pid)
        except OSError:
            continue
    return found


def parse(text: str) -> list[tuple[str, bool]]:
    """(path, written) of each file that was opened, in order of the first time; relative paths are left out."""
    found: dict[str, bool] = {}
    begun: dict[str, str] = {}
    for line in text.splitlines():
        cut = _BEGUN.match(line)
        if cut:
            begun[cut.group(1)] = cut.group(2)
            continue
        rest = _RESUMED.match(line)
        if rest:
            line = "{} {}{}".format(rest.group(1), begun.pop(rest.group(1), ""), rest.group(2))
        call = _CALL.match(line)
        if not call or int(call.group(5)) < 0:
            continue
        path = call.group(3).encode().decode("unicode_escape") if "\\" in call.group(3) else call.group(3)
        if not path.startswith("/") or "O_DIRECTORY" in call.group(4):
            continue
        path = os.path.normpath(path)
        written = call.group(2) == "creat" or any(flag in call.group(4) for flag in _WRITING)
        found[path] = found.get(path, False) or written
    return list(found.items())
