"""The directory of kept connections: its owner's alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

LONGEST = 107 - 18
"""Bytes of a socket's path; OpenSSH binds one with 17 more and renames it."""


def place(make: bool = True) -> Path | None:
    """``$XDG_RUNTIME_DIR/madeus``, or ``/tmp/madeus-UID``. None: there is none, or it is not this user's alone."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and _is_own(runtime):
        found = Path(runtime, "madeus")
    else:
        found = Path(os.environ.get("TMPDIR") or "/tmp", f"madeus-{os.geteuid()}")
    if make:
        try:
            found.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            return None
    return found if _is_own(str(found)) and len(os.fsencode(found)) + 17 <= LONGEST else None


def _is_own(name: str) -> bool:
    try:
        facts = os.lstat(name)
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not stat.S_IMODE(facts.st_mode) & 0o077
