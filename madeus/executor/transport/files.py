"""Files of a host by commands: looked at before, written beside and renamed, only when anything differs."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from madeus.executor.errors import FileOperationFailed
from madeus.executor.transport.base import OUTPUT_LIMIT, FileFacts, Outcome

_STAT = """look() {
  [ -e "$1" ] || { echo absent; return; }
  set -- "$1" "$(stat -L -c '%a %U %G' -- "$1")"
  if [ -d "$1" ]; then echo "directory - $2"
  elif [ -f "$1" ]; then
    sum=$(sha256sum <"$1") && echo "file ${sum%% *} $2" || exit 1
  else echo "other - $2"; fi
}
"""

_PUT = """set -e
(umask 022; mkdir -p -- "$(dirname -- {path})")
path=$(readlink -f -- {path}) || {{ echo "it is a link that leads nowhere" >&2; exit 1; }}
if [ -d "$path" ]; then echo "is a directory" >&2; exit 1; fi
temporary=$(mktemp -- "$(dirname -- "$path")/.madeus.XXXXXX")
trap 'rm -f -- "$temporary"' EXIT
{write}
chown -- {owner}"$temporary"{refused}
chmod {mode} -- "$temporary"
mv -f -- "$temporary" "$path"
trap - EXIT
"""


class Caller(Protocol):
    """What can run a command that leaves nothing behind."""

    host: str

    async def call(
        self, script: str, stdin: bytes | Path | None = None, user: str | None = None, limit: int = OUTPUT_LIMIT
    ) -> Outcome:
        """Run it; see `AgentTransport.call`."""


def chunks(content: bytes | Path, size: int) -> Iterator[bytes]:
    """A content in pieces, at least one even when it is empty."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            piece = file.read(size)
            yield piece
            while len(piece) == size:
                piece = file.read(size)
                yield piece
    else:
        for start in range(0, max(1, len(content)), size):
            yield content[start : start + size]


def digest(content: bytes | Path) -> str:
    """SHA-256 in hexadecimal."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(content).hexdigest()


async def stat(host: Caller, paths: Sequence[str], user: str | None) -> list[FileFacts]:
    """See `Transport.stat`."""
    if not paths:
        return []
    script = _STAT + "".join(f"look {shlex.quote(_safe(path))}\n" for path in paths)
    outcome = await host.call(script, user=user, limit=max(OUTPUT_LIMIT, 200 * len(paths)))
    lines = outcome.stdout.decode(errors="replace").splitlines()
    if outcome.exit_code or len(lines) != len(paths):
        at = paths[min(len(lines), len(paths) - 1)]
        raise FileOperationFailed(host.host, at, _reason(outcome))
    return [_facts(line) for line in lines]


async def put(
    host: Caller,
    path: str,
    content: bytes | Path,
    mode: int | None,
    owner: str | None,
    group: str | None,
    user: str | None,
) -> bool:
    """See `Transport.put`."""
    [now] = await stat(host, [path], user)
    if now.kind not in ("file", "absent"):
        raise FileOperationFailed(
            host.host, path, f"is {'a directory' if now.kind == 'directory' else 'no regular file'}"
        )
    same = now.kind == "file" and now.sha256 == digest(content)
    wanted_mode = mode if mode is not None else now.mode if now.kind == "file" else 0o644
    wanted_owner, wanted_group = owner or now.owner, group or now.group
    if same and (now.mode, now.owner, now.group) == (wanted_mode, wanted_owner, wanted_group):
        return False
    who = wanted_owner + (f":{wanted_group}" if wanted_group else "")
    script = _PUT.format(
        path=shlex.quote(_safe(path)),
        write='cat -- "$path" >"$temporary"' if same else 'cat >"$temporary"',
        owner=f"{shlex.quote(who)} " if who else '"$(id -u)" ',
        # Keeping a stranger's ownership may be beyond us; giving it on demand must work.
        refused="" if owner or group else " 2>/dev/null || :",
        mode=f"{wanted_mode:o}",
    )
    outcome = await host.call(script, stdin=None if same else content, user=user)
    if outcome.exit_code:
        raise FileOperationFailed(host.host, path, _reason(outcome))
    return True


async def get(host: Caller, path: str, limit: int, user: str | None) -> bytes:
    """See `Transport.get`."""
    outcome = await host.call(f"cat -- {shlex.quote(_safe(path))}", user=user, limit=limit)
    if outcome.exit_code:
        raise FileOperationFailed(host.host, path, _reason(outcome))
    if outcome.truncated:
        raise FileOperationFailed(host.host, path, f"holds {outcome.stdout_size} bytes, more than the {limit} allowed")
    return outcome.stdout


def _facts(line: str) -> FileFacts:
    if line == "absent":
        return FileFacts("absent")
    kind, sha256, mode, owner, group = line.split(" ", 4)
    return FileFacts(kind, "" if sha256 == "-" else sha256, int(mode, 8), owner, group)


def _safe(path: str) -> str:
    return path if not path.startswith("-") else f"./{path}"


def _reason(outcome: Outcome) -> str:
    """The last thing the commands complained about, without their names in front."""
    lines = outcome.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {outcome.exit_code}"
