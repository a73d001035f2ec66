"""`enter`: a command prefix that runs the rest of its line inside the layered root, streams and exit code passed on."""

from __future__ import annotations

import os
import sys

from . import inside
from .store import Store
from .trouble import AgentError, refuse


def main(store: Store, arguments: list[str]) -> int:
    """Become the command (in a child when something has to be undone after it); returns its exit code."""
    deny, directory = False, None
    try:
        while arguments and arguments[0] != "--":
            option = arguments.pop(0)
            if option == "--deny-services":
                deny = True
            elif option == "--directory" and arguments:
                directory = arguments.pop(0)
            else:
                refuse(f"`enter` knows no {option}: enter [--deny-services] [--directory D] -- COMMAND...")
        argv = arguments[1:]
        if not argv:
            refuse("`enter` needs a command after `--`")
        if not deny:
            _become(store, argv, directory)
        with inside.services_denied(store.root):
            pid = os.fork()
            if pid == 0:
                try:
                    _become(store, argv, directory)
                finally:
                    os._exit(inside.NOT_EXECUTABLE)
            return inside.exit_code(os.waitpid(pid, 0)[1])
    except (AgentError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code if isinstance(error, AgentError) else 1


def _become(store: Store, argv: list[str], directory: str | None) -> None:
    os.umask(0o022)  # a login's, whatever the channel has that this came through
    inside.enter(store.root)
    inside.execute(argv, inside.passed_on(), directory)
