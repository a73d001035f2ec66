"""A channel into another root of a host: what is asked of it happens there, files included."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote

from typing_extensions import override

from madeus.executor.errors import FileOperationFailed
from madeus.executor.transport.base import FileFacts, Found, HostFacts, Job, Outcome, Transport

ENVIRONMENT_LIMIT = 100_000
"""Bytes of a script that fit into a variable of the environment; longer ones go through a descriptor."""

_PUT = """target={target}
[ -L "$target" ] && target=$(readlink -f -- "$target")
mkdir -p -- "$(dirname -- "$target")" || exit
fresh=$(mktemp -- "$target.XXXXXX") || exit
trap 'rm -f -- "$fresh"' EXIT
cat >"$fresh" || exit
if [ -e "$target" ]; then
  chown --reference="$target" -- "$fresh" && chmod --reference="$target" -- "$fresh" || exit
  before=$(stat -c '%a %U %G' -- "$target")
else chmod 0644 -- "$fresh" || exit; before=; fi
{owner}
{mode}
if [ -n "$before" ] && cmp -s -- "$fresh" "$target" && [ "$(stat -c '%a %U %G' -- "$fresh")" = "$before" ]
then echo same; else mv -f -- "$fresh" "$target" && echo changed; fi
"""

_STAT = """for path in {paths}; do
  if [ ! -e "$path" ]; then echo absent; continue; fi
  if [ -f "$path" ]; then kind=file sum=$(sha256sum <"$path" | cut -c1-64) || exit
  elif [ -d "$path" ]; then kind=directory sum=-
  else kind=other sum=-; fi
  echo "$kind $sum $(stat -Lc '%a %U %G' -- "$path")" || exit
done
"""


class RootedTransport(Transport):
    """Wraps the transport of a host; does not own it: closing this one leaves that open."""

    def __init__(self, inner: Transport, prefix: str) -> None:
        """prefix: words of the shell that run the rest of their line in the other root, as root."""
        self._inner, self._prefix = inner, prefix
        self.host, self.run = inner.host, inner.run
        self._count = itertools.count()

    @override
    async def connect(self) -> HostFacts:
        return await self._inner.connect()

    @override
    async def start(self, job: Job) -> None:
        await self._inner.start(self._moved(job))

    @override
    async def wait(self, job_id: str) -> Outcome:
        return await self._inner.wait(job_id)

    @override
    async def find(self, job_id: str, boot_id: str | None = None) -> Found:
        return await self._inner.find(job_id, boot_id)

    @override
    async def kill(self, job_id: str, grace: float = 10.0) -> None:
        await self._inner.kill(job_id, grace)

    @override
    async def forget(self, run: str) -> None:
        await self._inner.forget(run)

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
        ownership = (owner or "") + (f":{group}" if group else "")
        script = _PUT.format(
            target=quote(path),
            owner=f'chown -- {quote(ownership)} "$fresh" || exit' if ownership else "",
            mode=f'chmod -- {mode:04o} "$fresh" || exit' if mode is not None else "",
        )
        return (await self._ask(path, script, content, user)).stdout.strip() == b"changed"

    @override
    async def get(self, path: str, limit: int = 64 << 20, user: str | None = None) -> bytes:
        outcome = await self._ask(path, f"exec cat -- {quote(path)}", None, user, limit)
        if outcome.stdout_size > limit:
            raise FileOperationFailed(
                self.host, path, f"holds {outcome.stdout_size} bytes, more than the {limit} allowed"
            )
        return outcome.stdout

    @override
    async def stat(self, paths: Sequence[str], user: str | None = None) -> list[FileFacts]:
        if not paths:
            return []
        script = _STAT.format(paths=" ".join(quote(path) for path in paths))
        outcome = await self._ask(paths[0], script, None, user)
        return [_facts(line) for line in outcome.stdout.decode(errors="replace").splitlines()]

    @override
    async def close(self) -> None:
        """Nothing: the wrapped transport is its owner's to close."""

    async def _ask(
        self, path: str, script: str, stdin: bytes | Path | None, user: str | None, limit: int = 1 << 20
    ) -> Outcome:
        name = f"rooted.{id(self):x}.{next(self._count)}"
        job = Job(name, script, stdin=stdin, user=user, output_limit=max(limit, 1) * 2, ephemeral=True)
        outcome = await self._inner.perform(self._moved(job))
        if outcome.exit_code != 0:
            said = outcome.stderr.decode(errors="replace").strip() or f"exit code {outcome.exit_code}"
            raise FileOperationFailed(self.host, path, said)
        return outcome

    def _moved(self, job: Job) -> Job:
        script = f"cd -- {quote(job.directory)} || exit 126\n{job.script}" if job.directory else job.script
        switched = f" runuser -u {quote(job.user)} --" if job.user not in (None, "root") else ""
        command = f"exec {self._prefix}{switched} /bin/sh"
        environment = job.environment
        if len(script.encode()) <= ENVIRONMENT_LIMIT:
            # Neither in the list of processes nor in the way of the command's own input.
            command += " -c 'job=$MADEUS_JOB; unset MADEUS_JOB; eval \"$job\"'"
            environment = (*environment, ("MADEUS_JOB", script))
        else:
            mark = "MADEUS_END"
            while mark in script:
                mark += "_"
            command += f" /proc/self/fd/9 9<<'{mark}'\n{script}\n{mark}"
        return replace(job, script=command, environment=environment, directory="/", user=None)


def _facts(line: str) -> FileFacts:
    kind, *rest = line.split()
    if not rest:
        return FileFacts(kind)
    digest, mode, owner, group = rest
    return FileFacts(kind, "" if digest == "-" else digest, int(mode, 8), owner, group)
