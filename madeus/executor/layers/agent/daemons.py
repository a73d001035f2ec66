"""Processes that go on in a stack which is left, and which service of the stack's packages each of them belongs to.

A service is known by its script in /etc/init.d: the script names the program, or the file with the process number, and says
that it runs. Children belong to what started them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import time
from collections.abc import Iterable, Sequence
from typing import Any

from . import inside, syscalls

SCRIPTS = "etc/init.d"
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""

TIMEOUT = 180.0
"""Seconds that a script may take."""

_LONGEST_SCRIPT = 64 << 10
_MOST_FILES = 5
"""Files that are told of a process that writes."""

_SET = re.compile(r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)=["']?([^"'\s;`]*)""", re.MULTILINE)
_USED = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?-[^}]*)?\}|([A-Za-z_]\w*))")
_PATH = re.compile(r"/(?:usr|opt|run|var|s?bin|srv|etc)/[\w./@+-]*\w")
_INTERPRETER = re.compile(r"(?:ba|da|k|z)?sh|busybox|(?:python|perl|ruby|php|node)[\d.]*")

Process = dict[str, Any]


def users(device: int, source: str = "") -> list[Process]:
    """The processes whose root is the overlay `device` (st_dev of its root directory), and the files that they write.

    `source`: of its mount; given where the overlay may be gone, and its number another file system's.
    """
    found = []
    for pid in _pids():
        try:
            if os.stat(f"/proc/{pid}/root").st_dev != device:
                continue
            if source and _mounted(pid, device) != source:
                continue
            words = _words(pid)
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                name = file.read().strip()
        except OSError:
            continue
        if words:  # a zombie has none
            process: Process = {"pid": pid, "name": name, "command": " ".join(words)[:300]}
            writes = _written(pid, device)
            found.append({**process, "writes": writes} if writes else process)
    return found


def services(root: str, processes: Iterable[Process], but: Sequence[str]) -> dict[str, list[int]]:
    """Running services of the stack at `root` that the processes belong to, with their numbers; without those in `but`."""
    left = {process["pid"]: _parent(process["pid"]) for process in processes}
    leaders = [pid for pid, parent in left.items() if parent not in left]
    known: dict[str, list[int]] = {}
    for name in _names(root) if leaders else ():
        if name in but:
            continue
        paths = _paths(f"{root}/{SCRIPTS}/{name}", name)
        own = [pid for pid in leaders if _belongs(root, pid, name, paths)]
        if own and call(root, name, "status") == 0:
            leaders = [pid for pid in leaders if pid not in own]
            known[name] = [pid for pid in left if _leader(pid, left) in own]
    return known


def has(root: str, name: str) -> bool:
    """Whether the stack at `root` has the script of a service."""
    return name in _names(root)


def call(root: str, name: str, verb: str) -> int:
    """Call the script of a service in the stack at `root`; its exit code."""
    return inside.run(root, [f"/{SCRIPTS}/{name}", verb], directory="/", timeout=TIMEOUT)[0]


def end(device: int, source: str = "") -> None:
    """End every process whose root is the overlay `device`. `source`: as in `users`."""
    for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, GRACE)):
        deadline = time.monotonic() + patience
        asked: set[int] = set()
        while True:
            left = {each["pid"] for each in users(device, source)}
            if not left:
                return
            for pid in left - asked:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            asked |= left
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)


def end_earlier(run: str) -> None:
    """End what was left in stacks before the present one. `run`: directory in memory that keeps which ones those were."""
    for device, source in _left(run):
        end(device, source)


def keep_in_mind(run: str, device: int, source: str) -> None:
    """Note that processes go on in a stack that is left; of earlier ones only those that still have some stay noted."""
    found = [one for one in _left(run) if users(*one)]
    with open(f"{run}/left.new", "w", encoding="utf-8") as file:
        json.dump([*found, (device, source)], file)
    os.rename(f"{run}/left.new", f"{run}/left")


def _left(run: str) -> list[tuple[int, str]]:
    try:
        with open(f"{run}/left", encoding="utf-8") as file:
            return [(device, source) for device, source in json.load(file)]
    except FileNotFoundError:
        return []


def _mounted(pid: int, device: int) -> str:
    """The source of the mount with that number that a process sees; empty: it sees none."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            left, _, right = line.partition(" - ")
            if left.split(" ", 3)[2] == wanted:
                return right.split(" ")[1]
    return ""


def _pids() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != os.getpid())


def _words(pid: int) -> list[str]:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return [word.decode(errors="replace") for word in file.read(4096).split(b"\0") if word]


def _written(pid: int, device: int) -> list[str]:
    """Files of the overlay that a process has open for writing."""
    found = set()
    with contextlib.suppress(OSError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                facts = os.stat(f"/proc/{pid}/fd/{number}")
                with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
                    told = dict(line.split()[:2] for line in file if line.startswith(("flags:", "mnt_id:")))
                writes = int(told["flags:"], 8) & os.O_ACCMODE != os.O_RDONLY
                if stat.S_ISREG(facts.st_mode) and writes and _device(pid, told["mnt_id:"]) == device:
                    found.add(os.readlink(f"/proc/{pid}/fd/{number}"))
    return sorted(found)[:_MOST_FILES]


def _device(pid: int, mount: str) -> int:
    """Of a mount: what stat tells of a file in an overlay may be the device of the layer that it lies in."""
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.split(" ", 3)
            if fields[0] == mount:
                major, minor = fields[2].split(":")
                return os.makedev(int(major), int(minor))
    return -1


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _leader(pid: int, left: dict[int, int]) -> int:
    while left[pid] in left:
        pid = left[pid]
    return pid


def _names(root: str) -> list[str]:
    try:
        with os.scandir(f"{root}/{SCRIPTS}") as entries:
            return sorted(
                entry.name
                for entry in entries
                if "." not in entry.name
                and entry.is_file(follow_symlinks=False)
                and entry.stat(follow_symlinks=False).st_mode & 0o111
            )
    except OSError:
        return []


def _paths(script: str, name: str) -> set[str]:
    """The files that a script names, its own variables put in where they are plain."""
    try:
        with open(script, encoding="utf-8", errors="replace") as file:
            text = file.read(_LONGEST_SCRIPT)
    except OSError:
        return set()
    given = {"0": name}
    for variable, value in _SET.findall(text):
        given.setdefault(variable, _put_in(value, given))
    return set(_PATH.findall(_put_in(text, given)))


def _put_in(text: str, given: dict[str, str]) -> str:
    return _USED.sub(lambda use: given.get(use[1] or use[2], use[0]), text)


def _belongs(root: str, pid: int, name: str, paths: set[str]) -> bool:
    try:
        program = os.readlink(f"/proc/{pid}/exe").removeprefix(root).removesuffix(" (deleted)")
        words = _words(pid)
    except OSError:
        return False
    if _INTERPRETER.fullmatch(os.path.basename(program)):
        program = next((word for word in words[1:] if word.startswith("/")), "")
    if program and (os.path.basename(program) == name or _in_usr(program) in {_in_usr(path) for path in paths}):
        return True
    return pid in _numbered(root, paths)


def _in_usr(path: str) -> str:
    return f"/usr{path}" if path.startswith(("/bin/", "/sbin/")) else path


def _numbered(root: str, paths: set[str]) -> set[int]:
    """Process numbers in the files that a script names."""
    found = set()
    top = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path in paths:
            if path.endswith("pid"):
                with contextlib.suppress(OSError, ValueError, IndexError):
                    handle = syscalls.open_in_root(top, path, os.O_RDONLY | os.O_NONBLOCK)
                    with open(handle, encoding="ascii") as file:
                        found.add(int(file.read(20).split()[0]))
    finally:
        os.close(top)
    return found
