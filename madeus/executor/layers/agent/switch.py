"""Replacing the stack of the layered root by another, and mounting the current one after a restart.

The order, and what a power cut leaves after each step (the same request again finishes it; so does a restart with `boot`):

1. the copy-on-write layer and the persistent directories are made                     the old stack, untouched
2. the services of the old stack are stopped, in it; masked files are compared again   the old stack, its services down
3. the next overlay is mounted aside and furnished                                     likewise
4. `current.json` names the new stack                                                  the new stack, once asked again
5. the next root comes under the visible one, which then leaves                        the new stack, its services down
6. the new stack's services are started, in it; a mark in memory says so               the new stack
7. lower layers are marked read-only, and the old stack where processes go on in it    done

The next overlay is mounted after the services were stopped: what an overlay has looked up in a lower layer it does not look up
again, so a layer must be quiet before it becomes a lower one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import copying, daemons, inside, listing, mounts, services, syscalls
from .store import Current, Store, sync_directory
from .trouble import AgentError, refuse, step

UNIT = "/etc/systemd/system/madeus-layers.service"

LEFT_ALONE = "leave"
"""What is done, unless the request says more, with processes that go on in the old stack."""

Answer = dict[str, Any]


def wanted(request: dict[str, Any]) -> Current:
    """The stack that a request asks for. Raises AgentError `bad-request`."""
    stack, writable = request.get("stack"), request.get("writable")
    if not isinstance(stack, list) or not stack or not isinstance(writable, str):
        refuse('`switch` needs "stack", the read-only layers from bottom to top, and "writable", the layer on top')
    if len({*stack, writable}) != len(stack) + 1:
        refuse("a layer stands twice in the stack", stack=[*stack, writable])
    persistent = list(dict.fromkeys(_clean(path) for path in request.get("persistent") or []))
    given = request.get("services") or {}
    lists = {}
    for name in ("stop", "start"):
        lists[name] = given.get(name) or []
        if not all(
            isinstance(argv, list) and argv and all(isinstance(word, str) for word in argv) for argv in lists[name]
        ):
            refuse(f'"services": "{name}" is a list of argument lists', services=given)
    if request.get("lingering", LEFT_ALONE) not in ("restart", "end", LEFT_ALONE):
        refuse('"lingering" is "restart", "end" or "leave"', lingering=request["lingering"])
    current = {"stack": stack, "writable": writable, "persistent": persistent, "services": lists}
    return {**current, "leaving": [], "also": [], "left": None}


def _clean(path: Any) -> str:
    if not isinstance(path, str) or not path.startswith("/") or ".." in path.split("/"):
        refuse(f"{path!r} is no absolute path of a persistent directory", path=path)
    clean = "/" + "/".join(part for part in path.split("/") if part)
    if clean == "/" or clean.split("/")[1] in ("proc", "sys", "dev", "run", "tmp"):
        refuse(f"{path} cannot be persistent: every stack has it from the host", path=path)
    return clean


def token(current: Current) -> str:
    """The name of a stack in the kernel's table of mounts."""
    parts = [current["stack"], current["writable"], current["persistent"]]
    return f"madeus:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]}"


def switch(store: Store, request: dict[str, Any]) -> Answer:
    """Make the stack that `request` asks for the host's. See the contract of the verb in `program`."""
    begin = time.monotonic()
    new = wanted(request)
    old = store.current()
    same = old is not None and token(old) == token(new)
    _compare_with_expected(request, old, new)
    mounts.ground(store)
    _recover(store)
    visible = mounts.chain(store)
    shown = bool(visible)
    if shown and same and visible[0].source == token(new):
        started = services.have_started(store, token(new))
        done = [] if started else services.start(store, old or new, token(new))
        _settle(store, old or new, request)
        return _told("already" if started else "beneath", begin, 0.0, done)
    _check(store, new, bool(request.get("create")))
    _make(store, new, request)
    _point_boot_here(store)
    place = os.open(store.root, os.O_PATH | os.O_CLOEXEC)
    device = os.fstat(place).st_dev
    cut = time.monotonic()
    running: list[str] = []
    if shown and old is not None:
        new["leaving"] = old["services"]["stop"] if visible[0].source == token(old) else old["leaving"]
        tokens = list(dict.fromkeys((token(new), token(old))))
        running = services.note(store, request, tokens, new["leaving"], device)["running"]
        _remember(store, new, old, same, running if visible[0].source == token(old) else None)
    done = services.stop(store, new["leaving"], running)
    services.unmark(store)
    step("switch.stopped")
    if shown and request.get("lingering") == "end":
        daemons.end_earlier(store.run)
        daemons.end(device)
    try:
        if shown and not same and request.get("masks"):
            listing.compare(store, request["masks"])
        _mount_next(store, new)
        store.set_current(new)
        step("switch.recorded")
    except BaseException:
        mounts.clear_next(store)
        if shown and old is not None:
            services.start(store, old, token(old))
        raise
    how = mounts.replace(store, shown)
    done += services.start(store, new, token(new))
    outage = time.monotonic() - cut if shown else 0.0
    _settle(store, new, request)
    lingering = daemons.users(device) if shown else []
    if lingering:
        daemons.keep_in_mind(store.run, device, visible[0].source)
    guarded = bool(lingering) and request.get("lingering", LEFT_ALONE) != LEFT_ALONE and _guard(place)
    if shown:
        AFTER.append(lambda: _close_after_a_while(place))
    else:
        os.close(place)
    return {**_told(how, begin, outage, done, lingering), "guarded": guarded}


def _compare_with_expected(request: dict[str, Any], old: Current | None, new: Current) -> None:
    """Refuse to leave a stack that whoever asks does not know of. Raises AgentError `elsewhere`, `bad-request`.

    The wanted stack is current already when the same request is asked for again after a crash or a power cut.
    """
    expects = request.get("expects")
    if expects is None:
        return
    if not isinstance(expects, list):
        refuse('"expects" is the stack that there is before, a list of layers', expects=expects)
    there = [] if old is None else [*old["stack"], old["writable"]]
    if there not in (expects, [*new["stack"], new["writable"]]):
        raise AgentError("elsewhere", "the host has another stack than the one that is expected", current=there)


def _remember(store: Store, new: Current, old: Current, same: bool, running: list[str] | None) -> None:
    """Which services ran, in what is left and in what is returned to.

    `running`: in the stack of `old`; None: `current.json` names a stack that was not put in place, if the power was cut before
    that, and another one is left.
    """
    if same:
        new["also"], new["left"] = old.get("also") or [], old.get("left")
        return
    new["left"] = old.get("left") if running is None else {"layer": old["writable"], "running": running}
    top = new["stack"][-1]
    if new["left"] is not None and new["left"]["layer"] == top:
        new["also"] = new["left"]["running"]
    else:
        new["also"] = store.known(top).get("running", [])


def _guard(place: int) -> bool:
    """See that nothing is written any more into the stack that was left; whether that could be done."""
    try:
        syscalls.make_read_only(place)
    except OSError:  # a file is being written to, or the kernel is older than 5.2
        return False
    return True


def boot(store: Store, request: dict[str, Any]) -> Answer:
    """Mount what `current.json` says, after a restart of the host, and start its services unless `services` is false."""
    begin = time.monotonic()
    store.sweep()
    current = store.current()
    if current is None:
        return _told("none", begin, 0.0, [])
    mounts.ground(store)
    _recover(store)
    visible = mounts.chain(store)
    how = "already"
    if not visible:
        _check(store, current, create=False)
        _mount_next(store, current)
        how = mounts.replace(store, old=False)
    elif visible[0].source != token(current):
        raise AgentError("unfinished", "another stack than the current one is mounted: ask for the switch again")
    idle = request.get("services") is False or services.have_started(store, token(current))
    return _told(how, begin, 0.0, [] if idle else services.start(store, current, token(current)))


def present(store: Store) -> Answer:
    """The current stack, and whether it is the one that is mounted."""
    current = store.current()
    if current is None:
        return {"stack": None, "writable": None, "persistent": [], "started": False, "mounted": False}
    visible = mounts.chain(store)
    mounted = bool(visible) and visible[0].source == token(current)
    started = mounted and services.have_started(store, token(current))
    kept = {name: current[name] for name in ("stack", "writable", "persistent", "services")}
    return {**kept, "started": started, "mounted": mounted, "root": store.root}


def _told(how: str, begin: float, outage: float, done: list[Answer], lingering: Sequence[Answer] = ()) -> Answer:
    return {
        "how": how,
        "milliseconds": round((time.monotonic() - begin) * 1000, 3),
        "outage_ms": round(outage * 1000, 3),
        "services": done,
        "lingering": list(lingering),
    }


def _recover(store: Store) -> None:
    """Finish the step that a crash may have cut: a new root under the old one; take away one that was not put in place."""
    for _ in mounts.chain(store)[1:]:
        syscalls.umount(store.root)
    mounts.clear_next(store)


def _check(store: Store, new: Current, create: bool) -> None:
    for layer in new["stack"]:
        store.known(layer)
    meta = store.meta(new["writable"]) if create else store.known(new["writable"])
    if meta is not None and meta["frozen"]:
        raise AgentError(
            "frozen", f"layer {new['writable']} is read-only: nothing can be written to it", layer=new["writable"]
        )


def _make(store: Store, new: Current, request: dict[str, Any]) -> None:
    if request.get("create"):
        store.create(new["writable"])
    for path in new["persistent"]:
        _make_persistent(store, new, path)


def _make_persistent(store: Store, new: Current, path: str) -> None:
    """A persistent directory that is new begins with what the stack has at its place."""
    target = store.persistent + path
    if os.path.isdir(target):
        return
    fresh = f"{os.path.dirname(target)}/.fresh-{os.path.basename(target)}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    layers = [store.data(layer) for layer in [*new["stack"], new["writable"]]]
    copying.copy_merged(layers, path.lstrip("/"), fresh)
    step("persistent.filled")
    os.rename(fresh, target)
    sync_directory(os.path.dirname(target))


def _settle(store: Store, new: Current, request: dict[str, Any]) -> None:
    """Mark what is a lower layer now as read-only, if the request says so, and the layers that it retires."""
    left = new.get("left") or {}
    if request.get("freeze"):
        for layer in [*new["stack"], *(request.get("retire") or [])]:
            if not store.known(layer)["frozen"]:
                inside.withdraw_denial(store.data(layer))
                store.freeze(layer, left["running"] if left.get("layer") == layer else ())


def _mount_next(store: Store, new: Current) -> None:
    mounts.clear_next(store)
    lowers = [_below(store, layer) for layer in reversed(new["stack"])]
    upper, work = f"{new['writable']}/data", f"{new['writable']}/work"
    mounts.overlay(lowers, upper, work, token(new), store.next, store.layers)
    step("next.mounted")
    mounts.furnish(store, new["persistent"])
    step("next.furnished")


def _below(store: Store, layer: str) -> str:
    """The contents of a layer, relative to the directory of layers where it can be: options have a longest length."""
    data = store.data(layer)
    return data[len(store.layers) + 1 :] if data.startswith(f"{store.layers}/") else data


AFTER: list[Callable[[], None]] = []
"""What a child of this process does when the answer is out: the last one to let an overlay go waits until its file system is on
the disk."""


def _close_after_a_while(descriptor: int) -> None:
    time.sleep(0.05)
    os.close(descriptor)


def _point_boot_here(store: Store) -> None:
    """See that `boot` in the store starts this program after a restart, by systemd where the host has it."""
    program = os.environ.get("MADEUS_LAYERS_PROGRAM") or os.path.abspath(sys.argv[0])
    path = f"{store.directory}/boot"
    text = f"#!/bin/sh\nexec /usr/bin/env python3 -I -S {program} --store {store.directory} --run {store.run} boot </dev/null\n"
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
        if file.read() == text:
            return
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(f"{path}.new", 0o755)
    os.rename(f"{path}.new", path)
    if os.path.isdir("/run/systemd/system"):
        _write_unit(path)


def _write_unit(boot_program: str) -> None:
    text = (
        "[Unit]\nDescription=Layered root\nAfter=local-fs.target network.target\n\n"
        f"[Service]\nType=oneshot\nRemainAfterExit=yes\nKillMode=process\nExecStart={boot_program}\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    if os.path.exists(UNIT):
        return
    with open(UNIT, "w", encoding="utf-8") as file:
        file.write(text)
    wants = "/etc/systemd/system/multi-user.target.wants"
    os.makedirs(wants, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.symlink(UNIT, f"{wants}/madeus-layers.service")
