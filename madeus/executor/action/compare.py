"""Comparing files of a host with what they should be: `copy` and `template` as probes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from madeus.executor.action.base import Call, Context
from madeus.executor.errors import ActionFailed
from madeus.executor.transport.base import FileFacts


class Wanted(NamedTuple):
    """A file or directory as it should be on the host."""

    path: str
    sha256: str | None
    """In hexadecimal; None: a directory."""
    mode: int | None
    """None: any."""


async def compare(call: Call, context: Context, wanted: Sequence[Wanted]) -> None:
    """Look whether files are as they should be.

    Raises:
        ActionFailed: with what is different.
    """
    facts = await context.transport.stat([one.path for one in wanted], call.plain("user"))
    said = [line for one, fact in zip(wanted, facts, strict=True) for line in _differences(call, one, fact)]
    if said:
        more = f", and {len(said) - 1} more" if len(said) > 1 else ""
        raise ActionFailed(call.kind, context.host.name, f"{said[0]}{more}", stdout="\n".join(said).encode())


def _differences(call: Call, wanted: Wanted, found: FileFacts) -> Iterator[str]:
    kind = "directory" if wanted.sha256 is None else "file"
    if found.kind != kind:
        yield f"{wanted.path} is {'not there' if found.kind == 'absent' else f'no {kind}'}"
        return
    if wanted.sha256 is None:
        return
    if found.sha256 != wanted.sha256:
        yield f"{wanted.path} has another content"
    if wanted.mode is not None and found.mode != wanted.mode:
        yield f"{wanted.path} has mode {found.mode:04o}, not {wanted.mode:04o}"
    for name, own in (("owner", found.owner), ("group", found.group)):
        asked = call.plain(name)
        if asked is not None and own != asked:
            yield f"{wanted.path} has {name} {own}, not {asked}"


def digest(path: Path) -> str:
    """SHA-256 of a file of the controller, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
