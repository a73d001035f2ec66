"""The verbs. `python3 PROGRAM [--store DIR] [--run DIR] VERB`, one JSON object on standard input, one on standard output.

The answer is `{"ok": {...}}` (exit 0) or `{"error": {"code", "message", ...}}` (exit 1; 2 for a bad request; 75 when another
operation holds the store longer than the request's `wait`, 60 seconds). Every verb may be asked again after a power cut: it
goes on where it was. Layers are named by identifiers (letters, digits, `.`, `_`, `-`); lists of them run from bottom to top.

    create {layer}                     an empty copy-on-write layer: {created}
    freeze {layer}                     read-only from now on: {frozen: whether it was not}; refused for the current writable one
    delete {layers}                    {deleted, absent}; refused while the current stack has one
    layers {}                          {layers: {id: {frozen, kind, ...}}}
    sizes {layers}                     {sizes: {id: {files, bytes, disk}}}
    current {}                         {stack, writable, persistent, services, started, mounted, root}
    switch {stack, writable, create?, freeze?, retire?, persistent?, services?: {stop, start, alike?},
            lingering?: "leave" | "restart" | "end", masks?: {old, new, below, seen}, expects?: [layers]}
                                       {how: "first" | "beneath" | "restart" | "already", milliseconds, outage_ms, services,
                                       lingering: [{pid, name, command, writes?}], guarded}. `restart`: running services of the
                                       stack's packages go on in the new stack, others are told and the old stack becomes
                                       read-only (`guarded`) unless one of them is writing; `end`: those are ended.
                                       `expects`: the stack that there is before, with the layer on top ([]: none); when
                                       there is another, and not the wanted one: `elsewhere` {current}, nothing is done
    boot {services?}                   mount what is current, after a restart of the host
    listing {layers, hash?, paths?}    {entries: {path: {kind, mode, size, uid, gid, layer, sha256?, target?, opaque?}}}
    masked {old, new, below}           {masked: [{path, mine, theirs, base, same, *_mode?, *_sha256?...}]}
    merge {layers, into, bottom?, kind?, without?}
                                       {files, linked, copied, made}
    resolve {into, old, new, below, decisions: [{path, how: "keep" | "take" | "merge"}]}
                                       {done: [{path, how, conflict}]}
    exec {argv, env?, directory?, input?, services?: "allow" | "deny", timeout?}
                                       {code, output}
    enter [--deny-services] [--directory D] -- ARGV...
                                       a command prefix: streams and exit code are the command's
    seed {layer, from, how?: "copy" | "bind"}
                                       a base layer from `/`, a directory or a tar: {files, how}
    pull {layer, to}                   the layer as a tar, `-`: on standard output: {path, bytes, sha256}
    push {layer, from, sha256?, kind?} a layer from a tar, `-`: what follows the request's line: {files, made}
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from .store import Store
from .trouble import EXIT_REQUEST, AgentError, refuse, told

if TYPE_CHECKING:
    from collections.abc import Callable

STORE = "/var/lib/madeus"
RUN = "/run/madeus"
PATIENCE = 60.0
LONGEST_REQUEST = 64 << 20

Request = dict[str, Any]
Answer = dict[str, Any]


def _layer(request: Request) -> str:
    layer = request.get("layer")
    if not isinstance(layer, str):
        refuse('"layer" is the identifier of a layer')
    return layer


def _create(store: Store, request: Request) -> Answer:
    return {"created": store.create(_layer(request))}


def _freeze(store: Store, request: Request) -> Answer:
    from . import inside

    layer = _layer(request)
    current = store.current()
    if current is not None and current["writable"] == layer:
        said = f"layer {layer} is the writable one of the current stack: switch to a stack with another one first"
        raise AgentError("in-use", said, layer=layer, by="current")
    inside.withdraw_denial(store.data(layer))
    return {"frozen": store.freeze(layer)}


def _delete(store: Store, request: Request) -> Answer:
    layers = request.get("layers")
    if not isinstance(layers, list):
        refuse('"layers" is a list of layers')
    for layer in layers:  # all of them or none
        store.check_unused(layer)
    gone = {layer: store.delete(layer) for layer in layers}
    store.sweep()
    return {"deleted": [each for each in layers if gone[each]], "absent": [each for each in layers if not gone[each]]}


def _layers(store: Store, request: Request) -> Answer:
    return {"layers": store.all()}


def _sizes(store: Store, request: Request) -> Answer:
    from . import listing

    return listing.sizes(store, request)


def _current(store: Store, request: Request) -> Answer:
    from . import switch

    return switch.present(store)


def _switch(store: Store, request: Request) -> Answer:
    from . import switch

    return switch.switch(store, request)


def _boot(store: Store, request: Request) -> Answer:
    from . import switch

    return switch.boot(store, request)


def _listing(store: Store, request: Request) -> Answer:
    from . import listing

    return listing.listing(store, request)


def _masked(store: Store, request: Request) -> Answer:
    from . import listing

    return listing.masked(store, request)


def _merge(store: Store, request: Request) -> Answer:
    from . import merge

    return merge.merge(store, request)


def _resolve(store: Store, request: Request) -> Answer:
    from . import resolve

    return resolve.resolve(store, request)


def _seed(store: Store, request: Request) -> Answer:
    from . import seed

    return seed.seed(store, request)


def _pull(store: Store, request: Request) -> Answer:
    from . import archive

    return archive.pull(store, request)


def _push(store: Store, request: Request) -> Answer:
    from . import archive

    return archive.push(store, request)


def _exec(store: Store, request: Request) -> Answer:
    import contextlib

    from . import inside

    argv = request.get("argv")
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        refuse('"argv" is the command, a list of words')
    deny = request.get("services") == "deny"
    with inside.services_denied(store.root) if deny else contextlib.nullcontext():
        code, output = inside.run(
            store.root,
            argv,
            request.get("env"),
            request.get("directory"),
            str(request.get("input", "")).encode(),
            request.get("timeout"),
        )
    return {"code": code, "output": output}


LOCKED: dict[str, Callable[[Store, Request], Answer]] = {
    "create": _create,
    "freeze": _freeze,
    "delete": _delete,
    "switch": _switch,
    "boot": _boot,
    "merge": _merge,
    "resolve": _resolve,
    "seed": _seed,
    "push": _push,
}
"""Verbs that change the store: one at a time."""

FREE: dict[str, Callable[[Store, Request], Answer]] = {
    "current": _current,
    "layers": _layers,
    "sizes": _sizes,
    "listing": _listing,
    "masked": _masked,
    "pull": _pull,
    "exec": _exec,
}
"""Verbs that look, or that run as long as somebody's command does."""


def obey(store: Store, verb: str, request: Request) -> Answer:
    """Do what the request asks. Raises AgentError."""
    act = LOCKED.get(verb) or FREE.get(verb)
    if act is None:
        refuse(f"there is no verb {verb!r}: {', '.join(sorted({**LOCKED, **FREE}))}")
    try:
        if verb in LOCKED:
            store.take(float(request.get("wait", PATIENCE)), verb)
        return act(store, request)
    except OSError as error:
        raise told(error, verb) from error


def read_request() -> Request:
    """The request on standard input: its first line. Raises AgentError `bad-request`."""
    line = sys.stdin.buffer.readline(LONGEST_REQUEST)
    try:
        request = json.loads(line) if line.strip() else {}
    except ValueError as error:
        raise AgentError("bad-request", f"the request is no JSON: {error}") from error
    if not isinstance(request, dict):
        refuse("the request is no JSON object")
    return request


def main(arguments: list[str]) -> int:
    """Run the program; returns its exit code."""
    directory, run = STORE, RUN
    while len(arguments) > 1 and arguments[0] in ("--store", "--run"):
        directory, run = (arguments[1], run) if arguments[0] == "--store" else (directory, arguments[1])
        arguments = arguments[2:]
    if not arguments:
        sys.stderr.write(f"{__doc__}")
        return EXIT_REQUEST
    store = Store(directory, run)
    verb = arguments[0]
    try:
        if verb == "enter":
            from . import enter

            return enter.main(store, arguments[1:])
        answer = {"ok": obey(store, verb, read_request())}
        code = 0
    except AgentError as error:
        answer, code = error.answer(), error.exit_code
    # After a tar on standard output the answer goes to the other stream, for whoever cares.
    piped = verb == "pull" and code == 0 and answer["ok"].get("path") == "-"
    (sys.stderr if piped else sys.stdout).write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    _afterwards(store)
    return code


def _afterwards(store: Store) -> None:
    """Leave to a child what nobody needs to wait for."""
    module = sys.modules.get(f"{__package__}.switch")
    if module is None or not module.AFTER:
        return
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for place in (0, 1, 2):
            os.dup2(null, place)
        os.close(store.lock)
        for act in module.AFTER:
            act()
        os._exit(0)
    os._exit(0)
