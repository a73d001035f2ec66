"""The store directory: layers, what is known of each, which stack is current, and the lock.

    layers/ID/data          the contents of a layer
    layers/ID/work          overlay's own, of copy-on-write layers
    layers/ID/layer.json    {"frozen": bool, "kind": str, "source"?: path, "running"?: services}; a directory without it is
                            not a layer
    layers/current.json     the stack that the host is to have
    persistent/PATH         directories that are in every stack
    lock

A layer is made beside its place and renamed. `source`: the contents are that directory of the host, in place of `data`.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import time
from collections.abc import Sequence
from typing import Any

from . import syscalls
from .trouble import AgentError, NoSpace, refuse, step

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LONGEST_META = 1 << 20
"""Bytes of a description; one call reads it: a stack has up to 500."""

TRASH = ".trash-"
FRESH = ".fresh-"

Current = dict[str, Any]
Meta = dict[str, Any]


class Store:
    """The store below `directory`, and the mount points below `run`. Holds the lock between `take` and the process's end."""

    def __init__(self, directory: str, run: str) -> None:
        self.directory = directory
        self.layers = f"{directory}/layers"
        self.persistent = f"{directory}/persistent"
        self.run = run
        self.root = f"{run}/root"
        self.next = f"{run}/next"
        self.lock = -1
        self._metas: dict[str, Meta] = {}

    def take(self, patience: float, doing: str) -> None:
        """Take the lock, for at most `patience` seconds. Raises AgentError `busy`, which says who has it."""
        make_directories(self.layers, self.directory)
        lock = os.open(f"{self.directory}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if time.monotonic() >= deadline:
                holder = os.pread(lock, 200, 0).decode(errors="replace").strip()
                os.close(lock)
                raise AgentError("busy", f"another operation holds the store {self.directory}: {holder}", holder=holder)
            time.sleep(0.01)
        os.ftruncate(lock, 0)
        try:
            os.pwrite(lock, f"{doing}, pid {os.getpid()}\n".encode(), 0)
        except OSError as error:  # a full disk: only the courtesy to a second agent is lost
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        self.lock = lock

    # -- layers

    def place(self, layer: str) -> str:
        """The directory of a layer. Raises AgentError when `layer` is no identifier."""
        if not isinstance(layer, str) or _ID.fullmatch(layer) is None or layer.startswith("agent-"):
            refuse(f"{layer!r} is no layer's identifier: letters, digits, '.', '_' and '-', at most 64", layer=layer)
        return f"{self.layers}/{layer}"

    def meta(self, layer: str) -> Meta | None:
        """What is known of a layer, or None when there is none. Read once: only the holder of the lock changes it."""
        if layer in self._metas:
            return self._metas[layer]
        try:
            handle = os.open(f"{self.place(layer)}/layer.json", os.O_RDONLY | os.O_CLOEXEC)
            try:
                found: Meta = json.loads(os.read(handle, LONGEST_META))
            finally:
                os.close(handle)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        self._metas[layer] = found
        return found

    def known(self, layer: str) -> Meta:
        """What is known of a layer. Raises AgentError `no-layer`."""
        meta = self.meta(layer)
        if meta is None:
            raise AgentError("no-layer", f"this host has no layer {layer}", layer=layer)
        return meta

    def data(self, layer: str) -> str:
        """The directory with the contents of a layer. Raises AgentError `no-layer`."""
        meta = self.known(layer)
        return str(meta["source"]) if "source" in meta else f"{self.layers}/{layer}/data"

    def all(self) -> dict[str, Meta]:
        """Every layer."""
        if not os.path.isdir(self.layers):
            return {}
        names = sorted(
            name for name in os.listdir(self.layers) if _ID.fullmatch(name) and not name.startswith("agent-")
        )
        found = ((name, self.meta(name)) for name in names)
        return {name: meta for name, meta in found if meta is not None}

    def begin(self, layer: str) -> str:
        """An empty directory beside the place of a new layer, to be filled and then given to `finish`."""
        fresh = f"{self.layers}/{FRESH}{os.path.basename(self.place(layer))}"
        remove_tree(fresh)
        self._metas.pop(layer, None)
        # What a crash left in the place of a layer is no layer: its description is written last.
        remove_tree(self.place(layer))
        os.mkdir(fresh, 0o700)
        return fresh

    def abandon(self, layer: str) -> None:
        """Give up what `begin` began."""
        remove_tree(f"{self.layers}/{FRESH}{layer}")

    def settle(self, layer: str) -> None:
        """Wait until all that was written to a layer is on the disk."""
        handle = os.open(f"{self.layers}/{layer}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            syscalls.sync_file_system(handle)
        finally:
            os.close(handle)

    def finish(self, layer: str, meta: Meta, everything: bool = False) -> None:
        """The layer that `begin` began is whole: from now on it exists, also after a power cut. `everything`: with contents."""
        fresh = f"{self.layers}/{FRESH}{layer}"
        if everything:
            self.settle(f"{FRESH}{layer}")
        with open(f"{fresh}/layer.json", "w", encoding="utf-8") as file:
            json.dump(meta, file)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(fresh)
        step("layer.filled")
        os.rename(fresh, self.place(layer))
        sync_directory(self.layers)
        step("layer.named")

    def create(self, layer: str, kind: str = "cow") -> bool:
        """Make an empty copy-on-write layer; whether there was none. Raises AgentError `frozen` when it is read-only."""
        meta = self.meta(layer)
        if meta is not None:
            if meta["frozen"]:
                raise AgentError("frozen", f"layer {layer} exists and is read-only", layer=layer)
            return False
        fresh = self.begin(layer)
        for name, mode in (("data", 0o755), ("work", 0o700)):
            os.mkdir(f"{fresh}/{name}")
            os.chmod(f"{fresh}/{name}", mode)
        step("layer.made")
        self.finish(layer, {"frozen": False, "kind": kind})
        return True

    def freeze(self, layer: str, running: Sequence[str] = ()) -> bool:
        """Mark a layer read-only; whether it was not. `running`: services that nobody named and that ran in it at last."""
        meta = self.known(layer)
        if meta["frozen"]:
            return False
        step("layer.freezing")
        frozen = {**meta, "frozen": True, **({"running": list(running)} if running else {})}
        write_json(f"{self.place(layer)}/layer.json", frozen)
        self._metas[layer] = frozen
        step("layer.frozen")
        return True

    def check_unused(self, layer: str) -> None:
        """Raises AgentError `in-use` when the current stack has a layer."""
        current = self.current()
        if current is not None and layer in [*current["stack"], current["writable"]]:
            raise AgentError("in-use", f"layer {layer} is part of the current stack", layer=layer, by="current")

    def delete(self, layer: str) -> bool:
        """Remove a layer; whether there was one. Raises AgentError `in-use` when the current stack has it."""
        self.check_unused(layer)
        self._metas.pop(layer, None)
        place = self.place(layer)
        if not os.path.lexists(place):
            return False
        trash = f"{self.layers}/{TRASH}{layer}"
        remove_tree(trash)
        os.rename(place, trash)
        step("layer.unnamed")
        sync_directory(self.layers)
        remove_tree(trash)
        return True

    def sweep(self) -> None:
        """Remove what operations that were cut off have left."""
        for name in os.listdir(self.layers):
            if name.startswith((TRASH, FRESH)):
                remove_tree(f"{self.layers}/{name}")

    # -- the current stack

    def current(self) -> Current | None:
        """The stack that the host is to have, or None."""
        try:
            with open(f"{self.layers}/current.json", encoding="utf-8") as file:
                found: Current = json.load(file)
                return found
        except FileNotFoundError:
            return None

    def set_current(self, current: Current) -> None:
        """Replace the record of the current stack in one step."""
        write_json(f"{self.layers}/current.json", current)


def write_json(path: str, value: Any) -> None:
    """Replace a file in one step that a power cut cannot halve."""
    fresh = f"{path}.new"
    try:
        with open(fresh, "w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(path) from error
        raise
    step("file.written")
    os.rename(fresh, path)
    sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Wait until the names in a directory are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_directories(path: str, first: str) -> None:
    """Make `path` and what is missing above it; `first` and what is below it belong to root alone."""
    if os.path.isdir(path):
        return
    os.makedirs(os.path.dirname(first), exist_ok=True)
    old = os.umask(0o077)
    try:
        os.makedirs(path, exist_ok=True)
    finally:
        os.umask(old)


def remove_tree(path: str) -> None:
    """Remove a directory with all in it, if it is there. Never follows a link, never leaves the file system."""
    try:
        device = os.lstat(path).st_dev
    except FileNotFoundError:
        return
    empty = []
    look = [path]
    while look:
        here = look.pop()
        empty.append(here)
        with os.scandir(here) as entries:
            for entry in list(entries):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                elif entry.stat(follow_symlinks=False).st_dev == device:
                    look.append(entry.path)
                else:
                    raise AgentError("in-use", f"{entry.path} is a mount point", path=entry.path, by="mount")
    for here in reversed(empty):
        os.rmdir(here)
