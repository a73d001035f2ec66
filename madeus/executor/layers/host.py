"""Calls of the host agent over the transport: the agent is sent once, by the digest of its text, and asked verb by verb."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from madeus.executor.errors import FileOperationFailed, LocalFileError, ProtocolViolation
from madeus.executor.inventory import Host
from madeus.executor.layers.agent.bundle import bundle
from madeus.executor.layers.definition import ON_THE_HOST
from madeus.executor.layers.errors import AgentFailed
from madeus.executor.layers.rooted import RootedTransport
from madeus.executor.transport.base import Job, Outcome, Transport
from madeus.executor.transport.pool import Transports
from madeus.layers import Verb

ANSWER_LIMIT = 64 << 20
"""Bytes of an answer."""

PIECE = 8 << 20
"""Bytes of a layer that are brought over at a time."""

MISSING = 99
"""Exit code of the call when the agent has still to be sent."""

Recipe = Callable[[str, str], Any]
"""What a role's definition says of a version (role, version), as JSON; None: nothing."""


class AgentHosts:
    """Machines behind what `madeus.executor.layers.operate` calls, over the transports of hosts."""

    def __init__(self, resolve: Callable[[str], Host], transports: Transports, cache: Path, recipe: Recipe) -> None:
        """cache: directory of the controller that keeps the layers that went through it."""
        self._resolve, self._transports, self._cache, self._recipe = resolve, transports, cache, recipe
        self._count = itertools.count()
        self._fetching: dict[str, asyncio.Lock] = {}

    async def call(self, machine: str, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do a verb. Raises AgentFailed or HostError."""
        return await self.ask(machine, verb, _as_the_agent_wants_it(verb, arguments))

    async def fetch(self, machine: str, layer: str, holder: str) -> None:
        """Bring a layer to the controller, unless it is there, and to another machine."""
        async with self._fetching.setdefault(layer, asyncio.Lock()):
            kept = self._cache / f"{layer}.tar"
            if not kept.exists():
                await self._pull(holder, layer, kept)
        await self._push(machine, layer, kept)

    async def seed(self, machine: str, layer: str, source: str) -> None:
        """A base layer: the host's own system, a directory or tar file of the host, or one of the controller."""
        if source == "/" or source.startswith(ON_THE_HOST):
            await self.ask(machine, "seed", {"layer": layer, "from": source.removeprefix(ON_THE_HOST)})
            return
        async with self._fetching.setdefault(layer, asyncio.Lock()):
            kept = self._cache / f"{layer}.tar"  # every machine gets the same, whatever has become of the directory
            tar = await asyncio.to_thread(_packed, Path(source), kept, f"the base {layer}", again=False)
        await self._push(machine, layer, tar)

    async def make(self, machine: str, arguments: Mapping[str, Any]) -> None:
        """Do what the role's definition says in the layer of a version."""
        role, version, layer = arguments["role"], arguments["version"], arguments["layer"]
        recipe = self._recipe(role, version)
        if recipe is None:
            raise AgentFailed(machine, "make", "no-recipe", f"nothing says how {role} {version} is made")
        if recipe.get("from", "").startswith(ON_THE_HOST):
            await self.ask(machine, "delete", {"layers": [layer]})
            await self.ask(machine, "seed", {"layer": layer, "from": recipe["from"].removeprefix(ON_THE_HOST)})
            return
        if recipe.get("from"):
            tar = await asyncio.to_thread(
                _packed, Path(recipe["from"]), self._cache / f"{layer}.tar", f"{role} {version}"
            )
            await self.ask(machine, "delete", {"layers": [layer]})
            await self._push(machine, layer, tar)
            return
        from madeus.executor.layers.build import build  # actions are not needed to roll back

        host = self._resolve(machine)
        await build(host, self._transports.of(host), arguments, recipe)

    async def beat(self, machine: str) -> Mapping[str, Any]:
        """One question over the connection; the agent is not needed for it."""
        transport = self._transport(machine)
        facts = await transport.connect()
        name = f"layers.{os.getpid()}.{id(self):x}.{next(self._count)}"
        script = "mountpoint -q /run/madeus/root && cat /var/lib/madeus/layers/current.json || echo '{}'"
        outcome = await transport.perform(Job(name, script, ephemeral=True))
        current = json.loads(outcome.stdout or b"{}")
        stack = [*current["stack"], current["writable"]] if current.get("writable") else []
        return {"boot": facts.boot_id, "stack": stack}

    async def run(self, machine: str, words: Sequence[str]) -> Outcome:
        """Run a command in the stack of a machine."""
        await self.prepare(machine)
        name = f"layers.{os.getpid()}.{id(self):x}.{next(self._count)}"
        script = f"exec {shlex.join(words)}"
        return await self.inside(machine).perform(Job(name, script, output_limit=ANSWER_LIMIT, ephemeral=True))

    def inside(self, machine: str, deny_services: bool = False) -> RootedTransport:
        """A channel into the layered root of a machine."""
        return RootedTransport(self._transport(machine), enter_prefix(deny_services))

    async def prepare(self, machine: str) -> None:
        """See to it that the agent is on a machine: `inside` needs it there."""
        await self.ask(machine, "current", {})

    async def ask(self, machine: str, verb: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send the agent a request as it is; its answer."""
        program = bundle()
        script = f"[ -f {quote(program.path)} ] || exit {MISSING}\nexec python3 -I -S {quote(program.path)} {verb}"
        transport = self._transport(machine)
        for _ in range(2):
            job = Job(
                f"layers.{os.getpid()}.{id(self):x}.{next(self._count)}",
                script,
                stdin=json.dumps(dict(request)).encode() + b"\n",
                output_limit=ANSWER_LIMIT,
                ephemeral=True,
            )
            outcome = await transport.perform(job)
            if outcome.exit_code != MISSING:
                break
            await _put(transport, machine, verb, program.path, program.content, 0o644)
        try:
            answer = json.loads(outcome.stdout)
        except ValueError:
            said = (outcome.stderr or outcome.stdout).decode(errors="replace").strip().splitlines()
            if outcome.exit_code == 127:
                raise AgentFailed(
                    machine, verb, "no-python", "there is no python3", "layers need Python 3.9 or later on the host"
                ) from None
            raise AgentFailed(machine, verb, "failed", said[-1] if said else f"exit code {outcome.exit_code}") from None
        if "ok" in answer:
            found: dict[str, Any] = answer["ok"]
            return found
        if "error" not in answer:
            raise ProtocolViolation(f"the agent of {machine} answered neither ok nor error")
        error = answer["error"]
        code, way_out = error["code"], _WAYS_OUT.get(error["code"], "")
        raise AgentFailed(machine, verb, code, error["message"], way_out, data=error)

    def _transport(self, machine: str) -> Transport:
        return self._transports.of(self._resolve(machine))

    async def _pull(self, machine: str, layer: str, kept: Path) -> None:
        """Have a layer packed on its machine and bring the file over, piece by piece."""
        transport = self._transport(machine)
        there = f"/var/lib/madeus/{layer}.tar"
        told = await self.ask(machine, "pull", {"layer": layer, "to": there})
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")
        try:
            with fresh.open("wb") as file:
                while (size := file.tell()) < told["bytes"]:
                    script = f"tail -c +{size + 1} {quote(there)} | head -c {PIECE}"
                    name = f"layers.{os.getpid()}.{id(self):x}.{next(self._count)}"
                    outcome = await transport.perform(Job(name, script, output_limit=PIECE * 2, ephemeral=True))
                    if len(outcome.stdout) < min(PIECE, told["bytes"] - size):
                        # What a command writes is kept on the host until it is fetched.
                        said = f"no space is left for {told['bytes'] - size} bytes of layer {layer} that are to be sent"
                        raise AgentFailed(machine, "pull", "no-space", said, _WAYS_OUT["no-space"])
                    file.write(outcome.stdout)
            fresh.replace(kept)
        finally:
            fresh.unlink(missing_ok=True)
            name = f"layers.{os.getpid()}.{id(self):x}.{next(self._count)}"
            await transport.perform(Job(name, f"rm -f {quote(there)}", ephemeral=True))

    async def _push(self, machine: str, layer: str, kept: Path) -> None:
        transport = self._transport(machine)
        there = f"/var/lib/madeus/{layer}.tar"
        try:
            await _put(transport, machine, "push", there, kept, 0o600)
            digest = await asyncio.to_thread(_digest, kept)
            await self.ask(machine, "push", {"layer": layer, "from": there, "sha256": digest})
        finally:
            name = f"layers.{os.getpid()}.{id(self):x}.{next(self._count)}"
            await transport.perform(Job(name, f"rm -f {quote(there)}", ephemeral=True))


async def _put(transport: Transport, machine: str, verb: str, path: str, content: bytes | Path, mode: int) -> None:
    """Send a file that a verb needs. Raises AgentFailed: the verb was not asked for then."""
    try:
        await transport.put(path, content, mode)
    except FileOperationFailed as error:
        full = "No space left" in error.message
        code, way_out = ("no-space", _WAYS_OUT["no-space"]) if full else ("failed", "")
        raise AgentFailed(machine, verb, code, error.message, way_out, asked=False) from error


def enter_prefix(deny_services: bool = False) -> str:
    """Words of the shell that run the rest of their line in the layered root."""
    return f"python3 -I -S {quote(bundle().path)} enter{' --deny-services' if deny_services else ''} --"


_WAYS_OUT = {
    "too-old": "layers need Linux 6.5 or later on the host",
    "changed": "see `madeus conflicts`, and say it again; services that write them can be named in the role",
    "in-use": "another state store has put it there: `madeus host adopt HOST` takes over what the host has",
    "no-space": "make room on the host, or forget states and collect: `madeus states HOST --forget N`, `madeus layers gc`",
    "not-allowed": "layers need root on the host",
}


def _as_the_agent_wants_it(verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    request = dict(arguments)
    if verb == Verb.SWITCH:
        start = request["services"]["start"]
        request["services"] = {
            # A stack keeps how its own services are stopped until it is left.
            "stop": [["service", name, "stop"] for name in reversed(start)],
            "start": [["service", name, "start"] for name in start],
            # What goes on with the same files goes on with the same services: what is down stays down.
            "alike": [["service", name, "status"] for name in start] if request["lingering"] != "end" else [],
        }
        request |= {"create": True, "freeze": True}
    return request


def _packed(source: Path, target: Path, what: str, again: bool = True) -> Path:
    """A directory as a tar file, or the tar file itself. again: pack what was packed before. Raises LocalFileError."""
    if not again and target.exists():
        return target
    if not source.exists():
        raise LocalFileError(source, f"{what} is made from it, and it is not there")
    if not source.is_dir():
        return source
    import tarfile

    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(f".{os.getpid()}")
    with tarfile.open(fresh, "w", format=tarfile.PAX_FORMAT) as file:
        file.add(source, ".")
    fresh.replace(target)
    return target


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
