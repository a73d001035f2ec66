"""A host's program in a mount namespace of its own: what it mounts nobody else sees, and it goes with the namespace."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from madeus.executor.layers.agent.bundle import bundle

RUN = "/run/madeus-test"
ROOT = f"{RUN}/root"
TOOLS = (
    "sh",
    "cat",
    "ls",
    "rm",
    "mkdir",
    "touch",
    "sleep",
    "echo",
    "true",
    "false",
    "setsid",
    "stat",
    "id",
    "pwd",
    "cp",
)


class Refused(Exception):
    """The program answered with an error."""

    def __init__(self, code: int, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code = code
        self.error = error


class Machine:
    """A store, and the namespace in which its stacks are mounted."""

    def __init__(self, directory: Path, capacity: str | None = None) -> None:
        self.store = directory
        directory.mkdir(parents=True)
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; exec sleep infinity"],
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        self._holder.stdout.readline()
        if capacity is not None:
            self.run("mount", "-t", "tmpfs", "-o", f"size={capacity}", "none", str(directory))
        program = bundle(str(directory))
        self.run("mkdir", "-p", str(directory / "layers"))
        self.run("sh", "-c", f"cat > {program.path}", given=program.content)
        self.program = program.path

    def run(
        self, *argv: str, given: bytes = b"", check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command in the namespace."""
        enter = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--wd=/", *argv]
        done = subprocess.run(
            enter, input=given, capture_output=True, check=False, env={**os.environ, **environment}, timeout=120
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{argv}: {done.returncode} {done.stderr.decode()}")
        return done

    def command(self, verb: str, *words: str) -> list[str]:
        return ["python3", "-I", "-S", self.program, "--store", str(self.store), "--run", RUN, verb, *words]

    def ask(self, verb: str, request: dict[str, Any] | None = None, **environment: str) -> dict[str, Any]:
        """The program's answer. Raises Refused."""
        given = json.dumps(request or {}).encode() + b"\n"
        done = self.run(*self.command(verb), given=given, check=False, **environment)
        assert done.returncode in (0, 1, 2, 75), (done.returncode, done.stderr.decode())
        answer = json.loads(done.stdout)
        if "error" in answer:
            raise Refused(done.returncode, answer["error"])
        result: dict[str, Any] = answer["ok"]
        return result

    def survive(self, verb: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Ask with the power cut before step 1, then before step 2, ... until the verb ends; how often, and its answer."""
        for step in range(1, 400):
            given = json.dumps(request).encode()
            done = self.run(*self.command(verb), given=given, check=False, MADEUS_LAYERS_FAULT=str(step))
            if done.returncode == 0:
                return step - 1, json.loads(done.stdout)["ok"]
            assert done.returncode == -signal.SIGKILL or done.returncode == 128 + signal.SIGKILL, done
        raise AssertionError("it never ended")

    def sh(self, script: str) -> str:
        """Run a script in the layered root; its output."""
        answer = self.ask("exec", {"argv": ["sh", "-c", script]})
        assert answer["code"] == 0, answer
        return str(answer["output"])

    def path(self, layer: str) -> Path:
        """Where a layer's contents are, as the namespace has them."""
        return Path(f"/proc/{self._holder.pid}/root{self.store}/layers/{layer}/data")

    def base(self, layer: str = "base") -> None:
        """A root with a shell and the tools that the tests call."""
        self.ask("create", {"layer": layer})
        data = self.path(layer)
        for name in ("bin", "lib", "lib64", "sbin"):
            (data / name).symlink_to(f"usr/{name}")
        for name in ("usr/sbin", "usr/bin", "usr/lib64", "etc", "var/lib", "root", "proc", "sys", "dev", "run", "tmp"):
            (data / name).mkdir(parents=True)
        programs = [found for name in TOOLS if (found := shutil.which(name)) is not None]
        for source in [*programs, *_libraries(programs)]:
            wanted = source.removeprefix("/usr").lstrip("/")
            path = data / "usr" / wanted
            path.parent.mkdir(parents=True, exist_ok=True)
            self.run("cp", "-L", source, str(path))
        (data / "etc/version").write_text("base\n")
        self.ask("freeze", {"layer": layer})

    def layer(self, layer: str, files: dict[str, str | None]) -> None:
        """A read-only layer with these files; None: a whiteout."""
        self.ask("create", {"layer": layer})
        fill(self.path(layer), files)
        self.ask("freeze", {"layer": layer})

    def mounts(self) -> int:
        """Mounts of the namespace below the program's mount point."""
        table = self.run("cat", "/proc/self/mountinfo").stdout.decode()
        return sum(f" {RUN}" in line for line in table.splitlines())

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout is not None
        self._holder.stdout.close()


def fill(data: Path, files: dict[str, str | None]) -> None:
    for name, content in files.items():
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            os.mknod(path, 0o20000, os.makedev(0, 0))
        else:
            path.write_text(content)


@functools.cache
def _needed(program: str) -> frozenset[str]:
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return frozenset(word for word in said.split() if word.startswith("/"))


def _libraries(programs: Sequence[str]) -> list[str]:
    return sorted(set().union(*map(_needed, programs)))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    made = Machine(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def rooted(machine: Machine) -> Machine:
    """With the base layer, and a first stack mounted."""
    machine.base()
    machine.ask("switch", {"stack": ["base"], "writable": "c0", "create": True})
    return machine
