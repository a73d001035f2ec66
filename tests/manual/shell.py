"""A shell that a page's commands are typed into."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

_SHIMS = {
    "madeus": '#!/bin/sh\nexec "{python}" -m madeus "$@"\n',
    # What a page tells its reader to install goes beside the page's files, and nothing is fetched for it.
    "pip": '#!/bin/sh\nexec "{python}" -m pip --disable-pip-version-check "$@" {into} "{site}"\n',
    # The tests that need root have it.
    "sudo": '#!/bin/sh\nexec "$@"\n',
}
_OFFLINE = "--no-deps --no-build-isolation --target"
_END = "\1the command ended with"


def page_environment(folder: Path) -> dict[str, str]:
    """Environment of a page that lives in `folder`: its own home, no state of the user's."""
    tools = folder / ".tools"
    if not tools.is_dir():
        tools.mkdir()
        (folder / ".run").mkdir(mode=0o700)
        for name, text in _SHIMS.items():
            (tools / name).write_text(text.format(python=sys.executable, into=_OFFLINE, site=folder / ".site"))
            (tools / name).chmod(0o755)
        _share_cache(folder / ".cache" / "madeus")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MADEUS_", "XDG_", "PYTEST_"))}
    return {
        **kept,
        "HOME": str(folder),
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(folder / ".site"),
        "XDG_CACHE_HOME": str(folder / ".cache"),
        "XDG_RUNTIME_DIR": str(folder / ".run"),
        "PYTHONWARNINGS": "ignore::DeprecationWarning",
        "COLUMNS": "100",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "MADEUS_MANUAL": str(folder),
    }


def _share_cache(place: Path) -> None:
    """What takes long to make anew and is no answer to any question: the grammar's tables, the test hosts' packages."""
    real = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "madeus"
    place.mkdir(parents=True)
    for table in real.glob("grammar-*.json"):
        shutil.copy(table, place)
    (real / "testbed").mkdir(parents=True, exist_ok=True)
    (place / "testbed").symlink_to(real / "testbed")


class Shell:
    """One bash: directories, variables and jobs stay from command to command."""

    def __init__(self, folder: Path, environment: Mapping[str, str], timeout: float = 60) -> None:
        self._folder = folder
        self._timeout = timeout
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def type(self, command: str) -> tuple[str, int]:
        """What the command printed, on both streams, and its exit code. Raises TimeoutError."""
        assert self._bash.stdin is not None and self._bash.stdout is not None
        (self._folder / ".tools/typed").write_text(command + "\n")
        self._bash.stdin.write(
            f". {self._folder}/.tools/typed </dev/null; code=$?; echo $'\\n{_END}' $code; (exit $code)\n"
        )
        self._bash.stdin.flush()
        timer = threading.Timer(self._timeout, self._kill)
        timer.start()
        lines: list[str] = []
        try:
            for line in self._bash.stdout:
                if line.startswith(_END):
                    return "".join(lines).removesuffix("\n"), int(line.split()[-1])
                lines.append(line)
        finally:
            timer.cancel()
        raise TimeoutError(f"`{command}` did not end within {self._timeout:g} s; so far:\n{''.join(lines)}")

    def close(self) -> None:
        """End the shell, and everything that it left running."""
        self._kill()
        self._bash.wait()
        for stream in (self._bash.stdin, self._bash.stdout):
            if stream is not None:
                stream.close()
        mark = f"MADEUS_MANUAL={self._folder}\0".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes() + b"\0":
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:
                continue  # it has ended, or it is another user's

    def _kill(self) -> None:
        try:
            os.killpg(self._bash.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
