"""Asking a host: the probe's modules are sent to its python3 with a request, and answer once."""

from __future__ import annotations

import base64
import json
import zlib
from functools import cache
from importlib.resources import files
from itertools import count
from typing import Any

from madeus.executor.errors import WorldError
from madeus.executor.transport.base import Job, Transport, job_id

ANSWER = 256 << 20
"""Bytes of an answer that are brought back."""

_PACKAGE = "madeus.executor.fingerprint.probe"
_MODULES = ("dpkg", "elf", "chunks", "trace", "facts", "survey")
_BEGIN = """\
import sys, types
def module(name):
    made = sys.modules[name] = types.ModuleType(name)
    if "." in name:
        parent, _, leaf = name.rpartition(".")
        setattr(sys.modules[parent], leaf, made)
    return made
"""
_numbers = count(1)


class ProbeFailed(WorldError):
    """A host did not answer what it was asked: no python3, a program of its own that failed."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"{host}: {reason}")
        self.host, self.reason = host, reason


@cache
def _program() -> str:
    """The probe as one program text, without the request."""
    parts = [_BEGIN]
    names = _PACKAGE.split(".")
    parts += [f"module({'.'.join(names[:end])!r}).__path__ = []\n" for end in range(1, len(names) + 1)]
    for name in _MODULES:
        whole = f"{_PACKAGE}.{name}"
        source = (files(_PACKAGE) / f"{name}.py").read_text(encoding="utf-8")
        parts.append(f"exec(compile({source!r}, {whole!r}, 'exec'), module({whole!r}).__dict__)\n")
    return "".join(parts)


def _inside(root: str | None) -> str:
    """Statements that make a mounted directory the root of what follows; the probe's own modules are there by then."""
    if root is None:
        return ""
    return (
        f"import os, encodings.idna\nif not os.path.ismount({root!r}):\n    sys.exit('no layers are stacked on it')\n"
        f"os.chroot({root!r})\nos.chdir('/')\n"
    )


async def ask(transport: Transport, verb: str, root: str | None = None, **request: Any) -> dict[str, Any]:
    """Run one of the probe's verbs on a host, inside the directory `root` when it is given. Raises ProbeFailed, HostError."""
    text = json.dumps({"verb": verb, **request})
    program = (
        f"{_program()}import json\n{_inside(root)}sys.modules[{_PACKAGE + '.survey'!r}].main(json.loads({text!r}))\n"
    )
    job = Job(
        job_id("fingerprint", verb, next(_numbers)),
        "command -v python3 >/dev/null || { echo no python3 >&2; exit 127; }\nexec python3 -I -S -",
        stdin=program.encode(),
        environment=(("LC_ALL", "C.UTF-8"),),
        output_limit=ANSWER,
        ephemeral=True,
    )
    outcome = await transport.perform(job)
    if outcome.exit_code != 0 or outcome.truncated:
        said = outcome.stderr.decode(errors="replace").strip().splitlines()
        if outcome.exit_code == 127:
            raise ProbeFailed(transport.host, "there is no python3 (3.9 or later) on it")
        raise ProbeFailed(transport.host, said[-1] if said else f"the look at it ended with {outcome.exit_code}")
    try:
        answer = json.loads(zlib.decompress(base64.b64decode(outcome.stdout)))
    except (ValueError, zlib.error) as error:
        raise ProbeFailed(transport.host, f"it answered something else: {error}") from None
    assert isinstance(answer, dict)
    return answer
