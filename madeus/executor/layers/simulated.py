"""Hosts that exist in memory only and answer every verb of the host agent: for tests and for trying out.

A layer is a table from path to text; `DELETED` hides what lower layers have. Verbs may be done twice with the effect of once,
as on real hosts, and refuse what real hosts refuse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from madeus.executor.errors import ConnectionRefused
from madeus.executor.layers.errors import ELSEWHERE, AgentFailed
from madeus.executor.transport.base import Outcome
from madeus.layers.mask import Decision, Entry, FileKind, How, Mask, find_masks, to_check

DELETED = "\0deleted"
"""In place of the text of a file: it is not there any more."""


@dataclass(slots=True)
class SimulatedHost:
    """One host."""

    name: str
    system: dict[str, str] = field(default_factory=lambda: {"/etc/os": "debian"})
    """Its own root."""
    layers: dict[str, dict[str, str]] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    current: dict[str, Any] = field(default_factory=dict)
    """Arguments of the last switch."""
    boots: int = 1
    """Starts of the machine."""
    room: int | None = None
    """Layers that its disk still has room for; None: any number."""
    calls: list[str] = field(default_factory=list)
    """Verbs that were done."""
    starts: list[str] = field(default_factory=list)
    """Services that were stopped (``-name``) and started (``+name``)."""
    lingering: list[dict[str, Any]] = field(default_factory=list)
    """What a switch says of processes that go on in the old stack."""
    shell: Callable[[SimulatedHost, list[str]], tuple[int, str]] | None = None
    """What commands do inside the stack."""

    def call(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do a verb. Raises AgentFailed."""
        self.calls.append(verb)
        # What goes over the wire is JSON: nothing else may be relied upon.
        plain = json.loads(json.dumps(dict(arguments)))
        done: dict[str, Any] = getattr(self, f"_{verb}")(
            **{key.replace("from", "source"): v for key, v in plain.items()}
        )
        return done

    def shown(self, stack: Sequence[str] | None = None) -> dict[str, str]:
        """Files that a stack shows; without one: what the machine's root shows."""
        seen: dict[str, str] = {}
        whole = (*self.current["stack"], self.current["writable"]) if self.current else ()
        for name in whole if stack is None else stack:
            seen.update(self.layers[name])
        return {path: text for path, text in seen.items() if text != DELETED}

    def write(self, path: str, text: str) -> None:
        """A file in the machine's root; `DELETED` takes it away."""
        self.layers[self.current["writable"]][path] = text

    def _fail(self, code: str, message: str, **data: Any) -> AgentFailed:
        return AgentFailed(self.name, self.calls[-1], code, message, data=data)

    def _need(self, layers: Sequence[str]) -> None:
        for name in layers:
            if name not in self.layers:
                raise self._fail("no-layer", f"there is no layer {name}")

    def _new(self, layer: str) -> bool:
        if layer in self.layers:
            return False
        if self.room is not None:
            if self.room <= 0:
                raise self._fail("full", "No space left on device")
            self.room -= 1
        self.layers[layer] = {}
        return True

    def _create(self, layer: str) -> dict[str, Any]:
        return {"created": self._new(layer)}

    def _freeze(self, layer: str) -> dict[str, Any]:
        self._need((layer,))
        self.frozen.add(layer)
        return {}

    def _delete(self, layers: list[str]) -> dict[str, Any]:
        used = {*self.current.get("stack", ()), self.current.get("writable")} & set(layers)
        if used:
            raise self._fail("in-use", f"{min(used)} is mounted")
        for name in layers:
            if self.layers.pop(name, None) is not None and self.room is not None:
                self.room += 1
            self.frozen.discard(name)
        return {}

    def _current(self) -> dict[str, Any]:
        return {**(self.current or {"stack": None, "writable": None}), "mounted": bool(self.current)}

    def _switch(
        self,
        stack: list[str],
        writable: str,
        persistent: list[str],
        services: dict[str, list[Any]],
        lingering: str,
        retire: list[str],
        masks: dict[str, Any] | None = None,
        expects: list[str] | None = None,
    ) -> dict[str, Any]:
        there = [*self.current["stack"], self.current["writable"]] if self.current else []
        if expects is not None and there not in (expects, [*stack, writable]):
            raise self._fail(ELSEWHERE, "the host has another stack than the one that is expected", current=there)
        self._need(stack)
        if writable in self.frozen or writable in stack:
            raise self._fail("frozen", f"layer {writable} exists and is read-only")
        if masks is not None:
            self._compare(**masks)
        self._new(writable)
        if self.current.get("writable") != writable or self.current["stack"] != stack:
            self.starts += [f"-{name}" for name in services["stop"]]
            self.current = {"stack": stack, "writable": writable, "persistent": persistent}
            self.starts += [f"+{name}" for name in services["start"]]
            self.frozen.update((*stack, *retire))
        return {"milliseconds": 1.0, "how": "beneath", "outage_ms": 0.0, "lingering": list(self.lingering)}

    def _layers(self) -> dict[str, Any]:
        return {"layers": {name: {"frozen": name in self.frozen, "kind": "cow"} for name in self.layers}}

    def _boot(self) -> dict[str, Any]:
        return {"how": "already"}

    def _seed(self, layer: str, source: str) -> dict[str, Any]:
        if self._new(layer):
            self.layers[layer] = dict(self.system if source == "/" else {"/source": source})
        self.frozen.add(layer)
        return {}

    def _merge(self, layers: list[str], into: str) -> dict[str, Any]:
        self._need(layers)
        if any(name not in self.frozen for name in layers):
            raise self._fail("writable", "a layer that is merged may still change")
        self._new(into)
        merged: dict[str, str] = {}
        for name in layers:
            merged.update(self.layers[name])
        self.layers[into] = merged
        return {}

    def _masked(self, old: list[str], new: list[str], below: list[str]) -> dict[str, Any]:
        self._need([*old, *new, *below])
        mine, theirs, base = ([_listing(self.layers[name]) for name in names] for names in (old, new, below))
        return {"masked": [_row(mask) for mask in find_masks(mine, theirs, base)]}

    def _compare(self, old: list[str], new: list[str], below: list[str], seen: dict[str, Any]) -> None:
        mine, theirs, base = ([_listing(self.layers[name]) for name in names] for names in (old, new, below))
        now = to_check(Decision(mask, How.TAKE, "") for mask in find_masks(mine, theirs, base))
        changed = [path for path, side in now.items() if path not in seen or seen[path] not in (None, side)]
        if changed:
            raise self._fail("changed", f"changed since it was decided what is shown of them: {', '.join(changed)}")

    def _resolve(
        self, into: str, old: list[str], new: list[str], below: list[str], decisions: list[dict[str, Any]]
    ) -> dict[str, Any]:
        done = []
        for one in decisions:
            path, conflict = one["path"], False
            mine, theirs, base = (self._top(names).get(path, DELETED) for names in (old, new, below))
            if one["how"] == "take":
                self.layers[into][path] = theirs
            elif mine in (base, theirs) or theirs == base:
                self.layers[into][path] = theirs if mine == base else mine
            else:
                conflict = True
            done.append({**one, "conflict": conflict})
        return {"done": done}

    def _top(self, layers: Sequence[str]) -> dict[str, str]:
        """The topmost text of each path, deletions included."""
        found: dict[str, str] = {}
        for name in layers:
            found.update(self.layers[name])
        return found


def _listing(files: Mapping[str, str]) -> dict[str, Entry]:
    return {
        path: Entry(FileKind.WHITEOUT)
        if text == DELETED
        else Entry(FileKind.FILE, digest=sha256(text.encode()).hexdigest())
        for path, text in files.items()
    }


def _row(mask: Mask) -> dict[str, Any]:
    row: dict[str, Any] = {"path": mask.path, "same": False}
    for side, entry in (("mine", mask.mine), ("theirs", mask.theirs), ("base", mask.base)):
        row[side] = None if entry is None else str(entry.kind)
        if entry is not None:
            row |= {f"{side}_mode": entry.mode, f"{side}_size": entry.size, f"{side}_sha256": entry.digest}
    return row


class SimulatedHosts:
    """Hosts by name, behind what `madeus.executor.layers.operate` calls."""

    def __init__(self, *names: str) -> None:
        self.hosts = {name: SimulatedHost(name) for name in names}
        self.down: set[str] = set()
        """Hosts that cannot be reached."""
        self.made: Callable[[SimulatedHost, Mapping[str, Any]], None] | None = None
        """Fills the layer of a version."""

    def __getitem__(self, name: str) -> SimulatedHost:
        return self.hosts[name]

    async def call(self, machine: str, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do a verb."""
        return self._reach(machine).call(verb, arguments)

    async def fetch(self, machine: str, layer: str, holder: str) -> None:
        """Copy a layer."""
        source, target = self._reach(holder), self._reach(machine)
        target.call("create", {"layer": layer})
        target.layers[layer] = dict(source.layers[layer])
        target.frozen.add(layer)

    async def seed(self, machine: str, layer: str, source: str) -> None:
        """Make a base."""
        self._reach(machine).call("seed", {"layer": layer, "from": source})

    async def make(self, machine: str, arguments: Mapping[str, Any]) -> None:
        """Fill the layer of a version: with a file that says which one it is, unless `made` says otherwise."""
        host = self._reach(machine)
        if self.made is not None:
            self.made(host, arguments)
            return
        host.layers[arguments["layer"]][f"/srv/{arguments['role']}"] = str(arguments["version"])

    async def beat(self, machine: str) -> Mapping[str, Any]:
        """Its boots and its stack."""
        host = self._reach(machine)
        stack = [*host.current["stack"], host.current["writable"]] if host.current else []
        return {"boot": str(host.boots), "stack": stack}

    async def run(self, machine: str, words: Sequence[str]) -> Outcome:
        """What `SimulatedHost.shell` says."""
        host = self._reach(machine)
        code, output = host.shell(host, list(words)) if host.shell else (0, "")
        return Outcome(code, output.encode())

    def _reach(self, name: str) -> SimulatedHost:
        if name in self.down:
            raise ConnectionRefused(name, name, "nothing listens there")
        return self.hosts[name]
