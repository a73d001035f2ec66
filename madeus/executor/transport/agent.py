"""Jobs and files through the agent of a host: one implementation for every transport that can open a pair of streams.

A single channel carries everything; nothing is polled. When the channel breaks it is opened again, with growing pauses,
and every unfinished job is looked for on the host: it goes on there meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from madeus.executor.errors import (
    AgentStartFailed,
    ConnectionFailed,
    ConnectionLost,
    ConnectionRefused,
    ConnectionTimeout,
    ExecutorError,
    HostError,
    JobRefused,
    JobVanished,
    JumpHostFailed,
    NoShell,
    ProtocolViolation,
    TakenOver,
    UnknownAddress,
)
from madeus.executor.transport import files, protocol
from madeus.executor.transport.base import (
    OUTPUT_LIMIT,
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
    job_id,
)
from madeus.executor.transport.link import Link

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0

HELLO_TIMEOUT = 30.0
"""Seconds that a login's scripts and the agent's start may take."""

_PASSING = (ConnectionFailed, ConnectionLost, ConnectionRefused, ConnectionTimeout, JumpHostFailed, UnknownAddress)
"""What may get better while one waits for a host to come back."""


@dataclass(slots=True, eq=False)
class _Pending:
    """A job that this controller waits for."""

    future: asyncio.Future[Outcome | ExecutorError]
    job: Job | None
    """Kept until its end, to be sent again when the host has never seen it; None for one that was found."""

    limit: int = OUTPUT_LIMIT
    begun: float = 0.0
    """When it was sent, on the controller's monotonic clock; 0 before."""

    via: Link | None = None
    """The link that it is being sent over, or was."""

    out: list[bytes] = field(default_factory=list)
    err: list[bytes] = field(default_factory=list)


class AgentTransport(Transport):
    """A transport whose host runs ``agent.sh`` at the other end of a `Link`."""

    def __init__(
        self, host: str, run: str, *, target: str = "", patience: float = 60.0, hello_timeout: float = HELLO_TIMEOUT
    ) -> None:
        """`target` is ``user@address:port`` for messages, `patience` the seconds a broken connection may take to come back."""
        self.host, self.run, self.target = host, run, target
        self.patience, self.hello_timeout = patience, hello_timeout
        self._link: Link | None = None
        self._facts: HostFacts | None = None
        self._opening = asyncio.Lock()
        self._jobs: dict[str, _Pending] = {}
        self._finds: dict[str, list[asyncio.Future[Found | ExecutorError]]] = {}
        self._boots: dict[str, str | None] = {}
        self._stops: dict[str, tuple[int, asyncio.Future[ExecutorError | None]]] = {}
        self._forgets: dict[str, asyncio.Future[ExecutorError | None]] = {}
        self._outgoing: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._reviving: asyncio.Task[None] | None = None
        self._closed = False
        self._taken: TakenOver | None = None
        self._trouble: ExecutorError | None = None
        self._prefix = f"~{secrets.token_hex(5)}"
        self._calls = 0

    def _starting(self) -> contextlib.AbstractAsyncContextManager[object]:
        """Held while an agent starts: a limit for many at one time."""
        return contextlib.nullcontext()

    @abstractmethod
    async def _open(self, command: str) -> Link:
        """Run a command on the host and give its streams.

        Raises:
            HostError: of the kind that fits.
        """

    # Channel.

    @override
    async def connect(self) -> HostFacts:
        if self._link is not None and self._facts is not None:
            return self._facts
        if self._taken:
            raise self._taken
        async with self._opening:
            if self._link is not None and self._facts is not None:
                return self._facts
            mine = self._facts.owner if self._facts else 0
            command, script = protocol.bootstrap(job_id(self.run), job_id(self.host), mine)
            async with self._starting():
                link = await self._open(command)
                try:
                    facts = await self._greet(link, script)
                except BaseException:
                    link.close()
                    raise
            self._facts, self._link = facts, link
            link.listen(self._frame, self._lost)
            return facts

    async def _greet(self, link: Link, script: bytes) -> HostFacts:
        """Send the agent and wait for its first frame; what a login script prints before is skipped."""
        link.write(script)
        noise: list[bytes] = []
        try:
            async with asyncio.timeout(self.hello_timeout):
                while not (line := await link.line()).startswith(protocol.HELLO):
                    noise.append(line)
        except TimeoutError:
            said = self._said(link, noise)
            raise AgentStartFailed(
                self.host,
                self.target,
                f"a shell was started but said nothing useful within {self.hello_timeout:g} s{said}",
                "its login scripts must neither ask nor start another program when there is no terminal",
            ) from None
        except EOFError as error:
            if link.broken:
                raise ConnectionFailed(self.host, self.target, f"the connection broke: {error}") from None
            raise self._no_shell(link, noise) from None
        word, facts = protocol.parse_hello(line)
        if isinstance(facts, HostFacts):
            return facts
        if word == "taken":
            raise self._take_over()
        raise AgentStartFailed(self.host, self.target, f"the agent cannot work on this host: {facts}")

    def _no_shell(self, link: Link, noise: list[bytes]) -> HostError:
        said = self._said(link, noise)
        lower = said.lower()
        if not said or any(
            word in lower for word in ("not available", "nologin", "no shell", "only sftp", "sftp connections only")
        ):
            return NoShell(
                self.host,
                self.target,
                f"the login works but gives no shell{said}",
                "give the user a shell (chsh -s /bin/sh USER on the host), or log in as another one",
            )
        return AgentStartFailed(
            self.host, self.target, f"the agent did not start{said}", "it needs /bin/sh and the usual commands"
        )

    def _said(self, link: Link, noise: list[bytes]) -> str:
        text = b"\n".join([*noise[-5:], link.errors()]).decode(errors="replace").strip()
        return f"; it said: {text[-1000:]}" if text else ""

    def _take_over(self) -> TakenOver:
        self._taken = TakenOver(
            self.host,
            self.target,
            "another controller drives this run now",
            "only one controller at a time may drive a run",
        )
        return self._taken

    def _write(self, line: bytes) -> None:
        """Send a request line; those of one turn of the event loop go out together."""
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(line)

    def _flush(self) -> None:
        if self._link is not None and self._outgoing:
            self._link.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def _spawn(self, work: asyncio.Task[None]) -> None:
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)

    # After a broken connection.

    def _lost(self, reason: str) -> None:
        self._link = None
        self._outgoing.clear()
        if self._closed or not (self._jobs or self._finds or self._stops or self._forgets):
            return
        if self._taken:
            self._fail(self._taken)
        elif self._reviving is None or self._reviving.done():
            self._reviving = asyncio.get_running_loop().create_task(self._revive(reason))

    async def _revive(self, reason: str) -> None:
        """Open the channel again and ask for everything that is not finished; give up after `patience`."""
        end = time.monotonic() + self.patience
        pause = FIRST_PAUSE
        while True:
            try:
                await self.connect()
                self._recover()
                return
            except _PASSING as error:
                if time.monotonic() + pause > end:
                    self._fail(
                        ConnectionLost(
                            self.host,
                            self.target,
                            f"the connection was lost ({reason}) and did not come back within {self.patience:g} s:"
                            f" {error.reason}",
                            "jobs that were started go on on the host; resume the run when it is reachable",
                        )
                    )
                    return
            except ExecutorError as error:
                self._fail(error)
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _recover(self) -> None:
        loop = asyncio.get_running_loop()
        for name, pending in list(self._jobs.items()):
            if pending.future.done():
                continue
            pending.out.clear()
            pending.err.clear()
            if pending.begun or pending.job is None:
                self._write(f"watch {name} {pending.limit}\n".encode())
            else:
                self._spawn(loop.create_task(self._send(pending.job, pending)))
        for name, (tenths, _) in self._stops.items():
            self._write(f"stop {name} {tenths}\n".encode())
        for run in self._forgets:
            self._write(f"forget {run}\n".encode())

    def _fail(self, error: ExecutorError) -> None:
        """Tell everybody who waits."""
        self._trouble = error
        for pending in self._jobs.values():
            if not pending.future.done():
                pending.future.set_result(error)
        for futures in self._finds.values():
            for found in futures:
                if not found.done():
                    found.set_result(error)
        for waiting in [*(future for _, future in self._stops.values()), *self._forgets.values()]:
            if not waiting.done():
                waiting.set_result(error)
        self._finds.clear()
        self._stops.clear()
        self._forgets.clear()

    async def _ready(self) -> None:
        """An open channel, or the reason why there is none; waits for a reconnection that is under way."""
        if self._closed:
            raise ConnectionLost(self.host, self.target, "the channel was closed")
        if self._link is not None:
            return
        if self._facts is None:
            await self.connect()
            return
        if self._reviving is None or self._reviving.done():
            self._reviving = asyncio.get_running_loop().create_task(self._revive("it was closed"))
        await asyncio.shield(self._reviving)
        if self._link is None:
            raise self._trouble or ConnectionLost(self.host, self.target, "the connection was lost again")

    # Jobs.

    @override
    async def start(self, job: Job) -> None:
        if job.id in self._jobs:
            return
        if job.user is not None and not protocol.valid_user(job.user):
            raise JobRefused(self.host, job.id, f"`{job.user}` cannot be the name of a user")
        pending = _Pending(asyncio.get_running_loop().create_future(), job, job.output_limit)
        self._jobs[job.id] = pending
        try:
            if self._link is None:
                await self._ready()
            await self._send(job, pending)
        except BaseException:
            if not pending.begun:
                self._jobs.pop(job.id, None)
            raise

    async def _send(self, job: Job, pending: _Pending) -> None:
        """Bring a job's input and the job itself to the host; stops quietly when the channel breaks, which sends it again."""
        link = self._link
        if link is None or pending.via is link:
            return
        pending.via = link
        text: str | None = protocol.job_text(job)
        if job.stdin is not None and not await self._upload(link, f"{job.id}.in", job.stdin):
            return
        if text is not None and len(text) > protocol.INLINE_TEXT:
            if not await self._upload(link, f"{job.id}.big", text.encode(errors="surrogateescape")):
                return
            text = None
        pending.begun = time.monotonic()
        self._write(protocol.start_line(job, text))

    async def _upload(self, link: Link, name: str, content: bytes | Path) -> bool:
        """Send raw bytes ahead of a request; whether the link held."""
        first = 1
        for chunk in files.chunks(content, protocol.CHUNK):
            self._flush()
            link.write(b"up %s %d %d\n" % (name.encode(), len(chunk), first) + chunk)
            first = 0
            await link.drain()
            if link is not self._link:
                return False
        return True

    @override
    async def wait(self, job_id: str) -> Outcome:
        pending = self._jobs.get(job_id)
        if pending is None:
            raise LookupError(f"no job {job_id} was started or found on {self.host}")
        result = await asyncio.shield(pending.future)
        if self._jobs.get(job_id) is pending:
            del self._jobs[job_id]
        if isinstance(result, Outcome):
            return result
        raise result

    @override
    async def find(self, job_id: str, boot_id: str | None = None) -> Found:
        pending = self._jobs.get(job_id)
        if pending is not None and pending.future.done() and isinstance(result := pending.future.result(), Outcome):
            return Finished(result)
        if pending is not None and pending.begun and not pending.future.done():
            return Running(time.monotonic() - pending.begun)
        await self._ready()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Found | ExecutorError] = loop.create_future()
        self._finds.setdefault(job_id, []).append(future)
        if pending is None or pending.future.done():
            self._jobs[job_id] = _Pending(loop.create_future(), None)
            self._write(f"watch {job_id} {OUTPUT_LIMIT}\n".encode())
        found = await future
        if isinstance(found, ExecutorError):
            raise found
        if isinstance(found, Absent) and boot_id is not None and self._facts and self._facts.boot_id != boot_id:
            return Vanished("the host was restarted since its start")
        return found

    @override
    async def kill(self, job_id: str, grace: float = 10.0) -> None:
        await self._ready()
        known = self._stops.get(job_id)
        if known is None:
            future: asyncio.Future[ExecutorError | None] = asyncio.get_running_loop().create_future()
            known = self._stops[job_id] = (max(0, round(grace * 10)), future)
        self._write(f"stop {job_id} {max(0, round(grace * 10))}\n".encode())
        error = await asyncio.shield(known[1])
        if error is not None:
            raise error

    @override
    async def forget(self, run: str) -> None:
        await self._ready()
        name = job_id(run)
        if name not in self._forgets:
            self._forgets[name] = asyncio.get_running_loop().create_future()
            self._write(f"forget {name}\n".encode())
        error = await asyncio.shield(self._forgets[name])
        if error is not None:
            raise error

    # Files.

    async def call(
        self, script: str, stdin: bytes | Path | None = None, user: str | None = None, limit: int = OUTPUT_LIMIT
    ) -> Outcome:
        """A command that may run again when the connection breaks, and that leaves nothing behind."""
        self._calls += 1
        name = f"{self._prefix}.{self._calls}"
        return await self.perform(Job(name, script, stdin, user=user, output_limit=limit, ephemeral=True))

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
        return await files.put(self, path, content, mode, owner, group, user)

    @override
    async def get(self, path: str, limit: int = 64 << 20, user: str | None = None) -> bytes:
        return await files.get(self, path, limit, user)

    @override
    async def stat(self, paths: Sequence[str], user: str | None = None) -> list[FileFacts]:
        return await files.stat(self, paths, user)

    @override
    async def close(self) -> None:
        self._closed = True
        self._flush()
        if self._reviving is not None:
            self._reviving.cancel()
        for task in list(self._tasks):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail(ConnectionLost(self.host, self.target, "the channel was closed"))
        if self._link is not None:
            link, self._link = self._link, None
            link.close()
            await link.closed()

    # Frames.

    def _frame(self, line: bytes) -> None:
        """One frame of the agent."""
        try:
            self._read(line)
        except (ValueError, IndexError):
            self._fail(ProtocolViolation(f"{self.host}: the agent said {line[:200]!r}"))

    def _read(self, line: bytes) -> None:
        letter = line[:1]
        if letter == b"D":
            fields = line.split(b" ")
            self._ended(fields[1].decode(), fields[2:])
        elif letter in (b"O", b"P"):
            _, name, part = line.split(b" ")
            pending = self._jobs.get(name.decode())
            if pending is not None:
                (pending.out if letter == b"O" else pending.err).append(protocol.decode(part))
        elif line:
            self._news(letter.decode(errors="replace"), line.decode(errors="replace"))

    def _ended(self, name: str, fields: list[bytes]) -> None:
        pending = self._jobs.get(name)
        if pending is None or pending.future.done():
            return
        outcome = protocol.outcome(fields, pending.limit, pending.out, pending.err)
        pending.out, pending.err = [], []
        pending.future.set_result(outcome)
        self._found(name, Finished(outcome))

    def _news(self, letter: str, line: str) -> None:
        _, _, rest = line.partition(" ")
        name, _, said = rest.partition(" ")
        pending = self._jobs.get(name)
        match letter:
            case "L":
                began, now = said.split()
                self._found(name, Running(max(0.0, round(float(now) - float(began), 2))))
            case "N":
                self._found(name, Absent())
                if pending is not None and pending.job is not None and not pending.future.done():
                    pending.via = None
                    self._spawn(asyncio.get_running_loop().create_task(self._send(pending.job, pending)))
            case "V":
                self._settle(name, JobVanished(self.host, name, said))
                self._found(name, Vanished(said))
            case "E":
                self._settle(name, JobRefused(self.host, name, said))
                self._found(name, Absent())
            case "Z":
                _, stopped = self._stops.pop(name, (0, None))
                if stopped is not None and not stopped.done():
                    stopped.set_result(None)
            case "F":
                forgotten = self._forgets.pop(name, None)
                if forgotten is not None and not forgotten.done():
                    forgotten.set_result(None)
            case "T":
                self._fail(self._take_over())
            case _:
                raise ValueError(line)

    def _settle(self, name: str, error: ExecutorError) -> None:
        pending = self._jobs.get(name)
        if pending is not None and not pending.future.done():
            pending.future.set_result(error)

    def _found(self, name: str, found: Found) -> None:
        pending = self._jobs.get(name)
        if pending is not None and pending.job is None and name in self._finds and not isinstance(found, Running):
            del self._jobs[name]
        for future in self._finds.pop(name, ()):
            if not future.done():
                future.set_result(found)
