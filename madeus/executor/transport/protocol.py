"""The words between the controller and the agent of a host (``agent.sh``): requests out, frames in.

Requests are lines of shell that the agent evaluates; `up` alone is followed by raw bytes. Frames are lines that begin with
a letter:

====  ==========================================================================  =========================================
D     job code began ended killed out-size err-size out err                       a job has ended
O, P  job base64                                                                  part of its stdout, stderr, before its D
L     job began now                                                               a job that was asked for is alive
N     job boot-id                                                                 a job that was asked for was never started
V     job reason                                                                  a job that was asked for has vanished
E     job reason                                                                  a job was refused
Z     job                                                                         a job was ended by request
F     run                                                                         a run was forgotten
T                                                                                 another controller has taken over
====  ==========================================================================  =========================================

Times are seconds since the host's start.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from functools import cache
from pathlib import Path

from madeus.executor.transport.base import HostFacts, Job, Outcome

INLINE_TEXT = 16384
"""Longer texts of jobs travel as raw bytes: a shell reads its request line byte by byte."""

CHUNK = 1 << 17
"""Raw bytes after one `up`."""

HELLO = b"MADEUS 1 "
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")


@cache
def agent_script() -> str:
    """Text of the agent, without comments."""
    text = Path(__file__).with_name("agent.sh").read_text()
    return "".join(f"{line}\n" for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def bootstrap(run: str, host: str, mine: int) -> tuple[str, bytes]:
    """The command that starts the agent, fit for any login shell, and what to send it first.

    `run` and `host` are names of directories; `mine` is the number that the agent gave this controller, 0 at first.
    """
    script = f"RUN={run} HOST={host} MINE={mine}\n{agent_script()}".encode()
    return f"exec /bin/sh -c 'eval \"$(head -c {len(script)})\"'", script


def quote(text: str) -> str:
    """A text as one word of a request line, new lines included."""
    return "'" + text.replace("'", "'\\''").replace("\n", "'\"$NL\"'") + "'"


def job_text(job: Job) -> str:
    """What the shell of the host runs: environment and directory in front of the job's own script."""
    words = [f"export {name}={_literal(value)}" for name, value in job.environment]
    if job.directory is not None:
        place = _directory(job.directory)
        words.append(f'cd {place} || {{ echo "madeus: cannot enter the directory "{place} >&2; exit 126; }}')
    return "\n".join([*words, job.script])


def valid_user(name: str) -> bool:
    """Whether a name may be a user's at all: it becomes part of a command line."""
    return _USER.fullmatch(name) is not None


def start_line(job: Job, text: str | None) -> bytes:
    """The request that starts a job; `text` is None when it was sent ahead."""
    flags = ("e" if job.ephemeral else "") + ("i" if job.stdin is not None else "") + ("b" if text is None else "")
    words = f"start {job.id} {job.output_limit} {quote(job.user or '')} '{flags}' {quote(text or '')}\n"
    return words.encode(errors="surrogateescape")


def parse_hello(line: bytes) -> tuple[str, HostFacts | str]:
    """``MADEUS 1 ok|failed|taken ...``: the word, and the facts or the reason."""
    word, _, rest = line[len(HELLO) :].decode(errors="replace").partition(" ")
    if word != "ok":
        return word, rest
    number, boot, uid, user, home = rest.split(" ", 4)
    return word, HostFacts(boot_id=boot, user=user, uid=int(uid), home=home, owner=int(number))


def outcome(fields: list[bytes], limit: int, out: list[bytes], err: list[bytes]) -> Outcome:
    """The outcome in a D frame; `fields` after the job, `out` and `err` what O and P frames have brought."""
    code, began, ended, killed, out_size, err_size, stdout, stderr = fields
    sizes = int(out_size), int(err_size)
    return Outcome(
        exit_code=int(code),
        stdout=_stream(stdout, out, sizes[0], limit),
        stderr=_stream(stderr, err, sizes[1], limit),
        stdout_size=sizes[0],
        stderr_size=sizes[1],
        seconds=max(0.0, round(float(ended) - float(began), 2)),
        killed=killed == b"k",
        truncated=max(sizes) > limit,
    )


def decode(part: bytes) -> bytes:
    """The bytes in an O or P frame."""
    return a2b_base64(part)


def _stream(inline: bytes, parts: list[bytes], size: int, limit: int) -> bytes:
    if inline == b"-":
        return b""
    if inline != b"+":
        return a2b_base64(inline)
    whole = b"".join(parts)
    if size <= limit:
        return whole
    half = limit // 2
    return b"%b\n[... %d bytes left out ...]\n%b" % (whole[:half], size - limit, whole[half:])


def _literal(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _directory(name: str) -> str:
    """A directory as a shell word; ``~`` is the home of whom the job runs as."""
    if name == "~" or name.startswith("~/"):
        return '"$HOME"' + (_literal(name[1:]) if name != "~" else "")
    return _literal(name if not name.startswith("-") else f"./{name}")
