"""Stopping services in the stack that is left and starting them in the one that comes.

There are two kinds: those that the request names, and those of the stack's packages that are found running. Of the second kind
the layer that is left keeps a record, so that a return to its state starts them again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from typing import Any

from . import daemons, inside
from .store import Current, Store, write_json
from .trouble import step

TIMEOUT = 180.0
"""Seconds that a service may take to start or to stop."""

Answer = dict[str, Any]
Noted = dict[str, Any]


def note(
    store: Store, request: dict[str, Any], tokens: list[str], named: Sequence[Sequence[str]], device: int
) -> Noted:
    """Before anything is stopped: which services of `alike` are down, which ones that nobody named run.

    What is down is not started by the switch. The note is in memory: a restart starts all. A switch that was cut short has
    stopped them itself: then what it noted stays. `tokens`: of the stack that comes, and of the one that is left.
    """
    noted = _noted(store, tokens[0])
    if noted is not None:
        return noted
    asked = (request.get("services") or {}).get("alike") or []
    down = [at for at, argv in enumerate(asked) if inside.run(store.root, argv, timeout=TIMEOUT)[0] != 0]
    running: list[str] = []
    if request.get("lingering") != "leave":
        running = sorted(daemons.services(store.root, daemons.users(device), _names(named)))
    noted = {"tokens": tokens, "down": down, "running": running}
    write_json(f"{store.run}/down", noted)
    return noted


def stop(store: Store, named: Sequence[Sequence[str]], running: Sequence[str]) -> list[Answer]:
    """Stop what is named, then what was found."""
    return _run(store, [*named, *(_script(name, "stop") for name in reversed(running))])


def start(store: Store, current: Current, token: str) -> list[Answer]:
    """Start what is named and was not down, and what ran in the stack when it was left; a mark in memory says so."""
    noted = _noted(store, token) or {}
    down, found = noted.get("down", []), current.get("also") or []
    if noted and noted["tokens"][0] != token:  # the stack that was to be left, and was not
        found = noted["running"]
    named = [argv for at, argv in enumerate(current["services"]["start"]) if at not in down]
    but = _names(current["services"]["start"])
    also = [_script(name, "start") for name in found if name not in but and daemons.has(store.root, name)]
    done = _run(store, [*named, *also])
    step("switch.started")
    with open(_mark(store), "w", encoding="utf-8") as file:
        file.write(token)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{store.run}/down")
    return done


def have_started(store: Store, token: str) -> bool:
    """Whether the services of a stack were started since the host's own start."""
    try:
        with open(_mark(store), encoding="utf-8") as file:
            return file.read() == token
    except FileNotFoundError:
        return False


def unmark(store: Store) -> None:
    """The services of the present stack have to be started again."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_mark(store))


def _mark(store: Store) -> str:
    return f"{store.run}/started"


def _noted(store: Store, token: str) -> Noted | None:
    try:
        with open(f"{store.run}/down", encoding="utf-8") as file:
            noted: Noted = json.load(file)
    except FileNotFoundError:
        return None
    return noted if token in noted["tokens"] else None


def _names(commands: Sequence[Sequence[str]]) -> list[str]:
    """Services that commands like `service NAME stop` are about."""
    return [os.path.basename(argv[-2]) for argv in commands if len(argv) > 1]


def _script(name: str, verb: str) -> list[str]:
    return [f"/{daemons.SCRIPTS}/{name}", verb]


def _run(store: Store, commands: Sequence[Sequence[str]]) -> list[Answer]:
    done = []
    for argv in commands:
        code, output = inside.run(store.root, argv, timeout=TIMEOUT)
        done.append({"argv": list(argv), "code": code, "output": output})
    return done
