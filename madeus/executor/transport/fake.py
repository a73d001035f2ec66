"""Hosts that do not exist: scripted jobs on a virtual clock, faults on demand. For tests and for simulated runs.

A `FakeWorld` outlives the transports into it, as real hosts outlive a controller::

    world = FakeWorld(lambda host, job: Reply(seconds=3, stdout=b"10.0.0.1\\n"))
    run_virtual(main(Transports("run", make=world.transport_maker("run"))))
    assert world.started == [("db1", "db.provision.0.1")]
"""

from __future__ import annotations

import asyncio
import hashlib
import selectors
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from madeus.executor.errors import (
    ConnectionLost,
    FileOperationFailed,
    HostError,
    JobRefused,
    JobVanished,
)
from madeus.executor.inventory import Host
from madeus.executor.transport.base import (
    Absent,
    FileFacts,
    Finished,
    Found,
    HostFacts,
    Job,
    Outcome,
    Running,
    Transport,
    Vanished,
)
from madeus.executor.transport.files import chunks

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a scripted job does."""

    seconds: float = 0.0
    """Duration, on the event loop's clock."""

    exit_code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    refused: str = ""
    """Not empty: the host does not start it, with this reason."""

    vanishes: bool = False
    """It ends without recording a result."""


Script = Callable[[str, Job], Reply]


@dataclass(slots=True, eq=False)
class _FakeJob:
    reply: Reply
    began: float
    done: asyncio.Event
    killed: bool = False
    vanished: str = ""
    outcome: Outcome | None = None
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True, eq=False)
class _FakeHost:
    jobs: dict[tuple[str, str], _FakeJob] = field(default_factory=dict)
    files: dict[str, tuple[bytes, FileFacts]] = field(default_factory=dict)
    boots: int = 1
    owners: int = 0
    down: HostError | None = None
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop | None = None
    """The one that `cut` is waited for in; a world may be used by one controller after another, each with its own."""


class FakeWorld:
    """Scripted hosts and what happened on them."""

    def __init__(self, script: Script | None = None) -> None:
        """`script` says what each job does; without it every job succeeds at once and prints nothing."""
        self._script: Script = script or (lambda host, job: Reply())
        self._hosts: dict[str, _FakeHost] = {}
        self.started: list[tuple[str, str]] = []
        """(host, job) in the order in which they were started; ephemeral jobs are not listed."""

        self.jobs: dict[tuple[str, str], Job] = {}
        """Every job that was started, by (host, identifier)."""

    def transport(self, host: str, run: str) -> FakeTransport:
        """A transport to one of the hosts."""
        return FakeTransport(self, host, run)

    def transport_maker(self, run: str) -> Callable[[Host], Transport]:
        """For `Transports(make=...)`."""
        return lambda host: self.transport(host.name, run)

    def host(self, name: str) -> _FakeHost:
        """State of a host."""
        return self._hosts.setdefault(name, _FakeHost())

    def unreachable(self, name: str, error: HostError | None) -> None:
        """From now on every use of the host raises `error`, open channels too; `None`: it is back."""
        host = self.host(name)
        host.down = error
        if error is not None:
            host.cut.set()
            host.cut = asyncio.Event()

    def restart(self, name: str) -> None:
        """The host restarts: its running jobs are gone without a result, its boot identifier is another."""
        host = self.host(name)
        host.boots += 1
        for job in host.jobs.values():
            if not job.done.is_set():
                self.vanish(job, "the host was restarted")

    def vanish(self, job: _FakeJob, reason: str) -> None:
        """A job ends without a result."""
        if job.timer is not None:
            job.timer.cancel()
        job.vanished = reason
        job.done.set()

    def reply(self, host: str, job: Job) -> Reply:
        """What the script says."""
        return self._script(host, job)


class FakeTransport(Transport):
    """A channel to a scripted host."""

    def __init__(self, world: FakeWorld, host: str, run: str) -> None:
        self.world, self.host, self.run = world, host, run
        self._closed = False
        self._facts: HostFacts | None = None

    @override
    async def connect(self) -> HostFacts:
        host = self._reach()
        if self._facts is None:
            host.owners += 1
        self._facts = HostFacts(f"boot-{host.boots}", "fake", 1000, "/home/fake", host.owners)
        return self._facts

    def _reach(self) -> _FakeHost:
        host = self.world.host(self.host)
        if self._closed:
            raise ConnectionLost(self.host, "", "the channel was closed")
        if host.down is not None:
            raise host.down
        return host

    def _job(self, job_id: str) -> _FakeJob | None:
        return self.world.host(self.host).jobs.get((self.run, job_id))

    @override
    async def start(self, job: Job) -> None:
        await self.connect()
        host = self._reach()
        if (self.run, job.id) in host.jobs:
            return
        loop = asyncio.get_running_loop()
        reply = self.world.reply(self.host, job)
        fake = _FakeJob(reply, loop.time(), asyncio.Event())
        host.jobs[(self.run, job.id)] = fake
        if reply.refused:
            fake.done.set()
            return
        self.world.jobs[(self.host, job.id)] = job
        if not job.ephemeral:
            self.world.started.append((self.host, job.id))
        fake.timer = loop.call_later(reply.seconds, self._end, fake)

    def _end(self, fake: _FakeJob) -> None:
        reply = fake.reply
        if reply.vanishes:
            self.world.vanish(fake, "it was ended from outside")
            return
        seconds = asyncio.get_running_loop().time() - fake.began
        code = 143 if fake.killed else reply.exit_code
        fake.outcome = Outcome(
            code, reply.stdout, reply.stderr, len(reply.stdout), len(reply.stderr), seconds, killed=fake.killed
        )
        fake.done.set()

    @override
    async def wait(self, job_id: str) -> Outcome:
        host = self._reach()
        fake = self._job(job_id)
        if fake is None:
            raise LookupError(f"no job {job_id} was started or found on {self.host}")
        if fake.reply.refused:
            del host.jobs[(self.run, job_id)]
            raise JobRefused(self.host, job_id, fake.reply.refused)
        if host.loop is not asyncio.get_running_loop():
            host.loop, host.cut = asyncio.get_running_loop(), asyncio.Event()
        cut = host.cut
        waiting = [asyncio.ensure_future(fake.done.wait()), asyncio.ensure_future(cut.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        if not fake.done.is_set():
            self._reach()
        if fake.outcome is None:
            raise JobVanished(self.host, job_id, fake.vanished)
        return fake.outcome

    @override
    async def find(self, job_id: str, boot_id: str | None = None) -> Found:
        facts = await self.connect()
        fake = self._job(job_id)
        if fake is None or fake.reply.refused:
            restarted = boot_id is not None and boot_id != facts.boot_id
            return Vanished("the host was restarted since its start") if restarted else Absent()
        if fake.outcome is not None:
            return Finished(fake.outcome)
        if fake.done.is_set():
            return Vanished(fake.vanished)
        return Running(asyncio.get_running_loop().time() - fake.began)

    @override
    async def kill(self, job_id: str, grace: float = 10.0) -> None:
        self._reach()
        fake = self._job(job_id)
        if fake is not None and not fake.done.is_set():
            if fake.timer is not None:
                fake.timer.cancel()
            fake.killed = True
            self._end(fake)

    @override
    async def forget(self, run: str) -> None:
        host = self._reach()
        for key in [key for key, job in host.jobs.items() if key[0] == run and job.done.is_set()]:
            del host.jobs[key]

    @override
    async def put(
        self,
        path: str,
        content: bytes | Path,
        mode: int | None = None,
        owner: str | None = None,
        group: str | None = None,
        user: str | None = None,
    ) -> bool:
        host = self._reach()
        data = b"".join(chunks(content, 1 << 20))
        old = host.files.get(path)
        now = old[1] if old else FileFacts("file", mode=0o644, owner="fake", group="fake")
        facts = FileFacts(
            "file",
            hashlib.sha256(data).hexdigest(),
            mode if mode is not None else now.mode,
            owner or now.owner,
            group or now.group,
        )
        host.files[path] = (data, facts)
        return old != (data, facts)

    @override
    async def get(self, path: str, limit: int = 64 << 20, user: str | None = None) -> bytes:
        found = self._reach().files.get(path)
        if found is None:
            raise FileOperationFailed(self.host, path, "No such file or directory")
        if len(found[0]) > limit:
            raise FileOperationFailed(self.host, path, f"holds {len(found[0])} bytes, more than the {limit} allowed")
        return found[0]

    @override
    async def stat(self, paths: Sequence[str], user: str | None = None) -> list[FileFacts]:
        files = self._reach().files
        return [self._facts_of(files, path) for path in paths]

    def _facts_of(self, files: dict[str, tuple[bytes, FileFacts]], path: str) -> FileFacts:
        if path in files:
            return files[path][1]
        below = path.rstrip("/") + "/"
        return FileFacts("directory" if any(name.startswith(below) for name in files) else "absent")

    @override
    async def close(self) -> None:
        self._closed = True


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on which waiting takes no time: when nothing else can happen its clock jumps to the next timer."""

    def __init__(self, patience: float = 0.0) -> None:
        """`patience`: real seconds to wait for threads and sockets before each jump."""
        super().__init__(_JumpingSelector(self, patience))
        self._now = 0.0

    @override
    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        """Let the clock go on."""
        self._now += seconds


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop, patience: float) -> None:
        super().__init__()
        self._loop, self._patience = loop, patience

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        events = super().select(self._patience if timeout > 0 else 0)
        if not events and timeout > 0:
            self._loop.jump(timeout)
        return events


def run_virtual(main: Coroutine[Any, Any, T], patience: float = 0.0) -> T:
    """`asyncio.run` on a `VirtualTimeLoop`."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(patience)) as runner:
        return runner.run(main)
